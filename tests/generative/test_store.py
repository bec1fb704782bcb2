"""Model folders: a round trip, and files that are missing, damaged or hostile."""

from __future__ import annotations

import json
import os
import struct

import pytest
import torch
from safetensors.torch import load_file, save_file

from gaborkit.errors import GaborkitError, ModelError, StoreError
from gaborkit.generative import chunks, store, strict
from gaborkit.generative.image_model import ImageModel
from gaborkit.generative.models.gan import GAN, GANConfig
from gaborkit.generative.models.vae import VAE, VAEConfig
from gaborkit.generative.representation import Coefficients, Raw

IMAGES = torch.randint(
    0, 256, (5, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)


def tiny(classes=0):
    raw = Raw((1, 8, 8)).fit(IMAGES)
    return ImageModel(VAE(VAEConfig(hidden=(6,), latent=2), raw.space, classes), raw)


@pytest.fixture
def folder(tmp_path):
    tiny().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def refused(folder, text, error=StoreError):
    with pytest.raises(error, match=text) as problem:
        ImageModel.from_pretrained(folder, "cpu")
    assert "\n" not in str(problem.value)
    assert str(folder) in str(problem.value)


# ---- round trip ----


def test_round_trip(folder, tmp_path):
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "metrics.json",
        "model.safetensors",
        "representation.json",
    ]
    state = torch.get_rng_state()
    one = ImageModel.from_pretrained(folder)
    assert torch.equal(torch.get_rng_state(), state)
    assert not one.model.training
    one.save_pretrained(tmp_path / "again")
    for path in folder.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()
    assert torch.equal(one.sample(3), ImageModel.from_pretrained(tmp_path / "again").sample(3))


def test_buffers_and_gabor_features(tmp_path):
    gabor = Coefficients((1, 8, 8), scales=1, orientations=2).fit(IMAGES)
    config = GANConfig(
        generator_hidden=(4, 4), discriminator_hidden=(4,), output="linear", loss="hinge"
    )
    model = ImageModel(GAN(config, gabor.space, 3), gabor, {"class_names": ["a", "b", "c"]})
    model.save_pretrained(tmp_path)
    again = ImageModel.from_pretrained(tmp_path)
    assert again.class_names == ("a", "b", "c")
    assert torch.equal(again.sample(4, classes=[0, 1, 2, 2]), model.sample(4, classes=[0, 1, 2, 2]))


def test_metrics_and_card(folder):
    figure = {
        "name": "FID",
        "value": 3.25,
        "standard_error": 0.5,
        "unit": "",
        "protocol": "of 10 | x",
    }
    store.write_metrics(folder, {"figures": [figure], "training": {"steps": 3}})
    store.write_metrics(folder, {"notes": ["none"]})
    assert store.read_metrics(folder)["training"] == {"steps": 3}
    card = (folder / "README.md").read_text()
    assert "| FID | 3.25 ± 0.5 | of 10 \\| x |" in card
    assert "# vae of its features, trained on unnamed" in card
    # Of another model they say nothing.
    tiny().save_pretrained(folder)
    assert store.read_metrics(folder) == {}


def test_the_card_shows_samples_and_believes_no_provenance(folder):
    (folder / "samples.png").write_bytes(b"")
    described = store.read_config(folder)
    described["provenance"] = {"recipe": 3, "training": "much", "data": {"n": None}}
    store.write_config(folder, described)
    store.write_metrics(folder, {"figures": "good", "training": [1]})
    assert "![Samples](samples.png)" in (folder / "README.md").read_text()


# ---- files that are not what they should be ----


def header(length, text=b"{}"):
    return struct.pack("<Q", length) + text


def shaped(shape, begin, end):
    entry = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps({"x": entry}).encode()
    return header(len(text), text)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04K\x01.",
        header(2**62),
        header(2**64 - 1),
        header(2, b"[]"),
        header(2, b"{"),
        shaped([2**40, 2**40], 0, 4),
        shaped([1], 0, 4),
        shaped([1], 4, 0),
        shaped([-1], 0, 4),
    ],
)
def test_no_safetensors_file(content, folder):
    (folder / "model.safetensors").write_bytes(content)
    refused(folder, r"model.safetensors: is no intact safetensors file")


