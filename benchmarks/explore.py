"""How long `gaborkit explore` takes for what a slider asks: CPU time of an answer, by tab.

    python benchmarks/explore.py [folder of trained models]

writes explore.md. The page then draws it, in a process of its own.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
from gaborkit_cli.explore.controls import Numbers, Slider, parse_all
from gaborkit_cli.explore.desk import Desk
from gaborkit_cli.explore.latent_tab import runs_of
from gaborkit_cli.explore.tabs import TABS

import gaborkit as gk

#: Positions of a slider, from its least to its most, and those at which the whole is timed too.
MOVES, WHOLE = 15, 3

#: What stands while sliders move: a tab, and values of its controls.
STATES = [
    ("kernel", {}),
    ("bank", {}),
    ("bank", {"bank": "kymatio"}),
    ("responses", {"picture": "sample:camera"}),
    ("recipes", {"recipe": "segment"}),
    (
        "recipes",
        {"recipe": "segment", "strokes": "1:60,40,140,60;2:60,400,200,440;3:400,60,420,90"},
    ),
    ("recipes", {"recipe": "orient"}),
    ("recipes", {"recipe": "edges", "low": "0.01", "high": "0.9"}),
    ("recipes", {"recipe": "edges", "by": "congruency", "low": "0.01", "high": "0.9"}),
    ("recipes", {"recipe": "defects", "picture": "sample:brick"}),
]

#: What a row says of its state.
SHOWN = ("recipe", "bank", "by", "run")


def positions(slider: Slider | Numbers) -> list[str]:
    """Texts of values over the way of a slider; of several, of the first."""
    if isinstance(slider, Slider) and slider.log:
        values = np.geomspace(slider.least, slider.most, MOVES)
    else:
        values = np.linspace(slider.least, slider.most, MOVES)
    digits = 0 if isinstance(slider.step, int) else 3
    return list(dict.fromkeys(f"{value:.{digits}f}" for value in values))


def milliseconds(
    tab: str, texts: dict[str, str], name: str, moves: list[str], *, preview: bool
) -> list[float]:
    """CPU time of each answer while one slider moves, the first one left out."""
    desk, times = Desk(runs=RUNS), []
    for value in moves:
        began = time.process_time()
        try:
            answer = TABS[tab].answer(texts | {name: value}, desk, preview=preview)
        except (click.UsageError, gk.GaborkitError):
            continue  # a bank that cannot be
        json.dumps(answer, ensure_ascii=False)
        times.append(1000 * (time.process_time() - began))
    return times[1:]


def rows() -> Iterator[str]:
    """A row a slider, of each tab in each state."""
    models = [("latent", {"run": run}) for run in runs_of(Desk(runs=RUNS))]
    for tab, texts in [*STATES, *models]:
        controls = TABS[tab].controls(Desk(runs=RUNS))
        values = parse_all(controls, texts)
        shown = ", ".join(Path(texts[name]).name for name in SHOWN if name in texts)
        shown += " by strokes" if "strokes" in texts else ""
        for control in controls:
            if not isinstance(control, (Slider, Numbers)) or not control.applies(values):
                continue
            moves = positions(control)
            times = milliseconds(tab, texts, control.name, moves, preview=True)
            few = moves[:: max(1, len(moves) // WHOLE)][: WHOLE + 1]
            whole = milliseconds(tab, texts, control.name, few, preview=False)
            yield (
                f"| {f'{tab} {shown}'.strip()} | {control.label} | {statistics.median(times):.0f} "
                f"| {max(times):.0f} | {statistics.median(whole):.0f} |"
            )


def main() -> None:
    lines = [
        "# Latency of `gaborkit explore`",
        "",
        f"CPU time of the server for one answer, at {MOVES} positions of each slider from its",
        "least to its most; 512 x 512 pixels, of models 28 x 28; one thread. While a slider moves,",
        "textures are those of a smaller picture, orientations those of its middle, and drawings",
        "are not completed; the whole follows once it rests. `benchmarks/explore.py` writes this.",
        "",
        "| tab | slider | moving: median, ms | largest, ms | at rest: median, ms |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for row in rows():
        lines.append(row)
        print(row, flush=True)
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    RUNS = Path(sys.argv[1] if len(sys.argv) > 1 else "runs")
    main()
