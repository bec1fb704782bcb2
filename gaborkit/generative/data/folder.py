"""A folder of pictures as a data set; its subfolders, if any, are the classes."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...errors import DataError, PictureError
from ...images import FORMATS, luminance, read_image
from ...pictures.folders import warn_of_others
from ..progress import Progress
from .dataset import Dataset, Split
from .idx import NAMES, find
from .resizing import Fit, fitted

SUFFIXES = tuple(suffix for suffix in FORMATS if suffix not in (".npy", ".npz"))
"""Files that are read; a warning names others."""

SIZE = 28
"""Pixels a side unless asked otherwise: those of MNIST, which the models' presets were made for."""

_SPLITS = {"train", "training", "val", "valid", "validation", "test"}


def read_folder(
    folder: Path, size: int, fit: Fit, colour: bool | None, progress: Progress | None = None
) -> Dataset:
    """Read every picture of a folder; hold out a tenth for validation and a tenth for the test.

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
    paths, labels, names = _pictures(folder)
    images, places = [], []
    read = partial(read_picture, size=size, fit=fit, colour=colour)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for image, place in pool.map(lambda path: (read(path), _place(path)), paths):
            images.append(image)
            places.append(place)
            if progress is not None:
                progress(len(images), len(paths))
    colours = 3 if colour else max(len(image) for image in images)
    together = torch.stack([image.expand(colours, -1, -1) for image in images])
    train, validation, test = map(Split(together, labels).take, _parts(places))
    return Dataset(f"{folder.resolve().name}/", train, validation, test, names)


def _place(path: Path) -> float:
    """Number from 0 to 1 that the content of a file has for good."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _parts(places: list[float]) -> tuple[Tensor, Tensor, Tensor]:
    """Indices for training, validation and test: the lowest tenth is the test, then validation.

    Examples
    --------
    >>> _parts([0.5, 0.19, 0.04, 0.9, 0.07])
    (tensor([0, 3]), tensor([1]), tensor([2, 4]))
    >>> _parts([0.9, 0.4, 0.5])
    (tensor([0]), tensor([2]), tensor([1]))
    """
    order = torch.tensor(places, dtype=torch.float64).argsort(stable=True)
    # At least one for each purpose.
    test = min(max(sum(place < 0.1 for place in places), 1), len(places) - 2)
    held = min(max(sum(place < 0.2 for place in places), test + 1), len(places) - 1)
    train, validation, tested = order[held:], order[test:held], order[:test]
    return train.sort().values, validation.sort().values, tested.sort().values


def _pictures(folder: Path) -> tuple[list[Path], Tensor | None, tuple[str, ...]]:
    """Paths, labels and names of the classes."""
    try:
        inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        loose = [path for path in inside if _is_picture(path)]
        classes = {
            path.name: sorted(deeper for deeper in path.rglob("*") if _is_picture(deeper))
            for path in inside
            if path.is_dir()
        }
    except OSError as cause:
        raise DataError(f"{folder}: cannot be read ({cause.strerror or cause})") from cause
    classes = {name: paths for name, paths in classes.items() if paths}
    if loose and classes:
        raise DataError(
            f"{folder}: has pictures ({loose[0].name}, ...) beside subfolders of pictures "
            f"({next(iter(classes))}, ...); put all in subfolders, which are the classes, or none"
        )
    if len(classes) > 1 and _SPLITS.issuperset(map(str.lower, classes)):
        raise DataError(
            f"{folder}: {', '.join(classes)} are splits, not classes; give one of them, such as "
            f"{folder / next(iter(classes))}, and a tenth of it is held out for each purpose"
        )
    paths = loose or [path for members in classes.values() for path in members]
    if len(paths) < 3:
        found = "one picture" if len(paths) == 1 else f"{len(paths) or 'no'} pictures"
        remedy = f"three or more of {', '.join(SUFFIXES)} work"
        if find(NAMES[0], [folder]):
            remedy = f"for the IDX files in it, give --data mnist --data-dir {folder}"
        raise DataError(f"{folder}: has {found}; {remedy}")
    files = (path for place in inside for path in (place, *place.rglob("*")) if path.is_file())
    warn_of_others(folder, (path for path in files if not _is_picture(path)), SUFFIXES)
    if loose:
        return paths, None, ()
    counts = torch.tensor([len(members) for members in classes.values()])
    return paths, torch.arange(len(counts)).repeat_interleave(counts), tuple(classes)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and not path.is_dir()


def read_picture(path: Path, size: int, fit: Fit, colour: bool | None) -> Tensor:
    """Read one picture, uint8 (1 or 3, size, size): grey where it is, or if ``colour`` is False.

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
    return fitted(image[None], size, fit)[0]


def _bytes_range(path: Path, stored: np.ndarray) -> np.ndarray:
    """Values from 0 to 255, uint8 or float32."""
    if stored.dtype == np.uint8:
        return stored
    if stored.dtype == np.uint16:
        return stored.astype(np.float32) / 257
    low, high = stored.min(), stored.max()
    if stored.dtype.kind in "fb" and low >= 0 and high <= 1:
        return stored.astype(np.float32) * 255
    raise DataError(
        f"{path}: holds {stored.dtype} from {low} to {high}; "
        "uint8, uint16 and floats from 0 to 1 work"
    )
