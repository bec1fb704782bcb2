"""Many images, some at a time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import ModelError
from .models.model import Model, evaluating
from .progress import Progress
from .randomness import generator_of

#: Images drawn at once, which bounds the memory. The draws depend on it.
CHUNK = 256

#: Some of what is wanted, with a generator of its own.
Draw = Callable[[slice, torch.Generator, Progress | None], Tensor]


@torch.no_grad()
def in_chunks(
    draw: Draw,
    model: Model,
    count: int,
    seed: int,
    task: str,
    progress: Progress | None = None,
    size: int | None = None,
) -> Tensor:
    """What ``draw`` gives, on the CPU, of a model in evaluation mode: some at a time."""
    if not count:
        raise ModelError(f"there are no images to {task}; give 1 or more")
    size = CHUNK if size is None else size
    chunks = [slice(start, min(start + size, count)) for start in range(0, count, size)]
    drawn = []
    with evaluating(model):
        for number, some in enumerate(chunks):

            def report(done: int, total: int, number: int = number) -> None:
                assert progress is not None
                progress(number * total + done, len(chunks) * total)

            generator = generator_of(model.device, seed, task, number)
            drawn.append(draw(some, generator, None if progress is None else report).cpu())
            if progress is not None:
                progress(number + 1, len(chunks))
    return torch.cat(drawn)
