"""Pictures of a latent space: images as points of it, and what its points decode to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.figure
import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.patheffects import withStroke
from torch import Tensor

from ..errors import ModelError
from ..io.tables import counted
from ..plotting.layout import Sheet, show
from .latent import Trained, autoencoder_of, images_of, latents_of, principal_plane
from .montage import image_grid


def plot_latent(
    image_model: Trained,
    images: Tensor,
    labels: Tensor | None = None,
    class_names: Sequence[str] | None = None,
) -> matplotlib.figure.Figure:
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
    model = autoencoder_of(image_model)
    dimensions = model.config.latent
    if dimensions < 2 or len(images) < 3:
        raise ModelError(
            f"{counted(len(images), 'image')} in {counted(dimensions, 'latent dimension')} "
            "make no plot; give 3 images or more and 2 dimensions or more"
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
    classes = labels.unique().tolist()
    for index, label in enumerate(classes):
        members = points[labels == label]
        colour = colormaps["tab10"](index % 10)
        axes.scatter(*members.T.numpy(), s=6, linewidths=0, alpha=0.6, color=colour)
    for index, label in enumerate(classes):
        middle = points[labels == label].median(0).values.tolist()
        name = str(label) if class_names is None else class_names[label]
        halo = [withStroke(linewidth=3, foreground="white")]
        axes.text(
            *middle,
            name,
            color=colormaps["tab10"](index % 10),
            fontsize=13,
            fontweight="bold",
            ha="center",
            va="center",
            path_effects=halo,
        )


def plot_manifold(
    image_model: Trained, rows: int = 20, *, label: int | None = None
) -> matplotlib.figure.Figure:
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
    model = autoencoder_of(image_model)
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
    labels = None if label is None else torch.tensor([label]).expand(len(noise))
    chosen = model.check_labels(labels, len(noise))
    with torch.no_grad():
        latents = model.from_normal(noise.to(model.device), chosen)
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
