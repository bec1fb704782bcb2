"""What a type checker says to those who use the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gaborkit as gk

ROOT = Path(__file__).parent.parent

#: An unused ``type: ignore`` is an error, so that each of them holds one.
PROGRAM = """
from collections.abc import Iterator
from typing import Any, assert_type

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import gaborkit as gk

gk.nonexistent_thing  # type: ignore[attr-defined]
gk.features.Nonexistent  # type: ignore[attr-defined]
assert_type(gk.features.Texture, type[gk.features.Texture])
gk.features.Texture(nonexistent=1)  # type: ignore[call-arg]

image = np.zeros((32, 32), np.float32)
tensor = torch.zeros((32, 32))
bank = gk.GaborBank.grid(scales=2, orientations=4)
assert_type(bank, gk.GaborBank)
assert_type(bank[0], gk.Kernel)
assert_type(bank[:2], gk.GaborBank)

assert_type(bank.filter(image), NDArray[Any])
assert_type(bank.filter(tensor), Tensor)
bank.filter(image, part="angle")  # type: ignore[call-overload]
assert_type(bank.responses(image), Iterator[NDArray[Any]])
assert_type(bank.responses(tensor), Iterator[Tensor])
assert_type(bank[0].filter(image), NDArray[Any])
assert_type(bank[0].filter(tensor), Tensor)
assert_type(gk.luminance(image), NDArray[Any])
assert_type(gk.luminance(tensor), Tensor)

frame = bank.frame((32, 32))
assert_type(frame, gk.GaborFrame)
assert_type(frame.shape, tuple[int, int])
assert_type(frame.synthesize(frame.analyze(image)), NDArray[Any])
assert_type(frame.synthesize(frame.analyze(tensor)), Tensor)

jets = gk.features.jets(image, [[8, 8]], bank)
assert_type(jets, NDArray[Any])
assert_type(gk.features.jets(tensor, [[8, 8]], bank), Tensor)
assert_type(gk.features.magnitude_similarity(jets, jets), NDArray[Any])
assert_type(gk.features.smoothed(tensor, 2.0), Tensor)
assert_type(gk.features.Scattering().transform(image), NDArray[Any])
assert_type(gk.features.Scattering().transform(tensor), Tensor)
"""


@pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.4.0", reason="older NumPy has other types"
)
def test_users_types(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "mypy", str(program)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_dir_lists_what_is_public():
    for package in (gk, gk.features, gk.filtering, gk.generative, gk.large, gk.vision):
        assert set(package.__all__) <= set(dir(package))
