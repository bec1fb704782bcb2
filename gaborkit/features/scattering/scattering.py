"""The scattering transform of pictures: its parameters, its paths, and their names."""

from __future__ import annotations

import functools
import math
import operator
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from ...arrays import Library, library_of
from ...bank import GaborBank
from ...boundary import check_boundary, pad
from ...errors import FeatureError
from ...gabor import GaborKernel
from ...kernel import Kernel
from ...parameters import number
from ...presets import kymatio
from ...responding import with_leading_channels
from ...types import Array, Boundary
from ..table import Features
from . import on_arrays, on_tensors
from .filters import Filters, Scale, build
from .grid import LOWPASS, Axis, centred_axis, kymatio_axis

#: Wavelength, in steps, from which a response is computed at every ``step``-th pixel.
STEP = 8 / 3


@dataclass(frozen=True, kw_only=True)
class Scattering:
    """placeholder."""

    J: int = field(default=3, kw_only=False)
    L: int = field(default=8, kw_only=False)
    order: int = 2
    bank: GaborBank | None = None
    tight: bool = True
    oversampling: int = 0
    boundary: Boundary = "reflect"
    average: bool = False
    convention: str = "gaborkit"

    @classmethod
    def kymatio(cls, J: int, L: int = 8, max_order: int = 2) -> Self:  # noqa: N803
        return cls(
            J,
            L,
            order=max_order,
            bank=GaborBank(kymatio(J, L)),
            tight=False,
            boundary="mirror",
            convention="kymatio",
        )

    def __call__(self, image: Array) -> Array:
        """As :meth:`transform`."""
        return self.transform(image)

    @functools.cached_property
    def kernels(self) -> tuple[Kernel, ...]:
        if self.bank is not None:
            return self.bank.kernels
        return tuple(
            GaborKernel(
                wavelength=8 / 3,
                theta=i * math.pi / self.L,
                sigma=0.8,
                gamma=4 / self.L,
                scale=2.0**j,
            )
            for j in range(self.J)
            for i in range(self.L)
        )

    @functools.cached_property
    def _scales(self) -> tuple[Scale, ...]:
        members: dict[float, list[int]] = {}
        for k, kernel in enumerate(self.kernels):
            members.setdefault(float(f"{kernel.frequency:.9g}"), []).append(k)
        return tuple(
            Scale(tuple(members[frequency]), self._step(frequency))
            for frequency in sorted(members, reverse=True)
        )

    def _step(self, frequency: float) -> int:
        octave = math.floor(math.log2(1 / (STEP * frequency)) + 1e-6) - self.oversampling
        return 2 ** min(max(octave, 0), self.J)

    @functools.cached_property
    def _places(self) -> dict[tuple[int, ...], int]:
        rank = {k: place for place, scale in enumerate(self._scales) for k in scale.members}
        all_of = range(len(self.kernels))
        paths: list[tuple[int, ...]] = [()]
        if self.order > 0:
            paths += [(k,) for k in all_of]
        if self.order > 1:
            paths += [(k, m) for k in all_of for m in all_of if rank[m] > rank[k]]
        return {path: place for place, path in enumerate(paths)}

    def transform(self, image: Array, *, channel_axis: int | None = None) -> Array:
        library = library_of(image)
        planes = with_leading_channels(library, library.promote(image), channel_axis)
        library.check_finite(planes)
        leading, shape = tuple(planes.shape[:-2]), tuple(planes.shape[-2:])
        double = library.double(planes)
        filters = _filters(self, shape, double)
        padded = _pad(library, planes.reshape(-1, *shape), filters.axes, self.boundary)
        engine = on_arrays if library.name == "numpy" else on_tensors
        found = engine.scatter(filters, padded, self._places)
        return found.reshape(*leading, *found.shape[1:])


def _pad(
    library: Library, planes: Array, axes: tuple[Axis, Axis], boundary: Boundary
) -> Array:
    margin = max(max(axis.before, axis.padded - axis.size - axis.before) for axis in axes)
    planes = pad(library, planes, margin, boundary)
    rows, columns = (
        slice(margin - axis.before, margin - axis.before + axis.padded) for axis in axes
    )
    return planes[..., rows, columns]


@functools.lru_cache(maxsize=8)
def _filters(plan: Scattering, shape: tuple[int, int], double: bool) -> Filters:
    step = 2 ** max(plan.J - plan.oversampling, 0)
    if plan.convention == "kymatio":
        axes = tuple(kymatio_axis(size, plan.J, step) for size in shape)
        gain = math.pi / 3.1415
    else:
        wrap = plan.boundary == "wrap"
        axes = tuple(centred_axis(size, plan.J, step, wrap=wrap) for size in shape)
        gain = 1.0
    return build(
        plan.kernels,
        plan._scales,
        axes,
        LOWPASS * 2**plan.J,
        order=plan.order,
        tight=plan.tight,
        average=plan.average,
        gain=gain,
        double=double,
    )
