"""Rows of features on disk while a long run goes on, so that a stopped one can go on later."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from ..errors import FeatureError
from ..io.files import check_target
from ..io.journal import decode, encode
from .table import Features
from .table_files import Row

#: Seconds of work that a power cut may take.
SYNC_SECONDS = 1.0


class Store:
    """A file that grows by a line for each picture: its name and values, exact.

    The first line tells what the run is, the second the names of the features. A line that was cut
    off is dropped when the file is opened again.

    Parameters
    ----------
    path : Path
    run : mapping
        JSON-ready; a run with other features cannot go on with the file.
    resume : bool
        Go on with what there is, or else refuse to overwrite it.

    Raises
    ------
    FeatureError
        If the file is there and ``resume`` is not wanted, or is of another run, or damaged.
    """

    dtype: str

    def __init__(self, path: Path, run: Mapping[str, Any], *, resume: bool = False) -> None:
        self.path = path
        self.names: tuple[str, ...] | None = None
        #: Of the most precise row.
        self.dtype = "float32"
        self._places: dict[str, int] = {}
        check_target(path, FeatureError)
        run = json.loads(json.dumps(run))
        self._size = self._read(run, resume) if path.exists() else 0
        self._stream = path.open("ab")
        self._stream.truncate(self._size)
        self._synced = time.monotonic()
        if not self._size:
            self._append({"run": run})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.fsync(self._stream.fileno())
        self._stream.close()

    def __contains__(self, picture: str) -> bool:
        return picture in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, picture: str, features: Features, labels: Sequence[int] | None = None) -> None:
        """Append a picture's values (F,), or those of its objects (N, F) with their labels.

        Raises
        ------
        FeatureError
            If its features are not those of the pictures before.
        """
        values = features.to_numpy()
        if self.names is None:
            self.names = features.names
            self._append({"names": self.names})
        if features.names != self.names:
            raise FeatureError(
                f"{picture}: its {len(features)} features are not the {len(self.names)} of the "
                "pictures before; the same size and number of channels would work"
            )
        encoded = base64.b64encode(values.tobytes()).decode()
        entry = [picture, values.dtype.name, encoded]
        self._places[picture] = self._append([*entry, labels] if labels is not None else entry)
        self._widen(values.dtype.name)
        if time.monotonic() - self._synced > SYNC_SECONDS:
            os.fsync(self._stream.fileno())
            self._synced = time.monotonic()

    def rows(self, pictures: Iterable[str]) -> Iterator[Row]:
        """Rows of those pictures that the file holds, in the order asked for.

        Those of an object are called by its picture, ``#`` and its label.
        """
        with self.path.open("rb") as stream:
            for picture in pictures:
                if picture in self._places:
                    stream.seek(self._places[picture])
                    _, dtype, encoded, *labels = decode(stream.readline())
                    values = np.frombuffer(base64.b64decode(encoded), dtype)
                    if not labels:
                        yield picture, values
                        continue
                    for label, row in zip(
                        labels[0], values.reshape(len(labels[0]), -1), strict=True
                    ):
                        yield f"{picture}#{label}", row

    def count(self, pictures: Iterable[str]) -> int:
        """Rows of those pictures that the file holds."""
        return sum(1 for _ in self.rows(pictures))

    def _widen(self, dtype: str) -> None:
        self.dtype = np.promote_types(self.dtype, dtype).name

    def _append(self, entry: object) -> int:
        """Write a line; its place in the file."""
        line, offset = encode(entry), self._size
        self._stream.write(line)
        self._stream.flush()
        self._size += len(line)
        return offset

    def _read(self, run: Mapping[str, Any], resume: bool) -> int:
        """Find what the file holds; bytes that are to be kept of it."""
        size = 0
        try:
            with self.path.open("rb") as stream:
                for number, line in enumerate(stream):
                    if not line.endswith(b"\n"):
                        break
                    entry = decode(line)
                    if number == 0:
                        stored = entry["run"]
                    elif number == 1:
                        self.names = tuple(entry["names"])
                    else:
                        picture, dtype, *_ = entry
                        self._places[picture] = size
                        self._widen(dtype)
                    size += len(line)
        except (ValueError, LookupError, TypeError) as error:
            raise FeatureError(f"{self.path}: is damaged; delete it to start again") from error
        if not self._places:  # there is nothing to lose
            self.names = None
            return 0
        if not resume:
            raise FeatureError(
                f"{self.path}: was left by a run that was stopped; go on with resume, or delete it"
            )
        self._check(stored, run)
        return size

    def _check(self, stored: Mapping[str, Any], run: Mapping[str, Any]) -> None:
        other = [key for key in run if stored.get(key) != run[key]]
        if other:
            raise FeatureError(
                f"{self.path}: was left by a run with another {', '.join(other)}; repeat that one, "
                "or delete it to start again"
            )
