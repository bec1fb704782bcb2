"""Energy around each pixel, pooled by a Gaussian that fits the kernel, and over the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..filtering.backend import library_of
from ..filtering.engines.structures import available_here
from ..filtering.normalizing import ordinary
from ..filtering.padding import check_boundary
from ..kernels.base import TOLERANCE
from ..kernels.gabor import GaborKernel
from ..kernels.validation import LARGEST
from ..types import Array, ArrayT, Boundary, Engine, Part
from .bank_grid import channel_names
from .base import Descriptor
from .checks import check_choice
from .table import Features

#: Share of a Gaussian that may be cut off.
SMOOTHING_TOLERANCE = 1e-6

#: Standard deviation in pixels from which on maps are smoothed by halves.
HALVED = 32.0

#: Standard deviation in pixels of the narrowest Gaussian that the pixel grid holds.
NARROWEST = 0.5


def local_energy(
    bank: GaborBank,
    image: Array,
    *,
    part: Part = "energy",
    spread: float = 0.5,
    sigma: float | Sequence[float] | None = None,
    boundary: Boundary = "reflect",
    engine: Engine = "auto",
    channel_axis: int | None = None,
    tolerance: float = TOLERANCE,
) -> Features:
    """Energy of every kernel around each pixel, pooled by a Gaussian.

    Parameters
    ----------
    bank : GaborBank
        K kernels.
    image : real array or tensor (..., H, W)
    part : {"energy", "magnitude", "real", "imag"}
        Of the responses, what is pooled: ``energy`` is the squared magnitude.
    spread : float
        Standard deviation of the Gaussian in wavelengths of the kernel, dilation included.
    sigma : float or sequence of K floats, optional
        The standard deviations in pixels instead; 0 leaves a map as it is.
    boundary : {"reflect", "mirror", "nearest", "constant", "wrap"}
        Of the image, and of the maps when they are smoothed.
    engine, channel_axis, tolerance
        As in :meth:`GaborBank.filter`.

    Returns
    -------
    Features
        Maps (..., K, H, W) with the bank's labels as names; the type, device and precision of the
        image. Tensors pass gradients.

    Raises
    ------
    ImageError, FilterError
        As :meth:`GaborBank.filter`.
    FeatureError
        If the part has no local mean, or a width is negative or not finite, or does not fit.

    References
    ----------
    Jain and Farrokhnia (1991), "Unsupervised texture segmentation using Gabor filters", Pattern
    Recognition 24(12), 1167-1186, whose Gaussian windows are half a wavelength wide.
    Bovik, Clark and Geisler (1990), "Multichannel texture analysis using localized spatial
    filters", IEEE TPAMI 12(1), 55-73.

    Examples
    --------
    >>> bank = GaborBank.grid(scales=2, orientations=4)
    >>> maps = local_energy(bank, np.eye(40))
    >>> maps.shape, maps["4 px, 45°"].shape
    ((8, 40, 40), (40, 40))
    """
    if part in ("complex", "phase"):
        raise FeatureError(f"part={part!r} has no local mean of this kind; choose energy")
    widths = _widths(bank, spread, sigma)
    maps = bank.filter(
        image,
        part=part,
        boundary=boundary,
        engine=engine,
        channel_axis=channel_axis,
        tolerance=tolerance,
    )
    return Features(smoothed(maps, widths, boundary), channel_names(bank), maps=True)


def smoothed(
    maps: ArrayT,
    sigma: float | Sequence[float],
    boundary: Boundary = "reflect",
    inside: NDArray[np.bool_] | None = None,
) -> ArrayT:
    """Maps convolved with a Gaussian, by the engines of the kernels.

    Parameters
    ----------
    maps : real array or tensor (..., K, H, W), or (H, W) with one ``sigma``
    sigma : float or sequence of K floats
        Standard deviation in pixels, one for all maps or one for each; 0 leaves a map as it is.
    boundary : {"reflect", "mirror", "nearest", "constant", "wrap"}
    inside : bool array (H, W), optional
        Pixels that have weight in the mean (normalised convolution); the others become 0.

    Returns
    -------
    array or tensor of the same shape
        Equal to the whole Gaussian's up to 1e-5 of the largest value. Tensors pass gradients.

    Raises
    ------
    FeatureError
        If a width is negative or not finite, or there are not as many widths as maps.

    Examples
    --------
    >>> peak = np.zeros((1, 31, 31))
    >>> peak[0, 15, 15] = 1
    >>> float(smoothed(peak, 3)[0, 15, 15] * 2 * math.pi * 3**2)
    1.000...
    """
    if np.ndim(sigma) == 0:
        return _mean_around(maps, _width(sigma), boundary, inside)
    widths = [_width(value) for value in sigma]  # type: ignore[union-attr]
    if maps.ndim < 3 or len(widths) != maps.shape[-3]:
        raise FeatureError(f"{len(widths)} sigmas do not fit maps of shape {tuple(maps.shape)}")
    library = library_of(maps)
    energies: dict[int, Array] = {}
    for width in set(widths):  # maps of one scale together
        members = [k for k, other in enumerate(widths) if other == width]
        chosen = library.take(maps, np.array(members), maps.ndim - 3)
        pooled = library.moveaxis(_mean_around(chosen, width, boundary, inside), -3, 0)
        energies.update(zip(members, pooled, strict=True))
    return library.stack([energies[k] for k in range(len(widths))], maps.ndim - 3)


def _mean_around(
    maps: Array, sigma: float, boundary: Boundary, inside: NDArray[np.bool_] | None
) -> Array:
    if inside is None or inside.all():
        return _gaussian(maps, sigma, boundary)
    library = library_of(maps)
    weights = library.constant(inside, library.double(maps), real=True)
    share = _gaussian(weights, sigma, boundary)
    # The share of a pixel far from all others may be lost by rounding.
    share = share.clip(SMOOTHING_TOLERANCE) + (1 - weights)
    return _gaussian(maps * weights, sigma, boundary) * weights / share


def _gaussian(maps: Array, sigma: float, boundary: Boundary) -> Array:
    if sigma == 0:
        return maps
    # A Gabor function of practically endless wavelength is a Gaussian: the engines, boundaries and
    # gradients of kernels then serve it too.
    gaussian = GaborKernel(wavelength=LARGEST, sigma=sigma, dc_free=False)
    # What the samples of a narrow Gaussian sum up to, which is not quite 1.
    gain = abs(complex(gaussian.transfer(np.zeros(1), np.zeros(1), sampled=True)[0]))
    axis = -3 if maps.ndim > 2 else None  # maps a few pixels wide are not taken for colours
    # Transforms of maps with such margins leave the caches, which the model of times knows not.
    single = isinstance(maps, np.ndarray) and maps.dtype == np.float32
    halved = sigma >= HALVED and single and available_here()
    blurred = gaussian.filter(
        maps,
        part="real",
        boundary=boundary,
        engine="pyramid" if halved else "auto",
        channel_axis=axis,
        tolerance=SMOOTHING_TOLERANCE,
    )
    if library_of(blurred).name == "torch":
        return blurred / gain
    blurred /= gain  # new memory takes longer
    return blurred


def _widths(
    bank: GaborBank, spread: float, sigma: float | Sequence[float] | None
) -> float | list[float]:
    """Standard deviations in pixels, checked before any work is done."""
    if sigma is None:
        if not (isinstance(spread, (int, float, np.number)) and 0 <= spread < math.inf):
            raise FeatureError(f"spread={spread!r} is no number of wavelengths; try 0.5")
        return [_width(spread / kernel.frequency) for kernel in bank]
    if np.ndim(sigma) == 0:
        return _width(sigma)
    widths = [_width(value) for value in sigma]  # type: ignore[union-attr]
    if len(widths) != len(bank):
        raise FeatureError(f"{len(widths)} sigmas do not fit a bank of {len(bank)} kernels")
    return widths


def _width(sigma: Any) -> float:
    number = isinstance(sigma, (int, float, np.number)) and not isinstance(sigma, bool)
    if not number or not (sigma == 0 or NARROWEST <= sigma < LARGEST):
        raise FeatureError(
            f"sigma={sigma!r} is no width of a Gaussian on the pixel grid; give 0, or pixels from "
            f"{NARROWEST} on"
        )
    return float(sigma)


Normalisation = Literal["none", "sum", "log"]


@dataclass(frozen=True)
class Energy(Descriptor):
    """Mean energy of every channel over the picture: K values, without holding the responses.

    Parameters
    ----------
    bank : GaborBank
        K kernels; Manjunath and Ma's by default.
    normalise : {"none", "sum", "log"}
        ``sum`` divides by the sum over the channels, so that contrast makes no difference (a
        picture without any energy stays at 0); ``log`` takes log(1 + energy).
    boundary : {"reflect", "mirror", "nearest", "constant", "wrap"}

    Raises
    ------
    FeatureError
        If ``normalise`` is unknown.

    Examples
    --------
    >>> features = Energy(GaborBank.grid(scales=2, orientations=4)).describe(np.eye(40))
    >>> len(features), features.names[1]
    (8, '4 px, 45°')
    """

    bank: GaborBank = field(default_factory=lambda: GaborBank.preset("manjunath"))
    normalise: Normalisation = "none"
    boundary: Boundary = "reflect"

    def __post_init__(self) -> None:
        check_choice("normalise", self.normalise, Normalisation)
        check_boundary(self.boundary)

    def names(self, shape: tuple[int, int]) -> tuple[str, ...]:
        """The bank's labels."""
        return channel_names(self.bank)

    def values(self, planes: Array, inside: NDArray[np.bool_] | None = None) -> Array:
        """Mean energies (..., K)."""
        if self.normalise == "sum":  # shares do not depend on the picture's size
            planes = ordinary(planes)
        energy = self.bank.statistics(
            planes, part="energy", boundary=self.boundary, mask=inside
        ).mean
        if self.normalise == "sum":
            total = energy.sum(-1)[..., None]
            return energy / (total + (total == 0))
        if self.normalise == "log":
            return np.log1p(energy) if library_of(energy).name == "numpy" else energy.log1p()
        return energy
