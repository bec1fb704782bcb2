"""Which paths a command reads and which it writes: no output is an input or another output.

Every parameter that is a path has a type of arguments.py, Input or Output, which
tests/cli/test_paths.py holds of all commands. While the command line is parsed each path is
compared with those before it; what a command learns only later, such as the pictures in a folder,
is told to the same record.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import click

from gaborkit.io.pictures.formats import is_zarr, split_page

#: Written beside an output: its description, and what it is called until it is finished.
COMPANIONS = ("", ".json", ".partial", ".tiles")

#: The same file by any spelling: its device and number, or where it would lie.
Key = tuple[int, int] | str

#: An output as it was typed, and its option.
Written = tuple[str, str]


class Paths:
    """Paths that a command reads and writes, each told before it is touched."""

    def __init__(self) -> None:
        self._read: dict[Key, str] = {}
        #: Folders whose files belong together, and those of them that nothing is added to.
        self._whole: dict[Key, str] = {}
        self._closed: dict[Key, str] = {}
        #: Outputs by their names and those of their companions; of those, zarr stores; and folders.
        self._written: dict[Key, Written] = {}
        self._replaced: dict[Key, Written] = {}
        self._filled: dict[Key, Written] = {}
        self._ancestors: dict[str, frozenset[Key]] = {}

    def read(self, path: str, *, whole: bool = False, closed: bool = False) -> None:
        """Note an input.

        Parameters
        ----------
        path : str
            ``NAME[k]``, a page of NAME, stands for NAME.
        whole : bool
            Whether it is a folder of files that belong together, such as a model, as the chunks of
            a zarr store do: none is replaced.
        closed : bool
            Whether all that is in the folder is read: nothing is written into it.

        Raises
        ------
        click.UsageError
            If an output would be written over it, over a file in it, or into it.
        """
        path, _ = split_page(path)
        # What describes a picture or a table is read with it.
        for part in (path, f"{path}.json"):
            if part == path or os.path.lexists(part):
                key = _key(part)
                self._read[key] = part
                if key in self._written:
                    _refuse(self._written[key], "over the input", part)
        if self._replaced:
            for key in self._around(path) & self._replaced.keys():
                _refuse(self._replaced[key], "over the input", path)
        if whole or closed or is_zarr(path):
            self._whole[_key(path)] = path
            if closed:
                self._closed[_key(path)] = path
            for key, written in self._written.items():
                self._check(written, key)
            for key, written in self._filled.items():
                self._check(written, key, folder=True)

    def write(self, path: str, option: str, *, folder: bool = False) -> None:
        """Note an output, and the option that asks for it.

        Parameters
        ----------
        path, option : str
        folder : bool
            Whether files are only added to it, which are noted once their names are known.

        Raises
        ------
        click.UsageError
            If it would be written over an input or another output, or into an input.
        """
        written = path, option
        if folder:
            self._check(written, _key(path), folder=True)
            self._filled[_key(path)] = written
            return
        for name in (path + suffix for suffix in COMPANIONS):
            key = _key(name)
            if key in self._read:
                _refuse(written, "over the input", self._read[key])
            self._check(written, key)
            _, other = self._written.setdefault(key, written)
            if other != option:
                raise click.UsageError(
                    f"{other} and {option} would both write {path}: name another file, or another "
                    "folder"
                )
        if path.lower().endswith(".zarr"):  # which replaces all that is in it
            self._replaced[_key(path)] = written
            for source in self._read.values():
                if _key(path) in self._around(source):
                    _refuse(written, "over the input", source)

    def _check(self, written: Written, key: Key, *, folder: bool = False) -> None:
        """Refuse an output in a folder that is read and that does not take it."""
        if not self._whole:  # nor closed
            return
        around = self._around(written[0]) | ({key} if folder else set())
        for name in around & self._closed.keys():
            _refuse(written, "into the input", self._closed[name])
        if not folder and not isinstance(key, str):  # it exists
            for name in around & self._whole.keys():
                _refuse(written, "over a file of the input", self._whole[name])

    def _around(self, path: str) -> frozenset[Key]:
        """The folders that a path lies in."""
        try:
            folder = os.path.dirname(os.path.realpath(path))  # noqa: PTH120 - of 100,000 pictures
        except (OSError, ValueError):
            return frozenset()
        if folder not in self._ancestors:
            levels = (folder, *map(str, Path(folder).parents))
            self._ancestors[folder] = frozenset(map(_key, levels))
        return self._ancestors[folder]


def paths() -> Paths:
    """The record of the command that runs."""
    ctx = click.get_current_context(silent=True)
    record: Paths = Paths() if ctx is None else ctx.meta.setdefault("gaborkit.paths", Paths())
    return record


def _key(path: str) -> Key:
    try:
        try:
            status = os.stat(path)  # noqa: PTH116 - Path costs more, of 100,000 pictures
        except OSError:
            path = os.path.realpath(path)  # which may leave a folder that is not there
            status = os.stat(path)  # noqa: PTH116
    except OSError:
        return os.path.normcase(path)
    except ValueError:
        return path
    # Systems without numbers of files give 0.
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def _refuse(written: Written, where: str, source: str) -> NoReturn:
    target, option = written
    raise click.UsageError(
        f"{option} {target} would be written {where} {source}: give another {option}"
    )
