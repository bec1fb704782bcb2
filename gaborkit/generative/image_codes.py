"""Images as codes of a model that was trained before: what a prior over its codes is a model of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor

from .models.coder import Coder
from .representation import Representation
from .space import Space


class Codes(Representation):
    """Codes that a trained model gives images, and the images that it draws of codes.

    An autoregressive model of these is a prior. It is stored with this model, so that it draws
    images by itself.

    Parameters
    ----------
    coder : Coder
        Trained, such as a VQ-VAE. It is kept in evaluation mode.
    seen : Representation
        What the coder sees of images; fitted.
    provenance : mapping
        Of the coder; stored with it.

    Examples
    --------
    >>> from gaborkit.generative import Raw
    >>> from gaborkit.generative.models.vq_vae import VQVAE, VQVAEConfig
    >>> raw = Raw((1, 28, 28)).fit(torch.rand(4, 1, 28, 28))
    >>> codes = Codes(VQVAE(VQVAEConfig(hidden=(8, 8), codes=16), raw.space), raw)
    >>> codes.encode(torch.rand(2, 1, 28, 28)).shape
    torch.Size([2, 1, 7, 7])
    >>> codes.space.levels, codes.space.ordinal
    (16, False)
    """

    name = "codes"
    coder: Coder
    seen: Representation

    def __init__(
        self, coder: Coder, seen: Representation, provenance: Mapping[str, Any] | None = None
    ) -> None:
        self.coder, self.seen = coder.eval().requires_grad_(False), seen
        self.provenance: dict[str, Any] = dict(provenance or {})
        super().__init__(seen.image_shape, "levels", coder.code_space.levels)
        self.fitted = True  # with the coder

    @property
    def channel_names(self) -> tuple[str, ...]:
        """One: the code."""
        return ("code",)

    @property
    def space(self) -> Space:
        """Shape and number of the codes, which have no order."""
        return self.coder.code_space

    @property
    def redundancy(self) -> float:
        """Codes for each pixel value."""
        colours, height, width = self.image_shape
        return self.space.size / (colours * height * width)

    @property
    def stochastic(self) -> bool:
        """Whether what the coder sees is drawn anew each time."""
        return self.seen.stochastic

    @property
    def digest(self) -> str:
        """SHA-256 of the coder's weights and of what it sees."""
        digest = hashlib.sha256(repr(sorted(self.seen.to_dict().items())).encode())
        for name, tensor in sorted(self.coder.state_dict().items()):
            digest.update(f"{name} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    def fit(self, images: Tensor) -> Self:
        """Nothing is left to choose; returns itself."""
        return self

    def to_dict(self) -> dict[str, Any]:
        """What tells these codes from others; the coder itself is stored beside it."""
        return {
            "name": self.name,
            "image_shape": list(self.image_shape),
            "codes": self.space.levels,
            "digest": self.digest,
        }

    def coder_on(self, device: torch.device) -> Coder:
        """The coder, moved to a device."""
        self.coder = self.coder.to(device)
        return self.coder

    @torch.no_grad()
    def _analyze(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        codes = self.coder_on(images.device).codes(self.seen.encode(images, generator))
        return codes / (self._levels - 1)

    @torch.no_grad()
    def _synthesize(self, coefficients: Tensor) -> Tensor:
        codes = (coefficients * (self._levels - 1)).round().long()
        return self.seen.decode(self.coder_on(codes.device).decode(codes))

    def _options(self) -> dict[str, Any]:
        return {}
