"""The planner: which engine filters which kernels, by a model of what each would cost.

There is one choice, :func:`plan_for`, which filtering, its reductions and ``bank.plan`` all take.
First the backend, by where the pictures lie and whether derivatives are asked for. Then, for
kernels of one radius, which form a step, the engine of least modelled time among those of the
backend that can do it. Steps of the Fourier engine share one forward transform.
What is filtered runs the steps of this plan and no others: :mod:`gaborkit.filtering.run`.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..caches import lru_cache
from ..errors import FilterError
from ..io.tables import fold
from ..kernels.base import TOLERANCE, Kernel
from ..notebook import page
from ..types import Engine, Part, Transfer
from ..whole_numbers import is_whole
from .backend import promoted
from .engines.base import Engine as EngineProtocol
from .engines.base import Step, Work
from .engines.structures import available_here
from .engines.threads import available
from .gpu import fused
from .options import FilterOptions
from .registry import engines_of

if TYPE_CHECKING:
    from ..bank import GaborBank

#: Bytes that preparations may take for a small picture, multiplications that may be spent on the
#: factors of one kernel, about two seconds, and modelled milliseconds of kernels that reach four
#: times as far as the picture: their time goes to what lies outside.
LARGEST_BYTES, LARGEST_SEARCH, LONGEST = 2**31, 2**28, 1500.0


@dataclass(frozen=True)
class Placement:
    """Where pictures lie, and whether derivatives of their responses are asked for.

    Attributes
    ----------
    library : {"numpy", "torch"}
        Of arrays, or of tensors.
    device : str
        Of a tensor, as torch names it.
    derivatives : bool
        Whether a tensor's responses have to be followed by torch.
    """

    library: str = "numpy"
    device: str = "cpu"
    derivatives: bool = False

    def backend(self, engine: str, transfer: Transfer) -> str:
        """What runs an engine. A tensor in memory is filtered as the array that it is."""
        if self.library == "numpy":
            backends = ["numpy"]
        elif self.derivatives:
            backends = ["torch"]
        elif fused.usable(self.device):
            backends = ["triton", "torch"]
        elif self.device != "cpu":
            backends = ["torch"]
        elif engine == "auto" and transfer == "sampled":
            backends = ["numpy"]
        else:
            backends = ["torch", "numpy"]
        those = (name for name in backends if engine == "auto" or engine in engines_of(name))
        return next(those, backends[0])


@dataclass(frozen=True, repr=False)
class Plan:
    """How a bank filters images of one shape and dtype. Printing it shows the reasons.

    Attributes
    ----------
    library : {"numpy", "torch"}
        Of the images.
    backend : {"numpy", "torch", "triton"}
        What runs the engines.
    steps : tuple of Step
    """

    bank: GaborBank
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    library: str
    backend: str
    tolerance: float
    steps: tuple[Step, ...]

    @property
    def error(self) -> float:
        """Bound on the L2 error against direct convolution in double precision.

        As a share of the response to white noise of the image's energy. Some engines stand for the
        whole kernel, of which the samples leave out ``tolerance``.
        """
        bound = 1e-10 if self.dtype == np.float64 else 1e-5
        return bound + self.tolerance * any(engine.whole_kernels for engine, _ in self.engines())

    def engines(self) -> list[tuple[EngineProtocol, list[Step]]]:
        """The engines with their steps, those of the widest kernels first.

        Their stages wait for each other, and those of narrow kernels fill the gaps.
        """
        steps: dict[str, list[Step]] = {}
        for step in sorted(self.steps, key=lambda step: -step.radius):
            steps.setdefault(step.engine, []).append(step)
        return [(engines_of(self.backend)[name], those) for name, those in steps.items()]

    @property
    def milliseconds(self) -> float:
        """Modelled time of the whole."""
        return sum(step.milliseconds[step.engine] for step in self.steps)

    def __repr__(self) -> str:
        engines = ", ".join(dict.fromkeys(step.engine for step in self.steps))
        shape = " x ".join(map(str, self.shape))
        return (
            f"Plan({_count(len(self.bank))} on {shape} {self.dtype}: {engines}, about "
            f"{self.milliseconds:.3g} ms)"
        )

    def _repr_html_(self) -> str:
        return page(str(self), self.bank.thumbnail(), f"Real parts of {self.bank!r}", 2)

    def __str__(self) -> str:
        shape = " x ".join(map(str, self.shape))
        runs = self.library if self.library == self.backend else f"{self.library} by {self.backend}"
        lines = [
            f"{_count(len(self.bank))} on {shape} {self.dtype}, {runs}: "
            f"about {self.milliseconds:.3g} ms, error at most {self.error:g} of the answer to noise"
        ]
        for step in self.steps:
            times = ", ".join(f"{name} {ms:.3g} ms" for name, ms in step.milliseconds.items())
            engine = engines_of(self.backend)[step.engine]
            kernels = [self.bank[k] for k in step.indices]
            lines.append(
                f"  {_count(len(step.indices))} of radius {step.radius}: {step.engine}"
                f"{engine.details(kernels, self.tolerance, self.dtype == np.float64)} ({times})"
            )
        return "\n".join(map(fold, lines))


def _count(kernels: int) -> str:
    return "1 kernel" if kernels == 1 else f"{kernels} kernels"


def plan_bank(
    bank: GaborBank,
    shape: tuple[int, ...],
    dtype: Any = np.float32,
    *,
    part: Part = "complex",
    engine: Engine = "auto",
    tolerance: float = TOLERANCE,
    transfer: Transfer = "sampled",
    library: str = "numpy",
    device: str = "cpu",
    requires_grad: bool = False,
) -> Plan:
    """What :meth:`GaborBank.filter` would run on images that do not have to exist.

    Parameters
    ----------
    bank : GaborBank
    shape : tuple of int
        Of the image, (..., H, W).
    dtype : dtype
        Of the image, NumPy's or torch's; integers count as the float that they are promoted to.
    part, engine, tolerance, transfer
        As in :func:`gaborkit.filtering.filter_bank`.
    library : {"numpy", "torch"}
        Whether the image is an array or a tensor.
    device : str
        Of a tensor: ``cpu``, ``cuda``, ``meta``, ...
    requires_grad : bool
        Whether a gradient by a tensor is asked for; one by learnable kernels always is.

    Raises
    ------
    FilterError
        If a choice is unknown, the engine is not one of those that run there, the device is not on
        this machine, or the shape has under two axes.
    ImageError
        If the dtype cannot be filtered.

    Examples
    --------
    >>> import gaborkit as gk
    >>> plan = gk.GaborBank.grid(scales=1).plan((512, 512))
    >>> [step.engine for step in plan.steps]
    ['separable']
    """
    if library not in ("numpy", "torch"):
        raise FilterError(f"library={library!r} is unknown; choose numpy or torch")
    placement = Placement()
    if library == "torch":
        try:
            importlib.import_module("torch").empty(0, device=device)
        except ImportError:
            raise FilterError("library='torch' needs torch; pip install torch") from None
        except (RuntimeError, AssertionError, TypeError):
            raise FilterError(f"device={device!r} is not on this machine; cpu is") from None
        placement = Placement("torch", str(device), requires_grad)
    elif device != "cpu" or requires_grad:
        raise FilterError("an array has no device and no gradient; give library='torch'")
    options = FilterOptions(part=part, engine=engine, tolerance=tolerance, transfer=transfer)
    return plan_for(bank, shape, dtype, placement, options)


def plan_for(
    bank: GaborBank,
    shape: tuple[int, ...],
    dtype: Any,
    placement: Placement,
    options: FilterOptions,
) -> Plan:
    """Choose what filters images: the one function that does. See :func:`plan_bank`."""
    part, engine, transfer = options.part, options.engine, options.transfer
    whole = isinstance(shape, (tuple, list)) and all(is_whole(size, 0) for size in shape)
    if not whole or len(shape) < 2 or 0 in shape[-2:]:
        raise FilterError(f"shape={shape!r} is not that of an image (..., H, W) with pixels in it")
    shape, dtype = tuple(shape), promoted(dtype)
    learnable = any(kernel.learnable for kernel in bank.kernels)
    if learnable and placement.library == "numpy":
        raise FilterError("learnable kernels filter tensors; give torch.from_numpy(image)")
    if learnable and transfer == "analytic":
        raise FilterError(
            "with transfer='analytic' no gradient reaches kernel parameters; leave it out"
        )
    placement = replace(placement, derivatives=placement.derivatives or learnable)
    backend = placement.backend(engine, transfer)
    names = engines_of(backend)
    if engine not in ("auto", *names):
        raise FilterError(
            f"engine={engine!r} is not written for {backend}"
            f"{' with gradients' * placement.derivatives}; "
            f"choose one of auto, {', '.join(names)}"
        )
    work = (shape, dtype, part, options.tolerance, transfer, available())
    choose = _steps.__wrapped__ if learnable else _steps
    steps = choose(bank.kernels, *work, engine, tuple(names.values()), available_here())
    return Plan(bank, shape, dtype, placement.library, backend, options.tolerance, steps)


@lru_cache(maxsize=64)
def _steps(
    bank: tuple[Kernel, ...],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    part: Part,
    tolerance: float,
    transfer: Transfer,
    threads: int,
    wanted: str,
    engines: tuple[EngineProtocol, ...],
    compiled: bool,  # what engines can do depends on it
) -> tuple[Step, ...]:
    """Steps of a plan; the last few are kept, as a bank often filters many images."""
    groups: dict[tuple[int, bool], list[int]] = {}
    for k, kernel in enumerate(bank):
        groups.setdefault((kernel.radius(tolerance), kernel.separable), []).append(k)
    steps = []
    for (radius, separable), indices in groups.items():
        members = [bank[k] for k in indices]
        work = Work(
            math.prod(shape[:-2]),
            shape[-2],
            shape[-1],
            list({kernel.canonical()[0]: kernel for kernel in members}.values()),
            radius,
            separable,
            dtype == np.float64,
            threads,
            tolerance,
            transfer,
            part,
            members,
        )
        costs = _affordable(work, wanted, engines)
        chosen = min(costs, key=lambda name: costs[name]) if wanted == "auto" else wanted
        steps.append(Step(chosen, tuple(indices), radius, radius, costs))
    sharing = {engine.name for engine in engines if engine.shares_margin}
    shared = [step for step in steps if step.engine in sharing]
    return _with_shared_margin(steps, shared, shape) if len(shared) > 1 else tuple(steps)


def _affordable(work: Work, wanted: str, engines: Sequence[EngineProtocol]) -> dict[str, float]:
    """Modelled milliseconds of the engines that do this, and whose preparations are within bounds.

    Raises FilterError if the one that is wanted, or any, is not among them.
    """
    refusals = {engine.name: engine.refusal(work) for engine in engines}
    if refused := refusals.get(wanted):
        raise FilterError(refused)
    able = {engine.name: engine.cost(work) for engine in engines if not refusals[engine.name]}
    most = max(LARGEST_BYTES, 32 * work.pixels * (8 if work.double else 4))
    longest = math.inf if work.radius < 4 * max(work.height, work.width) else LONGEST
    affordable = {
        name: cost
        for name, cost in able.items()
        if cost.nbytes <= most and cost.search <= LARGEST_SEARCH and cost.first <= longest
    }
    if (wanted not in affordable) if wanted != "auto" else not affordable:
        others = [name for name in affordable if name != wanted]
        cheapest = min(others, key=lambda name: affordable[name].milliseconds, default="")
        works = f"choose engine={cheapest!r}" if others else "shrink the picture and the kernels"
        raise FilterError(
            f"kernels of radius {work.radius} pixels ({work.kernels[0].label}) take too much time "
            f"or memory by {wanted if wanted != 'auto' else ' or '.join(able)} on "
            f"{work.height} x {work.width} pixels; {works}"
        )
    return {name: cost.milliseconds for name, cost in affordable.items()}


def _with_shared_margin(
    steps: list[Step], shared: list[Step], shape: tuple[int, ...]
) -> tuple[Step, ...]:
    """One forward transform for the steps ``shared``, unless their own cost less in all."""

    def transforms(margins: list[int], counts: list[int]) -> int:
        sizes = [math.prod(size + 2 * margin for size in shape[-2:]) for margin in margins]
        return sum(size * count for size, count in zip(sizes, counts, strict=True))

    radii, counts = [step.radius for step in shared], [len(step.indices) for step in shared]
    largest = max(radii)
    together = transforms([largest], [sum(counts) + 1])
    if together > transforms(radii, [count + 1 for count in counts]):
        return tuple(steps)
    return tuple(replace(step, margin=largest) if step in shared else step for step in steps)
