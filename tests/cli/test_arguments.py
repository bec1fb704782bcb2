"""Types of arguments and options: ranges, suggestions, and what a shell completes."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from commands_for_tests import run
from fuzzed_commands_for_tests import leaves
from gaborkit_cli.main import main
from gaborkit_cli.options.arguments import Choice, Classes, Number, Numbers, Setting, Whole, Word
from gaborkit_cli.options.path_arguments import FilePath

#: Any angle is one; of the others the library says what is allowed, and what for.
FREE = {"--theta", "--phase", "--range", "--threshold"}
BY_THE_LIBRARY = {"--sigma", "--bandwidth", "--wavelength", "--gamma", "--scale", "--a"}

PARAMETERS = [
    (" ".join(path), parameter)
    for path, command in leaves()
    for parameter in command.params
    if not getattr(parameter, "is_flag", False)
]


@pytest.mark.parametrize(("command", "parameter"), PARAMETERS)
def test_every_parameter_has_a_type_that_bounds_or_completes_it(command, parameter):
    known = (Choice, Classes, FilePath, Number, Numbers, Setting, Whole, Word)
    assert isinstance(parameter.type, known), (command, parameter.opts)
    if isinstance(parameter.type, Number) and parameter.opts[0] not in FREE | BY_THE_LIBRARY:
        low = max(parameter.type.least, parameter.type.above)
        assert math.isfinite(low), (command, parameter.opts)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "9" * 400, "1e999", "", "one"])
@pytest.mark.parametrize("kind", [Number(), Number(0, 1), Number(above=0), Whole(0, 9)])
def test_what_is_no_finite_number(kind, text):
    with pytest.raises(click.BadParameter, match=r"is not a"):
        kind.convert(text, None, None)


@pytest.mark.parametrize(
    ("kind", "inside", "outside"),
    [
        (Number(0, 1), ["0", "1", "0.5", "-0"], ["-1e-300", "1.0000001"]),
        (Number(above=0, below=1), ["1e-300", "0.999"], ["0", "1"]),
        (Number(above=0, most=5), ["5"], ["0", "5.01"]),
        (Whole(2, 2**63 - 1), ["2", str(2**63 - 1)], ["1", str(2**63), "9" * 23, "2.0"]),
    ],
)
def test_limits(kind, inside, outside):
    for text in inside:
        assert kind.convert(text, None, None) == type(kind.convert(text, None, None))(text)
    for text in outside:
        with pytest.raises(click.BadParameter):
            kind.convert(text, None, None)


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 5000])
def test_what_is_no_name_of_a_file(name):
    with pytest.raises(click.BadParameter):
        FilePath().convert(name, None, None)


def test_many_classes():
    assert Classes().convert("0-2,8", None, None) == (0, 1, 2, 8)
    with pytest.raises(click.BadParameter, match="more than 10,000"):
        Classes().convert("0-999999", None, None)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["fliter"], "filter"),
        (["plot", "covrage"], "coverage"),
        (["train", "gated-pixlcnn"], "gated-pixelcnn"),
        (["orient", "a.png", "--out", "o.png", "--method", "phas"], "phase"),
        (["plot", "bank", "--bank", "manjunat"], "manjunath"),
        (["plot", "bank", "--bank", "grid", "--norm", "gian"], "gain"),
        (["filter", "sample:camra", "--sigma", "2", "--out", "o.png"], "sample:camera"),
    ],
)
def test_the_word_that_is_most_like_a_wrong_one_is_offered(arguments, meant, empty_folder):
    result = run(*arguments)
    assert result.exit_code in (1, 2)
    assert f"did you mean {meant}?" in result.stderr


@pytest.mark.parametrize("size", [1000, 129_000])
@pytest.mark.parametrize("character", ["x", "x ", "9", "\n"])
def test_what_is_echoed_is_cut(size, character):
    text = character * size
    for arguments in ([text], ["filter", text, "--sigma", "2", "--out", "o.png"]):
        result = run(*arguments)
        assert result.exit_code in (1, 2)
        assert result.stderr.count("\n") == 1
        assert len(result.stderr) < 2000
        assert run("plot", "bank", "--bank", "grid", "--sigma", text).stderr.count("\n") == 1


def complete(words: list[str], incomplete: str) -> list[tuple[str, str]]:
    shell = ShellComplete(main, {}, "gaborkit", "_GABORKIT_COMPLETE")
    return [(item.type, item.value) for item in shell.get_completions(words, incomplete)]


def test_a_shell_completes_pictures_and_samples():
    assert complete(["orient"], "sample:cam") == [
        ("file", "sample:cam"),
        ("plain", "sample:camera"),
    ]
    assert complete(["filter"], "photo")[0] == ("file", "photo")


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        (["filter", "a.png", "--bank"], "k", ["kymatio", "kovesi"]),
        (["train", "vae", "--preset"], "a", ["article"]),
        (["train", "vae", "--data"], "m", ["mini", "mnist"]),
        (["train"], "g", ["gated-pixelcnn", "gan"]),
        (["plot"], "co", ["coverage"]),
        (["sample", "r", "--device"], "cu", ["cuda"]),
    ],
)
def test_a_shell_completes_names(words, incomplete, expected):
    plain = [value for kind, value in complete(words, incomplete) if kind == "plain"]
    assert sorted(plain) == sorted(expected)


@pytest.mark.parametrize("command", ["sample", "evaluate", "latent"])
def test_a_shell_completes_runs(command, empty_folder):
    for name in ("runs/vae-raw-mini", "runs/vae-gabor-mini", "elsewhere/vae"):
        Path(name).mkdir(parents=True)
        Path(name, "config.json").touch()
    Path("runs/no-run").mkdir()
    found = complete([command], "runs/v")
    assert found[0] == ("dir", "runs/v")
    assert found[1:] == [("plain", "runs/vae-gabor-mini"), ("plain", "runs/vae-raw-mini")]
    assert ("plain", "elsewhere/vae") in complete([command], "elsewhere/")


def test_python_m_gaborkit():
    done = subprocess.run(
        [sys.executable, "-m", "gaborkit", "fliter"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80"},
    )
    assert done.returncode == 2
    assert done.stderr == (
        "error: No such command 'fliter'; did you mean filter?; see gaborkit --help\n"
    )
