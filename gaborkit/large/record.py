"""The list of tiles that an unfinished target holds, by which a run that was stopped goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import FilterError

#: Smallest and largest value of a tile; None for complex responses.
Limits = tuple[float, float] | None


class Record:
    """Lines of JSON: what the run is, then number and limits of each tile that is written.

    Attributes
    ----------
    tile : (int, int)
    done : dict of int to limits
    """

    def __init__(self, path: Path, tile: tuple[int, int], done: dict[int, Limits]) -> None:
        self.path, self.tile, self.done = path, tile, done

    @classmethod
    def start(cls, path: Path, run: Mapping[str, Any], tile: tuple[int, int]) -> Record:
        """Begin a list; ``run`` is JSON-ready."""
        path.write_text(json.dumps({"run": run, "tile": tile}) + "\n", encoding="utf-8")
        return cls(path, tile, {})

    @classmethod
    def read(cls, path: Path, run: Mapping[str, Any]) -> Record | None:
        """The list that a run which was stopped has left; None if there is none.

        Raises
        ------
        FilterError
            If that was another run.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            head = json.loads(lines[0])
            tall, wide = head["tile"]
            stored = head["run"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError):
            raise FilterError(f"{path}: is damaged; start again without resume") from None
        given = json.loads(json.dumps(run))
        other = [key for key in given if stored.get(key) != given[key]]
        if other:
            raise FilterError(
                f"{path}: was left by a run with another {', '.join(other)}; repeat that one, "
                "or start again without resume"
            )
        done: dict[int, Limits] = {}
        for line in lines[1:]:
            if line.endswith("\n"):  # the last line may have been cut off
                number, limits = json.loads(line)
                done[number] = None if limits is None else (limits[0], limits[1])
        # Whatever was cut off must not run into the next line.
        path.write_text("".join(line for line in lines if line.endswith("\n")), encoding="utf-8")
        return cls(path, (tall, wide), done)

    def add(self, number: int, limits: Limits) -> None:
        """Note that a tile is in the target."""
        self.done[number] = limits
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps([number, limits]) + "\n")

    @property
    def limits(self) -> Limits:
        """Of all tiles."""
        found = [limits for limits in self.done.values() if limits is not None]
        if not found:
            return None
        return min(low for low, _ in found), max(high for _, high in found)
