"""The digits that come with gaborkit, and what a data set is."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from data_for_tests import refused
from hypothesis import given
from hypothesis import strategies as st

from gaborkit.generative.data import Dataset, Split, load_dataset, loading
from gaborkit.generative.data.dataset import balanced, hold_out

# What benchmarks/make_mini.py printed.
DIGEST = "631cb5013e63d45603dad0e8e09f98bd2feb795ccdaa0998efe7e863f6dc2caf"


@pytest.fixture(scope="module")
def mini() -> Dataset:
    return load_dataset()


def split(count: int = 6, labels: bool = True, shape: tuple[int, ...] = (1, 4, 4)) -> Split:
    images = torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(count, *shape)
    return Split(images, torch.arange(count) % 2 if labels else None)


def test_mini_is_balanced(mini: Dataset) -> None:
    for part, count in ((mini.train, 450), (mini.validation, 50), (mini.test, 100)):
        assert part.images.shape == (10 * count, 1, 28, 28)
        assert part.labels is not None
        assert part.labels.bincount().tolist() == [count] * 10
    assert mini.class_names == tuple("0123456789")
    assert mini.image_shape == (1, 28, 28)


def test_mini_holds_the_digits_that_its_script_chose() -> None:
    names = ("train_images", "train_labels", "test_images", "test_labels")
    with np.load(loading.MINI, allow_pickle=False) as stored:
        assert set(stored) == set(names)
        content = b"".join(stored[name].tobytes() for name in names)
    assert hashlib.sha256(content).hexdigest() == DIGEST


def test_mini_is_small_and_its_licence_lies_beside_it() -> None:
    assert loading.MINI.stat().st_size <= 1_500_000
    licence = loading.MINI.with_name("LICENSE-MNIST.txt").read_text(encoding="utf-8")
    for part in ("LeCun", "Cortes", "Burges", "CC BY-SA 3.0", "intensity 1"):
        assert part in licence


def test_mini_has_no_digit_twice(mini: Dataset) -> None:
    images = torch.cat([mini.train.images, mini.validation.images, mini.test.images])
    assert len(images.flatten(1).unique(dim=0)) == 6000


def test_mini_looks_like_digits(mini: Dataset) -> None:
    # The class whose mean is nearest: about 82 % on MNIST. Labels that lost their images: 10 %.
    images, labels = mini.train.images.flatten(1).float(), mini.train.labels
    means = torch.stack([images[labels == label].mean(0) for label in range(10)])
    found = torch.cdist(mini.test.images.flatten(1).float(), means).argmin(1)
    assert (found == mini.test.labels).float().mean() > 0.75


def test_validation_is_the_same_whatever_the_seed(mini: Dataset) -> None:
    other = load_dataset("mini", seed=1)
    assert torch.equal(other.validation.images, mini.validation.images)
    assert torch.equal(other.train.images, mini.train.images)


def test_damaged_mini(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = loading.MINI.read_bytes()
    path = tmp_path / "mini.npz"
    monkeypatch.setattr(loading, "MINI", path)
    for content in (None, b"", b"text", whole[:5000], whole[:-50], whole[:9000] + whole[9100:]):
        if content is not None:
            path.write_bytes(content)
        refused(load_dataset, str(path), "install gaborkit again")
    np.savez(path, other=np.zeros(3))
    refused(load_dataset, "install gaborkit again")


@pytest.mark.parametrize("limit", [1, 9, 100, 101, 4500, 10_000])
def test_limit_is_balanced(limit: int) -> None:
    dataset = load_dataset("mini", limit=limit)
    counts = dataset.train.labels.bincount(minlength=10)
    assert counts.sum() == min(limit, 4500)
    assert counts.max() - counts.min() <= 1
    assert (len(dataset.validation), len(dataset.test)) == (500, 1000)


def test_limit_is_seeded_and_grows() -> None:
    few, more, others = (
        load_dataset("mini", limit=limit, seed=seed).train.images
        for limit, seed in ((100, 0), (200, 0), (100, 1))
    )
    assert torch.equal(few, more[:100])
    assert not torch.equal(few, others)


def test_limit_chooses_among_training_images_with_their_labels(mini: Dataset) -> None:
    chosen = load_dataset("mini", limit=50).train
    same = (mini.train.images.flatten(1)[:, None] == chosen.images.flatten(1)).all(2)
    assert (same.sum(0) == 1).all()
    assert torch.equal(mini.train.labels[same.int().argmax(0)], chosen.labels)


def test_size_and_colour() -> None:
    dataset = load_dataset("mini", size=32, colour=True, limit=10)
    for part in (dataset.train, dataset.validation, dataset.test):
        assert part.images.shape[1:] == (3, 32, 32)
        assert part.images.dtype == torch.uint8
        assert part.images.is_contiguous()
        assert torch.equal(part.images[:, 0], part.images[:, 2])
    assert load_dataset("mini", colour=False).image_shape == (1, 28, 28)


def test_describe() -> None:
    one = Dataset("one/", split(), split(1), split(2), ("a", "b"))
    assert one.describe() == (
        "one/: 6 training, 1 validation and 2 test images, 1 x 4 x 4, 2 classes"
    )
    bare = split(labels=False)
    assert Dataset("x/", bare, bare, bare, ()).describe().endswith("1 x 4 x 4, unlabelled")


def test_a_digest_tells_data_apart(mini: Dataset) -> None:
    assert load_dataset("mini").digest() == mini.digest() == replace(mini, name="x").digest()
    assert len(mini.digest()) == 64
    images = mini.test.images.clone()
    images[-1, 0, 27, 27] += 1
    labels = mini.test.labels.clone()
    labels[0] = (labels[0] + 1) % 10
    others = [
        load_dataset("mini", limit=4499),
        replace(mini, train=mini.validation, validation=mini.train),
        replace(mini, test=replace(mini.test, images=images)),
        replace(mini, test=replace(mini.test, labels=labels)),
    ]
    assert len({mini.digest(), *(other.digest() for other in others)}) == 5


def test_a_digest_sees_where_a_split_ends() -> None:
    whole = Split(torch.zeros(9, 1, 4, 4, dtype=torch.uint8), None)
    parts = [whole.take(torch.arange(count)) for count in (3, 4)]
    one, other = Dataset("x", *parts, whole, ()), Dataset("x", *parts[::-1], whole, ())
    assert one.digest() != other.digest()


def test_options_out_of_range() -> None:
    refused(lambda: load_dataset("mnsit"), "'mnsit'", "mini, stacked, mnist, fashion, kmnist")
    refused(lambda: load_dataset("mini", fit="squash"), "'squash'", "crop, stretch, pad")
    refused(lambda: load_dataset("mini", size=0), "size=0")
    refused(lambda: load_dataset("mini", limit=-1), "limit=-1")


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(3, 1, 4, 4),
        torch.zeros(3, 4, 4, dtype=torch.uint8),
        torch.zeros(3, 2, 4, 4, dtype=torch.uint8),
        torch.zeros(0, 1, 4, 4, dtype=torch.uint8),
    ],
)
def test_bad_images(images: torch.Tensor) -> None:
    refused(lambda: Split(images, None), str(tuple(images.shape)), "uint8")


@pytest.mark.parametrize(
    "labels", [torch.zeros(5).long(), torch.zeros(6), torch.zeros(6, 1).long()]
)
def test_bad_labels(labels: torch.Tensor) -> None:
    refused(lambda: Split(split().images, labels), str(tuple(labels.shape)), "int64 (6,)")


def test_splits_that_do_not_fit() -> None:
    good = Dataset("x", split(), split(), split(), ("a", "b"))
    refused(lambda: replace(good, test=split(shape=(1, 5, 4))), "test images are 1 x 5 x 4")
    refused(lambda: replace(good, validation=split(labels=False)), "validation has no labels")
    refused(lambda: replace(good, class_names=()), "train has labels", "0 class names")
    refused(lambda: replace(good, class_names=("a",)), "labels from 0 to 1", "0 to 0")
    negative = Split(split().images, torch.full((6,), -1))
    refused(lambda: replace(good, train=negative), "from -1 to -1")
    refused(
        lambda: replace(good, train=split(shape=(3, 4, 4))),
        "validation images are 1 x 4 x 4",
        "images 3 x 4",
    )


@given(st.lists(st.integers(0, 3), min_size=2, max_size=60), st.data())
def test_holding_out(labels: list[int], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(labels) - 1))
    whole = Split(split(len(labels)).images, torch.tensor(labels))
    kept, held = hold_out(whole, count)
    assert len(held) == count
    numbers = torch.cat([kept.images, held.images])[:, 0, 0, 0]
    assert numbers.sort().values.tolist() == list(range(len(labels)))
    assert kept.images[:, 0, 0, 0].tolist() == sorted(kept.images[:, 0, 0, 0].tolist())
    # Every class by its share, within one image.
    share = whole.labels.bincount(minlength=4) * count / len(labels)
    assert ((held.labels.bincount(minlength=4) - share).abs() < 2).all()


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(1, 70), st.integers(0, 9))
def test_balance(labels: list[int], count: int, seed: int) -> None:
    whole = Split(split(len(labels)).images, torch.tensor(labels))
    chosen = balanced(whole, count, seed)
    assert len(chosen) == min(count, len(labels))
    assert len(chosen.images[:, 0, 0, 0].unique()) == len(chosen)
    there, taken = whole.labels.bincount(minlength=4), chosen.labels.bincount(minlength=4)
    # A class has fewer than another only where all of it is taken.
    assert (taken[taken < there] >= taken.max() - 1).all()
