"""DataArrays in, DataArrays out: the same numbers, with names for what they are."""

from __future__ import annotations

import numpy as np
import pytest

import gaborkit as gk

xarray = pytest.importorskip("xarray", reason="needs xarray")

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
    da = pytest.importorskip("dask.array", reason="needs dask")
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


# ---- maps ----

FINE = gk.GaborBank.grid(2, 4, wavelength=4)


@pytest.mark.parametrize(
    ("function", "extra"),
    [
        (FINE.strongest, "scale"),
        (gk.features.local_orientation, None),
        (gk.features.phase_congruency, "orientation"),
        (gk.features.monogenic, "scale"),
        (gk.features.phase_symmetry, None),
        (gk.vision.find_edges, None),
        (lambda image: gk.vision.optical_flow(image, image, largest=2), None),
        (lambda image: gk.vision.stereo_disparity(image, image, largest=2), None),
        (gk.vision.find_vessels, None),
        (gk.vision.cell_responses, "kernel"),
    ],
)
def test_maps_keep_what_the_image_says(function, extra):
    image = picture()
    maps, plain = function(image), function(image.values)
    assert type(maps) is type(plain)
    count = 0
    for name, values in plain._asdict().items():
        result = getattr(maps, name)
        np.testing.assert_array_equal(result, values)
        if np.shape(values)[-2:] != (20, 26) or np.ndim(values) > 3:
            assert not isinstance(result, xarray.DataArray)
            continue
        count += 1
        assert result.dims == (("y", "x") if values.ndim == 2 else (extra, "y", "x"))
        assert (result.name, result.attrs) == ("height", {"units": "mm"})
        xarray.testing.assert_equal(result.y, image.y)
        assert result.when == 7
    assert count
    if extra is not None:
        with pytest.raises(gk.ImageError, match=f"dimension '{extra}' leaves no name"):
            function(picture(dims=("y", "x")).rename(y=extra))


def test_statistics_name_the_kernels_and_the_objects():
    labels = np.zeros((20, 26), int)
    labels[2:9, 3:12], labels[11:, 14:] = 1, 2
    for options, front in (({}, ()), ({"labels": picture(labels)}, ("object",))):
        statistics = FINE.statistics(picture(), **options)
        plain = {name: value.values for name, value in options.items()}
        for result, expected in zip(statistics, FINE.statistics(VALUES[0], **plain), strict=True):
            np.testing.assert_array_equal(result, expected)
            assert result.dims == (*front, "kernel")
            assert result.kernel.values.tolist() == list(FINE.labels)
    colour = xarray.DataArray(VALUES, dims=("band", "y", "x"))
    assert FINE.statistics(colour, channel_axis=0).mean.dims == ("band", "kernel")
    strongest = FINE.strongest(colour, channel_axis=0)
    assert strongest.index.dims == ("band", "scale", "y", "x")
    assert gk.features.local_orientation(colour, channel_axis=0).angle.dims == ("y", "x")
    assert gk.features.local_orientation(colour).angle.dims == ("band", "y", "x")
    assert gk.vision.find_edges(picture()).points().shape[1] == 2


def test_strongest_and_statistics_are_lazy_over_dask():
    dask = pytest.importorskip("dask.array", reason="needs dask")
    image = picture(dask.from_array(VALUES[0], chunks=10))
    strongest, statistics = FINE.strongest(image), FINE.statistics(image)
    assert all(hasattr(one.data, "dask") for one in (*strongest, *statistics))
    np.testing.assert_allclose(strongest.magnitude, FINE.strongest(VALUES[0]).magnitude, atol=1e-6)
    np.testing.assert_allclose(statistics.mean, FINE.statistics(VALUES[0]).mean, rtol=1e-5)
    # Where the whole picture is looked at, it is computed.
    edges = gk.vision.find_edges(image)
    np.testing.assert_array_equal(edges.thin, gk.vision.find_edges(VALUES[0]).thin)
