"""MNIST and its kin: files already there, downloads, and files that are damaged."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import struct
import sys
from email.message import Message
from pathlib import Path
from urllib.error import HTTPError, URLError

import numpy as np
import pytest
import torch
from data_for_tests import idx, idx_arrays, refused, write_idx
from hypothesis import given
from hypothesis import strategies as st

from gaborkit.generative.data import download as downloading
from gaborkit.generative.data import load_dataset
from gaborkit.generative.data.idx import NAMES, read_idx
from gaborkit.generative.data.loading import cache_folder


@pytest.mark.parametrize("inside", ["", "MNIST/raw"])
@pytest.mark.parametrize(
    "packed", [lambda name: True, lambda name: False, lambda name: "train" in name]
)
def test_files_already_there(tmp_path: Path, inside: str, packed) -> None:
    arrays = idx_arrays(train=120)
    write_idx(tmp_path / inside, arrays, packed)
    before = sorted(tmp_path.rglob("*"))
    dataset = load_dataset("mnist", data_dir=tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
    # 1 in 12 is for validation: 5,000 of 60,000.
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [
        110,
        10,
        20,
    ]
    assert dataset.validation.labels.bincount().tolist() == [1] * 10
    assert torch.equal(dataset.test.images[:, 0], torch.from_numpy(arrays[NAMES[2]]))
    assert torch.equal(dataset.test.labels, torch.from_numpy(arrays[NAMES[3]]).long())
    stored = {
        image.tobytes(): label for image, label in zip(*map(arrays.get, NAMES[:2]), strict=True)
    }
    for part in (dataset.train, dataset.validation):
        for image, label in zip(part.images.numpy(), part.labels.tolist(), strict=True):
            assert stored.pop(image.tobytes()) == label
    assert not stored


@pytest.mark.parametrize(
    ("name", "title", "third"),
    [("fashion", "FashionMNIST", "Pullover"), ("kmnist", "KMNIST", "su")],
)
def test_kin(tmp_path: Path, name: str, title: str, third: str) -> None:
    write_idx(tmp_path / title / "raw", idx_arrays())
    dataset = load_dataset(name, data_dir=str(tmp_path), size=8, limit=20)
    assert dataset.name == name
    assert dataset.class_names[2] == third
    assert dataset.train.images.shape == (20, 1, 8, 8)
    assert len(dataset.class_names) == 10


def test_class_names_are_those_of_torchvision() -> None:
    from torchvision import datasets

    from gaborkit.generative.data.loading import SOURCES

    for name in ("fashion", "kmnist"):
        title, class_names = SOURCES[name]
        assert list(class_names) == getattr(datasets, title).classes
    for title, _ in SOURCES.values():
        assert [file for file, _ in getattr(datasets, title).resources] == [
            f"{name}.gz" for name in NAMES
        ]


def test_digits_are_no_clothes(tmp_path: Path) -> None:
    arrays = idx_arrays()
    arrays[NAMES[3]][:10] = [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    write_idx(tmp_path, arrays)
    refused(lambda: load_dataset("fashion", data_dir=tmp_path), "labels of MNIST", "--data mnist")
    load_dataset("mnist", data_dir=tmp_path)


def test_idx_files_are_no_pictures(tmp_path: Path) -> None:
    write_idx(tmp_path, idx_arrays())
    refused(lambda: load_dataset(tmp_path), "no pictures", f"--data mnist --data-dir {tmp_path}")


def test_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GABORKIT_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "gaborkit"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == tmp_path / ".cache" / "gaborkit"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "gaborkit"
    monkeypatch.setenv("GABORKIT_DATA", "~/data")
    assert cache_folder() == tmp_path / "data"
    write_idx(tmp_path / "data", idx_arrays())
    assert len(load_dataset("mnist").test) == 20


# ---- damaged files ----


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=3), st.booleans(), st.integers(0, 2**32 - 1)
)
def test_round_trip(tmp_path_factory, shape: list[int], packed: bool, seed: int) -> None:
    array = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    # The content decides, not the suffix.
    path = tmp_path_factory.getbasetemp() / "any-idx.gz"
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    assert torch.equal(read_idx(path, len(shape)), torch.from_numpy(array))


def test_cut_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "a"
    plain = idx(np.arange(60, dtype=np.uint8).reshape(3, 4, 5))
    for whole in (plain, gzip.compress(plain)):
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            refused(lambda: read_idx(path, 3), str(path))
        path.write_bytes(whole)
        assert read_idx(path, 3).shape == (3, 4, 5)


def test_damaged_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "a"
    # Compressed content has a checksum, so that no damage passes; time, name and system are free.
    whole = gzip.compress(idx(np.arange(60, dtype=np.uint8).reshape(3, 4, 5)))
    for at in (0, 1, 2, *range(10, len(whole))):
        damaged = bytearray(whole)
        damaged[at] ^= 0x55
        path.write_bytes(damaged)
        refused(lambda: read_idx(path, 3), str(path))


def test_wrong_headers(tmp_path: Path) -> None:
    path = tmp_path / "a"
    good = idx(np.zeros((3, 2, 2)))
    for content, part in (
        (b"", "starts with nothing"),
        (b"<html>refused</html>", "starts with 3c 68 74 6d"),
        (idx(np.zeros(12)), "starts with 00 00 08 01, not with 00 00 08 03"),
        (b"\0\0\x0d\x03" + good[4:], "starts with 00 00 0d 03"),
        (good + b"x", "declares 12 bytes but holds more"),
        (good[:-1], "declares 12 bytes but holds 11"),
        (good[:4] + struct.pack(">3I", 0, 28, 28), "declares 0 bytes"),
        (good[:4] + b"\xff" * 12, f"declares {0xFFFFFFFF**3} bytes"),
        (good[:9], "damaged or truncated"),
    ):
        path.write_bytes(content)
        refused(lambda: read_idx(path, 3), str(path), part)


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    refused(lambda: read_idx(tmp_path / "a", 3), "cannot be read (Permission denied)")


def test_counts_and_labels(tmp_path: Path) -> None:
    arrays = idx_arrays()
    write_idx(tmp_path, {**arrays, NAMES[1]: np.zeros(59)})
    refused(
        lambda: load_dataset("mnist", data_dir=tmp_path), "59 labels for the 60 images", NAMES[1]
    )
    write_idx(tmp_path, {**arrays, NAMES[3]: np.full(20, 10)})
    refused(lambda: load_dataset("mnist", data_dir=tmp_path), "label 10", "0 to 9", NAMES[3])
    write_idx(tmp_path, {**arrays, NAMES[2]: np.zeros((20, 30, 28))})
    refused(lambda: load_dataset("mnist", data_dir=tmp_path), "test images are 1 x 30 x 28")


# ---- downloads ----


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the second mirror; the first refuses."""
    from torchvision.datasets import MNIST

    folder = tmp_path / "mirror"
    write_idx(folder, idx_arrays())
    sums = {
        path.name: hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        for path in folder.iterdir()
    }
    monkeypatch.setattr(MNIST, "mirrors", [f"{tmp_path.as_uri()}/none/", f"{folder.as_uri()}/"])
    monkeypatch.setattr(MNIST, "resources", [(f"{name}.gz", sums[f"{name}.gz"]) for name in NAMES])
    return folder


