"""Images handed in from Python: as arrays of many kinds, trained on, resumed, evaluated."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
import torch
from data_for_tests import refused, write_pictures
from processes_for_tests import assert_equal_runs, last, recipe, resume, start

from gaborkit.errors import DataError, ModelError, RepresentationError, TrainingError
from gaborkit.generative import (
    Dataset,
    ImageModel,
    Recipe,
    Split,
    Training,
    evaluate,
    latent,
    load_dataset,
)
from gaborkit.generative.models.vae import VAE
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
        ([torch.from_numpy(image).permute(2, 0, 1) for image in COLOUR], None, None),
        (GREY / 255, None, GREY[:, None]),
        ((GREY / 255).astype(np.float16), None, GREY[:, None]),
        (GREY > 127, None, 255 * (GREY > 127)[:, None]),
        (GREY.astype(np.uint16) * 257, None, GREY[:, None]),
        (torch.from_numpy(GREY) / 255, None, GREY[:, None]),
        (GREY[:, ::-1], None, GREY[:, None, ::-1]),
    ],
)
def test_all_images_are_there_as_bytes(images, channel_axis, expected):
    if isinstance(images, list) and isinstance(images[0], torch.Tensor):
        expected = COLOUR.transpose(0, 3, 1, 2)
    elif expected is None:
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
        (np.array(["square", "circle"] * 20, object), ("circle", "square")),  # as pandas has them
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
        ({"images": np.full(GREY.shape, np.nan)}, ["float64 with NaN or infinity"]),
        ({"images": np.where(GREY > 99, np.inf, 0.5)}, ["float64 with NaN or infinity"]),
        ({"images": [GREY[0], GREY[1, 2:]]}, ["shapes (12, 10), (10, 10);", "resize them"]),
        ({"images": [torch.zeros(3, 8, 8), torch.zeros(3, 8, 9)]}, ["(3, 8, 8), (3, 8, 9)"]),
        ({"images": COLOUR, "channel_axis": 1.5}, ["channel_axis=1.5"]),
        ({"images": "pictures/"}, ["shape ()"]),
        ({"images": GREY * 1j}, ["complex128"]),
        ({"images": GREY.astype(object)}, ["object"]),
        ({"images": GREY[:0]}, ["(0, 12, 10)"]),
        ({"images": GREY, "labels": [1] * 39}, ["(39,)", "40 images"]),
        ({"images": GREY, "labels": [0.5] * 40}, ["float64"]),
        ({"images": GREY, "labels": ["a", None] * 20}, ["object", "integers or strings"]),
        ({"images": GREY, "labels": np.arange(40)[:, None]}, ["(40, 1)"]),
        ({"images": GREY, "class_names": ["a"]}, ["without labels"]),
        ({"images": GREY, "labels": [1, 2] * 20, "class_names": "ab"}, ["'ab' is no list"]),
        ({"images": GREY, "labels": [1, 2] * 20, "class_names": {1: "a", 2: "b"}}, ["no list"]),
        ({"images": GREY, "labels": [1, 2] * 20, "class_names": ["a", "a"]}, ["called 'a'"]),
        ({"images": GREY, "labels": [1, 2] * 20, "class_names": ["a"]}, ["1 class_names", "1, 2"]),
        ({"images": GREY, "test": 1.0}, ["test=1.0"]),
        ({"images": GREY, "test": "0.1"}, ["test='0.1'"]),
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
    with pytest.raises(DataError, match="pets: these are not the images that this model was"):
        resume(broken, dataset=own(test=0.2))
    with pytest.raises(TrainingError, match="data='mini' does not go with dataset="):
        resume(broken, dataset=own(), data="mini")
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
    with pytest.raises(DataError, match=r"old: the pictures .* are not there; give --data DIR"):
        resume(tmp_path / "run")
    write_pictures(tmp_path / "other", 31)
    resume(tmp_path / "run", data=str(tmp_path / "new"))
    assert str(read_config(tmp_path / "run")["provenance"]["recipe"]["data"]).endswith("new")
    for name, tensor in last(tmp_path / "run")[0].items():
        assert torch.equal(tensor, expected[0][name])
    with pytest.raises(TrainingError, match=r"data_dir='d' has no effect on data=.*new'"):
        resume(tmp_path / "run", data=str(tmp_path / "new"), data_dir="d")
    for other in (str(tmp_path / "other"), "mini"):  # of the same shape, and of another
        with pytest.raises(DataError, match=f"{other}: these are not the images that this model"):
            resume(tmp_path / "run", data=other)


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


@pytest.mark.parametrize("wrong", [GREY, "pictures/", None])
def test_what_is_no_dataset_recipe_or_model_is_named(wrong, tmp_path):
    for call in (lambda d: start(recipe(), tmp_path / "run", dataset=d), evaluated):
        if wrong is not None or call is evaluated:
            with pytest.raises(
                DataError, match=r"dataset is \w+, no Dataset; Dataset.from_arrays.* make one"
            ):
                call(wrong)
    with pytest.raises(TrainingError, match=r"recipe is \w+, no Recipe; give one such as"):
        start(wrong, tmp_path / "run", dataset=own())
    with pytest.raises(
        ModelError, match=r"image_model is \w+, no ImageModel; ImageModel.from_pretrained"
    ):
        evaluate(wrong, own())
    assert not (tmp_path / "run").exists()


def evaluated(dataset):
    return evaluate(None, dataset)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"training": Training(steps=2)}, "training=Training"),
        ({"config": VAE.Config()}, "config=VAEConfig"),
        ({"model": VAE}, "model=<class"),
        ({"features": ["raw"]}, "features="),
        ({"size": "28"}, "size='28' is not int"),
        ({"classes": 3}, "classes=3 is not bool"),
        ({"fit": "squash"}, "fit='squash' is not"),
        ({"epochs": 0.5}, "epochs=0.5 is not int"),
    ],
)
def test_fields_of_a_recipe_have_types(fields, message):
    with pytest.raises(TrainingError, match=f"recipe: {message}"):
        Recipe(**{"model": "vae", **fields})


def test_paths_may_be_paths(tmp_path):
    write_pictures(tmp_path / "pets", 12)
    run = dataclasses.replace(recipe(), data=tmp_path / "pets", limit=None, size=8)
    assert run.data == str(tmp_path / "pets")
    start(run, tmp_path / "run")
    assert read_config(tmp_path / "run")["provenance"]["recipe"]["data"] == run.data


def test_a_class_that_no_training_image_shows_is_refused(tmp_path):
    run = dataclasses.replace(recipe("vae", steps=2, classes=True), limit=None)
    labels = ["cat"] * 39 + ["dog"]
    split = own().train
    sure = Split(split.images, torch.zeros(len(split), dtype=torch.int64))
    lonely = Dataset("pets", sure, own().validation, own().test, ("cat", "dog"))
    with pytest.raises(TrainingError, match="no training image of pets is of class dog; add"):
        start(run, tmp_path / "run", dataset=lonely)
    assert not (tmp_path / "run").exists()
    # Without classes it simply works.
    start(
        dataclasses.replace(run, classes=False),
        tmp_path / "run",
        dataset=Dataset.from_arrays(GREY, labels),
    )


def test_classes_by_name_and_images_as_arrays(tmp_path):
    run = dataclasses.replace(recipe("vae", steps=2, classes=True), limit=None)
    model = start(run, tmp_path / "run", dataset=own())
    for one, other in (("dog", 1), (["dog", "cat", 0], [1, 0, 0]), (np.int64(1), 1)):
        assert torch.equal(model.sample(3, one), model.sample(3, other))
    images = GREY[:2, None] / 255
    expected = model.reconstruct(torch.from_numpy(GREY[:2, None]), [0, 1])
    assert torch.allclose(model.reconstruct(images, ["cat", "dog"]), expected, atol=1e-6)
    way = latent.interpolate(model, *images, 3, classes=(0, 1))
    assert torch.allclose(way[[0, 2]], expected, atol=1e-5)
    for wrong in ("cow", 1.5, ["cat", None, 0]):
        with pytest.raises(ModelError, match=r"is no number and no name .* names are cat, dog"):
            model.sample(3, wrong)
    for count in (0, 2.5, "3", None):
        with pytest.raises(ModelError, match=r"is no count; give 1 or more"):
            model.sample(count)
    for scale, held in ((255, "0 to 255"), (np.nan, "nan to nan"), (-1, "-1 to")):
        with pytest.raises(RepresentationError, match=f"images hold floats from {held}"):
            model.reconstruct(images * scale)
    with pytest.raises(ModelError, match="there are no images to reconstruct"):
        model.reconstruct(images[:0], [])
    with pytest.raises(ModelError, match=r"shape \(12, 10\) does not fit .* \(1, 12, 10\) does"):
        latent.interpolate(model, images[0, 0], images[1, 0], classes=(0, 1))
    with pytest.raises(ModelError, match=r"shape \(1, 12, 9\) does not fit"):
        latent.traverse(model, images[0, :, :, 1:], label=0)


@pytest.mark.parametrize("call", [start, resume])
def test_progress_is_a_function(call, tmp_path):
    arguments = (recipe(), tmp_path / "run") if call is start else (tmp_path / "run",)
    with pytest.raises(TrainingError, match="progress=True is no function"):
        call(*arguments, progress=True)
