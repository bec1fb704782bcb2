"""The command line as a whole: help, examples, what is imported when."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from commands_for_tests import python, run
from gaborkit_cli import commands as commands_of_gaborkit
from gaborkit_cli.commands import COMMANDS, GENERATIVE, SECTIONS, bench
from gaborkit_cli.main import main
from gaborkit_cli.options import kernels as options

import gaborkit as gk
from gaborkit.choices import BOUNDARIES, ENGINES, NORMS
from gaborkit.filtering.engines import structures
from gaborkit.kernels import presets
from gaborkit.vision import synthetic_eye, synthetic_hand


def commands(command: click.Command = main, path: tuple[str, ...] = ()):
    """Every command with the words that call it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*path, name))


ALL = dict(commands())
EXAMPLES = {
    path: [
        line.strip()
        for line in inspect.cleandoc(command.help).splitlines()
        if line.startswith("  gaborkit ")
    ]
    for path, command in ALL.items()
}


# ---- help ----


def test_the_commands_are_these():
    assert [" ".join(path) for path in ALL] == [
        "",
        "filter",
        "volume",
        "plot",
        "plot kernel",
        "plot bank",
        "plot coverage",
        "plot responses",
        "explore",
        "stimulus",
        "features",
        "compare",
        "retrieve",
        "classify",
        "classify train",
        "classify predict",
        "segment",
        "pixels",
        "pixels train",
        "pixels apply",
        "defects",
        "orient",
        "edges",
        "symmetry",
        "flow",
        "radiomics",
        "vessels",
        "enhance",
        "minutiae",
        "iris",
        "palm",
        "train",
        "runs",
        "sample",
        "upscale",
        "complete",
        "reconstruct",
        "interpolate",
        "latent",
        "evaluate",
        "push",
        "bench",
        "man",
    ]


def test_help_lists_commands_under_headings_in_one_column():
    lines = run("--help").output.splitlines()
    for title, section in SECTIONS.items():
        start = lines.index(f"{title}:") + 1
        listed = lines[start : start + len(section)]
        assert [line.split()[0] for line in listed] == list(section)
        assert {line.index(text) for line, text in zip(listed, section.values(), strict=True)} == {
            15
        }
    assert sum(map(len, SECTIONS.values())) == len(COMMANDS)


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_holds_an_example_and_has_no_line_too_long_for_a_terminal(path):
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"gaborkit {' '.join(path)}".strip() in result.output
    assert max(map(len, result.output.splitlines())) <= 80
    assert run(*path, "-h").output == result.output


@pytest.mark.parametrize("path", [path for path, c in ALL.items() if isinstance(c, click.Group)])
def test_a_group_without_arguments_shows_its_help(path):
    assert run(*path).output == run(*path, "--help").output
    assert run(*path).exit_code == 0


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_each_help_text_has_examples_of_its_own_command(path):
    assert EXAMPLES[path]
    for example in EXAMPLES[path]:
        assert example.startswith(" ".join(("gaborkit", *path)))
        assert f"\n    {example}\n" in run(*path, "--help").output  # not wrapped


# Those that train, or need a trained model, run in cli/test_train.py, cli/test_generate.py and
# cli/test_classify.py; what serves until it is interrupted, in explore/.
ELSEWHERE = {"classify", "explore", "pixels", *GENERATIVE}


