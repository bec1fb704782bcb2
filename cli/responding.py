"""Filter one picture and write what a file of its format can hold."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import gaborkit as gk
from gaborkit.filtering.backend import NumpyLibrary
from gaborkit.filtering.regions import is_inside
from gaborkit.io.files import atomic_write
from gaborkit.io.spacing import measured_spacing
from gaborkit.types import Boundary, Engine, Part

from .jobs import STACKS, PictureFiles
from .options.path_arguments import ARRAYS
from .quantization import quantize


@dataclass(frozen=True)
class Settings:
    """How to filter, and what to write.

    Attributes
    ----------
    part : {"real", "imag", "magnitude", "energy", "phase", "complex"}
    boundary, engine, tolerance
        As in :meth:`gaborkit.GaborBank.filter`.
    colour : {"luminance", "channels"}
        What is filtered of a colour picture.
    bits : {8, 16}
        Of a PNG.
    limits : (float, float), optional
        Values at the ends of the 8 or 16 bits.
    memory : int, optional
        Bytes beyond which a picture is filtered in tiles; half of what is available if None.
    resume : bool
        Go on with tiles that an earlier run has left.
    outside : str, optional
        What is done about pixels outside of masks.
    """

    part: Part
    boundary: Boundary
    engine: Engine
    tolerance: float
    colour: str
    bits: int
    limits: tuple[float, float] | None
    memory: int | None = None
    resume: bool = False
    outside: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """Keywords of :meth:`gaborkit.GaborBank.filter`."""
        return {name: getattr(self, name) for name in ("part", "boundary", "engine", "tolerance")}

    def describe(
        self, job: PictureFiles, colour: str, shape: tuple[int, ...], bank: gk.GaborBank
    ) -> dict[str, Any]:
        """What was done, to be written beside the responses."""
        return {
            "gaborkit": gk.__version__,
            "input": job.source,
            "colour": colour,
            "shape": shape,
            "labels": bank.labels,
            "bank": bank.to_dict(),
            **self.options,
            **({"mask": job.mask, "outside": self.outside or "nearest"} if job.mask else {}),
        }


def filter_picture(job: PictureFiles, bank: gk.GaborBank, settings: Settings) -> dict[str, Any]:
    """Filter a picture with a bank and write its files, a description beside each.

    Returns
    -------
    dict
        What the last file's description says.

    Raises
    ------
    GaborkitError
        If the picture cannot be read or filtered, or a file cannot be written.
    """
    image, colour = filterable(gk.read_image(job.source), settings.colour)
    description: dict[str, Any] = {}
    # No other format holds the size of pixels, for which the picture is opened once more.
    sized = job.targets[0].suffix.lower() in (".tif", ".tiff")
    spacing = measured_spacing(job.source) if sized else None
    with about(job.source):
        responses = _responses(bank, image, job, settings)
        for target, (kernels, values) in zip(job.targets, responses, strict=True):
            description = settings.describe(job, colour, values.shape, kernels)
            suffix = target.suffix.lower()
            if suffix not in ARRAYS and colour == "channels":
                values = np.moveaxis(values, 0, -1)
            if suffix not in STACKS:
                values, mapping = quantize(values, settings.part, settings.bits, settings.limits)
                description["mapping"] = {"value": "offset + gain * stored", **mapping}
            if job.new_folder:
                target.parent.mkdir(parents=True, exist_ok=True)
            gk.write_image(target, values, description, spacing=spacing)
    return description


@contextlib.contextmanager
def about(source: str) -> Iterator[None]:
    """Put the picture's name in front of what is wrong with it."""
    try:
        yield
    except (gk.ImageError, gk.FeatureError) as error:
        raise type(error)(f"{source}: {error}") from error