def test_download(tmp_path: Path, mirror: Path) -> None:
    seen: list[tuple[int, int]] = []
    here = tmp_path / "new" / "here"
    dataset = load_dataset("mnist", data_dir=here, progress=lambda *done: seen.append(done))
    assert len(dataset.test) == 20
    assert sorted(path.name for path in (here / "MNIST" / "raw").iterdir()) == sorted(
        f"{name}.gz" for name in NAMES
    )
    sizes = [(mirror / f"{name}.gz").stat().st_size for name in NAMES]
    assert [done for done in seen if done[0] == done[1]] == [(size, size) for size in sizes]
    # The second time there is nothing to download.
    for path in mirror.iterdir():
        path.unlink()
    assert len(load_dataset("mnist", data_dir=here).test) == 20


def test_only_what_is_missing_is_downloaded(tmp_path: Path, mirror: Path) -> None:
    arrays = idx_arrays()
    write_idx(tmp_path / "some", {name: arrays[name] for name in NAMES[:3]})
    load_dataset("mnist", data_dir=tmp_path / "some")
    downloaded = (tmp_path / "some" / "MNIST" / "raw").iterdir()
    assert [path.name for path in downloaded] == [f"{NAMES[3]}.gz"]


def test_wrong_checksum(tmp_path: Path, mirror: Path) -> None:
    (mirror / f"{NAMES[0]}.gz").write_bytes(b"<html>no</html>")
    here = tmp_path / "here"
    refused(
        lambda: load_dataset("mnist", data_dir=here),
        f"{mirror.as_uri()}/{NAMES[0]}.gz: wrong checksum",
        "/none/",
        *NAMES,
        "--data-dir FOLDER",
        "--data mini",
    )
    assert not list((here / "MNIST" / "raw").iterdir())


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (TimeoutError("timed out"), "timed out"),
        (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer"),
        (http.client.IncompleteRead(b"abc", 7), "IncompleteRead(3 bytes read, 7 more expected)"),
        (OSError(), "OSError"),
        (
            URLError(OSError(-2, "Name or service not known")),
            ": [Errno -2] Name or service not known",
        ),
        (HTTPError("", 403, "Forbidden", Message(), None), ": HTTP Error 403: Forbidden"),
    ],
)
def test_mirrors_that_fail(
    tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch, cause: Exception, said: str
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise cause

    monkeypatch.setattr(downloading.urllib.request, "urlopen", fail)
    message = refused(
        lambda: load_dataset("mnist", data_dir=tmp_path / "here"), "cannot be downloaded", said
    )
    assert message.count(NAMES[0]) == 3


def test_folder_that_cannot_be_created(tmp_path: Path, mirror: Path) -> None:
    (tmp_path / "file").touch()
    refused(
        lambda: load_dataset("mnist", data_dir=tmp_path / "file"),
        "cannot be created",
        "--data mini",
    )


def test_without_torchvision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    refused(
        lambda: load_dataset("mnist", data_dir=tmp_path), "pip install torchvision", "--data mini"
    )
    write_idx(tmp_path, idx_arrays())
    assert len(load_dataset("mnist", data_dir=tmp_path).test) == 20
