"""How a run starts, and how it goes on."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list

from ...errors import GaborkitError, StoreError, TrainingError
from ...io.tables import counted
from .. import store
from ..configuration import from_dict, to_dict
from ..data import Dataset
from ..data.dataset import check_dataset, length_of
from ..data.loading import SOURCES, check_there
from ..device import choose_device
from ..image_codes import Codes
from ..image_model import ImageModel
from ..models.model import Model
from ..progress import Steps
from ..randomness import initialised
from ..representation import Representation
from .footprint import check_memory
from .processes import Interrupted as Interrupted
from .recipe import Recipe as Recipe
from .run_folder import Run, Say, check_free, claimed, locked
from .settings import Training


def start(
    recipe: Recipe,
    out: Path | str,
    *,
    dataset: Dataset | None = None,
    device: str = "auto",
    progress: Steps | None = None,
    say: Say | None = None,
) -> ImageModel:
    """Train a model in a new folder.

    Parameters
    ----------
    recipe : Recipe
    out : path
        A folder that does not exist, or is empty. Of several processes the main one decides.
    dataset : Dataset, optional
        What to learn from, instead of what the recipe names.
    device : str
        See :func:`~gaborkit.generative.device.choose_device`.
    progress : callable, optional
        Called as the data are read and after each step; see `Steps`.
    say : callable, optional
        Takes lines of text that tell what is going on.

    Raises
    ------
    Interrupted
        After Ctrl-C or SIGTERM, once all is saved; :func:`resume` goes on.
    GaborkitError
        If anything does not fit; see the error's class.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(0).random((40, 12, 12)) < 0.5  # your own
    >>> data = Dataset.from_arrays(images, [0, 1] * 20, name="coins")
    >>> recipe = Recipe("vae", classes=True, training={"steps": 2, "batch_size": 8})
    >>> model = start(recipe, getfixture("tmp_path") / "run", dataset=data, device="cpu")
    >>> model.sample(3, classes=1).shape
    torch.Size([3, 1, 12, 12])
    """
    _check_progress(progress)
    if not isinstance(recipe, Recipe):
        raise TrainingError(
            f"recipe is {type(recipe).__name__}, no Recipe; give one such as Recipe('vae')"
        )
    where = choose_device(device)
    state = PartialState(cpu=where.type == "cpu")
    # The main process may have taken a name that was free.
    out = Path(broadcast_object_list([out])[0])
    check_free(out)
    codes = None if recipe.codes is None else store.read_codes(recipe.codes)
    if dataset is None:
        with state.main_process_first():
            dataset = _load(recipe, progress)
    else:
        dataset, recipe = check_dataset(dataset), recipe.with_dataset()
    recipe = recipe.for_images(dataset.image_shape)
    if codes is not None:
        recipe = recipe.for_codes(codes, dataset.image_shape)
        if say is not None and state.is_main_process:
            _say_other_images(recipe, codes, dataset, say)
    config, training = recipe.configuration(), recipe.settings(len(dataset.train))
    _check_classes(recipe, dataset)
    classes = len(dataset.class_names) if recipe.by_class else 0
    if recipe.init is not None:
        model, representation = _initial(recipe.init, recipe, dataset, classes, codes)
    else:
        representation = codes or recipe.represented(config, dataset.image_shape)
        representation.fit(dataset.train.images)
        space = representation.space
        large = check_memory(recipe.kind, config, space, classes, training, where)
        if large is not None and say is not None and state.is_main_process:
            say(large)
        with initialised(training.seed):
            model = recipe.kind(config, space, classes)
    _check_conditions(model, dataset)
    # All have seen that the folder is free before one fills it.
    state.wait_for_everyone()
    run = Run(out, recipe, dataset, training, model, representation)
    trainer = run.trainer(where, progress, say)
    with claimed(out) if trainer.main else contextlib.nullcontext():
        if trainer.main:
            store.write_representation(out, representation)
            run.write_config()
        if recipe.init is not None:
            trainer.save()  # its first weights are of no seed: a run that is killed needs them
        return run.train(trainer)


def _initial(
    folder: str, recipe: Recipe, dataset: Dataset, classes: int, codes: Codes | None
) -> tuple[Model, Representation]:
    """Model and representation that a recipe starts from.

    Raises
    ------
    StoreError
        If the folder holds no model.
    TrainingError
        If it is of another kind than the recipe's.
    """
    model, representation, _ = store.read_model(folder)
    config: dict[str, Any] = {}
    if model.name == recipe.model:
        asked_of = to_dict(recipe.configuration())
        config = {
            name: (value, asked_of[name])
            for name, value in to_dict(model.config).items()
            if name not in model.loss_fields
        }
    pairs = {
        "model": (model.name, recipe.model),
        **config,
        "number of classes": (model.classes, classes),
        "features": (representation.name, recipe.features),
        "shape of images": (representation.image_shape, dataset.image_shape),
    }
    for name, (stored, asked) in pairs.items():
        if stored != asked:
            remedy = "start from a model like this one, or without init"
            if name in config:
                remedy = f"give {name} as it is, in config (--set {name}=...)"
            raise TrainingError(
                f"init={folder!r}: its {name} is {stored}, and {asked} is asked for; {remedy}"
            )
    if codes is not None and representation.to_dict() != codes.to_dict():
        raise TrainingError(
            f"init={folder!r}: its codes are not those of {recipe.codes!r}; give codes as they "
            f"were, such as those in {folder!r}"
        )
    if model.config == recipe.configuration():
        return model, representation
    other = recipe.kind(recipe.configuration(), model.space, classes)
    other.load_state_dict(model.state_dict())
    return other, representation


def resume(
    run: Path | str,
    *,
    steps: int | None = None,
    dataset: Dataset | None = None,
    data: str | None = None,
    data_dir: str | None = None,
    device: str = "auto",
    progress: Steps | None = None,
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
    dataset : Dataset, optional
        The same images that :func:`start` was given.
    data, data_dir : str, optional
        Where the images are by now, if they were moved. Other images are refused.
    device, progress, say
        See :func:`start`.

    Raises
    ------
    StoreError
        If the folder holds no run, or one that is damaged, was changed, or is being trained.
    DataError
        If the images are not there, or are others.
    TrainingError
        If ``steps`` does not fit.
    Interrupted
        As in :func:`start`.
    """
    _check_progress(progress)
    out, where = Path(run), choose_device(device)
    state = PartialState(cpu=where.type == "cpu")
    described = store.read_config(out)
    with locked(out) if state.is_main_process else contextlib.nullcontext():
        recipe, training = _read_run(out, described)
        if dataset is None:
            recipe = dataclasses.replace(
                recipe, data=data or recipe.data, data_dir=data_dir or recipe.data_dir
            )
            check_there(recipe.data or "mini")
            if data_dir is not None and recipe.data not in SOURCES:
                raise TrainingError(
                    f"data_dir={data_dir!r} has no effect on data={recipe.data!r}: it is for "
                    f"{', '.join(SOURCES)}; leave it out"
                )
            with state.main_process_first():
                dataset = _load(recipe, progress)
        elif data is not None or data_dir is not None:
            raise TrainingError(
                f"data={data or data_dir!r} does not go with dataset=; leave it out"
            )
        digest = described["provenance"].get("data digest")
        check_dataset(dataset).check_digest(digest, recipe.data)
        training = _lengthened(training, steps)
        return _resume(out, described, recipe, training, dataset, where, progress, say)


