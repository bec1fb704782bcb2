"""`gaborkit train` as it runs: tiny models, own pictures, errors, folders of two at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands_for_tests import run
from runs_for_tests import TINY, write_pictures

import gaborkit as gk
from gaborkit.generative.image_model import ImageModel


def test_a_run_and_more_of_it(empty_folder):
    result = run(
        *["train", "vae", *TINY["vae"], "--limit", 20, "--steps", 2, "--schedule", "constant"],
        *["--device", "cpu"],
    )
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert "next: gaborkit sample runs/vae-raw-mini" in result.stdout
    folder = Path("runs/vae-raw-mini")
    assert gk.read_image(folder / "samples.png").size
    before = (folder / "model.safetensors").read_bytes()
    result = run("train", "--resume", folder, "--steps", 4, "--device", "cpu")
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert (folder / "model.safetensors").read_bytes() != before


def test_a_folder_of_pictures(empty_folder):
    write_pictures(Path("pets"))
    result = run(
        *["train", "vae", *TINY["vae"], "--data", "pets", "--size", 8, "--grey", "--classes"],
        *["--steps", 2, "--out", "out", "--device", "cpu"],
    )
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert Path("out/config.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["vae", "--out", "taken"], "taken: "),
        (["--resume", "missing"], "missing/config.json: does not exist"),
        (["--resume", "taken"], "taken"),
        (["vae", "--device", "abacus"], "abacus"),
        (["vae", "--data", "mnist", "--data-dir", "damaged"], "damaged/"),
    ],
)
def test_errors_are_one_line(arguments, text, empty_folder):
    Path("taken").mkdir()
    Path("taken/notes.txt").write_text("dear diary")
    Path("damaged").mkdir()
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        Path("damaged", f"{name}-ubyte").write_bytes(b"no digits")
    result = run("train", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert text in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert Path("taken/notes.txt").read_text() == "dear diary"


def test_an_error_leaves_no_empty_folder(empty_folder, monkeypatch):
    assert run("train", "vae", "--device", "abacus").exit_code == 1
    assert run("train", "gan", "--batch-size", 1, "--device", "cpu").exit_code == 1
    assert list(empty_folder.glob("runs/*")) == []
    Path("runs").rmdir()
    Path("runs").write_text("")
    result = run("train", "vae", "--device", "cpu", *TINY["vae"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: runs/vae-raw-mini: ")


def test_two_trainings_at_once_have_a_folder_each(empty_folder):
    words = ["train", "vae", *TINY["vae"], "--limit", "40", "--steps", "2", "--device", "cpu"]
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "gaborkit_cli.main", *words, "--seed", seed],
            stdout=subprocess.DEVNULL,
        )
        for seed in "12"
    ]
    try:
        # As long as a start takes where many programs run.
        assert [process.wait(600) for process in both] == [0, 0]
    finally:
        for process in both:
            process.kill()
            process.wait()
    models = [ImageModel.from_pretrained(path, "cpu") for path in Path("runs").iterdir()]
    assert {model.provenance["training"]["seed"] for model in models} == {1, 2}


@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
def test_data_in_a_folder_whose_name_is_no_text(empty_folder):
    data = write_pictures(Path(os.fsdecode(b"p\xe9ts")))
    options = ["--size", 8, "--limit", 8, "--steps", 1, "--batch-size", 2, "--device", "cpu"]
    result = run("train", "vae", *TINY["vae"], "--data", data, *options, "--out", "run")
    assert result.exit_code == 0, result.output
    assert "p\ufffdts" in Path("run/README.md").read_text("utf-8")