def filterable(image: NDArray[Any], colour: str) -> tuple[NDArray[Any], str]:
    """The planes (..., H, W) of a picture that are filtered, and what they are.

    Parameters
    ----------
    image : array
        From :func:`gaborkit.read_image`: a last axis of at most 4 is colour.
    colour : {"luminance", "channels"}
        What to take of a colour picture; alpha is left out.

    Returns
    -------
    planes : array
        ``channels`` lie in front.
    found : {"grey", "luminance", "channels"}

    Examples
    --------
    >>> planes, found = filterable(np.zeros((20, 30, 4)), "channels")
    >>> planes.shape, found
    ((3, 20, 30), 'channels')
    """
    if image.ndim < 3 or image.shape[-1] > 4:
        return image, "grey"
    if image.shape[-1] < 3:
        return image[..., 0], "grey"
    if colour == "luminance":
        return gk.luminance(image), "luminance"
    return np.moveaxis(image[..., :3], -1, 0), "channels"


def one_picture(source: str) -> tuple[NDArray[Any], str]:
    """Read a picture (H, W), of colour the luminance, and say which it is: grey or luminance.

    Raises
    ------
    PictureError
        If it cannot be read.
    ImageError
        If it is a stack of several.
    """
    planes, colour = filterable(gk.read_image(source), "luminance")
    if planes.ndim != 2:
        raise gk.ImageError(f"{source}: a stack of shape {planes.shape} is not one picture")
    return planes, colour


def pair_of_pictures(first: str, second: str) -> list[NDArray[Any]]:
    """Read two pictures (H, W) that are looked at together, of colour the luminance.

    Raises
    ------
    PictureError
        If one cannot be read.
    ImageError
        If one is a stack of several, or holds NaN or infinity: the message names that one alone.
    """
    pictures = []
    for source in (first, second):
        picture, _ = one_picture(source)
        with about(source):
            NumpyLibrary().check_finite(picture)
        pictures.append(picture)
    return pictures


def mask_of(path: str, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Read a mask (H, W) of a picture.

    Raises
    ------
    ImageError
        If it is not of the picture's size.
    """
    mask = is_inside(one_picture(path)[0])
    if mask.shape != shape:
        (height, width), (wanted, across) = mask.shape, shape
        raise gk.ImageError(
            f"{path}: {height} x {width} pixels do not fit a picture of {wanted} x {across}"
        )
    return mask


def mask_keywords(path: str | None, outside: str | None, shape: tuple[int, ...]) -> dict[str, Any]:
    """Keywords ``mask`` and ``outside`` for a picture (H, W), of --mask and --outside.

    Raises
    ------
    ImageError
        If the mask is not of the picture's size or leaves nothing of it.
    click.UsageError
        If there is no mask for ``outside``.
    """
    if path is None:
        if outside is not None:
            raise click.UsageError(f"--outside {outside} says what lies outside --mask: give both")
        return {}
    mask = mask_of(path, shape)
    if not mask.any():
        raise gk.ImageError(f"{path}: all pixels are 0, and what is not 0 is inside; give another")
    return {"mask": mask} if outside is None else {"mask": mask, "outside": outside}


def write_arrays(out: str, arrays: dict[str, Any]) -> None:
    """Write arrays by their names into an npz file, whole or not at all."""
    with atomic_write(out) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def _responses(
    bank: gk.GaborBank, image: NDArray[Any], job: PictureFiles, settings: Settings
) -> Iterator[tuple[gk.GaborBank, NDArray[Any]]]:
    """Of all kernels for one file, or else of one after the other, in bounded memory."""
    masked: dict[str, Any] = {}
    if job.mask is not None:
        masked = mask_keywords(job.mask, settings.outside, image.shape[-2:])
    files = len(job.targets)
    if files == 1:
        responses = bank.filter(image, **settings.options, **masked)
        yield bank, responses if responses.shape[-3] > 1 else responses[..., 0, :, :]
    elif masked:
        responses = bank.filter(image, **settings.options, **masked)
        for k in range(files):
            yield bank[k : k + 1], responses[..., k, :, :]
    else:
        for k, response in enumerate(bank.responses(image, **settings.options)):
            yield bank[k : k + 1], response
