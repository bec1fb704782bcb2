"""What README.md shows runs, and names files that exist."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from commands_for_tests import run
from estimators_for_tests import write_gratings
from gaborkit_cli.main import main

import gaborkit as gk
from gaborkit.vision.fingerprint import synthetic_fingerprint

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("gaborkit ")
]

#: What makes the commands of generative models quick; they need each other's results, in order.
QUICK = {
    "train": "--limit 20 --steps 2",
    "evaluate": "--samples 20 --test-images 20 --importance-samples 2",
    **dict.fromkeys(("sample", "complete", "runs"), ""),
}
GENERATIVE = [line for line in COMMANDS if line.split()[1] in QUICK]
OTHERS = [
    line for line in COMMANDS if line not in (*GENERATIVE, "gaborkit bench", "gaborkit explore")
]


def test_python_blocks_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(block, names)
    assert names["theta"].grad is not None
    np.testing.assert_allclose(names["again"], names["image"], rtol=0, atol=1e-3)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """The pictures that the commands name, and a model that one of them takes."""
    folder = tmp_path_factory.mktemp("readme")
    picture = np.random.default_rng(0).integers(0, 255, (40, 50), dtype=np.uint8)
    (folder / "photos").mkdir()
    for path in ("photo.jpg", "photos/one.jpg", "photos/two.jpg"):
        gk.write_image(folder / path, picture)
    (folder / "examples/pictures").mkdir(parents=True)
    shutil.copy(ROOT / "examples/pictures/cloth.png", folder / "examples/pictures")
    ridges = synthetic_fingerprint((96, 96), iterations=4).image
    gk.write_image(folder / "print.png", (255 * ridges).astype(np.uint8))
    write_gratings(folder / "textures")
    trained = run("classify", "train", folder / "textures", "--out", folder / "model")
    assert trained.exit_code == 0, trained.output
    return folder


@pytest.mark.parametrize("line", OTHERS)
def test_commands_run(line, pictures, tmp_path, monkeypatch):
    folder = tmp_path / "copy"
    shutil.copytree(pictures, folder)
    monkeypatch.chdir(folder)
    if "train" in line:
        shutil.rmtree("model")
    result = CliRunner().invoke(main, shlex.split(line)[1:])
    assert result.exit_code == 0, result.output


def test_commands_of_generative_models_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert {line.split()[1] for line in GENERATIVE} == set(QUICK)
    for line in GENERATIVE:
        result = CliRunner().invoke(main, shlex.split(f"{line} {QUICK[line.split()[1]]}")[1:])
        assert result.exit_code == 0, f"{line}: {result.output}"


def test_it_is_read_in_five_minutes():
    assert len(TEXT.split()) <= 1200


def test_its_demonstration_finds_three_defects(tmp_path):
    picture = ROOT / "examples/pictures/cloth.png"
    result = run("defects", picture, "--out", tmp_path / "mask.png")
    assert "3 places" in result.output, result.output


def test_ci_finds_the_test_command():
    found = re.search(r"<!-- test command -->\n```sh\n(.*?)\n```", TEXT, re.DOTALL)
    assert found is not None
    assert "pytest" in found[1]
    assert "test command" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
