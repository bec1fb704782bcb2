"""What goes wrong in any command: one line on stderr, an exit code, no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import Result
from commands_for_tests import python, run
from gaborkit_cli.main import main

import gaborkit as gk


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["fliter"], "No such command 'fliter'; did you mean filter?"),
        (["--wrong"], "--wrong"),
        (["filter"], "Missing argument 'IN...'"),
        (["filter", "a.png", "--sigma", "1"], "Missing option '--out'"),
        (["filter", "a.png", "--sgima", "1"], "--sgima"),
        (["filter", "a.png", "--sigma", "one", "--out", "b.png"], "'one' is not a finite number"),
        (["filter", "a.png", "--part", "both", "--out", "b.png"], "'both' is not one of"),
        (["plot", "surface"], "No such command 'surface'"),
    ],
)
def test_usage_errors_are_one_line_and_exit_with_2(arguments, text):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert text in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith("--help\n")


def failing_with(monkeypatch, error: BaseException, *more: str) -> Result:
    def fail(self):
        raise error

    monkeypatch.setattr(gk.GaborBank, "table", fail)
    return run(*more, "plot", "bank", "--bank", "grid", "--table")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (gk.BankError("too\nfew"), "error: too few\n"),
        (OSError(28, "No space left", "a.png"), "error: a.png: No space left\n"),
        (OSError(28, "No space left"), "error: No space left\n"),
        (
            MemoryError(),
            "error: not enough memory (MemoryError); a smaller picture or bank would work\n",
        ),
        (
            type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"),  # as torch has it
            "error: the device has not enough memory; a smaller batch, fewer samples or --device "
            "cpu would work\n",
        ),
        (
            ModuleNotFoundError("No module named 'torch'", name="torch"),
            'error: this needs torch, which is not installed; pip install "gaborkit[torch]" brings '
            "it\n",
        ),
        (
            KeyError("k"),
            "error: gaborkit failed unexpectedly (KeyError: 'k'); please report what --debug "
            "prints\n",
        ),
    ],
)
def test_other_errors_are_one_line_and_exit_with_1(monkeypatch, error, text):
    result = failing_with(monkeypatch, error)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", text)


def test_debug_shows_the_traceback_wherever_it_stands(monkeypatch):
    result = failing_with(monkeypatch, KeyError("k"), "--debug")
    assert result.stderr.startswith("Traceback (most recent call last)")
    assert result.stderr.splitlines()[-1].startswith("error: gaborkit failed unexpectedly")
    result = run("plot", "bank", "--bank", "grid", "--table", "--debug")
    assert result.stderr.startswith("Traceback")
    assert result.exit_code == 1


def test_an_interruption_is_one_line_and_exits_with_130(monkeypatch):
    result = failing_with(monkeypatch, KeyboardInterrupt())
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "interrupted\n")


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_control_c_ends_a_running_command(tmp_path):
    arguments = ["bench", "--size", "512", "--sigma", "2", "--repeat", "1000", "--json", "b.json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gaborkit_cli.main", *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What a shell runs in the background is born deaf to it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    process.stdout.readline()  # what it prints before it measures
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    # Within exec of a text (an import of dataclasses), Python ends by the signal itself,
    # which a shell calls 130 too.
    assert process.returncode in (130, -signal.SIGINT)
    assert stderr == "interrupted\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_a_closed_pipe_ends_it_quietly():
    code = (
        "import os, sys\n"
        "reader, writer = os.pipe()\n"
        "os.close(reader)\n"
        "os.dup2(writer, 1)\n"
        "from gaborkit_cli.main import main\n"
        "main(['plot', 'bank', '--bank', 'kovesi', '--table'])"
    )
    done = python(code)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_one_line():
    code = "from gaborkit_cli.main import main; main(['plot', 'bank', '--bank', 'bob', '--table'])"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: No space left on device\n")


def test_without_standalone_mode_errors_are_raised():
    with pytest.raises(click.UsageError):
        main(["fliter"], standalone_mode=False)
    assert main(["--version"], standalone_mode=False) == 0
