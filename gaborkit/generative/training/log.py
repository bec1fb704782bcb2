"""Losses of steps, left on the device until somebody looks, and the table of them."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from ...errors import StoreError
from ...io.files import atomic_write
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

    accelerator: Any
    several: bool

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
        """Means of what was fetched, which is forgotten: losses first, then by name.

        A checkpoint keeps no order, and a run that goes on has the columns that it would have had.
        """
        names = sorted(self.sums, key=lambda name: (not name.endswith("loss"), name))
        means = {name: self.sums[name][0] / self.sums[name][1] for name in names}
        self.sums = {}
        return means


class Log:
    """``log.csv`` of a run, one row for each call of :meth:`write`.

    Parameters
    ----------
    path : pathlib.Path
    done : int
        Rows after this step are dropped: they are of steps that a killed run did and that will be
        done again.
    tensorboard : pathlib.Path, optional
        Folder for TensorBoard's events.

    Raises
    ------
    StoreError
        If the file cannot be read or written.
    """

    def __init__(self, path: Path, done: int = 0, tensorboard: Path | None = None) -> None:
        self.path = path
        self.columns: list[str] = []
        if path.exists():
            self._rewrite(self._rows(done))
        self._board: Any = None
        if tensorboard is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(tensorboard), purge_step=done + 1)

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Add a row; a figure that is new adds a column."""
        row = {"step": str(step), **{name: repr(value) for name, value in figures.items()}}
        if not set(row) <= set(self.columns):
            rows = self._rows(step - 1) if self.columns else []
            self.columns += [name for name in row if name not in self.columns]
            self._rewrite(rows)
        try:
            # Appended in place: a row that is cut short is dropped by the next reader.
            with self.path.open("a", newline="", encoding="utf-8") as stream:
                csv.DictWriter(stream, self.columns, restval="").writerow(row)
        except OSError as cause:
            raise StoreError(f"{self.path}: cannot be written ({cause.strerror})") from cause
        if self._board is not None:
            for name, value in figures.items():
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Let TensorBoard write what it holds back."""
        if self._board is not None:
            self._board.close()

    def _rows(self, done: int) -> list[dict[str, str]]:
        """Whole rows up to a step; ``columns`` becomes what the file has."""
        try:
            with self.path.open(newline="", encoding="utf-8") as stream:
                reader = csv.DictReader(stream)
                rows = [row for row in reader if None not in row and None not in row.values()]
                self.columns = list(reader.fieldnames or [])
        except (OSError, UnicodeDecodeError, csv.Error) as cause:
            raise StoreError(f"{self.path}: cannot be read ({cause})") from cause
        steps = (row.get("step", "") for row in rows)
        return [
            row
            for row, step in zip(rows, steps, strict=True)
            if step.isdecimal() and int(step) <= done
        ]

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        if not self.columns:
            self.path.unlink()
            return
        with (
            atomic_write(self.path, StoreError) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as stream,
        ):
            writer = csv.DictWriter(stream, self.columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
