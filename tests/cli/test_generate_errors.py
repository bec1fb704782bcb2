"""Commands that use a trained model, on bad input: one line, an exit code, nothing left behind."""

from __future__ import annotations

import builtins
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from commands_for_tests import run
from runs_for_tests import train, write_pictures

import gaborkit as gk

pytestmark = pytest.mark.usefixtures("empty_folder")


def failed(code: int, text: str, *arguments: object) -> Result:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert text in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert list(Path().iterdir()) == []
    return result


# ---- usage: before a model is read ----


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["sample"], "Missing argument 'RUN'"),
        (["sample", "r", "--count", "0"], "0 is not a whole number from "),
        (["sample", "r", "--classes", "1,,2"], "is no list of classes"),
        (["sample", "r", "--classes", "7-3"], "7-3 is empty: give the lower class first"),
        (["sample", "r", "--temperature", "0"], "0 is not a number above 0"),
        (["sample", "r", "--guidance", "-1"], "-1 is not a number of at least 0 and at most"),
        (["sample", "r", "--seed", "-1"], "-1 is not a whole number from "),
        (["sample", "r", "--zoom", "0"], "0 is not a whole number from "),
        (["sample", "r", "--out", "s.jpg"], "--out s.jpg: .jpg is unknown: give .png, .npz, or a"),
        (["sample", "r", "--out", "s/", "--columns", "2"], "--columns is for a grid"),
        (["sample", "r", "--out", "s.npz", "--zoom", "2"], "--zoom is for pictures"),
        (["reconstruct", "r", "a.png", "--count", "3"], "--count 3 is for test images, and a.png"),
        (["reconstruct", "r", "--out", "p"], "--out p: the name has no suffix: give .png"),
        (["complete", "r", "a.png", "--count", "3"], "--count 3 is for test images, and a.png"),
        (["complete", "r", "--out", "p.gif"], "--out p.gif: .gif is unknown: give .png"),
        (["complete", "r", "--rows", "-1"], "-1 is not a whole number from "),
        (["complete", "r", "--draws", "0"], "0 is not a whole number from "),
        (["complete", "r", "--guidance", "-1"], "-1 is not a number of at least 0 and at most"),
        (["evaluate", "r", "--temperature", "0"], "0 is not a number above 0"),
        (["interpolate", "r", "a.png"], "a.png: give two pictures A and B"),
        (["interpolate", "r", "1", "2", "3"], "give two pictures A and B"),
        (["interpolate", "r", "--steps", "1"], "1 is not a whole number from "),
        (["interpolate", "r", "--seconds", "0"], "0 is not a number above 0 and below 60"),
        (["interpolate", "r", "--out", "a.mp4"], "--out a.mp4: .mp4 is unknown: give .gif, .png"),
        (
            ["latent", "r", "--traverse", "0", "--manifold"],
            "--traverse and --manifold are different",
        ),
        (["latent", "r", "--steps", "3"], "--steps is for --traverse IN"),
        (["latent", "r", "--dimensions", "0-2"], "--dimensions is for --traverse IN"),
        (["latent", "r", "--manifold", "--span", "3"], "--span is for --traverse IN"),
        (["latent", "r", "--manifold", "--count", "3"], "--count is for the plot of points"),
        (["latent", "r", "--classes", "3"], "--classes is for --traverse, --manifold and --at"),
        (["latent", "r", "--count", "2"], "2 is not a whole number from "),
        (
            ["latent", "r", "--traverse", "0", "--out", "t.pdf"],
            "--out t.pdf: pictures of --traverse",
        ),
        (["evaluate", "r", "--samples", "9"], "9 is not a whole number from "),
        (["evaluate", "r", "--importance-samples", "0"], "0 is not a whole number from "),
        (["evaluate", "r", "--repeats", "0"], "0 is not a whole number from "),
        (["evaluate", "r", "--test-images", "0"], "0 is not a whole number from "),
    ],
)
def test_usage_errors(arguments, text):
    failed(2, text, *arguments)


def test_an_output_folder_that_is_a_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("notes") / "notes"
    file.write_text("dear diary")
    failed(2, f"--out {file} is an existing file, not a folder", "sample", "r", "--out", file)
    assert file.read_text() == "dear diary"


