"""Filtering: what is no image, no option, and no place to write to."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gaborkit as gk


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.empty((2, 9, 9), complex), r"out has shape \(2, 9, 9\)"),
        ([], "out has list"),
        (np.empty((3, 9, 9)), "not a writable C-contiguous complex array"),
        (np.empty((9, 9, 3), complex).T, "not a writable C-contiguous complex array"),
    ],
)
def test_out_that_does_not_fit(out, message):
    with pytest.raises(gk.FilterError, match=message):
        gk.GaborBank.grid(1, 3).filter(np.ones((9, 9)), out=out)


def test_out_with_a_tensor():
    with pytest.raises(gk.FilterError, match="out= is for NumPy"):
        gk.GaborBank.grid(1, 3).filter(torch.ones(9, 9), out=torch.empty(3, 9, 9))


@pytest.mark.parametrize(
    "image",
    [np.float64(3), np.ones(5), np.ones((0, 4)), np.ones((3, 4, 0))],
)
def test_no_image(image):
    with pytest.raises(gk.ImageError, match="is not an image"):
        gk.GaborKernel(sigma=2).filter(image)


@pytest.mark.parametrize(
    "image",
    [
        np.ones((4, 4), complex),
        np.ones((4, 4), np.longdouble),
        torch.ones(4, 4, dtype=torch.complex64),
    ],
)
def test_dtypes_that_cannot_be_filtered(image):
    with pytest.raises(gk.ImageError, match=r"dtype .* cannot be filtered"):
        gk.GaborKernel(sigma=2).filter(image)


@pytest.mark.parametrize("channels", [3, 4])
def test_colour_without_a_channel_axis(channels):
    for image in (np.ones((20, 30, channels)), torch.ones(20, 30, channels)):
        with pytest.raises(gk.ImageError, match=r"looks like colour: give channel_axis=-1"):
            gk.GaborKernel(sigma=2).filter(image)
    assert gk.GaborKernel(sigma=2).filter(np.ones((30, channels))).shape == (30, channels)


@pytest.mark.parametrize(("shape", "axis"), [((20, 30), 0), ((20, 30, 3), 3), ((3, 9, 9), -4)])
def test_channel_axis_that_is_none(shape, axis):
    with pytest.raises(gk.ImageError, match=f"channel_axis={axis} is no axis"):
        gk.GaborKernel(sigma=2).filter(np.ones(shape), channel_axis=axis)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numpy_refuses_what_is_not_finite(value):
    image = np.ones((10, 12))
    image[3, 4] = value
    with pytest.raises(gk.ImageError, match="1 of 120 pixels are NaN or infinite"):
        gk.GaborKernel(sigma=2).filter(image)


def test_torch_lets_nan_spread():
    image = torch.ones(10, 12)
    image[3, 4] = torch.nan
    assert gk.GaborKernel(sigma=2).filter(image).isnan().all()


def test_huge_finite_values_are_filtered():
    image = np.full((4, 4), 1.7e308)
    with np.errstate(over="ignore"):
        found = gk.GaborKernel(sigma=2, norm="l1").filter(image, engine="direct")
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"boundary": "symmetric"}, "boundary='symmetric' is unknown"),
        ({"engine": "fft"}, "engine='fft' is unknown"),
        ({"transfer": "exact"}, "transfer='exact' is unknown"),
        ({"transfer": "analytic", "engine": "direct"}, "needs engine='fourier'"),
    ],
)
def test_unknown_options(options, message):
    with pytest.raises(gk.FilterError, match=message):
        gk.GaborBank.grid(1, 1).filter(np.ones((9, 9)), **options)


def test_the_separable_engine_passes_no_gradient():
    image = torch.ones(9, 9, requires_grad=True)
    with pytest.raises(gk.FilterError, match="not written for torch with gradients; choose one"):
        gk.GaborKernel(sigma=2).filter(image, engine="separable")


def test_a_dask_array_takes_neither_out_nor_transfer():
    dask = pytest.importorskip("dask.array", reason="Dask is not installed")
    image = dask.ones((20, 20), chunks=10)
    kernel = gk.GaborKernel(sigma=2)
    assert kernel.filter(image).compute().shape == (20, 20)
    with pytest.raises(gk.FilterError, match="a dask array takes neither out= nor transfer="):
        kernel.filter(image, transfer="analytic")
