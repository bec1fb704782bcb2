"""Pictures whose responses do not fit into memory, and pictures for the workers of a cluster."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import gaborkit as gk
from gaborkit.io.pictures.formats import is_zarr
from gaborkit.io.spacing import measured_spacing
from gaborkit.large.cluster import on_cluster
from gaborkit.large.memory import available_memory, bytes_of_mask
from gaborkit.large.sources import Colour, Planes, open_source

from .errors import reason
from .jobs import TILED, PictureFiles
from .responding import Settings, about, filter_picture, mask_keywords

#: What becomes of one picture: what was filtered of it, or else what was wrong with it.
Outcome = tuple[str | None, str | None]


def filter_any(
    job: PictureFiles,
    bank: gk.GaborBank,
    settings: Settings,
    *,
    scheduler: str | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> dict[str, Any]:
    """Filter a picture whole or, where it or its target asks for it, tile by tile.

    Tiles are for zarr stores, for a cluster, and where responses exceed the memory of the settings.

    Returns
    -------
    dict
        As :func:`~.responding.filter_picture`.

    Raises
    ------
    GaborkitError
        If the picture cannot be read or filtered, or a file cannot be written.
    """
    target = job.targets[0]
    tiled = len(job.targets) == 1 and target.suffix.lower() in TILED
    store = is_zarr(job.source) or (job.mask is not None and is_zarr(job.mask))
    if store and not tiled:
        raise gk.PictureError(
            f"{target}: a zarr store is filtered into {', '.join(TILED)}, not {target.suffix}"
        )
    if scheduler is not None or store or target.suffix.lower() == ".zarr":
        return _filter_tiled(job, bank, settings, scheduler, progress)
    needed = _needed(job, bank, settings)
    memory = settings.memory or (available_memory() // 2 if needed else 0)
    if needed > memory and tiled:
        return _filter_tiled(job, bank, settings, None, progress)
    if needed > memory and settings.memory:
        raise gk.FilterError(
            f"--memory {memory / 1e6:.0f}MB: filtering {job.source} into {target.suffix} takes "
            f"about {needed / 1e6:.0f}MB; {', '.join(TILED)} are written tile by tile"
        )
    return filter_picture(job, bank, settings)


def _needed(job: PictureFiles, bank: gk.GaborBank, settings: Settings) -> int:
    """Bytes that filtering a picture as a whole takes, roughly; 0 where only reading it tells."""
    try:
        source = open_source(job.source)
    except gk.PictureError:
        return 0
    real = np.result_type(source.dtype, np.float32).itemsize
    width = 2 if settings.part == "complex" else 1
    kernels = len(bank) if len(job.targets) == 1 or job.mask else 1
    # Beside the responses: the picture as it is stored, as it is filtered, and with its outside.
    needed = math.prod(source.shape) * real * (width * kernels + 3)
    if job.mask:
        normalized = len(bank) if settings.outside == "normalized" else 0
        height, width = Planes(source, *colour_axis(source.shape, settings.colour)[:2]).shape[-2:]
        needed += bytes_of_mask((height, width), 0, normalized, source.dtype, np.dtype(f"f{real}"))
    return needed


def _filter_tiled(
    job: PictureFiles,
    bank: gk.GaborBank,
    settings: Settings,
    scheduler: str | None,
    progress: Callable[[int, int], object] | None,
) -> dict[str, Any]:
    target = job.targets[0]
    try:
        source = open_source(job.source)
        picture: Any = job.source
    except gk.PictureError:
        if scheduler is not None or is_zarr(job.source):
            raise
        source = picture = gk.read_image(job.source)
    axis, colour, described = colour_axis(source.shape, settings.colour)
    with about(job.source):
        planes = Planes(source, axis, colour)
    kernels = bank if len(bank) > 1 else bank[0]
    *leading, height, width = planes.shape
    axes = (len(bank),) if len(bank) > 1 else ()
    description = settings.describe(job, described, (*leading, *axes, height, width), bank)
    masked = large_mask(job.mask, settings.outside, (height, width))
    if scheduler is not None and not isinstance(masked.get("mask", ""), str):
        raise gk.PictureError(
            f"{job.mask}: workers read a mask by regions; a grey .tif, .npy or .zarr of it works"
        )
    if job.new_folder:
        target.parent.mkdir(parents=True, exist_ok=True)
    with about(job.source):
        gk.large.filter_large(
            kernels,
            picture,
            target,
            **settings.options,
            channel_axis=axis,
            colour=colour,
            memory=settings.memory,
            scheduler=scheduler,
            resume=settings.resume,
            progress=progress,
            metadata=description,
            spacing=measured_spacing(job.source),
            **masked,
        )
    return description


def large_mask(path: str | None, outside: str | None, shape: tuple[int, int]) -> dict[str, Any]:
    """As `mask_keywords`, but for a mask that is read by regions, whose path is handed on.

    Raises
    ------
    ImageError, click.UsageError
        As there; a mask that is read by regions is looked at later.
    """
    if path is not None:
        try:
            by_regions = len(open_source(path).shape) == 2
        except gk.PictureError:
            by_regions = False
        if by_regions:
            return {"mask": path, "outside": outside or "nearest"}
    return mask_keywords(path, outside, shape)


def colour_axis(shape: Sequence[int], asked: str) -> tuple[int | None, Colour, str]:
    """Axis of colour, what is filtered along it, and what that is called: as for whole pictures."""
    if len(shape) < 3 or shape[-1] > 4:
        return None, "all", "grey"
    if shape[-1] < 3:
        return -1, "channels", "grey"
    return (-1, "luminance", "luminance") if asked == "luminance" else (-1, "channels", "channels")


def outcomes(
    jobs: Sequence[PictureFiles],
    bank: gk.GaborBank,
    settings: Settings,
    scheduler: str | None,
    failed: Callable[[], None],
) -> Iterator[tuple[PictureFiles, Outcome]]:
    """Filter several pictures, here or each on a worker; jobs and outcomes as they come.

    ``failed`` is called while an exception is being handled.
    """
    if scheduler is None:
        for job in jobs:
            yield job, _outcome(bank, settings, failed, job)
        return

    # Workers may run in another folder.
    here = Path.cwd()
    moved = [
        replace(
            job,
            source=job.source if job.source.startswith("sample:") else str(here / job.source),
            targets=tuple(here / target for target in job.targets),
            mask=None if job.mask is None else str(here / job.mask),
        )
        for job in jobs
    ]
    yield from on_cluster(partial(_outcome, bank, settings, _nothing), moved, scheduler)


def _outcome(
    bank: gk.GaborBank, settings: Settings, failed: Callable[[], None], job: PictureFiles
) -> Outcome:
    try:
        return filter_any(job, bank, settings)["colour"], None
    except (gk.GaborkitError, OSError, MemoryError) as error:
        failed()
        return None, reason(error)


def _nothing() -> None:
    """A worker has no ``--debug``."""
