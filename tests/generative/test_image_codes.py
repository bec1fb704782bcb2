"""Priors over the codes of another model: one model to train, store, draw from and measure."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest
import torch
from codes_for_tests import CODER, PRIOR, SHORT, data, pictures, untrained
from processes_for_tests import assert_equal_runs, resume, start

from gaborkit.errors import ModelError, RepresentationError, StoreError, TrainingError
from gaborkit.generative import MODELS, ImageModel, Recipe, evaluate, store
from gaborkit.generative.models.autoregressive import Autoregressive
from gaborkit.generative.space import Space
from gaborkit.generative.training.footprint import parameters_of
from gaborkit.generative.training.trainer import Trainer

FAMILY = [name for name, model in MODELS.items() if issubclass(model, Autoregressive)]


def coder(out, classes=False, features="raw", representation=None, side=8, **config):
    recipe = Recipe(
        *("vq-vae", features),
        classes=classes,
        representation=representation or {},
        config=CODER | config,
        training=SHORT,
    )
    return start(recipe, out, dataset=data(side=side))


def prior(codes, **fields):
    fields = {"config": PRIOR, "training": SHORT} | fields
    return Recipe("gated-pixelcnn", codes=str(codes), **fields)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A vq-vae, and a conditional prior over its codes."""
    folder = tmp_path_factory.mktemp("runs")
    coder(folder / "coder")
    start(prior(folder / "coder", classes=True), folder / "prior", dataset=data())
    return folder


@pytest.fixture
def copied(trained, tmp_path):
    """The same, to be damaged."""
    return shutil.copytree(trained, tmp_path / "runs")


# ---- codes of images ----


def test_codes_are_those_of_the_model_and_images_its_decoder_s():
    codes = untrained()
    images = pictures(6)
    features = codes.encode(images)
    assert features.shape == (6, *codes.space.shape) == (6, 1, 2, 2)
    assert (features.dtype, codes.space.levels, codes.space.ordinal) == (torch.int64, 5, False)
    seen = codes.seen.encode(images)
    assert torch.equal(features, codes.coder.codes(seen))
    drawn = codes.seen.decode(codes.coder.reconstruct(seen))
    assert torch.equal(codes.decode(features), drawn)
    assert codes.redundancy == 4 / 64
    assert codes.fit(images) is codes
    assert not any(weight.requires_grad for weight in codes.coder.parameters())
    with pytest.raises(RepresentationError, match="do not fit this representation"):
        codes.encode(images[:, :, 1:])
    with pytest.raises(RepresentationError, match="do not fit this representation"):
        codes.decode(features[:, :, 1:])


def test_the_digest_tells_weights_and_what_is_seen():
    codes = untrained()
    again = untrained()
    assert codes.to_dict() == again.to_dict()
    with torch.no_grad():
        again.coder.codebook.vectors[0, 0] += 1e-3
    assert codes.digest != again.digest
    white = untrained("gaussian")
    other = untrained("gaussian")
    other.seen.gain = other.seen.gain * 2
    assert white.digest != other.digest


# ---- runs ----


def test_a_prior_is_one_model_that_draws_images_without_the_run_of_its_codes(copied):
    shutil.rmtree(copied / "coder")
    model = ImageModel.from_pretrained(copied / "prior", "cpu")
    images = model.sample(4, classes=[0, 1, 0, 1], seed=1)
    assert images.shape == (4, 1, 8, 8)
    assert torch.equal(images, model.sample(4, classes=[0, 1, 0, 1], seed=1))
    model.save_pretrained(copied / "again")
    again = ImageModel.from_pretrained(copied / "again", "cpu")
    assert torch.equal(again.sample(4, classes=[0, 1, 0, 1], seed=1), images)
    # What lies in it is the model of the codes, whole.
    inner = ImageModel.from_pretrained(copied / "again/codes", "cpu")
    assert inner.model.name == "vq-vae"
    assert inner.provenance["recipe"]["model"] == "vq-vae"


@pytest.mark.parametrize("name", FAMILY)
def test_every_autoregressive_model_is_a_prior(name, trained, tmp_path):
    small = {"channels": 4}
    fields = MODELS[name].Config.__dataclass_fields__
    small |= {key: 1 for key in ("layers", "blocks", "residuals", "heads") if key in fields}
    recipe = dataclasses.replace(prior(trained / "coder"), model=name, config=small)
    model = start(recipe, tmp_path / "run", dataset=data())
    assert model.model.config.levels == 5
    assert model.sample(2, temperature=0.5).shape == (2, 1, 8, 8)
    assert model.complete(pictures(2), 4).shape == (2, 1, 8, 8)


