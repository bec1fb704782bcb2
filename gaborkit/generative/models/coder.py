"""Models that code features by whole numbers on a coarse grid; another model is their prior."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from ..space import Space
from .latent_variable import LatentVariableModel


class Coder(LatentVariableModel):
    """A model that turns features into codes, and codes into features.

    Codes are levels without an order: an autoregressive model of them is a prior, and this model
    draws what the prior has drawn. Neither way needs a label.
    """

    @property
    @abstractmethod
    def code_space(self) -> Space:
        """Shape (1, h, w) and number of the codes."""

    @abstractmethod
    def codes(self, features: Tensor) -> Tensor:
        """Codes (B, 1, h, w), int64, of features (B, C, H, W)."""

    @abstractmethod
    def decode(self, codes: Tensor) -> Tensor:
        """Features (B, C, H, W) of codes (B, 1, h, w)."""

    @abstractmethod
    def log_prob(self, features: Tensor, codes: Tensor) -> Tensor:
        """Logarithm of the probability or density (B,) of features given codes, in nats."""
