"""What the tests of large pictures share: a small bank, pictures, and files of them."""

from __future__ import annotations

import numpy as np
import tifffile

import gaborkit as gk

rng = np.random.default_rng(0)
BOUNDARIES = ("reflect", "mirror", "nearest", "constant", "wrap")

#: Radius 6: not free of DC, elongated, and a twin of another.
BANK = gk.GaborBank(
    [
        gk.GaborKernel(wavelength=4, sigma=1.5),
        gk.GaborKernel(wavelength=5, sigma=1.5, theta=1, dc_free=False),
        gk.GaborKernel(wavelength=4, sigma=1.5, theta=np.pi),
    ]
)
GREY = rng.random((67, 91), np.float32)
COLOUR = rng.integers(0, 256, (45, 50, 3), np.uint8)


def part_of(responses, part):
    match part:
        case "real" | "imag":
            return getattr(responses, part)
        case "magnitude":
            return np.abs(responses)
        case "energy":
            return np.abs(responses) ** 2
        case "phase":
            return np.angle(responses)
    return responses


def assert_close(found, expected):
    """Equal to what engines may differ by, as a share of the largest value."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    single = expected.dtype in (np.float32, np.complex64)
    tolerance = (5e-5 if single else 5e-10) * np.abs(expected).max()
    assert np.abs(found - expected).max() <= tolerance


def write_tiff(path, array, **options):
    options = {"photometric": "minisblack", **options}
    tifffile.imwrite(path, array, **options)
    return path


class Small:
    """Fixture: tiles of a few pixels, however much memory there is."""

    def __init__(self, monkeypatch):
        self._patch = monkeypatch

    def __call__(self, *sides):
        from gaborkit.large import tiles

        self._patch.setattr(tiles, "SIDES", sides)
