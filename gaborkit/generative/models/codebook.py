"""A codebook: vectors as which latents are coded, learned by moving averages, not gradients."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Codebook(nn.Module):
    """K vectors of length D; a latent is coded by the number of the nearest.

    With n_k of the latents of a batch nearest to vector k, and s_k their sum::

        N_k <- decay N_k + (1 - decay) n_k
        m_k <- decay m_k + (1 - decay) s_k
        e_k = m_k / N_k

    A vector that few latents are nearest to is dead: no latent pulls it to where latents lie. Where
    N_k falls below ``restart`` of the mean of all, the vector starts again from a latent of the
    batch.

    Parameters
    ----------
    count, width : int
        K and D.
    decay : float
    restart : float
        0 leaves dead vectors where they are.

    References
    ----------
    van den Oord, Vinyals and Kavukcuoglu (2017), "Neural discrete representation learning",
    equation 1 and appendix A.1. Dhariwal et al. (2020), "Jukebox", section 3.1: random restarts.

    Examples
    --------
    >>> codebook = Codebook(8, width=2)
    >>> latents = torch.randn(3, 2, 5, 4)
    >>> codes = codebook.nearest(latents)
    >>> codes.shape, codebook(codes).shape
    (torch.Size([3, 5, 4]), torch.Size([3, 2, 5, 4]))
    """

    vectors: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, count: int, width: int, decay: float = 0.99, restart: float = 0.1) -> None:
        super().__init__()
        self.decay: float = decay
        self.restart: float = restart
        vectors = torch.empty(count, width).uniform_(-1 / count, 1 / count)
        self.register_buffer("vectors", vectors)
        self.register_buffer("counts", torch.ones(count))
        self.register_buffer("sums", vectors.clone())

    def nearest(self, latents: Tensor) -> Tensor:
        """Codes (B, h, w), int64, of latents (B, D, h, w)."""
        flat = latents.movedim(1, -1)
        # |z - e|^2 less |z|^2, which is the same for all vectors.
        lengths = self.vectors.square().sum(1) / 2
        return (lengths - flat @ self.vectors.t()).argmin(-1)

    def forward(self, codes: Tensor) -> Tensor:
        """Vectors (B, D, h, w) of codes (B, h, w)."""
        return self.vectors[codes].movedim(-1, 1)

    @torch.no_grad()
    def follow(self, latents: Tensor, codes: Tensor, generator: torch.Generator) -> None:
        """Move towards the latents (B, D, h, w) of a batch that has these codes (B, h, w).

        The generator draws where dead vectors start again, as many numbers at each step.
        """
        flat, numbers = latents.movedim(1, -1).flatten(0, 2).float(), codes.flatten()
        counts = torch.zeros_like(self.counts).index_add_(0, numbers, torch.ones_like(flat[:, 0]))
        sums = torch.zeros_like(self.sums).index_add_(0, numbers, flat)
        self.counts.lerp_(counts, 1 - self.decay)
        self.sums.lerp_(sums, 1 - self.decay)
        if self.restart:
            least = self.restart * self.counts.mean()
            shape, device = self.counts.shape, flat.device
            chosen = torch.randint(len(flat), shape, generator=generator, device=device)
            dead = self.counts < least
            self.counts.copy_(torch.where(dead, least, self.counts))
            self.sums.copy_(torch.where(dead[:, None], least * flat[chosen], self.sums))
        # A count that has decayed to nothing leaves its vector where it was.
        alive = self.counts[:, None] > 1e-6
        moved = self.sums / self.counts[:, None].clamp(min=1e-6)
        self.vectors.copy_(torch.where(alive, moved, self.vectors))


def perplexity(codes: Tensor, count: int) -> Tensor:
    """How many of ``count`` codes are in use: exp of the entropy of their frequencies.

    Examples
    --------
    >>> round(float(perplexity(torch.tensor([0, 1, 2, 3, 3, 2, 1, 0]), 16)), 4)
    4.0
    """
    frequencies = torch.bincount(codes.flatten(), minlength=count) / codes.numel()
    return (-torch.special.xlogy(frequencies, frequencies).sum()).exp()