@pytest.mark.parametrize("preset", ["small", "article", "large"])
@pytest.mark.parametrize("name", FAMILY)
def test_every_preset_is_one_of_codes_too(name, preset):
    config, _ = MODELS[name].preset(preset, "codes")
    space = Space(1, 7, 7, "levels", 5, ordinal=False)
    assert parameters_of(MODELS[name], dataclasses.replace(config, levels=5), space, 3)


def test_an_interrupted_prior_ends_as_one_that_is_left_alone(trained, tmp_path, monkeypatch):
    shutil.copytree(trained / "coder", tmp_path / "coder")
    run = prior(tmp_path / "coder", training=SHORT | {"ema": 0.5})
    start(run, tmp_path / "whole", dataset=data())
    update = Trainer._update

    def stopped(self, step):
        if step == 3:
            raise ZeroDivisionError
        update(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_update", stopped)
        with pytest.raises(ZeroDivisionError):
            start(run, tmp_path / "broken", dataset=data())
    shutil.rmtree(tmp_path / "coder")  # a run has what it needs
    resume(tmp_path / "broken", dataset=data())
    assert_equal_runs(tmp_path / "whole", tmp_path / "broken")


@pytest.mark.parametrize("features", ["gabor", "coefficients"])
def test_codes_of_what_is_seen_through_a_frame(features, tmp_path):
    bank = {"scales": 1, "orientations": 2}
    config = {"likelihood": "gaussian"} if features == "coefficients" else {}
    coder(tmp_path / "coder", features=features, representation=bank, **config)
    model = start(prior(tmp_path / "coder"), tmp_path / "prior", dataset=data())
    assert model.sample(2).shape == (2, 1, 8, 8)
    assert evaluate(model, data(), samples=10, repeats=1).figures


@pytest.mark.parametrize(("rows", "filled"), [(0, 0), (3, 0), (4, 1), (7, 1), (8, 2)])
def test_completion_keeps_the_codes_that_the_given_rows_fill(rows, filled, trained):
    model = ImageModel.from_pretrained(trained / "prior", "cpu")
    assert model.representation.rows_of(rows) == filled
    images = pictures(3, seed=4)
    kept = []
    complete = model.model.complete
    model.model.complete = lambda features, *rest, **options: (
        kept.append(rest[0]) or complete(features, *rest, **options)
    )
    completed = model.complete(images, rows, [0, 1, 0])
    assert torch.equal(completed[:, :, :rows], images[:, :, :rows] / 255)
    assert kept == [filled]
    # What lies below is not looked at.
    other = images.clone()
    other[:, :, rows:] = 255 - other[:, :, rows:]
    assert torch.equal(model.complete(other, rows, [0, 1, 0]), completed)


# ---- refusals ----


def refused(error, message, recipe, out, **options):
    with pytest.raises(error, match=message) as caught:
        start(recipe, out, dataset=data(), **options)
    assert "\n" not in str(caught.value)
    assert not out.exists()


def test_runs_that_have_no_codes_are_refused_before_data_are_read(trained, copied, tmp_path):
    out = tmp_path / "out"
    refused(StoreError, "does not exist; give the folder", prior(tmp_path / "none"), out)
    message = "holds a gated-pixelcnn, which has no codes; give the folder of a trained vq-vae"
    refused(StoreError, message, prior(trained / "prior"), out)
    (copied / "coder/model.safetensors").write_bytes(b"cut short")
    refused(StoreError, "is no intact safetensors file", prior(copied / "coder"), out)
    (copied / "coder/model.safetensors").unlink()
    refused(StoreError, "is not trained to its end", prior(copied / "coder"), out)


def test_recipes_that_do_not_fit_codes():
    for fields, message in (
        ({"model": "vae"}, "for autoregressive models such as gated-pixelcnn, and not for vae"),
        ({"model": "gan"}, "not for gan; leave codes out"),
        ({"features": "gabor"}, "features='gabor' is unknown; choose codes"),
        ({"representation": {"binarize": "static"}}, "binarize='static' does not go with codes"),
        ({"codes": 3}, "codes=3 is not"),
    ):
        with pytest.raises(TrainingError, match=message):
            Recipe(**{"model": "gated-pixelcnn", "codes": "runs/vq-vae"} | fields)
    with pytest.raises(TrainingError, match="features='codes' is unknown; choose raw"):
        Recipe("gated-pixelcnn", "codes")
    assert Recipe("gated-pixelcnn", codes="runs/vq-vae").features == "codes"


def test_levels_images_and_heads_that_do_not_fit_codes(trained, tmp_path):
    out, codes = tmp_path / "out", trained / "coder"
    message = "levels=4: there are 5 codes of .*; leave levels out"
    refused(TrainingError, message, prior(codes, config=PRIOR | {"levels": 4}), out)
    message = "without an order fit no likelihood='mixture'"
    refused(ModelError, message, prior(codes, config=PRIOR | {"likelihood": "mixture"}), out)
    with pytest.raises(TrainingError, match="its images are 1 x 8 x 8, and those of the data 1 x"):
        start(prior(codes), out, dataset=data(side=12))


def test_codes_of_other_images_are_said_to_be(trained, tmp_path):
    said = []
    start(prior(trained / "coder"), tmp_path / "same", dataset=data(), say=said.append)
    assert not any("other images" in line for line in said)
    start(prior(trained / "coder"), tmp_path / "other", dataset=data(seed=1), say=said.append)
    assert any("were learned of other images: noise" in line for line in said)


def test_a_warm_start_keeps_its_codes(trained, tmp_path):
    run = prior(trained / "coder", classes=True, init=str(trained / "prior"))
    model = start(run, tmp_path / "same", dataset=data())
    assert model.representation.digest == store.read_codes(trained / "coder").digest
    coder(tmp_path / "coder", commitment=0.5)
    message = "its codes are not those of .*; give codes as they were"
    other = prior(tmp_path / "coder", classes=True, init=str(trained / "prior"))
    refused(TrainingError, message, other, tmp_path / "out")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: shutil.rmtree(folder / "codes"), "codes/config.json: does not exist"),
        (lambda folder: (folder / "codes/model.safetensors").unlink(), "does not exist"),
        (
            lambda folder: (folder / "codes/representation.json").write_text("{"),
            "representation.json",
        ),
        (lambda folder: (folder / "codes/config.json").write_text("[]"), "config.json"),
    ],
)
def test_damaged_codes_are_refused(damage, message, copied):
    damage(copied / "prior")
    with pytest.raises(StoreError, match=message) as caught:
        ImageModel.from_pretrained(copied / "prior", "cpu")
    assert "\n" not in str(caught.value)


