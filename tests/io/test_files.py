"""Files whole or not at all: their modes, links, what killed processes leave, and locks."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pictures_for_tests import names_in

import gaborkit as gk
from gaborkit.errors import FeatureError, FilterError, PictureError, StoreError
from gaborkit.features import Energy, extract_features
from gaborkit.features.table_files import write_table
from gaborkit.generative.montage import write_gif
from gaborkit.generative.training import checkpoint
from gaborkit.io import journal, locks
from gaborkit.io.files import (
    atomic_write,
    atomic_writes,
    put_in_place,
    remove_stale,
)
from gaborkit.io.locks import locked, try_lock
from gaborkit.large import filter_large

posix = pytest.mark.skipif(os.name != "posix", reason="modes, links and locks")


class BoomError(Exception):
    """What goes wrong in these tests."""


# ---- modes and links ----


def to_checkpoint(path: Path) -> None:
    checkpoint.write(path, {"weight": torch.zeros(2)}, {"step": 1})


WRITERS: dict[str, Callable[[Path], Any]] = {
    "a.png": lambda path: gk.write_image(path, np.zeros((4, 4), np.uint8), {"a": 1}),
    "a.tif": lambda path: gk.write_image(path, np.zeros((4, 4), np.float32)),
    "a.jpg": lambda path: gk.write_image(path, np.zeros((4, 4), np.uint8)),
    "a.npz": lambda path: gk.write_image(path, np.zeros((4, 4))),
    "a.gif": lambda path: write_gif(path, torch.zeros(2, 1, 4, 4)),
    "a.csv": lambda path: write_table(path, [("a", np.ones(1))], ["x"]),
    "a.json": lambda path: gk.GaborBank.grid(1, 1).save(path),
    "a.safetensors": to_checkpoint,
    "a.pdf": lambda path: gk.plotting.save_figure(
        gk.plotting.plot_bank(gk.GaborBank.grid(1, 1)), path
    ),
    "large.npy": lambda path: filter_large(gk.GaborKernel(sigma=2), np.ones((20, 20)), path),
    "large.tif": lambda path: filter_large(gk.GaborKernel(sigma=2), np.ones((20, 20)), path),
}


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@posix
@pytest.mark.parametrize("name", WRITERS)
def test_modes_are_those_of_a_plain_write(name, umask, tmp_path):
    path = tmp_path / name
    for mask in (0o022, 0o002, 0o077):
        umask(mask)
        WRITERS[name](path)
        assert {mode(file) for file in tmp_path.iterdir()} == {0o666 & ~mask}
        for file in tmp_path.iterdir():
            file.unlink()
    path.write_text("old")
    path.chmod(0o640)
    inode = path.stat().st_ino
    WRITERS[name](path)
    assert mode(path) == 0o640
    assert path.stat().st_ino != inode
    # What a link points to is replaced, and the link stays.
    link = tmp_path / f"link{path.suffix}"
    link.symlink_to(path)
    path.write_text("old")
    WRITERS[name](link)
    assert link.is_symlink()
    assert path.read_bytes() != b"old"
    assert mode(path) == 0o640
    assert [x for x in names_in(tmp_path) if "gaborkit" in x or "partial" in x] == []


# ---- several files at one moment ----


def test_files_and_descriptions_change_together(tmp_path, monkeypatch):
    data, text, more = tmp_path / "a.npy", tmp_path / "a.json", tmp_path / "b.json"
    for new in ("1", "2"):
        with atomic_writes(data, text, more, error=StoreError) as temporaries:
            for temporary in temporaries:
                temporary.write_text(new)
            if new == "2":
                assert data.read_text() == text.read_text() == more.read_text() == "1"
        assert data.read_text() == text.read_text() == more.read_text() == new
    with atomic_writes(data, text) as (temporary, description):
        temporary.write_text("3")
        description.unlink()
    assert data.read_text() == "3"
    assert names_in(tmp_path) == ["a.npy", "b.json"]

    replace = Path.replace

    def refuse(self, target):
        if Path(target) == data:
            raise PermissionError(1, "Operation not permitted")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refuse)
        with pytest.raises(StoreError, match=r"a\.npy: cannot be written \(Operation not"):  # noqa: SIM117
            with atomic_writes(data, more, error=StoreError):
                pass
        partial = tmp_path / "a.partial"
        partial.write_text("4")
        with pytest.raises(PictureError, match=r"a\.npy: cannot be written"):
            put_in_place(partial, data, "{}")
    assert (data.read_text(), more.read_text()) == ("3", "2")
    with pytest.raises(BoomError), atomic_writes(data, more):
        raise BoomError
    put_in_place(partial, data, "{}")
    assert names_in(tmp_path) == ["a.npy", "a.npy.json", "b.json"]


# ---- what killed processes leave ----


@posix
def test_temporary_files_of_dead_processes_are_removed(tmp_path):
    stale = [tmp_path / f".gaborkit-tmp-{k:016x}.png" for k in range(2)]
    spared = [
        tmp_path / name
        for name in (".gaborkit-notes", ".gaborkit-tmp-1.png", ".gaborkit-old-0123456789abcdef")
    ]
    link = tmp_path / f".gaborkit-tmp-{9:016x}.png"
    link.symlink_to(spared[0])
    folder = tmp_path / f".gaborkit-tmp-{8:016x}"
    folder.mkdir()
    for path in stale + spared:
        path.write_text("x")
    remove_stale.cache_clear()
    with atomic_write(tmp_path / "living.png") as temporary:
        temporary.write_text("living")
        remove_stale.cache_clear()
        with atomic_write(tmp_path / "a.png"):
            assert temporary.exists()
            assert not any(path.exists() for path in stale)
    assert all(path.exists() for path in (*spared, link, folder))
    assert (tmp_path / "living.png").read_text() == "living"


@posix
def test_without_locks_nothing_is_removed(tmp_path, monkeypatch):
    stale = tmp_path / f".gaborkit-tmp-{0:016x}.png"
    stale.touch()
    for fcntl in (None, locks.fcntl):
        monkeypatch.setattr(locks, "fcntl", fcntl)
        if fcntl is not None:
            monkeypatch.setattr(locks.fcntl, "flock", refuse_locks)
        remove_stale.cache_clear()
        (tmp_path / "a.json").unlink(missing_ok=True)
        gk.GaborBank.grid(1, 1).save(tmp_path / "a.json")
        assert stale.exists()


def refuse_locks(*arguments: object) -> None:
    raise OSError("no locks")


KILLED = """
import os, signal, sys, threading
import numpy as np
from gaborkit.io.files import atomic_write
with atomic_write(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    sys.stdin.read()
"""


@posix
def test_a_killed_process_leaves_nothing_for_ever(tmp_path):
    target = tmp_path / "a.png"
    target.write_text("old")
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, target],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "writing\n"
        remove_stale.cache_clear()
        remove_stale(str(tmp_path))
        assert len(names_in(tmp_path)) == 2
        process.send_signal(signal.SIGKILL)
    assert len(names_in(tmp_path)) == 2
    remove_stale.cache_clear()
    with atomic_write(tmp_path / "b.png") as temporary:
        temporary.write_text("b")
    assert names_in(tmp_path) == ["a.png", "b.png"]
    assert target.read_text() == "old"


# ---- locks ----


@posix
def test_one_holder_at_a_time_says_who_it_is(tmp_path):
    target = tmp_path / "o.csv"
    message = rf"o\.csv: is being written by process {os.getpid()} on .+; wait for its end"
    with locked(target, FeatureError):
        with pytest.raises(FeatureError, match=message), locked(target, FeatureError):
            pass
        (tmp_path / ".o.csv.lock").write_bytes(b"\xff")
        with pytest.raises(FeatureError, match="by another process; wait"):  # noqa: SIM117
            with locked(target, FeatureError):
                pass
        assert try_lock(tmp_path / ".o.csv.lock") is None
    assert names_in(tmp_path) == []
    with pytest.raises(StoreError, match=r"b: cannot be written \(No such file"):  # noqa: SIM117
        with locked(tmp_path / "missing/a", StoreError, name="b"):
            pass


ALONE = """
import sys
from pathlib import Path
from gaborkit.errors import StoreError
from gaborkit.io.locks import locked
folder, entered = Path(sys.argv[1]), 0
while entered < 40:
    try:
        with locked(folder / "a", StoreError):
            (folder / "inside").touch(exist_ok=False)
            entered += 1
            (folder / "inside").unlink()
    except StoreError:
        pass
"""


@posix
def test_no_two_processes_are_inside_at_once(tmp_path):
    """The lock's file comes and goes meanwhile."""
    processes = [subprocess.Popen([sys.executable, "-c", ALONE, tmp_path]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert names_in(tmp_path) == []


@posix
def test_who_is_second_is_refused_and_spoils_nothing(tmp_path):
    out = tmp_path / "o.csv"
    with locked(out, FeatureError):
        with pytest.raises(FeatureError, match=r"o\.csv: is being written by process"):
            extract_features(Energy(), ["sample:brick"], out)
        assert names_in(tmp_path) == [".o.csv.lock"]
    kernel, image = gk.GaborKernel(sigma=2), np.ones((20, 20))
    for name in ("o.npy", "o.zarr"):
        if name == "o.zarr":
            pytest.importorskip("zarr", reason="needs zarr")
        (tmp_path / f"{name}.partial").write_text("of the other")
        with locked(tmp_path / name, PictureError):
            with pytest.raises(PictureError, match=f"{re.escape(name)}: is being written by"):
                filter_large(kernel, image, tmp_path / name)
            assert (tmp_path / f"{name}.partial").read_text() == "of the other"
        filter_large(kernel, image, tmp_path / name)
    assert names_in(tmp_path) == ["o.npy", "o.npy.json", "o.zarr"]


# ---- journals ----


def test_a_journal_notices_every_changed_byte():
    line = journal.encode({"a": [1.5, None, "é\n"]})
    assert journal.decode(line) == {"a": [1.5, None, "é\n"]}
    for k in range(len(line)):
        for value in {0, 9, 10, 32, 48, 255, line[k] ^ 1} - {line[k]}:
            with pytest.raises(ValueError, match="checksum"):
                journal.decode(line[:k] + bytes([value]) + line[k + 1 :])
    deep = b"[" * 100_000 + b"]" * 100_000
    with pytest.raises(ValueError, match="nested more than 64 deep"):
        journal.decode(b"%s\t%08x\n" % (deep, journal.zlib.crc32(deep)))


def test_a_damaged_list_of_tiles(tmp_path):
    kernel, image = gk.GaborKernel(sigma=2), np.arange(90000.0).reshape(300, 300)
    whole, part = tmp_path / "whole.npy", tmp_path / "part.npy"
    filter_large(kernel, image, whole, memory="300kB", engine="separable")

    def stop(done: int, total: int) -> None:
        assert total > 2
        if done == 2:
            raise BoomError

    def interrupted() -> tuple[Path, Path]:
        with pytest.raises(BoomError):
            filter_large(kernel, image, part, memory="300kB", engine="separable", progress=stop)
        return Path(f"{part}.tiles"), Path(f"{part}.partial")

    def resume() -> None:
        filter_large(kernel, image, part, memory="300kB", engine="separable", resume=True)

    tiles, partial = interrupted()
    text, values = tiles.read_bytes(), partial.read_bytes()
    head, _ = text.split(b"\n", 1)
    start = head.index(b'"tile": [') + 9
    big = head[:start] + b"1000000000000" + head[start + 2 :]
    for damaged in (b"", b"{}\n", b"\xff" * 40, text.replace(b"tile", b"tilt"), big + b"\n"):
        tiles.write_bytes(damaged)
        with pytest.raises(FilterError, match=r"tiles: is damaged; start again without resume"):
            resume()
    tiles.write_bytes(text)
    for damaged in (b"", values[:50], values[:-8], values.replace(b"300, 300", b"100, 900")):
        partial.write_bytes(damaged)
        with pytest.raises(FilterError, match=r"partial: is damaged; start again without resume"):
            resume()
    # What was cut off is done again; and nothing of this has lost anything.
    partial.write_bytes(values)
    tiles.write_bytes(text[:-5])
    resume()
    assert part.read_bytes() == whole.read_bytes()
    assert not tiles.exists()


def test_a_damaged_store_of_features(tmp_path):
    out, partial = tmp_path / "o.csv", tmp_path / "o.csv.partial"

    def stop(*arguments: object) -> None:
        raise BoomError

    sources = ["sample:brick", "sample:grass"]
    with pytest.raises(BoomError):
        extract_features(Energy(), sources, out, jobs=1, progress=stop)
    text = partial.read_bytes()
    for k in (5, len(text) // 2, len(text) - 20):
        partial.write_bytes(text[:k] + bytes([text[k] ^ 1]) + text[k + 1 :])
        with pytest.raises(FeatureError, match=r"o\.csv\.partial: is damaged; delete it"):
            extract_features(Energy(), sources, out, resume=True)
    partial.write_bytes(text + b"half a li")
    assert extract_features(Energy(), sources, out, resume=True).resumed == 1
    assert names_in(tmp_path) == ["o.csv", "o.csv.json"]
