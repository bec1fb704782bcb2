"""Train on samples, test on real images: can the classes be learned from what a model draws."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import ModelError
from ..pixels import to_floats


def train_on_synthetic(
    images: Tensor,
    labels: Tensor,
    test_images: Tensor,
    test_labels: Tensor,
    *,
    classes: int = 10,
    steps: int = 400,
    batch_size: int = 64,
    seed: int = 0,
) -> float:
    """Accuracy on real images of a small classifier that has seen only samples.

    Two convolutions of stride 2 and one linear layer, Adam at 2e-3 down a half cosine. The
    accuracy depends on these: compare it with that of the same classifier on real images.

    Parameters
    ----------
    images : uint8 or float tensor (N, colours, h, w)
        Samples.
    labels : int64 tensor (N,)
        Their classes, 0 to ``classes - 1``.
    test_images, test_labels : the same
        Real ones.
    classes, steps, batch_size, seed : int
        ``seed`` fixes the weights at the start and the order of the samples.

    Returns
    -------
    float
        Share of real images whose class is found.

    Raises
    ------
    ModelError
        If images and labels differ in number, there are none, or shapes differ.

    References
    ----------
    Ravuri and Vinyals (2019), "Classification accuracy score for conditional generative models",
    section 3.

    Examples
    --------
    >>> images = torch.arange(2).repeat(32)[:, None, None, None].expand(64, 1, 8, 8).float()
    >>> train_on_synthetic(images, torch.arange(2).repeat(32), images, torch.arange(2).repeat(32),
    ...                    classes=2, steps=20)
    1.0
    """
    for part, truth in ((images, labels), (test_images, test_labels)):
        if len(part) != len(truth) or not len(part):
            raise ModelError(f"{len(truth)} labels for {len(part)} images; give one each")
    if images.shape[1:] != test_images.shape[1:]:
        raise ModelError(
            f"samples of shape {tuple(images.shape[1:])} and real images of "
            f"{tuple(test_images.shape[1:])} do not compare; bring them to one size"
        )
    network = _network(tuple(images.shape[1:]), classes, seed)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    generator = torch.Generator().manual_seed(seed)
    inputs, truth = to_floats(images).cpu(), labels.cpu()
    for _ in range(steps):
        chosen = torch.randint(len(inputs), (batch_size,), generator=generator)
        loss = functional.cross_entropy(network(inputs[chosen]), truth[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        logits = torch.cat([network(to_floats(part).cpu()) for part in test_images.split(500)])
    return float((logits.argmax(1) == test_labels.cpu()).double().mean())


def _network(shape: tuple[int, ...], classes: int, seed: int) -> nn.Sequential:
    colours, height, width = shape
    quarter = -(-height // 4) * -(-width // 4)
    # The seed governs these weights alone: the caller's random state is put back.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(colours, 16, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(16, 32, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * quarter, classes),
        )
