"""What passes between a representation and a model: the shape and scaling of features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .view import View

Scaling = Literal["unit", "symmetric", "white", "levels"]


@dataclass(frozen=True)
class Space:
    """Features that a representation hands to a model.

    Attributes
    ----------
    channels, height, width : int
    scaling : str
        ``unit``: [0, 1]; ``symmetric``: [-1, 1]; ``white``: mean 0 and deviation 1 a channel;
        ``levels``: whole numbers 0 to ``levels - 1``, as int64.
    levels : int
        How many, where ``scaling`` is ``levels``; else 0.
    view : View, optional
        How the networks see and draw them; None for as they are.
    ordinal : bool
        Whether levels have an order; codes of a palette have none.
    """

    channels: int
    height: int
    width: int
    scaling: Scaling
    levels: int = 0
    view: View | None = None
    ordinal: bool = True

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self.channels, self.height, self.width

    @property
    def size(self) -> int:
        """Number of features of an image."""
        return self.channels * self.height * self.width
