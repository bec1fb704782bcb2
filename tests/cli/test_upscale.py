"""gaborkit upscale, and the other commands with a model that takes pictures."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import skimage.metrics
import torch
from commands_for_tests import run
from gaborkit_cli.commands.train import _say_what_next
from runs_for_tests import train, write_pictures

import gaborkit as gk
from gaborkit.generative import ImageModel, evaluate, load_dataset
from gaborkit.generative.metrics.upscaling import likeness_figures, there_and_back


@pytest.fixture(scope="module")
def grey(tmp_path_factory):
    return train("srgan", tmp_path_factory.mktemp("grey"), "--set", "adversarial=0.01")


@pytest.fixture(scope="module")
def coloured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("coloured")
    data = write_pictures(folder / "pictures", 30)
    return train("srgan", folder, "--data", data, "--size", 16, "--classes")


def test_a_picture_of_another_size(grey, tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (9, 20), np.uint8)
    gk.write_image(tmp_path / "small.png", picture)
    words = ["upscale", tmp_path / "small.png", "--model", grey, "--out", tmp_path / "large.png"]
    result = run(*words)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "18 x 40 pixels" in result.stdout
    wanted = ImageModel.from_pretrained(grey, "cpu").upscale(picture[None, None])[0, 0]
    written = gk.read_image(tmp_path / "large.png")
    assert (
        np.abs(
            np.asarray(written) * (255 if written.dtype != np.uint8 else 1) - 255 * wanted.numpy()
        ).max()
        <= 1
    )


def test_grey_and_colour_as_the_model_was_trained(grey, coloured, tmp_path):
    rng = np.random.default_rng(0)
    for shape, run_folder, wanted in (
        ((8, 9, 3), grey, (16, 18)),
        ((8, 9), coloured, (16, 18, 3)),
        ((8, 9, 3), coloured, (16, 18, 3)),
    ):
        gk.write_image(tmp_path / "in.png", rng.integers(0, 255, shape, np.uint8))
        words = [
            "upscale",
            tmp_path / "in.png",
            "--model",
            run_folder,
            "--out",
            tmp_path / "out.tif",
        ]
        words += ["--classes", "cats"] if run_folder == coloured else []
        assert run(*words).exit_code == 0
        assert gk.read_image(tmp_path / "out.tif").shape == wanted


def test_what_does_not_fit(grey, coloured, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gk.write_image("in.png", np.zeros((8, 8), np.uint8))
    vae = train("vae", tmp_path)
    for words, code, message in (
        (["in.png", "--model", coloured, "--out", "a.png"], 2, "give its class, such as --classes"),
        (["in.png", "--model", grey, "--classes", "3", "--out", "a.png"], 2, "without classes"),
        (["in.png", "--model", vae, "--out", "a.png"], 1, "vae cannot upscale images; srgan can"),
        (["none.png", "--model", grey, "--out", "a.png"], 1, "none.png: there is no such file"),
        (["in.png", "--model", grey, "--out", "a.txt"], 2, "a.txt"),
    ):
        result = run("upscale", *words)
        assert result.exit_code == code, result.output
        assert message in result.stderr
        assert result.stderr.count("\n") == 1
    result = run("sample", grey, "--out", "b.png")
    assert result.exit_code == 1
    assert "it upscales pictures that it gets" in result.stderr
    assert not [name for name in ("a.png", "b.png") if (tmp_path / name).exists()]


def test_what_to_do_next_is_what_the_model_can():
    for takes_pictures, command in ((True, "upscale IN --model 'a b'"), (False, "sample 'a b'")):
        lines = []
        _say_what_next(Path("a b"), takes_pictures, lines.append)
        assert f"gaborkit {command}; gaborkit evaluate 'a b'" in lines[-1]


def test_its_run_has_a_grid_and_says_how_it_is_used(grey):
    grid = gk.read_image(grey / "samples.png")
    assert grid.shape[0] > 3 * 2 * 28  # made smaller, upscaled, original; two pixels each
    assert ".upscale(pictures)" in (grey / "README.md").read_text()


def test_figures_beside_bicubic(grey):
    result = run("evaluate", grey, "--samples", 12)
    assert (result.exit_code, result.stderr) == (0, "")
    model, digits = ImageModel.from_pretrained(grey, "cpu"), load_dataset("mini")
    evaluation = evaluate(model, digits, samples=12)
    chosen = digits.test.take(torch.randperm(1000, generator=torch.Generator().manual_seed(0))[:12])
    bicubic, upscaled, originals = there_and_back(model, chosen)
    for suffix, images in (("", upscaled), (", bicubic", bicubic)):
        errors = (images - originals).square().mean((1, 2, 3))
        wanted = float((-10 * errors.log10()).mean())
        assert evaluation["PSNR" + suffix].value == pytest.approx(wanted, rel=1e-4)
        assert evaluation["Fréchet distance" + suffix].value > 0
        likeness = [
            skimage.metrics.structural_similarity(a[0].numpy(), b[0].numpy(), data_range=1)
            for a, b in zip(images, originals, strict=True)
        ]
        assert evaluation["SSIM" + suffix].value == pytest.approx(np.mean(likeness), rel=1e-4)


def test_pictures_without_a_difference_have_a_bound():
    images = torch.rand(3, 3, 6, 6)
    (ratio,) = likeness_figures(images, images)  # too small for the window of the SSIM
    assert ratio.value == pytest.approx(10 * math.log10(12 * 255**2))
