"""The folder of a run: new for each, and trained in by one at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ...errors import StoreError
from ...io.locks import LOCK
from ...io.locks import locked as lock_of


def locked(run: Path) -> contextlib.AbstractContextManager[None]:
    """Keep others from training in a folder while the block runs.

    Raises
    ------
    StoreError
        If another process does already, or the folder cannot be written.
    """
    return lock_of(run, StoreError, inside=True, doing="is being trained")


@contextlib.contextmanager
def claimed(out: Path) -> Iterator[None]:
    """Make the folder of a new run, which is nobody else's, and lock it while the block runs.

    Raises
    ------
    StoreError
        If it cannot be made, or is not free.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise StoreError(f"{out}: no such folder can be made ({cause.strerror})") from cause
    with locked(out):
        # Only now: of two that start together, the second finds the files of the first.
        check_free(out)
        yield


def check_free(out: Path) -> None:
    """Refuse a folder that holds something.

    Raises
    ------
    StoreError
        If it is not empty, or is no folder.
    """
    try:
        if not out.exists():
            return
        if out.is_dir() and all(path.name == LOCK for path in out.iterdir()):
            return
    except OSError as cause:
        raise StoreError(f"{out}: cannot be read ({cause.strerror})") from cause
    if (out / "config.json").is_file():
        raise StoreError(
            f"{out}: holds a run already; go on with --resume {out}, or give another --out"
        )
    what = "is not empty" if out.is_dir() else "is a file"
    raise StoreError(f"{out}: {what}; give another --out")
