"""The folder of a run: nobody else's, and trained in by one process group at a time."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from processes_for_tests import last, recipe, resume, start

from gaborkit.errors import StoreError
from gaborkit.generative.training import run_folder, session
from gaborkit.io import locks

posix = pytest.mark.skipif(os.name != "posix", reason="locks and permissions")


def test_folders_that_are_taken(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/diary.txt").write_text("dear diary")
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    run = recipe("vae", steps=1)
    for name, text in (("notes", "is not empty; give another"), ("file", "is a file; give")):
        with pytest.raises(StoreError, match=f"{name}: {text}"):
            start(run, tmp_path / name)
    with pytest.raises(StoreError, match="no such folder can be made"):
        start(run, tmp_path / "file/run")
    start(run, tmp_path / "empty")
    with pytest.raises(StoreError, match=r"holds a run already; go on with --resume"):
        start(run, tmp_path / "empty")


def test_claiming(tmp_path):
    with run_folder.claimed(tmp_path / "a/b"):
        assert (tmp_path / "a/b").is_dir()
    # What a process left that was killed before it wrote anything.
    with run_folder.claimed(tmp_path / "a/b"):
        (tmp_path / "a/b/config.json").write_text("{}")
    with (
        pytest.raises(StoreError, match="holds a run already"),
        run_folder.claimed(tmp_path / "a/b"),
    ):
        pass


@posix
def test_of_two_that_claim_a_folder_one_has_it(tmp_path):
    with (
        run_folder.claimed(tmp_path),
        pytest.raises(StoreError, match=r"is being trained by process [0-9]+ on .*; wait"),
        run_folder.claimed(tmp_path),
    ):
        pass


@posix
def test_a_run_is_trained_by_one_at_a_time(tmp_path):
    out = tmp_path / "run"
    start(recipe("vae"), out)
    with (
        run_folder.locked(out),
        pytest.raises(StoreError, match=r"run: is being trained by process [0-9]+ on .*; wait"),
    ):
        resume(out, steps=20)
    resume(out, steps=20)
    assert last(out)[1]["step"] == 20


@posix
def test_a_race_has_one_winner(tmp_path):
    """Each opens the lock for itself, so that threads are to each other as processes are."""
    barrier = threading.Barrier(4)

    def race(number):
        barrier.wait()
        try:
            with run_folder.claimed(tmp_path / "run"):
                (tmp_path / "run/config.json").write_text(str(number))
        except StoreError:
            return None
        return number

    with ThreadPoolExecutor(4) as pool:
        (winner,) = [number for number in pool.map(race, range(4)) if number is not None]
    assert (tmp_path / "run/config.json").read_text() == str(winner)


def test_file_systems_without_locks(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError("no locks")

    if locks.fcntl is not None:
        monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with run_folder.locked(tmp_path), run_folder.locked(tmp_path):
        pass
    monkeypatch.setattr(locks, "fcntl", None)  # as on Windows
    with run_folder.locked(tmp_path), run_folder.locked(tmp_path):
        pass


def test_folders_that_cannot_be_read_or_written(tmp_path, monkeypatch):
    (tmp_path / ".lock").mkdir()
    with pytest.raises(StoreError, match=r"cannot be written \(Is a directory"):  # noqa: SIM117
        with run_folder.locked(tmp_path):
            pass

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(StoreError, match=r"cannot be read \(Permission denied"):
        run_folder.check_free(tmp_path)


def test_the_main_process_says_which_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "broadcast_object_list", lambda given: [tmp_path / "first"])
    start(recipe("vae", steps=1), tmp_path / "second")
    assert [path.name for path in tmp_path.iterdir()] == ["first"]
