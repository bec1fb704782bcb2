"""``gaborkit train``: options to a recipe, a run, an interruption, and going on."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest
from commands_for_tests import examples, run
from gaborkit_cli import progress
from gaborkit_cli.commands.train import resume_command
from gaborkit_cli.options import training as choices
from runs_for_tests import TINY, TRAINED

from gaborkit.generative import data, models, representation, store
from gaborkit.generative.training import session, settings


@pytest.fixture
def called(monkeypatch, empty_folder):
    """What the command asked of the library, which does nothing here."""
    calls = SimpleNamespace(started=[], resumed=[])
    monkeypatch.setattr(session, "start", lambda *a, **k: calls.started.append((a, k)) or TRAINED)
    monkeypatch.setattr(session, "resume", lambda *a, **k: calls.resumed.append((a, k)) or TRAINED)
    return calls


def recipe_of(called, *arguments: object) -> session.Recipe:
    result = run("train", *arguments)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return called.started[-1][0][0]


# ---- the choices that are written down twice ----


def test_choices_are_those_of_the_library():
    assert set(choices.MODELS) == set(models.MODELS)
    levelled = {name for name, model in models.MODELS.items() if hasattr(model.Config(), "levels")}
    assert set(choices.LEVELLED) == levelled
    assert set(choices.FEATURES) == set(representation.REPRESENTATIONS)
    assert choices.DATASETS == data.DATASETS
    assert set(choices.PARTS) == set(get_args(representation.Parts))
    assert set(choices.BINARIZE) == set(get_args(representation.Binarize))
    assert get_args(settings.Schedule) == choices.SCHEDULES
    assert get_args(settings.Precision) == choices.PRECISIONS


# ---- options to a recipe ----


def test_without_options_the_recipe_is_the_librarys(called):
    assert recipe_of(called, "vae") == session.Recipe(model="vae")


def test_the_options_of_a_view_reach_the_recipe(called):
    words = ["vae", "--features", "gabor", "--scales", 3, "--no-analysis", "--synthesis"]
    recipe = recipe_of(called, *words, "--learnable")
    assert recipe.representation == {
        "scales": 3,
        "analysis": False,
        "synthesis": True,
        "learnable": True,
    }


def test_every_option_reaches_the_recipe(called):
    Path("pictures").mkdir()
    recipe = recipe_of(
        called,
        *["pixelcnn", "--features", "coefficients", "--preset", "large", "--set", "channels=8"],
        *["--set", "channels=4", "--set", "layers=1"],
        *["--data", "pictures", "--limit", 7, "--size", 12, "--fit", "pad"],
        *["--grey", "--classes"],
        *["--scales", 1, "--orientations", 3, "--wavelength", 5, "--parts", "magnitude"],
        *["--levels", 16],
        *["--steps", 3, "--batch-size", 2, "--learning-rate", 0.5, "--weight-decay", 0.25],
        *["--schedule", "cosine", "--warmup", 1, "--clip", 1.5, "--ema", 0.5],
        *["--precision", "bf16", "--compile", "--patience", 2, "--validate-every", 1],
        *["--sample-every", 2, "--checkpoint-every", 3, "--log-every", 4, "--seed", 5],
    )
    assert recipe == session.Recipe(
        model="pixelcnn",
        features="coefficients",
        preset="large",
        data=str(Path("pictures").resolve()),
        size=12,
        colour=False,
        fit="pad",
        limit=7,
        classes=True,
        config={"channels": 4, "layers": 1, "levels": 16},
        representation={
            "scales": 1,
            "orientations": 3,
            "wavelength": 5.0,
            "parts": "magnitude",
        },
        training={
            "steps": 3,
            "batch_size": 2,
            "learning_rate": 0.5,
            "weight_decay": 0.25,
            "schedule": "cosine",
            "warmup": 1,
            "clip": 1.5,
            "ema": 0.5,
            "precision": "bf16",
            "compile": True,
            "patience": 2,
            "validate_every": 1,
            "sample_every": 2,
            "checkpoint_every": 3,
            "log_every": 4,
            "seed": 5,
        },
    )


def test_places_are_absolute_so_that_they_are_found_from_anywhere(called):
    Path("pets").mkdir()
    assert recipe_of(called, "vae", "--data", "./pets").data == str(Path.cwd() / "pets")
    recipe = recipe_of(called, "vae", "--data", "mnist", "--data-dir", "d")
    assert (recipe.data, recipe.data_dir) == ("mnist", str(Path.cwd() / "d"))


def test_presets_that_only_one_model_has(called):
    recipe = recipe_of(called, "vae", "--preset", "mlp-200-200-50")
    assert recipe == session.Recipe("vae", preset="mlp-200-200-50")


def test_the_folder_has_a_name_that_is_free(called):
    Path("digits").mkdir()
    Path("runs/vae-raw-mini-4").mkdir(parents=True)
    for arguments, wanted in (
        (["vae"], "vae-raw-mini"),
        (["vae", "--features", "gabor", "--data", "mnist"], "vae-gabor-mnist"),
        (["vae"], "vae-raw-mini-2"),
        (["vae"], "vae-raw-mini-3"),
        (["vae"], "vae-raw-mini-5"),
        (["gan", "--data", "digits/"], "gan-raw-digits"),
    ):
        recipe_of(called, *arguments)
        folder = called.started[-1][0][1]
        assert folder == Path("runs") / wanted
        assert folder.is_dir()
    recipe_of(called, "vae", "--out", "here")
    assert called.started[-1][0][1] == Path("here")


@pytest.mark.parametrize("example", examples("train"))
def test_examples_are_understood(example, called, monkeypatch):
    monkeypatch.setattr(store, "read_config", lambda folder: {"model": "vae", "provenance": {}})
    result = run(*shlex.split(example)[1:])
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert len(called.started) + len(called.resumed) == 1


def test_going_on(called):
    assert run("train", "--resume", "r", "--steps", 9, "--device", "cpu").exit_code == 0
    (arguments, options) = called.resumed[0]
    assert arguments == (Path("r"),)
    assert (options["steps"], options["device"]) == (9, "cpu")
    assert run("train", "--resume", "r").exit_code == 0
    assert "steps" not in called.resumed[1][1]
    moved = ["--data", "pictures", "--data-dir", "idx"]
    assert run("train", "--resume", "r", *moved).exit_code == 0
    options = called.resumed[2][1]
    assert options["data"] == str(Path("pictures").resolve())
    assert options["data_dir"] == str(Path("idx").resolve())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            [],
            f"which MODEL? choose {', '.join(choices.MODELS)}, or --resume RUN",
        ),
        (["vqvae"], "'vqvae' is not one of"),
        (["vae", "--features", "scattering"], "'scattering' is not one of"),
        (
            ["vae", "--preset", "huge"],
            "vae has no preset 'huge' for 'raw' features; choose small, article, large, mlp-",
        ),
        (["ae", "--preset", "mlp-200-200-50"], "ae has no preset 'mlp-200-200-50'"),
        (["vae", "--data", "cifar"], "--data cifar: there is no such data set"),
        (["vae", "--data", __file__], "test_train.py: is a file; choose mini, "),
        (["vae", "--data-dir", "d"], "--data-dir d has no effect on --data mini: it is for mnist,"),
        (["vae", "--data", ".", "--data-dir", "d"], "--data-dir d has no effect on --data .:"),
        (["vae", "--fit", "squeeze"], "'squeeze' is not one of"),
        (["vae", "--limit", "0"], "0 is not a whole number from "),
        (["vae", "--size", "2"], "2 is not a whole number from "),
        (["vae", "--scales", "2"], "--scales does not go with --features raw"),
        (["vae", "--parts", "complex"], "--parts does not go with --features raw"),
        (["vae", "--no-analysis"], "--no-analysis does not go with --features raw: it is for --f"),
        (
            ["vae", "--features", "coefficients", "--binarize", "dynamic"],
            "--binarize does not go with --features coefficients: it is for --features raw or ga",
        ),
        (["vae", "--levels", "1"], "1 is not a whole number from "),
        (
            ["vae", "--levels", "4"],
            "--levels is for autoregressive models (pixelcnn, ",
        ),
        (["gan", "--binarize", "dynamic"], "binarized pixels are 0 or 1: they are for auto"),
        (["vae", "--wavelength", "0"], "0 is not"),
        (["vae", "--set", "latent"], "latent is not NAME=VALUE"),
        (["vae", "--set", "=2"], "=2 is not NAME=VALUE"),
        (["vae", "--set", "lantern=2"], "--set: 'lantern' is unknown; known are"),
        (["vae", "--set", "latent=two"], "latent='two' is not int"),
        (["vae", "--steps", "10", "--epochs", "1"], "--steps and --epochs say the same thing"),
        (["vae", "--steps", "0"], "0 is not a whole number from "),
        (["vae", "--batch-size", "0"], "0 is not a whole number from "),
        (["vae", "--learning-rate", "-1"], "-1 is not"),
        (["vae", "--learning-rate", "nan"], "nan is not"),
        (["vae", "--schedule", "step"], "'step' is not one of"),
        (["vae", "--warmup", "-1"], "-1 is not a whole number from "),
        (["vae", "--ema", "1"], "1 is not a number of at least 0 and below 1"),
        (["vae", "--precision", "int8"], "'int8' is not one of"),
        (["vae", "--seed", "-1"], "-1 is not a whole number from "),
        (
            ["vae", "--patience", "3", "--validate-every", "0"],
            "--patience 3 counts validations, and --validate-every 0 makes one at the end",
        ),
        (["vae", "--resume", "r"], "leave out vae"),
        (["--resume", "r", "--out", "s"], "leave out --out s"),
        (["--resume", "r", "--seed", "1"], "--seed does not go with --resume"),
        (["--resume", "r", "--batch-size", "1"], "--batch-size does not go with --resume"),
        (["--resume", "r", "--grey"], "--grey does not go with --resume"),
        (["--resume", "r", "--set", "latent=2"], "--set does not go with --resume"),
    ],
)
def test_usage_errors_are_one_line_and_leave_nothing(arguments, text, empty_folder):
    result = run("train", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert text in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert list(empty_folder.iterdir()) == []


# ---- interruption ----


def interrupting(monkeypatch, folder: str):
    def stop(*arguments, **options):
        raise session.Interrupted(Path(folder), 1234)

    monkeypatch.setattr(session, "start", stop)
    monkeypatch.setattr(session, "resume", stop)


def test_an_interruption_says_how_to_go_on(monkeypatch, empty_folder):
    interrupting(monkeypatch, "runs/my digits")
    for arguments in (["vae", "--out", "runs/my digits"], ["--resume", "runs/my digits"]):
        result = run("train", *arguments)
        assert (result.exit_code, result.stdout) == (130, "")
        assert result.stderr == (
            "interrupted at step 1,234, and saved; to go on: "
            "gaborkit train --resume 'runs/my digits'\n"
        )


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_control_c_saves_and_what_it_says_goes_on(empty_folder):
    options = ["--limit", "40", "--steps", "1000000", "--schedule", "constant", "--out", "my run"]
    options += ["--checkpoint-every", "5"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gaborkit_cli.main", "train", "vae", *TINY["vae"], *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not any(Path("my run").glob("checkpoints/*.safetensors")):
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    # On a busy machine there are lines of progress before it.
    *_, last = stderr.splitlines()
    found = re.fullmatch(r"interrupted at step ([\d,]+), and saved; to go on: (.*)", last)
    assert found
    assert found[2] == "gaborkit train --resume 'my run'"
    step = int(found[1].replace(",", ""))
    result = run(*shlex.split(found[2])[1:], "--steps", step + 1)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"going on after step {step:,} of {step + 1:,}" in result.stdout


def test_what_it_says_to_go_on_is_understood(called, monkeypatch):
    words = shlex.split(resume_command(Path("runs/it's $here"), "cpu"))
    assert run(*words[1:]).exit_code == 0
    assert called.resumed[0][0] == (Path("runs/it's $here"),)
    assert called.resumed[0][1]["device"] == "cpu"


def test_several_processes_go_on_together(monkeypatch, empty_folder):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert resume_command(Path("r")) == ("torchrun --nproc-per-node 2 -m gaborkit train --resume r")
    monkeypatch.setenv("RANK", "1")
    interrupting(monkeypatch, "r")
    result = run("train", "vae")
    assert (result.exit_code, result.output) == (130, "")


def test_only_the_main_process_speaks_of_a_wrong_command_line(monkeypatch, empty_folder):
    monkeypatch.setenv("RANK", "1")
    result = run("train", "vqvae")
    assert (result.exit_code, result.output) == (2, "")


def test_only_the_main_process_talks(called, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    result = run("train", "vae")
    assert (result.exit_code, result.output) == (0, "")
    assert called.started[0][1]["say"] is None


def test_quiet(called):
    result = run("train", "vae", "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    with progress.meter("training", False) as silent:
        expected = {"device": "auto", "progress": silent, "say": None}
    assert called.started[0][1] == expected


def test_only_the_first_process_takes_a_name(called, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert run("train", "vae").exit_code == 0
    assert called.started[0][0][1] == Path("runs/vae-raw-mini")
    assert not Path("runs").exists()
