"""Maps of local texture energy: what segmentation, scribbles and defect detection look at.

A picture is filtered by a bank, each response made a non-negative amplitude, and that averaged by
a Gaussian window in proportion to the kernel's wavelength.
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..features.bank_grid import channel_names
from ..features.energy import smoothed
from ..features.masking import Interior, interior_of
from ..features.table import Features
from ..filtering.backend import NumpyLibrary, library_of
from ..filtering.run import with_leading_channels
from ..types import Array, Boundary, Outside, RealArray

Nonlinearity = Literal["magnitude", "tanh"]
NONLINEARITIES: tuple[str, ...] = get_args(Nonlinearity)

#: Deviation of an 8-bit picture with all grey levels as frequent: the unit of the article's ALPHA.
EQUALISED = 255 / math.sqrt(12)
ALPHA = 0.25

#: Principal components that count at most, and the share of the variance that each must have.
COMPONENTS, NEGLIGIBLE = 20, 1e-4

#: Longest wavelength of :func:`dyadic_bank` in pixels, whatever the size of the picture.
LONGEST = 50.0


def dyadic_bank(shape: tuple[int, int], *, orientations: int = 4) -> GaborBank:
    """Bank of Jain and Farrokhnia, for pictures of a shape.

    Its frequencies are the article's sqrt(2) N / 4, sqrt(2) N / 8, ... 4 sqrt(2) cycles to the
    side of N pixels, so the wavelengths 2.8, 5.7, ... N / 5.7 pixels; the two lowest, of one and
    two cycles, are left out as in the article. Kernels have a bandwidth of one octave, the same
    deviation in both directions, no answer to a constant, and the gain 1. Wavelengths over 50
    pixels, which the article's pictures of 256 pixels did not have, are left out too.

    Parameters
    ----------
    shape : (int, int)
        Of the pictures, of which the shorter side counts.
    orientations : int
        In half a circle; the article has four.

    Examples
    --------
    >>> bank = dyadic_bank((256, 300))
    >>> [round(1 / kernel.frequency, 1) for kernel in bank[::4]]
    [2.8, 5.7, 11.3, 22.6, 45.3]

    References
    ----------
    Jain and Farrokhnia (1991), "Unsupervised texture segmentation using Gabor filters", Pattern
    Recognition 24(12), 1167-1186, section 2.
    """
    finest, longest = 2 * math.sqrt(2), min(min(shape) / (4 * math.sqrt(2)), LONGEST)
    scales = 1 + max(0, math.floor(math.log2(longest / finest) + 1e-9))
    return GaborBank.grid(scales, orientations, wavelength=finest, bandwidth=1, norm="gain")


def strongest_kernels(
    image: Array,
    bank: GaborBank,
    share: float,
    *,
    mask: Any = None,
    outside: Outside = "nearest",
) -> GaborBank:
    """The fewest kernels whose real responses hold a share of the energy of all.

    It is the article's selection, by its approximation that filters overlap little: R^2, the share
    of a picture that the chosen responses rebuild, is their share of the energy.

    Parameters
    ----------
    image : real array (..., H, W)
    bank : GaborBank
    share : float
        Above 0 and at most 1; the article takes 0.95.
    mask, outside
        As in :meth:`GaborBank.filter`; the energy is that inside.

    Returns
    -------
    GaborBank
        In the order of ``bank``.

    Raises
    ------
    FeatureError
        If the share is out of range.
    ImageError, FilterError
        As :meth:`GaborBank.filter`.

    Examples
    --------
    >>> stripes = np.cos(2 * np.pi / 8 * np.arange(64)) * np.ones((64, 1))
    >>> strongest_kernels(stripes, GaborBank.grid(3, 4), 0.9).labels
    ('8 px, 0°',)
    """
    if not 0 < share <= 1:
        raise FeatureError(f"share={share!r} is no share of energy; give one in (0, 1], as 0.95")
    if share == 1:
        return bank
    part = interior_of(image, mask, outside)
    inside = ... if part.inside is None else (..., part.inside)
    responses = part.responses(bank, part.box(image), part="real")
    energies = np.array([np.square(r[inside]).sum() for r in responses], float)
    order = np.argsort(-energies, kind="stable")
    enough = np.cumsum(energies[order]) >= share * energies.sum()
    return GaborBank(bank[int(k)] for k in np.sort(order[: enough.argmax() + 1]))


def texture_maps(
    image: Array,
    *,
    bank: GaborBank | None = None,
    nonlinearity: Nonlinearity = "magnitude",
    window: float = 1.5,
    least: float = 8.0,
    boundary: Boundary = "reflect",
    channel_axis: int | None = None,
    mask: Any = None,
    outside: Outside = "nearest",
) -> Features:
    """Local energy of a picture in each channel of a bank, as maps.

    Parameters
    ----------
    image : real array or tensor (H, W), or with colour
        A tensor's values are taken to memory.
    bank : GaborBank, optional
        :func:`dyadic_bank` of the picture's shape if None.
    nonlinearity : {"magnitude", "tanh"}
        ``magnitude`` is that of the complex response, smooth where stripes are regular. ``tanh`` is
        the article's, of the real response r: the absolute value of tanh(0.25 r). For it the
        picture is scaled to the deviation of an 8-bit one in which all grey levels are as frequent.
    window : float
        Deviation of the Gaussian window, in wavelengths; the article's is 0.5.
    least : float
        Smallest deviation of a window, in pixels.
    boundary : str
        What lies outside, as in :meth:`GaborBank.filter`.
    channel_axis : int, optional
        Axis of colour: the maps of the channels lie side by side.
    mask, outside
        As in :meth:`GaborBank.filter`: values outside have no part in those inside, windows hold
        what is inside alone, and all maps are 0 outside.

    Returns
    -------
    Features
        Maps (F, H, W) named after the kernels, float32 or float64.

    Raises
    ------
    ImageError, FilterError
        As :meth:`GaborBank.filter`.
    FeatureError
        If there is more than one picture, or an option is out of range.

    Examples
    --------
    >>> stripes = np.cos(2 * np.pi / 8 * np.arange(64)) * np.ones((64, 1))
    >>> maps = texture_maps(stripes, bank=GaborBank.grid(2, 4, norm="gain"))
    >>> maps.shape, round(float(maps["8 px, 0°"].mean()), 2)
    ((8, 64, 64), 0.49)
    """
    check_windows(nonlinearity, window, least)
    planes, part = planes_within(image, channel_axis, mask, outside)
    bank = bank or dyadic_bank(planes.shape[-2:])
    maps = energies_within(planes, part, bank, nonlinearity, window, least, boundary)
    names: Sequence[str] = channel_names(bank)
    if channel_axis is not None:
        names = [f"c{c} {name}" for c in range(len(planes)) for name in names]
    maps = maps.reshape(-1, *planes.shape[-2:])
    return Features(part.put_back(maps), names, maps=True)


def energies_within(
    planes: RealArray,
    part: Interior,
    bank: GaborBank,
    nonlinearity: Nonlinearity,
    window: float,
    least: float,
    boundary: Boundary = "reflect",
) -> RealArray:
    """Local energies (C, K, h, w) of the channels of a mask's box, 0 outside the mask."""
    widths = [max(window / kernel.frequency, least) for kernel in bank]
    if nonlinearity == "tanh":
        # A constant picture answers nothing, whatever its scale.
        seen = planes if part.inside is None else planes[:, part.inside]
        deviation = float(seen.std()) or 1.0
        alpha = planes.dtype.type(ALPHA * EQUALISED / deviation)
        responses = part.filtered(bank, planes, part="real", boundary=boundary)
        amplitudes = np.abs(np.tanh(alpha * responses))
    else:
        amplitudes = part.filtered(bank, planes, part="magnitude", boundary=boundary)
    return smoothed(amplitudes, widths, boundary, part.inside)


