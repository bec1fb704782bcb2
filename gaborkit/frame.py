"""The invertible frame: a bank completed by a low-pass, analysis, and its exact inverse.

On the torus (``boundary="wrap"``) every channel multiplies the spectrum by its transfer function
H_k, and for real images the frame operator multiplies it by the Littlewood-Paley sum::

    T(f) = sum over k of (|H_k(f)|^2 + |H_k(-f)|^2) / 2

Its extremes are the frame bounds. Dividing by it inverts the frame in the sense of least squares.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .caches import keep
from .errors import FrameError, FrameWarning, warn
from .filtering.backend import Library, library_of
from .filtering.engines.threads import available
from .filtering.parts import empty
from .kernels.base import TOLERANCE, Kernel
from .notebook import page
from .torus import Torus
from .types import Array, ArrayT, ComplexArray, RealArray

if TYPE_CHECKING:
    from .bank import GaborBank

#: Ratio of the bounds from which a high-pass is added unless the caller decides.
LOOSE = 10.0

#: Ratio of the bounds from which the inverse loses precision, and from which there is none.
POOR, SINGULAR = 1e4, 1e12


class GaborFrame:
    """A bank, a low-pass and, where needed, a high-pass, with perfect reconstruction.

    The low-pass takes up to the lowest centre frequency what the kernels leave of their largest
    Littlewood-Paley sum, and fades out over the octave above it. The high-pass, the residual, takes
    all that is left anywhere: with it the two bounds are equal, for any bank.

    Parameters
    ----------
    bank : GaborBank
        K kernels, without gradients.
    shape : (H, W)
        Of the images.
    highpass : bool, optional
        Add the residual channel. None adds it if the bounds' ratio without it exceeds 10.
    tight : bool
        Divide every transfer function by the square root of the Littlewood-Paley sum: both bounds
        are then 1, and the inverse is the adjoint.
    tolerance : float
        As in :meth:`Kernel.sample`.

    Raises
    ------
    FrameError
        If the shape is not that of an image, a kernel is learnable, or the frame cannot be
        inverted: the bounds' ratio exceeds 1e12.

    Warns
    -----
    FrameWarning
        If the bounds' ratio exceeds 1e4.

    References
    ----------
    Mallat (2009), "A Wavelet Tour of Signal Processing", 3rd edition, section 5.1.
    Bruna and Mallat (2013), "Invariant scattering convolution networks", IEEE TPAMI 35(8), eq. 9.

    Examples
    --------
    >>> import gaborkit as gk
    >>> frame = gk.GaborBank.grid(scales=3, orientations=6).frame((45, 60))
    >>> image = np.random.default_rng(0).random((45, 60))
    >>> coefficients = frame.analyze(image)
    >>> coefficients.shape, frame.labels[-2:]
    ((20, 45, 60), ('low-pass', 'high-pass'))
    >>> bool(np.allclose(frame.synthesize(coefficients), image, rtol=0, atol=1e-12))
    True
    """

    bank: GaborBank
    shape: tuple[int, int]
    tight: bool
    tolerance: float

    def __init__(
        self,
        bank: GaborBank,
        shape: tuple[int, int],
        *,
        highpass: bool | None = None,
        tight: bool = False,
        tolerance: float = TOLERANCE,
    ) -> None:
        shape = _checked_shape(shape)
        if any(kernel.learnable for kernel in bank.kernels):
            raise FrameError("a frame of learnable kernels would go stale; give float parameters")
        self.bank, self.shape, self.tight, self.tolerance = bank, shape, tight, tolerance
        self._covering = _covering(bank.kernels, shape, highpass, tolerance)
        lower, upper = (f(self._covering.coverage) for f in (np.min, np.max))
        if upper > POOR * lower:
            warn(
                f"frame bounds {lower:.3g} and {upper:.3g} are far apart: the inverse loses "
                f"{math.log10(upper / lower) / 2:.1f} digits; pass highpass=True",
                FrameWarning,
            )

    # ---- figures ----

    def __len__(self) -> int:
        """Count the channels: the bank's kernels, the low-pass, and the high-pass if there."""
        return len(self.bank.kernels) + len(self._covering.completion)

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of each channel."""
        kernels = (kernel.label for kernel in self.bank.kernels)
        return (*kernels, "low-pass", "high-pass")[: len(self)]

    @property
    def highpass(self) -> bool:
        """Whether the last channel is the high-pass."""
        return len(self._covering.completion) == 2

    @property
    def bounds(self) -> tuple[float, float]:
        """A and B of A ||x||^2 <= sum of ||c_k||^2 <= B ||x||^2, for real images x."""
        coverage = self.coverage
        return float(coverage.min()), float(coverage.max())

    @property
    def ratio(self) -> float:
        """B / A: at most this much the inverse amplifies the energy of an error, relatively."""
        lower, upper = self.bounds
        return upper / lower

    @property
    def coverage(self) -> RealArray:
        """Littlewood-Paley sum T, float64 (H, W), frequencies in the order of ``numpy.fft``."""
        return np.ones(self.shape) if self.tight else self._covering.coverage

    def __repr__(self) -> str:
        lower, upper = self.bounds
        high = " + high-pass" if self.highpass else ""
        return (
            f"GaborFrame({len(self.bank)} kernels + low-pass{high}, {self.shape[0]} x "
            f"{self.shape[1]}, bounds {lower:.4g} to {upper:.4g}, ratio {upper / lower:.4g})"
        )

    def _repr_html_(self) -> str:
        return page(repr(self), self.bank.thumbnail(), f"Real parts of {self.bank!r}", 2)

    # ---- analysis and synthesis ----

    def analyze(self, image: ArrayT) -> ArrayT:
        """Coefficients of an image.

        Parameters
        ----------
        image : real array or tensor (..., H, W)
            Integers are promoted as by :meth:`GaborBank.filter`.

        Returns
        -------
        complex array or tensor (..., C, H, W)
            C is ``len(frame)``. Without ``tight`` the first K channels are
            ``bank.filter(image, boundary="wrap")``, to 1e-5 in single precision, in which engines
            of the bank make those of an array. The low-pass and the high-pass are real.

        Raises
        ------
        FrameError
            If the image's shape is not the frame's.
        ImageError
            If the image is not real, or (NumPy) holds NaN or infinity.
        """
        library = library_of(image)
        image = library.promote(image)
        library.check_finite(image)
        if tuple(image.shape[-2:]) != self.shape:
            raise FrameError(
                f"an image of shape {tuple(image.shape)} does not fit this frame for "
                f"(..., {self.shape[0]}, {self.shape[1]}); build one with bank.frame"
            )
        if library.name == "numpy" and image.dtype == np.float32:
            return self._analyze_single(library, image)
        spectrum = self._transform(library, image)
        transfers = self._transfers(library, library.double(image))
        channels = (_inverse(library, spectrum * transfer) for transfer in transfers)
        return library.stack(list(channels), -3)

    def _analyze_single(self, library: Library, image: Array) -> Array:
        """As :meth:`analyze`, of a float32 array; the engines are faster than whole transforms."""
        shape = (*image.shape[:-2], len(self), *self.shape)
        coefficients = empty(shape, np.dtype(np.complex64))
        by_engines = 0 if self.tight else len(self.bank)
        options: Any = {"boundary": "wrap", "tolerance": self.tolerance}
        if by_engines and image.ndim == 2:
            self.bank.filter(image, out=coefficients[:by_engines], **options)
        elif by_engines:  # pictures few pixels wide are no colours
            responses = self.bank.responses(image, channel_axis=-3, **options)
            for k, response in enumerate(responses):
                coefficients[..., k, :, :] = response
        spectrum = self._transform(library, image)
        for k, transfer in enumerate(self._channels(by_engines), start=by_engines):
            transfer = library.constant(transfer, False)
            coefficients[..., k, :, :] = _inverse(library, spectrum * transfer)
        return coefficients

    def adjoint(self, coefficients: ArrayT) -> ArrayT:
        """Adjoint of :meth:`analyze`; real (..., H, W).

        ``Re <analyze(x), c> == <x, adjoint(c)>`` for every image x and coefficients c.
        """
        return self._adjoint(coefficients, 1.0)

    def synthesize(self, coefficients: ArrayT) -> ArrayT:
        """Image whose coefficients are nearest: the inverse of :meth:`analyze`.

        The canonical dual frame. Coefficients that no image has are projected, in least squares; in
        single precision, of a kernel that is round, frequencies that it answers with less than 5e-7
        of its largest gain have no part.

        Parameters
        ----------
        coefficients : complex array or tensor (..., C, H, W)

        Returns
        -------
        real array or tensor (..., H, W)

        Raises
        ------
        FrameError
            If the coefficients are not complex or their shape is not the frame's.
        """
        return self._adjoint(coefficients, 1 / self.coverage)

    def _adjoint(self, coefficients: ArrayT, multiplier: RealArray | float) -> ArrayT:
        """As :meth:`adjoint`, its transform multiplied."""
        library, double = self._checked(coefficients)
        if library.name == "numpy":
            return self._adjoint_of_arrays(coefficients, multiplier)
        total: Any = 0
        for k, transfer in enumerate(self._transfers(library, double)):
            channel = self._transform(library, coefficients[..., k, :, :])
            total = total + transfer.conj() * channel
        return _inverse(library, total * library.constant(multiplier, double, real=True)).real

    def _adjoint_of_arrays(self, coefficients: Any, multiplier: RealArray | float) -> Any:
        """As :meth:`_adjoint`, of arrays: of the real result half a transform is enough."""
        import scipy.fft

        half, workers = self.shape[1] // 2 + 1, available()
        total = self._covering.torus.gather(coefficients[..., : len(self.bank), :, :])
        real = coefficients.real
        for k, transfer in enumerate(self._covering.completion, start=len(self.bank)):
            channel = scipy.fft.rfft2(real[..., k, :, :], workers=workers)
            total += transfer[:, :half].astype(real.dtype) * channel
        scale = np.broadcast_to(self._scale * multiplier, self.shape)
        total *= scale[:, :half].astype(real.dtype)
        return scipy.fft.irfft2(total, self.shape, workers=workers, overwrite_x=True)

    def _transform(self, library: Library, array: Array) -> Array:
        return library.fft(library.fft(array, self.shape[1], -1), self.shape[0], -2)

    def _checked(self, coefficients: Array) -> tuple[Library, bool]:
        library = library_of(coefficients)
        wanted = (len(self), *self.shape)
        shape = tuple(getattr(coefficients, "shape", ()))
        if shape[-3:] != wanted:
            raise FrameError(
                f"coefficients of shape {shape} do not fit this frame, which has "
                f"(..., {', '.join(map(str, wanted))})"
            )
        dtype = coefficients.dtype
        name = getattr(dtype, "name", str(dtype)).removeprefix("torch.")
        if name not in ("complex64", "complex128"):
            raise FrameError(
                f"coefficients of dtype {name} are not complex64 or complex128; magnitudes alone "
                "do not determine an image"
            )
        return library, name == "complex128"

    def transfers(self) -> list[ComplexArray]:
        """Transfer function of each channel, complex128 (H, W), in the order of ``numpy.fft``."""
        return [np.asarray(channel, complex) for channel in self._channels()]

    def _transfers(self, library: Library, double: bool) -> Iterator[Array]:
        for channel in self._channels():
            yield library.constant(channel, double)

    def _channels(self, first: int = 0) -> Iterator[Array]:
        """Transfer functions from a channel on, one at a time: large ones are not all held."""
        scale, completion = self._scale, self._covering.completion
        planes = self._covering.torus.planes() if first == 0 else ()
        for channel in itertools.chain(planes, completion):
            yield channel * scale

    @property
    def _scale(self) -> RealArray | float:
        """What every channel's transfer function is multiplied by."""
        return 1 / np.sqrt(self._covering.coverage) if self.tight else 1.0


