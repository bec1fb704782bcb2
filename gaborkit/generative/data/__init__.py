"""Data sets as tensors: ``mini``, ``stacked``, ``mnist``, ``fashion``, ``kmnist``, or a folder."""

from __future__ import annotations

from .dataset import Dataset, Split
from .loading import DATASETS, load_dataset

__all__ = ["DATASETS", "Dataset", "Split", "load_dataset"]
