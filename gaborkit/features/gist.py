"""GIST, the spatial envelope of a scene (Oliva and Torralba, 2001).

The picture is brought to a square, its local contrast is evened out, and the magnitudes of Gabor
responses are averaged over the blocks of a coarse grid. The filters are those of the authors' own
program, which are Gaussians over radius and angle of the frequency plane instead of Gabor kernels::

    T(f) = exp(-3.5 (|f| / f0 - 1)^2 - pi / 32 (n d)^2),   f0 = 0.3 / 1.85^scale cycles per pixel

with n orientations at the scale, and d the angle between f and the wave vector in (-pi, pi].
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..caches import lru_cache
from ..errors import FeatureError
from ..filtering.backend import Library, NumpyLibrary, library_of
from ..filtering.engines.threads import available
from ..filtering.padding import pad, source_index
from ..types import Array, ArrayT, RealArray
from ..whole_numbers import is_whole
from .base import Descriptor

#: Pixels of mirrored outside around a picture whose contrast is evened out, or that is filtered.
CONTRAST_MARGIN, MARGIN = 5, 32

#: Added to the local deviation that contrast is divided by.
LEAST_DEVIATION = 0.2

#: Energy that counts as none.
TINY = 1e-20


@dataclass(frozen=True)
class Gist(Descriptor):
    """GIST: mean magnitudes of Gabor filters over the blocks of a grid.

    Parameters
    ----------
    orientations : tuple of int
        Number of orientations at each scale, the finest first.
    blocks : int
        Blocks along either side.
    size : int, optional
        The picture is scaled until it covers a square of so many pixels a side, of which the middle
        is taken. None keeps pictures as they are, of any shape.
    contrast : float
        Half-response frequency, in cycles per picture, of the low-pass that tells what is local:
        below it, the logarithm of the picture is taken away and its contrast evened out. 0 leaves
        this step out.

    Raises
    ------
    FeatureError
        If a parameter is out of range; from :meth:`describe`, if there are fewer pixels than blocks
        along a side.

    Notes
    -----
    The values, their order (scale, orientation counter-clockwise from 0 degrees, block down the
    columns) and the filters are those of the authors' LMgist.m with ``orientationsPerScale = [8 8
    4]``, ``imageSize = [256 256]``, ``fc_prefilt = 4``; but the edges of a picture that is shrunk
    are treated as Pillow and torch do, and not as MATLAB does. A grey picture gives 20 x 16 = 320
    values, 512 with ``(8, 8, 8, 8)``. Of a colour picture, :meth:`describe` with
    ``channel_axis`` gives 960: each channel is stretched to its own range, and divided by its own
    local contrast.

    References
    ----------
    Oliva and Torralba (2001), "Modeling the shape of the scene: a holistic representation of the
    spatial envelope", IJCV 42(3), 145-175. Their program is at
    people.csail.mit.edu/torralba/code/spatialenvelope.

    Examples
    --------
    >>> features = Gist().describe(np.random.default_rng(0).random((80, 120, 3)), channel_axis=-1)
    >>> len(features), features.names[321]
    (960, 'c1 3.333 px, 0°, row 1, column 0')
    """

    orientations: tuple[int, ...] = (8, 8, 4)
    blocks: int = 4
    size: int | None = 256
    contrast: float = 4.0

    def __post_init__(self) -> None:
        try:
            counts = tuple(operator.index(count) for count in self.orientations)
        except TypeError:
            counts = ()
        if not counts or min(counts) < 1:
            raise FeatureError(
                f"orientations={self.orientations!r} are no numbers of orientations; "
                "try (8, 8, 4) or (8, 8, 8, 8)"
            )
        object.__setattr__(self, "orientations", counts)
        for name, least in (("blocks", 1), ("size", 2)):
            value = getattr(self, name)
            if name == "size" and value is None:
                continue
            if not is_whole(value, least):
                raise FeatureError(f"{name}={value!r} is not a whole number of {least} or more")
        if self.size is not None and self.size < self.blocks:
            raise FeatureError(f"size={self.size} pixels are fewer than blocks={self.blocks}")
        number = isinstance(self.contrast, (int, float, np.number))
        if not number or not 0 <= self.contrast < math.inf:
            raise FeatureError(
                f"contrast={self.contrast!r} is no frequency in cycles per picture; try 4, or 0"
            )

    def names(self, shape: tuple[int, int]) -> tuple[str, ...]:
        """Wavelength and theta of each filter, and the block."""
        return tuple(
            f"{wavelength:.4g} px, {degrees:g}°, row {row}, column {column}"
            for wavelength, degrees in (
                (1 / frequency, round(math.degrees(theta), 2))
                for frequency, theta, _ in _filters(self.orientations)
            )
            for column in range(self.blocks)
            for row in range(self.blocks)
        )

    def values(self, planes: Array, inside: NDArray[np.bool_] | None = None) -> Array:
        """Block means (..., filters * blocks * blocks); of an object, over its bounding box."""
        library = library_of(planes)
        if library.name == "numpy":
            library = NumpyLibrary(workers=available())
        leading = tuple(planes.shape[:-2])
        pictures = planes.reshape(-1, *planes.shape[-2:])
        if library.name == "numpy":
            library.check_finite(pictures)
        if self.size is not None:
            pictures = _square(library, pictures, self.size)
        if min(pictures.shape[-2:]) < self.blocks:
            raise FeatureError(
                f"a picture of {pictures.shape[-2]} x {pictures.shape[-1]} pixels has no "
                f"{self.blocks} x {self.blocks} blocks; give size=256 or fewer blocks"
            )
        if self.contrast:
            pictures = even_contrast(pictures, self.contrast)
        means = self._block_means(library, pictures)
        return means.reshape(*leading, -1)

    def _block_means(self, library: Library, pictures: Array) -> Array:
        """Mean magnitudes (B, filters, columns, rows)."""
        height, width = pictures.shape[-2:]
        double = library.double(pictures)
        padded = pad(library, pictures, MARGIN, "reflect")
        shape = tuple(padded.shape[-2:])
        spectrum = _transform(library, padded)
        inside = slice(MARGIN, -MARGIN)
        tall, wide = (
            library.constant(_block_averages(n, self.blocks), double, real=True)
            for n in (height, width)
        )
        means = []
        for transfer in _transfers(self.orientations, shape, double):
            product = spectrum * library.constant(transfer, double, real=True)
            magnitude = abs(_inverse(library, product))[..., inside, inside]
            means.append(tall @ magnitude @ wide.T)
        return library.stack(means, 1).swapaxes(-2, -1)


def even_contrast(pictures: ArrayT, cutoff: float = 4.0) -> ArrayT:
    """The logarithm of pictures with what is not local taken away, divided by its local deviation.

    Parameters
    ----------
    pictures : real array or tensor (..., H, W)
        Each is stretched to the values from 0 to 255 first.
    cutoff : float
        Half-response frequency of the Gaussian low-pass in cycles per picture, the longer side and
        ten pixels of margin.

    Returns
    -------
    array or tensor (..., H, W)
        A picture that is constant gives zeros. Tensors pass gradients.

    References
    ----------
    The function ``prefilt`` of Oliva and Torralba's program.

    Examples
    --------
    >>> float(abs(even_contrast(np.full((20, 30), 7.0))).max().round(12))
    0.0
    """
    library = library_of(pictures)
    height, width = pictures.shape[-2:]
    flat: Array = pictures.reshape(-1, height * width)
    numpy = library.name == "numpy"
    low, high = (flat.min(1), flat.max(1)) if numpy else (flat.amin(1), flat.amax(1))
    low, spread = low[:, None], (high - low)[:, None]
    # What rounding has left of a constant picture is not stretched.
    constant = spread <= (1e-12 if library.double(pictures) else 1e-5) * abs(low)
    stretched = 255 * (flat - low) * ~constant / (spread + constant)
    logarithm = (np.log1p(stretched) if numpy else stretched.log1p()).reshape(-1, height, width)
    padded = pad(library, logarithm, CONTRAST_MARGIN, "reflect")
    side = max(height, width) + 2 * CONTRAST_MARGIN
    side += side % 2
    for axis in (1, 2):  # up to an even square, below and to the right
        size = padded.shape[axis]
        index = source_index(size, side - size, "reflect")[side - size :]
        padded = library.take(padded, index, axis)
    line = np.fft.fftfreq(side, 1 / side)
    gaussian = np.exp(-math.log(2) * (line / cutoff) ** 2)
    lowpass = library.constant(np.outer(gaussian, gaussian), library.double(pictures), real=True)

    def smooth(planes: Array) -> Array:
        return _inverse(library, _transform(library, planes) * lowpass).real

    local = padded - smooth(padded)
    # The low-pass of squares is positive up to rounding; a root of zero would have no gradient.
    energy = smooth(local**2)
    local = local / (LEAST_DEVIATION + (energy * (energy > TINY) + TINY) ** 0.5)
    margin = CONTRAST_MARGIN
    inner = local[:, margin : margin + height, margin : margin + width]
    return inner.reshape(*pictures.shape)


def _square(library: Library, pictures: Array, size: int) -> Array:
    """The middle of pictures scaled, linearly and without aliases, until they cover a square."""
    height, width = pictures.shape[-2:]
    scale = size / min(height, width)
    double = library.double(pictures)
    tall, wide = (
        library.constant(_resampling(old, max(size, round(old * scale)), size), double, real=True)
        for old in (height, width)
    )
    return tall @ pictures @ wide.T


@lru_cache(maxsize=32)
def _resampling(old: int, new: int, size: int) -> RealArray:
    """Weights (size, old) of the middle of ``old`` pixels resampled to ``new``.

    A triangle as wide as the larger of the two pixels, as in Pillow, torch and MATLAB.
    """
    first = (new - size) // 2
    centre = (np.arange(first, first + size) + 0.5) * old / new - 0.5
    width = max(1.0, old / new)
    weights = np.maximum(0, 1 - abs(np.arange(old) - centre[:, None]) / width)
    return weights / weights.sum(1, keepdims=True)


def _block_averages(size: int, blocks: int) -> RealArray:
    """Weights (blocks, size) of the mean over each block of pixels."""
    edges = np.arange(blocks + 1) * size // blocks
    places = np.arange(size)
    inside = (places >= edges[:-1, None]) & (places < edges[1:, None])
    return inside / inside.sum(1, keepdims=True)


def _filters(orientations: tuple[int, ...]) -> list[tuple[float, float, int]]:
    """Frequency, theta in the half circle, and orientations at the scale, of each filter."""
    return [
        (0.3 / 1.85**scale, -i * math.pi / count % math.pi, count)
        for scale, count in enumerate(orientations)
        for i in range(count)
    ]


@lru_cache(maxsize=4)
def _transfers(
    orientations: tuple[int, ...], shape: tuple[int, int], double: bool
) -> tuple[RealArray, ...]:
    """Transfer functions on the grid of a discrete Fourier transform."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])
    radius, angle = np.hypot(fy, fx), np.arctan2(fy, fx)
    transfers = []
    for frequency, theta, count in _filters(orientations):
        # To the wave vector at theta - pi: a real picture answers as to theta.
        off = (angle - theta) % (2 * math.pi) - math.pi if theta else angle
        exponent = 3.5 * (radius / frequency - 1) ** 2 + math.pi / 32 * (count * off) ** 2
        transfers.append(np.exp(-exponent).astype(np.float64 if double else np.float32))
    return tuple(transfers)


def _transform(library: Library, planes: Array) -> Array:
    height, width = planes.shape[-2:]
    return library.fft(library.fft(planes, width, -1), height, -2)


def _inverse(library: Library, spectrum: Array) -> Array:
    return library.ifft(library.ifft(spectrum, -2), -1)
