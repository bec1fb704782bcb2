"""Agreement of the engines, and reconstruction by frames, as tables.

Run: python benchmarks/accuracy.py > benchmarks/accuracy.md
"""

import itertools
import platform
import warnings

import numpy as np
import scipy.signal
import torch

import gaborkit as gk
from gaborkit.filtering.padding import source_index
from gaborkit.types import BOUNDARIES

SIZES = [(1, 9), (2, 3), (5, 5), (7, 16), (13, 13), (16, 16), (17, 31), (24, 9), (28, 28), (32, 32)]
SIZES += [(33, 47), (37, 41), (64, 48), (61, 67), (96, 80), (127, 101), (128, 128), (199, 211)]
SIZES += [(256, 256), (480, 640)]


def random_kernels(rng, count):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gk.SamplingWarning)
        return [
            gk.GaborKernel(
                wavelength=rng.uniform(2, 30),
                theta=rng.uniform(-7, 7),
                sigma=rng.uniform(0.5, 8),
                gamma=rng.choice([1, 1, 0.5, 2]),
                phase=rng.uniform(-4, 4),
                dc_free=bool(rng.integers(2)),
                norm=rng.choice(["l1", "l2", "gain", "peak", "article"]),
            )
            for _ in range(count)
        ]


def convolve(image, kernel, boundary, tolerance=gk.TOLERANCE):
    samples = kernel.sample(tolerance)
    radius = len(samples) // 2
    if boundary == "constant":
        padded = np.pad(image, radius)
    else:
        padded = image[np.ix_(*(source_index(size, radius, boundary) for size in image.shape))]
    exact = scipy.signal.convolve2d if radius < 60 else scipy.signal.fftconvolve
    return exact(padded, samples, mode="valid")


def agreement(rng):
    engines = [("numpy", "direct"), ("numpy", "separable"), ("numpy", "fourier")]
    engines += [("torch", "direct"), ("torch", "fourier")]
    worst = {}
    for boundary in BOUNDARIES:
        for _ in range(8):
            image = rng.random(tuple(rng.integers(20, 90, 2))).astype(np.float32)
            kernels = random_kernels(rng, 4)
            expected = [convolve(image.astype(float), k, boundary) for k in kernels]
            for (library, engine), dtype in itertools.product(engines, (np.float64, np.float32)):
                array = image.astype(dtype)
                if library == "torch":
                    array = torch.from_numpy(array)
                found = gk.GaborBank(kernels).filter(array, boundary=boundary, engine=engine)
                for response, wanted in zip(np.asarray(found), expected, strict=True):
                    error = np.linalg.norm(response - wanted) / np.linalg.norm(wanted)
                    key = (library, engine, boundary, np.dtype(dtype).name)
                    worst[key] = max(worst.get(key, 0), error)
    print("## Engines against direct convolution in double precision\n")
    print("Largest relative L2 error of 32 random kernels on random images, float64 / float32.\n")
    print("| library | engine |", *(f" {boundary} |" for boundary in BOUNDARIES), sep="")
    print("| --- | --- |", " --- |" * len(BOUNDARIES), sep="")
    for library, engine in engines:
        cells = [
            " / ".join(f"{worst[library, engine, b, d]:.0e}" for d in ("float64", "float32"))
            for b in BOUNDARIES
        ]
        print(f"| {library} | {engine} | {' | '.join(cells)} |")


def pyramid(rng):
    """The pyramid stands for whole kernels: it is compared with hardly truncated ones."""
    worst = dict.fromkeys(BOUNDARIES, 0.0)
    for boundary, _ in itertools.product(BOUNDARIES, range(8)):
        sigma = rng.uniform(12, 24)
        kernel = gk.GaborKernel(
            wavelength=sigma * rng.uniform(1.5, 2.5),
            theta=rng.uniform(0, 4),
            sigma=sigma,
            gamma=rng.choice([1, 1, 0.7]),
        )
        image = rng.standard_normal(tuple(rng.integers(60, 200, 2)), np.float32)
        expected = convolve(image.astype(float), kernel, boundary, 1e-12)
        found = kernel.filter(image, boundary=boundary, engine="pyramid")
        error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
        worst[boundary] = max(worst[boundary], error)
    print("\n## The pyramid against whole kernels\n")
    print("Largest relative L2 error of 8 random wide kernels on white noise, float32.\n")
    print("|", *(f" {boundary} |" for boundary in BOUNDARIES), sep="")
    print("|", " --- |" * len(BOUNDARIES), sep="")
    print(f"| {' | '.join(f'{error:.0e}' for error in worst.values())} |")


def reconstruction(rng):
    banks = {
        "grid, 4 scales x 8": gk.GaborBank.grid(),
        "article, 4 x 8": gk.GaborBank.preset("article"),
        "kymatio, J=4, L=8": gk.GaborBank.preset("kymatio"),
    }
    print("\n## Reconstruction by frames\n")
    print("Largest relative L2 error over 20 sizes from 1 x 9 to 480 x 640; bounds at 480 x 640.\n")
    print("| bank | tight | A | B | B / A | channels | float64 | float32 | torch float32 |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for (name, bank), tight in itertools.product(banks.items(), (False, True)):
        errors = {"float64": 0.0, "float32": 0.0, "torch": 0.0}
        for shape in SIZES:
            frame = bank.frame(shape, tight=tight)
            image = rng.random(shape)
            for key in errors:
                array = image if key == "float64" else image.astype(np.float32)
                given = torch.from_numpy(array) if key == "torch" else array
                found = np.asarray(frame.synthesize(frame.analyze(given)))
                error = np.linalg.norm(found - array) / np.linalg.norm(array)
                errors[key] = max(errors[key], error)
        lower, upper = frame.bounds
        figures = " | ".join(f"{error:.0e}" for error in errors.values())
        print(
            f"| {name} | {tight} | {lower:.4g} | {upper:.4g} | {upper / lower:.4g} | "
            f"{len(frame)} | {figures} |"
        )


def main():
    rng = np.random.default_rng(0)
    print("# Accuracy\n")
    print(f"gaborkit {gk.__version__}, NumPy {np.__version__}, torch {torch.__version__}, ", end="")
    print(f"Python {platform.python_version()}, {platform.machine()}.\n")
    agreement(rng)
    pyramid(rng)
    reconstruction(rng)


if __name__ == "__main__":
    main()
