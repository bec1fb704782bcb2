"""The folder of a trained classifier of pictures: JSON and arrays; nothing in it is executed.

=================== ============================================================================
``classifier.json`` descriptor, size, names of the features and classes, and what was measured
``arrays.npz``      what prepares the features, and the classifier's arrays, uncompressed
=================== ============================================================================

Reading believes nothing: a file that is missing, cut short, of another version or not what it says
is refused in one line, before memory is taken for what it claims to hold.
"""

from __future__ import annotations

import contextlib
import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import GaborkitError, StoreError
from ..features import Descriptor
from ..features.descriptors import from_dict, to_dict
from ..io import strict_json
from ..io.files import StrPath, atomic_writes
from ..io.locks import locked
from .picture_classifier import METHODS, PictureClassifier, Preparation, Trained

FORMAT = "gaborkit classifier"
VERSION = 2

#: Largest description that is read, bytes.
JSON_LIMIT = 64 * 1024**2

Arrays = dict[str, NDArray[Any]]


@contextlib.contextmanager
def claimed(folder: StrPath) -> Iterator[None]:
    """Make the folder of a classifier, and keep other processes out while the block trains it.

    Raises
    ------
    StoreError
        If it cannot be made, or another process is training there.
    """
    folder = Path(folder)
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise StoreError(f"{folder}: no such folder can be made ({cause.strerror})") from cause
    try:
        with locked(folder, StoreError, inside=True, doing="is being trained"):
            yield
    finally:
        if new:
            with contextlib.suppress(OSError):
                folder.rmdir()  # where nothing was written


def write_classifier(folder: StrPath, trained: Trained) -> None:
    """Write a trained classifier, in place of one that is there.

    Raises
    ------
    StoreError
        If the folder or a file cannot be written.
    """
    folder, model = Path(folder), trained.model
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise StoreError(f"{folder}: no such folder can be made ({cause.strerror})") from cause
    arrays = {name: getattr(model.preparation, name) for name in _preparing(model.method)}
    for name in METHODS[model.method].arrays:
        arrays[name.rstrip("_")] = np.asarray(getattr(model.classifier, name))
    confusion = trained.confusion
    description = {
        "format": FORMAT,
        "version": VERSION,
        **to_dict(model.descriptor),
        "size": model.size,
        "classifier": model.method,
        "classes": model.classes,
        "names": model.names,
        "dtypes": model.dtypes,
        "trained_on": dict(trained.counts),
        "cross_validation": None
        if confusion is None
        else {
            "folds": trained.folds,
            "accuracy": trained.accuracy,
            "confusion": confusion.tolist(),
        },
    }
    files = folder / "arrays.npz", folder / "classifier.json"
    with atomic_writes(*files, error=StoreError) as (numbers, text):
        np.savez(numbers, **arrays)
        text.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")


def read_classifier(folder: StrPath) -> PictureClassifier:
    """Read a classifier that :func:`write_classifier` wrote.

    Raises
    ------
    StoreError
        If there is none, or it is damaged.
    """
    folder = Path(folder)
    path = folder / "classifier.json"
    description = _description(path)
    descriptor = _descriptor(path, description)
    names, classes = (_texts(path, description, key) for key in ("names", "classes"))
    size, method = description.get("size"), description.get("classifier")
    if not isinstance(method, str) or method not in METHODS:
        raise StoreError(f"{path}: classifier {method!r:.60} is unknown; give an intact model")
    if not (size is None or (type(size) is int and 0 < size <= 2**14)):
        raise StoreError(f"{path}: size {size!r:.60} is no size of a picture; give an intact model")
    if len(classes) < 2:
        raise StoreError(f"{path}: names fewer than two classes; give an intact model")

    wanted, preparing = METHODS[method].arrays, _preparing(method)
    arrays = _arrays(folder / "arrays.npz", [*preparing, *(name.rstrip("_") for name in wanted)])
    _check_shapes(folder / "arrays.npz", arrays, method, len(classes), len(names))
    preparation = Preparation(**{name: arrays[name] for name in preparing})
    classifier: Any = METHODS[method].make()
    classifier.classes_ = np.array(classes)
    for name in wanted:
        array = arrays[name.rstrip("_")]
        setattr(classifier, name, array if array.ndim else float(array))
    classifier.n_features_in_ = _prepared(arrays, len(names))
    # An older model does not say them, and any picture is like those that it learned from.
    dtypes = _texts(path, {"dtypes": [], **description}, "dtypes")
    return PictureClassifier(descriptor, size, names, preparation, method, classifier, dtypes)


