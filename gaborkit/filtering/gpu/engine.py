"""What the engines of a GPU share: without gradients, they store what is wanted of each response.

The figures of their costs are guesses for an H100, from its data sheet and the compiled programs'
instructions; ``benchmarks/gpu.py`` measures what they should be.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from ...kernels.base import Kernel
from ...types import Array, Part, Transfer
from ..engines import torch_fourier
from ..engines.base import Cost, Region, Step, Work
from ..engines.batch import Batch
from ..engines.factorization import Set, factorized_together
from ..engines.fourier import transform_size
from ..normalizing import UNCHANGED
from ..parts import part_of
from ..sinks import Sink, TensorValues

#: Multiplications and additions a millisecond: 60 % of 132 processors x 128 x 1.75 GHz (a guess).
MULTIPLY = 18e9

#: Bytes read or written a millisecond (a guess).
COPY = 2.5e9

#: Milliseconds of launches for one step (a guess).
START = 0.05


class Target(NamedTuple):
    """Where responses are stored, and what of them.

    Attributes
    ----------
    out : tensor (B, K, H, W)
    part : str
    inverses : tensor (B, 1, 1), optional
        Of the factors by which the pictures were scaled.
    """

    out: Array
    part: Part
    inverses: Array | None = None


class TritonEngine(ABC):
    """Values are stored in place, in the pictures' own size; other sinks get some at a time."""

    name: ClassVar[str]
    backend: ClassVar[str] = "triton"
    whole_kernels: ClassVar[bool] = False
    shares_margin: ClassVar[bool] = False

    @abstractmethod
    def refusal(self, work: Work) -> str:
        """Why it does not do some work, as the line of an error; empty if it does."""

    @abstractmethod
    def cost(self, work: Work) -> Cost:
        """What work that it does would take."""

    def scratch(self, region: Region) -> int:
        """Nothing of the host's memory."""
        return 0

    @abstractmethod
    def store(self, batch: Batch, margin: int, one: Set, target: Target) -> None:
        """Store responses of kernels factorized together, at their places, in a tensor.

        ``margin`` is that of all steps, so that they share what is made of the pictures.
        """

    def details(self, kernels: Sequence[Kernel], tolerance: float, double: bool) -> str:
        """Nothing."""
        return ""

    def tolerance(self, tolerance: float, transfer: Transfer) -> float:
        """At which it takes samples."""
        return tolerance

    def margin(self, batch: Batch, kernels: Sequence[Kernel]) -> int:
        """Pixels of outside that these kernels need."""
        tolerance = self.tolerance(batch.tolerance, batch.transfer)
        return max(kernel.radius(tolerance) for kernel in kernels)

    def run(self, batch: Batch, steps: Sequence[Step], sink: Sink) -> None:
        """Values in place; else complex responses of the scaled pictures, some at a time."""
        members = [[batch.kernels[k] for k in step.indices] for step in steps]
        margin = max(step.margin for step in steps)
        margin = max(margin, *(self.margin(batch, kernels) for kernels in members))
        # A phase is taken of stored responses: it has no size.
        if isinstance(sink, TensorValues) and sink.out is not None and sink.part != "phase":
            target = Target(sink.out, sink.part, sink.normalization.inverses)
            for step in steps:
                channels = [sink.channels[k] for k in step.indices]
                self._store(batch, margin, step.indices, channels, target)
            return
        for step in steps:
            for first in range(0, len(step.indices), batch.together):
                chosen = step.indices[first : first + batch.together]
                out = batch.tensor(len(chosen))
                self._store(batch, margin, chosen, range(len(chosen)), Target(out, "complex"))
                for k, response in zip(chosen, out.unbind(1), strict=True):
                    sink.take(k, response)

    def _store(
        self,
        batch: Batch,
        margin: int,
        indices: Sequence[int],
        channels: Sequence[int],
        target: Target,
    ) -> None:
        if not len(batch.image):
            return
        for kernels, places in factorized_together([batch.kernels[k] for k in indices]):
            one = kernels, [channels[place] for place in places]
            self.store(batch, margin, one, target)


def written(work: Work) -> float:
    """Milliseconds of writing the responses."""
    number = 8 if work.part == "complex" else 4
    return number * work.pixels * len(work.members) / COPY


def plane(work: Work, radius: int) -> float:
    """Milliseconds of writing one complex plane of all pictures with their outside."""
    return 8 * work.images * (work.height + 2 * radius) * (work.width + 2 * radius) / COPY


class TritonFourier(TritonEngine):
    """Every kernel, by its spectrum; only what is wanted of a batch of responses is held."""

    name = "fourier"
    shares_margin = True

    def refusal(self, work: Work) -> str:
        """It does everything."""
        return ""

    def cost(self, work: Work) -> Cost:
        """Each transform of a plane, complex, reads and writes it twice."""
        one = plane(work, work.members[0].radius(work.tolerance))
        time = START + 2 * one + len(work.members) * (4 + 3 + 2) * one + written(work)
        return Cost(time, time)

    def store(self, batch: Batch, margin: int, one: Set, target: Target) -> None:
        """A batch at a time."""
        kernels, channels = one
        size = transform_size(batch.library, batch.shape, margin)

        def transform() -> Array:
            return torch_fourier.spectrum(batch.padded(margin), size)

        transformed = batch.shared("spectrum", margin, transform)
        normalization = UNCHANGED if target.inverses is None else batch.normalization
        options = (batch.double, batch.tolerance, batch.transfer)
        for first, together in torch_fourier.batches(transformed, len(kernels)):
            chosen = kernels[first : first + together]
            responses = torch_fourier.respond(
                batch.library, transformed, margin, batch.shape, chosen, *options
            )
            for k, response in enumerate(responses, first):
                if not kernels[k].is_dc_free:
                    response = batch.with_level(response, kernels[k])
                wanted = part_of(response, target.part)
                target.out[:, channels[k]] = normalization.restored(wanted, target.part)
