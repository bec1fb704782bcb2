"""Checkpoints: written whole, the last good one read, the others refused in one line."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gaborkit.errors import StoreError
from gaborkit.generative.training import checkpoint

TENSORS = {
    "weight": torch.arange(6.0).reshape(2, 3).T,
    "step": torch.tensor(3.0),
    "count": torch.tensor([1, 2]),
    "half": torch.ones(2, dtype=torch.bfloat16),
    "none": torch.empty(0),
}


@pytest.fixture
def said():
    return []


def write(folder, *steps):
    for step in steps:
        checkpoint.write_step(folder, TENSORS, {"step": step, "best": float("inf")})


def test_round_trip(tmp_path, said):
    write(tmp_path, 7)
    tensors, state = checkpoint.latest(tmp_path, said.append)
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(tensors[name], tensor)
        assert tensors[name].dtype == tensor.dtype
    assert state == {"version": 1, "step": 7, "best": float("inf")}
    assert said == []


def test_the_last_two_are_kept_and_nothing_half_written(tmp_path):
    (tmp_path / ".gaborkit-tmp-0123456789abcdef.safetensors").write_bytes(b"half")
    write(tmp_path, 1, 2, 3, 1000)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step-00000003.safetensors",
        "step-00001000.safetensors",
    ]


def test_the_newest_of_more_than_eight_digits(tmp_path, said):
    write(tmp_path, 99_999_998, 99_999_999, 100_000_000)
    assert checkpoint.latest(tmp_path, said.append)[1]["step"] == 100_000_000
    assert len(list(tmp_path.iterdir())) == 2


def test_there_may_be_none(tmp_path, said):
    assert checkpoint.latest(tmp_path, said.append) is None
    assert checkpoint.latest(tmp_path / "missing", said.append) is None


def damage(path, kind):
    content = path.read_bytes()
    if kind == "truncated":
        path.write_bytes(content[:-3])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "one bit":
        path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    elif kind == "state":
        path.write_bytes(content.replace(b'\\"step\\": 2', b'\\"step\\": 9'))
    elif kind == "no state":
        save_file(TENSORS_DENSE, path)
    elif kind == "later version":
        path.write_bytes(content.replace(b'\\"version\\": 1', b'\\"version\\": 2'))
    elif kind == "pickle":
        torch.save(TENSORS, path)
    else:
        path.unlink()
        path.mkdir()
    assert not path.is_file() or path.read_bytes() != content


TENSORS_DENSE = {name: tensor.contiguous() for name, tensor in TENSORS.items()}
DAMAGES = [
    "truncated",
    "empty",
    "one bit",
    "state",
    "no state",
    "later version",
    "pickle",
    "folder",
]


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_one_is_skipped_and_said(kind, tmp_path, said):
    write(tmp_path, 1, 2)
    damage(tmp_path / "step-00000002.safetensors", kind)
    tensors, state = checkpoint.latest(tmp_path, said.append)
    assert state["step"] == 1
    assert torch.equal(tensors["weight"], TENSORS["weight"])
    assert len(said) == 1
    assert "step-00000002.safetensors: is " in said[0]
    assert said[0].endswith("; trying the one before")
    assert "\n" not in said[0]


def test_all_damaged(tmp_path, said):
    write(tmp_path, 1, 2)
    for path in tmp_path.iterdir():
        damage(path, "truncated")
    with pytest.raises(StoreError, match="none of its 2 checkpoints is intact; start again"):
        checkpoint.latest(tmp_path, said.append)
    assert len(said) == 2


def test_each_byte_counts(tmp_path):
    """No single changed byte goes unnoticed, wherever it is."""
    write(tmp_path, 1)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    for position in range(0, len(content), 7):
        changed = bytearray(content)
        changed[position] ^= 0x10
        path.write_bytes(changed)
        try:
            tensors, state = checkpoint.read(path)
        except StoreError:
            continue
        # What may change is only what is not read: the padding of the header.
        assert state["step"] == 1
        assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


def test_an_unwritable_folder(tmp_path):
    with pytest.raises(StoreError, match="does not exist"):
        write(tmp_path / "missing", 1)


@pytest.mark.skipif(os.name != "posix", reason="folders cannot be opened")
def test_the_rename_is_synced_too(tmp_path, monkeypatch):
    """Else a power cut may take back the rename after the checkpoint before it was deleted."""
    done, sync, replace = [], os.fsync, Path.replace

    def note_sync(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def note_replace(self, target):
        done.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_replace)
    write(tmp_path, 1)
    assert done == ["file", "rename", "folder"]
