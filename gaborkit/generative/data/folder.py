"""A folder of pictures as a data set; its subfolders, if any, are the classes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...errors import DataError, FolderWarning, PictureError, warn
from ...io.images import luminance, read_image
from ...io.pictures.folders import warn_of_others
from ...io.pictures.formats import FORMATS, suffix_of
from ..progress import Progress
from .dataset import Dataset, Split
from .idx import NAMES, find
from .resizing import Fit, fitted

SUFFIXES = tuple(suffix for suffix in FORMATS if suffix not in (".npy", ".npz"))
"""Files that are read; a warning names others."""

SIZE = 28
"""Pixels a side unless asked otherwise: those of MNIST, which the models' presets were made for."""

_SPLITS = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
"""What folders of splits are called."""


class Listing(NamedTuple):
    """Pictures of a folder.

    Attributes
    ----------
    paths : list of Path
    labels : int64 Tensor (N,) or None
    class_names : tuple of str
        Of the labels; empty without any.
    """

    paths: list[Path]
    labels: Tensor | None
    class_names: tuple[str, ...]


def read_folder(
    folder: Path, size: int, fit: Fit, colour: bool | None, progress: Progress | None = None
) -> Dataset:
    """Read every picture of a folder; hold out a tenth for validation and a tenth for the test.

    Subfolders that are all named as splits (train, training, val, valid, validation, test, testing)
    are these, and what is missing of validation and test is held out of the training pictures.

    The content of a file decides where it goes: a picture that is added moves no other from one
    split to another, and copies of a picture stay together. (Where no picture is for the test, or
    none for validation, one is taken that another may replace; so it is with a few pictures.)

    Parameters
    ----------
    folder : Path
        Holds pictures, which are then unlabelled, or subfolders, one a class, whose pictures
        may lie deeper. Hidden files are passed over, other formats with a warning.
    size, fit :
        See `resizing.fitted`.
    colour : bool or None
        Three colours, or the luminance; None: the luminance if all pictures are grey.
    progress : callable, optional
        Called with the pictures that are read and those that there are.

    Raises
    ------
    DataError
        If there are fewer than three pictures, one cannot be read, or what the classes are is
        not clear.
    """
    name = f"{folder.resolve().name}/"
    listings = _listings(folder)
    whole = listings["train"]
    read = partial(_read_all, size=size, fit=fit, colour=colour, progress=progress)
    together, places = read([path for listing in listings.values() for path in listing.paths])
    splits, start = {}, 0
    for split, listing in listings.items():
        stop = start + len(listing.paths)
        splits[split] = Split(together[start:stop], listing.labels)
        start = stop
    parts = _parts(
        places[: len(whole.paths)], [s for s in ("test", "validation") if s not in splits]
    )
    held = {split: splits["train"].take(indices) for split, indices in parts.items()}
    return Dataset(name, class_names=whole.class_names, **{**splits, **held})


def _read_all(
    paths: list[Path], size: int, fit: Fit, colour: bool | None, progress: Progress | None
) -> tuple[Tensor, list[float]]:
    """Images (N, colours, size, size) of one number of colours, and the place of each."""
    images, places = [], []
    read = partial(read_picture, size=size, fit=fit, colour=colour)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for image, hashed in pool.map(lambda path: (read(path), _place(path)), paths):
            images.append(image)
            places.append(hashed)
            if progress is not None:
                progress(len(images), len(paths))
    colours = 3 if colour else max(len(image) for image in images)
    return torch.stack([image.expand(colours, -1, -1) for image in images]), places


