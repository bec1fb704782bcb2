"""Speed beside other libraries: tables, curves against sigma, area and bank, and a whole process.

    python benchmarks/speed.py [--parts tables,banks,sigma,area,kernels,process] [--repeat 7]
                               [--times-only]

Writes speed.md, speed.json and speed_*.png beside this file; parts that are not asked for are kept
from the last run, and with --times-only the errors too: convolving in double precision takes most
of the time. Times are medians over rounds in which every contestant runs once.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
from gaborkit_cli.commands.bench import machine

import gaborkit as gk
from gaborkit.bench.compare import CONTESTANTS, compare

HERE = Path(__file__).parent
SIGMAS = (2, 4, 8, 16)

AUTO, COPY, NEW = "gaborkit, auto", "copying the output", "copying into a new array"
SEPARABLE = "cv2.sepFilter2D, theta and pi - theta shared"
FFT = "scipy.fft, one forward a scale, K inverse"
FILTER2D, SKIMAGE = "cv2.filter2D, 2 K real filters", "skimage.filters.gabor, K times"

#: Colours of the curves.
CURVES = {AUTO: "C3", SEPARABLE: "C0", FFT: "C1", FILTER2D: "C2", COPY: "0.3", NEW: "0.7"}

#: What OpenCV's users write for ``gaborkit filter IN --out OUT``.
SCRIPT = """
import sys
import cv2
import numpy as np
image = cv2.imread(sys.argv[1], cv2.IMREAD_GRAYSCALE).astype(np.float32)
parts = []
for psi in (0, -np.pi / 2):
    kernel = cv2.getGaborKernel((39, 39), 4, np.pi / 4, 8, 1, psi) / (2 * np.pi * 4**2)
    parts.append(cv2.filter2D(image, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT))
np.save(sys.argv[2], parts[0] + 1j * parts[1])
"""


def measured(options, sigma, names=None, **problem):
    contestants = [c for c in CONTESTANTS if names is None or c.name in names]
    if options.times_only:
        contestants = [replace(contestant, comparable=False) for contestant in contestants]
    comparison = compare(sigma, repeat=options.repeat, contestants=contestants, **problem)
    return comparison.to_dict()


def tables(options):
    return [measured(options, sigma) for sigma in SIGMAS]


def banks(options):
    return [measured(options, 2, scales=5, means=means) for means in (False, True)]


def sigma(options):
    return [measured(options, 2**j, CURVES) for j in range(7)]


def area(options):
    """Peers and copies stop where memory or patience does."""
    return [
        measured(
            options,
            4,
            CURVES if side <= 1024 else [AUTO, COPY, NEW] if side <= 4096 else [AUTO],
            size=side,
        )
        for side in (2**j for j in range(6, 14))
    ]


def kernels(options):
    return [measured(options, 4, CURVES, orientations=2**j) for j in range(7)]


def with_errors(comparisons, before):
    """Errors of an earlier run of the same problems."""
    for comparison, old in zip(comparisons, before, strict=True):
        errors = {row["name"]: row["error"] for row in old["rows"]}
        for row in comparison["rows"]:
            row["error"] = errors.get(row["name"])


def process(options):
    """Seconds of whole processes, in turns: as ever, and without a byte of compiled code."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        picture = np.random.default_rng(0).integers(0, 256, (512, 512), np.uint8)
        gk.write_image(folder / "in.png", picture)
        words = "--sigma 4 --wavelength 8 --theta 45 --plain --out ours.npy"
        commands = {
            "gaborkit filter": [
                Path(sys.executable).with_name("gaborkit"),
                *shlex.split(f"filter in.png {words}"),
            ],
            "NumPy and cv2.filter2D": [sys.executable, "-c", SCRIPT, "in.png", "theirs.npy"],
        }
        for state in ("bytecode at hand", "nothing compiled yet"):
            seconds = {name: [] for name in commands}
            for number in range(options.repeat + 1):
                for name, command in commands.items():
                    environment = dict(os.environ)
                    if state == "nothing compiled yet":
                        environment["PYTHONPYCACHEPREFIX"] = str(folder / f"{number}{name[0]}")
                    (folder / "ours.npy").unlink(missing_ok=True)
                    started = time.perf_counter()
                    subprocess.run(
                        command, cwd=folder, env=environment, check=True, capture_output=True
                    )
                    if number:  # the first one warms the disk's cache
                        seconds[name].append(time.perf_counter() - started)
                    if name == "gaborkit filter":
                        ours = np.load(folder / "ours.npy").squeeze()
            results[state] = {name: statistics.median(times) for name, times in seconds.items()}
        theirs = np.load(folder / "theirs.npy")
        results["difference"] = float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))
    return results


