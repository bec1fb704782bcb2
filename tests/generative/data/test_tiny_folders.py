"""Folders of one to five pictures: trained and used like any other, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands_for_tests import run
from data_for_tests import write_pictures
from runs_for_tests import TINY

from gaborkit.generative.models import MODELS


@pytest.mark.parametrize(("count", "found"), [(1, "one picture"), (2, "2 pictures")])
def test_too_few(count, found, empty_folder):
    write_pictures(Path("pets"), count)
    result = run("train", "vae", "--data", "pets")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"pets: has {found}; three or more of .png, " in result.stderr
    assert result.stderr.count("\n") == 1
    assert not list(Path().glob("runs/*"))


#: Those that can do without classes, which a folder of pictures alone does not have.
UNCONDITIONAL = [[name] for name in TINY if not MODELS[name].always_conditional]


@pytest.mark.parametrize("count", [3, 5])
@pytest.mark.parametrize("model", [*UNCONDITIONAL, ["vae", "--features", "gabor"]], ids=" ".join)
def test_enough(model, count, empty_folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    write_pictures(Path("pets"), count)
    result = run(
        *["train", *model, *TINY[model[0]], "--data", "pets", "--size", 8, "--steps", 2],
        *["--out", "run", "--device", "cpu"],
    )
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    result = run("evaluate", "run", "--samples", 10, "--device", "cpu")
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    # What enlarges pictures draws none of its own.
    enlarges = MODELS[model[0]].takes_pictures
    assert ("PSNR" if enlarges else "Distance to training images") in result.stdout
