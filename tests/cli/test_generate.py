"""``gaborkit sample``, ``reconstruct``, ``complete``, ``interpolate`` and ``latent``."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from commands_for_tests import examples, run
from PIL import Image
from runs_for_tests import train, write_pictures

import gaborkit as gk
from gaborkit.generative import ImageModel, evaluation, image_grid, load_dataset

pytestmark = pytest.mark.usefixtures("empty_folder")


def done(*arguments: object) -> str:
    result = run(*arguments, "--device", "cpu")
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


#: What an evaluation may find.
FEW = evaluation.Evaluation("m", "d", (), ())


def arrays(path: str) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as stored:
        return dict(stored)


# ---- counts in words ----


@pytest.mark.parametrize(
    ("rows", "words"), [(0, "no row kept"), (1, "row 1 kept"), (2, "rows 1 to 2 kept")]
)
def test_what_is_counted_is_one_or_many(pixelcnn_run, rows, words):
    text = done("complete", pixelcnn_run, "--rows", rows, "--count", 1, "--draws", 1)
    assert text == f"completed.png: 1 picture, {words}, 1 completion of each\n"
    text = done("complete", pixelcnn_run, "--rows", rows, "--count", 2, "--draws", 2)
    assert text == f"completed.png: 2 pictures, {words}, 2 completions of each\n"


@pytest.mark.parametrize(("count", "words"), [(1, "1 sample"), (2, "2 samples")])
def test_samples_are_one_or_many(vae_run, count, words):
    assert done("sample", vae_run, "--count", count) == f"samples.png: {words}\n"


# ---- sample ----


def test_a_grid_is_of_the_models_samples(vae_run):
    assert done("sample", vae_run, "--count", 6, "--seed", 3) == "samples.png: 6 samples\n"
    images = ImageModel.from_pretrained(vae_run, "cpu").sample(6, seed=3)
    assert np.array_equal(gk.read_image("samples.png"), image_grid(images, zoom=2))


def test_columns_and_zoom(vae_run):
    done("sample", vae_run, "--count", 6, "--columns", 2, "--zoom", 3, "--out", "g.png")
    assert gk.read_image("g.png").shape == (3 * (24 + 2) + 2, 2 * (24 + 2) + 2)


def test_arrays_of_classes(pixelcnn_run):
    done("sample", pixelcnn_run, "--count", 5, "--classes", "3,7-8", "--out", "s.npz")
    stored = arrays("s.npz")
    assert stored["classes"].tolist() == [3, 7, 8, 3, 7]
    images = ImageModel.from_pretrained(pixelcnn_run, "cpu").sample(5, [3, 7, 8, 3, 7], seed=0)
    assert np.array_equal(stored["images"], images.numpy())
    assert stored["images"].dtype == np.float32


def test_a_grid_of_a_conditional_model_has_a_column_for_each_class(conditional_run):
    done("sample", conditional_run, "--count", 20, "--zoom", 1)
    assert gk.read_image("samples.png").shape == (2 * 10 + 2, 10 * 10 + 2)
    done("sample", conditional_run, "--count", 4, "--classes", "1,2", "--zoom", 1)
    assert gk.read_image("samples.png").shape == (2 * 10 + 2, 2 * 10 + 2)


def test_single_pictures(conditional_run, colour_run):
    done("sample", colour_run, "--count", 11, "--out", "new/folder", "--zoom", 1)
    names = sorted(path.name for path in Path("new/folder").iterdir())
    assert names == [f"{k:02}.png" for k in range(11)]
    assert gk.read_image("new/folder/00.png").shape == (10, 10, 3)
    done("sample", conditional_run, "--count", 2, "--classes", "4", "--out", "fours/")
    names = sorted(path.name for path in Path("fours").iterdir())
    assert names == ["0_class4.png", "1_class4.png"]


def test_temperature(pixelcnn_run):
    for temperature in (1, 0.01):
        done(
            *["sample", pixelcnn_run, "--count", 4, "--temperature", temperature],
            *["--out", f"{temperature}.npz"],
        )
    cold, warm = (arrays(f"{t}.npz")["images"] for t in (0.01, 1))
    assert not np.array_equal(cold, warm)


@pytest.mark.parametrize("option", ["guidance", "temperature"])
def test_all_that_draw_take_the_options_of_a_draw(option, pixelcnn_run, monkeypatch):
    model = ImageModel.from_pretrained(pixelcnn_run, "cpu")
    images = load_dataset("mini", size=16).test.images[:2]
    expected = model.complete(images, 8, [7, 2], seed=0, **{option: 0.25})
    assert not torch.equal(expected, model.complete(images, 8, [7, 2], seed=0))
    arguments = [pixelcnn_run, 0, 1, "--classes", "7,2", f"--{option}", 0.25, "--draws", 1]
    done("complete", *arguments, "--zoom", 1)
    grid = image_grid(torch.cat([images / 255, expected]), columns=2)
    assert np.array_equal(gk.read_image("completed.png"), grid)
    done("sample", pixelcnn_run, "--count", 2, f"--{option}", 0.25, "--out", "s.npz")
    assert np.array_equal(arrays("s.npz")["images"], model.sample(2, **{option: 0.25}).numpy())
    asked = {}
    monkeypatch.setattr(
        evaluation, "evaluate", lambda *_, progress, seed, **options: asked.update(options) or FEW
    )
    copied = shutil.copytree(pixelcnn_run, "run")
    run("evaluate", copied, f"--{option}", 0.25, "--device", "cpu")
    assert asked == {option: 0.25}


# ---- reconstruct ----


def test_pairs_of_test_images(vae_run):
    text = done("reconstruct", vae_run, 0, 1, 2, "--zoom", 1)
    assert text.startswith("reconstructed.png: 3 pictures, mean squared error 0.")
    images = load_dataset("mini", size=8).test.images[:3]
    found = ImageModel.from_pretrained(vae_run, "cpu").reconstruct(images)
    expected = image_grid(torch.cat([images / 255, found]), columns=3)
    assert np.array_equal(gk.read_image("reconstructed.png"), expected)


def test_many_pairs_are_in_several_rows(conditional_run):
    done("reconstruct", conditional_run, "--count", 20, "--zoom", 1)
    assert gk.read_image("reconstructed.png").shape == (4 * 10 + 2, 16 * 10 + 2)


def test_pictures_are_fitted_to_the_model(vae_run, colour_run):
    picture = np.random.default_rng(0).integers(0, 255, (30, 20, 3), np.uint8)
    gk.write_image("colour.png", picture)
    gk.write_image("grey.png", picture[..., 0])
    for model, channels in ((vae_run, ()), (colour_run, (3,))):
        done("reconstruct", model, "colour.png", "grey.png", "--zoom", 1, "--out", "p.png")
        assert gk.read_image("p.png").shape[2:] == channels


def test_drawn_latents(vae_run):
    done("reconstruct", vae_run, 0, "--out", "mean.png")
    done("reconstruct", vae_run, 0, "--seed", 1, "--out", "one.png")
    done("reconstruct", vae_run, 0, "--seed", 1, "--out", "same.png")
    assert Path("one.png").read_bytes() == Path("same.png").read_bytes()
    assert Path("one.png").read_bytes() != Path("mean.png").read_bytes()


# ---- complete ----


def test_completions_keep_the_rows_above(pixelcnn_run):
    text = done(
        *["complete", pixelcnn_run, 0, 5, "--rows", 3, "--draws", 2, "--zoom", 1],
        *["--out", "c.png"],
    )
    assert text == "c.png: 2 pictures, rows 1 to 3 kept, 2 completions of each\n"
    grid = gk.read_image("c.png")
    assert grid.shape == (3 * 18 + 2, 2 * 18 + 2)
    for top in (20, 38):
        assert np.array_equal(grid[top : top + 3], grid[2:5])
    assert not np.array_equal(grid[20:36], grid[38:54])


def test_half_of_test_images_is_completed_by_default(pixelcnn_run):
    text = done("complete", pixelcnn_run, "--count", 3)
    assert text == "completed.png: 3 pictures, rows 1 to 8 kept, 4 completions of each\n"


# ---- interpolate ----


def test_an_animation_and_a_strip(vae_run):
    text = done("interpolate", vae_run, 3, 8, "--steps", 5, "--zoom", 1)
    assert text == "interpolation.gif: 5 pictures\ninterpolation.png: 5 pictures\n"
    assert gk.read_image("interpolation.png").shape == (12, 5 * 10 + 2)
    with Image.open("interpolation.gif") as animation:
        assert (animation.n_frames, animation.size) == (8, (8, 8))  # there and back


def test_the_ends_are_the_reconstructions(conditional_run):
    model = ImageModel.from_pretrained(conditional_run, "cpu")
    test = load_dataset("mini", size=8).test
    done("interpolate", conditional_run, "--steps", 3, "--zoom", 1, "--out", "s.png")
    ends = model.reconstruct(test.images[:2], test.labels[:2])
    strip = gk.read_image("s.png")
    assert np.array_equal(strip[:, :10], image_grid(ends[:1])[:, :10])
    assert np.array_equal(strip[:, -10:], image_grid(ends[1:])[:, -10:])
    assert not Path("interpolation.gif").exists()


def test_between_pictures(conditional_run):
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        gk.write_image(name, rng.integers(0, 255, (9, 9), np.uint8))
    options = ["--classes", "1,2", "--spherical", "--out", "w.gif", "--seconds", 0.5]
    done("interpolate", conditional_run, "a.png", "b.png", *options)
    with Image.open("w.gif") as animation:
        assert animation.info["duration"] == 500


# ---- latent ----


def test_a_plot_of_points(vae_run):
    text = done("latent", vae_run, "--count", 50, "--out", "l.svg")
    assert text == "l.svg: latents of 50 test images\n"
    assert Path("l.svg").stat().st_size > 1000


def test_a_manifold(vae_run, conditional_run):
    assert done("latent", vae_run, "--manifold") == "latent.png: decoded latents\n"
    done("latent", conditional_run, "--manifold", "--classes", 3)
    assert Path("latent.png").is_file()


def test_traversal(vae_run, conditional_run):
    text = done("latent", vae_run, "--traverse", 0, "--steps", 5, "--zoom", 1)
    assert text == "latent.png: 2 dimensions, 5 steps each\n"
    height, width = gk.read_image("latent.png").shape
    assert height == 22
    assert width > 52  # the numbers of the dimensions stand at the left
    options = ["--traverse", 0, "--dimensions", 1, "--span", 2]
    text = done("latent", conditional_run, *options, "--out", "t.png")
    assert text == "t.png: 1 dimension, 9 steps each\n"


# ---- data ----


@pytest.fixture
def pets(monkeypatch) -> Path:
    """A run whose data were given by a relative path; the commands run elsewhere."""
    write_pictures(Path("here/pets"), 100)
    Path("there").mkdir()
    monkeypatch.chdir("here")
    train("vae", Path(), "--data", "pets", "--size", 8)
    monkeypatch.chdir("../there")
    return Path("../here/vae")


def test_data_are_found_from_another_folder(pets):
    for command in ("reconstruct", "interpolate", "latent"):
        done(command, pets)
    done("evaluate", pets, "--samples", 10, "--repeats", 1, "--importance-samples", 1)


def test_a_folder_that_moved_is_told(pets):
    done("reconstruct", pets, "--out", "before.png")
    Path("../here/pets").rename("animals")
    for command in ("interpolate", "latent"):
        done(command, pets, "--data", "animals")
    done("latent", pets, "--data", "animals", "--traverse", 0)
    done(
        *["evaluate", pets, "--data", "animals", "--samples", 10, "--repeats", 1],
        *["--importance-samples", 1],
    )
    done("reconstruct", pets, "--data", "animals", "--out", "after.png")
    assert Path("before.png").read_bytes() == Path("after.png").read_bytes()


# ---- classes by name, draws apart ----


def test_classes_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_pictures(Path("animals"))
    pets = train("vae", tmp_path, "--data", "animals", "--classes", "--size", 8)
    for classes in ("dogs,cats", "1,0", "dogs, cats"):
        out = f"{classes[:2]}.npz"
        result = run("sample", pets, "--count", 4, "--classes", classes, "--out", out)
        assert result.exit_code == 0, result.output
        assert np.load(out)["classes"].tolist() == [1, 0, 1, 0]
    result = run("sample", pets, "--classes", "dgos", "--out", "no.png")
    assert result.exit_code == 2
    assert "has no class 'dgos'; its classes are 0 to 1 (cats, dogs); did you" in result.stderr

    # Into a folder that holds other draws nothing is written.
    assert run("sample", pets, "--count", 3, "--out", "drawn/").exit_code == 0
    before = {path: path.read_bytes() for path in Path("drawn").iterdir()}
    result = run("sample", pets, "--count", 2, "--seed", 1, "--out", "drawn/")
    assert result.exit_code == 1
    assert "drawn: holds 0_class0.png, ... already" in result.stderr
    assert before == {path: path.read_bytes() for path in Path("drawn").iterdir()}


# ---- examples ----


@pytest.mark.parametrize(
    "example",
    [
        example
        for name in ("runs", "sample", "reconstruct", "complete", "interpolate", "latent")
        for example in examples(name)
    ],
)
def test_examples_run(example, vae_run, pixelcnn_run, monkeypatch):
    if "runs/shapes" in example:
        pytest.skip("its classes have names: test_classes_by_name draws from such a model")
    for source, name in ((vae_run, "vae-gabor-mini"), (pixelcnn_run, "digits")):
        shutil.copytree(source, Path("runs", name))
    shutil.copytree(pixelcnn_run, "runs/pixelcnn-raw-mini")
    shutil.copytree("runs", "experiments/october")
    for name in ("three.png", "seven.png", "eight.png"):
        gk.write_image(name, np.zeros((9, 9), np.uint8))
    before = set(Path().rglob("*"))
    words = shlex.split(example)
    result = run(*words[1:])
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert (set(Path().rglob("*")) - before) or words[1] == "runs"
