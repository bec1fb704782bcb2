"""Whole numbers among arguments: of Python and NumPy, and neither True nor 3.0."""

from __future__ import annotations

import numpy as np
import pytest

import gaborkit as gk
from gaborkit import generative
from gaborkit.vision.fingerprint import synthetic_fingerprint
from gaborkit.whole_numbers import is_whole


@pytest.mark.parametrize("value", [2, 3, np.int8(2), np.uint64(5)])
def test_whole(value):
    assert is_whole(value, 2)


@pytest.mark.parametrize("value", [1, -2, True, np.True_, 2.0, np.float64(3), "2", None, [2]])
def test_not_whole(value):
    assert not is_whole(value, 2)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: gk.GaborBank.grid(True), "scales"),
        (lambda: gk.GaborBank.grid(2, 3.0), "orientations"),
        (lambda: gk.features.Gist(blocks=True), "blocks"),
        (lambda: gk.GaborBank.preset("kymatio", J=True), "J"),
        (lambda: generative.load_dataset("mini", limit=True), "limit"),
        (lambda: generative.Coefficients((1, 8, 8), iterations=True), "iterations"),
        (lambda: gk.vision.synthetic_palm(False), "person"),
        (lambda: gk.vision.synthetic_eye(0, 1.0), "seed"),
        (lambda: synthetic_fingerprint(iterations=True), "iterations"),
    ],
)
def test_true_is_no_count(call, name):
    with pytest.raises(gk.GaborkitError, match=f"^{name}="):
        call()
