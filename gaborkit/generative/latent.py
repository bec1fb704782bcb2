"""A latent space: there and back, ways between two pictures, traversals, its principal plane."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..errors import ModelError
from .chunks import in_chunks
from .models.autoencoder import Autoencoder
from .models.model import Model
from .pixels import as_tensor, to_floats
from .progress import Progress
from .representation import Representation


class Trained(Protocol):
    """What is needed of an image model: the model, and what it sees of images."""

    @property
    def model(self) -> Model:
        """An autoencoder."""

    @property
    def representation(self) -> Representation:
        """Fitted."""


def latents_of(image_model: Trained, images: Tensor, labels: Tensor | None = None) -> Tensor:
    """Mean latents (N, latent), on the CPU, of images (N, colours, h, w).

    Parameters
    ----------
    image_model : ImageModel
        Of a VAE or AE.
    images : uint8 or float tensor
        uint8, or floats in [0, 1].
    labels : int64 tensor (N,), optional
        Needed where the model is conditional.

    Raises
    ------
    ModelError
        If the model has no latents, or labels do not fit.
    """
    model, representation = autoencoder_of(image_model), image_model.representation
    if labels is not None and len(labels) != len(images):
        raise ModelError(f"{len(labels)} labels for {len(images)} images; give one each")

    def encode(some: slice, generator: torch.Generator, _: Progress | None) -> Tensor:
        features = representation.encode(images[some].to(model.device), generator)
        mean, _log_variance = model.encode(features, None if labels is None else labels[some])
        return mean

    # A representation that draws its binarization draws the same one each time.
    return in_chunks(encode, model, len(images), 0, "encode")


def images_of(image_model: Trained, latents: Tensor, labels: Tensor | None = None) -> Tensor:
    """Images (N, colours, h, w), float32 in [0, 1] on the CPU, of latents (N, latent).

    Raises
    ------
    ModelError
        If the model has no latents, or labels do not fit.
    """
    model, representation = autoencoder_of(image_model), image_model.representation

    def decode(some: slice, _: torch.Generator, __: Progress | None) -> Tensor:
        mine = None if labels is None else labels[some]
        return representation.decode(model.decode(latents[some].to(model.device), mine))

    return in_chunks(decode, model, len(latents), 0, "decode")


def interpolate(
    image_model: Trained,
    a: Tensor | ArrayLike,
    b: Tensor | ArrayLike,
    steps: int = 16,
    *,
    spherical: bool = False,
    classes: tuple[int, int] | None = None,
) -> Tensor:
    """Pictures on the way from ``a`` to ``b`` through the latent space.

    Parameters
    ----------
    image_model : ImageModel
        Of a VAE or AE.
    a, b : uint8 or float tensor or array (colours, h, w)
    steps : int
        Pictures, the reconstructions of ``a`` and ``b`` among them: 2 or more.
    spherical : bool
        Along a great circle, on which directions turn evenly and lengths grow evenly, rather than
        along a line (White, 2016): the middle of a line between two draws from a normal
        distribution is shorter than nearly all draws.
    classes : (int, int), optional
        Of ``a`` and ``b``, where the model is conditional; the first half is decoded as the class
        of ``a``, the second as that of ``b``.

    Returns
    -------
    tensor (steps, colours, h, w)
        float32 in [0, 1].

    Raises
    ------
    ModelError
        If the model has no latents, ``steps`` is too few, or classes do not fit.
    """
    if steps < 2:
        raise ModelError(f"steps={steps} leaves no way between two pictures; give 2 or more")
    autoencoder_of(image_model)
    ends = None if classes is None else torch.tensor(classes)
    pair = [_image(image_model, image) for image in (a, b)]
    latents = latents_of(image_model, torch.stack(pair), ends)
    start, end = latents
    shares = torch.linspace(0, 1, steps)[:, None]  # (steps, 1)
    way = _slerp(start, end, shares) if spherical else torch.lerp(start, end, shares)
    labels = None if ends is None else ends[(shares[:, 0] > 0.5).long()]
    return images_of(image_model, way, labels)


def _image(image_model: Trained, image: Tensor | ArrayLike) -> Tensor:
    """One image as floats (colours, h, w) on the CPU, if it is of the model's shape."""
    tensor = to_floats(as_tensor(image)).cpu()
    if tuple(tensor.shape) != image_model.representation.image_shape:
        raise ModelError(
            f"an image of shape {tuple(tensor.shape)} does not fit this model; "
            f"{image_model.representation.image_shape} does"
        )
    return tensor


def _slerp(start: Tensor, end: Tensor, shares: Tensor) -> Tensor:
    """Directions on the great circle between two vectors (latent,), lengths on a line."""
    lengths = start.norm(), end.norm()
    if min(lengths) == 0:
        return torch.lerp(start, end, shares)
    a, b = start / lengths[0], end / lengths[1]
    angle = torch.atan2((a - b).norm() * (a + b).norm(), 2 * (a @ b))  # stable at 0 and pi
    if angle.sin() < 1e-4:
        return torch.lerp(start, end, shares)
    direction = (((1 - shares) * angle).sin() * a + (shares * angle).sin() * b) / angle.sin()
    return direction * torch.lerp(lengths[0], lengths[1], shares)


