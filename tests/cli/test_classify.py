"""``gaborkit classify``: training on folders, predictions, and what goes wrong."""

from __future__ import annotations

import csv
import os
import shlex
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from commands_for_tests import run
from estimators_for_tests import write_gratings
from gaborkit_cli.commands import classify
from gaborkit_cli.main import main

from gaborkit.estimators.picture_classifier import METHODS


@pytest.fixture
def textures(empty_folder):
    write_gratings(empty_folder / "textures")
    return empty_folder


@pytest.fixture
def model(textures):
    assert run("classify", "train", "textures", "--out", "model").exit_code == 0
    return textures


def test_choices_are_those_of_the_library():
    assert tuple(METHODS) == classify.CLASSIFIERS


def test_training_tells_how_well_it_does(textures):
    result = run("classify", "train", "textures", "--out", "model", "--classifier", "linear")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "15 pictures of 3 classes, 48 features each (texture, linear)",
        "cross-validation, 5 folds: 100.0 % right (15 of 15)",
        "",
        "        across    down    fine  <- taken for",
        "across       5       .       .",
        "down         .       5       .",
        "fine         .       .       5",
        "",
        "model: the trained classifier",
    ]
    assert result.stderr == ""


def test_without_cross_validation(textures):
    result = run("classify", "train", "textures", "--out", "model", "--cross-validate", "0")
    assert "cross" not in result.stdout
    for path in Path("textures").rglob("[1-9].png"):
        path.unlink()
    result = run("classify", "train", "textures", "--out", "model")
    assert "no cross-validation: a class has one picture only" in result.stdout


def test_features_have_parameters_and_pictures_a_size(textures):
    options = ["--features", "gist", "--set", "blocks=2", "--set", "size=null", "--size", "30"]
    result = run("classify", "train", "textures", "--out", "model", *options)
    assert "80 features each (gist, svm)" in result.stdout, result.output
    assert run("classify", "predict", "model", "sample:brick").exit_code == 0


def test_bad_pictures_are_left_out_of_training(textures):
    Path("textures/down/bad.png").write_text("bad")
    result = run("classify", "train", "textures", "--out", "model")
    assert result.exit_code == 0
    assert result.stderr.startswith("left out: textures/down/bad.png: is not a picture")
    assert "15 pictures of 3 classes" in result.stdout


def test_predictions_are_printed(model):
    result = run("classify", "predict", "model", "textures/fine", "textures/down/0.png")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        *(f"textures/fine/{k}.png: fine" for k in range(5)),
        "textures/down/0.png: down",
    ]


def test_predictions_are_written(model):
    result = run("classify", "predict", "model", "textures", "-r", "--out", "out.csv")
    assert result.exit_code == 0, result.output
    assert result.stdout == "out.csv: classes of 15 pictures\n"
    with Path("out.csv").open(newline="") as stream:
        head, *rows = csv.reader(stream)
    assert head == ["picture", "class", "score across", "score down", "score fine"]
    assert len(rows) == 15
    for picture, label, *scores in rows:
        assert Path(picture).parent.name == label
        assert head[2 + int(np.argmax([float(score) for score in scores]))] == f"score {label}"


@pytest.mark.parametrize("options", [[], ["--out", "out.csv"]])
def test_a_bad_picture_does_not_stop_the_others(model, options):
    Path("bad.png").write_text("bad")
    result = run("classify", "predict", "model", "bad.png", "textures/fine/0.png", *options)
    assert result.exit_code == 1
    errors = result.stderr.splitlines()
    assert errors[0].startswith("error: bad.png: is not a picture")
    assert errors[1] == "error: 1 of 2 pictures could not be classified"
    text = Path("out.csv").read_text() if options else result.stdout
    assert "textures/fine/0.png" in text
    assert "bad.png" not in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "missing", "--out", "m"], 1, "missing: cannot be read (No such file"),
        (["train", "textures/down", "--out", "m"], 1, "has pictures of 0 classes"),
        (["train", "textures"], 2, "Missing option '--out'"),
        (["train", "textures", "--out", "m", "--cross-validate", "1"], 2, "give 2 or more folds"),
        (["train", "textures", "--out", "m", "--set", "blocks=2"], 2, "no parameter 'blocks'"),
        (
            ["train", "textures", "--out", "textures/m"],
            2,
            "would be written into the input textures",
        ),
        (["train", "textures", "--out", "model/arrays.npz/m"], 1, "no such folder can be made"),
        (["predict", "missing", "sample:brick"], 1, "classifier.json: does not exist"),
        (["predict", "model", "missing"], 1, "missing: there is no such file"),
        (["predict", "model", "textures", "--out", "no/out.csv"], 1, "the folder no does not"),
        (["predict", "model", "textures", "--out", "model/classifier.json"], 2, ".json is unknown"),
    ],
)
def test_errors_are_one_line(model, arguments, code, message):
    result = run("classify", *arguments)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: ")
    assert not Path("m").exists()


def test_a_damaged_model_is_one_line(model):
    Path("model/arrays.npz").write_bytes(b"PK")
    result = run("classify", "predict", "model", "textures/fine/0.png")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: model/arrays.npz: is missing or damaged")


def test_the_examples_of_the_help_text(model):
    Path("photos").mkdir()
    Path("textures/down/0.png").rename("photo.jpg.png")
    for old, new in (("photo.jpg.png", "photo.jpg"), ("textures/fine/0.png", "photos/a.png")):
        Path(old).rename(new)
    group = main.get_command(click.Context(main), "classify")
    lines = [
        line.split(maxsplit=1)[1]
        for command in (group, *group.commands.values())
        for line in command.help.splitlines()
        if line.strip().startswith("gaborkit ")
    ]
    assert len(lines) == 6
    Path("digits").symlink_to("textures")
    for line in lines:
        result = run(*shlex.split(line))
        assert result.exit_code == 0, (line, result.output)


@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
def test_names_that_are_no_text(textures):
    """Of pictures and of classes, in the table and on the screen."""
    Path("textures/down").rename(os.fsdecode(b"textures/d\xffwn"))
    Path("textures/across/0.png").rename(os.fsdecode(b"\xe9.png"))
    assert run("classify", "train", "textures", "--out", "model").exit_code == 0
    pictures = [os.fsdecode(b"\xe9.png"), os.fsdecode(b"textures/d\xffwn/0.png")]
    result = run("classify", "predict", "model", *pictures, "--out", "a.csv")
    assert result.exit_code == 0, result.output
    rows = list(csv.reader(Path("a.csv").read_text("utf-8").splitlines()))
    assert rows[0] == ["picture", "class", "score across", "score d\ufffdwn", "score fine"]
    assert [row[:2] for row in rows[1:]] == [
        ["\ufffd.png", "across"],
        ["textures/d\ufffdwn/0.png", "d\ufffdwn"],
    ]
    lines = run("classify", "predict", "model", *pictures).stdout_bytes.splitlines()
    assert lines == [b"\xe9.png: across", b"textures/d\xffwn/0.png: d\xffwn"]
    other = CliRunner(charset="latin-1").invoke(main, ["classify", "predict", "model", pictures[0]])
    assert other.stdout == "\\udce9.png: across\n"
