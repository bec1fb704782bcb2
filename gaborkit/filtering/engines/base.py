"""What an engine is: a way to convolve pictures with kernels. All give the same responses.

An :class:`Engine` says what it cannot do, what its work costs, and does it. A new one that finds
complex responses of some kernels at a time is a subclass of :class:`ResponseEngine` with two
methods; ``registry`` lists them all.
"""

from __future__ import annotations

import cmath
import functools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

from ...kernels.base import TOLERANCE, Kernel
from ...types import Array, Part, Transfer
from .. import costs
from ..sinks import Sink, Values
from .batch import CHUNK_BYTES, Batch
from .factorization import Passes, passes_of

#: Complex copies of a region that most engines hold for each thread, and once more.
COPIES = 3


@dataclass(frozen=True)
class Work:
    """Kernels of one radius on images of one shape.

    Attributes
    ----------
    images, height, width : int
    kernels : sequence of Kernel
        Without those whose responses others give.
    radius : int
    separable : bool
        Whether the kernels are round.
    double : bool
        Precision.
    threads : int
    tolerance, transfer, part
        As in :class:`~gaborkit.filtering.options.FilterOptions`.
    members : sequence of Kernel
        All of them.
    """

    images: int
    height: int
    width: int
    kernels: Sequence[Kernel]
    radius: int
    separable: bool
    double: bool
    threads: int
    tolerance: float = TOLERANCE
    transfer: Transfer = "sampled"
    part: Part = "complex"
    members: Sequence[Kernel] = ()

    @property
    def pixels(self) -> int:
        """Of all images."""
        return self.images * self.height * self.width

    @property
    def taps(self) -> int:
        """Of all kernels."""
        return len(self.kernels) * (2 * self.radius + 1) ** 2

    @property
    def bytes_per_pixel(self) -> int:
        """Of a complex response."""
        return 16 if self.double else 8

    @functools.cached_property
    def passes(self) -> Passes:
        """What the row and column filters of a factorization come to."""
        return passes_of(self.kernels, self.separable, self.tolerance, self.double)


class Region(NamedTuple):
    """A part of a large picture that is filtered by itself.

    Attributes
    ----------
    padded, grown : int
        Pixels, with what is around them, and with the outside that engines add.
    itemsize : int
        Bytes of a pixel, in the precision of the responses' parts.
    kernels, threads : int
    """

    padded: int
    grown: int
    itemsize: int
    kernels: int
    threads: int


class Cost(NamedTuple):
    """What work would take.

    Attributes
    ----------
    first, later : float
        Milliseconds of a first call, which prepares what is kept of kernels, and of a later one.
    nbytes : int
        Memory beside pictures and responses, about.
    search : float
        Multiplications, about, by which the factors of one kernel are found.
    """

    first: float
    later: float
    nbytes: int = 0
    search: float = 0.0

    @property
    def milliseconds(self) -> float:
        """The mean of :data:`gaborkit.filtering.costs.CALLS` calls.

        One choice serves first and later calls, whatever was filtered before: a choice that
        changed after the first call would change the last digits of equal calls.
        """
        return self.later + (self.first - self.later) / costs.CALLS

    @classmethod
    def of(
        cls, work: Work, element: float, call: float, once: float, nbytes: int, search: float = 0.0
    ) -> Cost:
        """From nanoseconds: what doubles with precision, of every call, and of the first one."""
        later = element * (2 if work.double else 1) + call
        return cls((later + once) / 1e6, later / 1e6, nbytes, search)


