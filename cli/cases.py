"""Tables of cases: which region of which scan, in a line each."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gaborkit as gk

from .file_paths import paths


class Case(NamedTuple):
    """A region of an image: what is not 0 in the mask, or what is ``label``."""

    image: str
    mask: str
    label: int | None


def names_of(cases: Sequence[Case]) -> dict[Case, str]:
    """Rows are called after the images; after the masks, if an image has several for one label."""
    images = Counter((case.image, case.label) for case in cases)
    by_mask = max(images.values()) > 1
    return {
        case: (case.mask if by_mask else case.image)
        + (f"#{case.label}" if case.label is not None else "")
        for case in cases
    }


def cases_of(path: str) -> list[Case]:
    """The cases of a table; raises FeatureError if it is none."""
    cases: dict[Case, None] = {}
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restkey="", restval="")
            reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
            if not {"image", "mask"} <= set(reader.fieldnames):
                raise gk.FeatureError(
                    f"{path}: has no columns image and mask; a line of these names, and one for "
                    "each case, with commas between, works"
                )
            for row in reader:
                if not any(row.values()):  # as spreadsheets leave them
                    continue
                case = _case_of(row, Path(path).parent)
                if case is None or case in cases:
                    wrong = "is there before" if case else "names no image, mask and whole label"
                    raise gk.FeatureError(
                        f"{path}: line {reader.line_num} {wrong}; a line for each region works, of "
                        "an image, a mask and, if that holds several, a label from 1 on"
                    )
                cases[case] = None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise gk.FeatureError(f"{path}: is no table of cases that can be read ({error})") from error
    if not cases:
        raise gk.FeatureError(f"{path}: holds no case; a line for each, under the names, works")
    for case in cases:
        for named in (case.image, case.mask):
            paths().read(named)
    return list(cases)


def _case_of(row: dict[str, Any], folder: Path) -> Case | None:
    """The case of a line; None if it is none."""
    if "" in row:  # more cells than names
        return None
    image, mask, label = (row.get(name, "").strip() for name in ("image", "mask", "label"))
    number = re.fullmatch(r"(\d{1,9})(\.0*)?", label)  # as tables with empty cells write it
    if not image or not mask or (label and not (number and int(number[1]))):
        return None
    return Case(str(folder / image), str(folder / mask), int(number[1]) if number else None)
