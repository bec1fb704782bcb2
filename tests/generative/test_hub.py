"""Models sent to a Hub and fetched from one: a stand-in, since tests ask no other host."""

from __future__ import annotations

import json
import threading
from functools import partial

import huggingface_hub
import numpy as np
import pytest
import torch
from commands_for_tests import run
from hub_for_tests import TOKEN, StandIn

from gaborkit.errors import StoreError
from gaborkit.generative import hub
from gaborkit.generative.image_model import ImageModel
from gaborkit.generative.models import MODELS
from gaborkit.generative.models.vae import VAE, VAEConfig
from gaborkit.generative.representation import Raw

IMAGES = torch.randint(
    0, 256, (5, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)


def tiny(**provenance):
    raw = Raw((1, 8, 8)).fit(IMAGES)
    return ImageModel(VAE(VAEConfig(hidden=(6,), latent=2), raw.space), raw, provenance)


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A Hub that knows one token, which this user has; her cache is empty."""
    server = StandIn()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    api = partial(huggingface_hub.HfApi, endpoint=server.endpoint)
    monkeypatch.setattr(huggingface_hub, "HfApi", api)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def refused(call, text):
    """One line that names the repository, and no token or address of the Hub."""
    with pytest.raises(StoreError, match=text) as problem:
        call()
    message = str(problem.value)
    assert "\n" not in message
    assert TOKEN not in message
    assert "127.0.0.1" not in message


def test_there_and_back(server):
    model = tiny()
    address = model.push_to_hub("user/digits", licence="cc-by-sa-4.0")
    assert address.startswith(f"{server.endpoint}/user/digits/commit/")
    assert sorted(server.repositories["user/digits"]) == [
        "README.md",
        "config.json",
        "metrics.json",
        "model.safetensors",
        "representation.json",
    ]
    for name in ("user/digits", "hf://user/digits", "hf://user/digits@main"):
        again = ImageModel.from_pretrained(name, "cpu")
        assert torch.equal(again.sample(3), model.sample(3))


def test_the_card_is_one_to_the_hub_s_own_reader(server):
    tiny(recipe={"data": "fashion", "features": "gabor"}).push_to_hub("user/clothes", licence="mit")
    card = huggingface_hub.ModelCard(server.repositories["user/clothes"]["README.md"].decode())
    assert card.data.to_dict() == {
        "library_name": "gaborkit",
        "license": "mit",
        "pipeline_tag": "unconditional-image-generation",
        "datasets": ["zalando-datasets/fashion_mnist"],
        "tags": ["image-generation", "gabor", "vae"],
    }
    assert 'ImageModel.from_pretrained("user/clothes").sample(16)' in card.text


@pytest.mark.parametrize("name", MODELS)
def test_cards_of_every_model_can_be_read(name):
    calls = {True: "upscale(pictures)", False: "sample(16)"}
    described = {"model": name, "config": {}, "classes": 0, "provenance": {}}
    text = hub.card(described, {}, False, calls[MODELS[name].takes_pictures])
    data = huggingface_hub.ModelCard(text).data
    task = "image-to-image" if name == "srgan" else "unconditional-image-generation"
    assert (data.pipeline_tag, data.license, data.datasets) == (task, "unknown", None)


def test_of_a_run_the_samples_are_sent_and_nothing_private(server, tmp_path):
    folder = tmp_path / "run"
    secret = "/home/someone/secret folder/photos"
    tiny(recipe={"data": secret, "data_dir": secret, "features": "raw"}).save_pretrained(folder)
    (folder / "samples.png").write_bytes(b"picture")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "state.safetensors").write_bytes(b"x")
    (folder / "log.csv").write_text("x")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    hub.push_to_hub(folder, "user/run", private=True)
    files = server.repositories["user/run"]
    assert sorted(files) == [
        "README.md",
        "config.json",
        "metrics.json",
        "model.safetensors",
        "representation.json",
        "samples.png",
    ]
    assert not any(b"secret folder" in content for content in files.values())
    assert json.loads(files["config.json"])["provenance"]["recipe"]["data"] == "photos"
    assert server.private == {"user/run"}
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert ImageModel.from_pretrained("user/run", "cpu").model.name == "vae"


def test_a_prior_is_sent_with_the_model_of_its_codes(server, tmp_path):
    folder = tmp_path / "prior"
    tiny().save_pretrained(folder)
    secret = {"data": "/home/someone/secret folder/a"}
    tiny(recipe=secret).save_pretrained(folder / "codes")
    hub.push_to_hub(folder, "user/prior")
    files = server.repositories["user/prior"]
    assert {name for name in files if name.startswith("codes/")} == {
        f"codes/{name}" for name in hub.FILES
    }
    assert b"secret folder" not in files["codes/config.json"]
    fetched = hub.fetch(hub.Address("user/prior"))
    assert sorted(path.name for path in (fetched / "codes").iterdir()) == sorted(hub.FILES)


def test_what_was_fetched_once_is_there_without_the_hub(server):
    model = tiny()
    model.push_to_hub("user/digits")
    ImageModel.from_pretrained("user/digits", "cpu")
    server.status = 503
    again = ImageModel.from_pretrained("user/digits", "cpu")
    assert torch.equal(again.sample(2), model.sample(2))


def test_nobody_is_asked_where_there_is_a_folder(server, tmp_path):
    tiny().save_pretrained(tmp_path / "runs" / "vae")
    assert ImageModel.from_pretrained("runs/vae", "cpu").model.name == "vae"
    for name in ("runs/vea", "./vae", "../runs/vae", "a/b/c", "vae", tmp_path / "user" / "x"):
        refused(lambda name=name: ImageModel.from_pretrained(name, "cpu"), "does not exist")
    assert server.asked == []


# ---- what is refused ----


def test_repositories_that_are_not_there_or_not_open(server, monkeypatch):
    load = partial(ImageModel.from_pretrained, device="cpu")
    refused(lambda: load("user/none"), "user/none: is neither here nor on the Hub; log in")
    tiny().push_to_hub("user/mine", private=True)
    refused(lambda: load("user/mine@v7"), "user/mine: has no revision 'v7'")
    monkeypatch.delenv("HF_TOKEN")
    refused(lambda: load("user/mine"), "user/mine: is neither here nor on the Hub; log in")
    refused(lambda: tiny().push_to_hub("user/mine"), "user/mine: .*log in by hf auth login")


@pytest.mark.parametrize(
    ("status", "text"),
    [(403, "the Hub does not allow it; log in"), (500, "the Hub answers with error 500")],
)
def test_errors_of_the_hub(server, status, text):
    server.status = status
    refused(lambda: tiny().push_to_hub("user/x"), f"user/x: {text}")


def test_without_a_network(server, monkeypatch):
    nobody = partial(huggingface_hub.HfApi.func, endpoint="http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub, "HfApi", nobody)
    refused(lambda: ImageModel.from_pretrained("user/x", "cpu"), "the Hub cannot be reached")
    refused(lambda: tiny().push_to_hub("user/x"), "the Hub cannot be reached")


@pytest.mark.parametrize(
    "files",
    [
        {"pytorch_model.bin": b"\x80\x04cos\nsystem\n(S'true'\ntR."},
        {"config.json": b"{}", "../../evil.json": b"{}", "codes/../../../evil": b"x"},
        {"config.json": b"{}", "model.safetensors": b"x", "handler.py": b"raise SystemExit"},
    ],
)
def test_hostile_repositories(server, tmp_path, files):
    server.repositories["user/evil"] = files
    text = "user/evil: holds no model that gaborkit reads: it lacks .* pickles, are not fetched"
    refused(lambda: ImageModel.from_pretrained("user/evil", "cpu"), text)
    written = {path.name for path in tmp_path.rglob("*")}
    assert not written & {"pytorch_model.bin", "evil.json", "evil", "handler.py"}


def test_a_pickle_in_the_place_of_weights(server):
    tiny().push_to_hub("user/evil")
    server.repositories["user/evil"]["model.safetensors"] = b"\x80\x04K\x01."
    refused(lambda: ImageModel.from_pretrained("user/evil", "cpu"), "no intact safetensors file")


@pytest.mark.parametrize("name", ["digits", "a/b/c", "../x", "user/", "-u/x", "user/x\nb", ""])
def test_names_that_are_none(server, name):
    refused(lambda: tiny().push_to_hub(name), "is no name on the Hub; OWNER/NAME works")
    refused(lambda: ImageModel.from_pretrained(f"hf://{name}", "cpu"), "hf://OWNER/NAME works")
    assert server.asked == []


@pytest.mark.parametrize("name", ["user/a..b", "user/a--b", "user/x.git"])
def test_names_that_the_hub_does_not_take(server, name):
    refused(lambda: tiny().push_to_hub(name), "is no name on the Hub; OWNER/NAME works")


@pytest.mark.parametrize("licence", ["", "MIT", "mit\ntags: [x]", "a" * 99])
def test_licences_that_are_none(server, licence):
    refused(lambda: tiny().push_to_hub("user/x", licence=licence), "is no identifier of one")


def test_folders_without_a_model_are_not_sent(server, tmp_path):
    refused(lambda: hub.push_to_hub(tmp_path / "none", "user/x"), "does not exist")
    tiny().save_pretrained(tmp_path / "run")
    (tmp_path / "run" / "model.safetensors").unlink()
    refused(lambda: hub.push_to_hub(tmp_path / "run", "user/x"), "model.safetensors: does not ex")
    assert server.asked == []


def test_without_huggingface_hub_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=r'needs huggingface_hub.*"gaborkit\[hub\]" brings it'):
        ImageModel.from_pretrained("user/x", "cpu")


# ---- commands ----


def test_commands_send_a_run_and_take_it_from_there(server, tmp_path):
    tiny().save_pretrained(tmp_path / "run")
    sent = run("push", "run", "user/digits", "--licence", "mit", "--private")
    assert (sent.exit_code, sent.stdout) == (
        0,
        f"{server.endpoint}/user/digits/commit/{server.sha('user/digits')}\n",
    )
    assert b"license: mit" in server.repositories["user/digits"]["README.md"]
    for name, out in (("hf://user/digits", "a.npz"), ("run", "b.npz")):
        done = run("sample", name, "--count", 3, "--out", out)
        assert done.exit_code == 0, done.output
    a, b = (np.load(tmp_path / name)["images"] for name in ("a.npz", "b.npz"))
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["sample", "user/digits"], "user/digits/config.json: does not exist"),
        (["sample", "hf://digits"], "'hf://digits' is no model of the Hub; hf://OWNER/NAME works"),
        (["push", "run", "user/x"], "run/config.json: does not exist"),
        (["push", "run", "x"], "'x' is no name on the Hub"),
        (["push", "run", "user/x", "--licence", "?"], "'?' is no identifier of one"),
    ],
)
def test_commands_refuse_in_one_line_and_ask_nobody(server, arguments, text):
    done = run(*arguments)
    assert done.exit_code == 1
    assert text in done.stderr
    assert done.stderr.count("\n") == 1
    assert server.asked == []
