"""What the configurations of autoregressive models hold, and what their presets share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, get_args

from ...errors import ModelError
from .heads import HeadLikelihood

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
    """What the configurations of all autoregressive models hold.

    Attributes
    ----------
    channels : int
        Of each layer.
    levels : int
        Of the features.
    likelihood : str
        ``categorical``: a probability for each level; ``mixture``: a discretized mixture of
        logistics, which all channels of a location share (Salimans et al., 2017).
    mixtures : int
        Components of a mixture.
    hidden : int
        Units of a categorical head for each channel of the features, where they have several.
    position : bool
        Whether a bias is learned for each location.
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
    levels: int = 256
    likelihood: HeadLikelihood = "categorical"
    mixtures: int = 10
    hidden: int = 32
    position: bool = False
    class_position: bool = False
    class_dropout: float = 0.0
    guidance: float = 1.0

    def __post_init__(self) -> None:
        self._check_least(channels=1, hidden=1, levels=2, mixtures=1)
        if self.likelihood not in get_args(HeadLikelihood):
            raise ModelError(
                f"likelihood={self.likelihood!r} is unknown; choose "
                f"{', '.join(get_args(HeadLikelihood))}"
            )
        self._check_share("class_dropout")
        check_guidance(self.guidance)
        if self.guidance != 1 and not self.class_dropout:
            raise ModelError(
                f"guidance={self.guidance} goes by what a model draws without a class; give "
                "class_dropout too, such as 0.1"
            )

    def _check_least(self, **least: int) -> None:
        for name, count in least.items():
            if getattr(self, name) < count:
                raise ModelError(f"{name}={getattr(self, name)} is too few; give {count} or more")

    def _check_odd(self, *names: str) -> None:
        for name in names:
            side = getattr(self, name)
            if side < 3 or side % 2 == 0:
                raise ModelError(
                    f"{name}={side} has no centre to look back from; give 3, 5, 7, ..."
                )

    def _check_share(self, name: str) -> None:
        if not 0 <= getattr(self, name) < 1:
            raise ModelError(f"{name}={getattr(self, name)} is no share; give [0, 1), such as 0.1")


@dataclass(frozen=True)
class WindowConfig(AutoregressiveConfig):
    """What those of causal convolutions add.

    Attributes
    ----------
    first_size, size : int
        Odd sides of the windows of the first convolution and of the others.
    channels, levels, ...
        See :class:`AutoregressiveConfig`.
    """

    first_size: int = 7
    size: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_odd("first_size", "size")


def check_guidance(guidance: float) -> None:
    """Raise ModelError where a guidance is none."""
    if not (math.isfinite(guidance) and guidance >= 0):
        raise ModelError(
            f"guidance={guidance} is out of range; give 0 or more, where 1 draws from the model"
        )