def test_a_pickle_is_not_opened(folder):
    torch.save({"x": torch.ones(1)}, folder / "model.safetensors")
    refused(folder, "is no intact safetensors file")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_truncated(share, folder):
    for name in ("model.safetensors", "config.json", "representation.json"):
        path = folder / name
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content)) - 1])
        refused(folder, f"{name}: is not JSON|is no intact")
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda t: t.pop(sorted(t)[0]), "is missing that config.json names"),
        (lambda t: t.update(extra=torch.ones(1)), "tensor extra is not part of the model"),
        (
            lambda t: t.update({k: torch.ones(2) for k in sorted(t)[:1]}),
            r"is torch.float32 \(2,\); config.json says torch.float32",
        ),
        (lambda t: t.update({k: t[k].double() for k in sorted(t)[:1]}), "is torch.float64"),
        (lambda t: t.update({k: t[k].to(torch.int16) for k in sorted(t)[:1]}), "is of type I16"),
        (lambda t: t.update({k: t[k] * torch.nan for k in sorted(t)[:1]}), "that are not finite"),
    ],
)
def test_other_tensors(change, text, folder):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    refused(folder, text)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("[1]", "holds list, not an object"),
        ("3", "holds int, not an object"),
        ('{"x": NaN}', "NaN is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"x": ' + "9" * 5000 + "}", "is not JSON"),
        ("\udcff", "is not JSON"),
    ],
)
@pytest.mark.parametrize("name", ["config.json", "representation.json", "metrics.json"])
def test_no_json(name, content, text, folder):
    (folder / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    if name != "metrics.json":
        refused(folder, f"{name}: .*{text}")
        return
    with pytest.raises(StoreError, match=f"{name}: .*{text}"):
        store.read_metrics(folder)
    # A model is none the worse for it, and can be measured again.
    assert ImageModel.from_pretrained(folder, "cpu").provenance["metrics"] == {}
    store.write_metrics(folder, {"figures": []})
    assert store.read_metrics(folder) == {"figures": []}


def test_what_is_not_finite_is_not_written(folder):
    before = (folder / "metrics.json").read_bytes()
    for value in (float("nan"), float("inf")):
        with pytest.raises(StoreError, match=r"metrics.json: a value of it is not finite"):
            store.write_metrics(folder, {"training": {"validation loss": value}})
    assert (folder / "metrics.json").read_bytes() == before


def test_a_run_that_is_not_finished(folder):
    (folder / "model.safetensors").unlink()
    (folder / "checkpoints").mkdir()
    refused(folder, f"is not trained to its end; go on with: gaborkit train --resume {folder}$")


def test_json_of_absurd_length(folder, monkeypatch):
    monkeypatch.setattr(strict, "LARGEST", 100)
    refused(folder, r"config.json: has [0-9,]+ bytes, more than any description needs")


def edited(path, **fields):
    data = json.loads(path.read_text())
    for name, value in fields.items():
        if value is None:
            data.pop(name)
        elif isinstance(value, dict) and name in data:
            data[name] |= value
        else:
            data[name] = value
    path.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"format": "other"}, "is no description of a gaborkit model"),
        ({"version": 2}, "is of version 2, and this gaborkit reads version 1"),
        ({"version": None}, "is of version None"),
        ({"model": "os.system"}, "model='os.system' is unknown; known are"),
        ({"model": 3}, "model=3 is not str"),
        ({"classes": True}, "classes=True is not int"),
        ({"classes": 1}, "no model can be built from it: classes=1"),
        ({"config": None}, "config=None is not dict"),
        ({"config": {"latent": "two"}}, "config: latent='two' is not int"),
        ({"config": {"lantern": 2}}, "config: 'lantern' is unknown"),
        ({"config": {"latent": -1}}, "latent"),
        # Absurd sizes, refused before memory is taken.
        ({"config": {"latent": 10**12}}, "config.json says|no model can be built"),
        ({"config": {"hidden": [10**30]}}, "more than 64 bits"),
        ({"config": {"hidden": [6] * 5000}}, "more tensors than model.safetensors holds"),
        ({"classes": 10**12}, "config.json says|is missing|no model"),
        ({"model": "gan"}, "'hidden' is unknown|config"),
    ],
)
def test_config_that_lies(fields, text, folder):
    edited(folder / "config.json", **fields)
    refused(folder, text)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"version": 4}, "version 4"),
        ({"image_shape": [1, 8]}, "is not three counts"),
        ({"image_shape": [1, 8, True]}, "is not three counts"),
        ({"image_shape": [1, 10**6, 10**6]}, "is beyond what a model of images can be"),
        ({"image_shape": [1, 8, 9]}, "config.json says"),
        ({"name": "os"}, "representation.json: "),
        ({"gain": [[1]]}, "representation.json: "),
        ({"scaling": "white"}, "no model can be built from it"),
        ({"bank": 3}, "representation.json: "),
    ],
)
def test_representation_that_lies(fields, text, folder):
    edited(folder / "representation.json", **fields)
    refused(folder, text)


def test_missing_files_and_folders(folder, tmp_path):
    refused(tmp_path / "missing", r"config.json: does not exist; give the folder of a trained")
    refused(tmp_path / ("x" * 300), r"config.json: (cannot be read|does not exist)")
    for name in ("model.safetensors", "representation.json"):
        (folder / name).rename(folder / "aside")
        refused(folder, f"{name}: does not exist")
        (folder / "aside").rename(folder / name)


