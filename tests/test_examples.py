"""Every example runs and makes its picture."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """All examples started at once, each in a folder of its own."""
    started = {}
    for example in EXAMPLES:
        folder = tmp_path_factory.mktemp(example.stem)
        process = subprocess.Popen(
            [sys.executable, "-W", "error", example, folder],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        started[example] = process, folder
    yield started
    for process, _ in started.values():
        process.kill()
        process.communicate()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example(example, running):
    process, folder = running[example]
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert [path.suffix for path in folder.iterdir()] == [".png"]
