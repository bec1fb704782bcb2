"""Damaged stores and tables, and full disks: one line, nothing lost, and gone on with exactly."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from commands_for_tests import run
from pictures_for_tests import names_in

import gaborkit as gk
from gaborkit.errors import FeatureError, PictureError
from gaborkit.features import read_table
from gaborkit.large import filter_large, open_source, tiled_filtering
from gaborkit.large.targets import _pieces

KERNEL = gk.GaborKernel(sigma=2)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    pytest.importorskip("zarr", reason="needs zarr")
    path = tmp_path / "a.zarr"
    filter_large(KERNEL, np.random.default_rng(0).random((60, 60)), path)
    return path


def edit(path: Path, change: Callable[[dict], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_chunk_that_is_damaged(store):
    (chunk,) = (path for path in (store / "0/c").rglob("*") if path.is_file())
    whole = chunk.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    for damaged in (b"", b"no chunk", whole[: len(whole) // 2], whole[:-1], bytes(changed)):
        chunk.write_bytes(damaged)
        with pytest.raises(PictureError, match=r"a\.zarr: is damaged \(.*\); a complete copy"):
            filter_large(KERNEL, store, store.with_name("b.npy"))
    assert names_in(store.parent) == ["a.zarr"]


@pytest.mark.parametrize("path", ["", "1", None, 7])
def test_metadata_that_name_no_array(path, store):
    def change(content):
        content["attributes"]["ome"]["multiscales"][0]["datasets"][0]["path"] = path

    edit(store / "zarr.json", change)
    with pytest.raises(PictureError, match=r"a\.zarr: (its metadata name no array|cannot be read)"):
        open_source(store)


def test_chunks_of_no_size(store):
    def change(content):
        content["chunk_grid"]["configuration"]["chunk_shape"] = [0, 64]

    edit(store / "0/zarr.json", change)
    with pytest.raises(PictureError, match=r"a\.zarr: (has chunks of shape|cannot be read)"):
        open_source(store)


def test_tables_with_missing_rows(tmp_path):
    arrays = {"names": np.array(["x"]), "values": np.ones((2, 1)), "gaborkit": np.array("{}")}
    for pictures in (["a"], ["a", "b", "c"], ["a", "a"]):
        np.savez(tmp_path / "a.npz", pictures=np.array(pictures), **arrays)
        with pytest.raises(FeatureError, match=r"a\.npz: is damaged or no table .*different rows"):
            read_table(tmp_path / "a.npz")
        result = run("retrieve", "sample:brick", tmp_path / "a.npz")
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    ("span", "chunk", "expected"),
    [
        (range(10), 4, [(0, 4), (4, 8), (8, 10)]),
        (range(3, 10), 4, [(3, 4), (4, 8), (8, 10)]),
        (range(4, 8), 4, [(4, 8)]),
        (range(5, 6), 4, [(5, 6)]),
    ],
)
def test_pieces_of_a_region_lie_in_one_chunk_each(span, chunk, expected):
    assert [(x.start, x.stop) for x in _pieces(span, chunk)] == expected


# ---- full disks ----


def limited(size: int) -> Callable[[], None]:
    """As a disk that is full once a file has so many bytes."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def command(*words: object, size: int, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gaborkit_cli.main", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        preexec_fn=limited(size),
        check=False,
    )


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="sizes of files are not limited")
@pytest.mark.parametrize("out", ["o.zarr", "o.npy", "o.csv", "o.pdf", "o.png"])
def test_a_full_disk_is_one_line_and_keeps_what_there_was(out, tmp_path):
    if out == "o.zarr":
        pytest.importorskip("zarr", reason="needs zarr")
        filter_large(KERNEL, np.ones((20, 20)), tmp_path / out)
    else:
        (tmp_path / out).write_text("old")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    words = {
        ".zarr": ["filter", "sample:brick", "--bank", "grid", "--scales", 1, "--orientations", 6],
        ".npy": ["filter", "sample:brick", "--sigma", 3],
        ".csv": ["features", "sample:brick", "--features", "gist"],
        ".pdf": ["plot", "kernel", "--sigma", 3],
        ".png": ["filter", "sample:brick", "--sigma", 3],
    }[Path(out).suffix]
    result = command(*words, "--out", out, size=2000, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {out}"), result.stderr
    assert result.stderr.count("\n") == 1
    assert "unexpected" not in result.stderr
    after = {
        path: path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file() and not path.name.endswith(".partial")
    }
    assert after == before
    assert [path.name for path in tmp_path.iterdir() if "gaborkit" in path.name] == []


@contextlib.contextmanager
def full_disk(size: int) -> Iterator[None]:
    """The same in this process."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_a_zarr_store_that_fills_the_disk_in_the_middle(tmp_path, monkeypatch):
    pytest.importorskip("zarr", reason="needs zarr")
    monkeypatch.setattr(tiled_filtering, "tile_shape", lambda *arguments, **options: (32, 64))
    image = np.zeros((96, 64))
    image[64:] = np.random.default_rng(0).random((32, 64))  # which does not compress
    np.save(tmp_path / "a.npy", image)
    filter_large(KERNEL, tmp_path / "a.npy", tmp_path / "whole.zarr")
    chunks = (tmp_path / "whole.zarr/0/c").rglob("*")
    largest = max(path.stat().st_size for path in chunks if path.is_file())
    broken = tmp_path / "broken.zarr"
    with full_disk(largest - 1000), pytest.raises(PictureError) as caught:
        filter_large(KERNEL, tmp_path / "a.npy", broken)
    assert "broken.zarr" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not broken.exists()
    done = len(broken.with_name("broken.zarr.tiles").read_bytes().splitlines()) - 1
    seen: list[int] = []
    filter_large(
        KERNEL,
        tmp_path / "a.npy",
        broken,
        resume=True,
        progress=lambda number, total: seen.append(number),
    )
    assert 0 < done < 3
    assert seen == list(range(done + 1, 4))
    assert np.array_equal(open_source(broken)[:], open_source(tmp_path / "whole.zarr")[:])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device")
def test_printing_to_a_full_disk_and_to_nobody(tmp_path):
    words = [sys.executable, "-m", "gaborkit_cli.main"]
    for arguments in (["--help"], ["--version"], ["plot", "bank", "--bank", "bob", "--table"]):
        with Path("/dev/full").open("w") as full:
            result = subprocess.run(
                [*words, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
        assert result.returncode == 1
        assert result.stderr.count("\n") == 1
        assert "No space left on device" in result.stderr
        reading, writing = os.pipe()
        os.close(reading)
        result = subprocess.run(
            [*words, *arguments], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
        )
        os.close(writing)
        assert result.stderr == ""
