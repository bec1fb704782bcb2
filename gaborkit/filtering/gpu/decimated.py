"""Smooth responses of Gabor kernels by a coarse grid, for CUDA tensors, in Triton: no gradients.

A wide kernel answers only to low frequencies. Their spectrum is multiplied by the kernel's transfer
function in closed form, transformed back on a grid of every 2nd, 4th, 8th or 16th pixel, and
interpolated with a Kaiser-Bessel function, whose own transfer function is divided out beforehand.
That is a non-uniform Fourier transform on uniform points; each response is written once. It agrees
with the closed form to :data:`ERROR`; truncated samples differ from that by their tolerance more.

References
----------
Jackson, Meyer, Nishimura and Macovski (1991), "Selection of a convolution function for Fourier
inversion using gridding", IEEE Trans. Med. Imaging 10(3), 473-478.
Barnett, Magland and af Klinteberg (2019), "A parallel nonuniform fast Fourier transform library
based on an exponential of semicircle kernel", SIAM J. Sci. Comput. 41(5), C479-C504.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...caches import lru_cache
from ...kernels.base import Kernel
from ...kernels.gabor import GaborKernel
from ...kernels.parameters import number
from ...types import Array, RealArray
from ..backend import fast_size, put
from ..engines.base import Cost, Work
from ..engines.batch import Batch
from ..engines.factorization import Set
from ..engines.pyramid import not_wide
from . import fused
from .engine import START, Target, TritonEngine, plane, written

#: Share of the response to white noise by which responses may differ from the closed form's.
ERROR = 1e-5

#: Coarse samples that one output is interpolated from, along each axis.
TAPS = 8

#: Band of the responses in cycles per coarse sample, beyond which interpolation would see aliases.
EDGE = 0.32

#: Spectral deviations from the wave vector to the band's edge: 1e-6 of the peak lies beyond.
DEVIATIONS = 5.3

#: The longest step, in pixels.
LONGEST = 16

#: Bytes of coarse spectra that are held at a time.
BATCH_BYTES = 2**29

#: Sides of the programs' blocks.
ROWS, BLOCK = 32, 128


class Decimated(TritonEngine):
    """Wide Gabor kernels in single precision, on a grid as coarse as they allow."""

    name = "pyramid"
    whole_kernels = True

    def refusal(self, work: Work) -> str:
        """Others have no use of a coarse grid."""
        return "" if supports(work.members, work.double) else not_wide(work)

    def cost(self, work: Work) -> Cost:
        """Transforms of the whole plane, and of a coarse one for each kernel."""
        one = plane(work, work.members[0].radius(work.tolerance))
        share = step_of(work.members[0]) ** -2
        time = START + written(work) + 2 * one + len(work.members) * 7 * share * one
        return Cost(time, time)

    def margin(self, batch: Batch, kernels: Sequence[Kernel]) -> int:
        """A whole number of coarse samples."""
        return max(margin_of(kernels, step) for step in {step_of(kernel) for kernel in kernels})

    def store(self, batch: Batch, margin: int, one: Set, target: Target) -> None:
        """By half a spectrum of the pictures."""
        margin = math.ceil(margin / LONGEST) * LONGEST
        size = transform_size(batch.shape, margin)
        transformed = batch.shared(
            "half spectrum", margin, lambda: spectrum(batch.padded(margin), size)
        )
        level = batch.level
        respond(transformed, size, margin, level, *one, *target)


def step_of(kernel: Kernel, limit: int = LONGEST) -> int:
    """Pixels between the coarse samples that carry the response; 1 if the grid must stay whole.

    Examples
    --------
    >>> [step_of(GaborKernel(wavelength=2 * sigma, sigma=sigma)) for sigma in (4, 9, 18, 36)]
    [1, 2, 4, 8]
    """
    if not isinstance(kernel, GaborKernel) or kernel.learnable:
        return 1
    deviation = number(kernel.sigma * kernel.scale)
    spread = max(1.0, number(kernel.gamma)) / (2 * math.pi * deviation)
    edge = kernel.frequency + DEVIATIONS * spread
    step = 1
    while 2 * step <= limit and 2 * step * edge <= EDGE:
        step *= 2
    return step


def margin_of(kernels: Sequence[Kernel], step: int) -> int:
    """Pixels of outside that leave less than rounding of the kernels beyond them."""
    reach = max(kernel.radius(1e-7) for kernel in kernels)
    return -(-max(reach, TAPS * step) // LONGEST) * LONGEST


def supports(kernels: Sequence[Kernel], double: bool) -> bool:
    """Whether the engine takes these kernels: of one step above 1, in single precision."""
    steps = {step_of(kernel) for kernel in kernels}
    return len(steps) == 1 and steps != {1} and not double


def transform_size(shape: tuple[int, int], margin: int) -> tuple[int, int]:
    """Size of the image's transform: a multiple of every step, by factors of 2, 3 and 5."""
    height, width = (fast_size(-(-(n + 2 * margin) // LONGEST)) * LONGEST for n in shape)
    return height, width


def spectrum(padded: Array, size: tuple[int, int]) -> Array:
    """Half of the transform of real pictures (B, h, w), complex (B, size[0], size[1] // 2 + 1)."""
    return sys.modules["torch"].fft.rfft2(padded.float(), size)


def respond(
    transformed: Array,
    size: tuple[int, int],
    margin: int,
    level: Array,
    kernels: Sequence[Kernel],
    places: Sequence[int],
    out: Array,
    part: str = "complex",
    inverses: Array | None = None,
) -> None:
    """Multiply, transform back on the coarse grid, interpolate, store.

    Parameters
    ----------
    transformed : complex tensor
        From :func:`spectrum`, of the padded image less its mean.
    size : (int, int)
        Of the transform, from :func:`transform_size`.
    margin : int
        Where the image starts in the padded image, a multiple of :data:`LONGEST`.
    level : tensor (B,) or (B, 1, 1)
        Mean that was taken off, whose answer is added again.
    kernels, places, out, part, inverses
        As in :func:`gaborkit.filtering.gpu.fused.respond`; kernels of one step.
    """
    torch = sys.modules["torch"]
    step = step_of(kernels[0])
    coarse = (size[0] // step, size[1] // step)
    pictures = len(transformed)
    inverses = torch.ones_like(level) if inverses is None else inverses
    # A product, its transform back, and as much again for the transform's own use.
    fitting = BATCH_BYTES // (24 * pictures * math.prod(coarse))
    together = max(1, min(fitting, 65535 // pictures))  # a launch's limit
    with torch.cuda.device_of(transformed):
        for first in range(0, len(kernels), together):
            chosen = tuple(kernels[first : first + together])
            where = tuple(places[first : first + together])
            product = _product(transformed, size, coarse, step, chosen)
            gains = _gains(chosen, transformed.device)
            # The mean is a wave of frequency zero: the answer to it needs no second place.
            mean = level.reshape(-1, 1).to(gains.dtype) * (coarse[0] * coarse[1])
            product[:, :, 0, 0] += mean * gains / _transfer(np.zeros(1)).item() ** 2
            _interpolate(torch.fft.ifft2(product), step, margin, where, inverses, out, part)


def _product(
    transformed: Array, size: tuple[int, int], coarse: tuple[int, int], step: int, kernels: Any
) -> Array:
    from . import triton_kernels

    torch = sys.modules["torch"]
    device, count, pictures = transformed.device, len(kernels), len(transformed)
    product = torch.empty((pictures, count, *coarse), dtype=torch.complex64, device=device)
    grid = (-(-coarse[1] // 256), coarse[0], pictures * count)
    triton_kernels.band_product[grid](
        torch.view_as_real(transformed),
        _waves(kernels, device),
        _gain(coarse[1], step, device),
        _gain(coarse[0], step, device),
        torch.view_as_real(product),
        *size,
        *coarse,
        count,
        BLOCK=256,
        **fused.launch_options(device),
    )
    return product


def _interpolate(
    coarse: Array,
    step: int,
    margin: int,
    places: tuple[int, ...],
    inverses: Array,
    out: Array,
    part: str,
) -> None:
    from . import triton_kernels

    torch = sys.modules["torch"]
    device, count = coarse.device, coarse.shape[1]
    height, width = out.shape[-2:]
    grid = (-(-width // BLOCK), -(-height // ROWS), len(coarse) * count)
    triton_kernels.interpolate[grid](
        torch.view_as_real(coarse),
        *_weights(step, device),
        _places(places, device),
        inverses.reshape(-1).to(coarse.real.dtype),
        torch.view_as_real(out) if part == "complex" else out,
        margin // step - TAPS // 2 + 1,
        *coarse.shape[-2:],
        height,
        width,
        count,
        out.shape[1],
        STEP=step,
        TAPS=TAPS,
        PART=part,
        ROWS=ROWS,
        BLOCK=BLOCK,
        **fused.launch_options(device),
    )


# ---- the interpolating function ----

# Its transfer function decays until 1 - EDGE, where the first alias of the band begins.
_BETA = math.pi * TAPS * (1 - EDGE)


def _function(distance: RealArray) -> RealArray:
    """Kaiser-Bessel function at distances in coarse samples; zero beyond TAPS / 2."""
    inside = np.clip(1 - (2 * distance / TAPS) ** 2, 0, None)
    return np.where(abs(distance) <= TAPS / 2, np.i0(_BETA * np.sqrt(inside)), 0) / np.i0(_BETA)


def _transfer(frequency: RealArray) -> RealArray:
    """Its transfer function at cycles per coarse sample."""
    root = np.sqrt((_BETA**2 - (math.pi * TAPS * frequency) ** 2).astype(complex))
    return (TAPS * np.sinh(root) / root).real / np.i0(_BETA)


# ---- small tensors, made once: copying them at every call would stall the GPU ----


@lru_cache(maxsize=64)
def _weights(step: int, device: Any) -> tuple[Array, Array]:
    """For rows (TAPS, step) and for columns (ROWS / step + TAPS - 1, ROWS)."""
    taps = np.arange(TAPS)[:, None] - TAPS // 2 + 1
    rows = _function(taps - np.arange(step) / step)
    lines = np.arange(ROWS // step + TAPS - 1)[:, None] - TAPS // 2 + 1
    columns = _function(lines - np.arange(ROWS) / step)
    return put(rows, device, "float32"), put(columns, device, "float32")


@lru_cache(maxsize=64)
def _gain(size: int, step: int, device: Any) -> Array:
    """What the interpolation takes back out, along one axis, within the band."""
    frequency = np.fft.fftfreq(size)
    band = abs(frequency) <= EDGE
    gain = np.zeros(size)
    # A coarse transform back divides by fewer points than the image's has.
    gain[band] = 1 / (_transfer(frequency[band]) * step)
    return put(gain, device, "float32")


@lru_cache(maxsize=256)
def _waves(kernels: tuple[GaborKernel, ...], device: Any) -> Array:
    """Figures of each kernel's transfer function (K, 8); see ``band_product``."""
    rows = []
    for kernel in kernels:
        deviation, theta = number(kernel.sigma * kernel.scale), number(kernel.theta)
        narrow = 2 * (math.pi * deviation) ** 2
        wide = narrow / number(kernel.gamma) ** 2
        dc = math.exp(-narrow * kernel.frequency**2) if kernel.dc_free else 0.0
        area = 2 * math.pi * deviation**2 / number(kernel.gamma)
        turn = number(kernel.amplitude()) * area * np.exp(1j * number(kernel.phase))
        wave = (math.cos(theta), math.sin(theta), kernel.frequency, narrow, wide, dc)
        rows.append((*wave, turn.real, turn.imag))
    return put(np.array(rows), device, "float32")


@lru_cache(maxsize=256)
def _gains(kernels: tuple[GaborKernel, ...], device: Any) -> Array:
    """Answers to a constant 1, complex (K,)."""
    zero = np.zeros(())
    gains = [kernel.transfer(zero, zero, sampled=True).item() for kernel in kernels]
    return put(np.array(gains) * [not k.dc_free for k in kernels], device, "complex64")


@lru_cache(maxsize=256)
def _places(places: tuple[int, ...], device: Any) -> Array:
    return put(np.array(places), device, "int32")
