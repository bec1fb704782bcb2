"""Runs: what one is made of, how it starts, and how it goes on."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from tqdm import tqdm

from ... import __version__
from ...errors import GaborkitError, StoreError, TrainingError
from ...images import write_image
from .. import store
from ..configuration import from_dict, to_dict
from ..data import Dataset
from ..device import choose_device
from ..image_model import ImageModel
from ..metrics.collapse import CollapseWatch
from ..metrics.shipped import knows
from ..models.model import Model
from ..randomness import initialised
from ..representation import Representation
from .folder import check_free, claimed, locked
from .interruption import Interrupted as Interrupted
from .recipe import Recipe as Recipe
from .settings import Training
from .trainer import Trainer

#: Images that the round trip of a representation is measured on.
ROUND_TRIP = 512
#: Rows of a grid of samples.
ROWS = 6
#: Samples that mode collapse is judged by.
WATCHED = 256

Say = Callable[[str], None]


def start(
    recipe: Recipe,
    out: Path | str,
    *,
    device: str = "auto",
    progress: bool = False,
    say: Say | None = None,
) -> ImageModel:
    """Train a model in a new folder.

    Parameters
    ----------
    recipe : Recipe
    out : path
        A folder that does not exist, or is empty. Of several processes the main one decides.
    device : str
        See :func:`~gaborkit.generative.device.choose_device`.
    progress : bool
        Show a progress bar.
    say : callable, optional
        Takes lines of text that tell what is going on.

    Raises
    ------
    Interrupted
        After Ctrl-C or SIGTERM, once all is saved; :func:`resume` goes on.
    GaborkitError
        If anything does not fit; see the error's class.
    """
    where = choose_device(device)
    state = PartialState(cpu=where.type == "cpu")
    # The main process may have taken a name that was free.
    out = Path(broadcast_object_list([out])[0])
    check_free(out)
    with state.main_process_first():
        dataset = _load(recipe, progress)
    config, training = recipe.configuration(), recipe.settings(len(dataset.train))
    _check_classes(recipe, dataset)
    representation = recipe.represented(config, dataset.train.images)
    with initialised(training.seed):
        classes = len(dataset.class_names) if recipe.classes else 0
        model = recipe.kind(config, representation.space, classes)
    # All have seen that the folder is free before one fills it.
    state.wait_for_everyone()
    run = _Run(out, recipe, dataset, training, model, representation)
    trainer = run.trainer(where, progress, say)
    with claimed(out) if trainer.main else contextlib.nullcontext():
        if trainer.main:
            store.write_representation(out, representation)
            run.write_config()
        return run.train(trainer)


def resume(
    run: Path | str,
    *,
    steps: int | None = None,
    device: str = "auto",
    progress: bool = False,
    say: Say | None = None,
) -> ImageModel:
    """Go on with a run, exactly as it would have gone on by itself.

    A run that is finished stays as it is. Where steps are added, figures of the old weights in
    ``metrics.json`` are dropped in the end.

    Parameters
    ----------
    run : path
        Folder of the run.
    steps : int, optional
        More steps in all than were asked for. Only with a constant learning rate, since another
        schedule would have been another one from the first step on.
    device, progress, say
        See :func:`start`.

    Raises
    ------
    StoreError
        If the folder holds no run, or one that is damaged, was changed, or is being trained.
    TrainingError
        If ``steps`` does not fit.
    Interrupted
        As in :func:`start`.
    """
    out, where = Path(run), choose_device(device)
    state = PartialState(cpu=where.type == "cpu")
    described = store.read_config(out)
    with locked(out) if state.is_main_process else contextlib.nullcontext():
        return _resume(out, described, steps, where, progress, say)


def _resume(
    out: Path,
    described: Mapping[str, Any],
    steps: int | None,
    where: torch.device,
    progress: bool,
    say: Say | None,
) -> ImageModel:
    recipe, training = _read_run(out, described)
    representation = store.read_representation(out)
    if steps is not None and steps != training.steps:
        if training.schedule != "constant":
            raise TrainingError(
                f"steps={steps}: the {training.schedule} schedule of this run ends at step "
                f"{training.steps:,}; train anew, or with schedule='constant'"
            )
        training = dataclasses.replace(training, steps=steps)
    with PartialState().main_process_first():
        dataset = _load(recipe, progress)
    _check_classes(recipe, dataset)
    with initialised(training.seed):
        model = store.build(out, described, representation.space)
    going_on = _Run(out, recipe, dataset, training, model, representation)
    trainer = going_on.trainer(where, progress, say)
    trainer.load()
    finished = going_on.finished(trainer)
    if finished is not None:
        trainer.say(f"finished already, after step {trainer.step:,}; {out} stays as it is")
        return finished
    if trainer.main:
        going_on.write_config()
    trainer.say(f"going on after step {trainer.step:,} of {training.steps:,}")
    return going_on.train(trainer)


@dataclass(frozen=True)
class _Run:
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
        if self.model.has_validation_loss:
            return None
        return CollapseWatch(self.dataset.train.labels if knows(self.dataset) else None)

    @property
    def provenance(self) -> dict[str, Any]:
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
        return {
            "model": self.model.name,
            "classes": self.model.classes,
            **{f"config.{name}": value for name, value in to_dict(self.model.config).items()},
            **{n: v for n, v in to_dict(self.training).items() if n not in free},
            "representation": _digest(self.representation.to_dict()),
            "data": self.digest,
        }

    def write_config(self) -> None:
        store.write_config(self.out, store.describe(self.model, self.provenance))

    def trainer(self, device: torch.device, progress: bool, say: Say | None) -> Trainer:
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
        training, device = self.training, trainer.accelerator.device
        psnr = self._introduce(trainer) if trainer.main else 0.0
        trainer.train()
        metrics = {"steps": trainer.step, **trainer.metrics, "round trip, dB": psnr}
        # The file of weights is float32 whatever the precision of the steps.
        provenance = {**self.provenance, "metrics": {"training": metrics}}
        trained = ImageModel(trainer.kept, self.representation, provenance)
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
            found = self.watch(drawn.sample(WATCHED, seed=self.training.seed))
            if found.message is not None:
                say(f"step {step:,}: {found.message}")

    def _introduce(self, trainer: Trainer) -> float:
        """Say what is trained, and return the PSNR of the representation's round trip."""
        space, training = self.representation.space, self.training
        generator = torch.Generator().manual_seed(training.seed)
        psnr = self.representation.psnr(self.dataset.train.images[:ROUND_TRIP], generator)
        count = sum(parameter.numel() for parameter in self.model.parameters())
        levels = f" of {space.levels} levels" if space.levels else ""
        trainer.say(f"data: {self.dataset.describe()}")
        trainer.say(
            f"features: {self.representation.name}, {space.channels} x {space.height} x "
            f"{space.width}, scaled as {space.scaling}{levels}; there and back: {psnr:.1f} dB"
        )
        trainer.say(
            f"model: {self.model.name}, {count:,} parameters; {training.steps:,} steps of "
            f"{training.batch_size} images on {trainer.accelerator.device}"
            + (f", {trainer.world} processes" if trainer.world > 1 else "")
        )
        return psnr

    def _write_grid(self, model: ImageModel, path: Path) -> None:
        """Samples, always of the same noise; a column for each class, if there are classes."""
        from ..grid import image_grid

        columns = self.model.classes if 0 < self.model.classes <= 20 else 10
        images = model.sample(ROWS * columns, seed=self.training.seed)
        write_image(path, image_grid(images, columns=columns, zoom=2))


