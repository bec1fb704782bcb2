"""Error of local orientation on gratings, against angle, wavelength and noise.

Run: python benchmarks/orientation.py [--out benchmarks/orientation.md]

With --out, the plot goes beside the table: orientation.png.
"""

import argparse
import math
import platform
from pathlib import Path

import numpy as np
import skimage
from matplotlib.figure import Figure
from skimage.feature import structure_tensor

import gaborkit as gk
from gaborkit.features import local_orientation
from gaborkit.io.files import atomic_write
from gaborkit.plotting import save_figure

BANK = gk.GaborBank.grid(scales=4, orientations=8)
WAVELENGTHS = [4, 4.8, 5.7, 6.7, 8, 11.3, 16, 22.6, 32]
ANGLES = [15 * k + 3.7 * (k % 4) for k in range(12)]  # on kernels, between them, and elsewhere
NOISE = [math.inf, 30, 20, 10]  # signal-to-noise ratio in decibels

# Pixels: what is measured, and the border left out on each side, 1.5 of the longest wavelengths.
INNER, BORDER = 96, 48

# Kernels' own widths, told the wavelength: what a structure tensor that knows it would take.
OWN_WIDTH = 0.5622


def by_phase(image, wavelength):
    return local_orientation(image, BANK).angle


def by_energy(image, wavelength):
    return local_orientation(image, BANK, method="energy").angle


def by_strongest(image, wavelength):
    index = BANK.strongest(image, over="all").index[0]
    return np.array([kernel.theta for kernel in BANK])[index]


def tensor(sigma):
    def by_tensor(image, wavelength):
        width = sigma or OWN_WIDTH * wavelength
        yy, xy, xx = structure_tensor(image, sigma=width, mode="reflect", order="rc")
        return np.arctan2(2 * xy, xx - yy) / 2

    return by_tensor


METHODS = {
    "gaborkit, phase (default)": by_phase,
    "gaborkit, sum of energies": by_energy,
    "theta of the strongest kernel": by_strongest,
    "structure tensor, sigma 1.5": tensor(1.5),
    "structure tensor, sigma 6": tensor(6),
    "structure tensor, sigma 0.56 wavelengths": tensor(None),
}


def grating(theta, wavelength, decibels, rng):
    y, x = np.mgrid[: INNER + 2 * BORDER, : INNER + 2 * BORDER]
    turns = (x * math.cos(theta) + y * math.sin(theta)) / wavelength + rng.random()
    return np.cos(2 * math.pi * turns) + rng.normal(size=x.shape) * 10 ** (-decibels / 20) / 2**0.5


def measure(seed):
    """Absolute errors in degrees (method, noise, wavelength, angle, pixels)."""
    rng = np.random.default_rng(seed)
    inner = (slice(BORDER, -BORDER),) * 2
    shape = (len(METHODS), len(NOISE), len(WAVELENGTHS), len(ANGLES), INNER**2)
    errors = np.empty(shape, np.float32)
    for n, decibels in enumerate(NOISE):
        for w, wavelength in enumerate(WAVELENGTHS):
            for a, degrees in enumerate(ANGLES):
                image = grating(math.radians(degrees), wavelength, decibels, rng)
                for m, method in enumerate(METHODS.values()):
                    found = np.degrees(method(image, wavelength)[inner])
                    errors[m, n, w, a] = abs((found - degrees + 90) % 180 - 90).ravel()
    return errors


def rms(errors, axis):
    return np.sqrt(np.mean(errors**2, axis=axis, dtype=float))


def table(heading, columns, rows):
    lines = [f"| {heading} | {' | '.join(columns)} |", "| --- " * (len(columns) + 1) + "|"]
    return "\n".join([*lines, *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows)])


def name_of(decibels):
    return "no noise" if math.isinf(decibels) else f"{decibels} dB"


def report(errors):
    pixels = rms(errors, (2, 3, 4))
    medians = np.median(errors.reshape(*errors.shape[:2], -1), axis=-1)
    worst = rms(errors, -1).max((2, 3))
    columns = [name_of(decibels) for decibels in NOISE]
    overall = [
        (name, [f"{p:.2g} / {m:.2g} / {w:.2g}" for p, m, w in zip(*figures, strict=True)])
        for name, *figures in zip(METHODS, pixels, medians, worst, strict=True)
    ]
    at = NOISE.index(20)
    lengths = [
        (name, [f"{value:.2g}" for value in row])
        for name, row in zip(METHODS, rms(errors[:, at], (2, 3)), strict=True)
    ]
    angles = [
        (name, [f"{value:.2g}" for value in row])
        for name, row in zip(METHODS, rms(errors[:, 0], (1, 3)), strict=True)
    ]
    return "\n".join(
        [
            "# Local orientation\n",
            f"gaborkit {gk.__version__}, scikit-image {skimage.__version__}, NumPy "
            f"{np.__version__}, Python {platform.python_version()}, {platform.machine()}.\n",
            f"Error in degrees on gratings of {len(WAVELENGTHS)} wavelengths, "
            f"{WAVELENGTHS[0]} to {WAVELENGTHS[-1]} pixels, times {len(ANGLES)} angles, in double "
            f"precision, with white noise; {INNER} x {INNER} pixels of each, {BORDER} pixels away "
            "from the border. The bank is `GaborBank.grid(scales=4, orientations=8)`; nothing is "
            "smoothed after it. `structure tensor` is scikit-image's.\n",
            "## Against noise\n",
            "Root mean square over all pixels / median over all pixels / root mean square of the "
            "worst grating.\n",
            table("method", columns, overall),
            "\n## Against wavelength, at 20 dB\n",
            "Root mean square over pixels and angles.\n",
            table("method", [f"{w:g} px" for w in WAVELENGTHS], lengths),
            "\n## Against angle, without noise\n",
            "Root mean square over pixels and wavelengths.\n",
            table("method", [f"{a:g}°" for a in ANGLES], angles),
            "\n![Error against wavelength and angle](orientation.png)\n",
        ]
    )


def plot(errors):
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    at = NOISE.index(20)
    colours = ("C0", "C1", "C3", "0.75", "0.6", "0.35")
    for name, colour, noisy in zip(METHODS, colours, errors, strict=True):
        look = {"color": colour, "marker": "o", "markersize": 3.5, "label": name}
        left.plot(WAVELENGTHS, rms(noisy[at], (1, 2)), **look)
        right.plot(ANGLES, rms(noisy[at], (0, 2)), **look)
    for axes in (left, right):
        axes.axhline(0.5, color="0.5", linewidth=0.8, linestyle=":")
        axes.set_yscale("log")
        axes.set_ylim(0.02, 20)
        axes.grid(color="0.92")
        axes.spines[["top", "right"]].set_visible(False)
    left.set_xscale("log")
    left.set_xticks([4, 5.7, 8, 11.3, 16, 22.6, 32], ["4", "5.7", "8", "11", "16", "23", "32"])
    left.minorticks_off()
    left.set_xlabel("wavelength (px)")
    left.set_ylabel("error at 20 dB, root mean square (degrees)")
    right.set_xlabel("theta (degrees)")
    right.set_xticks(range(0, 181, 45))
    figure.legend(*left.get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="markdown file; the plot goes beside it")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    errors = measure(chosen.seed)
    text = report(errors)
    print(text)
    if chosen.out:
        with atomic_write(chosen.out) as temporary:
            temporary.write_text(text, encoding="utf-8")
        save_figure(plot(errors), chosen.out.with_suffix(".png"), dpi=120)


if __name__ == "__main__":
    main()