def test_codes_of_another_model_in_their_place_are_refused(copied, tmp_path):
    coder(tmp_path / "other", commitment=0.5)
    shutil.rmtree(copied / "prior/codes")
    shutil.copytree(tmp_path / "other", copied / "prior/codes")
    with pytest.raises(StoreError, match="names other codes than those of the model in codes/"):
        ImageModel.from_pretrained(copied / "prior", "cpu")
    shutil.rmtree(copied / "prior/codes")
    shutil.copytree(copied / "coder", copied / "prior/codes")
    ImageModel.from_pretrained(copied / "prior", "cpu")
    for field, value in (("codes", 6), ("digest", "0" * 64), ("image_shape", [1, 8, 9])):
        path = copied / "prior/representation.json"
        described = json.loads(path.read_text())
        path.write_text(json.dumps(described | {field: value}))
        with pytest.raises(StoreError, match="names other codes"):
            ImageModel.from_pretrained(copied / "prior", "cpu")
        path.write_text(json.dumps(described))


def test_codes_of_codes_end(copied):
    """A folder that holds itself is read no deeper than links may lead."""
    shutil.rmtree(copied / "prior/codes")
    shutil.copytree(copied / "coder", copied / "prior/codes")
    shutil.copy(copied / "prior/representation.json", copied / "prior/codes/representation.json")
    (copied / "prior/codes/codes").symlink_to(".")
    with pytest.raises(StoreError) as caught:
        ImageModel.from_pretrained(copied / "prior", "cpu")
    assert "\n" not in str(caught.value)


def test_a_link_in_the_place_of_codes_is_not_written_through(trained, tmp_path):
    model = ImageModel.from_pretrained(trained / "prior", "cpu")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/codes").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is a symbolic link, which is not written through"):
        model.save_pretrained(tmp_path / "out")
    assert not list((tmp_path / "elsewhere").iterdir())
