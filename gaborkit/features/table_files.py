"""Tables of features in files: CSV, npz and Parquet, a row for each picture.

What the features are is told in JSON: beside a CSV file as NAME.csv.json, inside the others under
the name ``gaborkit``.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import FeatureError
from ..io import strict_json
from ..io.files import StrPath, as_text, atomic_writes
from ..types import RealArray
from .table import Features

#: A picture's name, of an object with ``#`` and its label behind it; and its values (F,).
Row = tuple[str, RealArray]

#: Rows of a Parquet file that are held at a time.
ROW_GROUP = 1024


class Table(NamedTuple):
    """What a file of features holds.

    Attributes
    ----------
    pictures : tuple of str
        Names; those of objects end in ``#`` and the label, as in ``coins.png#3``.
    features : Features
        Values (pictures, F).
    description : dict
        What the writer said of them; empty if that is lost.
    """

    pictures: tuple[str, ...]
    features: Features
    description: dict[str, Any]


def check_table_path(path: StrPath) -> str:
    """The suffix of a table's file, if it is known and what writes it is installed.

    Raises
    ------
    FeatureError
        If the suffix is unknown.
    ModuleNotFoundError
        If it is ``.parquet`` and pyarrow is not installed.

    Examples
    --------
    >>> check_table_path("features.xlsx")
    Traceback (most recent call last):
    gaborkit.errors.FeatureError: features.xlsx: unknown suffix '.xlsx'; .csv, .npz, .parquet work
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _WRITERS:
        raise FeatureError(f"{path}: unknown suffix {suffix!r}; {', '.join(_WRITERS)} work")
    if suffix == ".parquet":
        import pyarrow.parquet  # noqa: F401 - rather now than when all is computed
    return suffix


def write_table(
    path: StrPath,
    rows: Iterable[Row],
    names: Sequence[str],
    *,
    dtype: str = "float64",
    description: Mapping[str, Any] | None = None,
    objects: bool = False,
) -> None:
    """Write a table, whole or not at all.

    Parameters
    ----------
    path : path
        ``.csv`` (values with the fewest digits that give the same number again), ``.npz`` (arrays
        ``pictures``, ``names`` and ``values``) or ``.parquet`` (needs pyarrow).
    rows : iterable of (str, array (F,))
        Name and values of each picture. CSV and Parquet files are written as rows come, and never
        held.
    names : sequence of str
        Of the F columns after ``picture``.
    dtype : {"float32", "float64"}
    description : mapping, optional
        JSON-ready.
    objects : bool
        Whether the rows are of objects: the label behind ``#`` is a column of its own, ``label``.

    Raises
    ------
    FeatureError
        If the suffix is unknown, the first feature is called ``label``, or the file cannot be
        written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_table(f"{folder}/a.csv", [("a.png", np.array([0.5, 2]))], ["mean", "deviation"])
    ...     read_table(f"{folder}/a.csv").features
    Features(values (1, 2): mean, deviation)
    """
    suffix = check_table_path(path)
    if list(names[:1]) == ["label"]:
        raise FeatureError(f"{path}: a first feature named 'label' is taken for that of objects")
    text = json.dumps({"dtype": dtype, **(description or {})}, indent=1)
    content = _Content(rows, list(names), np.dtype(dtype), text, objects)
    beside = [f"{Path(path)}.json"] * (suffix == ".csv")
    with atomic_writes(path, *beside, error=FeatureError) as (temporary, *sidecar):
        _WRITERS[suffix](temporary, content)
        for file in sidecar:
            file.write_text(text + "\n", encoding="utf-8")


def read_table(path: StrPath) -> Table:
    """Read what :func:`write_table` wrote.

    Returns
    -------
    Table

    Raises
    ------
    FeatureError
        If the file is missing, damaged or something else.
    """
    suffix = check_table_path(path)
    try:
        pictures, names, values, text = _READERS[suffix](Path(path))
        if len(pictures) != len(values) or len(set(pictures)) != len(pictures):
            raise ValueError(f"{len(pictures)} pictures and {len(values)} different rows")
        description = strict_json.parse(text) if text else {}
        values = values.astype(description.get("dtype", "float64"), copy=False)
        return Table(tuple(pictures), Features(values, names), description)
    except OSError as error:
        raise FeatureError(f"{path}: {error.strerror or error}") from error
    except Exception as error:
        raise FeatureError(f"{path}: is damaged or no table of features ({error})") from error


