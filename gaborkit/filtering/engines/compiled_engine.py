"""What the compiled engines share: a batch's program, into which they put stages."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from ...kernels.base import Kernel
from ...types import Array
from .. import costs
from ..parts import part_dtype
from ..sinks import ArgMax, Moments, Sink, Values
from .base import Region, ResponseEngine, Step, Work
from .batch import Batch
from .compiled import WORTH, Program
from .factorization import ACCURACY, factorized_together
from .structures import available_here, missing

#: Kernels that are factorized together, and their indices in the bank.
Set = tuple[list[Kernel], list[int]]


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
            sets = [one for step in steps for one in sets_of(batch.kernels, step.indices)]
            self.stages(batch.program, batch, sets, sink)

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
            self.stages(program, batch, sets_of(kernels, range(len(kernels))), values)
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


def sets_of(kernels: Sequence[Kernel], indices: Sequence[int]) -> list[Set]:
    """Kernels in the sets that are factorized together."""
    return [
        ([kernel for _, kernel in together], [indices[index] for index, _ in together])
        for together in factorized_together([kernels[k] for k in indices])
    ]


# ---- what the models of both engines' times share ----


def mixed(work: Work) -> float:
    """Products that responses are mixed from; to store one takes as long as two."""
    products = work.passes.terms * (5 / 3 if work.separable else 2)
    return products + 2 * len(work.kernels)


def factorized(work: Work, taps: int) -> float:
    """Time to factorize kernels of so many taps a side."""
    _, _, terms, squares, sets = work.passes
    alike = costs.WAVES if work.separable else costs.SET * sets
    return alike + costs.LINE * terms + costs.FACTOR * taps * squares


def shared(element: float, work: float, threads: int) -> float:
    """Time of work that as many threads share as it is worth."""
    return element / min(threads, 1 + work // WORTH)


def search(work: Work) -> float:
    """Multiplications, about, by which the factors of the longest elongated kernel are found."""
    if work.separable:
        return 0.0
    accuracy = ACCURACY[work.double]
    terms = max(kernel.terms(work.tolerance, accuracy) for kernel in work.kernels)
    return float((2 * work.radius + 1) * terms**2)


def nbytes(work: Work) -> int:
    """Bytes of the filters."""
    return math.ceil(64 * (2 * work.radius + 1) * work.passes.rows)
