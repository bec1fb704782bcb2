"""Generative models by the names that commands use."""

from __future__ import annotations

import inspect
import re
from typing import TypeVar

from ...errors import ModelError
from .dcgan import DCGAN
from .gan import GAN
from .gated_pixelcnn import GatedPixelCNN
from .imagegpt import ImageGPT
from .lapgan import LAPGAN
from .model import Model
from .pixelcnn import PixelCNN
from .pixelrnn import PixelRNN
from .pixelsnail import PixelSNAIL
from .srgan import SRGAN
from .stackgan import StackGAN
from .vae import AE, VAE
from .vq_vae import VQVAE

MODELS: dict[str, type[Model]] = {
    model.name: model
    for model in (
        *(PixelCNN, GatedPixelCNN, PixelRNN, PixelSNAIL, ImageGPT),
        *(VAE, AE, VQVAE, GAN, DCGAN, LAPGAN, StackGAN, SRGAN),
    )
}
"""The classes; :func:`register` adds to them."""

M = TypeVar("M", bound=type[Model])


def register(model: M) -> M:
    """Make a model of your own known by its name: to recipes, commands and stored models.

    A module that registers on import is found by commands with ``--import MODULE``, and its models
    can be read in any process that imports it first.

    Parameters
    ----------
    model : subclass of Model
        With a ``name``, a frozen dataclass ``Config`` and ``presets``, of which one is
        ``("small", "raw")``.

    Returns
    -------
    type
        The class itself, so that this works as a decorator.

    Raises
    ------
    ModelError
        If something of it is missing, or the name is another model's.

    Examples
    --------
    >>> @register
    ... class TwoByTwo(GAN):
    ...     name = "two-by-two"
    >>> from gaborkit.generative import Recipe
    >>> Recipe("two-by-two").kind.__name__
    'TwoByTwo'
    >>> del MODELS["two-by-two"]
    """
    if not (isinstance(model, type) and issubclass(model, Model)):
        raise ModelError(f"{model!r:.60} is no model; register a subclass of Model")
    if inspect.isabstract(model):
        missing = ", ".join(sorted(model.__abstractmethods__))
        raise ModelError(f"{model.__name__} lacks {missing}; a model has them")
    name: object = getattr(model, "name", None)
    config: object = getattr(model, "Config", None)
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ModelError(
            f"{model.__name__}.name={name!r:.60} is no name; small letters, digits and hyphens "
            "work, such as 'my-vae'"
        )
    if not getattr(getattr(config, "__dataclass_params__", None), "frozen", False):
        raise ModelError(f"{model.__name__}.Config is no frozen dataclass; it must be one")
    if ("small", "raw") not in getattr(model, "presets", {}):
        raise ModelError(f"{model.__name__}.presets lack ('small', 'raw'), which is the default")
    known = MODELS.get(name)
    # The module may be run again, in a notebook or under another name.
    if known is not None and known.__qualname__ != model.__qualname__:
        raise ModelError(f"{name!r} is the name of {known.__qualname__} already; take another")
    MODELS[name] = model
    return model
