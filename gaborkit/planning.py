"""The planner: which engine filters which kernels, by a model of what each would cost.

There is one choice, :func:`plan_for`, which filtering, its summaries and ``bank.plan`` all take.
First the backend, by where the pictures lie and whether derivatives are asked for. Then, for
kernels of one radius, which form a step, the engine of least modelled time among those of the
backend that can do it. Steps that take the Fourier engine share one forward transform.
"""

from __future__ import annotations

import functools
import importlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import promoted
from .costs import Work, bytes_needed, milliseconds, modelled, search
from .engines import cuda, decimated, fused
from .engines.factorization import factorized_together
from .engines.pyramid import halvings
from .engines.separable import Tables
from .engines.structures import available_here
from .engines.threads import available
from .errors import FilterError
from .filter_options import FilterOptions
from .io.tables import fold
from .kernels.base import TOLERANCE, Kernel
from .kernels.gabor import GaborKernel
from .types import Engine, Part, Transfer

if TYPE_CHECKING:
    from .bank import GaborBank

#: Engines by what runs them: SciPy and compiled code, torch on any device, Triton on a GPU.
BACKENDS: dict[str, tuple[str, ...]] = {
    "numpy": ("direct", "separable", "pyramid", "fourier"),
    "torch": ("direct", "fourier"),
    "triton": ("separable", "pyramid", "fourier"),
}


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

    def backend(self, engine: Engine, transfer: Transfer) -> str:
        """What runs the engines. A tensor in memory is filtered as the array that it is."""
        if self.library == "numpy":
            return "numpy"
        if self.derivatives:
            return "torch"
        if engine != "direct" and fused.usable(self.device):
            return "triton"
        compiled = engine in ("auto", "separable", "pyramid") and transfer == "sampled"
        return "numpy" if compiled and self.device == "cpu" else "torch"