@dataclass(frozen=True)
class _Covering:
    """A bank's transfer functions, those that complete them, and the Littlewood-Paley sum."""

    torus: Torus
    completion: tuple[RealArray, ...]
    coverage: RealArray

    @property
    def nbytes(self) -> int:
        """Of the arrays."""
        return self.torus.nbytes + (1 + len(self.completion)) * self.coverage.nbytes


@keep
def _covering(
    kernels: tuple[Kernel, ...], shape: tuple[int, int], highpass: bool | None, tolerance: float
) -> _Covering:
    """The low-pass and, where needed, the high-pass of a frame; see :class:`GaborFrame`."""
    torus = Torus(kernels, shape, tolerance)
    power = torus.power()
    power = (power + np.roll(power[::-1, ::-1], (1, 1), axis=(0, 1))) / 2  # its even part
    # On a few pixels the kernels may answer nothing at all.
    nominal = max(_peak_power(kernel) for kernel in kernels)
    full = float(np.max(power)) if np.max(power) > 1e-6 * nominal else nominal
    rest = np.maximum(full - power, 0)
    window = _low_window(shape, min(kernel.frequency for kernel in kernels))
    completion = [np.sqrt(rest * window)]
    coverage = power + rest * window
    if highpass or (highpass is None and coverage.max() > LOOSE * coverage.min()):
        completion.append(np.sqrt(rest * (1 - window)))
        coverage = power + rest
    if coverage.max() > SINGULAR * coverage.min():
        raise FrameError(
            "this frame cannot be inverted: its channels answer some frequency with less than "
            f"{1 / math.sqrt(SINGULAR):g} of the largest gain; pass highpass=True"
        )
    return _Covering(torus, tuple(completion), coverage)


