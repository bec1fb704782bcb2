"""Write files whole or not at all: every file that gaborkit writes goes through here."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..errors import GaborkitError, PictureError
from .locks import try_lock

StrPath = str | os.PathLike[str]

_TEMPORARY = re.compile(r"\.gaborkit-tmp-[0-9a-f]{16}(\..*)?")


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


def check_suffix(path: StrPath, suffix: str, error: type[GaborkitError]) -> None:
    """Refuse a name whose suffix says another format than the one that is written.

    Parameters
    ----------
    path : path
        A name without a suffix says nothing, and passes.
    suffix : str
        Of the format, in lower case.
    error : subclass of GaborkitError

    Raises
    ------
    error
        If there is another suffix.

    Examples
    --------
    >>> check_suffix("bank.JSON", ".json", PictureError)
    >>> check_suffix("bank.png", ".json", PictureError)
    Traceback (most recent call last):
    gaborkit.errors.PictureError: bank.png: .png is unknown here; give a name in .json
    """
    other = Path(path).suffix
    if other.lower() not in ("", suffix):
        raise error(f"{os.fspath(path)}: {other} is unknown here; give a name in {suffix}")


def as_text(name: str) -> str:
    r"""A file's name as text that every file holds, whatever bytes it has.

    Examples
    --------
    >>> as_text(os.fsdecode(b"caf\xe9.png"))
    'caf\ufffd.png'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@contextlib.contextmanager
def atomic_write(path: StrPath, error: type[GaborkitError] = PictureError) -> Iterator[Path]:
    """Yield a temporary path that takes the place of ``path`` once the block has succeeded.

    The temporary file lies in the same folder, has the same suffix, and exists (empty) when the
    block starts. If the block raises, it is removed and the old file, if any, stays as it was.

    Parameters
    ----------
    path : path
        The file to be written; its folder must exist. A symbolic link stays one, and what it points
        to is replaced; of several hard links, the others keep the old file. The new file has the
        permissions of the old one, or those that the umask leaves.
    error : subclass of GaborkitError
        What to raise when the operating system refuses.

    Yields
    ------
    pathlib.Path
        Where to write. Whatever creates a file of another mode there, or another file, may do so.

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
    with atomic_writes(path, error=error) as (temporary,):
        yield temporary


@contextlib.contextmanager
def atomic_writes(
    *paths: StrPath, error: type[GaborkitError] = PictureError
) -> Iterator[tuple[Path, ...]]:
    """As `atomic_write`, of a file and those that describe it, at one moment.

    Once all are whole on the disk they take their places in the order of ``paths``. The old ones
    but the first are set aside before, so that no old description lies beside a new file, and put
    back if the first cannot take its place. A description that the block deletes is deleted.

    Yields
    ------
    tuple of pathlib.Path
        Where to write each.
    """
    targets = [check_target(path, error) for path in paths]
    with contextlib.ExitStack() as stack:
        try:
            temporaries = [stack.enter_context(_temporary(target)) for target in targets]
            modes = [temporary.stat().st_mode for temporary in temporaries]
            yield tuple(temporaries)
            for temporary, mode in zip(temporaries, modes, strict=True):
                if temporary.exists():
                    temporary.chmod(stat.S_IMODE(mode))
            _commit(temporaries, targets)
        except OSError as cause:
            raise error(f"{os.fspath(paths[0])}: cannot be written ({_reason(cause)})") from cause


def put_in_place(source: Path, path: StrPath, description: str) -> None:
    """Give a finished file its name, together with NAME.json, the text that describes it.

    Raises
    ------
    PictureError
        As :func:`atomic_write`.
    """
    target, sidecar = check_target(path), check_target(f"{os.fspath(path)}.json")
    try:
        with _temporary(sidecar) as temporary:
            temporary.write_text(description, encoding="utf-8")
            _commit([source, temporary], [target, sidecar])
    except OSError as cause:
        raise PictureError(f"{os.fspath(path)}: cannot be written ({_reason(cause)})") from cause


def _commit(sources: Sequence[Path], targets: Sequence[Path]) -> None:
    """Let files take the places of others, whose modes they get; see `atomic_writes`."""
    pairs = [(x, target) for x, target in zip(sources, targets, strict=True) if x.exists()]
    for source, target in pairs:
        with source.open("rb+") as stream:
            # Without it, a power cut after the rename can leave an empty file.
            os.fsync(stream.fileno())
        if target.exists():
            shutil.copymode(target, source)
    with _set_aside(targets[1:]) as forget:
        for source, target in pairs:
            source.replace(target)
            forget()  # they describe what is not there any more
    for folder in {target.parent for target in targets}:
        _sync_folder(folder)


@contextlib.contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    """A new empty file beside another one, deleted at the end, or later if the process is killed.

    It is locked while the process lives: that tells it from one that a killed process has left,
    which the next to write into the folder deletes. Without locks (Windows, some network file
    systems) nothing is deleted.
    """
    remove_stale(str(target.parent))
    while True:
        # A short fixed name: that of the target may already be as long as the system allows.
        temporary = target.with_name(f".gaborkit-tmp-{secrets.token_hex(8)}{target.suffix}")
        # `touch` rather than `tempfile`, so that the umask decides who may read the result.
        temporary.touch(exist_ok=False)
        stream = try_lock(temporary)
        if stream is not None:
            break
    with stream:
        try:
            yield temporary
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


@functools.lru_cache(maxsize=1024)
def remove_stale(folder: str) -> None:
    """Delete temporary files that killed processes have left in a folder, once in this process."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    stream = try_lock(Path(entry.path), surely=True)
                    if stream is not None:
                        with stream:
                            Path(entry.path).unlink()


@contextlib.contextmanager
def _set_aside(paths: Sequence[Path]) -> Iterator[Callable[[], None]]:
    """Hide old files while the block runs; put them back if it fails before it forgets them.

    A process that is killed in between, which takes microseconds, leaves them under names that
    `remove_stale` spares: they are the user's.
    """
    aside = {path: path.with_name(f".gaborkit-old-{secrets.token_hex(8)}") for path in paths}
    hidden: list[Path] = []

    def forget() -> None:
        while hidden:
            with contextlib.suppress(OSError):
                aside[hidden.pop()].unlink()

    try:
        for path in paths:
            if path.exists():
                path.replace(aside[path])
                hidden.append(path)
        yield forget
    except BaseException:
        for path in hidden:
            aside[path].replace(path)
        raise
    forget()


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