def check_windows(nonlinearity: str, window: float, least: float) -> None:
    """Raise FeatureError for options of :func:`texture_maps` that are out of range."""
    if nonlinearity not in NONLINEARITIES:
        raise FeatureError(
            f"nonlinearity={nonlinearity!r} is unknown; choose one of {', '.join(NONLINEARITIES)}"
        )
    for name, value, example in (("window", window, 1.5), ("least", least, 8)):
        if not (math.isfinite(value) and value >= 0):
            raise FeatureError(f"{name}={value!r} is no width; give 0 or more, such as {example}")


def planes_within(
    image: Array, channel_axis: int | None, mask: Any, outside: Outside
) -> tuple[RealArray, Interior]:
    """One picture's channels (C, h, w), promoted as by :meth:`GaborBank.filter`, and a mask's part.

    They are in memory, of the mask's box, and filled outside.
    """
    if library_of(image).name == "torch":
        image = image.detach().cpu().numpy()
    library = NumpyLibrary()
    planes = with_leading_channels(library, library.promote(image), channel_axis)
    if planes.ndim != (2 if channel_axis is None else 3):
        raise FeatureError(
            f"an array of shape {tuple(image.shape)} holds several pictures; give them one by one"
        )
    part = interior_of(planes, mask, outside)
    box = part.box(planes)
    library.check_finite(box)
    return box.reshape(-1, *box.shape[-2:]), part


