"""How long `gaborkit explore` takes for what a slider asks: CPU time of an answer, by tab.

python benchmarks/explore.py writes explore.md. The page then draws it, in a process of its own.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

from gaborkit_cli.explore.desk import Desk
from gaborkit_cli.explore.tabs import TABS

#: Positions of a slider, and of one of recipes, which take longer. No position comes twice.
MOVES, FEW = 25, 7

#: By tab, what stands and what moves, over which values.
SLIDERS = {
    ("kernel", "wavelength"): ({}, lambda k: 4 + 0.4 * k),
    ("kernel", "theta"): ({}, lambda k: 3 * k),
    ("kernel", "sigma"): ({}, lambda k: 2 + 0.5 * k),
    ("bank", "wavelength"): ({}, lambda k: 3 + 0.2 * k),
    ("bank", "bandwidth"): ({}, lambda k: round(0.5 + 0.05 * k, 2)),
    ("responses", "wavelength"): ({"picture": "sample:camera"}, lambda k: 4 + 0.4 * k),
    ("responses", "theta"): ({"picture": "sample:camera"}, lambda k: 3 * k),
    ("responses", "gamma"): ({"picture": "sample:camera"}, lambda k: round(0.5 + 0.05 * k, 2)),
    ("recipes", "high"): ({"recipe": "edges", "low": "0.05"}, lambda k: 0.1 + 0.02 * k),
    ("recipes", "wavelength"): ({"recipe": "orient"}, lambda k: 3 + 0.2 * k),
}


def milliseconds(tab: str, name: str) -> list[float]:
    """CPU time of each answer while one slider moves, the first one left out."""
    texts, value = SLIDERS[tab, name]
    desk, times = Desk(), []
    for k in range((MOVES if tab != "recipes" else FEW) + 1):
        began = time.process_time()
        answer = TABS[tab].answer(texts | {name: f"{value(k):g}"}, desk)
        json.dumps(answer)
        times.append(1000 * (time.process_time() - began))
    return times[1:]


def main() -> None:
    lines = [
        "# Latency of `gaborkit explore`",
        "",
        f"CPU time of the server for one answer, {MOVES} positions of a slider ({FEW} of recipes),",
        "512 x 512 pixels; one thread, beside other work. `benchmarks/explore.py` writes this.",
        "",
        "| tab | slider | median, ms | largest, ms |",
        "| --- | --- | ---: | ---: |",
    ]
    for tab, name in SLIDERS:
        times = milliseconds(tab, name)
        lines.append(f"| {tab} | {name} | {statistics.median(times):.0f} | {max(times):.0f} |")
        print(lines[-1], flush=True)
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
