"""Losses of steps, left on the device until somebody looks."""

from __future__ import annotations

import math

import torch
from accelerate import Accelerator

from ..models.model import Loss


class Losses:
    """Means of losses since the last row of the log.

    A loss is fetched from the device with all those before it: doing so at each step would let the
    device wait for Python.

    Parameters
    ----------
    accelerator : Accelerator
    several : bool
        Whether the model has parts with losses of their own, by whose names to call them.

    Attributes
    ----------
    sums : dict
        Sum and count of each figure that was fetched: a list that JSON holds exactly.
    """

    def __init__(self, accelerator: Accelerator, several: bool) -> None:
        self.accelerator, self.several = accelerator, several
        self.sums: dict[str, list[float]] = {}
        self._waiting: list[tuple[int, str, Loss]] = []

    def add(self, step: int, part: str, loss: Loss) -> None:
        """Take the loss of a step, without looking at it."""
        self._waiting.append((step, part, Loss(loss.total.detach(), loss.figures)))

    def fetch(self) -> tuple[int, str] | None:
        """Add up the losses that wait; the step and a sentence of the first that is not finite."""
        if not self._waiting:
            return None
        # One transfer, and one reduction over processes, for all of them.
        values = torch.stack(
            [
                value.float()
                for _, _, loss in self._waiting
                for value in (loss.total, *loss.figures.values())
            ]
        )
        fetched = iter(self.accelerator.reduce(values, "mean").tolist())
        for step, part, loss in self._waiting:
            name = f"{part} loss" if self.several else "loss"
            total = next(fetched)
            if not math.isfinite(total):
                return step, f"the {name} is {total}"
            row = {name: total, **{figure: next(fetched) for figure in loss.figures}}
            for figure, value in row.items():
                entry = self.sums.setdefault(figure, [0.0, 0])
                entry[0] += value
                entry[1] += 1
        self._waiting = []
        return None

    def take(self) -> dict[str, float]:
        """Means of what was fetched, which is forgotten."""
        means = {name: total / count for name, (total, count) in self.sums.items()}
        self.sums = {}
        return means