def _preparing(method: str) -> tuple[str, ...]:
    """Names of the arrays of a preparation."""
    return ("scale", "origin", "whitening") if METHODS[method].whitened else ("scale",)


def _prepared(arrays: Arrays, features: int) -> int:
    """Features that the classifier sees."""
    whitening = arrays.get("whitening", _NONE)
    return whitening.shape[1] if whitening.ndim == 2 else features


def _description(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise StoreError(f"{path}: does not exist; give the folder of a trained classifier")
    description = strict_json.read_object(path, StoreError, "give an intact model", JSON_LIMIT)
    if description.get("format") != FORMAT:
        raise StoreError(f"{path}: describes no classifier; give the folder of a trained one")
    if description.get("version") != VERSION:
        raise StoreError(
            f"{path}: is of version {description.get('version')!r:.60}, and this gaborkit reads "
            f"{VERSION}"
        )
    return description


def _descriptor(path: Path, description: Mapping[str, Any]) -> Descriptor:
    try:
        return from_dict({key: description.get(key) for key in ("descriptor", "parameters")})
    except (GaborkitError, TypeError) as cause:
        text = " ".join(str(cause).split())
        raise StoreError(f"{path}: its descriptor is damaged ({text:.200})") from cause


def _texts(path: Path, description: Mapping[str, Any], key: str) -> tuple[str, ...]:
    texts = description.get(key)
    if (
        not isinstance(texts, list)
        or not all(isinstance(text, str) for text in texts)
        or len(set(texts)) < len(texts)
    ):
        raise StoreError(f"{path}: its {key} are no list of different names; give an intact model")
    return tuple(texts)


def _arrays(path: Path, names: list[str]) -> Arrays:
    """Arrays of finite floats, of which none claims more than the file holds."""
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {}
            for name in names:
                entry = archive.getinfo(f"{name}.npy")
                if entry.compress_type != zipfile.ZIP_STORED:
                    raise StoreError(f"{path}: is compressed, which no model is")
                with archive.open(entry) as stream:
                    version = np.lib.format.read_magic(stream)
                    if version != (1, 0):
                        raise ValueError(f"{name} is an array of version {version}")
                    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
                    claimed = math.prod(shape) * dtype.itemsize
                    if dtype.kind != "f" or min(shape, default=1) < 0 or claimed > entry.file_size:
                        raise ValueError(f"{name} claims {shape} values of {dtype}")
                with archive.open(entry) as stream:
                    arrays[name] = np.lib.format.read_array(stream, allow_pickle=False)
                if not np.isfinite(arrays[name]).all():
                    raise ValueError(f"{name} holds values that are not finite")
            return arrays
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as cause:
        if isinstance(cause, StoreError):
            raise
        text = " ".join(str(cause).split())
        raise StoreError(f"{path}: is missing or damaged ({text:.120})") from cause


def _check_shapes(path: Path, arrays: Arrays, method: str, classes: int, features: int) -> None:
    """Raise StoreError unless the arrays fit the classes, the features and each other."""
    pairs = classes * (classes - 1) // 2
    rows = 1 if classes == 2 else classes
    several = len(arrays["support_vectors"]) if arrays.get("support_vectors", _NONE).ndim else 0
    components = arrays.get("components", _NONE)
    seen = _prepared(arrays, features)
    if not seen:
        raise StoreError(f"{path}: whitening leaves no features; give an intact model")
    wanted: dict[str, tuple[int, ...]] = {
        "scale": (features,),
        "origin": (features,),
        "whitening": (features, seen),
        "gamma": (),
        "support_vectors": (several, seen),
        "coefficients": (pairs, several),
        "intercepts": (pairs,),
        "means": (classes, seen),
        "components": (classes, components.shape[1] if components.ndim == 3 else 0, seen),
        "coef": (rows, seen),
        "intercept": (rows,),
    }
    for name, array in arrays.items():
        if array.shape != wanted[name]:
            raise StoreError(
                f"{path}: {name} is of shape {array.shape}, which does not fit {classes} classes "
                f"and {features} features; give an intact model"
            )


_NONE = np.zeros(())
