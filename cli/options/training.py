"""Options of ``gaborkit train``, and the recipe that they say.

Nothing here imports gaborkit before a command runs; the tests hold the choices below equal to the
library's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gaborkit.errors import GaborkitError, closest

from ..generating import check_data_dir
from .arguments import SEED, Choice, Number, Setting, Whole, Word
from .path_arguments import RUN, Input
from .sections import Option

if TYPE_CHECKING:
    from gaborkit.generative.training.session import Recipe

#: Models of levels.
LEVELLED = ("pixelcnn", "gated-pixelcnn", "pixelrnn", "pixelsnail", "imagegpt")
MODELS = (*LEVELLED, "vae", "ae", "vq-vae", "gan", "dcgan", "lapgan", "stackgan", "srgan")


class ModelName(Word):
    """A model that comes with gaborkit, or one that an imported module has registered."""

    name = "model"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The name, or fail with those that there are."""
        return Choice(model_names()).convert(value, param, ctx)


def model_names() -> tuple[str, ...]:
    """Names of all models; the library is asked only if a module has imported it."""
    library = sys.modules.get("gaborkit.generative.models")
    return MODELS if library is None else tuple(library.MODELS)


FEATURES = ("raw", "gabor", "coefficients")
DATASETS = ("mini", "stacked", "mnist", "fashion", "kmnist")
FITS = ("crop", "stretch", "pad")
PARTS = ("complex", "magnitude")
BINARIZE = ("dynamic", "static", "threshold")
SCHEDULES = ("constant", "linear", "cosine")
PRECISIONS = ("no", "bf16", "fp16")

COUNT = Whole(1, 10**9)
COUNT_OR_0 = Whole(0, 10**9)
POSITIVE = Number(above=0)

#: Where the options of each heading go in a recipe, and the options. What is not given is left to
#: the preset, so that none has a default of its own here.
_DATA: dict[str, dict[str, Any]] = {
    "data": {
        "type": Input(DATASETS, folder=True),
        "metavar": "NAME|DIR",
        "help": f"{', '.join(DATASETS)}, or a folder of pictures.  [default: mini]",
    },
    "data_dir": {
        "type": Input(folder=True),
        "metavar": "DIR",
        "help": "Where the files of a data set lie, or go.",
    },
    "limit": {"type": COUNT, "metavar": "N", "help": "Train with this many images only."},
    "size": {"type": Whole(4, 1024), "metavar": "N", "help": "Side of the images, pixels."},
    "fit": {"type": Choice(FITS), "help": "How a picture becomes square.  [default: crop]"},
    "colour": {"flags": "--colour/--grey", "help": "Of a folder.  [default: as it is]"},
    "classes": {"is_flag": True, "help": "Condition the model on the class of the image."},
    "init": {
        "type": RUN,
        "metavar": "RUN",
        "help": "Start from the weights of a trained model of the same kind.",
    },
    "codes": {
        "type": RUN,
        "metavar": "RUN",
        "help": "Be a prior over the codes of a trained vq-vae, of the data that it was trained "
        "on; of autoregressive models.",
    },
}
_REPRESENTATION: dict[str, dict[str, Any]] = {
    "scales": {
        "type": Whole(1, 20),
        "metavar": "N",
        "help": "Dilations of the Gabor bank.  [default: 2]",
    },
    "orientations": {
        "type": Whole(1, 1000),
        "metavar": "N",
        "help": "Directions of the bank.  [default: 4]",
    },
    "wavelength": {
        "type": POSITIVE,
        "metavar": "X",
        "help": "Of the finest scale, pixels.  [default: 4]",
    },
    "analysis": {
        "flags": "--analysis/--no-analysis",
        "help": "Whether networks see pixels through the frame.  [default: they do]",
    },
    "synthesis": {
        "flags": "--synthesis/--no-synthesis",
        "help": "Whether networks draw pixels through the frame.  [default: as the model has it]",
    },
    "learnable": {"is_flag": True, "help": "Learn the kernels of the frame too."},
    "parts": {
        "type": Choice(PARTS),
        "help": "Coefficients as they are, or magnitudes, inverted approximately.",
    },
    "levels": {
        "type": Whole(2, 65536),
        "metavar": "N",
        "help": "How many values a feature takes, of autoregressive models.",
    },
    "palette": {
        "flags": "--palette/--no-palette",
        "help": "Pixels become codes of --levels colours, chosen by k-means.  "
        "[default: of imagegpt, in colour]",
    },
    "binarize": {
        "type": Choice(BINARIZE),
        "help": "Pixels become 0 or 1: drawn anew each time, drawn once for all, or cut at 1/2.",
    },
}
#: Of these, what says which images there are.
OF_DATA = ("data", "data_dir", "limit", "size", "fit", "colour")

