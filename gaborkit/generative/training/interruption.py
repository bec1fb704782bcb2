"""Ctrl-C and SIGTERM asked for, not suffered: the step at hand is finished first."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from ...errors import TrainingError

#: Signals closer together than this are one: a launcher passes on what the terminal sent already.
TOGETHER = 1.0


class Interrupted(TrainingError):  # noqa: N818 - it is no error of anybody
    """Training was stopped by a signal, after a checkpoint was saved.

    Attributes
    ----------
    run : pathlib.Path
        The folder of the run.
    step : int
        Steps done.
    """

    def __init__(self, run: Path, step: int) -> None:
        super().__init__(f"{run}: stopped after step {step:,}, which is saved")
        self.run, self.step = run, step


class Interruption:
    """Whether SIGINT or SIGTERM has come, while the block runs.

    The second SIGINT raises KeyboardInterrupt at once. Outside the main thread, where Python
    allows no handlers, nothing is caught.
    """

    def __init__(self) -> None:
        self.requested = False
        self._since = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.requested and number == signal.SIGINT and now - self._since > TOGETHER:
            raise KeyboardInterrupt
        if not self.requested:
            self.requested, self._since = True, now
