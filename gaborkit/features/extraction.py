"""From picture files to a table of features in a file: parallel, in flat memory, resumable."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from .. import __version__
from ..errors import FeatureError
from ..io.files import StrPath, check_target
from ..io.locks import locked
from ..io.pictures.formats import split_page
from .base import Descriptor
from .descriptors import to_dict
from .file_features import Colour, Described, describe_files
from .row_store import Store
from .table_files import check_table_path, write_table


class Extracted(NamedTuple):
    """What :func:`extract_features` did.

    Attributes
    ----------
    pictures, features : int
        Pictures that were described, and columns of the table.
    resumed : int
        Pictures of which an earlier run had left the rows.
    failed : tuple of Described
        Pictures without a row, with their errors.
    rows : int
        Of the table: one for each picture, or for each object.
    """

    pictures: int
    features: int
    resumed: int
    failed: tuple[Described, ...]
    rows: int


def extract_features(
    descriptor: Descriptor,
    sources: Iterable[StrPath],
    out: StrPath,
    *,
    colour: Colour = "luminance",
    jobs: int | None = None,
    masks: Mapping[str, StrPath] | None = None,
    labels: Mapping[str, StrPath] | None = None,
    resume: bool = False,
    progress: Callable[[int, int, Described], object] | None = None,
) -> Extracted:
    """Describe picture files and write the table of their features.

    Until all are described, rows are kept in OUT.partial; a run that is stopped goes on from there
    with ``resume``. The table is written whole or not at all.

    Parameters
    ----------
    descriptor : Descriptor
    sources : iterable of paths
        One row each, in this order; a picture given twice has one.
    out : path
        ``.csv``, ``.npz`` or ``.parquet``, see :func:`write_table`; an existing file is replaced.
    colour, jobs, masks, labels
        As :func:`describe_files`. With labels there is a row for each object.
    resume : bool
        Go on with OUT.partial where there is one. Its rows are taken as they are, even of a picture
        that has changed since; pictures that failed are tried again.
    progress : callable, optional
        Called with the number of pictures done, of all, and the last one.

    Returns
    -------
    Extracted

    Raises
    ------
    FeatureError
        If ``out`` is one of the sources, has an unknown suffix, cannot be written, or is being
        written by another process; if OUT.partial
        is there and ``resume`` is not wanted, or is of another run. No table is written, and the
        old one stays, if every picture failed.
    ModuleNotFoundError
        If ``out`` is Parquet and pyarrow is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from gaborkit.features import Energy, read_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = extract_features(Energy(), ["sample:brick", "sample:grass"], f"{folder}/a.npz")
    ...     read_table(f"{folder}/a.npz").features.shape
    (2, 24)
    """
    check_table_path(out)
    target = check_target(out, FeatureError)
    names = list(dict.fromkeys(os.fspath(source) for source in sources))
    if not names:
        raise FeatureError("there are no pictures to describe; give at least one")
    for name in names:
        if os.path.realpath(split_page(name)[0]) == os.path.realpath(out):
            raise FeatureError(f"{os.fspath(out)}: is one of the pictures; give another name")
    run = {"gaborkit": __version__, **to_dict(descriptor), "colour": colour}
    for kind, chosen in (("masks", masks), ("labels", labels)):
        if chosen is not None:
            run[kind] = {name: os.fspath(chosen[name]) for name in names if name in chosen}
    partial = Path(f"{os.fspath(out)}.partial")
    failed = []
    with locked(target, FeatureError, name=out), _writing(out):
        with Store(partial, run, resume=resume) as store:
            resumed = sum(name in store for name in names)
            left = [name for name in names if name not in store]
            described_rows = describe_files(
                descriptor, left, colour=colour, jobs=jobs, masks=masks, labels=labels
            )
            with contextlib.closing(described_rows):
                for number, described in enumerate(described_rows, resumed + 1):
                    described = _stored(store, described)
                    if described.error is not None:
                        failed.append(described)
                    if progress is not None:
                        progress(number, len(names), described)
            rows = store.count(names)
            if rows:
                write_table(
                    out,
                    store.rows(names),
                    store.names or (),
                    dtype=store.dtype,
                    description={**run, "failed": {d.source: str(d.error) for d in failed}},
                    objects=labels is not None,
                )
            features = len(store.names or ())
        partial.unlink()
    return Extracted(len(names) - len(failed), features, resumed, tuple(failed), rows)


@contextlib.contextmanager
def _writing(out: StrPath) -> Iterator[None]:
    """Say of what the system refuses, such as a full disk, which table it was for."""
    try:
        yield
    except OSError as cause:
        raise FeatureError(
            f"{os.fspath(out)}: cannot be written ({cause.strerror or cause})"
        ) from cause


def _stored(store: Store, described: Described) -> Described:
    """Store a picture's features; an error in place of those that do not fit."""
    if described.features is None:
        return described
    try:
        store.add(described.source, described.features, described.labels)
    except FeatureError as error:
        return Described(described.source, None, error)
    return described