# ---- usage: what the model does not take ----


def test_classes_of_a_model_without(vae_run):
    text = "--classes 3: this model was trained without classes; train one with --classes"
    failed(2, text, "sample", vae_run, "--classes", 3)
    failed(2, text, "reconstruct", vae_run, 0, "--classes", 3)
    failed(2, text, "interpolate", vae_run, "--classes", 3)
    failed(2, text, "latent", vae_run, "--manifold", "--classes", 3)


def test_classes_that_the_model_does_not_have(conditional_run):
    text = "--classes 3,10: the model has no class 10; its classes are 0 to 9 (0, 1, 2, 3,"
    failed(2, text, "sample", conditional_run, "--classes", "3,10")
    failed(2, text, "interpolate", conditional_run, "--classes", "3,10")


def test_classes_that_are_too_many_or_missing(conditional_run, colour_run):
    picture = next((colour_run.parent / "pets").rglob("*.png"))
    arguments = ["reconstruct", conditional_run, 0, 1, 2, "--classes", "1,2"]
    failed(2, "--classes 1,2: 2 classes for 3 pictures; give one, or one each", *arguments)
    failed(2, "a picture does not say its class: give --classes", *arguments[:2], picture)
    failed(2, "does not say its class", "latent", conditional_run, "--manifold")


def test_a_test_image_that_is_not_there(vae_run):
    text = "1000: the 1,000 test images have the numbers 0 to 999; ./1000 is a file of that name"
    failed(2, text, "reconstruct", vae_run, 1000)


def test_all_rows_kept(pixelcnn_run):
    text = "--rows 16 leaves nothing to draw of images 16 pixels high: give 15 or less"
    failed(2, text, "complete", pixelcnn_run, 0, "--rows", 16)


# ---- files, and what a model cannot do ----


@pytest.mark.parametrize(
    "command", ["sample", "reconstruct", "complete", "interpolate", "latent", "evaluate"]
)
def test_a_run_that_is_not_there(command):
    failed(1, "r/config.json: does not exist", command, "r", "--device", "cpu")


def test_a_folder_that_is_not_there():
    text = "no/s.png: the folder no does not exist; create it first"
    failed(1, text, "sample", "r", "--out", "no/s.png")


def test_a_picture_that_is_not_there(vae_run):
    failed(1, "a.png", "reconstruct", vae_run, "a.png")


def test_a_device_that_is_not_there(vae_run):
    failed(1, "device='abacus' is not on this machine", "sample", vae_run, "--device", "abacus")


def test_models_that_cannot(gan_run, vae_run):
    failed(1, "gan cannot reconstruct images", "reconstruct", gan_run, 0)
    failed(1, "gan cannot complete images", "complete", gan_run, 0)
    failed(1, "a gan has no latents of a picture", "interpolate", gan_run)
    failed(1, "a gan has no latents of a picture", "latent", gan_run)
    failed(1, "vae cannot complete images", "complete", vae_run, 0)
    failed(1, "temperature=0.5: vae has none", "sample", vae_run, "--temperature", "0.5")
    for command in ("sample", "evaluate"):
        failed(1, "guidance=2.0: vae has none", command, vae_run, "--guidance", "2")
    failed(1, "[9]", "latent", vae_run, "--traverse", 0, "--dimensions", 9)


def test_a_model_that_does_not_say_its_data(vae_run, tmp_path_factory):
    from gaborkit.generative import ImageModel

    bare = tmp_path_factory.mktemp("bare")
    trained = ImageModel.from_pretrained(vae_run, "cpu")
    ImageModel(trained.model, trained.representation).save_pretrained(bare)
    text = "this model does not say what it was trained on"
    failed(1, text, "reconstruct", bare)
    failed(1, text, "evaluate", bare)


# ---- data that are not those of the run ----


@pytest.fixture
def pets(tmp_path_factory) -> Path:
    """Folder of pictures; the run of it is beside."""
    folder = tmp_path_factory.mktemp("here")
    train("vae", folder, "--data", write_pictures(folder / "pets"), "--size", 8)
    return folder / "pets"


