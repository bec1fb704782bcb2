"""Write files whole or not at all: every file that gaborkit writes goes through here."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from .errors import GaborkitError, PictureError

StrPath = str | os.PathLike[str]


def check_target(path: StrPath, error: type[GaborkitError] = PictureError) -> Path:
    """Return the real path behind ``path`` if a file can be written there.

    Parameters
    ----------
    path : path
        The file to be written. A symbolic link is followed, so that the link survives.
    error : subclass of GaborkitError
        What to raise; the message is one line that starts with ``path``.

    Raises
    ------
    error
        If the folder does not exist, or ``path`` is a folder, a device or a read-only file.

    Examples
    --------
    >>> check_target("missing/a.png")
    Traceback (most recent call last):
    gaborkit.errors.PictureError: missing/a.png: the folder missing does not exist; create it first
    """
    try:
        target = Path(path).resolve()
        if not target.parent.is_dir():
            problem = f"the folder {Path(path).parent} does not exist; create it first"
        elif target.is_dir():
            problem = "is a folder; give a file name inside it"
        elif (target.exists() or target.is_symlink()) and not target.is_file():
            # Renaming over a device, a pipe or a loop of links would delete it.
            problem = "is not a regular file; give another file name"
        elif target.exists() and not os.access(target, os.W_OK):
            problem = "is read-only; give another file name or make it writable"
        else:
            return target
    except (OSError, RuntimeError, ValueError) as cause:
        # RuntimeError: a loop of links before Python 3.13. ValueError: a null character.
        problem = f"cannot be written ({_reason(cause)}); give another file name"
    raise error(f"{os.fspath(path)}: {problem}")


@contextlib.contextmanager
def atomic_write(path: StrPath, error: type[GaborkitError] = PictureError) -> Iterator[Path]:
    """Yield a temporary path that takes the place of ``path`` once the block has succeeded.

    The temporary file lies in the same folder, has the same suffix, and exists (empty) when the
    block starts. If the block raises, it is removed and the old file, if any, stays as it was.

    Parameters
    ----------
    path : path
        The file to be written; its folder must exist.
    error : subclass of GaborkitError
        What to raise when the operating system refuses.

    Yields
    ------
    pathlib.Path
        Where to write.

    Raises
    ------
    error
        See `check_target`; also when the disk is full or the folder is read-only.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_write(Path(folder) / "note.txt") as temporary:
    ...         _ = temporary.write_text("whole")
    ...     (Path(folder) / "note.txt").read_text()
    'whole'
    """
    target = check_target(path, error)
    # A short fixed prefix: the name of the target may already be as long as the system allows.
    temporary = target.with_name(f".gaborkit-{secrets.token_hex(8)}{Path(path).suffix}")
    try:
        # `touch` rather than `tempfile`, so that the umask decides who may read the result.
        temporary.touch(exist_ok=False)
        yield temporary
        if target.exists():
            shutil.copymode(target, temporary)
        with temporary.open("rb+") as stream:
            # Without it, a power cut after the rename can leave an empty file.
            os.fsync(stream.fileno())
        temporary.replace(target)
        _sync_folder(target.parent)
    except OSError as cause:
        raise error(f"{os.fspath(path)}: cannot be written ({_reason(cause)})") from cause
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def set_aside(path: Path) -> Iterator[None]:
    """Hide a file while the block runs, delete it if the block succeeds, else put it back.

    For a file that describes another one, while that other one is replaced: at no moment does
    the old description lie beside the new file. A missing file is no error.
    """
    aside = path.with_name(f".gaborkit-{secrets.token_hex(8)}{path.suffix}")
    present = os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises on too long a name
    try:
        if present:
            path.replace(aside)
    except OSError as cause:
        raise PictureError(f"{path}: cannot be replaced ({_reason(cause)})") from cause
    try:
        yield
    except BaseException:
        if present:
            aside.replace(path)
        raise
    with contextlib.suppress(OSError):
        aside.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Let a rename in the folder outlast a power cut; some systems have no way to ask for it."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _reason(cause: Exception) -> str:
    """Say why in one line, without the path that the caller names already."""
    strerror = cause.strerror if isinstance(cause, OSError) else None
    return strerror or " ".join(str(cause).split()) or type(cause).__name__
