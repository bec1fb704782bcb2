"""CPU time of a training step, networks that see pixels as they are and through a Gabor frame.

    OMP_NUM_THREADS=1 python benchmarks/step_costs.py [--rounds 3] [--steps 12]

Networks are those of ``raw_against_gabor.py``, of equally many parameters; raw and Gabor take
turns. Prints the median step of each in milliseconds: from one call of progress to the next.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from pathlib import Path

from raw_against_gabor import RUNS, recipe

from gaborkit import generative


def step_times(model: str, features: str, data: generative.Dataset, steps: int) -> list[float]:
    """CPU milliseconds of each step but the first two, which fill caches."""
    moments: list[float] = []

    def progress(done: int, total: int, what: str) -> None:
        moments.append(1e3 * time.process_time())

    with tempfile.TemporaryDirectory() as folder:
        made = recipe(model, features, 0, steps)
        generative.start(made, Path(folder) / "run", dataset=data, progress=progress)
    times = [after - before for before, after in itertools.pairwise(moments)]
    return times[2:-1]  # the last saves


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    options = parser.parse_args()
    data = generative.load_dataset("mini")
    print("| model | raw, ms | gabor, ms | gabor / raw |\n| --- | ---: | ---: | ---: |")
    for model in RUNS:
        times: dict[str, list[float]] = {"raw": [], "gabor": []}
        for _ in range(options.rounds):
            for features, measured in times.items():
                measured += step_times(model, features, data, options.steps)
        raw, gabor = (statistics.median(measured) for measured in times.values())
        print(f"| {model} | {raw:.1f} | {gabor:.1f} | {gabor / raw:.2f} |", flush=True)


if __name__ == "__main__":
    main()
