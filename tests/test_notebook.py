"""What objects show of themselves in a notebook: words, and a picture of at most 50 kB."""

from __future__ import annotations

import base64
import io
import math
import re

import numpy as np
import pytest
import torch
from PIL import Image

import gaborkit as gk
from gaborkit import notebook
from gaborkit.generative import Split, load_dataset

BANK = gk.GaborBank.grid(2, 3)
NOISE = torch.randint(0, 256, (30, 3, 64, 64), generator=torch.manual_seed(0), dtype=torch.uint8)


def shown(thing):
    """The picture, as an array, and the words."""
    text = thing._repr_html_()
    source, words = re.fullmatch(
        r'<img src="data:image/png;base64,([^"]+)" alt="[^"]+" style="[^"]+"><pre>(.*)</pre>',
        text,
        re.DOTALL,
    ).groups()
    assert len(source) <= 50_000
    return np.array(Image.open(io.BytesIO(base64.b64decode(source)))), words


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (gk.GaborKernel(wavelength=8, sigma=4), "GaborKernel(wavelength=8"),
        (gk.GaborKernel(wavelength=8, sigma=4, theta=torch.tensor(0.3)), "GaborKernel("),
        (gk.GaborKernel(wavelength=900, sigma=3000), "GaborKernel(wavelength=900"),
        (gk.LogGaborKernel(wavelength=6), "LogGaborKernel("),
        (BANK, "GaborBank(6 kernels, 4 to 8 px, 3 directions)\n  k  family"),
        (BANK[:1], "GaborBank(1 kernel, 4 px, 1 direction)"),
        (gk.GaborBank.grid(8, 16), "and 32 more"),
        (BANK.plan((64, 64)), "6 kernels on 64 x 64 float32, numpy"),
        (BANK.frame((40, 600)), "GaborFrame(6 kernels"),
        (load_dataset("mini"), "Dataset(mini: 4,500 training"),
        (Split(NOISE, None), "Split(30 images, 3 x 64 x 64, no labels)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_shows_words_and_a_small_picture(thing, words):
    picture, text = shown(thing)
    assert words in text
    assert np.ptp(picture) > 100


def test_the_picture_of_a_kernel_is_its_samples():
    kernel = gk.GaborKernel(wavelength=8, sigma=4, theta=math.pi / 6)
    picture, _ = shown(kernel)
    samples = kernel.sample(1e-2)
    side = len(samples)
    for part, left in ((samples.real, 0), (samples.imag, side + 2)):
        expected = notebook.signed_colours(part)
        np.testing.assert_array_equal(picture[:side, left : left + side], expected)


def test_a_thumbnail_is_every_nth_sample():
    kernel = gk.GaborKernel(wavelength=30, sigma=15)
    samples, small = kernel.sample(1e-2), kernel.thumbnail(16)
    middle = len(samples) // 2
    step = math.ceil(middle / 16)
    np.testing.assert_array_equal(small, samples[middle % step :: step, middle % step :: step])
    assert len(small) <= 33


def test_colours_of_numbers():
    colours = notebook.signed_colours(np.array([[-4.0, 0, 1, 4]])).astype(int)[0]
    assert colours[1].tolist() == [255, 255, 255]
    assert colours[0, 2] > colours[0, 0]
    assert colours[3, 0] > colours[3, 2]
    np.testing.assert_allclose(255 - colours[2], (255 - colours[3]) / 4, atol=1)
    assert notebook.signed_colours(np.zeros((2, 2))).min() == 255


def test_words_are_no_markup():
    assert notebook.page("<b>&") == "<pre>&lt;b&gt;&amp;</pre>"


def test_a_large_picture_is_made_smaller_and_shown_as_large():
    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    text = notebook.page("", noise, "noise")
    assert len(text) < 51_000
    assert "width:512px" in text


@pytest.mark.parametrize("fixture", ["vae_run", "gan_run", "pixelcnn_run"])
def test_models(fixture, request):
    model = gk.generative.ImageModel.from_pretrained(request.getfixturevalue(fixture), "cpu")
    name = fixture.partition("_")[0]
    if name == "pixelcnn":  # draws pixel by pixel, which a notebook does not wait for
        assert model._repr_html_() == f"<pre>{model!r}</pre>"
    else:
        picture, words = shown(model)
        assert words == repr(model)
        image = (model.sample(10, seed=0)[9, 0] * 255).round().numpy()
        np.testing.assert_array_equal(picture[:8, 9 * 10 : 9 * 10 + 8, 0], image)
    assert repr(model).startswith(f"ImageModel({name} by raw, images 1 x ")


@pytest.mark.parametrize(
    "thing", [BANK, BANK.plan((8, 8)), load_dataset("mini"), Split(NOISE, None)]
)
def test_representations_are_short(thing):
    assert len(repr(thing)) < 120
    assert "\n" not in repr(thing)
