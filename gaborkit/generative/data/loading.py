"""One function that loads any data set."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import torch

from ...errors import DataError
from ...io.files import StrPath
from ...whole_numbers import is_whole
from ..progress import Progress
from .dataset import Dataset, Split, balanced, hold_out
from .download import download
from .folder import SIZE, read_folder
from .idx import NAMES, find, read_split
from .resizing import Fit, coloured, fitted
from .stacking import stacked

MINI = Path(__file__).with_name("mini.npz")
"""5,000 training and 1,000 test digits of MNIST, chosen by benchmarks/make_mini.py."""


class Source(NamedTuple):
    """A data set of four IDX files: the name of its class in torchvision, and its classes."""

    title: str
    class_names: tuple[str, ...]


_CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip

SOURCES = {
    "mnist": Source("MNIST", tuple("0123456789")),
    "fashion": Source("FashionMNIST", _CLOTHES),
    "kmnist": Source("KMNIST", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")),
}

DATASETS = ("mini", "stacked", *SOURCES)
"""Names that `load_dataset` knows beside folders."""

# The test labels that MNIST starts with: other data sets have files of the same names.
_MNIST_STARTS = [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def load_dataset(
    name_or_folder: StrPath = "mini",
    *,
    data_dir: StrPath | None = None,
    size: int | None = None,
    fit: Fit = "crop",
    colour: bool | None = None,
    limit: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Dataset:
    """Load a data set into memory, as one uint8 tensor a split.

    The validation and test images are always the same; ``seed`` chooses among training images only.

    Parameters
    ----------
    name_or_folder : str or path
        ``mini``: 5,000 training and 1,000 test digits of MNIST that come with gaborkit; 500 of the
        5,000 are for validation. ``stacked``: 25,000 training, 1,000 validation and 5,000 test
        pictures of three of these digits, as red, green and blue, in 1,000 classes. ``mnist``,
        ``fashion`` (Fashion-MNIST), ``kmnist`` (Kuzushiji-MNIST): 60,000 and 10,000 images, 5,000
        of the 60,000 for validation. Or a folder of pictures, whose subfolders are the classes;
        a tenth is for validation, a tenth for the test, chosen by the content of each file, so that
        pictures which are added move no others, unless there are subfolders train, val and test,
        which are then these. A folder of one of these names is given as ``./mnist``.
    data_dir : path, optional
        Where the four IDX files of a data set are, in this folder or in ``MNIST/raw`` inside it
        as torchvision has them, gzip-compressed or not. Missing files are downloaded there. By
        default, the environment variable GABORKIT_DATA or a folder in the user's cache.
    size : int, optional
        Pixels a side; by default as stored, 28, and 28 for a folder of pictures.
    fit : str
        How a picture that is not square becomes so: ``crop`` takes its centre, ``stretch`` changes
        its proportions, ``pad`` adds black.
    colour : bool, optional
        Three colours (True) or luminance (False); by default as stored, where a folder is grey if
        all of its pictures are.
    limit : int, optional
        Keep at most this many training images, as many of each class.
    seed : int
        Of the choice that ``limit`` makes.
    progress : callable, optional
        Called with how much is done and how much there is in all: bytes of each file that is
        downloaded, or pictures of a folder.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If there is no such data set, a file cannot be downloaded, found or read, or an option is
        out of range.

    Examples
    --------
    >>> digits = load_dataset("mini", limit=100)
    >>> digits.train.images.shape, digits.train.labels.bincount().unique()
    (torch.Size([100, 1, 28, 28]), tensor([10]))
    """
    name = os.fspath(name_or_folder)
    if fit not in get_args(Fit):
        raise DataError(f"fit={fit!r} is unknown; choose {', '.join(get_args(Fit))}")
    for option, value in (("size", size), ("limit", limit)):
        if value is not None and not is_whole(value, 1):
            raise DataError(f"{option}={value!r} is no count; give 1 or more")
    if name not in DATASETS and not Path(name).is_dir():
        raise DataError(
            f"data {name!r} is neither {', '.join(DATASETS)} nor a folder"
            f"{', but a file' if Path(name).is_file() else ''}; "
            "give one of these names or a folder of pictures"
        )
    if name == "mini":
        dataset = _read_mini()
    elif name == "stacked":
        dataset = stacked(_read_mini())
    elif name in SOURCES:
        root = cache_folder() if data_dir is None else Path(data_dir).expanduser()
        dataset = _read_source(name, root, progress)
    else:
        # Pictures are brought to their size one by one, because they come in different ones.
        dataset = read_folder(Path(name), size or SIZE, fit, colour, progress)
    if limit is not None:
        dataset = replace(dataset, train=balanced(dataset.train, limit, seed))
    splits: dict[str, Any] = {}
    for part in ("train", "validation", "test"):
        split: Split = getattr(dataset, part)
        images = split.images if size is None else fitted(split.images, size, fit)
        images = images if colour is None else coloured(images, colour)
        splits[part] = replace(split, images=images.contiguous())
    return replace(dataset, **splits)


def check_there(name: str) -> None:
    """Refuse a folder of pictures that a model was trained on and that is there no more.

    Raises
    ------
    DataError
        If it is not.
    """
    if name not in DATASETS and not Path(name).is_dir():
        raise DataError(
            f"{name}: the pictures that this model was trained on are not there; give --data DIR "
            "(data=DIR) with the folder where they are by now"
        )


def cache_folder() -> Path:
    """Return where data sets are downloaded to: GABORKIT_DATA or a folder in the user's cache."""
    chosen = os.environ.get("GABORKIT_DATA")
    if chosen:
        return Path(chosen).expanduser()
    # The specification of XDG says to ignore relative paths.
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else Path.home() / ".cache") / "gaborkit"


def _read_mini() -> Dataset:
    try:
        # Opened here, because np.load leaves a damaged file open.
        with MINI.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            train, test = (
                Split(
                    torch.from_numpy(stored[f"{split}_images"])[:, None],
                    torch.from_numpy(stored[f"{split}_labels"]).long(),
                )
                for split in ("train", "test")
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as cause:
        raise DataError(
            f"{MINI}: missing or damaged, though it is a part of gaborkit; install gaborkit again"
        ) from cause
    train, validation = hold_out(train, len(train) // 10)
    return Dataset("mini", train, validation, test, SOURCES["mnist"].class_names)


def _read_source(name: str, root: Path, progress: Progress | None) -> Dataset:
    title, class_names = SOURCES[name]
    raw = root / title / "raw"
    remedy = f"--data-dir FOLDER with {_listed(NAMES)}, each .gz or not, or --data mini works"
    paths = [
        find(file, [raw, root]) or download(title, file, raw, remedy, progress) for file in NAMES
    ]
    train = read_split(paths[0], paths[1], len(class_names))
    test = read_split(paths[2], paths[3], len(class_names))
    starts = [] if test.labels is None else test.labels[:10].tolist()
    if title != "MNIST" and starts == _MNIST_STARTS:
        raise DataError(
            f"{paths[3]}: holds the labels of MNIST, not of {title}; "
            f"give --data-dir another folder, or --data mnist"
        )
    # 5,000 of 60,000.
    train, validation = hold_out(train, max(1, len(train) // 12))
    return Dataset(name, train, validation, test, class_names)


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}"
