"""Fingerprints that never were, whose ridges, orientation and frequency are known."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from ...errors import FeatureError
from ...types import RealArray
from ...whole_numbers import is_whole
from ..sparse_resampling import blurred
from .tuned_filter import TunedFilter

Kind = Literal["arch", "loop", "whorl"]
_Points = list[tuple[float, float]]

KINDS: tuple[str, ...] = get_args(Kind)

#: Cores and deltas of each kind, as fractions of the width and height, (x, y).
SINGULARITIES: dict[str, tuple[_Points, _Points]] = {
    "arch": ([], []),
    "loop": ([(0.48, 0.42)], [(0.78, 0.82)]),
    "whorl": ([(0.5, 0.36), (0.5, 0.52)], [(0.16, 0.84), (0.84, 0.84)]),
}


class SyntheticFingerprint(NamedTuple):
    """A print and the truth about it.

    Attributes
    ----------
    image : float32 array (H, W)
        From 0, a dark ridge, to 1.
    ridges : bool array (H, W)
    mask : bool array (H, W)
        Where the finger touched.
    orientation : float array (H, W)
        Direction across the ridges, in radians, 0 <= theta < pi.
    frequency : float array (H, W)
        Cycles per pixel.
    """

    image: RealArray
    ridges: NDArray[np.bool_]
    mask: NDArray[np.bool_]
    orientation: RealArray
    frequency: RealArray


def synthetic_fingerprint(
    shape: tuple[int, int] = (512, 400),
    *,
    kind: Kind = "loop",
    wavelength: float = 9.0,
    variation: float = 0.1,
    iterations: int = 12,
    seed: int | np.random.Generator = 0,
) -> SyntheticFingerprint:
    """Let ridges grow from noise, by filtering it again and again with kernels tuned to a field.

    The orientation is that of Sherlock and Monro: the argument of a rational function with a zero
    at each core and a pole at each delta. Minutiae appear where the field asks for them.

    Parameters
    ----------
    shape : (int, int)
        Height and width in pixels, 64 or more.
    kind : {"arch", "loop", "whorl"}
    wavelength : float
        Mean distance of ridges, in pixels, from 4 on.
    variation : float
        Largest deviation of the frequency, relative to its mean, below 1/2.
    iterations : int
        Filterings, from 1 on; few leave the ridges rough.
    seed : int or numpy.random.Generator

    Returns
    -------
    SyntheticFingerprint

    Raises
    ------
    FeatureError
        If a parameter is out of range.

    References
    ----------
    Sherlock and Monro (1993), "A model for interpreting fingerprint topology", Pattern Recognition
    26(7), 1047-1055.
    Cappelli, Maio and Maltoni (2000), "Synthetic fingerprint-image generation", ICPR, 471-474.

    Examples
    --------
    >>> print_ = synthetic_fingerprint((128, 96), kind="whorl", seed=3)
    >>> print_.image.shape, print_.ridges.dtype
    ((128, 96), dtype('bool'))
    """
    _check(shape, kind, wavelength, variation, iterations)
    generator = np.random.default_rng(seed)
    theta = _orientation(shape, kind)
    waves = blurred(generator.standard_normal(shape), min(shape) / 8)
    frequency = (1 + variation * waves / np.abs(waves).max()) / wavelength
    tuned = TunedFilter(theta, frequency, shape, sigma=0.45 * wavelength, tolerance=0.05)
    ridges = generator.standard_normal(shape).astype(np.float32)
    for _ in range(iterations):
        response = tuned(ridges)
        ridges = np.tanh(2 * response / response.std())
    mask = _touched(shape, generator)
    image = np.where(mask, 0.5 + 0.5 * ridges, 1).astype(np.float32)
    return SyntheticFingerprint(image, mask & (ridges < 0), mask, theta, frequency)


def degrade_fingerprint(
    image: RealArray,
    *,
    noise: float = 0.0,
    blur: float = 0.0,
    scratches: int = 0,
    moisture: float = 0.0,
    seed: int | np.random.Generator = 0,
) -> RealArray:
    """Spoil the picture of a print: a dry or a wet finger, scratches, blur, noise, in this order.

    Parameters
    ----------
    image : float array (H, W)
        From 0, a dark ridge, to 1.
    noise : float
        Standard deviation of white Gaussian noise.
    blur : float
        Standard deviation of a Gaussian blur, in pixels.
    scratches : int
        White lines, from one to three pixels wide.
    moisture : float
        From -1, a dry finger with broken ridges, to 1, a wet one whose ridges flow together.
    seed : int or numpy.random.Generator

    Returns
    -------
    float32 array (H, W)
        From 0 to 1.

    Raises
    ------
    FeatureError
        If a parameter is out of range.

    Examples
    --------
    >>> print_ = synthetic_fingerprint((128, 96), seed=3)
    >>> spoiled = degrade_fingerprint(print_.image, noise=0.2, scratches=5, moisture=-0.5)
    >>> spoiled.dtype, float(spoiled.max())
    (dtype('float32'), 1.0)
    """
    for name, value in (("noise", noise), ("blur", blur), ("scratches", scratches)):
        if not 0 <= value < math.inf:
            raise FeatureError(f"{name}={value!r} spoils nothing; give a number from 0 on")
    if not -1 <= moisture <= 1:
        raise FeatureError(f"moisture={moisture!r} is not between -1, dry, and 1, wet")
    generator = np.random.default_rng(seed)
    image = np.array(image, np.float32)
    shape = image.shape
    touched = blurred((image < 0.9).astype(np.float32), 6.0) > 0.1
    if moisture > 0:
        pools = _waves(generator, shape, 12.0)
        image = blurred(image, 1.5 * moisture)
        image -= touched * moisture * (0.2 + 0.5 * pools.clip(0, 1.5))
    elif moisture < 0:
        grains = _waves(generator, shape, 1.2) + 0.5 * _waves(generator, shape, 10.0)
        image += -moisture * (0.2 + 1.2 * (grains > 0.8))
    for _ in range(scratches):
        image[_scratch(generator, shape)] = 1
    image = blurred(image.clip(0, 1), blur)
    image += generator.normal(0, 1, shape).astype(np.float32) * noise
    return image.clip(0, 1)


def _check(
    shape: tuple[int, int], kind: str, wavelength: float, variation: float, iterations: int
) -> None:
    if len(shape) != 2 or min(shape) < 64:
        raise FeatureError(f"shape={shape!r} holds no print; give a height and width of 64 or more")
    if kind not in KINDS:
        raise FeatureError(f"kind={kind!r} is unknown; choose one of {', '.join(KINDS)}")
    if not 4 <= wavelength <= min(shape) / 4:
        raise FeatureError(
            f"wavelength={wavelength!r} makes no print of {shape[0]} x {shape[1]} pixels; "
            f"give 4 to {min(shape) / 4:g}"
        )
    if not 0 <= variation < 0.5:
        raise FeatureError(f"variation={variation!r} is not between 0 and 1/2")
    if not is_whole(iterations, 1):
        raise FeatureError(f"iterations={iterations!r} grow no ridges; give 12 for example")


def _orientation(shape: tuple[int, int], kind: Kind) -> RealArray:
    """Direction across the ridges of a kind of print, 0 <= theta < pi."""
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float64)
    if kind == "arch":
        bump = 1.3 * np.exp(-(((y / height - 0.62) / 0.28) ** 2))
        flow = np.arctan(bump * np.cos(np.pi * x / width))
    else:
        cores, deltas = SINGULARITIES[kind]
        flow = np.zeros(shape)
        for points, half in ((cores, 0.5), (deltas, -0.5)):
            for right, down in points:  # up is positive for the flow, down for theta
                flow += half * np.arctan2(down * height - y, x - right * width)
    theta = (np.pi / 2 - flow) % np.pi
    return np.where(theta < np.pi, theta, 0)


def _touched(shape: tuple[int, int], generator: np.random.Generator) -> NDArray[np.bool_]:
    """An oval of uneven outline."""
    height, width = shape
    y, x = np.mgrid[:height, :width]
    outline = ((x / width - 0.5) / 0.43) ** 2 + ((y / height - 0.5) / 0.45) ** 2
    return outline + 0.04 * _waves(generator, shape, min(shape) / 16) < 1


def _waves(
    generator: np.random.Generator, shape: tuple[int, ...], sigma: float
) -> NDArray[np.float32]:
    """Smooth noise of unit variance."""
    waves = blurred(generator.standard_normal(shape).astype(np.float32), sigma)
    return waves / waves.std()


def _scratch(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A straight line somewhere, from a quarter to all of the picture's height long."""
    height, width = shape
    x, y = generator.uniform(0, width), generator.uniform(0, height)
    angle, thick = generator.uniform(0, np.pi), generator.uniform(0.6, 1.6)
    reach = height * generator.uniform(0.125, 0.5)
    down, right = np.mgrid[:height, :width]
    across = (right - x) * np.sin(angle) - (down - y) * np.cos(angle)
    along = (right - x) * np.cos(angle) + (down - y) * np.sin(angle)
    return (np.abs(across) < thick) & (np.abs(along) < reach)
