"""What is left of images on their way through latents or codes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...io.tables import counted
from ..image_codes import Codes
from ..models.codebook import perplexity
from ..models.coder import Coder
from ..models.model import Model, evaluating
from ..pixels import to_floats
from ..randomness import generator_of
from ..representation import Representation
from .figures import Figure

#: Images at once, which bounds the memory.
BATCH = 256


@torch.no_grad()
def reconstruction_figures(
    model: Model, representation: Representation, images: Tensor, labels: Tensor | None, seed: int
) -> list[Figure]:
    """Squared error of reconstructions, and how many codes are in use, where there are such.

    Parameters
    ----------
    model : Model
    representation : Representation
    images : uint8 or float tensor (N, colours, h, w)
    labels : int64 tensor (N,), optional
        Needed where the model is conditional.
    seed : int
        Of encodings that are random.
    """
    methods: Any = model
    figures = []
    generator = generator_of(torch.device("cpu"), seed, "reconstruction")
    chosen = labels if model.classes else None
    codes: list[Tensor] = []
    errors = 0.0
    with evaluating(model):
        for start in range(0, len(images), BATCH):
            some = images[start : start + BATCH]
            mine = None if chosen is None else chosen[start : start + BATCH]
            features = representation.encode(some, generator).to(model.device)
            if isinstance(model, Coder):
                codes.append(model.codes(features).cpu())
            elif isinstance(representation, Codes):
                codes.append(features.cpu())
            if hasattr(model, "reconstruct"):
                drawn = representation.decode(methods.reconstruct(features, mine)).cpu()
                errors += float((drawn - to_floats(some)).double().square().sum())
    size = counted(len(images), "test image")
    if hasattr(model, "reconstruct"):
        error = errors / images.numel()
        protocol = f"{size}, values in [0, 1]"
        figures.append(
            Figure("Reconstruction, squared error", error, protocol=protocol, better="lower")
        )
    if codes:
        coder = representation.coder if isinstance(representation, Codes) else model
        assert isinstance(coder, Coder)
        count = coder.code_space.levels
        value = float(perplexity(torch.cat(codes), count))
        protocol = f"of {count} codes, {size}; exp of the entropy of their frequencies"
        figures.append(Figure("Perplexity of codes", value, protocol=protocol))
    return figures
