"""What the tests of commands share: two pictures, options, and runs of ``gaborkit``."""

from __future__ import annotations

import inspect
import json
import math
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
from click.testing import CliRunner, Result
from gaborkit_cli.main import main

import gaborkit as gk

rng = np.random.default_rng(0)
GREY = rng.integers(0, 256, (40, 52), np.uint8)
COLOUR = rng.integers(0, 256, (40, 52, 3), np.uint8)
ONE = ["--sigma", "2", "--wavelength", "6", "--theta", "30"]
KERNEL = gk.GaborKernel(sigma=2, wavelength=6, theta=math.pi / 6)
SIX = ["--bank", "grid", "--scales", "2", "--orientations", "3"]
BANK = gk.GaborBank.grid(2, 3)


def examples(name: str) -> list[str]:
    """Command lines in the help text of a command."""
    text = inspect.cleandoc(main.get_command(click.Context(main), name).help)
    return [line.strip() for line in text.splitlines() if line.startswith("  gaborkit ")]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def run_filter(*arguments: object, stderr: str = "") -> str:
    result = run("filter", *arguments)
    assert result.exit_code == 0, result.output
    assert result.stderr == stderr
    return result.stdout


def description(path: object) -> dict:
    return json.loads(Path(f"{path}.json").read_text())


def decoded(path: object) -> tuple[np.ndarray, float]:
    """Values of a picture by its recorded mapping, and half a step."""
    mapping = description(path)["mapping"]
    values = mapping["offset"] + mapping["gain"] * gk.read_image(path).astype(float)
    return values, mapping["gain"] / 2 * (1 + 1e-6)


def python(code: str, **options) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, **options
    )
