"""What pictures are described by: responses turned into named values and maps."""

from __future__ import annotations

from .descriptor import Descriptor
from .table import Features, concatenate

__all__ = ["Descriptor", "Features", "concatenate"]
