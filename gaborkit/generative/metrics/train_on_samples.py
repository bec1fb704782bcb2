"""A small classifier trained on the spot: on samples, or on real images beside them."""

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

    The accuracy depends on :func:`train_classifier`'s settings: compare it with that of the same
    classifier on real images.

    Parameters
    ----------
    images : uint8 or float tensor (N, colours, h, w)
        Samples.
    labels : int64 tensor (N,)
        Their classes, 0 to ``classes - 1``.
    test_images, test_labels : the same
        Real ones.
    classes, steps, batch_size, seed : int
        See :func:`train_classifier`.

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
    _check_labels(test_images, test_labels)
    if images.shape[1:] != test_images.shape[1:]:
        raise ModelError(
            f"samples of shape {tuple(images.shape[1:])} and real images of "
            f"{tuple(test_images.shape[1:])} do not compare; bring them to one size"
        )
    network = train_classifier(
        images, labels, classes=classes, steps=steps, batch_size=batch_size, seed=seed
    )
    return accuracy(network, test_images, test_labels)


def train_classifier(
    images: Tensor,
    labels: Tensor,
    *,
    classes: int = 10,
    steps: int = 400,
    batch_size: int = 64,
    seed: int = 0,
) -> nn.Sequential:
    """Train a small classifier: two convolutions of stride 2, one linear layer.

    By Adam at 2e-3 down a half cosine.

    Parameters
    ----------
    images : uint8 or float tensor (N, colours, h, w)
    labels : int64 tensor (N,)
        0 to ``classes - 1``.
    classes, steps, batch_size, seed : int
        ``seed`` fixes the weights at the start and the order of the images.

    Returns
    -------
    torch.nn.Sequential
        From floats in [0, 1] (B, colours, h, w) to logits (B, classes), on the CPU.

    Raises
    ------
    ModelError
        If images and labels differ in number, or there are none.
    """
    _check_labels(images, labels)
    network = _network(tuple(images.shape[1:]), classes, seed)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    generator = torch.Generator().manual_seed(seed)
    images, truth = images.cpu(), labels.cpu()
    for _ in range(steps):
        chosen = torch.randint(len(images), (batch_size,), generator=generator)
        loss = functional.cross_entropy(network(to_floats(images[chosen])), truth[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network


@torch.no_grad()
def class_probabilities(network: nn.Module, images: Tensor) -> Tensor:
    """Class probabilities, float64 (N, classes), of uint8 or float images (N, colours, h, w)."""
    logits = torch.cat([network(to_floats(part).cpu()) for part in images.split(500)])
    return logits.double().softmax(1)


def accuracy(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Share of images (N, colours, h, w) whose class (N,) is the most probable one."""
    predicted = class_probabilities(network, images).argmax(1)
    return float((predicted == labels.cpu()).double().mean())


def _check_labels(images: Tensor, labels: Tensor) -> None:
    if len(images) != len(labels) or not len(images):
        raise ModelError(f"{len(labels)} labels for {len(images)} images; give one each")


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
