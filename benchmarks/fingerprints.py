"""Fingerprint enhancement: speed beside OpenCV, and how much of spoiled ridges is found again.

    python benchmarks/fingerprints.py [--side 512] [--rounds 7] [--out benchmarks] [--print FILE]

Prints tables and, with --out, writes fingerprints.md and fingerprints.png there. Times are medians
over rounds in which every contestant runs once, by the clock and of all processors together; it
takes some minutes. With --print, the picture of a real fingerprint, real_print.png shows it before
and after, and nothing is measured.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import math
import random
import time
from pathlib import Path

import cv2
import numpy as np
import straight_fingerprint as straight
from gaborkit_cli.commands.bench import machine

import gaborkit as gk
from gaborkit.filtering.padding import source_index
from gaborkit.plotting.orientation_hues import orientation_colours
from gaborkit.vision.fingerprint import (
    degrade_fingerprint,
    enhance_fingerprint,
    normalize,
    synthetic_fingerprint,
    thin_ridges,
    tuned_filter,
)

DAMAGES = {
    "none": {},
    "noise 0.3": {"noise": 0.3},
    "dry": {"noise": 0.1, "moisture": -0.8},
    "wet": {"noise": 0.1, "moisture": 0.8},
    "20 scratches": {"noise": 0.1, "scratches": 20},
    "blur 2 px": {"noise": 0.1, "blur": 2.0},
    "all": {"noise": 0.25, "moisture": -0.5, "scratches": 8, "blur": 0.7},
}
KINDS = ("arch", "loop", "whorl")

#: Seconds after which a contestant sits out the remaining rounds.
BUDGET = 6


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def medians(contestants, rounds):
    """Median milliseconds of each, by the clock and of all processors.

    They run in turn, in random order; slow ones sit out some rounds.
    """
    times = {name: [] for name in contestants}
    for name, contestant in contestants.items():
        if name.startswith("gaborkit"):
            contestant()
    for _ in range(rounds):
        for name in random.sample(list(contestants), len(contestants)):
            if sum(clock for clock, _ in times[name]) > BUDGET:
                continue
            start = time.perf_counter(), time.process_time()
            contestants[name]()
            end = time.perf_counter(), time.process_time()
            times[name].append([after - before for before, after in zip(start, end, strict=True)])
            time.sleep(0.005)
    return {name: 1000 * np.median(several, 0) for name, several in times.items()}


def cells(name, found):
    """Time by the clock and as multiples of the first contestant's, by clock and processors."""
    first = next(iter(found.values()))
    ratio = found[name] / first
    return [name, f"{found[name][0]:.0f}", f"{ratio[0]:.1f}", f"{ratio[1]:.1f}"]


HEAD = ["ms", "times gaborkit's", "in processor time"]


# ---- speed ----


def whole_method(image, rounds):
    contestants = {"gaborkit": lambda: enhance_fingerprint(image)}
    for (name, filtered), size in itertools.product(straight.FILTERS.items(), (25, 11)):
        contestants[f"OpenCV, {name}, {size} x {size}"] = lambda filtered=filtered, size=size: (
            straight.enhance(image, filtered, size)
        )
    with contextlib.suppress(ImportError):
        import fingerprint_enhancer

        grey = np.round(255 * image).astype(np.uint8)
        contestants["fingerprint-enhancer, the package"] = lambda: (
            fingerprint_enhancer.enhance_fingerprint(grey)
        )
    found = medians(contestants, rounds)
    return table(["whole method", *HEAD], [cells(name, found) for name in found])


