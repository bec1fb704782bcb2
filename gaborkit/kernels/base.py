"""What every kernel offers, whatever its family: samples, transfer function, factors, filtering."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Self, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from ..errors import KernelError
from ..notebook import as_numpy, page, sheet, signed_colours
from ..types import (
    Array,
    Boundary,
    ComplexArray,
    Engine,
    FilterKeywords,
    Part,
    RealArray,
    Transfer,
)
from .parameters import is_tensor, number

if TYPE_CHECKING:
    from dask.array import Array as DaskArray
    from torch import Tensor

#: Weights (T,), columns (T, h) and rows (T, w) of a sum of outer products.
Factors = tuple[ComplexArray, ComplexArray, ComplexArray]

#: Share of the envelope's mass that a sampled kernel may leave outside its support.
TOLERANCE = 1e-5

#: Of the samples of a small picture, and the half-width up to which a kernel is sampled for one.
_THUMBNAIL, _MOST_SAMPLED = 1e-2, 512


def check_tolerance(tolerance: float) -> None:
    """Raise KernelError unless the tolerance lies between 0 and 1."""
    if (
        not isinstance(tolerance, (int, float, np.integer, np.floating))
        or not 1e-300 < tolerance < 1
    ):
        raise KernelError(f"tolerance={tolerance!r} is not between 0 and 1; try {TOLERANCE}")


class Kernel(ABC):
    """What a bank asks of a kernel, whatever family it belongs to.

    Attributes
    ----------
    theta : float
        Direction of the wave vector in radians, from +x (right) towards +y (down).
    """

    theta: float

    @property
    @abstractmethod
    def is_dc_free(self) -> bool:
        """Whether a constant image answers zero."""

    @property
    def learnable(self) -> bool:
        """Whether a parameter is a torch tensor."""
        return False

    @property
    @abstractmethod
    def frequency(self) -> float:
        """Centre frequency in cycles per pixel, dilation included."""

    @abstractmethod
    def radius(self, tolerance: float = TOLERANCE) -> int:
        """Half-width in pixels of the square support; it does not depend on ``theta``."""

    @abstractmethod
    def sample(self, tolerance: float = TOLERANCE) -> ComplexArray:
        """Kernel on the pixel grid: complex128, sides 2 radius + 1, origin at the centre."""

    @abstractmethod
    def transfer(self, fy: RealArray, fx: RealArray, *, sampled: bool = False) -> ComplexArray:
        """Transfer function at frequencies in cycles per pixel."""

    @property
    def separable(self) -> bool:
        """Whether the kernel is exactly a sum of a few outer products."""
        return False

    def thumbnail(self, radius: int) -> ComplexArray:
        """Samples for a small picture, complex128, at most ``radius`` each way.

        Of a larger kernel, every n-th one; of a huge one, of its shrunk self.
        """
        reach = self.radius(_THUMBNAIL)
        kernel = self if reach <= _MOST_SAMPLED else self.scaled(_MOST_SAMPLED / reach)
        samples = as_numpy(kernel.sample(_THUMBNAIL))
        middle = len(samples) // 2
        step = math.ceil(middle / radius)
        line = middle + step * np.arange(-(middle // step), middle // step + 1)
        return samples[np.ix_(line, line)]

    def _repr_html_(self) -> str:
        samples = self.thumbnail(40)
        parts = [signed_colours(part) for part in (samples.real, samples.imag)]
        return page(repr(self), sheet(parts, 2), f"Real and imaginary part of {self.label}", 3)

    def factors(self, tolerance: float = TOLERANCE, accuracy: float = 1e-15) -> Factors:
        """The samples as a weighted sum of outer products.

        Parameters
        ----------
        tolerance : float
            As in :meth:`sample`.
        accuracy : float
            Terms that together hold less than this share of the kernel's L2 norm are left out.

        Returns
        -------
        weights : complex128 array (T,)
        columns, rows : complex128 arrays (T, 2 radius + 1)
            ``sample()`` is the sum over t of ``weights[t] * outer(columns[t], rows[t])``.
        """
        samples: Any = self.sample(tolerance)
        if is_tensor(samples):
            samples = samples.detach().cpu().numpy()
        # Real rows for real and imaginary part together: one real row pass then serves both. Even
        # and odd rows apart, so that every row is exactly one or the other.
        stacked = np.concatenate([samples.real, samples.imag])
        halves = [_halves(stacked, sign) for sign in (1, -1)]
        values = np.concatenate([half[1] for half in halves])
        columns = np.concatenate([half[0] for half in halves])
        rows = np.concatenate([half[2] for half in halves])
        size = len(samples)
        left = columns[:, :size] + 1j * columns[:, size:]
        return ranked(values, left, rows, accuracy)

    def terms(self, tolerance: float = TOLERANCE, accuracy: float = 1e-15) -> float:
        """How many terms :meth:`factors` has, about, without computing them."""
        return 2 * self.radius(tolerance) + 1

    def canonical(self) -> tuple[Hashable, bool, float]:
        """What two kernels must share for one's response to give the other's.

        Returns
        -------
        key : hashable
            Kernels of equal key answer a real image alike, up to the next two.
        conjugate : bool
            Whether the response is the conjugate of the key's.
        phase : float
            Radians by which the response is turned after that.
        """
        return self, False, 0.0

    def scaled(self, a: float, j: float = 1) -> Self:
        """The kernel dilated by ``a**j``; KernelError where a family does not say how."""
        raise KernelError(
            f"{type(self).__name__} does not say what it is when dilated; give it a method scaled"
        )

    @abstractmethod
    def rotated(self, theta: float) -> Self:
        """The kernel turned by ``theta`` radians, from +x towards +y."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """JSON-ready description, with the ``family`` that :class:`GaborBank` reads it back by."""

    @property
    def label(self) -> str:
        """Short name for plots and tables."""
        degrees = round(math.degrees(number(self.theta)), 2)
        return f"{1 / self.frequency:.4g} px, {degrees:g}°"

    @overload
    def filter(self, image: NDArray[Any], **options: Unpack[FilterKeywords]) -> NDArray[Any]: ...
    @overload
    def filter(self, image: Tensor, **options: Unpack[FilterKeywords]) -> Tensor: ...
    @overload
    def filter(self, image: DaskArray, **options: Unpack[FilterKeywords]) -> DaskArray: ...
    def filter(
        self,
        image: Array,
        *,
        part: Part = "complex",
        boundary: Boundary = "reflect",
        engine: Engine = "auto",
        channel_axis: int | None = None,
        tolerance: float = TOLERANCE,
        transfer: Transfer = "sampled",
    ) -> Array:
        """Convolve ``image`` (..., H, W) with this kernel; complex (..., H, W).

        The same as :meth:`GaborBank.filter` with a bank of one kernel, without the kernel axis.

        Examples
        --------
        >>> import numpy as np
        >>> import gaborkit as gk
        >>> kernel = gk.GaborKernel(wavelength=8, sigma=4)
        >>> kernel.filter(np.zeros((32, 48), np.float32)).dtype
        dtype('complex64')
        """
        from ..bank import GaborBank  # the one door upwards: a kernel alone is a bank of one

        responses = GaborBank([self]).filter(
            image,
            part=part,
            boundary=boundary,
            engine=engine,
            channel_axis=channel_axis,
            tolerance=tolerance,
            transfer=transfer,
        )
        return responses[..., 0, :, :]


def ranked(values: RealArray, columns: ComplexArray, rows: RealArray, accuracy: float) -> Factors:
    """Terms of orthonormal columns and rows by their size, without those too small to matter."""
    order = np.argsort(-values, kind="stable")
    shares = values[order] / (values.max() or 1)  # squares of tiny values would be nothing
    tail = np.sqrt(np.cumsum(shares[::-1] ** 2))[::-1]
    chosen = order[: max(1, int(np.count_nonzero(tail > accuracy * tail[0])))]
    return values[chosen] + 0j, columns[chosen], rows[chosen] + 0j


def _halves(stacked: RealArray, sign: int) -> tuple[RealArray, RealArray, RealArray]:
    """Singular vectors and values of the even (1) or odd (-1) part of rows (2 n, n)."""
    radius = stacked.shape[1] // 2
    ahead, behind = stacked[:, radius + 1 :], stacked[:, :radius][:, ::-1]
    # An orthonormal basis of such rows: the centre, and pairs of samples over sqrt(2).
    half = (ahead + sign * behind) / math.sqrt(2)
    if sign > 0:
        half = np.concatenate([stacked[:, radius, None], half], axis=1)
    columns, values, right = np.linalg.svd(half, full_matrices=False)
    wings = right[:, sign > 0 :] / math.sqrt(2)
    centre = right[:, :1] if sign > 0 else np.zeros((len(right), 1))
    return columns.T, values, np.concatenate([sign * wings[:, ::-1], centre, wings], axis=1)
