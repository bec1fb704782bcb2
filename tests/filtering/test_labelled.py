"""DataArrays in, DataArrays out: the same numbers, with names for what they are."""

from __future__ import annotations

import numpy as np
import pytest

import gaborkit as gk

xarray = pytest.importorskip("xarray")

BANK = gk.GaborBank.grid(2, 3, wavelength=5)
VALUES = np.random.default_rng(0).random((3, 20, 26), np.float32)


def picture(values=VALUES[0], *, dims=("y", "x")):
    return xarray.DataArray(
        values,
        {"y": np.arange(20) * 0.5, "x": np.arange(26) + 100.0, "when": 7},
        dims,
        "height",
        {"units": "mm"},
    )


@pytest.mark.parametrize("options", [{}, {"part": "magnitude", "boundary": "wrap"}])
def test_responses_keep_what_the_image_says(options):
    image = picture()
    responses = BANK.filter(image, **options)
    np.testing.assert_array_equal(responses.values, BANK.filter(VALUES[0], **options))
    assert responses.dims == ("kernel", "y", "x")
    assert (responses.name, responses.attrs) == ("height", {"units": "mm"})
    for name in ("y", "x", "when"):
        xarray.testing.assert_equal(
            responses[name].drop_vars("when"), image[name].drop_vars("when")
        )
    assert responses.kernel.values.tolist() == list(BANK.labels)
    np.testing.assert_allclose(responses.wavelength, [5] * 3 + [10] * 3)
    np.testing.assert_allclose(responses.theta, [kernel.theta for kernel in BANK])
    one = responses.sel(kernel="10 px, 60°", y=4.5)
    np.testing.assert_array_equal(one.values, responses.values[4, 9])


def test_a_kernel_alone_leaves_its_label_and_no_axis():
    response = BANK[1].filter(picture())
    np.testing.assert_array_equal(response.values, BANK[1].filter(VALUES[0]))
    assert response.dims == ("y", "x")
    assert response.kernel.item() == BANK.labels[1]


def test_one_after_the_other():
    several = list(BANK.responses(picture(), part="energy"))
    together = BANK.filter(picture(), part="energy")
    assert len(several) == 6
    for k, response in enumerate(several):
        xarray.testing.assert_allclose(response, together[k])


@pytest.mark.parametrize(("axis", "dims"), [(0, ("band", "y", "x")), (-1, ("y", "x", "band"))])
def test_colour(axis, dims):
    values = np.moveaxis(VALUES, 0, axis)
    image = xarray.DataArray(values, {"band": ["r", "g", "b"]}, dims)
    responses = BANK.filter(image, channel_axis=axis)
    assert responses.dims == ("band", "kernel", "y", "x")
    np.testing.assert_array_equal(responses.values, BANK.filter(values, channel_axis=axis))
    assert responses.band.values.tolist() == ["r", "g", "b"]


def test_of_dask_it_is_lazy():
    da = pytest.importorskip("dask.array")
    image = picture(da.from_array(VALUES[0], chunks=(10, 13)))
    responses = BANK.filter(image)
    assert isinstance(responses.data, da.Array)
    np.testing.assert_allclose(responses.compute().values, BANK.filter(VALUES[0]), atol=1e-5)


def test_a_mask_may_be_one_too():
    mask = picture() > 0.2
    responses = BANK.filter(picture(), mask=mask)
    np.testing.assert_array_equal(responses.values, BANK.filter(VALUES[0], mask=mask.values))


def test_a_dimension_called_kernel_is_refused():
    image = xarray.DataArray(VALUES, dims=("kernel", "y", "x"))
    with pytest.raises(gk.ImageError, match="dimension 'kernel' leaves no name"):
        BANK.filter(image)


def test_what_is_no_image_is_refused_as_an_array_is():
    with pytest.raises(gk.ImageError):
        BANK.filter(xarray.DataArray([1.0, 2.0], dims="x"))