def _split(name: str, objects: bool) -> tuple[str, int]:
    """A row's picture as text, and the label of its object."""
    picture, _, label = name.rpartition("#") if objects else (name, "", "0")
    return as_text(picture), int(label)


def _joined(pictures: Iterable[str], labels: Iterable[Any]) -> list[str]:
    return [f"{picture}#{label}" for picture, label in zip(pictures, labels, strict=True)]


class _Content(NamedTuple):
    """What is written: rows, their names and dtype, the description, whether rows are objects."""

    rows: Iterable[Row]
    names: list[str]
    dtype: np.dtype[Any]
    text: str
    objects: bool


# ---- CSV ----


def _write_csv(path: Path, content: _Content) -> None:
    rows, names, dtype, _, objects = content
    keys = 1 + objects
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*("picture", "label")[:keys], *names])
        for picture, values in rows:
            key = _split(picture, objects)[:keys]
            # The text of a NumPy number is the shortest that reads back as the same.
            writer.writerow([*key, *map(str, values.astype(dtype, copy=False))])


def _read_csv(path: Path) -> tuple[list[str], list[str], RealArray, str]:
    with path.open(encoding="utf-8", newline="") as stream:
        lines = csv.reader(stream)
        header = next(lines)
        rows = list(lines)
    keys = 1 + (header[1:2] == ["label"])
    names = header[keys:]
    values = np.array([row[keys:] for row in rows], dtype=float).reshape(len(rows), len(names))
    beside = Path(f"{path}.json")
    text = strict_json.read_text(beside, FeatureError) if beside.exists() else ""
    return ["#".join(row[:keys]) for row in rows], names, values, text


# ---- npz ----


def _write_npz(path: Path, content: _Content) -> None:
    rows, names, dtype, text, objects = content
    keys, values = [], []
    for picture, row in rows:
        keys.append(_split(picture, objects))
        values.append(row.astype(dtype, copy=False))
    labels: Any = {"labels": np.array([label for _, label in keys], np.int64)} if objects else {}
    np.savez(
        path,
        **labels,
        pictures=np.array([picture for picture, _ in keys], dtype=str),
        names=np.array(names, dtype=str),
        values=np.array(values, dtype=dtype).reshape(len(values), len(names)),
        gaborkit=np.array(text),
    )


def _read_npz(path: Path) -> tuple[list[str], list[str], RealArray, str]:
    with np.load(path, allow_pickle=False) as stored:
        pictures, names = stored["pictures"].tolist(), stored["names"].tolist()
        if "labels" in stored:
            pictures = _joined(pictures, stored["labels"])
        return pictures, names, stored["values"], str(stored["gaborkit"])


# ---- Parquet ----


def _write_parquet(path: Path, content: _Content) -> None:
    rows, names, dtype, text, objects = content
    import pyarrow
    import pyarrow.parquet

    number = pyarrow.from_numpy_dtype(dtype)
    keys = [("picture", pyarrow.string()), ("label", pyarrow.int64())][: 1 + objects]
    fields = [*keys, *((name, number) for name in names)]
    schema = pyarrow.schema(fields, metadata={"gaborkit": text})
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        for group in _groups(rows, ROW_GROUP):
            values = np.stack([row for _, row in group]).astype(dtype, copy=False)
            split = [_split(picture, objects) for picture, _ in group]
            columns = [*list(map(list, zip(*split, strict=True)))[: 1 + objects], *values.T]
            writer.write_table(pyarrow.table(columns, schema=schema))


def _read_parquet(path: Path) -> tuple[list[str], list[str], RealArray, str]:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    objects = table.column_names[1:2] == ["label"]
    names = table.column_names[1 + objects :]
    values = np.stack([table[name].to_numpy() for name in names], axis=1)
    pictures = table["picture"].to_pylist()
    if objects:
        pictures = _joined(pictures, table["label"].to_pylist())
    return pictures, names, values, table.schema.metadata[b"gaborkit"].decode()


def _groups(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    group: list[Row] = []
    for row in rows:
        group.append(row)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


_Writer = Callable[[Path, _Content], None]
_WRITERS: dict[str, _Writer] = {
    ".csv": _write_csv,
    ".npz": _write_npz,
    ".parquet": _write_parquet,
}
_READERS: dict[str, Callable[[Path], tuple[list[str], list[str], RealArray, str]]] = {
    ".csv": _read_csv,
    ".npz": _read_npz,
    ".parquet": _read_parquet,
}
