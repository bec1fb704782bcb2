"""The folder of a trained model: JSON, one safetensors file, a model card; nothing is executed.

========================= ==============================================================
``config.json``           name and configuration of the model, its classes, provenance
``representation.json``   how images become features and back
``model.safetensors``     weights and buffers
``metrics.json``          what has been measured
``README.md``             the model card
``codes/``                of a prior over codes: the model that they are of, a folder like this one
========================= ==============================================================

Reading believes nothing: a file that is missing, cut short, of another version or simply not what
it says is refused in one line, before memory is taken for what it claims to hold.
"""

from __future__ import annotations

import json
import math
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from ..errors import GaborkitError, StoreError
from ..io.files import StrPath, as_text, atomic_write, atomic_writes
from .card import card
from .configuration import from_dict, to_dict
from .image_codes import Codes
from .models import MODELS
from .models.coder import Coder
from .models.model import Model
from .representation import Representation, representation_from_dict
from .space import Space
from .strict import Shapes, at_most, opened, read_json, shapes_of

FORMAT = "gaborkit model"
VERSION = 1
#: What ``config.json`` begins with.
HEAD: Mapping[str, Any] = {"format": FORMAT, "version": VERSION}

#: Folder of the model whose codes another is a prior over.
CODER = "codes"

#: Most values in the kernels of a frame that a description may ask for: 2 GiB of complex64.
FRAME_LIMIT = 2**28

# ---- writing ----


def write_config(folder: Path, description: Mapping[str, Any]) -> None:
    """Write ``config.json``: ``model``, ``config``, ``classes`` and ``provenance``."""
    _write_json(folder / "config.json", {**HEAD, **description})


def write_representation(folder: Path, representation: Representation) -> None:
    """Write ``representation.json``, and the model that codes are of."""
    _write_coder(folder, representation)
    _write_json(folder / "representation.json", representation.to_dict())


def write_model(
    folder: StrPath,
    model: Model,
    representation: Representation,
    provenance: Mapping[str, Any],
    metrics: Mapping[str, Any],
) -> None:
    """Write a model folder; ``config.json`` comes last, so that it stands for the whole.

    Raises
    ------
    StoreError
        If the folder or a file cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise StoreError(f"{folder}: no such folder can be made ({cause.strerror})") from cause
    _write_coder(folder, representation)
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    # What was measured of an earlier model is not true of this one.
    descriptions = {
        folder / "representation.json": representation.to_dict(),
        folder / "metrics.json": metrics,
        folder / "config.json": {**HEAD, **describe(model, provenance)},
    }
    texts = [_json(path, data) for path, data in descriptions.items()]
    targets = [_target(path) for path in (folder / "model.safetensors", *descriptions)]
    with atomic_writes(*targets, error=StoreError) as (weights, *files):
        # `save_file` would put another file of another mode in the place of the temporary one.
        weights.write_bytes(save(tensors, {"format": "pt"}))
        for file, text in zip(files, texts, strict=True):
            file.write_text(text, encoding="utf-8")
    write_metrics(folder, {})


def _write_coder(folder: Path, representation: Representation) -> None:
    if isinstance(representation, Codes):
        provenance = dict(representation.provenance)
        metrics = provenance.pop("metrics", {})
        coder, seen = representation.coder, representation.seen
        write_model(_target(folder / CODER), coder, seen, provenance, metrics)


def describe(model: Model, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What ``config.json`` says of a model."""
    return {
        "model": model.name,
        "config": to_dict(model.config),
        "classes": model.classes,
        "provenance": dict(provenance),
    }


def write_metrics(folder: StrPath, metrics: Mapping[str, Any]) -> None:
    """Write ``metrics.json``, keeping other entries that are there, and the model card anew.

    Entries that cannot be read are replaced.

    Raises
    ------
    StoreError
        If the folder holds no model, a figure is not finite, or a file cannot be written.
    """
    folder = Path(folder)
    described = read_config(folder)
    merged = {**_metrics_if_intact(folder), **metrics}
    _write_json(folder / "metrics.json", merged)
    grid = (folder / "samples.png").is_file()
    text = as_text(card(described, merged, grid, drawing_call(described)))
    with atomic_write(_target(folder / "README.md"), StoreError) as temporary:
        temporary.write_text(text, encoding="utf-8")


