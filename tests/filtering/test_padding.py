"""The five boundary modes, against SciPy's own."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given
from hypothesis import strategies as st

from gaborkit.errors import FilterError
from gaborkit.filtering.backend import library_of
from gaborkit.filtering.padding import check_boundary, pad, source_index
from gaborkit.types import BOUNDARIES

NUMPY = {
    "reflect": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "constant": "constant",
    "wrap": "wrap",
}


@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 40), st.sampled_from(BOUNDARIES))
def test_padding_is_numpy_s(height, width, margin, boundary):
    stack = np.arange(2 * height * width, dtype=float).reshape(2, height, width) + 1
    padded = pad(library_of(stack), stack, margin, boundary)
    margins = ((0, 0), (margin, margin), (margin, margin))
    np.testing.assert_array_equal(padded, np.pad(stack, margins, NUMPY[boundary]))


# SciPy 1.17 reads outside the image where a kernel is several times larger: hence the 3.
@given(st.integers(3, 9), st.integers(3, 9), st.integers(0, 3), st.sampled_from(BOUNDARIES))
def test_padding_is_scipy_s(height, width, margin, boundary):
    image = np.arange(height * width, dtype=float).reshape(height, width) + 1
    padded = pad(library_of(image), image, margin, boundary)
    # A kernel of one tap reads one position of the outside: ndimage then shows what lies there.
    for dy, dx in ((-margin, -margin), (margin, 0), (0, margin), (margin, -margin)):
        tap = np.zeros((2 * margin + 1,) * 2)
        tap[margin + dy, margin + dx] = 1
        expected = scipy.ndimage.correlate(image, tap, mode=boundary)
        found = padded[margin + dy :, margin + dx :][:height, :width]
        np.testing.assert_array_equal(found, expected)


def test_unknown_boundary():
    with pytest.raises(FilterError, match="boundary='zero' is unknown; choose one of reflect"):
        check_boundary("zero")


def test_constant_has_no_index():
    with pytest.raises(FilterError, match="takes no index"):
        source_index(4, 2, "constant")
