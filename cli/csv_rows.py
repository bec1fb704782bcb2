"""Tables of what a recipe has found, as CSV with a description beside it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gaborkit.io.files import atomic_writes


def write_rows(
    out: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], description: Mapping[str, Any]
) -> None:
    """Write rows under their names into OUT, and what they are into OUT.json, whole or not at all.

    Raises
    ------
    PictureError
        If a file cannot be written.
    """
    with atomic_writes(out, f"{out}.json") as (table, sidecar):
        with table.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
        sidecar.write_text(json.dumps(dict(description), indent=2) + "\n", encoding="utf-8")
