"""Every public function of pictures takes colours, and says what it makes of them."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import gaborkit as gk
from gaborkit.features.plane import plane_of

xarray = pytest.importorskip("xarray", reason="needs xarray")

RNG = np.random.default_rng(0)
COLOUR = RNG.random((48, 56, 3))
GREY = gk.luminance(COLOUR)
BANK = gk.GaborBank.grid(2, 4, wavelength=4)

#: Public functions of arrays that take no colours, and why.
WITHOUT = {
    "GaborFrame.analyze": "planes (..., H, W), whose coefficients go back to the same axes",
    **dict.fromkeys(
        [
            f"{kind}.values"
            for kind in (
                "Descriptor",
                *("Energy", "Gist", "Invariant", "ScatteringDescriptor", "Spectrum", "Texture"),
            )
        ],
        "planes, which describe() makes of colours",
    ),
    **dict.fromkeys(
        [f"{kind}.transfer" for kind in ("Kernel", "GaborBank", "GaborKernel", "LogGaborKernel")],
        "frequencies",
    ),
    **dict.fromkeys(
        ["ScribbleModel.maps", "ScribbleModel.painted"],
        "channels, which predict() makes of colours",
    ),
    "GaborKernel.evaluate": "coordinates",
    "GaborFrame.adjoint": "coefficients",
    "GaborFrame.synthesize": "coefficients",
    "Scattering.plot": "coefficients",
    "Volume.with_values": "a volume",
    "resample": "a picture or volume, axis by axis",
    "crests": "a map of strengths",
    "widest_vessel": "a field of view",
    "smoothed": "maps",
    "local_frequency": "responses",
    "jet_displacement": "jets",
    "magnitude_similarity": "jets",
    "phase_similarity": "jets",
    "texture_distances": "features",
    "retrieval_rate": "features",
    "area_under_roc": "scores",
    "equal_error_rate": "scores",
    "decidability": "scores",
}


def functions_of_arrays():
    for package in (gk, gk.features, gk.vision):
        for name in package.__all__:
            value = getattr(package, name)
            if inspect.isfunction(value):
                yield name, value, 0
            elif inspect.isclass(value):
                for method, function in inspect.getmembers(value, inspect.isfunction):
                    if method == "__call__" or not method.startswith("_"):
                        yield f"{name}.{method}", function, 1


def test_every_function_of_pictures_has_channel_axis():
    lacking, having = set(), set()
    for name, function, skipped in functions_of_arrays():
        parameters = list(inspect.signature(function).parameters.values())[skipped:]
        if parameters and "Array" in str(parameters[0].annotation):
            colours = "channel_axis" in [parameter.name for parameter in parameters]
            (having if colours else lacking).add(name)
    assert lacking == set(WITHOUT)
    assert {"GaborBank.filter", "monogenic", "find_edges", "VesselModel.predict"} <= having


def same(result, expected):
    """Equality of arrays, numbers, and what holds them."""
    if isinstance(expected, tuple):
        assert type(result) is type(expected)
        assert len(result) == len(expected)
        for one, other in zip(result, expected, strict=True):
            same(one, other)
    elif isinstance(expected, dict):
        assert result == expected
    elif hasattr(expected, "__dataclass_fields__"):
        same(tuple(vars(result).values()), tuple(vars(expected).values()))
    else:
        np.testing.assert_array_equal(result, expected)


CIRCLES = ((24.0, 28.0, 5.0), (24.0, 28.0, 15.0))

OF_LUMINANCE = {
    "monogenic": lambda x, **o: gk.features.monogenic(x, scales=3, **o),
    "phase_symmetry": gk.features.phase_symmetry,
    "phase_code": lambda x, **o: gk.features.phase_code(x, BANK, **o),
    "unwrap_iris": lambda x, **o: gk.features.unwrap_iris(x, *CIRCLES, shape=(8, 32), **o),
    "find_edges": gk.vision.find_edges,
    "optical_flow": lambda x, **o: gk.vision.optical_flow(x, x[::-1], largest=4, **o),
    "stereo_disparity": lambda x, **o: gk.vision.stereo_disparity(x, x[::-1], largest=4, **o),
    "cell_responses": lambda x, **o: gk.vision.cell_responses(x, BANK, **o),
    "competitive_code": gk.vision.competitive_code,
    "compare_pictures": lambda x, **o: gk.vision.compare_pictures(x, x[::-1], ["codes"], **o),
    "mosaic": lambda x, **o: gk.vision.mosaic([x, x[::-1]], 40, **o),
}


@pytest.mark.parametrize("function", OF_LUMINANCE.values(), ids=OF_LUMINANCE)
def test_colours_are_their_luminance(function):
    same(function(COLOUR, channel_axis=-1), function(GREY))


@pytest.mark.parametrize(
    "function", [gk.features.phase_symmetry, gk.vision.cell_responses, gk.vision.find_edges]
)
def test_the_axis_may_be_any(function):
    expected = function(GREY)
    for axis in (0, 1, 2, -3):
        same(function(np.moveaxis(COLOUR, -1, axis), channel_axis=axis), expected)


def test_eyes():
    eye = gk.vision.synthetic_eye(0)
    colour = np.stack([eye.image, 0.5 * eye.image, 2 * eye.image])
    grey = gk.luminance(colour, 0)
    boundaries = gk.vision.find_iris(grey)
    same(gk.vision.find_iris(colour, channel_axis=0), boundaries)
    same(
        gk.vision.eye_code(colour, boundaries, channel_axis=0), gk.vision.eye_code(grey, boundaries)
    )
    drawn = gk.vision.draw_iris(colour, boundaries, channel_axis=0)
    np.testing.assert_array_equal(drawn, gk.vision.draw_iris(grey, boundaries))


def test_fingerprints():
    y, x = np.mgrid[:96, :96]
    colour = np.cos(2 * np.pi / 9 * (x + 0.4 * y))[..., None] * [1, 0.5, 2]
    result = gk.vision.enhance_fingerprint(colour, spacing=9, channel_axis=-1)
    same(result, gk.vision.enhance_fingerprint(gk.luminance(colour), spacing=9))


def test_scattering_as_its_transform():
    scattering = gk.features.Scattering(J=2, L=4)
    same(scattering(COLOUR, channel_axis=-1), scattering.transform(COLOUR, channel_axis=-1))


# ---- vessels: of a fundus the green channel, by convention ----


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_vessels_are_those_of_the_green_channel(channels):
    fundus = RNG.random((channels, 40, 44))
    green = fundus[1 if channels > 2 else 0]
    maps = gk.vision.vessel_responses(fundus, channel_axis=0)
    same(maps.values, gk.vision.vessel_responses(green).values)
    if channels == 3:
        same(gk.vision.find_vessels(fundus, channel_axis=0), gk.vision.find_vessels(green))
        truth = green < 0.3
        model = gk.vision.fit_vessels([fundus], [truth], channel_axis=0)
        same(model, gk.vision.fit_vessels([green], [truth]))
        same(model.predict(fundus, channel_axis=0), model.predict(green))


def test_the_field_of_view_is_where_any_channel_is_lit():
    y, x = np.mgrid[:60, :60]
    disc = (np.hypot(y - 30, x - 30) < 20).astype(float)
    colour = disc * np.array([0.1, 1, 0.3])[:, None, None]
    expected = gk.vision.field_of_view(disc)
    assert 0 < expected.sum() < disc.size
    same(gk.vision.field_of_view(colour, channel_axis=0), expected)
    same(gk.vision.field_of_view(np.moveaxis(colour, 0, -1)), expected)


# ---- labels ----


def labelled(values=COLOUR, dims=("y", "x", "band")):
    return xarray.DataArray(values, {"y": np.arange(48) / 2}, dims, "sky", {"units": "m"})


@pytest.mark.parametrize("name", ["monogenic", "phase_symmetry", "find_edges", "cell_responses"])
def test_maps_of_labelled_colours_have_no_channels(name):
    # Three scales, as many as there are colours.
    maps = OF_LUMINANCE[name](labelled(), channel_axis=-1)
    for values in maps:
        if np.ndim(values) in (2, 3):
            assert values.dims[-2:] == ("y", "x")
            assert "band" not in values.dims
            assert values.attrs == {"units": "m"}


def test_textures_defects_and_classes_keep_labels():
    image = labelled(GREY, ("y", "x"))
    found = gk.vision.segment_textures(image, 2, refine=False)
    plain = gk.vision.segment_textures(GREY, 2, refine=False)
    assert (found.labels.dims, found.probabilities.dims) == (("y", "x"), ("texture", "y", "x"))
    same(found.probabilities, plain.probabilities)
    assert found.count == 2
    assert isinstance(found.features, gk.features.Features)

    bank, cloth = gk.GaborBank.grid(1, 4, wavelength=4), np.tile(GREY, (2, 2))
    for margin in (0, None):  # without one all that is judged is as large as the picture
        named = xarray.DataArray(cloth, dims=("y", "x"))
        defects = gk.vision.find_defects(named, bank=bank, margin=margin)
        plain_defects = gk.vision.find_defects(cloth, bank=bank, margin=margin)
        assert defects.mask.dims == defects.score.dims == ("y", "x")
        np.testing.assert_array_equal(defects.score, plain_defects.score)
        again = defects.with_false_alarms(0.5)
        assert again.mask.dims == ("y", "x")
        assert again.threshold == plain_defects.with_false_alarms(0.5).threshold

    strokes = np.zeros((48, 56), int)
    strokes[10, 5:20], strokes[40, 30:50] = 1, 2
    painted = gk.vision.segment_scribbles(image, strokes)
    assert (painted.labels.dims, painted.probabilities.dims) == (("y", "x"), ("class", "y", "x"))


# ---- refusals ----


@pytest.mark.parametrize("function", OF_LUMINANCE.values(), ids=OF_LUMINANCE)
def test_colours_without_an_axis_are_refused(function):
    # A mosaic says which of its textures it is.
    error = gk.FeatureError if function is OF_LUMINANCE["mosaic"] else gk.ImageError
    with pytest.raises(error, match="channel_axis") as caught:
        function(COLOUR)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "axis", "message"),
    [
        (
            (8, 9, 3),
            None,
            r"\(8, 9, 3\) is not \(H, W\); give channel_axis=-1 if these are colours",
        ),
        ((3, 8, 9), None, "give channel_axis=0 if these are colours, or one picture at a time"),
        ((8, 9, 7), None, r"\(8, 9, 7\) is not \(H, W\); give one picture at a time"),
        ((2, 8, 9, 3), -1, r"\(2, 8, 9, 3\) is not \(H, W\); give one picture at a time"),
        ((9,), None, r"\(9,\) is not \(H, W\)"),
        ((8, 9), -1, r"colours of shape \(8, 9\) along channel_axis=-1"),
        ((8, 9, 3), 3, "along channel_axis=3: a 3-D image"),
        ((8, 9, 3), True, "along channel_axis=True"),
        ((8, 9, 3), 1.0, "along channel_axis=1.0"),
        ((8, 9, 3), "x", "along channel_axis='x'"),
        ((8, 9, 3), 0, "8 channels .* are no colours: 1 to 4 channels work"),
    ],
)
def test_what_is_no_picture_is_refused(shape, axis, message):
    with pytest.raises(gk.ImageError, match=message):
        plane_of(np.zeros(shape), axis)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gk.vision.vessel_responses(COLOUR), "give channel_axis=-1 if these are colours"),
        (lambda: gk.vision.vessel_responses(COLOUR[None, None]), "give one picture at a time"),
        (lambda: gk.vision.field_of_view(np.zeros(5)), r"shape \(5,\) is not \(H, W\)"),
        (lambda: gk.vision.field_of_view(np.zeros((0, 5, 3))), r"\(0, 5, 3\) has no pixels"),
        (lambda: gk.features.phase_code(GREY.astype(complex)), "complex128 cannot be filtered"),
        (lambda: gk.vision.competitive_code(GREY.astype(complex)), "complex128 cannot be filtered"),
    ],
)
def test_other_errors(call, message):
    with pytest.raises(gk.ImageError, match=message):
        call()


@pytest.mark.parametrize("axis", [3, True, "x"])
def test_fields_and_vessels_refuse_such_an_axis(axis):
    for function in (gk.vision.field_of_view, gk.vision.vessel_responses):
        with pytest.raises(gk.ImageError, match="channel_axis="):
            function(COLOUR, channel_axis=axis)