def traverse(
    image_model: Trained,
    image: Tensor | ArrayLike,
    dimensions: Sequence[int] | None = None,
    span: float = 3.0,
    *,
    steps: int = 9,
    label: int | None = None,
) -> Tensor:
    """Change one latent dimension at a time, from ``-span`` to ``span``.

    Parameters
    ----------
    image_model : ImageModel
        Of a VAE or AE.
    image : uint8 or float tensor or array (colours, h, w)
        Whose latents the other dimensions keep.
    dimensions : sequence of int, optional
        Which; all by default.
    span : float
        In deviations of the prior: of a plain autoencoder, of the Gaussian fitted to its latents.
    steps : int
        Pictures a dimension: 2 or more.
    label : int, optional
        Class of the image, where the model is conditional.

    Returns
    -------
    tensor (len(dimensions), steps, colours, h, w)
        float32 in [0, 1]. A row of an image grid is a dimension.

    Raises
    ------
    ModelError
        If the model has no latents, a dimension does not exist, or a number is out of range.
    """
    model = autoencoder_of(image_model)
    size = model.config.latent
    dimensions = range(size) if dimensions is None else dimensions
    wrong = [k for k in dimensions if not 0 <= k < size]
    if wrong or not dimensions:
        raise ModelError(
            f"dimensions={list(dimensions)} are not all among 0 to {size - 1}, or there are none"
        )
    if steps < 2 or not (math.isfinite(span) and span > 0):
        raise ModelError(f"steps={steps}, span={span}: give 2 steps or more, and a positive span")
    labels = None if label is None else torch.tensor([label])
    centre = latents_of(image_model, _image(image_model, image)[None], labels)[0]
    mean, deviation = (values.cpu() for values in model.latent_spread(label))
    rows = centre.repeat(len(dimensions), steps, 1)
    for row, k in zip(rows, dimensions, strict=True):
        row[:, k] = mean[k] + deviation[k] * torch.linspace(-span, span, steps)
    flat = rows.flatten(0, 1)
    drawn = images_of(image_model, flat, None if labels is None else labels.expand(len(flat)))
    return drawn.unflatten(0, (len(dimensions), steps))


def image_at(image_model: Trained, deviations: Sequence[float], label: int | None = None) -> Tensor:
    """The image of one point of the latent space.

    Parameters
    ----------
    image_model : ImageModel
        Of a VAE or AE.
    deviations : sequence of float
        From the mean along each dimension, in deviations of the prior: of a plain autoencoder, of
        the Gaussian fitted to its latents. Dimensions that are left out are at their mean.
    label : int, optional
        Class of the image, where the model is conditional.

    Returns
    -------
    float32 tensor (colours, h, w)
        In [0, 1], on the CPU.

    Raises
    ------
    ModelError
        If the model has no latents or fewer dimensions, a number is not finite, or the class does
        not fit.
    """
    model = autoencoder_of(image_model)
    size = model.config.latent
    if len(deviations) > size or not all(map(math.isfinite, deviations)):
        raise ModelError(
            f"{len(deviations)} deviations, {list(deviations)[:20]}, are no point of {size} "
            f"dimensions; give up to {size} finite numbers"
        )
    mean, deviation = (values.cpu() for values in model.latent_spread(label))
    steps = torch.zeros(size)
    steps[: len(deviations)] = torch.tensor([float(step) for step in deviations])
    labels = None if label is None else torch.tensor([label])
    return images_of(image_model, (mean + steps * deviation)[None], labels)[0]


def principal_plane(latents: Tensor) -> tuple[Tensor, float]:
    """Coordinates (N, 2) along the two principal components, and the share of variance they hold.

    Examples
    --------
    >>> latents = torch.tensor([[3.0, 0, 0], [-3, 0, 0], [0, 1, 0], [0, -1, 0]])
    >>> plane, share = principal_plane(latents)
    >>> plane.shape, round(share, 6)
    (torch.Size([4, 2]), 1.0)
    """
    centred = (latents - latents.mean(0)).double()
    _, values, axes = torch.linalg.svd(centred, full_matrices=False)
    # An axis points where its largest entry is positive, so that a plot is the same every time.
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    axes = axes * largest.sign()
    energy = values.square()
    share = float(energy[:2].sum() / energy.sum()) if energy.sum() > 0 else 1.0
    return (centred @ axes[:2].T).float(), share


def autoencoder_of(image_model: Trained) -> Autoencoder:
    """The model, if it has latents.

    Raises
    ------
    ModelError
        If it has none.
    """
    model = image_model.model
    if not isinstance(model, Autoencoder):
        raise ModelError(f"a {model.name} has no latents of a picture; train a vae or an ae")
    return model
