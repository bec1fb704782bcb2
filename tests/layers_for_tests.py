"""Layers, images and generators that tests of Gabor layers share."""

from __future__ import annotations

import torch

import gaborkit as gk

PARTS = ["real", "imag", "complex", "magnitude", "energy"]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def image(*shape, dtype=torch.float64):
    return torch.rand(*shape, dtype=dtype, generator=seeded())


def layer(*arguments, **options):
    options = {"generator": seeded(), "dtype": torch.float64, **options}
    return gk.nn.GaborConv2d(*(arguments or (1, 8, 7)), **options)
