"""What responses say at each pixel: energy, magnitude, phase and local frequency.

The local frequency is the derivative of the phase. It is taken without unwrapping, from the phase
difference of the two neighbours, whose product leaves no trace of the phase itself::

    d = arg(R(x + 1) conj R(x - 1) exp(-2i k)) / 2,    frequency = (k + d) / (2 pi)

with k the kernel's own wave number along that axis: only the departure d from it is measured, which
is far from wrapping. The answer to a grating is exact, up to the kernel's share of the grating's
mirror image -k.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..filtering.backend import library_of
from ..filtering.parts import part_of
from ..filtering.run import with_leading_channels
from ..kernels.base import TOLERANCE, Kernel
from ..kernels.parameters import number
from ..types import Array, Boundary, Engine, Outside
from .bank_grid import channel_names, default_bank
from .checks import check_choice
from .masking import interior_of
from .table import Features

Quantity = Literal["energy", "magnitude", "phase", "frequency"]

#: Share of a channel's largest magnitude below which its phase is no measurement.
FLOOR = 1e-2


class LocalFrequency(NamedTuple):
    """Derivative of the phase of each response, (..., K, H, W) each, in cycles per pixel.

    Attributes
    ----------
    y, x : array or tensor
        Along the two axes, down and to the right.
    along : array or tensor
        Along the kernel's wave vector.
    valid : bool array or tensor
        Where the magnitude is large enough for the others to mean anything.
    """

    y: Array
    x: Array
    along: Array
    valid: Array


def local_frequency(responses: Array, bank: GaborBank, *, floor: float = FLOOR) -> LocalFrequency:
    """Instantaneous frequency of every response, without unwrapping.

    Parameters
    ----------
    responses : complex array or tensor (..., K, H, W)
        What ``bank.filter(image)`` gives, of at least 2 x 2 pixels.
    bank : GaborBank
        K kernels, those that made them.
    floor : float
        Share of the largest magnitude of a channel, from which on a pixel is ``valid``.

    Returns
    -------
    LocalFrequency
        Of the responses' library, device and precision. Tensors pass gradients.

    Raises
    ------
    FeatureError
        If the responses are not complex or do not fit the bank, or ``floor`` is not a share.

    References
    ----------
    Fleet and Jepson (1990), "Computation of component image velocity from local phase information",
    IJCV 5(1), 77-104, equation 16: the phase gradient is ``Im(conj(R) R') / |R|^2``.

    Examples
    --------
    >>> bank = GaborBank.grid(scales=1, orientations=1, wavelength=8)
    >>> grating = np.cos(2 * np.pi / 9 * np.arange(64.0)) * np.ones((64, 1))
    >>> found = local_frequency(bank.filter(grating), bank)
    >>> round(1 / float(found.along[0, 32, 32]), 3)
    9.0
    """
    _check_floor(floor)
    _check_responses(responses, bank)
    return _frequencies(responses, bank, floor, None)


def _frequencies(
    responses: Array, bank: GaborBank, floor: float, inside: NDArray[np.bool_] | None
) -> LocalFrequency:
    """Of pixels (H, W) that count; None are all."""
    library = library_of(responses)
    axis = responses.ndim - 3
    pairs = [
        _of_kernel(library.take(responses, np.array([k]), axis), kernel, floor, inside)
        for k, kernel in enumerate(bank)
    ]
    return LocalFrequency(
        *(library.concatenate(list(part), axis) for part in zip(*pairs, strict=True))
    )


def phase_gradient(response: Array, kernel: Kernel) -> tuple[Array, Array]:
    """Derivative of one response's phase (..., H, W) along y and x, in radians per pixel."""
    wave, theta = 2 * math.pi * kernel.frequency, number(kernel.theta)
    response = response / peak_of(response)  # products of neighbours stay numbers
    # Along x on a transposed view, so that one function serves both axes.
    across = _along_rows(response.swapaxes(-1, -2), wave * math.cos(theta)).swapaxes(-1, -2)
    return _along_rows(response, wave * math.sin(theta)), across


def local_features(
    image: Array,
    bank: GaborBank | None = None,
    *,
    quantities: Sequence[Quantity] = get_args(Quantity),
    floor: float = FLOOR,
    boundary: Boundary = "reflect",
    engine: Engine = "auto",
    channel_axis: int | None = None,
    tolerance: float = TOLERANCE,
    mask: Any = None,
    outside: Outside = "nearest",
) -> Features:
    """Energy, magnitude, phase and frequency of every channel at every pixel.

    Parameters
    ----------
    image : real array or tensor (..., H, W)
    bank : GaborBank, optional
        K kernels; ``GaborBank.grid()`` by default.
    quantities : sequence of {"energy", "magnitude", "phase", "frequency"}
        ``energy`` is the squared magnitude, ``phase`` is in radians between -pi and pi,
        ``frequency`` in cycles per pixel along the kernel's wave vector, and 0 where the magnitude
        is under ``floor`` times the channel's largest: no phase is known there.
    floor : float
    boundary, engine, channel_axis, tolerance
        As in :meth:`GaborBank.filter`; the axis of colour moves to the front.
    mask, outside
        As in :meth:`GaborBank.filter`: values outside have no part in those inside, and all maps
        are 0 there. By normalised convolution, the phase beside a pixel outside is taken to advance
        as the kernel's own.

    Returns
    -------
    Features
        Maps (..., Q * K, H, W), named by quantity and channel.

    Raises
    ------
    ImageError, FilterError
        As :meth:`GaborBank.filter`.
    FeatureError
        If a quantity is unknown, or as :func:`local_frequency`, of the mask's bounding box.

    Examples
    --------
    >>> features = local_features(np.eye(32), GaborBank.grid(2, 3), quantities=["phase"])
    >>> features.shape, features.names[4]
    ((6, 32, 32), 'phase 8 px, 60°')
    """
    bank = default_bank() if bank is None else bank
    if isinstance(quantities, str) or not quantities:
        raise FeatureError(f'quantities={quantities!r} is no list of them; give ["energy"]')
    for quantity in quantities:
        check_choice("quantity", quantity, Quantity)
    _check_floor(floor)
    library = library_of(image)
    planes = with_leading_channels(library, library.promote(image), channel_axis)
    part = interior_of(planes, mask, outside)
    options: Any = {"boundary": boundary, "engine": engine, "tolerance": tolerance}
    responses = part.filtered(bank, part.box(planes), **options)
    maps = []
    for quantity in quantities:
        if quantity == "frequency":
            _check_responses(responses, bank)
            frequency = _frequencies(responses, bank, floor, part.inside)
            maps.append(frequency.along * frequency.valid)
        else:
            maps.append(part_of(responses, quantity))
    labels = channel_names(bank)
    names = [f"{quantity} {label}" for quantity in quantities for label in labels]
    return Features(part.put_back(library.concatenate(maps, -3)), names, maps=True)


def peak_of(planes: Array, axes: tuple[int, ...] = (-2, -1)) -> Array:
    """Largest magnitude of each picture, its axes kept; 1 of an empty one."""
    magnitude = abs(planes)
    if isinstance(planes, np.ndarray):
        largest = magnitude.max(axes, keepdims=True)
    else:
        largest = magnitude.detach().amax(axes, keepdim=True)
    return largest + (largest == 0)


def rounding_of(planes: Array) -> float:
    """What rounding may leave of a response, as a share of the picture's peak and the gain."""
    return 16 * 2.0 ** (-52 if library_of(planes).double(planes) else -23)


def gain_of(kernel: Kernel) -> float:
    """Size of a kernel's answer to the complex wave of its own wave vector."""
    theta, frequency = number(kernel.theta), kernel.frequency
    fy, fx = np.array(frequency * math.sin(theta)), np.array(frequency * math.cos(theta))
    return abs(complex(kernel.transfer(fy, fx)))


def _of_kernel(
    response: Array, kernel: Kernel, floor: float, inside: NDArray[np.bool_] | None
) -> LocalFrequency:
    y, x = (part / (2 * math.pi) for part in phase_gradient(response, kernel))
    theta = number(kernel.theta)
    magnitude = abs(response)
    flat = magnitude.reshape(*magnitude.shape[:-2], -1)
    if inside is not None:
        flat = library_of(flat).take(flat, np.flatnonzero(inside), flat.ndim - 1)
    largest = flat.max(-1)
    largest = largest if isinstance(magnitude, np.ndarray) else largest.values
    valid = (magnitude >= floor * largest[..., None, None]) & (magnitude > 0)
    return LocalFrequency(y, x, y * math.sin(theta) + x * math.cos(theta), valid)


def _along_rows(response: Array, wave: float) -> Array:
    """Derivative of the phase from row to row; at the ends, from one neighbour."""
    last = response.shape[-2] - 1
    inner = _turn(response[..., 2:, :], response[..., :-2, :], wave, 2)
    first = _turn(response[..., 1:2, :], response[..., :1, :], wave, 1)
    final = _turn(response[..., last:, :], response[..., last - 1 : last, :], wave, 1)
    return library_of(response).concatenate([first, inner, final], -2)


def _turn(after: Array, before: Array, wave: float, pixels: int) -> Array:
    turned = after * before.conj() * cmath.exp(-1j * wave * pixels)
    return wave + part_of(turned, "phase") / pixels


def _check_floor(floor: float) -> None:
    if not (isinstance(floor, (int, float, np.number)) and 0 <= floor < 1):
        raise FeatureError(f"floor={floor!r} is no share of the largest magnitude; try {FLOOR}")


def _check_responses(responses: Array, bank: GaborBank) -> None:
    shape = tuple(responses.shape)
    if "complex" not in str(responses.dtype):
        raise FeatureError(
            f"responses of dtype {responses.dtype} have no phase; give the complex ones that "
            "bank.filter returns"
        )
    if len(shape) < 3 or shape[-3] != len(bank) or min(shape[-2:]) < 2:
        raise FeatureError(
            f"responses of shape {shape} do not fit a bank of {len(bank)} kernels: they are "
            f"(..., {len(bank)}, H, W), of at least 2 x 2 pixels"
        )
