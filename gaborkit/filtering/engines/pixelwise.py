"""What the compiled code makes of responses at each pixel."""

from __future__ import annotations

import cmath
import ctypes
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...kernels.base import Kernel
from ...kernels.parameters import number
from ...types import ComplexArray, RealArray
from .structures import performers
from .threads import available, in_threads

#: Pixels that are worth waking another thread for.
WORTH = 2**16


def angles(y: RealArray, x: RealArray) -> RealArray:
    """Angle of vectors in [-pi, pi], within 3e-7 of ``arctan2``; float32 arrays."""
    y, x = np.broadcast_arrays(y, x)
    out = np.empty(y.shape, np.float32)
    y, x = np.ascontiguousarray(y), np.ascontiguousarray(x)
    each = performers().pixelwise["angles_float"]

    def part(first: int, last: int) -> None:
        each(y.ctypes.data, x.ctypes.data, first, last, out.ctypes.data)

    _in_parts(part, y.size, y.size)
    return out


class DoubleAngles:
    """Sums over kernels of what each measures of the orientation by the phase of its responses.

    Attributes
    ----------
    sums : float32 array (B, 5, H, W)
        With the direction a of a response's phase gradient and its energy E: E^2 cos 2a,
        E^2 sin 2a, E cos 2a, E sin 2a and E.
    """

    def __init__(self, images: int, shape: tuple[int, int]) -> None:
        self.sums: RealArray = np.zeros((images, 5, *shape), np.float32)

    def add(self, responses: ComplexArray, kernel: Kernel, gain: float) -> None:
        """Add one kernel's measurement.

        Parameters
        ----------
        responses : complex64 array (B, H, W)
            At least 2 x 2 pixels.
        kernel : Kernel
            That made them.
        gain : float
            Of the size of the responses: products of neighbours are taken relative to its square.
        """
        add, theta = performers().pixelwise["double_angles_float"], number(kernel.theta)
        wave = 2 * math.pi * kernel.frequency * np.array([math.sin(theta), math.cos(theta)])
        # Along each axis, what the kernel's own wave turns by in one pixel and in two.
        turns = np.array([cmath.exp(1j * k * pixels) for k in wave for pixels in (1, 2)])
        turns = turns.astype(np.complex64)
        height, width = responses.shape[-2:]
        for response, sums in zip(np.ascontiguousarray(responses), self.sums, strict=True):

            def part(
                first: int, last: int, response: ComplexArray = response, sums: RealArray = sums
            ) -> None:
                add(
                    response.ctypes.data,
                    height,
                    width,
                    first,
                    last,
                    wave.ctypes.data,
                    turns.ctypes.data,
                    1 / gain**2,
                    sums.ctypes.data,
                )

            _in_parts(part, height, height * width)


class Quadrature:
    """Sums over scales and orientations of what tells edges and lines.

    Attributes
    ----------
    sums : float array (6, H, W)
        With the response R_so of scale s at theta_o, and S_o = sum_s R_so: over orientations,
        |S_o|^2 cos 2 theta_o, |S_o|^2 sin 2 theta_o, -Im S_o cos theta_o, -Im S_o sin theta_o and
        Re S_o; and over both, |R_so|^2.
    """

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        self.sums: RealArray = np.zeros((6, *shape), dtype)

    def add(self, thetas: Sequence[float], responses: Sequence[ComplexArray]) -> None:
        """Add some orientations.

        Parameters
        ----------
        thetas : sequence of float
        responses : sequence of complex arrays (H, W), of the precision of the sums
            All scales of the first theta, then of the second, and so on.
        """
        precision = "float" if self.sums.dtype == np.float32 else "double"
        add, pixels = performers().pixelwise[f"add_quadrature_{precision}"], self.sums[0].size
        planes = [np.ascontiguousarray(response) for response in responses]
        # One more, which the last looks ahead to.
        places = [plane.ctypes.data for plane in (*planes, planes[0])]
        addresses = (ctypes.c_void_p * len(places))(*places)
        turns = np.array([wave(n * t) for t in thetas for n in (2, 1) for wave in (np.cos, np.sin)])
        scales = len(planes) // len(thetas)

        def part(first: int, last: int) -> None:
            add(
                addresses,
                scales,
                len(thetas),
                turns.ctypes.data,
                first,
                last,
                pixels,
                self.sums.ctypes.data,
            )

        _in_parts(part, pixels, pixels)


def _in_parts(work: Callable[[int, int], None], count: int, pixels: int) -> None:
    """Call ``work`` on parts of a range, one for each thread that pixels are worth."""
    parts = min(available(), 1 + pixels // WORTH)
    ends = [count * part // parts for part in range(parts + 1)]
    in_threads(lambda part: work(ends[part], ends[part + 1]), range(parts), parts)
