"""Accelerate, set up for a run."""

from __future__ import annotations

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