def sampled(inside: NDArray[np.bool_], grid: int, least: int) -> NDArray[np.bool_]:
    """Pixels inside on a grid, ``grid`` along the shorter side; all, if those are too few."""
    shorter = min(*inside.shape, math.isqrt(int(inside.sum())))
    step = max(1, shorter // grid)
    chosen = np.zeros_like(inside)
    chosen[step // 2 :: step, step // 2 :: step] = True
    chosen &= inside
    return chosen if chosen.sum() >= least else inside


def standardized(maps: RealArray, inside: NDArray[np.bool_] | None = None) -> RealArray:
    """Maps of mean 0 and deviation 1 over the pixels inside; a constant one becomes 0."""
    scaled = np.empty_like(maps)
    for values, result in zip(maps, scaled, strict=True):  # one fits into the caches
        seen = values if inside is None else values[inside]
        mean, deviation = seen.mean(), seen.std()
        np.subtract(values, mean, out=result)
        # Of a constant map, rounding is all that deviates.
        result *= 0 if deviation <= 1e-5 * abs(mean) else 1 / deviation
    return scaled


def coordinates(
    shape: tuple[int, int], dtype: Any = np.float32, inside: NDArray[np.bool_] | None = None
) -> RealArray:
    """Rows and columns (2, H, W), of mean 0 and deviation 1 over the pixels inside."""
    height, width = shape
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    return standardized(np.stack([y, x]).astype(dtype), inside)


def principal_components(maps: RealArray, inside: NDArray[np.bool_] | None = None) -> RealArray:
    """Principal components of the pixels inside, strongest first, none of negligible variance."""
    flat = maps.reshape(len(maps), -1) if inside is None else maps[:, inside]
    # In double precision: long sums.
    covariance = np.cov(flat, dtype=np.float64).reshape(len(maps), len(maps))
    variances, axes = np.linalg.eigh(covariance)
    order = np.argsort(-variances)[:COMPONENTS]
    components = [k for k in order if variances[k] > NEGLIGIBLE * max(variances[order[0]], 1e-12)]
    # The sign of an axis is arbitrary, and differs from machine to machine.
    axes = axes[:, components] * np.sign(axes[np.abs(axes[:, components]).argmax(0), components])
    return np.tensordot(axes.T.astype(maps.dtype), maps, 1)


def one_thread() -> AbstractContextManager[Any]:
    """Keep scikit-learn and BLAS to one thread.

    On thousands of samples of some twenty values more threads win little, and where other programs
    run they wait for each other by spinning: that was seen to take fifty times as long.
    """
    if importlib.util.find_spec("threadpoolctl") is None:  # of BLAS alone, and of an extra
        return contextlib.nullcontext()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)
