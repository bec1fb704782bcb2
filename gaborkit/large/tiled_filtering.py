"""A picture through a bank tile by tile, here or on a cluster."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..bank import GaborBank
from ..errors import FilterError, PictureError
from ..filtering.engines.threads import available
from ..filtering.options import FilterOptions
from ..filtering.planner import Placement, plan_for
from ..io.files import StrPath
from ..io.locks import locked
from ..io.pictures.formats import split_page
from ..io.pictures.tiff import TiffPicture
from ..io.spacing import measured_spacing
from ..kernels.base import TOLERANCE, Kernel
from ..types import Boundary, Engine, Outside, Part
from .cluster import on_cluster
from .job import TileJob
from .masked_tiles import TileMask, check_maskable
from .memory import available_memory, parse_memory
from .record import Limits, Record
from .sources import CACHE, Colour, as_source, check_apart, largest_piece
from .tiles import tile_shape

Progress = Callable[[int, int], object]


def filter_large(
    bank: GaborBank | Kernel,
    source: Any,
    target: StrPath,
    *,
    part: Part = "magnitude",
    boundary: Boundary = "reflect",
    engine: Engine = "auto",
    channel_axis: int | None = None,
    colour: Colour = "all",
    tolerance: float = TOLERANCE,
    memory: str | int | None = None,
    scheduler: Any = None,
    resume: bool = False,
    progress: Progress | None = None,
    metadata: Mapping[str, Any] | None = None,
    spacing: tuple[float, float] | None = None,
    mask: Any = None,
    outside: Outside = "nearest",
) -> None:
    """Filter a picture that does not fit into memory, into a file.

    The same as writing ``bank.filter(image)``, to rounding, whatever the tiles. Until all is
    written the target is called NAME.partial, beside a list of its tiles, NAME.tiles.

    Parameters
    ----------
    bank : GaborBank or Kernel
        K kernels, or one and no axis K.
    source : path or array (..., H, W)
        See :func:`~gaborkit.large.open_source` for files; or anything with ``shape``, ``dtype`` and
        NumPy's basic indexing, such as a zarr array.
    target : path
        ``.zarr`` (float or complex, chunked; of a picture, or of a stack and one kernel, an
        OME-Zarr with coarser levels of resolution), ``.npy``, or
        ``.tif`` (a page a channel; colour comes last). An existing one is replaced at the end.
    part : {"complex", "real", "imag", "magnitude", "energy", "phase"}
    boundary, engine, channel_axis, tolerance
        As in :meth:`gaborkit.GaborBank.filter`.
    colour : {"all", "channels", "luminance"}
        What is filtered along ``channel_axis``: every channel, those that are not alpha, or
        :func:`gaborkit.luminance`.
    memory : str or int, optional
        What filtering may take beyond what the process holds already, as ``"1GB"`` or in bytes; of
        a cluster, each thread of a worker. Half of what is available by default.
    scheduler : str or distributed.Client, optional
        A Dask scheduler, or its address. Its workers must reach source and target by their paths.
        Tiles of a worker that dies go to another.
    resume : bool
        Go on with what a run with the same arguments has left, in tiles of the same size whatever
        ``memory`` says. After a power cut start again.
    progress : callable (done, total), optional
        Called after every tile.
    metadata : mapping, optional
        JSON-ready, written as NAME.json beside the file, or into the attributes of a zarr store;
        by default how to repeat this.
    spacing : (float, float), optional
        Millimetres from row to row and from column to column, for zarr, OME-TIFF
        (``.ome.tif``) and TIFF; by default what the source's file says.
    mask : path or array (H, W), optional
        What is not 0 is inside, as in :meth:`gaborkit.GaborBank.filter`; one for all planes. A path
        of what :func:`~gaborkit.large.open_source` reads is read tile by tile.
    outside : {"nearest", "normalized"}
        As in :meth:`gaborkit.GaborBank.filter`. ``nearest`` does not go with the boundary ``wrap``,
        as nearest pixels may then be anywhere.

    Raises
    ------
    PictureError
        If the source cannot be read or the target cannot be written.
    ImageError
        If the source is no image, or a tile holds NaN or infinity.
    FilterError
        If an option is unknown, the mask does not fit, the memory holds no tile, or the scheduler
        cannot be reached.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import gaborkit as gk
    >>> bank = gk.GaborBank.grid(scales=1, orientations=3)
    >>> image = np.random.default_rng(0).random((100, 120), np.float32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     filter_large(bank, image, f"{folder}/energy.npy", part="energy", memory="2MB")
    ...     energy = gk.read_image(f"{folder}/energy.npy")
    >>> np.allclose(energy, abs(bank.filter(image)) ** 2, atol=1e-6)
    True
    """
    options = FilterOptions(part, boundary, engine, tolerance=tolerance)
    budget = available_memory() // 2 if memory is None else parse_memory(memory)
    named = isinstance(source, (str, Path))
    if not named:
        source = as_source(source)
        if scheduler is not None:
            raise FilterError(
                f"source={type(source).__name__}: workers cannot reach an array of this process; "
                "give the path of a file or zarr store"
            )
    check_apart(target, source, "source")
    if mask is not None:
        mask_named = isinstance(mask, (str, Path))
        if not mask_named and scheduler is not None:
            raise FilterError(
                f"mask={type(mask).__name__}: workers cannot reach an array of this process; "
                "give the path of a file or zarr store"
            )
        mask = str(mask) if mask_named else as_source(mask)
        check_apart(target, mask, "mask")
    # Messages name a path as it was given; workers may run in another folder.
    here = Path() if scheduler is None else Path.cwd()
    job = TileJob(
        bank=GaborBank([bank]) if isinstance(bank, Kernel) else bank,
        single=isinstance(bank, Kernel),
        source=str(here / source) if named else source,
        target=str(here / target),
        channel_axis=channel_axis,
        colour=colour,
        options=options,
        cache=min(CACHE, budget // 4),
    )
    plan_for(job.bank, job.planes.shape, np.float32, Placement(), options)  # checks
    if mask is not None:
        check_maskable(job.bank, options, outside)
        height, width = job.planes.shape[-2:]
        scanned = TileMask.scan(mask, outside, (height, width), job.cache // 2)
        if mask_named:
            scanned = replace(scanned, source=str(here / mask))
        job = replace(job, mask=scanned)
    if named and spacing is None:
        spacing = measured_spacing(source)
    job = replace(job, spacing=spacing)
    files = job.files
    files.check()
    with locked(files.real, PictureError, name=files.path):
        files.tidy()
        _run(job, budget, scheduler, resume, progress, metadata)


def _run(
    job: TileJob,
    budget: int,
    scheduler: Any,
    resume: bool,
    progress: Progress | None,
    metadata: Mapping[str, Any] | None,
) -> None:
    """Filter what is left to be filtered, and finish the target."""
    files, identity = job.files, _identity(job)
    record = Record.read(files.record, identity) if resume and files.partial.exists() else None
    if record is None:
        job = replace(job, tile=_tile(job, budget, 1 if scheduler is not None else available()))
        files = job.files
    else:
        job = replace(job, tile=record.tile)
        files = job.files
        files.check_partial()
    count = len(job.tiles)
    try:
        if record is None:
            files.discard()
            files.create()
            record = Record.start(files.record, identity, job.tile)
        todo = [number for number in range(count) if number not in record.done]
        for number, limits in _written(job, todo, scheduler):
            record.add(number, limits)
            if progress is not None:
                progress(len(record.done), count)
        files.finish(metadata or _description(job), record.limits)
        files.record.unlink()
    except OSError as cause:
        text = f"{files.path}: cannot be written ({cause.strerror or cause})"
        if record is not None and record.done:
            text += f"; {len(record.done)} of {count} tiles are kept, to go on from with resume"
        raise PictureError(text) from cause
    finally:
        if record is None or not record.done:  # what has been written stays, to be gone on with
            files.discard()


def _written(job: TileJob, todo: Sequence[int], scheduler: Any) -> Iterator[tuple[int, Limits]]:
    """Numbers and limits of tiles, each as soon as it is in the target."""
    if scheduler is None:
        return ((number, job.write(number)) for number in todo)
    return on_cluster(job.write_alone, todo, scheduler)


def _tile(job: TileJob, budget: int, threads: int) -> tuple[int, int]:
    """Shape of the tiles: the largest within the budget, beside what reading holds."""
    stored = [(job.array, job.cache)]
    if job.mask is not None:
        stored.append((job.mask.array, job.mask.cache))
    held = sum(
        2 * largest_piece(array) + (cache if isinstance(array, TiffPicture) else 0)
        for array, cache in stored
    )
    return tile_shape(
        job.bank,
        job.planes,
        job.options,
        memory=budget,
        held=held,
        threads=threads,
        outside=None if job.mask is None else job.mask.outside,
    )


def _description(job: TileJob) -> dict[str, Any]:
    """What was done, and how to repeat it."""
    named = isinstance(job.source, str)
    return {
        "gaborkit": importlib.import_module("gaborkit").__version__,
        "input": job.source if named else type(job.source).__name__,
        "shape": job.files.layout.shape,
        "labels": job.bank.labels,
        "bank": job.bank.to_dict(),
        "colour": job.colour if job.channel_axis is not None else "grey",
        **_options(job),
        **({} if job.mask is None else {"outside": job.mask.outside}),
    }


def _options(job: TileJob) -> dict[str, Any]:
    return {
        name: getattr(job.options, name) for name in ("part", "boundary", "engine", "tolerance")
    }


def _identity(job: TileJob) -> dict[str, Any]:
    """What a run must share with one that was stopped, to go on with it."""
    array: dict[str, Any] = {"shape": job.planes.shape, "dtype": str(job.planes.dtype)}
    if isinstance(job.source, str):
        stat = Path(split_page(job.source)[0]).stat()
        array |= {
            "path": str(Path(job.source).absolute()),
            "bytes": stat.st_size,
            "changed": stat.st_mtime_ns,
        }
    return {
        "source": array,
        "bank": job.bank.to_dict(),
        "one kernel": job.single,
        "colour": [job.channel_axis, job.colour],
        "mask": None if job.mask is None else [job.mask.checksum, job.mask.outside],
        **_options(job),
    }
