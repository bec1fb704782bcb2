"""One process at a time: a lock on a file, which the system lets go of when its holder ends.

Whoever is killed leaves an unlocked file, never a lock. Where there are no locks (Windows, some
network file systems) nothing is locked.
"""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import GaborkitError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: The lock in a folder that one process at a time writes into.
LOCK = ".lock"


def try_lock(path: Path, *, create: bool = False, surely: bool = False) -> BinaryIO | None:
    """Open a file and lock it, or return None if somebody else holds it.

    Parameters
    ----------
    path : pathlib.Path
    create : bool
        Make it if it does not exist.
    surely : bool
        Return None too where there are no locks.

    Returns
    -------
    binary stream or None
        Closing it lets go of the lock. It is of the file that has the name now.

    Raises
    ------
    OSError
        If the file cannot be opened.
    """
    flags = os.O_RDWR | (os.O_CREAT if create else 0)
    for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_BINARY"):
        flags |= getattr(os, name, 0)
    while True:
        stream = os.fdopen(os.open(path, flags, 0o666), "r+b")
        try:
            free = _lock(stream, surely)
            # Its last holder may have deleted it since it was opened.
            same = free and os.path.samestat(os.fstat(stream.fileno()), path.lstat())
        except FileNotFoundError:
            same = False
        if same:
            return stream
        stream.close()
        if not (free and create):
            return None


def _lock(stream: BinaryIO, surely: bool) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks
    return not surely


@contextlib.contextmanager
def locked(
    path: Path,
    error: type[GaborkitError],
    *,
    inside: bool = False,
    name: str | os.PathLike[str] | None = None,
    doing: str = "is being written",
) -> Iterator[None]:
    """Keep other processes from writing a file, or into a folder, while the block runs.

    Parameters
    ----------
    path : pathlib.Path
        The lock is a hidden file of its name, which is deleted at the end.
    error : subclass of GaborkitError
    inside : bool
        Put the lock into the folder ``path``.
    name : path, optional
        What messages call it.
    doing : str
        What its holder does with ``path``, for the message.

    Raises
    ------
    error
        If somebody else holds it already, or the lock cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from gaborkit.errors import StoreError
    >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder), StoreError, inside=True):
    ...     (Path(folder) / LOCK).exists()
    True
    """
    name = os.fspath(path if name is None else name)
    lock = path / LOCK if inside else path.with_name(f".{path.name}{LOCK}")
    try:
        stream = try_lock(lock, create=True)
    except OSError as cause:
        raise error(f"{name}: cannot be written ({cause.strerror})") from cause
    if stream is None:
        raise error(f"{name}: {doing} by {_holder(lock)}; wait for its end, or stop it")
    with stream:
        with contextlib.suppress(OSError):  # of a full disk
            stream.truncate()
            stream.write(f"process {os.getpid()} on {platform.node()}".encode())
            stream.flush()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                lock.unlink()


def _holder(lock: Path) -> str:
    try:
        text = lock.read_text(encoding="utf-8")
    except (OSError, ValueError):
        text = ""
    return text[:100] or "another process"
