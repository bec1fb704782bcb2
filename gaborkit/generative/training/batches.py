"""Which images a step sees, as a pure function of the step: the loader has no position to save.

And the loss of held-out images, each of them once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from accelerate import Accelerator
from torch import Tensor

from ...errors import TrainingError
from ..data import Split
from ..models.model import Model
from ..randomness import generator_of
from ..representation import Representation

#: Largest tensor of features, in bytes, that is encoded once and kept; else a batch at a time.
CACHE_LIMIT = 2 * 1024**3
#: Images encoded at once while the cache is filled.
CHUNK = 512


@dataclass(frozen=True)
class Sampler:
    """Indices of the images of each batch.

    The data are shuffled anew for every epoch, and the epochs follow each other without a gap: a
    batch that reaches the end of one takes the rest from the next. So every batch is full, every
    image is seen once an epoch, and a batch may be larger than the data.

    Attributes
    ----------
    images : int
        How many there are.
    batch_size : int
        Over all processes; each takes an equal, contiguous share of it.
    seed : int
    rank, world : int
        This process, and how many there are.
    device : torch.device
        Of the indices. The order does not depend on it.

    Raises
    ------
    TrainingError
        If there are no images, or the batch cannot be shared out equally.

    Examples
    --------
    >>> order = Sampler(images=5, batch_size=3)
    >>> sorted(torch.cat([order.indices(step) for step in range(5)]).tolist())
    [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    """

    images: int
    batch_size: int
    seed: int = 0
    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    # Permutations of the epoch at hand and of the one before.
    _epochs: dict[int, Tensor] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.images < 1:
            raise TrainingError("there are no images to train on; give a data set that has some")
        if self.batch_size % self.world:
            raise TrainingError(
                f"batch_size={self.batch_size} cannot be shared out to {self.world} processes; "
                f"give a multiple of {self.world}"
            )

    @property
    def share(self) -> int:
        """Images that this process takes of a batch."""
        return self.batch_size // self.world

    def indices(self, step: int) -> Tensor:
        """Indices (share,), int64, of this process's images at a step."""
        begin = step * self.batch_size + self.rank * self.share
        end = begin + self.share
        pieces = []
        while begin < end:
            epoch, offset = divmod(begin, self.images)
            piece = self._permutation(epoch)[offset : offset + end - begin]
            pieces.append(piece)
            begin += len(piece)
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def _permutation(self, epoch: int) -> Tensor:
        if epoch not in self._epochs:
            if len(self._epochs) > 1:
                del self._epochs[min(self._epochs)]
            generator = generator_of(torch.device("cpu"), self.seed, "epoch", epoch)
            permutation = torch.randperm(self.images, generator=generator)
            self._epochs[epoch] = permutation.to(self.device)
        return self._epochs[epoch]


class Batches:
    """Features and labels of each step, on the device.

    Features that fit in ``CACHE_LIMIT`` bytes are encoded once; else, and where encoding draws
    random numbers, the images wait on the device as uint8 and each batch is encoded by itself.

    Parameters
    ----------
    split : Split
    representation : Representation
        Fitted.
    labels : tensor (N,) or (N, D), optional
        What the model is told of the images.
    device : torch.device
    """

    representation: Representation
    count: int
    images: Tensor
    labels: Tensor | None
    dtype: torch.dtype
    cached_dtype: torch.dtype

    def __init__(
        self,
        split: Split,
        representation: Representation,
        labels: Tensor | None,
        device: torch.device,
    ) -> None:
        self.representation, self.count = representation, len(split.images)
        self.images = split.images.to(device)  # (N, colours, h, w)
        self.labels = None if labels is None else labels.to(device)
        space = representation.space
        # Levels are whole numbers, kept in as few bytes as hold them.
        narrow = torch.uint8 if 0 < space.levels <= 256 else torch.int32
        self.dtype = torch.int64 if space.levels else torch.float32
        self.cached_dtype = narrow if space.levels else torch.float32
        self.features: Tensor | None = None  # (N, C, H, W)
        if not representation.stochastic:
            size = self.count * space.size * self.cached_dtype.itemsize
            if size <= CACHE_LIMIT:
                self.features = torch.empty(
                    (self.count, *space.shape), dtype=self.cached_dtype, device=device
                )
                for start in range(0, self.count, CHUNK):
                    chunk = self.images[start : start + CHUNK]
                    self.features[start : start + CHUNK] = representation.encode(chunk)

    def __call__(self, indices: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Features (B, C, H, W), and labels if there are any, of the images at ``indices``."""
        if self.features is not None:
            features = self.features[indices].to(self.dtype)
        else:
            features = self.representation.encode(self.images[indices], generator)
        return features, None if self.labels is None else self.labels[indices]


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
