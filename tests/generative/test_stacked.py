"""Stacked digits: a thousand modes, where their digits come from, how modes are counted."""

from __future__ import annotations

import math

import pytest
import torch
from commands_for_tests import run
from runs_for_tests import TINY

from gaborkit.errors import ModelError
from gaborkit.generative import Dataset, load_dataset, metrics
from gaborkit.generative.data.stacking import digits_of, stacked


@pytest.fixture(scope="module")
def data():
    return load_dataset("stacked")


def test_every_mode_is_there_as_often(data):
    assert data.image_shape == (3, 28, 28)
    assert data.class_names[407] == "407"
    for split, count in ((data.train, 25), (data.validation, 1), (data.test, 5)):
        assert split.labels.bincount(minlength=1000).unique().tolist() == [count]
        assert not torch.equal(split.labels.sort().values, split.labels)


def test_colours_are_digits_of_the_same_split(data):
    digits = load_dataset("mini")
    for name in ("train", "validation", "test"):
        single, split = getattr(digits, name), getattr(data, name)
        known = {
            image.numpy().tobytes(): int(label)
            for image, label in zip(single.images, single.labels, strict=True)
        }
        for k in range(0, len(split), len(split) // 50):
            shown = [known[colour.numpy().tobytes()] for colour in split.images[k]]
            assert shown == digits_of(split.labels[k : k + 1])[0].tolist()
    used = {image.numpy().tobytes() for image in data.train.images.flatten(0, 1)}
    assert len(used) == 4500  # nearly all; of 75,000 draws none is left out


def test_the_seed_chooses():
    digits = load_dataset("mini")
    one, same, other = (stacked(digits, seed).digest() for seed in (0, 0, 1))
    assert one == same != other
    assert load_dataset("stacked").digest() == one


def test_modes_of_real_digits(data):
    some = data.test.take(torch.arange(300))
    right = metrics.modes_of(some.images) == some.labels
    assert float(right.float().mean()) > 0.97


@pytest.mark.parametrize(("held", "each"), [(1, 30), (20, 2)])
def test_what_a_generator_that_draws_few_modes_gets(data, held, each):
    few = torch.stack([data.test.images[data.test.labels == 13 * k][0] for k in range(held)])
    drawn = few.repeat(each, 1, 1, 1)
    (modes, divergence), (note,) = metrics.mode_figures(drawn, data)
    assert (modes.value, modes.unit) == (held, "of 1,000")
    assert divergence.value == pytest.approx(math.log(1000 / held), abs=1e-9)
    assert str(modes) == f"{held} of 1,000"
    assert note.startswith(f"Modes: {len(drawn)} samples of a perfect generator show ")


def test_pictures_that_are_not_stacked_digits():
    with pytest.raises(ModelError, match=r"\(2, 1, 28, 28\) are not stacked digits"):
        metrics.modes_of(torch.zeros(2, 1, 28, 28))


def test_commands_train_and_count(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["train", "gan", *TINY["gan"], "--data", "stacked", "--limit", 40, "--steps", 2]
    words += ["--set", "packing=2", "--batch-size", 8, "--device", "cpu", "--quiet", "--out", "run"]
    assert run(*words).exit_code == 0
    result = run("evaluate", "run", "--samples", 10)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Modes found" in result.stdout
    assert "Mode divergence" in result.stdout
    other = run(*words[:-1], "small", "--size", 14)
    assert other.exit_code == 0, other.output
    assert "Modes found" not in run("evaluate", "small", "--samples", 10).stdout
    assert isinstance(load_dataset("stacked", limit=40), Dataset)