def frame_bank(
    bank: GaborBank,
    shape: tuple[int, int],
    *,
    highpass: bool | None = None,
    tight: bool = False,
    tolerance: float = TOLERANCE,
) -> GaborFrame:
    """The bank completed to an invertible frame of images of ``shape``; see :class:`GaborFrame`."""
    return GaborFrame(bank, shape, highpass=highpass, tight=tight, tolerance=tolerance)


def _inverse(library: Library, spectrum: Array) -> Array:
    return library.ifft(library.ifft(spectrum, -1), -2)


def _peak_power(kernel: Kernel) -> float:
    frequency, theta = kernel.frequency, kernel.theta
    fy, fx = np.array(frequency * math.sin(theta)), np.array(frequency * math.cos(theta))
    return float(abs(kernel.transfer(fy, fx)) ** 2)


def _low_window(shape: tuple[int, int], lowest: float) -> RealArray:
    """Squared low-pass window: 1 up to the frequency ``lowest``, 0 from an octave above it."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])
    radius = np.hypot(fy, fx)
    octaves = np.log2(np.maximum(radius, lowest) / lowest)
    window: RealArray = np.cos(np.pi / 2 * np.minimum(octaves, 1)) ** 2
    return window


def _checked_shape(shape: Any) -> tuple[int, int]:
    try:
        height, width = shape
        whole = height == int(height) and width == int(width)
    except (TypeError, ValueError):
        whole = False
    if not whole or height < 1 or width < 1:
        raise FrameError(f"shape={shape!r} is not (H, W), two whole numbers of pixels")
    return int(height), int(width)