@dataclass(frozen=True)
class Step:
    """One engine applied to kernels of one radius.

    Attributes
    ----------
    engine : str
        ``direct``, ``separable``, ``pyramid`` or ``fourier``.
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
        runs = self.library if self.library == self.backend else f"{self.library} by {self.backend}"
        lines = [
            f"{_count(len(self.bank))} on {shape} {self.dtype}, {runs}: "
            f"about {self.milliseconds:.3g} ms, error at most {self.error:g} of the answer to noise"
        ]
        for step in self.steps:
            times = ", ".join(f"{name} {ms:.3g} ms" for name, ms in step.milliseconds.items())
            lines.append(
                f"  {_count(len(step.indices))} of radius {step.radius}: {step.engine}"
                f"{self._passes(step)} ({times})"
            )
        return "\n".join(map(fold, lines))

    def _passes(self, step: Step) -> str:
        if step.engine != "separable":
            return ""
        rows = columns = 0
        for kernels in factorized_together([self.bank[k] for k in step.indices]):
            chosen = tuple(kernel for _, kernel in kernels)
            passes = Tables.of(chosen, self.tolerance, self.dtype, (), "complex").passes
            rows, columns = rows + passes[0], columns + passes[1]
        return f", {rows} row and {columns} column passes"


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
    whole = isinstance(shape, (tuple, list)) and all(
        isinstance(size, (int, np.integer)) and size >= 0 for size in shape
    )
    if not whole or len(shape) < 2 or 0 in shape[-2:]:
        raise FilterError(f"shape={shape!r} is not that of an image (..., H, W) with pixels in it")
    shape, dtype = tuple(shape), promoted(dtype)
    learnable = any(kernel.learnable for kernel in bank)
    if learnable and placement.library == "numpy":
        raise FilterError("learnable kernels filter tensors; give torch.from_numpy(image)")
    if learnable and transfer == "analytic":
        raise FilterError(
            "with transfer='analytic' no gradient reaches kernel parameters; leave it out"
        )
    placement = replace(placement, derivatives=placement.derivatives or learnable)
    backend = placement.backend(engine, transfer)
    if transfer == "analytic" and backend != "triton":
        if engine not in ("auto", "fourier"):
            raise FilterError(
                f"transfer='analytic' needs engine='fourier' or 'auto', not {engine!r}"
            )
        engine = "fourier"
    if engine not in ("auto", *BACKENDS[backend]):
        raise FilterError(
            f"engine={engine!r} is not written for {backend}"
            f"{' with gradients' * placement.derivatives}; "
            f"choose one of auto, {', '.join(BACKENDS[backend])}"
        )
    wanted = (shape, dtype, backend, part, engine, options.tolerance, transfer)
    choose = _steps.__wrapped__ if learnable else _steps
    steps = choose(bank.kernels, *wanted, available(), available_here())
    return Plan(bank, shape, dtype, placement.library, backend, options.tolerance, steps)


@functools.lru_cache(maxsize=64)
def _steps(
    bank: tuple[Kernel, ...],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    backend: str,
    part: Part,
    engine: Engine,
    tolerance: float,
    transfer: Transfer,
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
        images, height, width = math.prod(shape[:-2]), shape[-2], shape[-1]
        double = dtype == np.float64
        kernels = list(distinct.values())
        work = Work(images, height, width, kernels, radius, separable, double, threads, tolerance)
        if backend == "triton":
            size = (images, height, width)
            members = [bank[k] for k in indices]
            costs = {
                name: cuda.milliseconds(name, size, members, tolerance, transfer, part)
                for name in BACKENDS[backend]
                if _on_gpu(name, members, double, transfer)
            }
        else:
            costs = {
                name: milliseconds(backend, name, work)
                for name in BACKENDS[backend]
                if _can(name, work, compiled)
            }
        if backend != "triton":
            costs = _affordable(costs, backend, work, engine, bank[indices[0]].label)
        if engine == "auto":
            chosen = min(costs, key=lambda name: costs[name])
        elif engine in costs or (engine == "separable" and not compiled):  # says so when it runs
            chosen = engine
        else:
            raise FilterError(
                f"engine='pyramid' filters single precision with wide Gabor kernels, not {dtype} "
                f"with {bank[indices[0]].label}; choose auto"
            )
        steps.append(Step(chosen, tuple(indices), radius, radius, costs))
    return _with_shared_margin(steps, shape)


def _affordable(
    costs: dict[str, float], backend: str, work: Work, engine: Engine, label: str
) -> dict[str, float]:
    """The engines whose preparations stay within bounds; raises FilterError if none is left."""
    pictures = work.pixels * (8 if work.double else 4)
    most = max(LARGEST_BYTES, 32 * pictures)
    longest = math.inf if work.radius < 4 * max(work.height, work.width) else LONGEST
    names = [
        name
        for name in costs
        if bytes_needed(name, work) <= most
        and (
            name not in ("separable", "pyramid")
            or all(search(kernel, work) <= LARGEST_SEARCH for kernel in work.kernels)
        )
        and modelled(backend, name, work)[0] <= longest
    ]
    wanted = list(costs) if engine == "auto" else [name for name in costs if name == engine]
    if wanted and not set(wanted) & set(names):
        others = [name for name in names if name not in wanted]
        cheapest = min(others, key=lambda name: costs[name], default="")
        works = f"choose engine={cheapest!r}" if others else "shrink the picture and the kernels"
        raise FilterError(
            f"kernels of radius {work.radius} pixels ({label}) take too much time or memory by "
            f"{' or '.join(wanted)} on {work.height} x {work.width} pixels; {works}"
        )
    return {name: costs[name] for name in names}


def _can(engine: str, work: Work, compiled: bool) -> bool:
    """Whether an engine of a processor does this at all."""
    if engine not in ("separable", "pyramid"):
        return True
    if engine == "pyramid" and (work.double or not halvings(work.kernels)):
        return False
    return compiled


def _on_gpu(engine: str, kernels: list[Kernel], double: bool, transfer: Transfer) -> bool:
    """Whether an engine of a GPU does this at all."""
    if engine == "pyramid":
        return decimated.supports(kernels, double)
    closed = all(isinstance(kernel, GaborKernel) for kernel in kernels)
    return engine == "fourier" or transfer == "sampled" or closed


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
