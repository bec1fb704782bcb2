"""Images handed in from Python: as arrays of many kinds, trained on, resumed, evaluated."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
import torch
from data_for_tests import refused, write_pictures
from processes_for_tests import assert_equal_runs, last, recipe, resume, start

from gaborkit.errors import DataError, StoreError, TrainingError
from gaborkit.generative import Dataset, ImageModel, evaluate, load_dataset
from gaborkit.generative.store import read_config
from gaborkit.generative.training.trainer import Trainer

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (40, 12, 10), np.uint8)
COLOUR = RNG.integers(0, 256, (40, 12, 10, 3), np.uint8)


def every_image(data):
    return torch.cat([data.train.images, data.validation.images, data.test.images])


@pytest.mark.parametrize(
    ("images", "channel_axis", "expected"),
    [
        (GREY, None, GREY[:, None]),
        (GREY.tolist(), None, None),
        (GREY[..., None], None, GREY[:, None]),
        (COLOUR, None, COLOUR.transpose(0, 3, 1, 2)),
        (COLOUR.transpose(0, 3, 1, 2), 1, COLOUR.transpose(0, 3, 1, 2)),
        (torch.from_numpy(COLOUR).permute(0, 3, 1, 2), None, COLOUR.transpose(0, 3, 1, 2)),
        (torch.from_numpy(COLOUR), -1, COLOUR.transpose(0, 3, 1, 2)),
        (GREY / 255, None, GREY[:, None]),
        ((GREY / 255).astype(np.float16), None, GREY[:, None]),
        (GREY > 127, None, 255 * (GREY > 127)[:, None]),
        (GREY.astype(np.uint16) * 257, None, GREY[:, None]),
        (torch.from_numpy(GREY) / 255, None, GREY[:, None]),
        (GREY[:, ::-1], None, GREY[:, None, ::-1]),
    ],
)
def test_all_images_are_there_as_bytes(images, channel_axis, expected):
    if expected is None:
        assert "int64 from 0 to 255" in refused(lambda: Dataset.from_arrays(images))
        return
    data = Dataset.from_arrays(images, channel_axis=channel_axis)
    found = every_image(data)
    assert found.dtype == torch.uint8
    rows = {image.tobytes() for image in found.numpy()}
    assert rows == {image.astype(np.uint8).tobytes() for image in np.ascontiguousarray(expected)}
    assert [len(split) for split in (data.train, data.validation, data.test)] == [32, 4, 4]
    assert data.class_names == ()


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([3, -1] * 20, ("-1", "3")),
        (np.array(["square", "circle"] * 20), ("circle", "square")),
        (np.array([True, False] * 20), ("False", "True")),
        (torch.tensor([200, 7] * 20, dtype=torch.uint8), ("7", "200")),
    ],
)
def test_any_labels_are_classes(labels, names):
    images = np.where((np.arange(40) % 2 == 0)[:, None, None], 200, GREY // 8).astype(np.uint8)
    data = Dataset.from_arrays(images, labels)
    assert data.class_names == names
    for split in (data.train, data.validation, data.test):
        # The first of two labels is the greater one: white images.
        assert torch.equal(split.labels, (split.images.amin((1, 2, 3)) == 200).long())
    named = Dataset.from_arrays(images, labels, class_names=["low", "high"])
    assert named.class_names == ("low", "high")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"images": GREY[0]}, ["(12, 10)", "channel_axis"]),
        ({"images": COLOUR[..., :2]}, ["(40, 12, 10, 2)", "1 or 3 colours"]),
        ({"images": COLOUR, "channel_axis": 0}, ["channel_axis=0"]),
        ({"images": COLOUR, "channel_axis": 4}, ["channel_axis=4"]),
        ({"images": GREY * 2.0}, ["float64 from 0.0 to 510.0", "0 to 1"]),
        ({"images": GREY / 255 - 1}, ["from -1.0 to 0.0"]),
        ({"images": np.full(GREY.shape, np.nan)}, ["nan"]),
        ({"images": GREY * 1j}, ["complex128"]),
        ({"images": GREY.astype(object)}, ["object"]),
        ({"images": GREY[:0]}, ["(0, 12, 10)"]),
        ({"images": GREY, "labels": [1] * 39}, ["(39,)", "40 images"]),
        ({"images": GREY, "labels": [0.5] * 40}, ["float64"]),
        ({"images": GREY, "class_names": ["a"]}, ["without labels"]),
        ({"images": GREY, "labels": [1, 2] * 20, "class_names": ["a"]}, ["1 class_names", "1, 2"]),
        ({"images": GREY, "test": 1.0}, ["test=1.0"]),
        ({"images": GREY, "validation": 0}, ["validation=0"]),
        ({"images": GREY, "validation": 0.5, "test": 0.5}, ["40 images leave none"]),
        ({"images": GREY[:2]}, ["2 images leave none"]),
    ],
)
def test_what_is_no_data_set_is_refused(arguments, parts):
    refused(lambda: Dataset.from_arrays(**arguments), *parts)


def own(**options):
    return Dataset.from_arrays(GREY, ["cat", "dog"] * 20, name="pets", **options)


def test_a_run_of_own_data_killed_and_continued(tmp_path, monkeypatch):
    run = dataclasses.replace(recipe("vae", classes=True, ema=0.9), limit=None)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    start(run, whole, dataset=own())
    update = Trainer._update

    def killed(self, step):
        if step == 8:
            raise KeyboardInterrupt
        update(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_update", killed)
        with pytest.raises(KeyboardInterrupt):
            start(run, broken, dataset=own())
    assert last(broken)[1]["step"] == 5
    with pytest.raises(DataError, match="handed in from Python"):
        resume(broken)
    with pytest.raises(StoreError, match="data was"):
        resume(broken, dataset=own(test=0.2))
    model = resume(broken, dataset=own())
    assert_equal_runs(whole, broken)

    # What it was is told without a path, and figures are taken of it.
    assert model.class_names == ("cat", "dog")
    assert "trained on pets" in (broken / "README.md").read_text()
    figures = evaluate(model, own(), samples=10, repeats=1, importance_samples=2)
    assert figures.data == "pets"


def test_a_recipe_that_names_other_data_is_refused(tmp_path):
    for fields in ({"data": "mnist"}, {"limit": 5}, {"size": 8}, {"fit": "pad"}, {"colour": False}):
        run = dataclasses.replace(recipe(), **{"limit": None, **fields})
        (name,) = fields
        with pytest.raises(TrainingError, match=f"{name}=.* does not go with dataset="):
            start(run, tmp_path / "run", dataset=own())
        assert not (tmp_path / "run").exists()


def test_a_run_whose_data_moved_goes_on(tmp_path):
    write_pictures(tmp_path / "old", 30)
    run = dataclasses.replace(recipe(), data=str(tmp_path / "old"), limit=None, size=8)
    start(run, tmp_path / "run")
    expected = last(tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    (tmp_path / "run" / "model.safetensors").unlink()
    (tmp_path / "old").rename(tmp_path / "new")
    with pytest.raises(DataError, match="old"):
        resume(tmp_path / "run")
    write_pictures(tmp_path / "other", 31)
    resume(tmp_path / "run", data=str(tmp_path / "new"))
    assert str(read_config(tmp_path / "run")["provenance"]["recipe"]["data"]).endswith("new")
    for name, tensor in last(tmp_path / "run")[0].items():
        assert torch.equal(tensor, expected[0][name])
    with pytest.raises(StoreError, match="data was"):
        resume(tmp_path / "run", data=str(tmp_path / "other"))


def test_images_of_a_loaded_data_set_come_back_the_same():
    digits = load_dataset("mini", limit=50).train
    data = Dataset.from_arrays(digits.images, digits.labels)
    assert data.class_names == tuple("0123456789")
    order = every_image(data).flatten(1).unique(dim=0)
    assert torch.equal(order, digits.images.flatten(1).unique(dim=0))


def test_a_model_of_own_data_is_read_again(tmp_path):
    run = dataclasses.replace(recipe("vae", steps=2), limit=None)
    model = start(run, tmp_path / "run", dataset=own())
    again = ImageModel.from_pretrained(tmp_path / "run", "cpu")
    assert torch.equal(again.sample(3), model.sample(3))


@pytest.mark.parametrize("call", [start, resume])
def test_progress_is_a_function(call, tmp_path):
    arguments = (recipe(), tmp_path / "run") if call is start else (tmp_path / "run",)
    with pytest.raises(TrainingError, match="progress=True is no function"):
        call(*arguments, progress=True)
