"""Which pictures a command reads, and which files it writes for them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from gaborkit import PictureError
from gaborkit.io.pictures.folders import warn_of_others
from gaborkit.io.pictures.formats import FORMATS, is_zarr, split_page, suffix_of, without_suffix

from .file_paths import paths
from .options.path_arguments import ARRAYS, RESPONSES

#: What is read of a folder to be filtered, and to be described: archives in it may well be what a
#: command wrote.
READ = (*FORMATS, ".zarr")
DESCRIBED = tuple(suffix for suffix in FORMATS if suffix != ".npz")

#: Formats that hold all channels of a bank in one file.
STACKS = (".tif", ".tiff", *ARRAYS)

#: Those of them that are written tile by tile.
TILED = (".zarr", ".tif", ".tiff", ".npy")


@dataclass(frozen=True)
class PictureFiles:
    """One picture and the files that are made of it: one, or one for each channel.

    Attributes
    ----------
    source : str
        A path, or ``sample:NAME``.
    targets : tuple of Path
    new_folder : bool
        Whether their folder is made if it does not exist.
    mask : str, optional
        A picture that is not 0 where pixels count.
    """

    source: str
    targets: tuple[Path, ...]
    new_folder: bool
    mask: str | None = None


def jobs_of(
    sources: Sequence[str],
    out: str,
    labels: Sequence[str],
    *,
    option: str = "out",
    suffix: str | None = None,
    recursive: bool = False,
    beside: Sequence[str] = (),
) -> list[PictureFiles]:
    """Pair pictures with the files to write.

    Parameters
    ----------
    sources : sequence of str
        Files, folders, zarr stores, and ``sample:NAME``.
    out : str
        A file if it has one of the suffixes above, else a folder.
    labels : sequence of str
        Names of the channels.
    option : str
        The one that asks for ``out``.
    suffix : str, optional
        Format of the files in a folder, ``.png`` if None.
    recursive : bool
        Look into the folders inside folders too.
    beside : sequence of str
        Folders of other outputs, in which an earlier run has left what is no picture to be read.

    Raises
    ------
    click.UsageError
        If ``out`` cannot take what there is, or a picture would be written over an input or over
        another picture.
    PictureError
        If a folder holds no picture, or cannot be read.
    """
    whole = not RESPONSES.is_folder(out)
    if whole and suffix:
        raise click.UsageError(
            f"--suffix {suffix} is for a folder, and --{option} {out} is a file: "
            "leave one of them out"
        )
    pairs = [pair for source in sources for pair in _pictures(source, (out, *beside), recursive)]
    if whole:
        several = len(pairs) > 1 or pairs[0][0] != sources[0]
        if several:
            count = f"{len(pairs)} picture{'s' * (len(pairs) > 1)}"
            raise click.UsageError(
                f"--{option} {out} is one file, not a folder for {count}: "
                "give a name without a suffix, or one that ends with /"
            )
        target = Path(out)
        if len(labels) > 1 and target.suffix.lower() not in STACKS:
            raise click.UsageError(
                f"--{option} {out}: {target.suffix} holds one channel, not {len(labels)}: "
                f"give {', '.join(STACKS)}, or a folder"
            )
        jobs = [PictureFiles(pairs[0][0], (target,), new_folder=False)]
    else:
        jobs = [
            PictureFiles(
                source, _names(Path(out) / stem, labels, suffix or ".png"), new_folder=True
            )
            for source, stem in pairs
        ]
    _check_apart(jobs, f"--{option}")
    return jobs


def pictures_in(sources: Sequence[str], out: str, *, recursive: bool = False) -> list[str]:
    """Pictures that a command reads to write one file about all of them, each once.

    Parameters
    ----------
    sources : sequence of str
        Files, folders and ``sample:NAME``. In folders, archives are no pictures: they may well be
        what a command wrote.
    out : str
        The file to write.
    recursive : bool
        Look into the folders inside folders too.

    Raises
    ------
    click.UsageError
        If an output is one of the pictures.
    PictureError
        If a folder holds no picture, or cannot be read.
    """
    unique: dict[str, None] = {}
    for source in sources:
        pictures = _pictures(source, (out,), recursive, DESCRIBED)
        unique.update(dict.fromkeys(picture for picture, _ in pictures))
    for picture in unique:
        paths().read(picture)
    return list(unique)


def companions(
    pictures: Sequence[str], sources: Sequence[str], where: str, option: str
) -> dict[str, str]:
    """The mask, or the labels, of each picture that has one.

    Parameters
    ----------
    pictures : sequence of str
        As of `pictures_in`.
    sources : sequence of str
        The arguments that they come from.
    where : str
        One file for one picture; or a folder of files that are called like the pictures, whatever
        their suffix, and lie in it as those do in theirs.
    option : str

    Raises
    ------
    click.UsageError
        If one file is given for several pictures, or several files are called like a picture.
    """
    folder = Path(where)
    if not folder.is_dir():
        if len(pictures) > 1:
            raise click.UsageError(
                f"--{option} {where} is one file for {len(pictures)} pictures: give a folder of "
                "files that are called like them"
            )
        paths().read(where)
        return {pictures[0]: where}
    tops = [Path(source) for source in sources if Path(source).is_dir()]
    chosen = {}
    for picture in pictures:
        name = Path(without_suffix(split_page(picture.removeprefix("sample:"))[0]))
        top = next((top for top in tops if name.is_relative_to(top)), name.parent)
        stem = folder / name.relative_to(top)
        files = stem.parent.glob("*") if stem.parent.is_dir() else ()
        alike = sorted(
            str(path)
            for path in files
            if Path(without_suffix(path)).name == stem.name and suffix_of(path) in FORMATS
        )
        if len(alike) > 1:
            raise click.UsageError(
                f"--{option} {where}: {', '.join(alike[:3])} are all called like {picture}: "
                "one works"
            )
        if alike:
            paths().read(alike[0])
            chosen[picture] = alike[0]
    return chosen


def masks_of(
    pictures: Sequence[str], sources: Sequence[str], where: str, option: str = "mask"
) -> dict[str, str]:
    """The mask of each picture: one file for all, or those of a folder, called like the pictures.

    Raises
    ------
    click.UsageError
        As :func:`companions`.
    PictureError
        If the folder has no mask for a picture.
    """
    if Path(where).is_dir() and not is_zarr(where):
        return one_for_each(pictures, sources, where, option)
    paths().read(where)
    return dict.fromkeys(pictures, where)


def one_for_each(
    pictures: Sequence[str], sources: Sequence[str], where: str, option: str
) -> dict[str, str]:
    """As :func:`companions`; PictureError if a picture has none."""
    found = companions(pictures, sources, where, option)
    missing = [picture for picture in pictures if picture not in found]
    if missing:
        raise PictureError(
            f"{missing[0]}: there is no {option} for it in {where}; a file of that name works"
        )
    return found


def with_masks(
    jobs: Sequence[PictureFiles], sources: Sequence[str], where: str
) -> list[PictureFiles]:
    """Jobs that know their masks; see `masks_of`."""
    masks = masks_of([job.source for job in jobs], sources, where)
    return [replace(job, mask=masks[job.source]) for job in jobs]


def _pictures(
    source: str, outs: Sequence[str], recursive: bool, suffixes: Sequence[str] = READ
) -> Iterator[tuple[str, Path]]:
    """Pictures behind one argument, each with its name, without suffix, relative to the outputs."""
    if source.startswith("sample:"):
        yield source, Path(source.removeprefix("sample:"))
        return
    folder = Path(source)
    if not folder.is_dir() or is_zarr(folder):
        name, page = split_page(source)
        stem = Path(without_suffix(name)).name
        yield source, Path(stem if page is None else f"{stem}_{page}")
        return
    problems: list[OSError] = []
    below: list[Path] = []
    others: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=problems.append):
        stores = [
            name
            for name in sorted(folders)
            if name.lower().endswith(".zarr") and is_zarr(Path(parent, name))
        ]
        (below if ".zarr" in suffixes else others).extend(Path(parent, name) for name in stores)
        # Results of an earlier run into the same folder are no pictures to be filtered.
        folders[:] = sorted(
            name
            for name in folders
            if recursive and name not in stores and not _among(Path(parent, name), outs)
        )
        for name in sorted(names):
            known = not name.startswith(".") and suffix_of(name) in suffixes
            (below if known else others).append(Path(parent, name))
    if problems:
        raise problems[0]
    if not below:
        hint = "" if recursive else "; --recursive looks into the folders inside it"
        raise PictureError(f"{source}: there is no picture in this folder{hint}")
    # Neither is what an earlier run has written.
    warn_of_others(folder, (path for path in others if not _among(path, outs)), suffixes)
    for path in below:
        yield str(path), Path(without_suffix(path.relative_to(folder)))


def _among(path: Path, others: Sequence[str]) -> bool:
    return os.path.realpath(path) in map(os.path.realpath, others)


def _names(stem: Path, labels: Sequence[str], suffix: str) -> tuple[Path, ...]:
    if len(labels) == 1 or suffix in STACKS:
        return (stem.with_name(stem.name + suffix),)
    digits = len(str(len(labels) - 1))
    return tuple(
        stem.with_name(f"{stem.name}_{k:0{digits}}_{_plain(label)}{suffix}")
        for k, label in enumerate(labels)
    )


def _plain(label: str) -> str:
    """A label as a part of a file name: ``4 px, 45°`` is ``4px_45deg``."""
    text = label.replace("°", "deg").replace(" px", "px").replace(", ", "_")
    return re.sub(r"[^\w.+-]+", "-", text)


def _check_apart(jobs: Sequence[PictureFiles], option: str) -> None:
    record = paths()
    for job in jobs:
        record.read(job.source)
    written: dict[str, str] = {}
    for job in jobs:
        for target in job.targets:
            record.write(str(target), option)
            path = os.path.realpath(target)
            if path in written:
                raise click.UsageError(
                    f"{written[path]} and {job.source} would both be written to {target}: "
                    "filter them into different folders"
                )
            written[path] = job.source
