"""Pieces of work on the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from ..errors import FilterError
from ..extras import optional

Item = TypeVar("Item")
Result = TypeVar("Result")


def on_cluster(
    work: Callable[[Item], Result], items: Sequence[Item], scheduler: Any, *, timeout: float = 10
) -> Iterator[tuple[Item, Result]]:
    """Call ``work`` on every item, on whichever worker is free; items and results as they come.

    Items of a worker that dies go to another, so that ``work`` may be called twice for one.

    Parameters
    ----------
    work : callable
        Is sent to the workers, which have gaborkit installed.
    items : sequence
    scheduler : str or distributed.Client
        A Dask scheduler, or its address.
    timeout : float
        Seconds to look for a scheduler.

    Raises
    ------
    FilterError
        If no scheduler answers, or one item has stopped several workers.
    """
    distributed = optional("distributed")
    with ExitStack() as stack:
        client = scheduler
        if not isinstance(scheduler, distributed.Client):
            try:
                client = distributed.Client(scheduler, timeout=timeout, set_as_default=False)
            except (OSError, ValueError, TypeError) as cause:
                raise FilterError(
                    f"scheduler={scheduler!r} cannot be reached; `dask scheduler` prints its "
                    "address, such as tcp://10.0.0.1:8786"
                ) from cause
            stack.enter_context(client)
        stack.enter_context(client.as_current())
        futures = client.map(work, items, pure=False, key="gaborkit")
        waiting = {future.key: (item, future) for future, item in zip(futures, items, strict=True)}
        # Whatever ends the loop, no more is begun.
        stack.callback(lambda: client.cancel([future for _, future in waiting.values()]))
        try:
            for future in distributed.as_completed(futures):
                result = future.result()
                item, _ = waiting.pop(future.key)
                # A result that is remembered would be made again if its worker died.
                future.release()
                yield item, result
        except distributed.scheduler.KilledWorker as cause:
            raise FilterError(
                f"a piece of work has stopped several workers ({cause}); less memory a worker "
                "thread would work"
            ) from cause
