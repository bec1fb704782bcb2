"""What several tests share: generated kernels, and the reference that engines must equal."""

from __future__ import annotations

import warnings

import numpy as np
import scipy.signal
from hypothesis import strategies as st

import gaborkit as gk
from gaborkit.filtering.padding import source_index


@st.composite
def kernels(draw, round_only=False):
    """Kernels of all parameters, poorly sampled ones included."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gk.SamplingWarning)
        return gk.GaborKernel(
            wavelength=draw(st.floats(1.5, 30)),
            theta=draw(st.floats(-7, 7)),
            sigma=draw(st.floats(0.4, 5)),
            gamma=1.0 if round_only else draw(st.sampled_from([1.0, 1.0, 0.5, 0.3, 2.0])),
            phase=draw(st.floats(-7, 7)),
            scale=draw(st.sampled_from([1.0, 1.5, 0.7])),
            dc_free=draw(st.booleans()),
            norm=draw(st.sampled_from(["l1", "l2", "gain", "peak", "article"])),
        )


def convolve(image, kernel, boundary, tolerance=gk.TOLERANCE):
    """Reference: the sum over taps, in double precision, by scipy.signal.convolve2d."""
    samples = kernel.sample(tolerance)
    radius = len(samples) // 2
    image = image.astype(float)
    if boundary == "constant":
        padded = np.pad(image, radius)
    else:
        rows, columns = (source_index(size, radius, boundary) for size in image.shape)
        padded = image[np.ix_(rows, columns)]
    return scipy.signal.convolve2d(padded, samples, mode="valid")


def relative_error(found, wanted, kernel, image):
    """L2 error over the larger of the response and what white noise would answer on average.

    A picture of a few pixels may lie where a kernel answers nothing; the second term keeps the
    measure meaningful there.
    """
    typical = np.linalg.norm(kernel.sample()) * np.linalg.norm(image.astype(float))
    return np.linalg.norm(found - wanted) / max(np.linalg.norm(wanted), typical, 1e-300)