PARTS = {part.__name__: part for part in (tables, banks, sigma, area, kernels, process)}


def milliseconds(comparison, name):
    return next((row["milliseconds"] for row in comparison["rows"] if row["name"] == name), None)


def curves(comparisons, positions):
    """Positions and milliseconds of each contestant that ran."""
    for name, colour in CURVES.items():
        points = [(x, milliseconds(c, name)) for x, c in zip(positions, comparisons, strict=True)]
        points = [(x, ms) for x, ms in points if ms is not None]
        if points:
            yield name, colour, *np.array(points).T


def draw(results):
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    plots = {
        "sigma": ("sigma, pixels", lambda c: c["sigmas"][0], "512 x 512, 8 orientations"),
        "area": ("pixels of the picture", lambda c: c["size"] ** 2, "sigma 4, 8 orientations"),
        "kernels": ("orientations", lambda c: c["orientations"], "512 x 512, sigma 4"),
    }
    for part, (label, position, title) in plots.items():
        if part not in results:
            continue
        figure, axes = plt.subplots(figsize=(7, 5.2), layout="constrained")
        positions = [position(comparison) for comparison in results[part]]
        for name, colour, x, ms in curves(results[part], positions):
            width = 2.5 if name == AUTO else 1.3
            axes.loglog(x, ms, "o-", color=colour, linewidth=width, markersize=4, label=name)
            if part == "area" and name == AUTO:
                axes.loglog(x, ms[-1] * x / x[-1], "k:", linewidth=1, label="proportional to area")
        axes.set(xlabel=label, ylabel="milliseconds", title=f"{title}, complex float32")
        if part != "area":
            axes.set_xscale("log", base=2)
            axes.set_xticks(positions, [f"{x:g}" for x in positions])
        axes.grid(alpha=0.3)
        figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
        figure.savefig(HERE / f"speed_{part}.png", dpi=110)
        plt.close(figure)


def curve_table(comparisons, positions, label):
    names = [name for name in CURVES if milliseconds(comparisons[0], name) is not None]
    lines = [f"| {label} | {' | '.join(names)} | error |", "| ---: " * (len(names) + 2) + "|"]
    for position, comparison in zip(positions, comparisons, strict=True):
        times = [milliseconds(comparison, name) for name in names]
        cells = ["-" if ms is None else f"{ms:.3g}" for ms in times]
        error = comparison["rows"][0]["error"]
        lines.append(f"| {position} | {' | '.join(cells)} | {error:.1e} |")
    return "\n".join(lines)


def slope(comparisons, smallest):
    """Exponent of the time in the area, from pictures of that side on."""
    points = [(c["size"] ** 2, milliseconds(c, AUTO)) for c in comparisons if c["size"] >= smallest]
    return np.polyfit(*np.log(np.array(points)).T, 1)[0]


def summary(results):
    """The goals, and what was measured, or estimated where scikit-image was left out."""
    lines = ["| 512 x 512 | goal | measured |", "| --- | ---: | ---: |"]

    def add(what, goal, value, most=False, estimate=False):
        missed = value > goal if most else value < goal
        sign = "at most" if most else "at least"
        figure = f"{value:.1f}" + ", missed" * missed + ", estimated" * estimate
        lines.append(f"| {what} | {sign} {goal} | {figure} |")

    for comparison in results.get("tables", ()):
        sigma, ours = comparison["sigmas"][0], milliseconds(comparison, AUTO)
        best = min(milliseconds(comparison, name) for name in (FFT, SEPARABLE))
        slow = milliseconds(comparison, SKIMAGE)
        estimated = slow is None
        if estimated:
            note = next(row["note"] for row in comparison["rows"] if row["name"] == SKIMAGE)
            slow = 1e3 * float(note.split()[-2])
        what = f"sigma {sigma:g}: times faster than"
        add(f"{what} skimage.filters.gabor", 100, slow / ours, estimate=estimated)
        add(f"{what} cv2.filter2D", 8, milliseconds(comparison, FILTER2D) / ours)
        add(f"{what} the best of shared FFT and shared sepFilter2D", 3, best / ours)
        copies = ours / milliseconds(comparison, COPY)
        add(f"sigma {sigma:g}: copies of the output", 4 if sigma <= 4 else 8, copies, most=True)
    for comparison in results.get("banks", ()):
        ratio = milliseconds(comparison, FFT) / milliseconds(comparison, AUTO)
        what = "mean magnitudes of forty kernels" if comparison["means"] else "forty kernels"
        add(f"{what}: times faster than shared FFT", 10 if comparison["means"] else 6, ratio)
    return "\n".join(lines) + "\n"