#: Features that an option of theirs is for, where not for all.
_FITTING: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("scales", "orientations", "wavelength"), ("gabor", "coefficients")),
    **dict.fromkeys(("analysis", "synthesis", "learnable"), ("gabor",)),
    "parts": ("coefficients",),
    "binarize": ("raw", "gabor"),
    "palette": ("raw",),
}
_TRAINING: dict[str, dict[str, Any]] = {
    "steps": {
        "type": COUNT,
        "metavar": "N",
        "help": "Batches in all. With --resume, more of them, if the schedule is constant.",
    },
    "epochs": {
        "type": COUNT,
        "metavar": "N",
        "help": "Passes through the data, instead of --steps.",
    },
    "batch_size": {
        "type": COUNT,
        "metavar": "N",
        "help": "Images a step, over all processes together.",
    },
    "learning_rate": {
        "type": POSITIVE,
        "metavar": "X",
        "help": "Of Adam, at the top of the schedule.",
    },
    "weight_decay": {
        "type": Number(0, 1000),
        "metavar": "X",
        "help": "Decoupled, as in AdamW.",
    },
    "schedule": {"type": Choice(SCHEDULES), "help": "Of the learning rate, after --warmup."},
    "warmup": {
        "type": COUNT_OR_0,
        "metavar": "N",
        "help": "Steps over which the learning rate rises.",
    },
    "clip": {
        "type": Number(0),
        "metavar": "X",
        "help": "Largest norm of a gradient; 0: any.",
    },
    "ema": {
        "type": Number(0, below=1),
        "metavar": "X",
        "help": "Decay of the averaged weights that samples are drawn by; 0: none.",
    },
    "precision": {"type": Choice(PRECISIONS), "help": "no is float32.  [default: no]"},
    "compile": {"is_flag": True, "help": "Pass the model through torch.compile."},
    "patience": {
        "type": COUNT_OR_0,
        "metavar": "N",
        "help": "Stop after this many validations without a better one; 0: never.",
    },
    "validate_every": {
        "type": COUNT_OR_0,
        "metavar": "N",
        "help": "Steps; 0: at the end.  [default: 0; with --patience, an epoch]",
    },
    "sample_every": {
        "type": COUNT_OR_0,
        "metavar": "N",
        "help": "Steps between grids; 0: at the end.",
    },
    "checkpoint_every": {"type": COUNT_OR_0, "metavar": "N", "help": "Steps; 0: at the end."},
    "log_every": {"type": COUNT, "metavar": "N", "help": "Steps."},
    "seed": {
        "type": SEED,
        "metavar": "N",
        "help": "Of weights, order of images, and every draw.  [default: 0]",
    },
    "tensorboard": {"is_flag": True, "help": "Log for TensorBoard too, into RUN/tensorboard."},
}