def with_provenance(run: Path, folder: Path, **entries: object) -> Path:
    """Copy of a run that says something else of itself."""
    shutil.copytree(run, folder)
    described = json.loads((folder / "config.json").read_text())
    for name, value in entries.items():
        described["provenance"][name.replace("_", " ")] = value
    (folder / "config.json").write_text(json.dumps(described))
    return folder


COMMANDS = (["reconstruct"], ["interpolate"], ["latent"], ["evaluate"])


@pytest.mark.parametrize("command", COMMANDS)
def test_pictures_that_were_added_are_noticed(command, pets):
    gk.write_image(pets / "cats" / "new.png", np.zeros((9, 9, 3), np.uint8))
    text = f"{pets}: these are not the images that this model was trained with: some were added"
    result = failed(1, text, *command, pets.parent / "vae")
    assert result.stderr.endswith("give --data DIR with them as they were, or train anew\n")


def test_a_folder_that_is_not_there_any_more(pets):
    pets.rename(pets.with_name("animals"))
    text = f"{pets}: the pictures that this model was trained on are not there; give --data DIR"
    failed(1, text, "evaluate", pets.parent / "vae")
    failed(1, "nowhere: the pictures", "latent", pets.parent / "vae", "--data", "nowhere")


def test_other_data(vae_run, pets, tmp_path_factory):
    changed = tmp_path_factory.mktemp("changed") / "run"
    with_provenance(vae_run, changed, data_digest="0" * 64)
    text = "mini: these are not the images that this model was trained with"
    failed(1, text, "evaluate", changed)
    text = f"{pets}: these are not the images"
    failed(1, text, "reconstruct", changed, "--data", pets)


def test_images_that_were_handed_in_from_python(vae_run, tmp_path_factory):
    folder = with_provenance(
        vae_run,
        tmp_path_factory.mktemp("x") / "run",
        recipe={"data": None},
        data="pets: 8 training",
    )
    text = "the images of this model were handed in from Python, so that there are no test images"
    failed(1, text, "evaluate", folder)
    failed(1, text, "reconstruct", folder, 0)
    assert run("reconstruct", folder, folder / "samples.png", "--out", "x.png").exit_code == 0
    assert " pets " in run("runs", folder).stdout


def test_a_place_that_has_no_effect(vae_run, pets):
    text = "--data-dir d has no effect on --data mini: it is for mnist, fashion, kmnist"
    failed(2, text, "evaluate", vae_run, "--data-dir", "d")
    text = f"--data-dir d has no effect on --data {pets}"
    failed(2, text, "latent", pets.parent / "vae", "--data-dir", "d")


@pytest.mark.parametrize(
    ("recipe", "text"),
    [
        ("vae", "this model does not say what it was trained on"),
        ({}, "this model does not say what it was trained on"),
        ({"data": 3}, "the model's recipe: data=3 is not str"),
        ({"data": "mini", "fit": ["crop"]}, "the model's recipe: fit=['crop'] is not"),
        ({"data": "mini", "limit": "many"}, "the model's recipe: limit='many' is not int"),
    ],
)
def test_damaged_recipes(recipe, text, vae_run, tmp_path_factory):
    folder = with_provenance(vae_run, tmp_path_factory.mktemp("x") / "run", recipe=recipe)
    failed(1, text, "reconstruct", folder)
    failed(1, text, "evaluate", folder)
    picture = folder / "samples.png"
    if "fit" in recipe:
        failed(1, text, "reconstruct", folder, picture)


# ---- what is not installed ----


@pytest.mark.parametrize("package", ["torch", "accelerate", "safetensors"])
def test_a_package_that_is_not_installed_is_named_with_the_way_to_it(package, monkeypatch):
    honest = builtins.__import__

    def without(name, *arguments, **options):
        if name.startswith("gaborkit.generative"):
            raise ModuleNotFoundError(f"No module named '{package}.nn'", name=f"{package}.nn")
        return honest(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    text = f'this needs {package}, which is not installed; pip install "gaborkit[generative]"'
    for arguments in (["train", "vae"], ["sample", "r"], ["evaluate", "r"], ["latent", "r"]):
        failed(1, text, *arguments)
