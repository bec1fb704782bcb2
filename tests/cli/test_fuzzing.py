"""The fuzzer of commands on what once failed and on some cases more.

``GABORKIT_FUZZ_SECONDS=600 GABORKIT_FUZZ_SEED=7`` run it for longer, in seconds of a processor, on
other cases.
"""

from __future__ import annotations

import argparse
import mmap
import os
import random
import subprocess
import sys
from pathlib import Path

import click
import fuzzed_files_for_tests as files
import fuzzing_for_tests
import numpy as np
import pytest
from fuzzing_for_tests import Fuzzer
from gaborkit_cli.main import main

SECONDS = float(os.environ.get("GABORKIT_FUZZ_SECONDS", "0"))
SEED = os.environ.get("GABORKIT_FUZZ_SEED", "0")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of memory and timers")


def test_no_command_fails_but_in_one_line(vae_run, tmp_path):
    # In a process of its own, whose memory is limited, and which a hang ends.
    amount = ["--seconds", str(SECONDS)] if SECONDS else ["--cases", "16", "--seconds", "600"]
    done = subprocess.run(
        [
            *[sys.executable, fuzzing_for_tests.__file__],
            *["--seed", SEED, "--run", str(vae_run), *amount],
        ],
        capture_output=True,
        text=True,
        timeout=10 * SECONDS + 900,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


@pytest.fixture
def fuzzer(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_train", lambda folder, made: None)
    monkeypatch.chdir(tmp_path)
    return Fuzzer(tmp_path, 0)


def test_cases_are_functions_of_the_seed(fuzzer):
    for number in range(50):
        chance = random.Random(number)
        assert fuzzer.lines.case(number)[0] == fuzzer.lines.case(number)[0]
        assert files.damaged(b'{"a": [1, 2]}', ".json", chance) == files.damaged(
            b'{"a": [1, 2]}', ".json", random.Random(number)
        )


@pytest.mark.parametrize(
    ("words", "message", "expected"),
    [
        (["edges", "--kinds", "a"], "--kinds inks a picture", ["edges", "a"]),
        (["edges", "--low=3", "a"], "Invalid value for '--low': 3", ["edges", "a"]),
        (["filter", "--range", "1", "2", "a"], "--range 1 2 needs --bank", ["filter", "a"]),
        (["edges", "--out=a.b", "a"], "--out a.b: give .png", ["edges", "--out=out/new.png", "a"]),
        (["bench", "--size=-1"], "Invalid value for '--size': -1", ["bench", "--size=32"]),
        (["sample", "a", "b"], "Got unexpected extra argument (b)", ["sample", "a"]),
        (["edges", "a"], "a.png: no such file; see --help", None),
    ],
)
def test_what_a_message_refuses_is_left_out(words, message, expected, fuzzer):
    assert fuzzer.lines.mended(words, f"error: {message}") == expected


def planted(name: str | None = None):
    """A command that does what the fuzzer must see: what it is named, or what is asked of it."""

    @click.command("runs")
    @click.argument("folder")
    def command(folder: str) -> None:
        match name or folder:
            case "unexpected":
                raise KeyError(folder)
            case "code":
                raise click.exceptions.Exit(7)
            case "long":
                click.echo("error: " + "x" * 5000, err=True)
                raise click.exceptions.Exit(1)
            case "silent":
                raise click.exceptions.Exit(1)
            case "hang":
                while True:
                    pass
            case "input":
                Path(folder).write_text("gone")
            case "same":  # as large as before, at the same time
                status = Path(folder).stat()
                with Path(folder).open("r+b") as file:
                    file.write(b"x")
                os.utime(folder, ns=(status.st_atime_ns, status.st_mtime_ns))
            case "output":
                Path("out/old.png").write_text("half")
                raise click.ClickException("no")
            case "memory":
                np.zeros(2**32, np.uint8)
            case "reserved":  # as libraries and threads do
                mmap.mmap(-1, 2**33, prot=mmap.PROT_READ)
            case "abort":
                os.abort()
            case "left":
                Path("out/.gaborkit-1.png").touch()

    return command


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("unexpected", "unexpected: "),
        ("code", "exit code 7"),
        ("long", "says too much"),
        ("silent", "exit code 1, and says ''"),
        ("hang", "takes more than"),
        ("input", "changes "),
        ("same", "changes "),
        ("output", "fails, and has written old.png"),
        ("left", "leaves "),
    ],
)
def test_the_fuzzer_sees(name, problem, fuzzer, monkeypatch):
    monkeypatch.setattr("fuzzing_for_tests.PROCESSOR", 0.2)
    monkeypatch.setattr(type(main), "get_command", lambda self, ctx, word: planted(name))
    picture = fuzzer.corpus["picture"][0]
    assert fuzzer.judge(["runs", picture]).startswith(problem)


def test_inputs_are_drawn_as_outputs(fuzzer):
    """By every spelling; what is judged is their bytes."""
    (fuzzer.folder / "case").mkdir()
    edges = next(command for path, command in fuzzer.lines.commands if path == ("edges",))
    source = Path(fuzzer.corpus["picture"][0])
    spellings = {"/../": 0, "../corpus": 0, "/links/": 0, ".folder/": 0}
    for number in range(60):
        words = fuzzer.lines.onto_input([str(source), "--out=a.png"], edges, random.Random(number))
        (target,) = (word.partition("=")[2] for word in words if "--out=" in word)
        assert (fuzzer.folder / "case" / target).samefile(source)
        for spelling in spellings:
            spellings[spelling] += spelling in target
    assert min(spellings.values()) > 0
    drawn = [fuzzer.lines.case(number) for number in range(300)]
    assert sum("/corpus/" in word for words in drawn for word in words if "--out=" in word) > 2


def test_a_case_that_ends_the_process_is_a_failure_and_others_follow():
    """And memory that is reserved is none that is asked for."""
    done = subprocess.run(
        [sys.executable, "-c", "import test_fuzzing; test_fuzzing.fuzz_planted()"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])},
    )
    said = done.stdout.splitlines()
    assert said[0] == 'FAILED 0: ["runs", "abort"]', done.stderr
    assert said[1] == "    ends the process, with -6"
    assert said[2] == 'FAILED 1: ["runs", "memory"]'
    assert said[3].startswith("    asks for more than 3221225472 bytes: error: not enough memory")
    assert said[-1].startswith("seed 0: 3 command lines tried, 2 failed; of 2 cases 1 ended with 0")
    assert len([line for line in said if line.startswith("FAILED")]) == 2


def fuzz_planted() -> None:
    """The fuzzer on three planted cases."""
    files._train = lambda folder, made: None
    files.known_faults = lambda corpus: [["runs", name] for name in ("abort", "memory", "reserved")]
    type(main).get_command = lambda self, context, word: planted()
    fuzzing_for_tests.fuzz(argparse.Namespace(seed=0, cases=0, seconds=100, run=None))