def test_pipes_and_links(folder, tmp_path):
    path = folder / "model.safetensors"
    path.rename(tmp_path / "weights")
    os.mkfifo(path)
    refused(folder, "is not a regular file")
    path.unlink()
    # Reading goes through a link, as caches of downloads have them; writing does not.
    path.symlink_to(tmp_path / "weights")
    before = (tmp_path / "weights").read_bytes()
    model = ImageModel.from_pretrained(folder, "cpu")
    with pytest.raises(StoreError, match=r"is a symbolic link, which is not written through"):
        model.save_pretrained(folder)
    assert (tmp_path / "weights").read_bytes() == before


def test_folders_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file: no such folder can be made"):
        tiny().save_pretrained(tmp_path / "file")
    with pytest.raises(StoreError, match=r"config.json: does not exist"):
        store.write_metrics(tmp_path, {})


# ---- images in, images out ----


def test_sampling_is_a_function_of_the_seed(monkeypatch):
    model = tiny(classes=3)
    one = model.sample(5, seed=1)
    assert (one.shape, one.dtype) == ((5, 1, 8, 8), torch.float32)
    assert 0 <= float(one.min()) <= float(one.max()) <= 1
    assert torch.equal(one, model.sample(5, [0, 1, 2, 0, 1], seed=1))
    assert not torch.equal(one, model.sample(5, seed=2))
    assert torch.equal(model.sample(4, 2), model.sample(4, torch.full((4,), 2)))
    monkeypatch.setattr(chunks, "CHUNK", 2)
    seen = []
    assert model.sample(5, progress=lambda done, total: seen.append(done / total)).shape[0] == 5
    assert seen == sorted(seen)
    assert {1 / 3, 2 / 3} < set(seen)  # three chunks
    assert model.model.training


def test_reconstruct():
    model = tiny()
    found = model.reconstruct(IMAGES)
    assert found.shape == IMAGES.shape
    assert torch.equal(found, model.reconstruct(IMAGES / 255))
    assert torch.equal(model.reconstruct(IMAGES, seed=1), model.reconstruct(IMAGES, seed=1))
    assert not torch.equal(model.reconstruct(IMAGES, seed=1), found)


@pytest.mark.parametrize("names", [3, ["a"], ["a", 2, "c"], "abc", {"a": 1}])
def test_class_names_that_do_not_name_the_classes(names, tmp_path):
    tiny(3).save_pretrained(tmp_path)
    described = store.read_config(tmp_path)
    described["provenance"]["class_names"] = names
    store.write_config(tmp_path, described)
    refused(tmp_path, r"config.json: class_names=.* are not names of 3 classes")


class Completing(VAE):
    def complete(self, features, rows, labels, generator, progress):
        self.given = features
        return torch.rand(features.shape, generator=generator)


def test_complete_looks_at_the_given_rows_only():
    raw = Raw((1, 8, 8)).fit(IMAGES)
    model = ImageModel(Completing(VAEConfig(hidden=(6,), latent=2), raw.space), raw)
    found = model.complete(IMAGES, 3, seed=4)
    assert torch.equal(found[:, :, :3], IMAGES[:, :, :3] / 255)
    assert torch.equal(model.model.given[:, :, 7], IMAGES[:, :, 2] / 255)
    other = IMAGES.clone()
    other[:, :, 3:] = 0
    assert torch.equal(model.complete(other, 3, seed=4), found)
    model.complete(IMAGES, 0)
    assert not model.model.given.any()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda m: m.sample(0), "count=0 is no count"),
        (lambda m: m.sample(1, 3), "trained without classes"),
        (lambda m: m.sample(1, temperature=0.5), "temperature=0.5: vae has none"),
        (lambda m: m.sample(1, guidance=2.0), "guidance=2.0: vae has none"),
        (lambda m: m.complete(IMAGES, 3), "vae cannot complete images; autoregressive models can"),
        (lambda m: COMPLETING.complete(IMAGES, 9), "rows=9 is out of range; give 0 to 8"),
        (lambda m: m.reconstruct(IMAGES[:, :, 1:]), "do not fit"),
    ],
)
def test_what_a_model_cannot(call, text):
    with pytest.raises(GaborkitError, match=text):
        call(tiny())


RAW = Raw((1, 8, 8)).fit(IMAGES)
COMPLETING = ImageModel(Completing(VAEConfig(hidden=(6,), latent=2), RAW.space), RAW)


def test_conditional_models_check_their_classes():
    with pytest.raises(ModelError, match="class 3 is not one of 0 to 2"):
        tiny(3).sample(2, [0, 3])