def _resume(
    out: Path,
    described: Mapping[str, Any],
    recipe: Recipe,
    training: Training,
    dataset: Dataset,
    where: torch.device,
    progress: Steps | None,
    say: Say | None,
) -> ImageModel:
    representation = store.read_representation(out)
    _check_classes(recipe, dataset)
    with initialised(training.seed):
        model = store.build(out, described, representation.space)
    _check_conditions(model, dataset)
    going_on = Run(out, recipe, dataset, training, model, representation)
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


def _lengthened(training: Training, steps: int | None) -> Training:
    """The training with another number of steps, if its schedule allows one."""
    if steps is None or steps == training.steps:
        return training
    if training.schedule != "constant":
        raise TrainingError(
            f"steps={steps}: the {training.schedule} schedule of this run ends at step "
            f"{training.steps:,}; start a new run from its weights, with init=RUN (--init RUN)"
        )
    return dataclasses.replace(training, steps=steps)


def _check_progress(progress: object) -> None:
    if progress is not None and not callable(progress):
        raise TrainingError(
            f"progress={progress!r} is no function; give one that takes steps done, steps in all "
            "and a text, or leave it out"
        )


def _load(recipe: Recipe, progress: Steps | None) -> Dataset:
    """The data, which come from the net or from many files."""
    if progress is None or not PartialState().is_main_process:
        return recipe.dataset()
    return recipe.dataset(lambda done, total: progress(done, total, "data"))


def _say_other_images(recipe: Recipe, codes: Codes, dataset: Dataset, say: Say) -> None:
    """Say so where codes were learned of other images than the prior is to be of."""
    learned = codes.provenance.get("data digest")
    if learned is not None and learned != dataset.digest():
        data = codes.provenance.get("data", "other images")
        say(f"the codes of {recipe.codes} were learned of other images: {data}")


def _check_conditions(model: Model, dataset: Dataset) -> None:
    """Refuse data without the vectors that a model is conditioned on."""
    wanted, length = model.condition_length, length_of(dataset.train.conditions)
    if wanted and wanted != length:
        raise TrainingError(
            f"condition_length={wanted}: the conditions of {dataset.name} have length {length}, 0 "
            "for none; hand in vectors of that length, with Dataset.from_arrays(conditions=...)"
        )


def _check_classes(recipe: Recipe, dataset: Dataset) -> None:
    """Refuse classes that are fewer than two, or that no training image shows."""
    names, labels = dataset.class_names, dataset.train.labels
    if not recipe.by_class:
        return
    if len(names) < 2 or labels is None:
        count = counted(len(names), "class", "classes")
        without = "" if recipe.kind.always_conditional else "train without, or "
        raise TrainingError(
            f"classes=True: {dataset.name} has {count}; {without}sort its images into a folder "
            "for each class"
        )
    shown = set(labels.tolist())
    missing = [name for k, name in enumerate(names) if k not in shown]
    if missing:
        raise TrainingError(
            f"classes=True: no training image of {dataset.name} is of class "
            f"{', '.join(missing[:5])}{', ...' if missing[5:] else ''}; add images of it, or "
            "leave the class out"
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
