"""Metadata beside a picture: what it may hold, and that it never describes another picture."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from pictures_for_tests import names_in, picture, write_refused

from gaborkit.errors import PictureError
from gaborkit.io.images import WRITTEN, read_image, write_image


@pytest.mark.parametrize("suffix", [s for s in WRITTEN if s != ".npz"])
def test_sidecar(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    metadata = {
        "theta": np.float32(0.5),
        "count": np.int64(3),
        "grid": np.arange(4).reshape(2, 2),
        "flag": np.True_,
        "source": Path("a") / "b.png",
        "note": "угол\n",
        "nested": {"a": [1, None, 2.5]},
    }
    write_image(path, picture("u1"), metadata)
    sidecar = tmp_path / f"out{suffix}.json"
    assert json.loads(sidecar.read_text(encoding="utf-8")) == {
        "theta": 0.5,
        "count": 3,
        "grid": [[0, 1], [2, 3]],
        "flag": True,
        "source": str(Path("a") / "b.png"),
        "note": "угол\n",
        "nested": {"a": [1, None, 2.5]},
    }
    assert names_in(tmp_path) == [path.name, sidecar.name]
    write_image(path, picture("u1"), {"a": 2})
    assert json.loads(sidecar.read_text()) == {"a": 2}
    write_image(path, picture("u1"))
    assert names_in(tmp_path) == [path.name]


def test_folder_in_place_of_a_sidecar(tmp_path: Path) -> None:
    (tmp_path / "a.png.json").mkdir()
    write_image(tmp_path / "a.png", picture("u1"))
    write_image(tmp_path / "a.png", picture("u1"))
    assert names_in(tmp_path) == ["a.png", "a.png.json"]
    write_refused(tmp_path / "a.png", picture("u1"), "a.png.json: is a folder", metadata={})


def test_json_without_its_picture_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "a.png.json").write_text("{}")
    write_image(tmp_path / "a.png", picture("u1"))
    assert (tmp_path / "a.png.json").exists()


@pytest.mark.parametrize(
    "metadata",
    [{"a": 1j}, {"a": np.nan}, {"a": object()}, {"a": np.complex64(1)}, {(1, 2): 3}, 5],
    ids=["complex", "NaN", "object", "complex64", "tuple", "number"],
)
@pytest.mark.parametrize("suffix", [".png", ".npz"])
def test_bad_metadata(tmp_path: Path, suffix: str, metadata: object) -> None:
    write_refused(tmp_path / f"a{suffix}", picture("u1"), "JSON", metadata=metadata)


def test_recursive_metadata(tmp_path: Path) -> None:
    loop: dict[str, object] = {}
    loop["self"] = loop
    write_refused(tmp_path / "a.png", picture("u1"), "JSON", metadata=loop)


def test_a_crash_at_any_step_never_leaves_a_wrong_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Look at the folder before every rename and removal: what a crash there would leave."""
    path, sidecar = tmp_path / "a.npy", tmp_path / "a.npy.json"
    old, new = np.zeros((2, 2)), np.ones((2, 2))
    states = []

    def look() -> None:
        version = read_image(path)[0, 0]
        described = json.loads(sidecar.read_text())["version"] if sidecar.exists() else None
        states.append((version, described))

    write_image(path, old, {"version": 0})
    for name in ("replace", "unlink"):
        call = getattr(os, name)

        def watching(*args: object, call: object = call, **kwargs: object) -> None:
            look()
            call(*args, **kwargs)  # type: ignore[operator]
            look()

        monkeypatch.setattr(os, name, watching)
    write_image(path, new, {"version": 1})
    assert states[0] == (0, 0)
    assert states[-1] == (1, 1)
    assert set(states) == {(0, 0), (0, None), (1, None), (1, 1)}


def test_failing_rename_of_either_file_never_leaves_a_wrong_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, sidecar = tmp_path / "a.npy", tmp_path / "a.npy.json"
    replace = os.replace
    for target, picture_is in ((path, 0), (sidecar, 1)):
        monkeypatch.undo()
        write_image(path, np.zeros((2, 2)), {"version": 0})

        def failing(source: object, to: object, target: Path = target) -> None:
            # Putting the old description back must work even here.
            if Path(str(to)) == target and Path(str(source)).suffix == target.suffix:
                if target == sidecar and not path_is_new():
                    return replace(source, to)  # type: ignore[arg-type]
                raise OSError(5, "Input/output error")
            return replace(source, to)  # type: ignore[arg-type]

        def path_is_new() -> bool:
            return bool(read_image(path)[0, 0] == 1)

        monkeypatch.setattr(os, "replace", failing)
        with pytest.raises(PictureError, match="Input/output error"):
            write_image(path, np.ones((2, 2)), {"version": 1})
        assert read_image(path)[0, 0] == picture_is
        if sidecar.exists():
            assert json.loads(sidecar.read_text())["version"] == picture_is
        assert not list(tmp_path.glob(".gaborkit*"))
