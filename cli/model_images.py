"""Images for a model from pictures and the test split, and images of a model into files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor

import gaborkit as gk
from gaborkit.generative.data import Dataset
from gaborkit.generative.data.dataset import balanced
from gaborkit.generative.data.folder import read_picture
from gaborkit.generative.data.resizing import coloured
from gaborkit.generative.image_model import ImageModel
from gaborkit.generative.montage import image_grid
from gaborkit.io.files import atomic_write

from .file_paths import paths
from .generating import Named, codes_of, dataset_of, origin_of

# ---- in ----


def pictures_of(
    model: ImageModel,
    sources: Sequence[str],
    count: int = 10,
    *,
    data: str | None = None,
    data_dir: str | None = None,
) -> tuple[Tensor, list[int | None]]:
    """Images for a model, uint8 (N, colours, h, w), and the class of each where it is known.

    Parameters
    ----------
    model : ImageModel
    sources : sequence of str
        Pictures, fitted as those were that the model was trained on, and numbers of test images.
        Without any, ``count`` test images are taken, as many of each class.
    count : int
    data, data_dir : str, optional
        See :func:`~.generating.dataset_of`.

    Raises
    ------
    click.UsageError
        If there is no test image of that number.
    DataError
        If a picture or the data set cannot be read.
    """
    if not sources:
        split = balanced(dataset_of(model, data, data_dir).test, count, seed=0)
        return split.images, [None] * len(split) if split.labels is None else split.labels.tolist()
    colours, height, width = model.representation.image_shape
    fit = origin_of(model).fit
    dataset: Dataset | None = None
    images: list[Tensor] = []
    labels: list[int | None] = []
    for source in sources:
        if source.isdecimal():
            dataset = dataset or dataset_of(model, data, data_dir)
            number, test = int(source), dataset.test
            if number >= len(test):
                raise click.UsageError(
                    f"{source}: the {len(test):,} test images have the numbers 0 to "
                    f"{len(test) - 1}; ./{source} is a file of that name"
                )
            images.append(test.images[number])
            labels.append(None if test.labels is None else int(test.labels[number]))
        else:
            image = read_picture(Path(source), (height, width), fit, colours == 3)
            images.append(coloured(image[None], colours == 3)[0])
            labels.append(None)
    return torch.stack(images), labels


def classes_of(
    model: ImageModel, known: Sequence[int | None], asked: Named | None
) -> list[int] | None:
    """Class of each image: what was asked for, else what is known; None for a model without.

    Raises
    ------
    click.UsageError
        If they do not fit the model or the images, or are needed and not there.
    """
    codes = codes_of(model, asked)
    if not model.model.classes:
        return None
    if codes is not None and asked is not None:
        if len(codes) not in (1, len(known)):
            raise click.UsageError(
                f"--classes {','.join(map(str, asked))}: {len(codes)} classes for {len(known)} "
                "pictures; give one, or one each"
            )
        return codes if len(codes) == len(known) else codes * len(known)
    labels = [label for label in known if label is not None]
    if len(labels) < len(known):
        raise click.UsageError(
            "this model is conditional and a picture does not say its class: give --classes, "
            "such as --classes 3"
        )
    return labels


# ---- out ----


def write_pairs(out: str, above: Tensor, below: Tensor, *, zoom: int, columns: int = 16) -> None:
    """Write images (N, colours, h, w) in [0, 1], each above another, in rows of pairs."""
    blank = torch.full_like(above[:1], 0.5)
    rows = []
    for start in range(0, len(above), columns):
        for images in (above, below):
            row = images[start : start + columns]
            missing = min(columns, len(above)) - len(row)
            rows += [row, blank.expand(missing, -1, -1, -1)]
    grid = image_grid(torch.cat(rows), columns=min(columns, len(above)), zoom=zoom)
    gk.write_image(out, grid)


def write_arrays(out: str, images: Tensor, labels: Sequence[int] | None) -> None:
    """Write images as they are, and their classes, into an npz file."""
    arrays: dict[str, Any] = {"images": images.numpy()}
    if labels is not None:
        arrays["classes"] = np.asarray(labels, np.int64)
    with atomic_write(out) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def check_unmixed(folder: Path) -> None:
    """Refuse a folder whose pictures would mix with those that are to be written.

    Raises
    ------
    PictureError
        If it holds any.
    """
    earlier = sorted(path.name for path in folder.glob("*.png"))
    if earlier:
        raise gk.PictureError(
            f"{folder}: holds {earlier[0]}{', ...' if len(earlier) > 1 else ''} already, which "
            "would mix with these pictures; give a new folder"
        )


def write_pictures(
    folder: Path, images: Tensor, labels: Sequence[int] | None, *, zoom: int = 1
) -> None:
    """Write a PNG for each image: ``07.png``, or ``07_class3.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    digits = len(str(len(images) - 1))
    kinds = [""] * len(images) if labels is None else [f"_class{label}" for label in labels]
    files = [folder / f"{k:0{digits}}{kind}.png" for k, kind in enumerate(kinds)]
    for file in files:
        paths().write(str(file), "--out")
    for file, image in zip(files, images, strict=True):
        gk.write_image(file, image_grid(image[None], columns=1, gap=0, zoom=zoom))
