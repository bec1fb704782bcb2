"""The planner: which engine filters which kernels, by a model of what each would cost.

Kernels of one radius form a step. Each step takes the engine of least modelled time; steps that
take the Fourier engine share one forward transform.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .costs import Work, conv2d_milliseconds, milliseconds
from .engines.compiled import available_here
from .engines.factorization import factorized_together
from .engines.pyramid import halvings
from .engines.separable import Tables
from .engines.threads import available
from .errors import FilterError
from .kernel import TOLERANCE, Kernel
from .types import ENGINES, Engine

if TYPE_CHECKING:
    from .bank import GaborBank

#: Engines by array library.
AVAILABLE: dict[str, tuple[str, ...]] = {
    "numpy": ("direct", "separable", "pyramid", "fourier"),
    "torch": ("direct", "fourier"),
}


@dataclass(frozen=True)
class Step:
    """One engine applied to kernels of one radius.

    Attributes
    ----------
    engine : str
        ``direct``, ``separable`` or ``fourier``.
    indices : tuple of int
        Places of the kernels in the bank.
    radius : int
        Of these kernels, in pixels.
    margin : int
        Pixels of outside that the engine works on; steps of one margin share a forward transform.
    milliseconds : dict of str to float
        Modelled time of every engine that could do it.
    """

    engine: str
    indices: tuple[int, ...]
    radius: int
    margin: int
    milliseconds: dict[str, float]


@dataclass(frozen=True)
class Plan:
    """How a bank filters images of one shape and dtype. Printing it shows the reasons.

    Attributes
    ----------
    steps : tuple of Step
    """

    bank: GaborBank
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    library: str
    tolerance: float
    steps: tuple[Step, ...]

    @property
    def error(self) -> float:
        """Bound on the L2 error against direct convolution in double precision.

        As a share of the response to white noise of the image's energy. The pyramid stands for the
        whole kernel, of which the samples leave out ``tolerance``.
        """
        bound = 1e-10 if self.dtype == np.float64 else 1e-5
        return bound + self.tolerance * any(step.engine == "pyramid" for step in self.steps)

    @property
    def milliseconds(self) -> float:
        """Modelled time of the whole."""
        return sum(step.milliseconds[step.engine] for step in self.steps)

    def __str__(self) -> str:
        shape = " x ".join(map(str, self.shape))
        lines = [
            f"{_count(len(self.bank))} on {shape} {self.dtype}, {self.library}: "
            f"about {self.milliseconds:.3g} ms, error at most {self.error:g} of the answer to noise"
        ]
        for step in self.steps:
            times = ", ".join(f"{name} {ms:.3g} ms" for name, ms in step.milliseconds.items())
            lines.append(
                f"  {_count(len(step.indices))} of radius {step.radius}: {step.engine}"
                f"{self._passes(step)} ({times})"
            )
        return "\n".join(lines)

    def _passes(self, step: Step) -> str:
        if step.engine != "separable":
            return ""
        rows = columns = 0
        for kernels in factorized_together([self.bank[k] for k in step.indices]):
            chosen = tuple(kernel for _, kernel in kernels)
            found = Tables.of(chosen, self.tolerance, self.dtype).passes
            rows, columns = rows + found[0], columns + found[1]
        return f", {rows} row and {columns} column passes"


def _count(kernels: int) -> str:
    return "1 kernel" if kernels == 1 else f"{kernels} kernels"


def plan_bank(
    bank: GaborBank,
    shape: tuple[int, ...],
    dtype: Any = np.float32,
    *,
    engine: Engine = "auto",
    tolerance: float = TOLERANCE,
    library: str = "numpy",
) -> Plan:
    """Choose an engine for each step.

    Parameters
    ----------
    bank : GaborBank
    shape : tuple of int
        Of the image, (..., H, W).
    dtype : dtype
        Of the image; integers count as the float that they are promoted to.
    engine : {"auto", "direct", "separable", "fourier"}
        Other than ``auto``: the engine of every step.
    tolerance : float
        As in :meth:`Kernel.sample`.
    library : {"numpy", "torch"}

    Raises
    ------
    FilterError
        If the engine is unknown, or not one of the library's, or the shape has under two axes.

    Examples
    --------
    >>> import gaborkit as gk
    >>> plan = gk.GaborBank.grid(scales=1).plan((512, 512))
    >>> [step.engine for step in plan.steps]
    ['separable']
    """
    if engine not in ENGINES:
        raise FilterError(f"engine={engine!r} is unknown; choose one of {', '.join(ENGINES)}")
    names = AVAILABLE[library]
    if engine != "auto" and engine not in names:
        raise FilterError(
            f"engine={engine!r} is not written for {library}; "
            f"choose one of auto, {', '.join(names)}"
        )
    whole = isinstance(shape, (tuple, list)) and all(
        isinstance(size, (int, np.integer)) and size >= 0 for size in shape
    )
    if not whole or len(shape) < 2 or 0 in shape[-2:]:
        raise FilterError(f"shape={shape!r} is not that of an image (..., H, W) with pixels in it")
    if str(dtype).startswith("torch."):
        dtype = str(dtype).removeprefix("torch.")
    dtype = np.result_type(dtype, np.float32)
    given = (tuple(shape), dtype, engine, tolerance, library, available(), available_here())
    if any(kernel.learnable for kernel in bank):
        steps = _steps.__wrapped__(bank.kernels, *given)
    else:
        steps = _steps(bank.kernels, *given)
    return Plan(bank, tuple(shape), dtype, library, tolerance, steps)


@functools.lru_cache(maxsize=64)
def _steps(
    bank: tuple[Kernel, ...],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    engine: Engine,
    tolerance: float,
    library: str,
    threads: int,
    compiled: bool,
) -> tuple[Step, ...]:
    """Steps of a plan; the last few are kept, as a bank often filters many images."""
    groups: dict[tuple[int, bool], list[int]] = {}
    for k, kernel in enumerate(bank):
        groups.setdefault((kernel.radius(tolerance), kernel.separable), []).append(k)
    steps = []
    for (radius, separable), indices in groups.items():
        distinct = {bank[k].canonical()[0]: bank[k] for k in indices}
        work = Work(
            math.prod(shape[:-2]),
            shape[-2],
            shape[-1],
            list(distinct.values()),
            radius,
            separable,
            dtype == np.float64,
            threads,
        )
        costs = {
            name: conv2d_milliseconds(work)
            if (library, name) == ("torch", "direct")
            else milliseconds(name, work)
            for name in AVAILABLE[library]
            if _can(name, work, compiled)
        }
        if engine == "auto":
            chosen = min(costs, key=lambda name: costs[name])
        elif engine in costs or engine == "separable":
            chosen = engine
        else:
            raise FilterError(
                f"engine='pyramid' filters single precision with wide Gabor kernels, not {dtype} "
                f"with {bank[indices[0]].label}; choose auto"
            )
        steps.append(Step(chosen, tuple(indices), radius, radius, costs))
    return _with_shared_margin(steps, shape)


def _can(engine: str, work: Work, compiled: bool) -> bool:
    """Whether an engine does this at all."""
    if engine not in ("separable", "pyramid"):
        return True
    if engine == "pyramid" and (work.double or not halvings(work.kernels)):
        return False
    return compiled


def _with_shared_margin(steps: list[Step], shape: tuple[int, ...]) -> tuple[Step, ...]:
    """One forward transform for all Fourier steps, unless their own margins cost less in all."""

    def transforms(margins: list[int], counts: list[int]) -> int:
        sizes = [math.prod(size + 2 * margin for size in shape[-2:]) for margin in margins]
        return sum(size * count for size, count in zip(sizes, counts, strict=True))

    fourier = [step for step in steps if step.engine == "fourier"]
    radii, counts = [step.radius for step in fourier], [len(step.indices) for step in fourier]
    largest = max(radii, default=0)
    together = transforms([largest], [sum(counts) + 1])
    if together > transforms(radii, [count + 1 for count in counts]):
        return tuple(steps)
    return tuple(replace(step, margin=largest) if step in fourier else step for step in steps)
