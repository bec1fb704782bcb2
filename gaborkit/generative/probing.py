"""Features that a generative model has learned, for a classifier to be trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..errors import ModelError
from .image_model import ImageModel
from .models.autoregressive import Autoregressive
from .pixels import as_tensor
from .progress import Progress
from .randomness import generator_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Images that the network sees at once, which bounds the memory.
BATCH = 32


@torch.no_grad()
def features_of(
    images: Tensor | ArrayLike,
    model: ImageModel,
    *,
    layer: int | None = None,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """What a layer of an autoregressive model makes of images, averaged over locations.

    A linear classifier on them is the article's linear probe: it says how much of what tells
    classes apart the model has learned without labels. With
    ``sklearn.preprocessing.FunctionTransformer(features_of, kw_args={"model": model})`` it is a
    step of a scikit-learn pipeline.

    Parameters
    ----------
    images : array-like (N, colours, h, w)
        uint8, or floats in [0, 1].
    model : ImageModel
        Of ImageGPT, a PixelCNN, or another autoregressive model. Of a conditional one, what it
        makes of images whose class it is not told, for which it needs ``class_dropout``.
    layer : int, optional
        0 is the input of the first layer that is not the pixels, -1 what the head sees. By default
        the middle one, where the article finds the best features.
    progress : callable, optional
        Called with images done, and in all.

    Returns
    -------
    float32 array (N, F)

    Raises
    ------
    ModelError
        If the model has no such layer, or cannot.
    RepresentationError
        If the images do not fit.

    References
    ----------
    Chen et al. (2020), "Generative pretraining from pixels", section 3.4.

    Examples
    --------
    >>> from gaborkit.generative import Raw
    >>> from gaborkit.generative.models.imagegpt import ImageGPT, ImageGPTConfig
    >>> images = torch.randint(0, 256, (6, 1, 8, 8), dtype=torch.uint8)
    >>> raw = Raw((1, 8, 8), "levels", levels=4).fit(images)
    >>> config = ImageGPTConfig(channels=16, layers=2, heads=2, levels=4)
    >>> features_of(images, ImageModel(ImageGPT(config, raw.space), raw)).shape
    (6, 16)
    """
    network = model.model
    if not isinstance(network, Autoregressive):
        raise ModelError(
            f"{network.name} has no features of locations to average; autoregressive models have, "
            "such as imagegpt"
        )
    pixels = as_tensor(images)
    generator = generator_of(network.device, 0, "features")
    parts: list[NDArray[np.float32]] = []
    for start in range(0, len(pixels), BATCH):
        some = pixels[start : start + BATCH].to(network.device)
        layers = network.layers_of(model.representation.encode(some, generator))
        number = len(layers) // 2 if layer is None else layer
        if not -len(layers) <= number < len(layers):
            raise ModelError(
                f"layer={layer} is none of this {network.name}; give 0 to {len(layers) - 1}"
            )
        parts.append(layers[number].mean((2, 3)).float().cpu().numpy())
        if progress is not None:
            progress(start + len(some), len(pixels))
    if not parts:
        raise ModelError("there are no images to take features of; give 1 or more")
    return np.concatenate(parts)