def _place(path: Path) -> float:
    """Number from 0 to 1 that the content of a file has for good."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _parts(places: list[float], purposes: Sequence[str]) -> dict[str, Tensor]:
    """Indices for each purpose, a tenth from the lowest place on, and of the rest for training.

    Examples
    --------
    >>> _parts([0.5, 0.19, 0.04, 0.9, 0.07], ["test", "validation"])
    {'test': tensor([2, 4]), 'validation': tensor([1]), 'train': tensor([0, 3])}
    >>> _parts([0.9, 0.4, 0.5], ["test", "validation"])
    {'test': tensor([1]), 'validation': tensor([2]), 'train': tensor([0])}
    >>> _parts([0.9, 0.4, 0.5], [])
    {'train': tensor([0, 1, 2])}
    """
    order = torch.tensor(places, dtype=torch.float64).argsort(stable=True)
    parts, start = {}, 0
    for number, purpose in enumerate(purposes, start=1):
        below = sum(hashed < 0.1 * number for hashed in places)
        # At least one for each purpose, and for training.
        stop = min(max(below, start + 1), len(places) - 1 - (len(purposes) - number))
        parts[purpose], start = order[start:stop].sort().values, stop
    return {**parts, "train": order[start:].sort().values}


def _listings(folder: Path) -> dict[str, Listing]:
    """Pictures of each split that has a folder of its own; all are ``train`` where none has.

    Raises
    ------
    DataError
        If there are too few pictures, splits without one to train on, or classes that only a split
        for validation or the test has.
    """
    try:
        inside = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as cause:
        raise DataError(f"{folder}: cannot be read ({cause.strerror or cause})") from cause
    folders = [path for path in inside if path.is_dir()]
    places = {path: _SPLITS[name] for path in folders if (name := path.name.lower()) in _SPLITS}
    others = sorted(path.name for path in folders if path not in places and _inside(path))
    if not places or any(map(_is_picture, inside)):
        return {"train": _pictures(folder, least=3)}
    if others:
        if "train" not in places.values() or len(set(places.values())) == 1:
            return {"train": _pictures(folder, least=3)}  # a class that is called test, or train
        raise DataError(
            f"{folder}: has the splits {', '.join(sorted(path.name for path in places))} beside "
            f"{', '.join(others[:5])}; move these elsewhere, or rename those that are no splits"
        )
    for path in folders:
        if path not in places:
            _warn(folder, path.rglob("*"))
    names = ", ".join(sorted(path.name for path in places))
    if len(set(places.values())) < len(places):
        raise DataError(f"{folder}: of {names}, two are the same split; put them together")
    if "train" not in places.values():
        raise DataError(f"{folder}: {names} are splits, without one to train on; name it train")
    needed = 4 - len(places)  # of training pictures: what is missing is held out of them
    listings = {
        str(split): _pictures(path, least=needed if split == "train" else 1)
        for path, split in places.items()
    }
    known = listings["train"].class_names
    for path, split in places.items():
        listing = listings[str(split)]
        unknown = sorted(set(listing.class_names) - set(known))
        if unknown or bool(listing.class_names) != bool(known):
            raise DataError(
                f"{path}: has {f'class {unknown[0]}' if unknown else 'no classes'}, and the "
                f"training pictures have {', '.join(known[:10]) or 'none'}; they must be the same"
            )
        if listing.labels is not None:
            code = torch.tensor([known.index(name) for name in listing.class_names])
            listings[str(split)] = Listing(listing.paths, code[listing.labels], known)
    return {
        split: listings[split] for split in ("train", "validation", "test") if split in listings
    }


def _pictures(folder: Path, least: int) -> Listing:
    """Pictures of a folder, or of its subfolders, which are then their classes."""
    try:
        inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        loose = [path for path in inside if _is_picture(path)]
        classes = {path.name: _inside(path) for path in inside if path.is_dir()}
    except OSError as cause:
        raise DataError(f"{folder}: cannot be read ({cause.strerror or cause})") from cause
    empty = [name for name, paths in classes.items() if not paths]
    classes = {name: paths for name, paths in classes.items() if paths}
    if loose and classes:
        raise DataError(
            f"{folder}: has pictures ({loose[0].name}, ...) beside subfolders of pictures "
            f"({next(iter(classes))}, ...); put all in subfolders, which are the classes, or none"
        )
    paths = loose or [path for members in classes.values() for path in members]
    if len(paths) < least:
        counted = "one picture" if len(paths) == 1 else f"{len(paths) or 'no'} pictures"
        number = {1: "one", 2: "two"}.get(least, "three")
        remedy = f"{number} or more of {', '.join(SUFFIXES)} work"
        if find(NAMES[0], [folder]):
            remedy = f"for the IDX files in it, give --data mnist --data-dir {folder}"
        elif (
            least == 1
            and folder.name.lower() in _SPLITS
            and _SPLITS[folder.name.lower()] != "train"
        ):
            remedy += ", or remove the folder: then some training pictures are held out instead"
        raise DataError(f"{folder}: has {counted}; {remedy}")
    _warn(
        folder,
        (path for folder_inside in inside for path in (folder_inside, *folder_inside.rglob("*"))),
    )
    if loose:
        return Listing(paths, None, ())
    if empty:
        what = "hold no picture and are no classes" if empty[1:] else "holds no picture: no class"
        warn(f"{folder}: {', '.join(empty[:5])} {what}", FolderWarning)
    counts = torch.tensor([len(members) for members in classes.values()])
    labels = torch.arange(len(counts)).repeat_interleave(counts)
    return Listing(paths, labels, tuple(classes))


def _inside(folder: Path) -> list[Path]:
    """Pictures at any depth, but for those in hidden folders, in the order of their names."""
    deeper = (path for path in folder.rglob("*") if _is_picture(path))
    parts = ((path, path.relative_to(folder).parts[:-1]) for path in deeper)
    return sorted(path for path, above in parts if not any(part[0] == "." for part in above))


def _warn(folder: Path, paths: Iterable[Path]) -> None:
    """Say which files are no pictures."""
    files = (path for path in paths if path.is_file() and not _is_picture(path))
    warn_of_others(folder, files, SUFFIXES)


def _is_picture(path: Path) -> bool:
    return suffix_of(path) in SUFFIXES and not path.name.startswith(".") and not path.is_dir()


def read_picture(
    path: Path, size: int | tuple[int, int] | None, fit: Fit, colour: bool | None
) -> Tensor:
    """Read one picture, uint8 (1 or 3, h, w): grey where it is, or if ``colour`` is False.

    It keeps its size where none is given.

    Opacity is ignored. 16-bit values are divided by 257, floats from 0 to 1 multiplied by 255.

    Raises
    ------
    DataError
        If the picture cannot be read, has several pages, or values of no known range.
    """
    try:
        stored = read_image(path)
    except PictureError as problem:
        raise DataError(str(problem)) from problem
    if stored.ndim > 3 or (stored.ndim == 3 and stored.shape[-1] > 4):
        raise DataError(
            f"{path}: has several pages (shape {stored.shape}); one picture a file works"
        )
    pixels = _bytes_range(path, stored).reshape(*stored.shape[:2], -1)[..., :3]
    if pixels.shape[-1] < 3 or (pixels == pixels[..., :1]).all():
        pixels = pixels[..., :1]
    elif colour is False:
        pixels = luminance(pixels)[..., None]
    # (h, w, colours) -> (colours, h, w)
    image = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
    height, width = image.shape[1:]
    return fitted(image[None], size or (height, width), fit)[0]


def _bytes_range(path: Path, stored: np.ndarray) -> np.ndarray:
    """Values from 0 to 255, uint8 or float32."""
    if stored.dtype == np.uint8:
        return stored
    if stored.dtype == np.uint16:
        return stored.astype(np.float32) / 257
    low, high = stored.min(), stored.max()
    if not np.isfinite([low, high]).all():
        raise DataError(f"{path}: holds NaN or infinity; floats from 0 to 1 work")
    if stored.dtype.kind in "fb" and low >= 0 and high <= 1:
        return stored.astype(np.float32) * 255
    raise DataError(
        f"{path}: holds {stored.dtype} from {low} to {high}; "
        "uint8, uint16 and floats from 0 to 1 work"
    )
