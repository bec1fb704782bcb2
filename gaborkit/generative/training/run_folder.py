"""The run: a folder of its own, and what is written to it."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ... import __version__
from ...errors import StoreError
from ...io.images import write_image
from ...io.locks import LOCK
from ...io.locks import locked as lock_of
from ...io.tables import counted
from .. import store
from ..configuration import to_dict
from ..data import Dataset
from ..image_model import ImageModel
from ..metrics.collapse import CollapseWatch
from ..metrics.shipped import knows
from ..metrics.upscaling import before_and_after
from ..models.model import Model
from ..montage import image_grid
from ..progress import Steps
from ..representation import Representation
from .recipe import Recipe
from .settings import Training
from .trainer import Trainer


def locked(run: Path) -> contextlib.AbstractContextManager[None]:
    """Keep others from training in a folder while the block runs.

    Raises
    ------
    StoreError
        If another process does already, or the folder cannot be written.
    """
    return lock_of(run, StoreError, inside=True, doing="is being trained")


@contextlib.contextmanager
def claimed(out: Path) -> Iterator[None]:
    """Make the folder of a new run, which is nobody else's, and lock it while the block runs.

    Raises
    ------
    StoreError
        If it cannot be made, or is not free.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise StoreError(f"{out}: no such folder can be made ({cause.strerror})") from cause
    with locked(out):
        # Only now: of two that start together, the second finds the files of the first.
        check_free(out)
        yield


def check_free(out: Path) -> None:
    """Refuse a folder that holds something.

    Raises
    ------
    StoreError
        If it is not empty, or is no folder.
    """
    try:
        if not out.exists():
            return
        if out.is_dir() and all(path.name == LOCK for path in out.iterdir()):
            return
    except OSError as cause:
        raise StoreError(f"{out}: cannot be read ({cause.strerror})") from cause
    if (out / "config.json").is_file():
        raise StoreError(
            f"{out}: holds a run already; go on with --resume {out}, or give another --out"
        )
    what = "is not empty" if out.is_dir() else "is a file"
    raise StoreError(f"{out}: {what}; give another --out")


#: Rows of a grid of samples.
ROWS = 6
#: Columns of one, where classes do not say how many.
COLUMNS = 10
#: Samples that mode collapse is judged by.
WATCHED = 256

