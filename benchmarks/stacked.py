"""Modes of stacked digits that GAN and DCGAN find, with and without packing.

    python benchmarks/stacked.py --out FOLDER [--steps N] [--models gan dcgan] [--packing 1 2]

Trains each, as its preset small does, in batches of 64 packs, on the data set ``stacked`` (seed 0),
and draws 26,000 samples, as Lin et al. (2018) do, whose modes the shipped classifier of digits
counts. Prints a table in Markdown, beside the published figures. A run that is there is gone on
with. Published training: 50 passes through 128,000 pictures in batches of 64, 100,000 batches.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from gaborkit.generative import ImageModel, Recipe, load_dataset, metrics, resume, start
from gaborkit.generative.metrics.stacked import PUBLISHED_SAMPLES

PUBLISHED = {("dcgan", 1): "99.0 / 3.40", ("dcgan", 2): "1000.0 / 0.06"}
PUBLISHED_IMAGES = 50 * 128_000


#: Packs a step, of whatever size, as the authors' code has it.
BATCH = 64


def trained(model: str, packing: int, steps: int, folder: Path) -> tuple[ImageModel, float]:
    """The model, and seconds of CPU that its training took here."""
    recipe = Recipe(
        model,
        data="stacked",
        config={"packing": packing},
        training={"steps": steps, "batch_size": BATCH * packing},
    )
    began = time.process_time()
    if (folder / "config.json").is_file():
        image_model = resume(folder, device="cpu")
    else:
        image_model = start(recipe, folder, device="cpu")
    return image_model, time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=3000, help="of both networks together")
    parser.add_argument("--models", nargs="+", default=["gan", "dcgan"])
    parser.add_argument("--packing", nargs="+", type=int, default=[1, 2])
    options = parser.parse_args()
    data = load_dataset("stacked")
    print("| model | packing | CPU, s | share of the published training | modes | KL | published |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for model in options.models:
        for packing in options.packing:
            folder = options.out / f"{model}-packing-{packing}"
            image_model, seconds = trained(model, packing, options.steps, folder)
            drawn = image_model.sample(PUBLISHED_SAMPLES, seed=1)
            modes, divergence = metrics.mode_figures(drawn, data)[0]
            share = options.steps / 2 * BATCH / PUBLISHED_IMAGES
            print(
                f"| {model} | {packing} | {seconds:.0f} | {100 * share:.1f} % | "
                f"{modes.value:.0f} | {divergence.value:.2f} | "
                f"{PUBLISHED.get((model, packing), '')} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