def training_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add every option that says what to train; the function gets them as keywords."""
    for option in reversed(list(_options())):
        function = option(function)
    return function


def _options() -> Iterator[Callable[[Callable[..., None]], Callable[..., None]]]:
    yield click.option(
        "--features",
        cls=Option,
        section="Model",
        type=Choice(FEATURES),
        help="Networks see pixels as they are, or through a Gabor frame; or the model is of the "
        "frame's coefficients.  [default: raw]",
    )
    yield click.option(
        "--preset",
        cls=Option,
        section="Model",
        type=Word("small", "article", "large", "mlp-200-200-50"),
        metavar="NAME",
        help="small, for minutes on two cores; article, as the article has it; large, for a GPU; "
        "of vae also mlp-200-200-50.  [default: what the model takes minutes with]",
    )
    yield click.option(
        "--set",
        "settings",
        cls=Option,
        section="Model",
        type=Setting("latent=2"),
        multiple=True,
        metavar="NAME=VALUE",
        help="A field of the model's configuration, in JSON; may be repeated.",
    )
    for section, table in (
        ("Data", _DATA),
        ("Features", _REPRESENTATION),
        ("Training", _TRAINING),
    ):
        for name, fields in table.items():
            rest = {key: value for key, value in fields.items() if key != "flags"}
            flags = fields.get("flags", f"--{name.replace('_', '-')}")
            yield click.option(flags, name, cls=Option, section=section, default=None, **rest)


def flag_of(name: str, value: Any = True) -> str:
    """How an option was given, for an error: ``batch_size`` is ``--batch-size``."""
    if name == "colour":
        return "--colour" if value else "--grey"
    if name in ("analysis", "synthesis", "palette") and not value:
        return f"--no-{name}"
    return {"settings": "--set"}.get(name, f"--{name.replace('_', '-')}")


def recipe_from(model: str, chosen: dict[str, Any]) -> Recipe:
    """The recipe that the given options say.

    Raises
    ------
    click.UsageError
        If they contradict each other or do not fit the model.
    """
    from gaborkit.generative.training.session import Recipe

    fields = dict(chosen)
    if "steps" in fields and "epochs" in fields:
        raise click.UsageError("--steps and --epochs say the same thing: give one of them")
    if fields.get("patience") and fields.get("validate_every") == 0:
        raise click.UsageError(
            f"--patience {fields['patience']} counts validations, and --validate-every 0 makes one "
            "at the end: give 1 or more, or leave it out for one each epoch"
        )
    if "levels" in fields and model not in LEVELLED:
        raise click.UsageError(
            f"--levels is for autoregressive models ({', '.join(LEVELLED)}), not for {model}: "
            "leave it out"
        )
    if "codes" in fields:
        _fit_codes(model, fields)
    features = fields.get("features", "raw")
    for name, fitting in _FITTING.items():
        if name in fields and features not in fitting:
            raise click.UsageError(
                f"{flag_of(name, fields[name])} does not go with --features {features}: it is for "
                f"--features {' or '.join(fitting)}"
            )
    data = fields.get("data", "mini")
    if data not in DATASETS and not Path(data).is_dir():
        raise click.UsageError(
            f"--data {data}: "
            + (
                "is a file"
                if Path(data).is_file()
                else "there is no such data set and no such folder"
            )
            + f"; choose {', '.join(DATASETS)}, or a folder of pictures{closest(data, DATASETS)}"
        )
    check_data_dir(data, fields.get("data_dir"))
    fields |= absolute(fields)
    config = dict(fields.pop("settings", ()))
    if "levels" in fields:  # the model's first, which the representation follows
        config["levels"] = fields.pop("levels")
    groups: dict[str, Any] = {"representation": {}, "training": {}}
    for group, table in (("representation", _REPRESENTATION), ("training", _TRAINING)):
        for name in table:
            if name in fields and name != "epochs":
                groups[group][name] = fields.pop(name)
    try:
        return Recipe(model=model, config=config, **groups, **fields)
    except GaborkitError as error:
        text = str(error)
        if text.startswith("config: "):
            text = f"--set: {text.removeprefix('config: ')}"
        raise click.UsageError(text) from error


def _fit_codes(model: str, fields: dict[str, Any]) -> None:
    """Refuse options of pixels beside ``--codes``; data are those of the codes, unless given.

    Raises
    ------
    click.UsageError
        If there are such options, or the model is none of levels.
    """
    from gaborkit.generative.store import read_config

    codes = fields["codes"]
    if model not in LEVELLED and model in MODELS:
        raise click.UsageError(
            f"--codes {codes} is for autoregressive models ({', '.join(LEVELLED)}), not for "
            f"{model}: leave it out"
        )
    for name in ("features", "levels", *_FITTING):
        if name in fields:
            raise click.UsageError(
                f"{flag_of(name, fields[name])} does not go with --codes {codes}: what is seen of "
                "pixels was chosen with the model that codes them; leave it out"
            )
    recipe = read_config(codes)["provenance"].get("recipe")
    if "data" not in fields and isinstance(recipe, Mapping):
        known = {name: recipe.get(name) for name in OF_DATA}
        fields |= {name: v for name, v in known.items() if v is not None and name not in fields}


def absolute(fields: Mapping[str, Any]) -> dict[str, str]:
    """Those that say where something lies, so that the run finds it from any folder."""
    return {
        name: str(Path(fields[name]).expanduser().resolve())
        for name in ("data", "data_dir", "init", "codes")
        if name in fields and fields[name] not in DATASETS
    }


def free_folder(recipe: Recipe) -> Path:
    """``runs/MODEL-FEATURES-DATA``, with a number behind it where that is taken; made at once.

    Of several processes the first makes it, and its choice is that of all.
    """
    # The last part of a folder's real name, so that `--data .` says something too.
    data = str(recipe.data)
    data = data if data in DATASETS else Path(data).resolve().name
    first = Path("runs") / f"{recipe.model}-{recipe.features}-{data}"
    if os.environ.get("RANK", "0") != "0":
        return first
    folder, number = first, 1
    while True:
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1
            folder = first.with_name(f"{first.name}-{number}")
        except OSError:
            return folder  # which the library cannot make either, and says why
