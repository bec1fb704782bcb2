"""How a model is trained: every number that a run needs beside data, representation and model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ...errors import TrainingError

Schedule = Literal["constant", "linear", "cosine"]
Precision = Literal["no", "bf16", "fp16"]


@dataclass(frozen=True)
class Training:
    """Settings of a training run; presets of the models are values of these fields.

    Attributes
    ----------
    steps : int
        Updates of weights, one batch each.
    batch_size : int
        Over all processes together.
    learning_rate : float
        Of Adam, at the top of the schedule.
    betas : (float, float)
        Of Adam.
    weight_decay : float
        Decoupled (AdamW; Loshchilov and Hutter, 2019).
    schedule : str
        ``constant``, or down to 0 along a line or half a ``cosine``, after ``warmup``.
    warmup : int
        Steps over which the learning rate rises from 0.
    clip : float
        Largest norm of a gradient; 0 leaves gradients alone.
    ema : float
        Decay of the exponential moving average of the weights, by which samples are drawn; 0 for
        none.
    precision : str
        ``no`` (float32), ``bf16`` or ``fp16``.
    compile : bool
        Pass the model through ``torch.compile``.
    patience : int
        Validations without improvement after which training stops; 0 never stops early.
    validate_every, sample_every, checkpoint_every, log_every : int
        In steps; 0 for once, at the end.
    seed : int
        Of the weights, the order of the data, and every random draw.
    tensorboard : bool
        Log for TensorBoard too.
    """

    steps: int = 1000
    batch_size: int = 128
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    schedule: Schedule = "constant"
    warmup: int = 0
    clip: float = 0.0
    ema: float = 0.0
    precision: Precision = "no"
    compile: bool = False
    patience: int = 0
    validate_every: int = 0
    sample_every: int = 0
    checkpoint_every: int = 500
    log_every: int = 50
    seed: int = 0
    tensorboard: bool = False

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "log_every"):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name}={getattr(self, name)} is no count; give 1 or more")
        for name in ("warmup", "patience", "validate_every", "sample_every", "checkpoint_every"):
            if getattr(self, name) < 0:
                raise TrainingError(f"{name}={getattr(self, name)} is negative; give 0 or more")
        for name in ("weight_decay", "clip"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise TrainingError(f"{name}={getattr(self, name)} is out of range; give 0 or more")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise TrainingError(
                f"learning_rate={self.learning_rate} is not positive; give one such as 0.001"
            )
        for name, value in (("ema", self.ema), *(("betas", beta) for beta in self.betas)):
            if not 0 <= value < 1:
                raise TrainingError(f"{name}={getattr(self, name)} is out of range; give [0, 1)")
        if not 0 <= self.seed < 2**63:
            raise TrainingError(f"seed={self.seed} is out of range; give 0 to 2**63 - 1")
        if self.patience and not self.validate_every:
            raise TrainingError(
                f"patience={self.patience} counts validations, of which there is one at the end; "
                "give validate_every"
            )

    def factor(self, step: int) -> float:
        """The schedule: what the learning rate is multiplied by at a step.

        Examples
        --------
        >>> [Training(steps=4, schedule="linear", warmup=2).factor(step) for step in range(4)]
        [0.5, 1.0, 1.0, 0.5]
        """
        if step < self.warmup:
            return (step + 1) / self.warmup
        if self.schedule == "constant":
            return 1.0
        share = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return 1 - share if self.schedule == "linear" else (1 + math.cos(math.pi * share)) / 2
