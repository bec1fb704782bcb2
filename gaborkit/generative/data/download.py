"""Download one file from the mirrors that torchvision knows, verified by its checksum."""

from __future__ import annotations

import hashlib
import http.client
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import URLError

from ...errors import DataError
from ...io.files import atomic_write
from ..progress import Progress

#: Seconds without an answer after which the next mirror is tried.
TIMEOUT = 20
_CHUNK = 1 << 16


def download(
    title: str, name: str, folder: Path, remedy: str, progress: Progress | None = None
) -> Path:
    """Download ``name.gz`` of a data set into ``folder``, which is created.

    Parameters
    ----------
    title : str
        The name of torchvision's class: ``MNIST``, ``FashionMNIST``, ``KMNIST``.
    name : str
        One of `idx.NAMES`.
    folder : Path
    remedy : str
        What works instead, for the error.
    progress : callable, optional
        Called with the bytes that have come and the bytes that the file has.

    Returns
    -------
    Path
        The file, whole and verified; of one that was cut off, nothing stays.

    Raises
    ------
    DataError
        If torchvision is missing, the folder cannot be written, or every mirror fails.
    """
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError, OSError) as cause:
        # A torchvision that was built for another torch raises a RuntimeError.
        raise DataError(
            f"{title}: downloading needs torchvision, which cannot be imported "
            f"({_one_line(cause)}); pip install torchvision, or {remedy}"
        ) from cause
    source: Any = getattr(datasets, title)
    checksum = dict(source.resources)[f"{name}.gz"]
    target = folder / f"{name}.gz"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise DataError(
            f"{folder}: cannot be created ({cause.strerror or cause}); {remedy}"
        ) from cause
    tried = []
    for mirror in source.mirrors:
        try:
            content = _fetch(f"{mirror}{name}.gz", progress)
        except (OSError, http.client.HTTPException) as cause:
            # Every error of urllib's is an OSError.
            tried.append(f"{mirror}{name}.gz: {_one_line(cause)}")
            continue
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != checksum:
            tried.append(f"{mirror}{name}.gz: wrong checksum")
            continue
        with atomic_write(target, DataError) as temporary:
            temporary.write_bytes(content)
        return target
    raise DataError(f"{title} cannot be downloaded (tried {'; '.join(tried)}); {remedy}")


def _fetch(address: str, progress: Progress | None) -> bytes:
    request = urllib.request.Request(address, headers={"User-Agent": "gaborkit"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else 0
        content = bytearray()
        while chunk := response.read(_CHUNK):
            content += chunk
            if progress is not None:
                progress(len(content), max(total, len(content)))
    return bytes(content)


def _one_line(cause: Exception) -> str:
    # str() of a URLError wraps its reason in angle brackets; that of an HTTPError has the status.
    reason = cause.reason if type(cause) is URLError else cause
    return " ".join(str(reason).split()) or type(cause).__name__