def _load(recipe: Recipe, progress: bool) -> Dataset:
    """The data, with a bar where they come from the net or from many files."""
    with tqdm(desc="data", unit="", unit_scale=True, disable=not progress, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return recipe.dataset(show)


def _check_classes(recipe: Recipe, dataset: Dataset) -> None:
    if recipe.classes and len(dataset.class_names) < 2:
        raise TrainingError(
            f"classes=True: {dataset.name} has {len(dataset.class_names)} classes; train without, "
            "or sort its images into a folder for each class"
        )


def _read_run(out: Path, described: Mapping[str, Any]) -> tuple[Recipe, Training]:
    """Recipe and training that ``config.json`` holds."""
    path, provenance = out / "config.json", described["provenance"]
    for name in ("recipe", "training"):
        if not isinstance(provenance.get(name), dict):
            raise StoreError(f"{path}: has no {name}, so that this model cannot be trained further")
    fields = dict(provenance["recipe"])
    replaced = {}
    for name in ("representation", "config", "training"):
        replaced[name] = fields.pop(name, {})
        if not isinstance(replaced[name], dict):
            raise StoreError(f"{path}: recipe: {name}={replaced[name]!r:.60} is not an object")
    try:
        recipe = dataclasses.replace(from_dict(Recipe, fields, "recipe"), **replaced)
        return recipe, from_dict(Training, provenance["training"], "training")
    except GaborkitError as problem:
        raise StoreError(f"{path}: {problem}") from problem


def _digest(data: Any) -> str:
    """SHA-256 of JSON."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