@pytest.mark.parametrize(
    "example",
    [
        example
        for several in EXAMPLES.values()
        for example in several
        if example.split()[1] not in ELSEWHERE
    ],
)
def test_examples_run(example, coarse, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Path("photos").mkdir()
    for name in ("photo.jpg", "photos/one.jpg", "photos/two.png"):
        gk.write_image(name, picture)
    for name in ("photo.png", "cloth.png", "good.png"):
        gk.write_image(name, np.tile(picture, (3, 3, 1)))
    for folder, image in (
        ("drawn", picture[..., 0] // 128),
        ("cloths", np.tile(picture, (3, 3, 1))),
    ):
        Path(folder).mkdir()
        for name in ("one.png", "two.png"):
            gk.write_image(f"{folder}/{name}", image)
    gk.write_image("mask.png", np.pad(np.full((132, 180), 255, np.uint8), 6))
    for folder, image in (("cells", picture), ("masks", np.pad(picture[6:-6, 6:-6, 0] | 1, 6))):
        Path(folder).mkdir()
        gk.write_image(f"{folder}/one.png", image)
    for name in ("cells.tif", "nuclei.tif"):
        gk.write_image(name, picture[..., 0] // 64)
    for k, name in enumerate(("left.png", "other.png")):
        gk.write_image(name, (255 * synthetic_eye(1, k, shape=(90, 120)).image).astype(np.uint8))
    for k, name in enumerate(("hand.png", "again.png")):
        hand = synthetic_hand(0, k, shape=(240, 240)).image
        gk.write_image(name, (255 * hand).astype(np.uint8))
    scan = gk.Volume.of(np.random.default_rng(1).integers(0, 99, (3, 24, 26)) * 1.0, (1, 1, 1))
    gk.write_volume("ct.nii", scan)
    gk.write_volume("roi.nii", scan.with_values(scan.values > 40))
    Path("cases.csv").write_text("image,mask\nct.nii,roi.nii\n", encoding="utf-8")
    before = set(tmp_path.rglob("*"))
    words = shlex.split(example)
    result = run(*words[1:])
    assert result.exit_code == 0, result.output
    assert result.stderr == "" or result.stderr.startswith("note: ")
    made = set(tmp_path.rglob("*")) - before
    assert made or not {"--out", "--json"} & set(words)
    assert all(path.is_dir() or path.stat().st_size for path in made)


def loaded_by(arguments: list[str]) -> set[str]:
    code = (
        "import sys\n"
        "from gaborkit_cli.main import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print('LOADED', *sys.modules)"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_imports_nothing_that_takes_long(path):
    loaded = loaded_by([*path, "--help"])
    assert "click" in loaded
    assert not loaded & {"scipy.ndimage", "matplotlib", "PIL", "cv2", "torch", "sklearn"}
    assert not any(name.startswith("gaborkit.vision") for name in loaded)
    assert len(path) or "numpy" not in loaded


def test_what_runs_imports_numpy():
    assert "torch" not in loaded_by(["--version"])
    assert "numpy" in loaded_by(["plot", "bank", "--bank", "kovesi", "--table"])


def test_version_says_whether_the_fast_engines_are_there(monkeypatch):
    there = f"gaborkit {gk.__version__}, fast engines: compiled, registers of \\d+ bits\n"
    assert re.fullmatch(there, run("--version").output)
    missing = structures.Performers({}, "not compiled here")
    monkeypatch.setattr(structures, "performers", lambda: missing)
    assert run("--version").output.endswith(", fast engines: not compiled here\n")
    assert bench.machine()["fast engines"] == "not compiled here"


def test_the_console_script_runs():
    script = Path(sys.executable).with_name("gaborkit")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout.startswith(f"gaborkit {gk.__version__}, fast engines: ")


# ---- choices: the library's own, but for the published banks, which are written down twice ----


def test_choices_are_those_of_the_library():
    expected = {"boundary": BOUNDARIES, "engine": ENGINES, "norm": NORMS}
    seen = set()
    for path, command in ALL.items():
        for parameter in command.params:
            if parameter.name in expected:
                seen.add(parameter.name)
                assert tuple(parameter.type.choices) == expected[parameter.name], path
    assert seen == set(expected)


def test_presets_and_their_parameters_are_those_of_the_library():
    assert list(options.PRESETS) == list(presets.PRESETS)
    for name, names in options.PRESETS.items():
        assert set(names.values()) <= set(inspect.signature(presets.PRESETS[name]).parameters)


def test_every_command_is_a_module_of_that_name():
    folder = Path(commands_of_gaborkit.__file__).parent
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == set(COMMANDS)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_the_list_of_commands_imports_none(arguments):
    code = (
        "import sys\n"
        "from gaborkit_cli.main import main\n"
        f"main({arguments}, standalone_mode=False)\n"
        "print([name for name in sys.modules if name.startswith('gaborkit_cli.commands.')])"
    )
    assert python(code).stdout.splitlines()[-1] == "[]"


def test_names_of_commands_are_completed_without_their_modules():
    code = (
        "import os, sys\n"
        "os.environ |= {'COMP_WORDS': 'gaborkit re', 'COMP_CWORD': '1'}\n"
        "os.environ['_GABORKIT_COMPLETE'] = 'bash_complete'\n"
        "from gaborkit_cli.main import main\n"
        "try: main(prog_name='gaborkit')\n"
        "finally: print('numpy' in sys.modules, 'gaborkit_cli.commands.retrieve' in sys.modules)"
    )
    assert python(code).stdout.split() == ["plain,retrieve", "plain,reconstruct", "False", "False"]
