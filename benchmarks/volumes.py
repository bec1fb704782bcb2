"""Thirteen directions over a volume: three passes, a shared transform, and SciPy's passes.

``python benchmarks/volumes.py [SIDE]`` prints a table; CPU time in one thread, float32.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import scipy.fft
from scipy import ndimage

from gaborkit.volumes import GaborKernel3D, directions, filter_volume


def seconds(work):
    start = time.process_time()
    work()
    return time.process_time() - start


def shared_transform(kernels, volume):
    """One transform of the volume, padded by mirroring; for each kernel its own and an inverse."""
    radius = max(kernels[0].radii())
    padded = np.pad(volume, radius, mode="symmetric")
    shape = [scipy.fft.next_fast_len(size) for size in padded.shape]
    spectrum = scipy.fft.fftn(padded, shape)
    magnitudes = np.empty((len(kernels), *volume.shape), np.float32)
    inner = tuple(slice(2 * radius, 2 * radius + size) for size in volume.shape)
    for kernel, magnitude in zip(kernels, magnitudes, strict=True):
        samples = kernel.sample().astype(np.complex64)
        product = scipy.fft.fftn(samples, shape) * spectrum
        np.abs(scipy.fft.ifftn(product, overwrite_x=True)[inner], out=magnitude)
    return magnitudes


def scipy_passes(kernels, volume):
    """Six real passes a term of a kernel by ndimage; one kernel is timed for all."""
    z = kernels[0].lines()[0]
    line = np.exp(-(z**2) / 8) * np.exp(2j * np.pi * z / 12)
    response = volume.astype(np.complex64)
    for axis in range(3):
        response = ndimage.convolve1d(response, line, axis)


def main(side: int) -> None:
    volume = np.random.default_rng(0).random((side,) * 3).astype(np.float32)
    kernels = [GaborKernel3D.along(v, wavelength=6, sigma=2) for v in directions(13)]
    rows = [
        ("gaborkit", seconds(lambda: filter_volume(kernels, volume, part="magnitude"))),
        ("a shared transform (SciPy)", seconds(lambda: shared_transform(kernels, volume))),
        ("ndimage.convolve1d, 13 x one", 13 * seconds(lambda: scipy_passes(kernels, volume))),
    ]
    print(f"{side}^3 voxels, 13 directions, sigma 2\n")
    print("| | CPU s | times gaborkit |\n| --- | --- | --- |")
    for name, taken in rows:
        print(f"| {name} | {taken:.2f} | {taken / rows[0][1]:.1f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 256)