def filtering_alone(image, rounds):
    """All on the fields that gaborkit found, with the error of each."""
    level = normalize(image)
    found = enhance_fingerprint(image)
    mask, theta, frequency = found.mask, found.orientation, found.frequency
    contestants = {
        f"gaborkit, tolerance {tolerance:g}": (
            lambda tolerance=tolerance: tuned_filter(
                level, theta, frequency, mask=mask, tolerance=tolerance
            )
        )
        for tolerance in (0.03, 0.003)
    }
    for (name, filtered), size in itertools.product(straight.FILTERS.items(), (25, 11)):
        contestants[f"OpenCV, {name}, {size} x {size}"] = lambda filtered=filtered, size=size: (
            filtered(level, theta, frequency, mask, size)
        )
    found = medians(contestants, rounds)
    places = np.random.default_rng(0).permutation(np.argwhere(mask))[:1500]
    exact = {free: exactly(level, theta, frequency, places, free) for free in (True, False)}
    rows = []
    for name in found:
        values = contestants[name]()[tuple(places.T)]
        wanted = exact["gaborkit" in name]
        wanted = wanted * (values @ wanted) / (wanted @ wanted)  # whatever its amplitude
        error = np.linalg.norm(values - wanted) / np.linalg.norm(wanted)
        rows.append([*cells(name, found), f"{error:.1%}"])
    return table(["filtering alone", *HEAD, "error"], rows)


def exactly(image, theta, frequency, places, dc_free):
    """At some pixels, the response of the pixel's own kernel, of all its support."""
    radius = gk.GaborKernel(sigma=straight.SIGMA).radius()
    padded = image[np.ix_(*(source_index(n, radius, "reflect") for n in image.shape))]
    found = []
    for i, j in places:
        kernel = gk.GaborKernel(
            wavelength=1 / float(frequency[i, j]),
            theta=float(theta[i, j]),
            sigma=straight.SIGMA,
            dc_free=dc_free,
            norm="gain" if dc_free else "peak",
        )
        around = padded[i : i + 2 * radius + 1, j : j + 2 * radius + 1]
        found.append(np.sum(kernel.sample().real * around))
    return np.array(found)


# ---- quality ----


def quality(seeds=2):
    rows = []
    for name, damage in DAMAGES.items():
        figures = []
        for kind, seed in itertools.product(KINDS, range(seeds)):
            truth = synthetic_fingerprint((512, 400), kind=kind, seed=seed)
            figures.append(figures_of(truth, degrade_fingerprint(truth.image, seed=seed, **damage)))
        mean = np.mean(figures, 0)
        rows.append(
            [
                name,
                *(f"{share:.1%}" for share in mean[:4]),
                *(f"{degrees:.1f}°" for degrees in mean[4:6]),
                *(f"{share:.1%}" for share in mean[6:]),
            ]
        )
    head = ["damage", "threshold", "OpenCV", "gaborkit", "gaborkit, gabor"]
    head += ["orientation", "of a bank", "frequency", "mask"]
    return table(head, rows)


def figures_of(truth, spoiled):
    found = enhance_fingerprint(spoiled)
    by_bank = enhance_fingerprint(spoiled, orientation="gabor")
    inside = found.mask & truth.mask
    grey = np.round(255 * spoiled).astype(np.uint8)
    level = cv2.adaptiveThreshold(
        grey, 1, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY_INV, 25, 0
    )
    other, *_ = straight.enhance(spoiled, straight.kernel_by_kernel)
    agreements = [
        np.mean((ridges == truth.ridges)[inside])
        for ridges in (level.astype(bool), other < 0, found.binary, by_bank.binary)
    ]
    turns = [
        np.degrees(np.abs((part.orientation - truth.orientation + np.pi / 2) % np.pi - np.pi / 2))
        for part in (found, by_bank)
    ]
    frequency = np.median(np.abs(found.frequency / truth.frequency - 1)[inside])
    overlap = inside.sum() / (found.mask | truth.mask).sum()
    return [*agreements, *(np.median(turn[inside]) for turn in turns), frequency, overlap]


# ---- pictures ----


def panels(picture, found):
    """Before, enhanced, orientation as hue, ridges and their lines, side by side."""
    level = 2.5 * math.sqrt(np.mean(found.enhanced[found.mask] ** 2))
    grey = [
        255 * picture,
        127.5 * (1 + (found.enhanced / level).clip(-1, 1)) + 127.5 * ~found.mask,
        255 * ~found.binary,
        255 * ~thin_ridges(found.binary),
    ]
    coloured = [np.dstack([part.clip(0, 255)] * 3).round().astype(np.uint8) for part in grey]
    hues = orientation_colours(found.orientation, found.mask.astype(float))
    hues[~found.mask] = 255
    coloured.insert(2, hues)
    gap = np.full((picture.shape[0], 6, 3), 255, np.uint8)
    return np.hstack([part for panel in coloured for part in (panel, gap)][:-1])