Say = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """Everything that a run is made of."""

    out: Path
    recipe: Recipe
    dataset: Dataset
    training: Training
    model: Model
    representation: Representation

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the data."""
        return self.dataset.digest()

    @cached_property
    def watch(self) -> CollapseWatch | None:
        """Of models that can collapse."""
        if self.model.has_validation_loss or self.model.takes_pictures:
            return None
        return CollapseWatch(self.dataset.train.labels if knows(self.dataset) else None)

    @property
    def provenance(self) -> dict[str, Any]:
        """What ``config.json`` says of where the model comes from."""
        return {
            "gaborkit": __version__,
            "recipe": dataclasses.asdict(self.recipe),
            "training": to_dict(self.training),
            "data": self.dataset.describe(),
            "data digest": self.digest,
            "class_names": list(self.dataset.class_names),
        }

    @property
    def identity(self) -> dict[str, Any]:
        """What must not change while a run goes on; the number of steps and the log may."""
        free = ("steps", "tensorboard")
        representation = json.dumps(self.representation.to_dict(), sort_keys=True)
        return {
            "model": self.model.name,
            "classes": self.model.classes,
            **{f"config.{name}": value for name, value in to_dict(self.model.config).items()},
            **{n: v for n, v in to_dict(self.training).items() if n not in free},
            "representation": hashlib.sha256(representation.encode()).hexdigest(),
            "data": self.digest,
        }

    def write_config(self) -> None:
        """Write ``config.json``."""
        store.write_config(self.out, store.describe(self.model, self.provenance))

    def trainer(self, device: torch.device, progress: Steps | None, say: Say | None) -> Trainer:
        """One that draws a grid now and then, and says so if all samples are alike."""

        def silent(line: str) -> None:
            pass

        speak = say or silent

        def on_sample(model: Model, step: int) -> None:
            folder = self.out / "samples"
            folder.mkdir(exist_ok=True)
            drawn = ImageModel(model, self.representation)
            self._write_grid(drawn, folder / f"step-{step:08d}.png")
            self._judge(drawn, step, speak)

        return Trainer(
            self.model,
            self.representation,
            self.dataset,
            self.training,
            run=self.out,
            device=device,
            identity=self.identity,
            progress=progress,
            say=speak,
            on_sample=on_sample,
        )

    def train(self, trainer: Trainer) -> ImageModel:
        """Do the steps that are left, and write the model."""
        training, device = self.training, trainer.accelerator.device
        if trainer.main:
            self._introduce(trainer)
        trainer.train()
        metrics = {"steps": trainer.step, **trainer.metrics}
        # The file of weights is float32 whatever the precision of the steps.
        provenance = {**self.provenance, "metrics": {"training": metrics}}
        trained = ImageModel(trainer.evaluated, self.representation, provenance)
        if trainer.main:
            if trainer.step < training.steps:
                trainer.say(
                    f"stopped early after step {trainer.step:,}: {training.patience} validations "
                    "brought nothing better; the best weights are kept"
                )
            trained.save_pretrained(self.out)
            self._write_grid(trained, self.out / "samples.png")
            store.write_metrics(self.out, {})  # for the card, which shows the grid
            self._judge(trained, trainer.step, trainer.say)
        trainer.accelerator.wait_for_everyone()
        trained.model.to(device)
        return trained

    def finished(self, trainer: Trainer) -> ImageModel | None:
        """The stored model, if there is no step left and it is that of the last one."""
        if not trainer.done:
            return None
        try:
            stored = ImageModel.from_pretrained(self.out, str(trainer.accelerator.device))
        except StoreError:
            return None  # killed before all was written, or damaged: the checkpoint has it
        measured = stored.provenance["metrics"].get("training")
        whole = isinstance(measured, dict) and measured.get("steps") == trainer.step
        return stored if whole and (self.out / "samples.png").is_file() else None

    def _judge(self, drawn: ImageModel, step: int, say: Say) -> None:
        """Say so if the samples are all alike."""
        if self.watch is not None:
            figures = self.watch(self._sampled(drawn, WATCHED))
            if figures.message is not None:
                say(f"step {step:,}: {figures.message}")

    def _sampled(self, model: ImageModel, count: int) -> Tensor:
        """Samples, always of the same noise: of all classes in turn, or of held-out conditions."""
        conditions = None
        if self.model.condition_length:
            conditions = self.dataset.validation.conditions
            assert conditions is not None
            columns = min(COLUMNS, len(conditions))
            conditions = conditions[torch.arange(count) % columns]
        return model.sample(count, conditions=conditions, seed=self.training.seed)

    def _introduce(self, trainer: Trainer) -> None:
        """Say what is trained."""
        space, training = self.representation.space, self.training
        count = sum(parameter.numel() for parameter in self.model.parameters())
        levels = f" of {space.levels} levels" if space.levels else ""
        trainer.say(f"data: {self.dataset.describe()}")
        trainer.say(
            f"features: {self.representation.name}, {space.channels} x {space.height} x "
            f"{space.width}, scaled as {space.scaling}{levels}"
        )
        trainer.say(
            f"model: {self.model.name}, {counted(count, 'parameter')}; "
            f"{counted(training.steps, 'step')} of {counted(training.batch_size, 'image')} on "
            f"{trainer.accelerator.device}"
            + (f", {trainer.world} processes" if trainer.world > 1 else "")
        )

    def _write_grid(self, model: ImageModel, path: Path) -> None:
        """Samples, always of the same noise; a column for each class, if there are classes.

        Of a model that takes pictures: held-out ones made smaller, what it makes of them, and they.
        """
        columns = self.model.classes if 0 < self.model.classes <= 20 else COLUMNS
        if self.model.takes_pictures:
            held = self.dataset.validation.take(
                torch.arange(len(self.dataset.validation))[:columns]
            )
            images = before_and_after(model, held)
            columns = len(held)
        else:
            images = self._sampled(model, ROWS * columns)
        write_image(path, image_grid(images, columns=columns, zoom=2))
