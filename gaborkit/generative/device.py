"""Which device a model lives on."""

from __future__ import annotations

import torch

from ..errors import ModelError


def choose_device(name: str | torch.device = "auto") -> torch.device:
    """``cpu``, ``cuda``, ``cuda:1``, ``mps``; ``auto`` is a GPU if there is one.

    Raises
    ------
    ModelError
        If there is no such device here.

    Examples
    --------
    >>> choose_device("cpu")
    device(type='cpu')
    """
    name = str(name)
    here = {"cpu": 1, "cuda": torch.cuda.device_count()}
    here["mps"] = int(torch.backends.mps.is_available())
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if here[kind])
    kind, _, number = name.partition(":")
    if kind in here and (not number or number.isdecimal()) and int(number or 0) < here[kind]:
        return torch.device(name)
    kinds = ", ".join(kind for kind, count in here.items() if count)
    raise ModelError(f"device={name!r} is not on this machine; choose auto, {kinds}")