def drawing_call(described: Mapping[str, Any]) -> str:
    """What gives images of a model that ``config.json`` describes."""
    return "upscale(pictures)" if MODELS[described["model"]].takes_pictures else "sample(16)"


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    text = _json(path, data)
    with atomic_write(_target(path), StoreError) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _json(path: Path, data: Mapping[str, Any]) -> str:
    try:
        # What is not finite is no JSON, and could not be read again.
        return json.dumps(data, indent=2, allow_nan=False) + "\n"
    except ValueError as cause:
        raise StoreError(
            f"{path}: a value of it is not finite, so that it is not written"
        ) from cause


def _target(path: Path) -> Path:
    # A folder from elsewhere may hold links, and writing follows them.
    if path.is_symlink():
        raise StoreError(f"{path}: is a symbolic link, which is not written through; remove it")
    return path


# ---- reading ----


def read_model(folder: StrPath) -> tuple[Model, Representation, dict[str, Any]]:
    """Model on the CPU, representation and provenance, from a folder.

    Raises
    ------
    StoreError
        If a file is missing, damaged, hostile, or of a version that this gaborkit does not know.
    """
    folder = Path(folder)
    described = read_config(folder)
    path = folder / "model.safetensors"
    if not os.path.lexists(path) and (folder / "checkpoints").is_dir():
        raise StoreError(
            f"{folder}: is not trained to its end; go on with: "
            f"gaborkit train --resume {shlex.quote(str(folder))}"
        )
    representation = read_representation(folder)
    with opened(path) as file:
        model = build(folder, described, representation.space, shapes_of(path, file))
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise StoreError(f"{path}: {name} holds values that are not finite")
    model.load_state_dict(tensors)
    return (
        model.eval(),
        representation,
        {**described["provenance"], "metrics": _metrics_if_intact(folder)},
    )


def read_config(folder: StrPath) -> dict[str, Any]:
    """What :func:`write_config` wrote, its entries of the right types.

    Raises
    ------
    StoreError
        If ``config.json`` is missing, damaged, or of another format, version or model.
    """
    path = Path(folder) / "config.json"
    data = read_json(path)
    if data.pop("format", None) != FORMAT:
        raise StoreError(f"{path}: is no description of a gaborkit model")
    version = data.pop("version", None)
    if version != VERSION:
        raise StoreError(
            f"{path}: is of version {version!r:.20}, and this gaborkit reads version {VERSION}; "
            "install the gaborkit that wrote it"
        )
    wanted = {"model": str, "config": dict, "classes": int, "provenance": dict}
    for name, kind in wanted.items():
        if not isinstance(data.get(name), kind) or isinstance(data[name], bool):
            raise StoreError(f"{path}: {name}={data.get(name)!r:.60} is not {kind.__name__}")
    names, classes = data["provenance"].get("class_names", []), data["classes"]
    if (
        not isinstance(names, list)
        or not all(isinstance(name, str) for name in names)
        or (classes and names and len(names) != classes)
    ):
        raise StoreError(f"{path}: class_names={names!r:.60} are not names of {classes} classes")
    if data["model"] not in MODELS:
        raise StoreError(
            f"{path}: model={data['model']!r:.60} is unknown; known are {', '.join(MODELS)}; "
            "import the module that registers it first (in commands: --import MODULE)"
        )
    return data


