"""The shipped classifier: its hash, its accuracy, and what a damaged file does."""

from __future__ import annotations

import shutil

import pytest
import torch
from safetensors.torch import save_file

from gaborkit.errors import ModelError, StoreError
from gaborkit.generative import load_dataset, metrics
from gaborkit.generative.metrics import shipped


@pytest.fixture
def copy(tmp_path):
    """The shipped weights and their hash in another folder."""
    path = tmp_path / shipped.WEIGHTS.name
    shutil.copy(shipped.WEIGHTS, path)
    shutil.copy(shipped.WEIGHTS.with_suffix(".sha256"), path.with_suffix(".sha256"))
    return path


def test_the_shipped_file_is_the_one_of_the_hash(copy):
    written = shipped.WEIGHTS.with_suffix(".sha256").read_text(encoding="ascii")
    assert shipped.write_hash(copy).read_text(encoding="ascii") == written


def test_it_is_frozen_in_evaluation_mode_and_finds_digits():
    network = metrics.digit_classifier()
    assert not network.training
    assert not any(weight.requires_grad for weight in network.parameters())
    test = load_dataset("mini").test
    found = metrics.judge(test.images, network)
    assert float((found.classes == test.labels).double().mean()) > 0.99
    assert metrics.inception_score(found.probabilities) > 8.5


def test_a_judgement_has_features_and_probabilities():
    network = metrics.digit_classifier()
    images = torch.randint(0, 256, (7, 1, 28, 28), dtype=torch.uint8)
    found = metrics.judge(images, network)
    assert found.features.shape == (7, 64)
    assert torch.allclose(found.probabilities.sum(1), torch.ones(7).double())
    assert torch.equal(found.classes, found.probabilities.argmax(1))
    again = metrics.judge(images / 255, network)
    assert torch.allclose(again.features, found.features)


def test_label_smoothing_is_undone():
    network = metrics.DigitClassifier().eval()
    torch.nn.init.zeros_(network.head.weight)
    true = torch.tensor([0.9, 0.1] + [0.0] * 8)
    with torch.no_grad():
        network.head.bias.copy_((0.95 * true + 0.005).log())
    found = metrics.judge(torch.zeros(1, 1, 28, 28), network, smoothing=0.05)
    assert torch.allclose(found.probabilities[0], true.double(), atol=1e-6)


def test_chunks_do_not_show(monkeypatch):
    network, images = metrics.digit_classifier(), torch.rand(10, 1, 28, 28)
    whole = metrics.judge(images, network).features
    monkeypatch.setattr(shipped, "CHUNK", 3)
    assert torch.allclose(metrics.judge(images, network).features, whole, atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 28, 28), (2, 3, 28, 28), (2, 1, 32, 32)])
def test_images_that_are_no_digits(shape):
    with pytest.raises(ModelError, match=r"are not digits, which are \(N, 1, 28, 28\)"):
        metrics.judge(torch.zeros(shape), metrics.DigitClassifier().eval())


def one_line(error):
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", [".safetensors", ".sha256"])
def test_a_missing_file(copy, suffix):
    copy.with_suffix(suffix).unlink()
    with pytest.raises(StoreError, match=f"digits{suffix}: cannot be read") as error:
        shipped.digit_classifier(copy)
    one_line(error)


@pytest.mark.parametrize("hash_text", ["", "0" * 64, "\xff\xfe"])
def test_a_wrong_hash(copy, hash_text):
    copy.with_suffix(".sha256").write_bytes(hash_text.encode("latin-1"))
    with pytest.raises(StoreError, match="install gaborkit again") as error:
        shipped.digit_classifier(copy)
    one_line(error)


@pytest.mark.parametrize("place", [0, 8, 5000, -1])
def test_a_flipped_bit(copy, place):
    content = bytearray(copy.read_bytes())
    content[place] ^= 1
    copy.write_bytes(content)
    with pytest.raises(StoreError, match="the file is damaged") as error:
        shipped.digit_classifier(copy)
    one_line(error)


@pytest.mark.parametrize("other", ["not safetensors", "other weights"])
def test_a_file_with_the_right_hash_that_is_no_classifier(copy, other):
    if other == "other weights":
        save_file({"weight": torch.zeros(2)}, copy)
    else:
        copy.write_text(other, encoding="ascii")
    shipped.write_hash(copy)
    with pytest.raises(StoreError, match="not the weights of a digit classifier") as error:
        shipped.digit_classifier(copy)
    one_line(error)
