"""What the configurations of all PixelCNNs hold, and what their presets share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ...errors import ModelError

#: A learning rate that rises over a few steps and then falls to 0.
ANNEALED: dict[str, Any] = {"schedule": "cosine", "warmup": 50}

#: Location and class as the presets of today have them; the articles' networks have neither.
CONDITIONED: dict[str, Any] = {
    "position": True,
    "class_position": True,
    "class_dropout": 0.1,
    "guidance": 1.5,
}


@dataclass(frozen=True)
class AutoregressiveConfig:
    """What the configurations of all PixelCNNs hold.

    Attributes
    ----------
    channels : int
        Of each convolution.
    first_size, size : int
        Odd sides of the windows of the first convolution and of the others.
    hidden : int
        Units of the head for each channel of the features, where they have several.
    levels : int
        Of the features.
    position : bool
        Whether a bias is learned for each location; the articles' networks have none.
    class_position : bool
        Whether a conditional model learns another for each class and location.
    class_dropout : float
        Share of the training images whose class a conditional model is not told, so that it learns
        the distribution without a class too, which ``guidance`` needs.
    guidance : float
        Of the draws of a conditional model, unless they ask for another: see
        :meth:`.autoregressive.Autoregressive.sample`.

    Raises
    ------
    ModelError
        If a value is out of range, or there is guidance without dropout.
    """

    channels: int = 64
    first_size: int = 7
    size: int = 7
    hidden: int = 32
    levels: int = 256
    position: bool = False
    class_position: bool = False
    class_dropout: float = 0.0
    guidance: float = 1.0

    def __post_init__(self) -> None:
        for name, least in {"channels": 1, "hidden": 1, "levels": 2}.items():
            if getattr(self, name) < least:
                raise ModelError(f"{name}={getattr(self, name)} is too few; give {least} or more")
        for name in ("first_size", "size"):
            side = getattr(self, name)
            if side < 3 or side % 2 == 0:
                raise ModelError(
                    f"{name}={side} has no centre to look back from; give 3, 5, 7, ..."
                )
        if not 0 <= self.class_dropout < 1:
            raise ModelError(
                f"class_dropout={self.class_dropout} is no share; give [0, 1), such as 0.1"
            )
        check_guidance(self.guidance)
        if self.guidance != 1 and not self.class_dropout:
            raise ModelError(
                f"guidance={self.guidance} goes by what a model draws without a class; give "
                "class_dropout too, such as 0.1"
            )


def check_guidance(guidance: float) -> None:
    """Raise ModelError where a guidance is none."""
    if not (math.isfinite(guidance) and guidance >= 0):
        raise ModelError(
            f"guidance={guidance} is out of range; give 0 or more, where 1 draws from the model"
        )