def read_representation(folder: StrPath) -> Representation:
    """Fitted representation.

    Raises
    ------
    StoreError
        If ``representation.json`` is missing, damaged, or asks for absurdly large images.
    """
    path = Path(folder) / "representation.json"
    data = read_json(path)
    shape = data.get("image_shape")
    if not (
        isinstance(shape, list)
        and len(shape) == 3
        and all(type(side) is int and 0 < side < 2**20 for side in shape)
    ):
        raise StoreError(f"{path}: image_shape={shape!r:.60} is not three counts")
    bank = data.get("bank", {})
    kernels = bank.get("kernels", ()) if isinstance(bank, dict) else ()
    values = math.prod(shape) * (1 + (len(kernels) if isinstance(kernels, list) else 0))
    if values > FRAME_LIMIT:
        raise StoreError(f"{path}: image_shape={shape} is beyond what a model of images can be")
    if data.get("name") == Codes.name:
        codes = read_codes(Path(folder) / CODER)
        if codes.to_dict() != data:
            raise StoreError(
                f"{path}: names other codes than those of the model in {CODER}/; put back what "
                "was stored with it"
            )
        return codes
    try:
        return representation_from_dict(data)
    except GaborkitError as problem:
        raise StoreError(f"{path}: {problem}") from problem


def read_codes(folder: StrPath) -> Codes:
    """The codes of a trained model, such as a VQ-VAE, from its folder.

    Raises
    ------
    StoreError
        If it is missing or damaged, or the model has no codes.
    """
    name = read_config(folder)["model"]
    if not issubclass(MODELS[name], Coder):
        coders = ", ".join(name for name, kind in MODELS.items() if issubclass(kind, Coder))
        raise StoreError(
            f"{folder}: holds a {name}, which has no codes; give the folder of a trained {coders}"
        )
    model, seen, provenance = read_model(folder)
    assert isinstance(model, Coder)
    return Codes(model, seen, provenance)


def read_metrics(folder: StrPath) -> dict[str, Any]:
    """What ``metrics.json`` says; empty where there is none yet.

    Raises
    ------
    StoreError
        If it is damaged.
    """
    path = Path(folder) / "metrics.json"
    return read_json(path) if os.path.lexists(path) else {}


def _metrics_if_intact(folder: Path) -> dict[str, Any]:
    """As :func:`read_metrics`; a model is none the worse for figures that are lost."""
    try:
        return read_metrics(folder)
    except StoreError:
        return {}


def build(
    folder: Path,
    described: Mapping[str, Any],
    space: Space,
    shapes: Shapes | None = None,
) -> Model:
    """Model that ``config.json`` describes, its weights at random.

    Parameters
    ----------
    folder : pathlib.Path
        For the message of errors.
    described : mapping
        From :func:`read_config`.
    space : Space
    shapes : mapping, optional
        Type and shape of the tensors that it must have. They are compared with those of a model
        without memory first.

    Raises
    ------
    StoreError
        If the configuration is out of range, or tensors are missing, unexpected or of another
        shape.
    """
    path = folder / "config.json"
    kind = MODELS[described["model"]]
    try:
        config: Any = from_dict(kind.Config, described["config"], f"{path}: config", StoreError)
        if shapes is not None:
            with torch.device("meta"), at_most(4 * len(shapes) + 1000):
                empty = kind(config, space, described["classes"])
            _compare(folder / "model.safetensors", empty, shapes)
        with torch.random.fork_rng(devices=[]):
            return kind(config, space, described["classes"])
    except StoreError:
        raise
    except (GaborkitError, RuntimeError, TypeError, OverflowError, MemoryError) as problem:
        text = " ".join(str(problem).split())
        raise StoreError(f"{path}: no model can be built from it: {text:.200}") from problem


def _compare(path: Path, empty: Model, shapes: Shapes) -> None:
    wanted = {name: (t.dtype, tuple(t.shape)) for name, t in empty.state_dict().items()}
    for problem, names in (
        ("is missing", sorted(set(wanted) - set(shapes))),
        ("is not part of the model", sorted(set(shapes) - set(wanted))),
    ):
        if names:
            more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
            raise StoreError(
                f"{path}: tensor {names[0]:.60}{more} {problem} that config.json names; what "
                "another version of gaborkit wrote has to be trained anew"
            )
    for name, (dtype, shape) in wanted.items():
        if shapes[name] != (dtype, shape):
            stored = shapes[name]
            raise StoreError(
                f"{path}: tensor {name} is {stored[0]} {stored[1]}; "
                f"config.json says {dtype} {shape}"
            )
