"""Scattering beside kymatio: construction, forward pass, and how far the numbers are apart.

    python benchmarks/scattering.py [--repeat 7] [--quick] [--numpy] [--out scattering.md]

Needs kymatio. Its construction at 512 x 512 takes most of a minute, or minutes where the machine is
busy, and it is made twice; --quick leaves that picture out. Forward times are medians over rounds
in which every contestant runs once, in single precision.
"""

from __future__ import annotations

import argparse
import statistics
import time
from importlib import metadata
from pathlib import Path

import numpy as np
import scipy.special
import torch
from gaborkit_cli.commands.bench import machine

from gaborkit.features import Scattering
from gaborkit.scattering.scattering import make_filters

#: Pictures, height, width, and J, of eight orientations.
PROBLEMS = ((128, 32, 32, 3), (16, 48, 64, 3), (1, 512, 512, 4))

OURS, OWN = "gaborkit, kymatio's filters", "gaborkit, its own filters"


def kymatio_front_ends():
    # A name that SciPy has removed, and that kymatio imports for spheres.
    if not hasattr(scipy.special, "sph_harm"):
        scipy.special.sph_harm = None
    from kymatio.scattering2d.frontend.numpy_frontend import ScatteringNumPy2D
    from kymatio.scattering2d.frontend.torch_frontend import ScatteringTorch2D

    return ScatteringNumPy2D, ScatteringTorch2D


def seconds(work):
    """Seconds by the clock and of all cores together, and the result."""
    started, cores = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - started, time.process_time() - cores, result


def constructed(scattering, shape):
    make_filters.cache_clear()
    return seconds(lambda: scattering.filters(shape))[0]


def measured(problem, repeat, with_torch):
    """Rows (name, seconds of construction, of a forward pass, of its cores, error)."""
    count, height, width, octaves = problem
    shape = height, width
    images = np.random.default_rng(0).standard_normal((count, *shape)).astype(np.float32)
    tensors = torch.from_numpy(images)
    numpy_front_end, torch_front_end = kymatio_front_ends()
    equal, own = Scattering.kymatio(octaves), Scattering(octaves)
    construction = {}
    built, _, peer = seconds(lambda: numpy_front_end(octaves, shape))
    construction["kymatio, NumPy"] = built
    for name, scattering in ((OURS, equal), (OWN, own)):
        construction[name] = statistics.median(
            constructed(scattering, shape) for _ in range(repeat)
        )
    gradient = tensors.clone().requires_grad_()  # or the array behind it would be transformed
    contestants = {
        OURS: lambda: equal(images),
        OWN: lambda: own(images),
        "kymatio, NumPy": lambda: peer(images),
    }
    if with_torch:
        built, _, torch_peer = seconds(lambda: torch_front_end(octaves, shape))
        construction["kymatio, torch"] = built
        contestants[f"{OURS}, tensors with gradient"] = lambda: equal(gradient).detach()
        contestants["kymatio, torch"] = lambda: torch_peer(tensors)
    expected = peer(images.astype(np.float64))
    errors, forward = {}, {name: [] for name in contestants}
    for name, run in contestants.items():  # also warms up
        found = np.asarray(run())
        difference = np.linalg.norm(found - expected) / np.linalg.norm(expected)
        errors[name] = None if name == OWN else float(difference)
    for _ in range(repeat):
        for name, run in contestants.items():
            forward[name].append(seconds(run)[:2])
    return [
        (
            name,
            construction.get(name),
            *map(statistics.median, zip(*forward[name], strict=True)),
            errors[name],
        )
        for name in contestants
    ]


def table(problem, rows):
    count, height, width, octaves = problem
    pictures = f"{count} pictures" if count > 1 else "one picture"
    _, construction, forward, cores, _ = rows[0]
    lines = [
        f"## {pictures} of {height} x {width}, J = {octaves}, L = 8",
        "",
        "| | construction | ratio | forward | ratio | pictures/s | cores | ratio | error |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, built, passed, busy, error in rows:
        built_cells = (
            ["-", "-"] if built is None else [time_of(built), f"{built / construction:.3g}"]
        )
        cells = [name, *built_cells, time_of(passed), f"{passed / forward:.3g}"]
        cells += [f"{count / passed:.3g}", time_of(busy), f"{busy / cores:.3g}"]
        cells += ["-" if error is None else f"{error:.1e}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def time_of(number):
    return f"{number:.3g} s" if number >= 1 else f"{1000 * number:.3g} ms"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="leave out 512 x 512")
    parser.add_argument("--numpy", action="store_true", help="leave out torch")
    parser.add_argument("--out", type=Path, help="markdown file to write")
    options = parser.parse_args()
    facts = machine()
    parts = [
        "# Scattering beside kymatio",
        "`python benchmarks/scattering.py`: Python "
        f"{facts['python']}, NumPy {facts['numpy']}, SciPy {facts['scipy']}, torch "
        f"{torch.__version__}, kymatio {metadata.version('kymatio')}, {facts['cpus']} cores, "
        'float32. Ratios are to the first line; "cores" is the time of '
        "all cores together. The error is that of the L2 norm, relative to "
        "kymatio's own coefficients in double precision.",
    ]
    for problem in PROBLEMS[:2] if options.quick else PROBLEMS:
        parts.append(table(problem, measured(problem, options.repeat, not options.numpy)))
        print(parts[-1], flush=True)
    if options.out:
        options.out.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
