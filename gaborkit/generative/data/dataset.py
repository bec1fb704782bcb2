"""Images and labels in memory, and which of them are held out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ...errors import DataError
from ...io.tables import counted
from ...notebook import Pixels, page, sheet
from .arrays import as_classes, as_conditions, as_pixels


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Images, and what they show.

    Attributes
    ----------
    images : uint8 Tensor (N, colours, h, w)
        1 colour is grey, 3 are red, green and blue. At least one image.
    labels : int64 Tensor (N,) or None
        Index of each image's class, where there are classes.
    conditions : float32 Tensor (N, D) or None
        A vector of each image, such as an embedding of its caption.

    Raises
    ------
    DataError
        If shapes or dtypes are others, or a condition is not finite.

    Examples
    --------
    >>> len(Split(torch.zeros(5, 1, 28, 28, dtype=torch.uint8), None))
    5
    """

    images: Tensor
    labels: Tensor | None
    conditions: Tensor | None = None

    def __repr__(self) -> str:
        kinds = "no labels" if self.labels is None else "labelled"
        length = length_of(self.conditions)
        kinds += f", conditions of length {length}" if length else ""
        return f"Split({len(self.images):,} images, {_times(self.images.shape[1:])}, {kinds})"

    def _repr_html_(self) -> str:
        return page(repr(self), first_images(self.images), "The first images", 2)

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if (
            images.dtype != torch.uint8
            or images.ndim != 4
            or images.shape[1] not in (1, 3)
            or images.numel() == 0
        ):
            raise DataError(
                f"images of shape {tuple(images.shape)} and {images.dtype} are no split; "
                "uint8 (N, 1 or 3, h, w) with N of 1 or more works"
            )
        if labels is not None and (labels.dtype != torch.int64 or labels.shape != images.shape[:1]):
            raise DataError(
                f"labels of shape {tuple(labels.shape)} and {labels.dtype} do not fit "
                f"{len(images)} images; int64 ({len(images)},) works"
            )
        vectors = self.conditions
        if vectors is not None and (
            vectors.dtype != torch.float32
            or vectors.ndim != 2
            or len(vectors) != len(images)
            or not vectors.shape[1]
            or not bool(vectors.isfinite().all())
        ):
            raise DataError(
                f"conditions of shape {tuple(vectors.shape)} and {vectors.dtype} do not fit "
                f"{len(images)} images; finite float32 ({len(images)}, D) works"
            )

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: Tensor) -> Split:
        """Images, labels and conditions at ``indices``, an int64 tensor, in that order."""
        images, *told = (
            None if values is None else values[indices]
            for values in (self.images, self.labels, self.conditions)
        )
        assert images is not None
        return Split(images, *told)


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Training, validation and test images of one shape.

    Attributes
    ----------
    name : str
        For logs and model cards. A folder's ends with ``/``.
    train, validation, test : Split
    class_names : tuple of str
        In the order of the labels; empty without labels.

    Raises
    ------
    DataError
        If the splits do not fit each other, or their labels the classes.

    Examples
    --------
    >>> from gaborkit.generative import load_dataset
    >>> load_dataset("mini").describe()
    'mini: 4,500 training, 500 validation and 1,000 test images, 1 x 28 x 28, 10 classes'
    """

    name: str
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Dataset({self.describe()})"

    def _repr_html_(self) -> str:
        return page(repr(self), first_images(self.train.images), "The first training images", 2)

    def __post_init__(self) -> None:
        twice = [name for name in self.class_names if self.class_names.count(name) > 1]
        if twice:
            raise DataError(
                f"{self.name}: two classes are called {twice[0]!r}; give each a name of its own"
            )
        for name in ("train", "validation", "test"):
            split: Split = getattr(self, name)
            if split.images.shape[1:] != self.train.images.shape[1:]:
                raise DataError(
                    f"{self.name}: {name} images are {_times(split.images.shape[1:])}, training "
                    f"images {_times(self.train.images.shape[1:])}; all must have one shape"
                )
            lengths = [length_of(some.conditions) for some in (split, self.train)]
            if lengths[0] != lengths[1]:
                raise DataError(
                    f"{self.name}: conditions of {name} images have length {lengths[0]}, of "
                    f"training images {lengths[1]}; all must have one length, 0 for none"
                )
            if (split.labels is None) != (not self.class_names):
                having = "no labels" if split.labels is None else "labels"
                names = counted(len(self.class_names), "class name")
                raise DataError(
                    f"{self.name}: {name} has {having}, with {names}; give labels and class names, "
                    "or neither"
                )
            if split.labels is not None:
                lowest, highest = int(split.labels.min()), int(split.labels.max())
                if lowest < 0 or highest >= len(self.class_names):
                    raise DataError(
                        f"{self.name}: {name} has labels from {lowest} to {highest}; "
                        f"0 to {len(self.class_names) - 1} name a class"
                    )

    @classmethod
    def from_arrays(
        cls,
        images: ArrayLike | Tensor,
        labels: ArrayLike | Tensor | None = None,
        *,
        name: str = "own",
        class_names: Sequence[str] | None = None,
        conditions: ArrayLike | Tensor | None = None,
        channel_axis: int | None = None,
        validation: float = 0.1,
        test: float = 0.1,
    ) -> Self:
        """Data set of images in memory; some are held out, of each class by its share.

        Which are held out depends on the number of images and on the labels alone.

        Parameters
        ----------
        images : array_like or tensor
            Grey (N, h, w), or with 1 or 3 colours along ``channel_axis``. uint8 as it is; bool and
            floats from 0 to 1 are multiplied by 255 and rounded, uint16 is divided by 257.
        labels : array_like or tensor (N,), optional
            Any integers or strings: each value is a class, in ascending order.
        name : str
            For logs and model cards.
        class_names : sequence of str, optional
            One for each value, in ascending order; by default the values themselves.
        conditions : array_like or tensor (N, D), optional
            A vector of floats for each image, such as an embedding of its caption; of those models
            that are conditioned on vectors, such as a ``stackgan``.
        channel_axis : int, optional
            Of the colours; by default the last of four axes, or the second of a tensor.
        validation, test : float
            Shares of the images that are held out, at least one image each.

        Raises
        ------
        DataError
            If shapes, values or shares do not fit.

        Examples
        --------
        >>> import numpy as np
        >>> images = np.random.default_rng(0).random((100, 16, 16))
        >>> data = Dataset.from_arrays(images, ["even", "odd"] * 50, name="noise")
        >>> data.describe()
        'noise: 80 training, 10 validation and 10 test images, 1 x 16 x 16, 2 classes'
        >>> data.class_names
        ('even', 'odd')
        """
        pixels = as_pixels(images, channel_axis)
        codes, names = as_classes(labels, class_names, len(pixels))
        shares = {"validation": validation, "test": test}
        for which, share in shares.items():
            if not (isinstance(share, (int, float)) and 0 < share < 1):
                raise DataError(
                    f"{which}={share!r} is no share of the images; give one such as 0.1"
                )
        counts = [max(1, round(share * len(pixels))) for share in shares.values()]
        if sum(counts) >= len(pixels):
            raise DataError(
                f"{len(pixels)} images leave none to train on where {counts[0]} are held out for "
                f"validation and {counts[1]} for the test; give more, or smaller shares"
            )
        vectors = None if conditions is None else as_conditions(conditions)
        rest, tested = hold_out(Split(pixels, codes, vectors), counts[1])
        train, validated = hold_out(rest, counts[0])
        return cls(name, train, validated, tested, names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Colours, height and width of every image."""
        colours, height, width = self.train.images.shape[1:]
        return colours, height, width

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of all that the splits hold; the same for the same splits."""
        total = hashlib.sha256()
        for split in (self.train, self.validation, self.test):
            for tensor in (split.images, split.labels, split.conditions):
                if tensor is not None:
                    # Without the shape, an image could move from one split to the next.
                    total.update(f"{tuple(tensor.shape)}".encode())
                    total.update(tensor.cpu().contiguous().numpy().data)
        return total.hexdigest()

    def check_digest(
        self, digest: object, name: str | None = None, remedy: str = "them as they were"
    ) -> None:
        """Refuse these images where a model was trained with others.

        Parameters
        ----------
        digest : str or None
            Of those; None, of the runs of early versions, passes.
        name : str, optional
            What the error calls these images.
        remedy : str
            What it asks for.

        Raises
        ------
        DataError
            If the digests differ.
        """
        if digest is not None and digest != self.digest():
            raise DataError(
                f"{name or self.name}: these are not the images that this model was trained with: "
                f"some were added, removed or changed; give {remedy}, or train anew"
            )

    def describe(self) -> str:
        """One line of text for logs."""
        count, length = len(self.class_names), length_of(self.train.conditions)
        classes = counted(count, "class", "classes") if count else "unlabelled"
        classes += f", conditions of length {length}" if length else ""
        return (
            f"{self.name}: {len(self.train):,} training, {len(self.validation):,} validation and "
            f"{counted(len(self.test), 'test image')}, {_times(self.image_shape)}, {classes}"
        )


def length_of(conditions: Tensor | None) -> int:
    """Of each of conditions (N, D); 0 where there are none."""
    return 0 if conditions is None else conditions.shape[1]


def check_dataset(dataset: object) -> Dataset:
    """The data set, if it is one.

    Raises
    ------
    DataError
        If it is something else, such as an array.
    """
    if not isinstance(dataset, Dataset):
        raise DataError(
            f"dataset is {type(dataset).__name__}, no Dataset; Dataset.from_arrays(images, labels) "
            "and load_dataset(folder) make one"
        )
    return dataset


def hold_out(split: Split, count: int) -> tuple[Split, Split]:
    """Split off ``count`` images, each class by its share; the others keep their order.

    The choice is always the same for the same labels: no image that one run was tested on is among
    those that another was trained on.

    Examples
    --------
    >>> images = torch.zeros(30, 1, 2, 2, dtype=torch.uint8)
    >>> training, held = hold_out(Split(images, torch.arange(30) % 3), 6)
    >>> len(training), held.labels.bincount().tolist()
    (24, [2, 2, 2])
    """
    rank, size, tie = _ranks(split.labels, len(split), seed=0)
    chosen = ((rank + tie) / size).argsort()[:count].sort().values
    rest = torch.ones(len(split), dtype=torch.bool)
    rest[chosen] = False
    return split.take(rest.nonzero()[:, 0]), split.take(chosen)


def balanced(split: Split, count: int, seed: int) -> Split:
    """``count`` images, as many of each class as the classes have, in a random order.

    Examples
    --------
    >>> images = torch.zeros(30, 1, 2, 2, dtype=torch.uint8)
    >>> balanced(Split(images, (torch.arange(30) > 9).long()), 4, seed=0).labels.bincount()
    tensor([2, 2])
    """
    rank, _, tie = _ranks(split.labels, len(split), seed)
    return split.take((rank + tie).argsort()[:count])


def _ranks(labels: Tensor | None, count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Each image's place in a random order of its class, the size of that, a number from 0 to 1."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(count, generator=generator)
    tie = torch.rand(count, dtype=torch.float64, generator=generator)
    labels = torch.zeros_like(order) if labels is None else labels
    rank, size = torch.empty_like(order), torch.empty_like(order)
    for label in labels.unique():
        members = order[labels[order] == label]
        rank[members], size[members] = torch.arange(len(members)), len(members)
    return rank, size, tie


def first_images(images: Tensor, count: int = 20) -> Pixels:
    """The first of images (N, colours, h, w), uint8, in rows of ten, for a notebook."""
    return sheet([image.permute(1, 2, 0).cpu().numpy() for image in images[:count]], 10)


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
