"""Which way the phase of responses advances, summed over kernels by the compiled code."""

from __future__ import annotations

import cmath
import math

import numpy as np

from ...kernels.base import Kernel
from ...kernels.parameters import number
from ...types import ComplexArray, RealArray
from .structures import performers
from .threads import available, in_threads

#: Pixels that are worth waking another thread for.
WORTH = 2**16


class DoubleAngles:
    """Sums over kernels of what each measures of the orientation, in single precision.

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
        add, theta = performers().double_angles, number(kernel.theta)
        wave = 2 * math.pi * kernel.frequency * np.array([math.sin(theta), math.cos(theta)])
        # Along each axis, what the kernel's own wave turns by in one pixel and in two.
        turns = np.array([cmath.exp(1j * k * pixels) for k in wave for pixels in (1, 2)])
        turns = turns.astype(np.complex64)
        height, width = responses.shape[-2:]
        pieces = min(available(), 1 + height * width // WORTH)
        ends = np.linspace(0, height, pieces + 1).astype(int)
        for response, sums in zip(np.ascontiguousarray(responses), self.sums, strict=True):

            def part(piece: int, response: ComplexArray = response, sums: RealArray = sums) -> None:
                add(
                    response.ctypes.data,
                    height,
                    width,
                    ends[piece],
                    ends[piece + 1],
                    wave.ctypes.data,
                    turns.ctypes.data,
                    1 / gain**2,
                    sums.ctypes.data,
                )

            in_threads(part, range(pieces), pieces)


def is_compiled() -> bool:
    """Whether the compiled code is there."""
    return performers().double_angles is not None
