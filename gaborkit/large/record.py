"""The list of tiles that an unfinished target holds, by which a run that was stopped goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FilterError
from ..io.journal import decode, encode

#: Smallest and largest value of a tile; None for complex responses.
Limits = tuple[float, float] | None


@dataclass(frozen=True)
class Record:
    """Lines of JSON: what the run is, then number and limits of each tile that is written.

    Attributes
    ----------
    tile : (int, int)
    done : dict of int to limits
    """

    path: Path
    tile: tuple[int, int]
    done: dict[int, Limits]

    @classmethod
    def start(cls, path: Path, run: Mapping[str, Any], tile: tuple[int, int]) -> Record:
        """Begin a list; ``run`` is JSON-ready."""
        path.write_bytes(encode({"run": run, "tile": tile}))
        return cls(path, tile, {})

    @classmethod
    def read(cls, path: Path, run: Mapping[str, Any]) -> Record | None:
        """The list that a run which was stopped has left; None if there is none.

        Raises
        ------
        FilterError
            If that was another run, or the list is damaged.
        """
        try:
            lines = path.read_bytes().splitlines(keepends=True)
            if lines and not lines[-1].endswith(b"\n"):
                del lines[-1]  # it was cut off
            head, *entries = map(decode, lines)
            stored, (tall, wide) = head["run"], head["tile"]
            done: dict[int, Limits] = {
                number: None if limits is None else (limits[0], limits[1])
                for number, limits in entries
            }
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError):
            raise FilterError(f"{path}: is damaged; start again without resume") from None
        settings = json.loads(json.dumps(run))
        other = [key for key in settings if stored.get(key) != settings[key]]
        if other:
            raise FilterError(
                f"{path}: was left by a run with another {', '.join(other)}; repeat that one, "
                "or start again without resume"
            )
        # Whatever was cut off must not run into the next line.
        os.truncate(path, sum(map(len, lines)))
        return cls(path, (tall, wide), done)

    def add(self, number: int, limits: Limits) -> None:
        """Note that a tile is in the target."""
        with self.path.open("ab") as stream:
            stream.write(encode([number, limits]))
        self.done[number] = limits

    @property
    def limits(self) -> Limits:
        """Of all tiles."""
        ranges = [limits for limits in self.done.values() if limits is not None]
        if not ranges:
            return None
        return min(low for low, _ in ranges), max(high for _, high in ranges)
