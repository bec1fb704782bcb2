"""Say which files of a folder are not taken, so that none is missing without a word."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from ...errors import FolderWarning, warn
from .formats import HINTS, suffix_of

_NAMED = 3


def warn_of_others(
    folder: Path,
    paths: Iterable[Path],
    suffixes: Collection[str],
    advice: str = "copies saved as .png or .tif would work",
) -> None:
    """Count the files that are not taken, name the first few, and say how they can be read.

    Hidden files, the descriptions that gaborkit writes beside pictures, and what it has not
    finished, do not count.

    Parameters
    ----------
    folder : Path
    paths : iterable of Path
        Files inside it that are not taken.
    suffixes : collection of str
        What is taken.
    advice : str
        What would work.
    """
    visible = (path for path in paths if not path.name.startswith("."))
    others = sorted(p for p in visible if not (_describes(p) or _is_unfinished(p, folder)))
    if not others:
        return
    names = [str(path.relative_to(folder)) for path in others[:_NAMED]]
    more = ", ..." if len(others) > _NAMED else ""
    files = "1 file is" if len(others) == 1 else f"{len(others)} files are"
    kinds = sorted({suffix_of(path) for path in others} & HINTS.keys())
    hints = "".join(f"; {kind or 'no suffix'}: {HINTS[kind]}" for kind in kinds)
    warn(
        f"{folder}: {files} not taken ({', '.join(names)}{more}); {', '.join(suffixes)} are, so "
        f"{advice}{hints}",
        FolderWarning,
    )


def _is_unfinished(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    return any(part.endswith((".partial", ".tiles")) for part in parts)


def _describes(path: Path) -> bool:
    return path.suffix == ".json" and path.with_suffix("").exists()
