"""The separable engine for CUDA tensors, in Triton: no gradients, each response written once.

Rows of the image go through all row filters of a bank, a slab of rows at a time, so that these row
passes stay in the GPU's cache; a second program filters their columns, mixes, and stores the
responses or what is wanted of them. All sums are in float32 (float64 for a float64 image, or where
terms of the factorization nearly cancel); products on tensor cores would lose digits.

What bounds it on an H100, guessed from the instructions of the compiled programs and not measured:
eight round orientations take about 21 issued instructions a pixel for each tap of the rows, and 29
for each tap of the columns, of 30e12 a second; writing their complex responses takes 64 bytes a
pixel of 2.8e12 a second. Arithmetic takes twice as long as writing at sigma 2, four times at 4.5,
seven times at 9, where a transform a kernel (nine times) is near; from sigma 8 on, writing bounds
:mod:`.decimated`.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...caches import lru_cache
from ...errors import FilterError
from ...kernels.base import Kernel
from ...kernels.gabor import GaborKernel
from ...types import Array, Transfer
from ..backend import put
from ..engines.base import Cost, Work
from ..engines.batch import Batch
from ..engines.factorization import ACCURACY, Factorization, Set
from ..engines.separable import passes_text
from .engine import MULTIPLY, START, Target, TritonEngine, written

#: What the engine can store of a response.
SINKS = ("complex", "real", "imag", "magnitude", "energy")

#: Image dtypes that are read as they are, and converted in registers.
DTYPES = ("float16", "bfloat16", "float32", "float64", "uint8", "int16")

#: Bytes of row passes that are held at a time: they should stay in the cache of an A100 or H100.
PASS_BYTES = 24 * 2**20

#: Sides of the programs' blocks, chosen by what the compiler makes of them for an H100.
FILTERS, ROW_BLOCK = 8, 512
ROWS, COLUMN_BLOCK = 4, 512


#: Tolerance at which samples are as good as the closed form in single precision.
CLOSED = 1e-7


class Fused(TritonEngine):
    """The separable engine: all kernels of a set in two programs."""

    name = "separable"

    def refusal(self, work: Work) -> str:
        """Samples stand for the closed form of Gabor kernels alone."""
        closed = all(isinstance(kernel, GaborKernel) for kernel in work.members)
        if work.transfer == "sampled" or closed:
            return ""
        return (
            f"engine='separable' knows the closed form of Gabor kernels, not of "
            f"{work.members[0].label}; choose fourier, or leave out transfer='analytic'"
        )

    def cost(self, work: Work) -> Cost:
        """Multiplications, or writing.

        Round: 12 row passes for 8 kernels, 5 column passes for 2. Elongated: about a dozen terms,
        each of a row and two columns.
        """
        taps = 2 * work.members[0].radius(self.tolerance(work.tolerance, work.transfer)) + 1
        rows, columns = (1.5, 2.5) if work.separable else (12, 24)
        products = rows * taps + columns * (taps + ROWS - 1)
        time = work.pixels * len(work.members) * products / MULTIPLY
        time = START + max(time, written(work))
        return Cost(time, time)

    def details(self, kernels: Sequence[Kernel], tolerance: float, double: bool) -> str:
        """How many passes."""
        return passes_text(kernels, tolerance, double)

    def tolerance(self, tolerance: float, transfer: Transfer) -> float:
        """So small that samples are the closed form, where that is asked for."""
        return min(tolerance, CLOSED) if transfer == "analytic" else tolerance

    def store(self, batch: Batch, margin: int, one: Set, target: Target) -> None:
        """Of the pictures as they are, their mean taken off in registers."""
        padded = batch.shared("outside", margin, lambda: batch.outside(margin))
        tolerance = self.tolerance(batch.tolerance, batch.transfer)
        out, part, inverses = target
        respond(padded, margin, batch.level, *one, out, tolerance, part, inverses)


def reads(dtype: Any) -> bool:
    """Whether an image of this dtype is read as it is."""
    return str(dtype).removeprefix("torch.") in DTYPES


def respond(
    padded: Array,
    margin: int,
    level: Array,
    kernels: Sequence[Kernel],
    places: Sequence[int],
    out: Array,
    tolerance: float,
    part: str = "complex",
    inverses: Array | None = None,
) -> None:
    """Convolve with kernels of one radius, and store the responses in place.

    Parameters
    ----------
    padded : tensor (B, H + 2 margin, W + 2 margin)
        The image with its outside, of any dtype of :data:`DTYPES`, its mean not taken off.
    margin : int
        At least the kernels' radius.
    level : tensor (B,) or (B, 1, 1)
        Mean of each picture, or zeros: taken off each pixel, and its answer added to the response.
    kernels : sequence of Kernel
        Of one radius, and sharing filters: round ones, or an elongated one and its mirror image.
    places : sequence of int
        Channel of ``out`` for each kernel.
    out : contiguous tensor (B, K, H, W)
        Complex for ``part="complex"``, else real.
    part : {"complex", "real", "imag", "magnitude", "energy"}
        ``energy`` is the squared magnitude.
    inverses : tensor (B,) or (B, 1, 1), optional
        Of the powers of two that pictures were multiplied by: what is stored is the original's.

    Raises
    ------
    FilterError
        If ``part`` is unknown.
    """
    if part not in SINKS:
        raise FilterError(f"part={part!r} cannot be stored; choose one of {', '.join(SINKS)}")
    torch = sys.modules["torch"]
    double = padded.dtype == torch.float64
    tables = _tables(tuple(kernels), tolerance, double, padded.device)
    inverses = torch.ones_like(level) if inverses is None else inverses
    channels = np.array([*places, -1])[tables.pairs]
    with torch.cuda.device_of(padded):
        _launch(padded, margin, level, inverses, tables, channels, out, part)


def usable(device: Any) -> bool:
    """Whether Triton runs on a device: a GPU, or the CPU under TRITON_INTERPRET=1."""
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    kind = str(device).split(":")[0]
    if kind != "cuda" and not (interpreted and kind == "cpu"):
        return False
    return importlib.util.find_spec("triton") is not None and _runs(str(device))


@functools.cache
def _runs(device: str) -> bool:
    """Whether a program can be compiled: old GPUs and machines with no C compiler cannot."""
    torch = sys.modules["torch"]
    try:
        from . import triton_kernels

        triton_kernels.probe[(1,)](torch.empty(1, device=device), **launch_options(device))
    except Exception:  # whatever fails here, the other engines still work
        return False
    return True


def launch_options(device: Any) -> dict[str, Any]:
    """Options of a launch: products and sums in one rounding, which only GPUs are asked for."""
    return {"enable_fp_fusion": True} if str(device).startswith("cuda") else {}


@dataclass(frozen=True)
class _Tables:
    """A factorization as the programs read it, on a device.

    Attributes
    ----------
    pairs : int array (N, 2)
        Kernels of one program; -1 for none. A pair shares most of its products.
    filters : tensor (taps, F')
        Turned row filters; F' rounds F up to whole sixteens.
    bands : tensor (G, taps + ROWS - 1, ROWS)
        What an input row adds to each output row, by column filter.
    mix : tensor (P', 4)
        Real and imaginary weights for both kernels of a pair, product by product, pair after pair.
    rows, columns, starts : int32 tensors (P'), (P'), (N + 1)
        Filters of each product; where each pair's products start.
    gains : tensor (N, 4)
        Answers of both kernels to a constant 1.
    """

    taps: int
    count: int
    pairs: Any
    filters: Array
    bands: Array
    mix: Array
    rows: Array
    columns: Array
    starts: Array
    gains: Array


@lru_cache(maxsize=128)
def _tables(kernels: tuple[Kernel, ...], tolerance: float, double: bool, device: Any) -> _Tables:
    """Small tensors, made once: copying them at every call would stall the GPU."""
    parts = Factorization.of(kernels, tolerance, ACCURACY[double])
    real_dtype = "float64" if double or parts.cancels else "float32"
    count, taps = parts.rows.shape
    filters = np.zeros((taps, _whole(count)))
    filters[:, :count] = parts.rows[:, ::-1].T  # convolution meets a filter turned
    bands = np.zeros((len(parts.columns), taps + ROWS - 1, ROWS))
    for r in range(ROWS):
        bands[:, r : r + taps, r] = parts.columns[:, ::-1]
    # (K + 1, P) each: the last is the absent kernel, which -1 picks.
    real, imag = (np.pad(half, ((0, 1), (0, 0))) for half in np.split(parts.mix, 2))
    pairs = np.array(_pairs((real != 0) | (imag != 0)))
    chosen, mix = [], []
    for pair in pairs:
        weights = np.stack([real[pair[0]], imag[pair[0]], real[pair[1]], imag[pair[1]]], axis=1)
        used = np.flatnonzero(weights.any(axis=1))
        chosen.append(used)
        mix.append(weights[used])
    products = np.array(parts.products)[np.concatenate(chosen)]
    responding = [not kernel.is_dc_free for kernel in kernels]
    gains = np.append(parts.gains * responding, 0)[pairs]  # (N, 2)

    return _Tables(
        taps=taps,
        count=count,
        pairs=pairs,
        filters=put(filters, device, real_dtype),
        bands=put(bands, device, real_dtype),
        mix=put(np.concatenate(mix), device, real_dtype),
        rows=put(products[:, 0], device, "int32"),
        columns=put(products[:, 1], device, "int32"),
        starts=put(np.cumsum([0, *map(len, chosen)]), device, "int32"),
        gains=put(gains.view(float), device, real_dtype),
    )


def _pairs(uses: Any) -> list[tuple[int, int]]:
    """Kernels in pairs that share products, by uses (K + 1, P): theta and pi - theta share all."""
    left = list(range(len(uses) - 1))
    pairs = []
    while left:
        k = left.pop(0)
        shared = [int((uses[k] & uses[other]).sum()) for other in left]
        best = int(np.argmax(shared)) if shared else 0
        pairs.append((k, left.pop(best) if shared and shared[best] > 1 else -1))
    return pairs


def _pieces(count: int) -> Iterator[tuple[int, int, int]]:
    """Row filters in groups of a power of two: first, how many groups, filters in each."""
    whole = count // FILTERS
    if whole:
        yield 0, whole, FILTERS
    if count % FILTERS:
        yield whole * FILTERS, 1, 1 << (count % FILTERS - 1).bit_length()


def _whole(count: int) -> int:
    """Filters, with those that fill up the last group: whole sixteens can be loaded together."""
    return -(-count // 16) * 16


def _launch(
    padded: Array,
    margin: int,
    level: Array,
    inverses: Array,
    tables: _Tables,
    where: Any,
    out: Array,
    part: str,
) -> None:
    from . import triton_kernels

    torch = sys.modules["torch"]
    pictures, (height, width) = len(padded), out.shape[-2:]
    taps, dtype, device = tables.taps, tables.filters.dtype, padded.device
    start = margin - taps // 2
    image = padded[:, start:, start:]
    level, inverses = (values.reshape(-1).to(dtype) for values in (level, inverses))
    places = put(where, device, "int32")
    into = torch.view_as_real(out) if part == "complex" else out
    block = max(ROW_BLOCK, COLUMN_BLOCK)
    planes, pitch = tables.filters.shape[1], -(-width // block) * block
    line_bytes = tables.count * pitch * dtype.itemsize
    # Row passes above and below a slab are made twice: a slab is no smaller than four times those.
    slab = min(height, max(PASS_BYTES // line_bytes - taps, 4 * taps))
    slab = -(-slab // ROWS) * ROWS
    rows = slab + taps - 1
    together = max(1, min(pictures, PASS_BYTES // (line_bytes * rows), 65535 // len(where)))
    passes = torch.empty((together, planes, rows, pitch), dtype=dtype, device=device)
    options = launch_options(device)
    for first in range(0, pictures, together):
        count = min(together, pictures - first)
        pieces = slice(first, first + count)
        for top in range(0, height, slab):
            bottom = min(top + slab, height)
            tall = -(-(bottom - top) // ROWS)
            for filter_, groups, size in _pieces(tables.count):
                triton_kernels.row_passes[
                    (-(-pitch // ROW_BLOCK), tall * ROWS + taps - 1, count * groups)
                ](
                    image[pieces],
                    level[pieces],
                    tables.filters,
                    passes,
                    image.stride(0),
                    image.stride(1),
                    top,
                    height + taps - 2,
                    width,
                    rows,
                    pitch,
                    taps,
                    filter_,
                    groups,
                    planes,
                    FILTERS=size,
                    BLOCK=ROW_BLOCK,
                    **options,
                )
            triton_kernels.column_passes[(pitch // COLUMN_BLOCK, tall, count * len(where))](
                passes,
                tables.bands,
                tables.mix,
                tables.rows,
                tables.columns,
                tables.starts,
                places,
                tables.gains,
                level[pieces],
                inverses[pieces],
                into[pieces],
                top,
                bottom,
                height,
                width,
                rows,
                pitch,
                planes,
                taps + ROWS - 1,
                len(where),
                out.shape[1],
                PAIR=bool((where[:, 1] >= 0).any()),
                PART=part,
                ROWS=ROWS,
                BLOCK=COLUMN_BLOCK,
                **options,
            )
