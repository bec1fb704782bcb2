"""The loss of held-out images."""

from __future__ import annotations

import torch
from accelerate import Accelerator

from ..models.model import Model
from ..randomness import generator_of
from .batches import Batches


@torch.no_grad()
def validation_loss(
    model: Model,
    held_out: Batches,
    accelerator: Accelerator,
    *,
    part: str,
    batch_size: int,
    seed: int,
) -> float:
    """Mean loss of the held-out images, each of them once, whatever the number of processes.

    Parameters
    ----------
    model : Model
        The one that is kept, not what wraps it.
    held_out : Batches
    accelerator : Accelerator
    part : str
        Of the model, whose loss is meant.
    batch_size : int
        Of each process.
    seed : int
        Of the draws, which are the same each time.
    """
    rank, world = accelerator.process_index, accelerator.num_processes
    if world > 1:
        # Running statistics are of each process's own images; those of the first are kept.
        for buffer in model.buffers():
            torch.distributed.broadcast(buffer, 0)
    generator = generator_of(accelerator.device, seed, "validation", rank)
    mine = torch.arange(held_out.count)[rank::world]
    total = torch.zeros(2, dtype=torch.float64)  # of the loss, and of the images
    model.eval()
    for indices in mine.split(batch_size):
        if not len(indices):
            continue  # fewer images than processes: `split` gives an empty batch
        features, labels = held_out(indices.to(generator.device), generator)
        with accelerator.autocast():
            loss = model(features, labels, generator, part).total
        total += torch.tensor([float(loss) * len(indices), len(indices)])
    if world > 1:
        total = accelerator.reduce(total.to(accelerator.device), "sum")
    return float(total[0] / total[1])