@dataclass(frozen=True)
class Step:
    """One engine applied to kernels of one radius.

    Attributes
    ----------
    engine : str
        Its name.
    indices : tuple of int
        Of the kernels in the bank.
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


class Engine(Protocol):
    """A way to convolve pictures with kernels.

    Attributes
    ----------
    name : str
        What users call it; engines of one name do the same on other libraries.
    backend : {"numpy", "torch", "triton"}
        Whose arrays or tensors it takes: NumPy's; torch's, with gradients; a GPU's, without.
    whole_kernels : bool
        Whether it stands for whole kernels, and not for the samples that a tolerance leaves.
    shares_margin : bool
        Whether its steps take one margin, to share what is made of the pictures.
    """

    @property
    def name(self) -> str:
        """What users call it."""

    @property
    def backend(self) -> str:
        """Whose arrays or tensors it takes."""

    @property
    def whole_kernels(self) -> bool:
        """Whether it stands for whole kernels."""

    @property
    def shares_margin(self) -> bool:
        """Whether its steps take one margin."""

    def refusal(self, work: Work) -> str:
        """Why it does not do some work, as the line of an error; empty if it does."""

    def cost(self, work: Work) -> Cost:
        """What work that it does would take."""

    def scratch(self, region: Region) -> int:
        """Most bytes that it holds at a time beside a region and its responses."""

    def details(self, kernels: Sequence[Kernel], tolerance: float, double: bool) -> str:
        """What a printed plan says besides, or nothing."""

    def run(self, batch: Batch, steps: Sequence[Step], sink: Sink) -> None:
        """Hand a sink the responses of the steps' kernels to the scaled pictures of a batch.

        What is put into ``batch.program`` runs when the batch is finished.
        """


class ResponseEngine(ABC):
    """An engine that finds complex responses of some kernels at a time, for any sink."""

    name: ClassVar[str]
    backend: ClassVar[str]

    #: Whether it stands for whole kernels, and not for the samples that a tolerance leaves.
    whole_kernels: ClassVar[bool] = False

    #: Whether its steps take one margin, to share what is made of the pictures.
    shares_margin: ClassVar[bool] = False

    #: Whether :meth:`responses` answer to the mean of the pictures, which ``padded`` has lost.
    answers_level: ClassVar[bool] = False

    def refusal(self, work: Work) -> str:
        """Most engines convolve with samples alone."""
        if work.transfer == "analytic":
            return f"transfer='analytic' needs engine='fourier' or 'auto', not {self.name!r}"
        return ""

    @abstractmethod
    def cost(self, work: Work) -> Cost:
        """What work that it does would take."""

    @abstractmethod
    def responses(
        self, batch: Batch, step: Step, kernels: Sequence[Kernel], outs: list[Array] | None
    ) -> list[Array]:
        """Complex responses (B, H, W) of kernels of one radius.

        Engines of NumPy are given new arrays ``outs``, or a user's, to write into and return.
        """

    def scratch(self, region: Region) -> int:
        """The responses of a chunk, and complex copies of the region for each thread."""
        whole = 2 * region.itemsize * region.padded  # one complex response
        chunk = min(region.kernels, max(1, CHUNK_BYTES // whole)) * whole
        return chunk + COPIES * 2 * region.itemsize * region.grown * (region.threads + 1)

    def details(self, kernels: Sequence[Kernel], tolerance: float, double: bool) -> str:
        """Nothing."""
        return ""

    def run(self, batch: Batch, steps: Sequence[Step], sink: Sink) -> None:
        """Some kernels at a time, those that answer alike once."""
        places = sink.outs if isinstance(sink, Values) and sink.part == "complex" else {}
        for step in steps:
            twins = twins_of(batch.kernels, step.indices)
            members = list(twins)
            count = len(members) if places else batch.together
            for first in range(0, len(members), count):
                chosen = members[first : first + count]
                outs = [places[k] for k in chosen] if places else None
                responses = self._answers(batch, step, chosen, outs)
                for k, response in zip(chosen, responses, strict=True):
                    if not places:
                        sink.take(k, response)
                    for twin in twins[k]:
                        sink.take(twin.index, twin.turned(response))

    def _answers(
        self, batch: Batch, step: Step, chosen: list[int], outs: list[Array] | None
    ) -> list[Array]:
        """Responses, those to the mean added."""
        kernels = [batch.kernels[k] for k in chosen]
        if self.backend == "numpy" and outs is None:
            outs = batch.arrays(len(chosen))
        responses = self.responses(batch, step, kernels, outs)
        if self.answers_level:
            return responses
        return [
            response if kernel.is_dc_free else batch.with_level(response, kernel)
            for kernel, response in zip(kernels, responses, strict=True)
        ]


@dataclass(frozen=True)
class Twin:
    """A kernel whose response is ``e^{i phase} R`` or ``e^{i phase} conj R`` of another's, R."""

    index: int
    conjugate: bool
    phase: float

    def turned(self, response: Array) -> Array:
        """Its response, of the other's."""
        return (response.conj() if self.conjugate else response) * cmath.exp(1j * self.phase)


def twins_of(kernels: Sequence[Kernel], indices: Sequence[int]) -> dict[int, list[Twin]]:
    """Kernels to compute, and with each those that answer like it."""
    first: dict[Any, tuple[int, bool, float]] = {}
    twins: dict[int, list[Twin]] = {}
    for k in indices:
        if kernels[k].learnable:
            twins[k] = []
            continue
        key, conjugate, phase = kernels[k].canonical()
        if key not in first:
            first[key] = (k, conjugate, phase)
            twins[k] = []
            continue
        source, source_conjugate, source_phase = first[key]
        flip = conjugate != source_conjugate
        turn = phase + source_phase if flip else phase - source_phase
        twins[source].append(Twin(k, flip, turn))
    return twins
