"""Accelerate, set up for a run, and the signals that stop one."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import DistributedType, GradientAccumulationPlugin, TorchDynamoPlugin

from ...errors import TrainingError
from .settings import Training

#: Ways to train on several processes in which every process holds the whole model.
REPLICATED = (
    DistributedType.NO,
    DistributedType.MULTI_CPU,
    DistributedType.MULTI_GPU,
)


def accelerator_for(training: Training, device: torch.device, several: bool) -> Accelerator:
    """Accelerate, set up for a run. What it remembers of an earlier run is dropped.

    Raises
    ------
    TrainingError
        If the launcher asks for models that are cut up among processes.
    """
    # Accelerate keeps its settings for the whole process, where a second run may want others.
    AcceleratorState._reset_state(not torch.distributed.is_initialized())
    GradientState._reset_state()
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)
    accelerator = Accelerator(
        mixed_precision=training.precision,
        cpu=device.type == "cpu",
        # Given, though it is nothing: else the launcher's settings would count, which no run saves.
        dynamo_plugin=TorchDynamoPlugin(backend="inductor" if training.compile else "no"),
        gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1),
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=several)],
    )
    if accelerator.distributed_type not in REPLICATED:
        kind = accelerator.distributed_type.value
        raise TrainingError(
            f"the launcher asks for {kind}, and gaborkit gives each process the whole model; "
            "choose multi-GPU or multi-CPU in `accelerate config`"
        )
    return accelerator


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

    run: Path
    step: int

    def __init__(self, run: Path, step: int) -> None:
        super().__init__(f"{run}: stopped after step {step:,}, which is saved")
        self.run, self.step = run, step


class StopSignal:
    """Whether SIGINT or SIGTERM has come, while the block runs.

    The second SIGINT raises KeyboardInterrupt at once. Outside the main thread, where Python
    allows no handlers, nothing is caught.
    """

    requested: bool

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
