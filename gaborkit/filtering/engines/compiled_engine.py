"""What the compiled engines share: a batch's program, into which they put stages."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from ...kernels.base import Kernel
from ...types import Array
from .. import costs
from ..parts import part_dtype
from ..sinks import ArgMax, Moments, Sink, Values
from .base import Cost, Region, ResponseEngine, Step, Work
from .batch import Batch
from .compiled import WORTH, Program
from .factorization import ACCURACY, Set, factorized_together
from .structures import available_here, missing


class CompiledEngine(ResponseEngine):
    """Sinks are served while a response is still in the caches."""

    backend: ClassVar[str] = "numpy"
    answers_level: ClassVar[bool] = True

    def refusal(self, work: Work) -> str:
        """Where there is no compiled code, nothing can be done."""
        return super().refusal(work) or ("" if available_here() else missing())

    def scratch(self, region: Region) -> int:
        """Next to nothing."""
        return 0

    def run(self, batch: Batch, steps: Sequence[Step], sink: Sink) -> None:
        """By stages of the batch's program, if the compiled code knows the sink."""
        if not does(sink, batch.double):
            super().run(batch, steps, sink)
        elif len(batch.image):
            sets = [factorized_together(batch.kernels, step.indices) for step in steps]
            self.stages(batch.program, batch, list(itertools.chain(*sets)), sink)

    def responses(
        self, batch: Batch, step: Step, kernels: Sequence[Kernel], outs: list[Array] | None
    ) -> list[Array]:
        """By a program of their own."""
        values = Values("complex", dict(enumerate(outs or ())))
        if not does(values, batch.double):
            for k, response in enumerate(
                self.responses(batch, step, kernels, batch.arrays(len(kernels)))
            ):
                values.take(k, response)
            return list(values.outs.values())
        if len(batch.image):
            program = Program(batch.image)
            self.stages(program, batch, factorized_together(kernels), values)
            program.run()
        return list(values.outs.values())

    @abstractmethod
    def stages(self, program: Program, batch: Batch, sets: Sequence[Set], sink: Sink) -> None:
        """Put what answers to the batch's pictures into a program."""


def does(sink: Sink, double: bool) -> bool:
    """Whether the compiled code can do a sink's work."""
    if isinstance(sink, Values):
        dtype = part_dtype(sink.part, double)
        return sink.part != "phase" and all(
            out.dtype == dtype and out.flags.aligned for out in sink.outs.values()
        )
    return isinstance(sink, (Moments, ArgMax))


# ---- what the models of both engines' times share ----


def mixed(work: Work) -> float:
    """Products that responses are mixed from; to store one takes as long as two."""
    products = work.passes.terms * (5 / 3 if work.separable else 2)
    return products + 2 * len(work.kernels)


def cost_of(work: Work, element: float, call: float, taps: int, halved: int = 0) -> Cost:
    """Cost with factorizing kernels of so many taps a side, and with bytes of halved pictures."""
    rows, _, terms, squares, sets = work.passes
    once, search = costs.WAVES + costs.LINE * terms, 0.0
    if not work.separable:  # about as many multiplications as the longest kernel's factors take
        most = max(kernel.terms(work.tolerance, ACCURACY[work.double]) for kernel in work.kernels)
        once = costs.SET * sets + costs.LINE * terms + costs.FACTOR * taps * squares
        search = float((2 * work.radius + 1) * most**2)
    filters = math.ceil(64 * (2 * work.radius + 1) * rows)
    return Cost.of(work, element, call, once, filters + halved, search)


def shared(element: float, work: float, threads: int) -> float:
    """Time of work that as many threads share as it is worth."""
    return element / min(threads, 1 + work // WORTH)