def pictures():
    rows = []
    for kind, name in (("loop", "dry"), ("whorl", "wet"), ("arch", "all")):
        truth = synthetic_fingerprint((264, 220), kind=kind, wavelength=8, seed=5)
        spoiled = degrade_fingerprint(truth.image, seed=3, **DAMAGES[name])
        rows.append(panels(spoiled, enhance_fingerprint(spoiled)))
    gap = np.full((6, rows[0].shape[1], 3), 255, np.uint8)
    return np.vstack([part for row in rows for part in (row, gap)][:-1])


def real(path):
    picture = gk.read_image(path)
    picture = gk.luminance(picture) if picture.ndim == 3 else picture.astype(np.float32)
    found = enhance_fingerprint(picture)
    print(
        f"{path}: {picture.shape[0]} x {picture.shape[1]}, {found.mask.mean():.0%} print, ridges "
        f"{1 / np.median(found.frequency[found.mask]):.1f} pixels apart"
    )
    return panels(picture / picture.max(), found)


SPEED = """\
A whorl of {side} x {side} pixels, float32, of which the print covers {share:.0%}. The contestants
of OpenCV are benchmarks/straight_fingerprint.py: the article's blocks of 16 pixels in loops,
kernels of radius 3 sigma (25 x 25) or as small as the article's (11 x 11), kept for every 3 degrees
and 0.01 cycles a pixel but for a kernel a block. All are straight: a kernel a pixel is how the
method is described, a kernel a block is how the article's fields allow it to be computed, and all
pixels a kernel is how OpenCV is mostly used. fingerprint-enhancer is the package on PyPI, if
installed."""

ERRORS = """\
On gaborkit's fields, the filter alone. The error is relative, in L2, at 1,500 pixels, against the
pixel's own kernel of all its support: DC-free for gaborkit, and not for OpenCV, whose kernels have
no such term."""

QUALITY = """\
Mean over arches, loops and whorls of 512 x 400 pixels, two of each. Share of pixels whose ridge or
valley is right, where gaborkit's mask and the print overlap: by an adaptive threshold of the
spoiled picture (25 pixels, Gaussian), by OpenCV's contestant of 25 x 25, and by gaborkit with the
orientation from gradients and from a Gabor bank. Then median errors of orientation, by gradients
and by the bank, and of frequency, against the fields that the ridges were grown in, and what the
masks share of their union. Ridges follow such a field to about two degrees and two percent only, as
no ridges have just any field: these are the first line's figures."""

PICTURES = """\
![Spoiled prints, enhanced, orientation as hue, ridges, lines](fingerprints.png)

A dry loop, a wet whorl, and an arch with all damages: spoiled, enhanced, orientation, ridges,
lines."""


def report(options):
    truth = synthetic_fingerprint((options.side, options.side), kind="whorl", seed=0)
    image = degrade_fingerprint(truth.image, seed=0, **DAMAGES["all"])
    yield "# Fingerprint enhancement"
    facts = machine()
    yield (
        f"`python benchmarks/fingerprints.py`: gaborkit {facts['gaborkit']}, {facts['threads']} "
        f"threads; OpenCV {facts['OpenCV']}, {facts['OpenCV threads']} threads; "
        f"Python {facts['python']}."
    )
    yield "## Speed"
    yield SPEED.format(side=options.side, share=truth.mask.mean())
    yield whole_method(image, options.rounds)
    yield ERRORS
    yield filtering_alone(image, options.rounds)
    yield "## Ridges found again"
    yield QUALITY
    yield quality()
    yield PICTURES


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--print", dest="picture")
    options = parser.parse_args()
    random.seed(0)
    if options.picture is not None:
        gk.write_image((options.out or Path()) / "real_print.png", real(options.picture))
        return
    text = []
    for part in report(options):
        print(part, flush=True, end="\n\n")
        text.append(part)
    if options.out is not None:
        (options.out / "fingerprints.md").write_text("\n\n".join(text) + "\n", encoding="utf-8")
        gk.write_image(options.out / "fingerprints.png", pictures())


if __name__ == "__main__":
    main()
