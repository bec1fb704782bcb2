"""Random numbers as functions of a seed and a place: nothing to save, nothing to restore."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

import torch


def seed_of(*parts: int | str) -> int:
    """Seed of 63 bits that depends on every part and looks unrelated for any other parts.

    Examples
    --------
    >>> seed_of(0, "step", 1) == seed_of(0, "step", 1) != seed_of(0, "step", 2)
    True
    """
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big") >> 1


def generator_of(device: torch.device, *parts: int | str) -> torch.Generator:
    """Generator on a device, seeded by :func:`seed_of`."""
    return torch.Generator(device).manual_seed(seed_of(*parts))


@contextlib.contextmanager
def initialised(seed: int) -> Iterator[None]:
    """Let the weights of a model that is built inside be a function of the seed.

    The global generator, from which layers draw their first weights, is as before afterwards.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed_of(seed, "weights"))
        yield
