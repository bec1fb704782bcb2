"""Real channels of complex responses."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import LayerError


def check_part(part: str, allowed: tuple[str, ...]) -> None:
    """Raise LayerError for a part that a layer does not return."""
    if part not in allowed:
        raise LayerError(f"part={part!r} is unknown; choose one of {', '.join(allowed)}")


def check_input(image: Tensor, channels: int | None = None) -> None:
    """Raise LayerError unless an input is (C, H, W) or (N, C, H, W), of ``channels`` if given."""
    if image.ndim not in (3, 4) or (channels is not None and image.shape[-3] != channels):
        expected = "C" if channels is None else channels
        raise LayerError(
            f"an input of shape {tuple(image.shape)} does not fit; "
            f"(N, {expected}, H, W) or ({expected}, H, W) works"
        )


def real_part_channels(pairs: Tensor, part: str) -> Tensor:
    """Channels (..., K, H, W) of responses (..., K, 2, H, W); (..., 2 K, H, W) if ``complex``."""
    match part:
        case "complex":
            return pairs.flatten(-4, -3)
        case "magnitude":
            # Squares of numbers near 1 stay numbers; what only scales passes no gradient.
            wide = _wide(pairs)
            largest = wide.detach().abs().amax(-3, keepdim=True)
            largest = torch.where(largest > 0, largest, 1)
            energy = (wide / largest).square().sum(-3)
            some = energy > 0  # at zero, the root's gradient is infinite; this one's is zero
            root = torch.where(some, energy, 1).sqrt() * largest.squeeze(-3)
            return torch.where(some, root, 0).to(pairs.dtype)
        case "energy":
            return _wide(pairs).square().sum(-3).to(pairs.dtype)
        case "phase":
            return torch.atan2(pairs[..., 1, :, :], pairs[..., 0, :, :])
        case _:
            return pairs[..., 0 if part == "real" else 1, :, :]


def _wide(pairs: Tensor) -> Tensor:
    """In single precision or better: squares overflow half precision."""
    return pairs if pairs.dtype == torch.float64 else pairs.float()
