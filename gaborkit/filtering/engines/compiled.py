"""Programs of the compiled code: stages of work, and the memory that they share."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...caches import forgotten_by
from ...types import Array, Boundary, RealArray
from ..padding import source_index
from ..parts import empty
from ..sinks import ArgMax, Moments, Sink, Values
from .structures import (
    KINDS,
    PARTS,
    USES,
    Doubling,
    Filtering,
    Halving,
    Job,
    Picture,
    Stage,
    performer,
)
from .threads import available, in_threads

#: Multiplications that are worth waking another thread for.
WORTH = 2**21

#: Multiplications, some tens of milliseconds, from which on Ctrl-C does not wait for the end.
LONG = 2**30

#: Columns of a tile: the bytes of a row that the compiled code works on.
TILE_BYTES = 256

#: Rows of a piece that is halved, and tiles that are doubled side by side.
LINES, DOUBLED = 16, 2

#: Numbers that a tile may reach beyond the last row of what the compiled code reads.
SLACK = 256

#: Bytes of intermediate pictures that the next call may find in place: new memory costs more than
#: most of what is computed in it.
KEPT_BYTES = 2**25

_kept_blocks: list[Array] = []
forgotten_by(_kept_blocks.clear)


class Program:
    """Stages that all threads work at, each as soon as the one that it waits for is done.

    Parameters
    ----------
    images : float array (B, H, W)

    Attributes
    ----------
    references : list
        What structures point to.
    """

    images: RealArray
    threads: int

    def __init__(self, images: RealArray) -> None:
        # Rows are contiguous and aligned, as the compiled code needs them.
        fits = images.strides[2] == images.itemsize and min(images.strides) > 0
        self.images = images if fits and images.flags.aligned else images.copy()
        self.threads = available()
        self._stages: list[Stage] = []
        self._writers: dict[int, int] = {}
        self.references: list[Any] = []
        self._kernels = self._work = 0
        self._endings: list[Callable[[], None]] = []
        self._block = _kept_blocks.pop() if _kept_blocks else np.empty(0, np.uint8)
        self._taken = 0

    def empty(self, size: int) -> RealArray:
        """Memory for numbers of the images' precision, as long as the program runs."""
        start = self._taken
        self._taken += -(-size * self.images.itemsize // 64) * 64
        if self._taken > self._block.size:
            return np.empty(size, self.images.dtype)
        return self._block[start : start + size * self.images.itemsize].view(self.images.dtype)

    def keep(self, array: Array) -> int:
        """The address of an array's first element, which the program keeps in memory."""
        self.references.append(array)
        return int(array.ctypes.data)

    def add(
        self,
        work: Filtering | Halving | Doubling,
        kind: str,
        pieces: int,
        after: int,
        multiplications: int = 0,
    ) -> int:
        """A stage, and its place for others to wait for.

        It waits for the stage ``after``, unless that is -1, and for those that write the same
        planes: comparing reads what is there and writes it again. About so many multiplications
        decide whether several threads are worth it.
        """
        self.references.append(work)
        self._work += multiplications
        index, job = len(self._stages), getattr(work, "job", Job())
        self._kernels = max(self._kernels, job.kernels)
        waits = {after} - {-1}
        if job.use != USES.index("summed"):
            for plane in (ctypes.c_void_p * job.kernels).from_address(job.outs or 0):
                waits.add(self._writers.get(plane, index))
                self._writers[plane] = index
        before = np.array(sorted(waits - {index}), np.int32)
        stage = Stage(kind=KINDS.index(kind), waits=len(before), pieces=pieces)
        stage.after, stage.work = self.keep(before), ctypes.addressof(work)
        self._stages.append(stage)
        return index

    def at_the_end(self, call: Callable[[], None]) -> None:
        """Have something done after the last stage."""
        self._endings.append(call)

    def run(self) -> None:
        """Do all stages.

        Raises
        ------
        MemoryError
            If there is no memory for the caches of a thread.
        KeyboardInterrupt
            On Ctrl-C, soon.
        """
        if not self._stages:
            return
        perform = performer(self.images.dtype.name)
        stages = (Stage * len(self._stages))(*self._stages)

        stop = ctypes.c_int32()

        def part(thread: int) -> None:
            if perform(stages, len(stages), self._kernels, thread, ctypes.addressof(stop)):
                raise MemoryError("no memory for the caches of the compiled code")

        def set_stop() -> None:
            stop.value = 1

        threads = min(self.threads, 1 + self._work // WORTH)
        in_threads(part, range(threads), threads, stop=set_stop, deaf=self._work > LONG)
        for call in self._endings:
            call()
        if self._block.size < self._taken <= KEPT_BYTES:
            self._block = empty((self._taken,), np.dtype(np.uint8))
        _kept_blocks[:] = [self._block]

    def picture(self, images: RealArray, rows: Array, columns: Array, levels: RealArray) -> Picture:
        """The structure of images and the sources of their padded rows and columns, int64."""
        count, height, width = images.shape
        return Picture(
            image=self.keep(images),
            image_stride=images.strides[0] // images.itemsize,
            stride=images.strides[1] // images.itemsize,
            images=count,
            height=height,
            width=width,
            rows=self.keep(rows),
            columns=self.keep(columns),
            levels=self.keep(levels),
        )

    def stored(self, part: str, planes: Sequence[Array] | RealArray) -> Job:
        """A job that stores a part, in a plane (B, H, W) each kernel."""
        if isinstance(planes, np.ndarray):  # one address is found faster than many
            outs = self.keep(planes) + planes.strides[0] * np.arange(len(planes))
        else:
            outs = np.array([self.keep(plane) for plane in planes])
        job = Job(part=PARTS.index(part), use=USES.index("stored"))
        job.outs = self.keep(outs.astype(np.uintp))
        job.out_stride = planes[0].strides[0] // planes[0].itemsize
        job.kernels = len(planes)
        return job

    def job(self, sink: Sink, places: Sequence[int], skipped: int = 0) -> Job:
        """The job of a sink, for kernels at these places of the bank.

        ``skipped`` pixels of each plane lie before those that are written.
        """
        if isinstance(sink, Values):
            job = self.stored(sink.part, [sink.outs[k] for k in places])
            job.skipped = skipped
            return job
        if isinstance(sink, ArgMax):
            energies, indices = (
                [planes[:, sink.groups[k]] for k in places] for planes in (sink.energy, sink.index)
            )
            job = self.stored(sink.part, energies)
            job.skipped = skipped
            job.indices = self.keep(np.array([self.keep(plane) for plane in indices], np.uintp))
            job.names = self.keep(np.array(places, np.int16))
            job.use = USES.index("compared")
            return job
        if not isinstance(sink, Moments):
            raise TypeError(f"{type(sink).__name__} takes responses one by one")
        job = Job(part=PARTS.index(sink.part), use=USES.index("summed"), kernels=len(places))
        job.outs = self.keep(np.zeros(len(places), np.uintp))
        sums = np.zeros((self.threads, len(self.images), len(places), 2))
        job.sums, job.sums_step = self.keep(sums), sums[0].size

        def add_up() -> None:
            sink.sums[:, list(places)] += sums.sum(0)

        self.at_the_end(add_up)
        return job


def sources(size: int, first: int, last: int, boundary: Boundary) -> Array:
    """Index into an axis of ``size`` of positions first .. last - 1, int64; -1 is a zero."""
    margin = max(0, -first, last - size)
    if boundary == "constant":
        inside = np.full(size + 2 * margin, -1, np.int64)
        inside[margin : margin + size] = np.arange(size)
    else:
        inside = source_index(size, margin, boundary).astype(np.int64)
    return inside[margin + first : margin + last]