def printed(comparison):
    from gaborkit.bench.compare import Comparison, Row

    rows = tuple(Row(**row) for row in comparison["rows"])
    return f"```\n{Comparison(**{**comparison, 'rows': rows})}\n```\n"


def write(results):
    facts = ", ".join(f"{name} {value}" for name, value in results["machine"].items())
    text = [
        "# Speed\n",
        "Made by `python benchmarks/speed.py`: one picture of white noise, round kernels of one "
        "octave, medians\nover rounds in which every contestant runs once, in random order. "
        "gaborkit does all of its work within\nthe time measured; the others' kernels and spectra "
        "are made before, have radius 3 sigma and no\nDC-removal term. The error is that of the "
        "worst kernel, relative, in L2, against kernels that leave\nout 1e-12 of their mass.\n",
        f"{facts}\n",
    ]
    if results.get("remark"):
        text += [results["remark"] + "\n"]
    if {"tables", "banks"} & set(results):
        text += ["## Goals\n", summary(results)]
    if "tables" in results:
        text += ["## One scale\n", *map(printed, results["tables"])]
    if "banks" in results:
        text += ["## Forty kernels\n", *map(printed, results["banks"])]
    if "sigma" in results:
        found = results["sigma"]
        text += ["## Time against sigma, ms\n", "![](speed_sigma.png)\n"]
        text += [curve_table(found, [f"{c['sigmas'][0]:g}" for c in found], "sigma") + "\n"]
    if "area" in results:
        found = results["area"]
        text += ["## Time against area, ms\n", "![](speed_area.png)\n"]
        text += [curve_table(found, [c["size"] for c in found], "side") + "\n"]
        text += [f"From a side of 512 on, the time grows as area^{slope(found, 512):.2f}.\n"]
    if "kernels" in results:
        found = results["kernels"]
        text += ["## Time against the size of the bank, ms\n", "![](speed_kernels.png)\n"]
        text += [curve_table(found, [c["orientations"] for c in found], "orientations") + "\n"]
    if "process" in results:
        text += ["## A whole process\n"]
        text += ["A 512 x 512 PNG in, a complex `.npy` out, one kernel of sigma 4; seconds.\n"]
        states = {k: v for k, v in results["process"].items() if k != "difference"}
        names = list(next(iter(states.values())))
        text += [f"| | {' | '.join(names)} | difference |\n| --- | ---: | ---: | ---: |"]
        for state, seconds in states.items():
            ours, theirs = seconds.values()
            text += [f"| {state} | {ours:.3f} | {theirs:.3f} | {ours - theirs:+.3f} |"]
        text += [f"\nTheir outputs differ by {results['process']['difference']:.0e} in L2.\n"]
    (HERE / "speed.md").write_text("\n".join(text), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument(
        "--times-only", action="store_true", help="errors are those of the last run"
    )
    parser.add_argument("--remark", help="on the circumstances, for speed.md")
    options = parser.parse_args()
    warnings.simplefilter("ignore", gk.SamplingWarning)  # sigma 1
    file = HERE / "speed.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    results["machine"] = machine()
    if options.remark is not None:
        results["remark"] = options.remark
    for part in filter(None, options.parts.split(",")):
        started = time.perf_counter()
        found = PARTS[part](options)
        if options.times_only and part != "process":
            with_errors(found, results[part])
        results[part] = found
        print(f"{part}: {time.perf_counter() - started:.0f} s", flush=True)
        file.write_text(json.dumps(results, indent=1) + "\n")
    draw(results)
    write(results)


if __name__ == "__main__":
    main()
