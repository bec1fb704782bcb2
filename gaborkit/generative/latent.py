"""Looking at a latent space: ways between two pictures, traversals, maps in two dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ..errors import ModelError
from .models.autoencoder import Autoencoder
from .models.model import Model
from .representation import Representation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Images encoded at once.
_CHUNK = 256


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
    model, representation = _autoencoder(image_model), image_model.representation
    if labels is not None and len(labels) != len(images):
        raise ModelError(f"{len(labels)} labels for {len(images)} images; give one each")
    # A representation that draws its binarization draws the same one each time.
    generator = torch.Generator().manual_seed(0)
    found = []
    with torch.no_grad():
        for start in range(0, len(images), _CHUNK):
            part = slice(start, start + _CHUNK)
            features = representation.encode(images[part].cpu(), generator).to(model.device)
            mean, _ = model.encode(features, None if labels is None else labels[part])
            found.append(mean.cpu())
    return torch.cat(found)


def images_of(image_model: Trained, latents: Tensor, labels: Tensor | None = None) -> Tensor:
    """Images (N, colours, h, w), float32 in [0, 1] on the CPU, of latents (N, latent).

    Raises
    ------
    ModelError
        If the model has no latents, or labels do not fit.
    """
    model, found = _autoencoder(image_model), []
    with torch.no_grad():
        for start in range(0, len(latents), _CHUNK):
            part = slice(start, start + _CHUNK)
            features = model.decode(
                latents[part].to(model.device), None if labels is None else labels[part]
            )
            found.append(image_model.representation.decode(features.cpu()))
    return torch.cat(found)


def interpolate(
    image_model: Trained,
    a: Tensor,
    b: Tensor,
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
    a, b : uint8 or float tensor (colours, h, w)
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
    ends = None if classes is None else torch.tensor(classes)
    latents = latents_of(image_model, torch.stack([_floats(a), _floats(b)]), ends)
    start, end = latents
    shares = torch.linspace(0, 1, steps)[:, None]  # (steps, 1)
    way = _slerp(start, end, shares) if spherical else torch.lerp(start, end, shares)
    labels = None if ends is None else ends[(shares[:, 0] > 0.5).long()]
    return images_of(image_model, way, labels)


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
    image: Tensor,
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
    image : uint8 or float tensor (colours, h, w)
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
    model = _autoencoder(image_model)
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
    centre = latents_of(image_model, _floats(image)[None], labels)[0]
    mean, deviation = (values.cpu() for values in model.latent_spread)
    rows = centre.repeat(len(dimensions), steps, 1)
    for row, k in zip(rows, dimensions, strict=True):
        row[:, k] = mean[k] + deviation[k] * torch.linspace(-span, span, steps)
    flat = rows.flatten(0, 1)
    found = images_of(image_model, flat, None if labels is None else labels.expand(len(flat)))
    return found.unflatten(0, (len(dimensions), steps))


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


def plot_latent(
    image_model: Trained,
    images: Tensor,
    labels: Tensor | None = None,
    class_names: Sequence[str] | None = None,
) -> Figure:
    """Latents of images as points: the latents themselves if two, else two principal components.

    Parameters
    ----------
    image_model : ImageModel
        Of a VAE or AE with two latent dimensions or more.
    images : uint8 or float tensor (N, colours, h, w)
        Three or more.
    labels : int64 tensor (N,), optional
        Colour the points; a conditional model needs them too.
    class_names : sequence of str, optional
        By default the numbers of the classes.

    Returns
    -------
    matplotlib.figure.Figure
        The share of the variance that is seen stands in the title.

    Raises
    ------
    ModelError
        If the model has no latents or one only, or there are too few images.
    """
    from ..plotting.layout import Sheet

    model = _autoencoder(image_model)
    if model.config.latent < 2 or len(images) < 3:
        raise ModelError(
            f"{len(images)} images in {model.config.latent} latent dimensions make no plot; give "
            "3 images or more and 2 dimensions or more"
        )
    latents = latents_of(image_model, images, labels if model.classes else None)
    if model.config.latent == 2:
        points, names, title = latents, ("latent 0", "latent 1"), "Latents"
    else:
        points, share = principal_plane(latents)
        names = ("principal component 1", "principal component 2")
        title = f"Latents: 2 of {model.config.latent} dimensions, {share:.0%} of the variance"
    sheet = Sheet(6.4, 6.2)
    axes = sheet.axes(left=0.8, top=0.5, width=5.3, height=5.1)
    if labels is None:
        axes.scatter(*points.T.numpy(), s=6, linewidths=0, color="tab:blue")
    else:
        _scatter(axes, points, labels, class_names)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(names[0], fontsize=9)
    axes.set_ylabel(names[1], fontsize=9)
    axes.set_title(title, fontsize=10)
    axes.tick_params(labelsize=8)
    return sheet.figure


def _scatter(axes: Any, points: Tensor, labels: Tensor, class_names: Sequence[str] | None) -> None:
    """Points by class; the name stands amid each, since ten colours are too many to tell apart."""
    from matplotlib import colormaps
    from matplotlib.patheffects import withStroke

    found = labels.unique().tolist()
    for place, label in enumerate(found):
        own = points[labels == label]
        colour = colormaps["tab10"](place % 10)
        axes.scatter(*own.T.numpy(), s=6, linewidths=0, alpha=0.6, color=colour)
    for place, label in enumerate(found):
        middle = points[labels == label].median(0).values.tolist()
        name = str(label) if class_names is None else class_names[label]
        halo = [withStroke(linewidth=3, foreground="white")]
        axes.text(
            *middle,
            name,
            color=colormaps["tab10"](place % 10),
            fontsize=13,
            fontweight="bold",
            ha="center",
            va="center",
            path_effects=halo,
        )


def plot_manifold(image_model: Trained, rows: int = 20, *, label: int | None = None) -> Figure:
    """Decode a square of quantiles of a latent space of two dimensions.

    Parameters
    ----------
    image_model : ImageModel
        Of a VAE or AE with two latent dimensions.
    rows : int
        Images a side, at even probabilities of the normal distribution.
    label : int, optional
        Class, where the model is conditional.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ModelError
        If the model has not two latent dimensions, or ``rows`` is less than 1.

    References
    ----------
    Kingma and Welling, Auto-encoding variational Bayes, 2014, figure 4.
    """
    from ..plotting.layout import Sheet, show
    from .grid import image_grid

    model = _autoencoder(image_model)
    if model.config.latent != 2:
        raise ModelError(
            f"a manifold is drawn of 2 latent dimensions, not {model.config.latent}; train with "
            "latent=2"
        )
    if rows < 1:
        raise ModelError(f"rows={rows} shows nothing; give 1 or more")
    shares = (torch.arange(rows) + 0.5) / rows
    normal = torch.special.ndtri(shares)
    down, right = torch.meshgrid(normal.flip(0), normal, indexing="ij")
    noise = torch.stack([right, down], -1).flatten(0, 1)  # (rows * rows, 2)
    with torch.no_grad():
        latents = model.from_normal(noise.to(model.device))
    labels = None if label is None else torch.tensor([label]).expand(len(latents))
    pixels = image_grid(images_of(image_model, latents, labels), columns=rows, gap=0)
    sheet = Sheet(6.4, 6.6)
    axes = sheet.axes(left=0.7, top=0.5, width=5.4, height=5.4)
    look: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255, "interpolation": "nearest"}
    # Quantiles, so that the axes are even: probability 0 to 1, the second upwards.
    show(axes, np.asarray(pixels), extent=(0, 1, 0, 1), **look)
    axes.set_xlabel("quantile of latent 0", fontsize=9)
    axes.set_ylabel("quantile of latent 1", fontsize=9)
    axes.set_title("Decoded latents", fontsize=10)
    axes.tick_params(labelsize=8)
    return sheet.figure


def _autoencoder(image_model: Trained) -> Autoencoder:
    model = image_model.model
    if not isinstance(model, Autoencoder):
        raise ModelError(f"a {model.name} has no latents of a picture; train a vae or an ae")
    return model


def _floats(image: Tensor) -> Tensor:
    """A picture in [0, 1], on the CPU, of uint8 or float."""
    return (image.float() / 255 if image.dtype == torch.uint8 else image.float()).cpu()
