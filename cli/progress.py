"""How far work is, on stderr: a bar on a terminal, and elsewhere a line now and then."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import click

T = TypeVar("T")

#: Seconds between lines where stderr is no terminal, and nobody asked for more.
EVERY = 30.0


#: What work calls: how much is done, how much there is in all, and maybe a word on it.
Show = Callable[..., None]


@contextlib.contextmanager
def meter(label: str, wanted: bool | None = None) -> Iterator[Show]:
    """Show how far the work of the block is.

    On a terminal that is a bar. Elsewhere it is a line each time that the work tells of itself,
    where that is ``wanted``; else a line every 30 seconds, so that a log shows that it lives, and
    nothing for what is done before.

    Parameters
    ----------
    label : str
        What is going on.
    wanted : bool, optional
        False shows nothing.

    Examples
    --------
    >>> with meter("sampling") as show:
    ...     show(1, 2)
    """
    if wanted is False:
        yield _nothing
    elif sys.stderr.isatty():
        bars = _Bars(label, wanted)
        try:
            yield bars
        finally:
            bars.close()
    elif wanted:
        yield lambda done, total, text="": click.echo(f"[{done}/{total}] {text or label}", err=True)
    else:
        pulse = _Pulse(label)
        pulse.start()
        try:
            yield pulse
        finally:
            pulse.stop()


def followed(
    results: Iterable[T], count: int, label: str, name: Callable[[T], str], wanted: bool | None
) -> Iterator[T]:
    """Pass results on as they come, and show each; see :func:`meter`."""
    with meter(label, wanted) as show:
        for number, result in enumerate(results, 1):
            show(number, count, name(result))
            yield result


def _nothing(done: int, total: int, text: str = "") -> None:
    pass


class _Bars:
    """Bars on a terminal, one after the other: work may have several parts."""

    def __init__(self, label: str, wanted: bool | None) -> None:
        self.label, self.wanted, self.bar = label, wanted, None
        self.done = 0

    bar: Any

    def __call__(self, done: int, total: int, text: str = "") -> None:
        if total == 1 and not self.wanted:
            return
        if self.bar is None or total != self.bar.length or done < self.done:
            self.close()
            self.bar = click.progressbar(
                length=total,
                file=sys.stderr,
                label=self.label,
                show_pos=True,
                item_show_func=lambda item: item,
            )
            self.bar.__enter__()
        self.bar.update(done - self.done, text or None)
        self.done = done

    def close(self) -> None:
        if self.bar is not None:
            self.bar.__exit__(None, None, None)
        self.bar, self.done = None, 0


class _Pulse(threading.Thread):
    """A line every :data:`EVERY` seconds, also while the work is busy and says nothing."""

    def __init__(self, label: str) -> None:
        super().__init__(daemon=True)
        self.label, self.latest = label, ""
        self.started, self.stream = time.monotonic(), sys.stderr
        self.ended = threading.Event()

    def __call__(self, done: int, total: int, text: str = "") -> None:
        self.latest = f"{done:,} of {total:,}{', ' * bool(text)}{text}, "

    def run(self) -> None:
        while not self.ended.wait(EVERY):
            seconds = time.monotonic() - self.started
            with contextlib.suppress(OSError, ValueError):  # a closed stream ends no work
                print(f"{self.label}: {self.latest}{seconds:.0f} s", file=self.stream, flush=True)

    def stop(self) -> None:
        self.ended.set()
        self.join()
