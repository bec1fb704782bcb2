"""Types of arguments and options that are files and folders: read, or written.

Nothing here imports gaborkit's models or pictures before a value is there to be judged.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

import gaborkit as gk
from gaborkit.io.files import check_target
from gaborkit.io.pictures.formats import suffix_of

from ..file_paths import paths

#: Formats of pictures and arrays that are written.
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
ARRAYS = (".npy", ".npz", ".zarr")

#: Formats of tables of features.
TABLES = (".csv", ".npz", ".parquet")

#: Characters that a path may have, as Linux has it.
LONGEST_PATH = 4095


class FilePath(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.3
    """The name of a file or folder, which a shell completes; it need not exist.

    Parameters
    ----------
    words : iterable of str
        Names that stand for something without a file, offered beside files.
    folder : bool
        Complete folders only.
    """

    name = "path"

    def __init__(self, words: Iterable[str] = (), *, folder: bool = False) -> None:
        self.words, self.folder = tuple(words), folder

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse what is no name of a file anywhere."""
        name = os.fspath(value)
        if not name:
            self.fail("an empty text is no name of a file", param, ctx)
        if "\0" in name:
            self.fail(f"{name!r} holds a null character, which no file's name does", param, ctx)
        if len(os.fsencode(name)) > LONGEST_PATH:
            self.fail(f"{name}: is longer than any path, {LONGEST_PATH:,} bytes", param, ctx)
        return str(name)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Let the shell complete files, and offer words."""
        items = [CompletionItem(incomplete, type="dir" if self.folder else "file")]
        return items + [CompletionItem(x) for x in self.known() if x.startswith(incomplete)]

    def known(self) -> Sequence[str]:
        """Words that are no files."""
        return self.words


class Input(FilePath):
    """A path that is read; what is no path, such as ``sample:brick``, passes too.

    Parameters
    ----------
    words, folder
        As of `FilePath`; words are never paths.
    whole : bool
        Whether it is a folder of files that belong together, such as a model: none is replaced.
    closed : bool
        Whether all that is in the folder is read: nothing is written into it.
    """

    def __init__(
        self,
        words: Iterable[str] = (),
        *,
        folder: bool = False,
        whole: bool = False,
        closed: bool = False,
    ) -> None:
        super().__init__(words, folder=folder or whole or closed)
        self.whole, self.closed = whole, closed

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Note the path, unless it is a word."""
        name = super().convert(value, param, ctx)
        if name not in self.words and not name.startswith("sample:"):
            paths().read(name, whole=self.whole, closed=self.closed)
        return name


class Picture(Input):
    """A picture: a file, a folder of them, or ``sample:NAME``."""

    def known(self) -> Sequence[str]:
        """The samples."""
        return [f"sample:{name}" for name in gk.sample_names()]


#: What addresses of models on the Hugging Face Hub begin with.
HUB = "hf://"


class Run(Input):
    """The folder of a trained model: those in runs/ and below the folder that is being typed.

    ``hf://OWNER/NAME`` passes too.
    """

    def __init__(self) -> None:
        super().__init__(whole=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Note the folder, unless it is on the Hub."""
        if isinstance(value, str) and value.startswith(HUB):
            return value
        return super().convert(value, param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Runs, and folders in which there may be some."""
        parent = Path(incomplete if incomplete.endswith("/") else Path(incomplete).parent)
        configs = (*Path("runs").glob("*/config.json"), *parent.glob("*/config.json"))
        names = dict.fromkeys(str(path.parent) for path in sorted(configs))
        items = super().shell_complete(ctx, param, incomplete)
        return items + [CompletionItem(name) for name in names if name.startswith(incomplete)]


class Output(FilePath):
    """A path that is written.

    Parameters
    ----------
    suffixes : sequence of str
        Those of the formats that are written; empty for a folder, where any name will do.
    folder : bool
        Whether it may be a folder: what is one, ends with / or has no suffix.
    """

    def __init__(self, suffixes: Sequence[str] = (), *, folder: bool = False) -> None:
        super().__init__(folder=folder and not suffixes)
        self.suffixes, self.or_folder = tuple(suffixes), folder

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the suffix and that the path can be written, and note it."""
        text = super().convert(value, param, ctx)
        option = "--out" if param is None else param.opts[0]
        folder = self.is_folder(text, option)
        if not folder and not text.lower().endswith(".zarr"):
            check_target(text)
        paths().write(text, option, folder=folder)
        return text

    def is_folder(self, text: str, option: str = "--out") -> bool:
        """Whether the path names a folder.

        Raises
        ------
        click.UsageError
            If its suffix is not one of those that are written.
        """
        path = Path(text)
        suffix = suffix_of(text)
        if self.or_folder and suffix not in self.suffixes:
            if path.is_file():
                raise click.UsageError(
                    f"{option} {text} is an existing file, not a folder: give another name"
                )
            if not (suffix and self.suffixes) or path.is_dir() or text.endswith(("/", os.sep)):
                return True
        elif suffix in self.suffixes:
            # A folder may be called x.png; a zarr store is a folder that is replaced whole.
            store = suffix == ".zarr" and not text.endswith(("/", os.sep))
            return self.or_folder and not store and (path.is_dir() or text.endswith(("/", os.sep)))
        known = [*self.suffixes, "or a folder, whose name has no suffix or ends with /"]
        if text.endswith(("/", os.sep)) and not self.or_folder:
            raise click.UsageError(
                f"{option} {text} is a folder, and one picture is written: give a name with "
                + ", ".join(self.suffixes)
            )
        wrong = f"{suffix} is unknown" if suffix else "the name has no suffix"
        raise click.UsageError(
            f"{option} {text}: {wrong}: give "
            + ", ".join(known if self.or_folder else self.suffixes)
        )


#: What is read.
IN, RUN = Picture(), Run()
#: What responses, and enhanced prints, are written into.
RESPONSES = Output((*PICTURES, *ARRAYS), folder=True)
PRINTS = Output((*PICTURES, ".npy", ".npz"), folder=True)
