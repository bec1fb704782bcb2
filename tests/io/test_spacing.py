"""Sizes of pixels as files say them, grids of other spacing, and kernels in millimetres."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from commands_for_tests import run
from dicom_for_tests import write_slice
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import gaborkit as gk
from gaborkit.errors import ImageError, PictureError
from gaborkit.io.spacing import measured_spacing

GREY = np.random.default_rng(0).integers(0, 255, (40, 50), dtype=np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
def test_resolution_of_pictures(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(GREY).save(path, dpi=(254, 127))  # across, down
    np.testing.assert_allclose(gk.read_spacing(path), (0.2, 0.1), rtol=1e-3)


@pytest.mark.parametrize(
    ("unit", "size"), [("INCH", (0.2, 0.1)), ("CENTIMETER", (10 / 127, 10 / 254)), ("NONE", None)]
)
def test_resolution_of_tiff(tmp_path, unit, size):
    tifffile.imwrite(tmp_path / "a.tif", GREY, resolution=(254, 127), resolutionunit=unit)
    assert gk.read_spacing(tmp_path / "a.tif") == (size and pytest.approx(size))


def test_spacing_of_scans(tmp_path):
    write_slice(tmp_path / "a.dcm", np.zeros((6, 5), np.int16), 0.0)
    assert gk.read_spacing(tmp_path / "a.dcm") == (0.5, 0.75)
    write_slice(tmp_path / "a.dcm", np.zeros((6, 5), np.int16), None, ImagerPixelSpacing=[2, 3])
    assert gk.read_spacing(tmp_path / "a.dcm") == (2, 3)
    write_slice(tmp_path / "a.dcm", np.zeros((6, 5), np.int16), None)
    assert gk.read_spacing(tmp_path / "a.dcm") is None
    gk.write_volume(tmp_path / "a.nii.gz", gk.Volume.of(np.zeros((4, 6, 5)), (3, 2, 1)))
    assert gk.read_spacing(f"{tmp_path}/a.nii.gz[2]") == (2, 1)


def test_files_that_say_none(tmp_path):
    gk.write_image(tmp_path / "a.npy", GREY)
    gk.write_image(tmp_path / "a.png", GREY)
    gk.write_image(tmp_path / "a.tif", GREY)
    for suffix in (".npy", ".png"):
        assert gk.read_spacing(tmp_path / f"a{suffix}") is None
    with pytest.raises(PictureError, match="there is no such file"):
        gk.read_spacing(tmp_path / "b.png")


# ---- other grids ----


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 12), min_size=2, max_size=3),
    st.floats(0.2, 5),
    st.floats(0.2, 5),
    st.integers(0, 3),
)
def test_the_centre_stays_and_planes_are_kept(shape, old, new, order):
    """A constant stays one; inside, a ramp is one, at the places of the new grid."""
    spacing, wanted = [old] * len(shape), [new] * len(shape)
    flat = gk.resample(np.full(shape, 7.0), spacing, wanted, order=order)
    assert flat.shape == tuple(max(1, int(np.ceil(n * old / new - 1e-9))) for n in shape)
    np.testing.assert_allclose(flat, 7)
    places = (np.arange(shape[0]) - (shape[0] - 1) / 2) * old
    ramp = np.broadcast_to(places.reshape(-1, *[1] * (len(shape) - 1)), shape)
    moved = gk.resample(ramp, spacing, wanted, order=1)
    after = (np.arange(len(moved)) - (len(moved) - 1) / 2) * new
    expected = np.clip(after, places[0], places[-1]).reshape(-1, *[1] * (len(shape) - 1))
    np.testing.assert_allclose(moved, np.broadcast_to(expected, moved.shape), atol=1e-9)


def test_dtypes_of_other_grids():
    assert gk.resample(GREY, (1, 1), (2, 2)).dtype == np.float32
    assert gk.resample(GREY, (1, 1), (2, 2), order=0).dtype == np.uint8
    assert gk.resample(GREY > 9, (1, 1), (2, 2), order=0).dtype == bool
    assert gk.resample(GREY.astype(float), (1, 1), (1, 1)).dtype == np.float64
    np.testing.assert_array_equal(gk.resample(GREY, (1, 1), (1, 1), order=0), GREY)


@pytest.mark.parametrize("new", [0.5, 0.7, 3])
def test_the_nearest_keep_every_digit(new):
    labels = np.array([[2**53 + 1, 2**63], [2**64 - 1, 7], [1, 2]], np.uint64)
    moved = gk.resample(labels, (1, 1), (new, new), order=0)
    places = [
        np.abs(
            np.arange(size)[:, None] - (size - 1) / 2
            - new * (np.arange(count) - (count - 1) / 2) - 1e-9
        ).argmin(0)
        for size, count in zip(labels.shape, moved.shape, strict=True)
    ]  # fmt: skip
    np.testing.assert_array_equal(moved, labels[np.ix_(*places)])
    assert moved.dtype == np.uint64
    holed = np.array([[1, np.nan]])
    assert gk.resample(holed, (1, 1), (0.5, 0.5), order=0).shape == (2, 4)


@pytest.mark.parametrize("order", [1, 3])
def test_nan_is_not_spread(order):
    with pytest.raises(ImageError, match="1 of 6 values are NaN or infinite, which a spline"):
        gk.resample(np.array([[1, 2, np.nan], [4, 5, 6]]), (1, 1), (2, 2), order=order)


def test_scales_of_levels_and_of_the_whole_of_ome_zarr(tmp_path):
    zarr = pytest.importorskip("zarr")
    path = tmp_path / "a.zarr"
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 2]}]}
    whole = [
        {"type": "scale", "scale": [0.5, 0.25]},
        {"type": "translation", "translation": [3, 4]},
    ]
    for changes, expected in (([], (0.001, 0.002)), (whole, (0.0005, 0.0005))):
        picture = {"axes": axes, "datasets": [level], "coordinateTransformations": changes}
        group.attrs["multiscales"] = [picture]
        assert gk.read_spacing(path) == pytest.approx(expected)
    level["coordinateTransformations"] = [{"type": "translation", "translation": [3, 4]}]
    group.attrs["multiscales"] = [{"axes": axes, "datasets": [level]}]
    assert measured_spacing(path) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((1, 1, 1), (2, 2)), "spacing=.1.0, 1.0, 1.0. is not a distance"),
        (((1, 1), (2, 0)), "new=.2.0, 0.0. is not a distance"),
        (((1, 1), (2, np.nan)), "new="),
        (((1e9, 1e9), (1, 1)), "is too large"),
    ],
)
def test_grids_that_are_none(arguments, message):
    with pytest.raises(ImageError, match=message):
        gk.resample(GREY, *arguments)
    with pytest.raises(ImageError, match="order=7"):
        gk.resample(GREY, (1, 1), (2, 2), order=7)


# ---- kernels in millimetres ----


def test_lengths_in_millimetres(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(GREY).save("a.png", dpi=(254, 254))
    expected = gk.GaborKernel(wavelength=8, sigma=4).filter(GREY, part="magnitude")
    lengths = ("--wavelength", 0.8, "--sigma", 0.4, "--part", "magnitude", "--out", "o.npy")
    for spacing in ("0.1", "file"):
        result = run("filter", "a.png", *lengths, "--spacing", spacing)
        assert (result.exit_code, result.stderr) == (0, "")
        np.testing.assert_allclose(np.load("o.npy"), expected, rtol=1e-3, atol=1e-3)
    bank = ("--bank", "grid", "--scales", 1, "--wavelength", 0.8, "--spacing", "file")
    result = run("features", "a.png", *bank, "--out", "o.csv")
    assert result.exit_code == 0, result.output
    assert "mean 8 px" in Path("o.csv").read_text(encoding="utf-8")


def test_spacing_that_does_not_fit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(GREY).save("a.png", dpi=(254, 127))
    Path("two").mkdir()
    Image.fromarray(GREY).save("two/b.png", dpi=(254, 254))
    Image.fromarray(GREY).save("two/c.png", dpi=(127, 127))
    gk.write_image("d.png", GREY)
    for source, message in (
        ("a.png", "a.png: its pixels are 0.2 mm high and 0.1 mm wide"),
        ("two", "two/b.png has pixels of 0.1"),
        ("d.png", "d.png: says no size of its pixels; --spacing MM does"),
    ):
        options = ("--bank", "grid", "--spacing", "file", "--out", "o.csv")
        result = run("features", source, *options)
        assert result.exit_code == 1
        assert message in result.stderr.replace("\n", " ")
    result = run("features", "two", "--spacing", "0.1", "--out", "o.csv")
    assert (result.exit_code, "give --bank" in result.stderr) == (2, True)
    assert not Path("o.csv").exists()


# ---- written ----


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif"])
@pytest.mark.parametrize("shape", [(20, 30), (3, 20, 30), (20, 30, 3), (5, 20, 30, 3)])
def test_written_tiffs_say_the_size_of_pixels(tmp_path, name, shape):
    values = np.random.default_rng(1).random(shape, np.float32)
    gk.write_image(tmp_path / name, values, spacing=(0.5, 0.25))
    assert gk.read_spacing(tmp_path / name) == pytest.approx((0.5, 0.25))
    np.testing.assert_array_equal(gk.read_image(tmp_path / name), values)
    with tifffile.TiffFile(tmp_path / name) as file:
        assert file.is_ome == (name == "a.ome.tif")
        assert file.series[0].shape == shape


@pytest.mark.parametrize(("unit", "factor"), [("µm", 1e-3), ("nm", 1e-6), ("cm", 10), (None, 1e-3)])
def test_units_of_ome_tiffs(tmp_path, unit, factor):
    about = {"axes": "YX", "PhysicalSizeX": 3.0, "PhysicalSizeY": 2.0}
    if unit is not None:
        about |= {"PhysicalSizeXUnit": unit, "PhysicalSizeYUnit": unit}
    tifffile.imwrite(tmp_path / "a.ome.tif", GREY, ome=True, metadata=about)
    assert gk.read_spacing(tmp_path / "a.ome.tif") == pytest.approx((2 * factor, 3 * factor))


@pytest.mark.parametrize(
    "text",
    [
        "<OME><Image></Image></OME>",
        '<OME xmlns="x"><Image><Pixels PhysicalSizeX="1" PhysicalSizeY="1" '
        'PhysicalSizeXUnit="reference frame" PhysicalSizeYUnit="reference frame"/></Image></OME>',
        "<OME><Image></OME>",
    ],
)
def test_ome_descriptions_without_a_size(tmp_path, text):
    tifffile.imwrite(tmp_path / "a.tif", GREY, description=text, metadata=None)
    assert gk.read_spacing(tmp_path / "a.tif") is None


@pytest.mark.parametrize("density", [72, 96])
def test_densities_that_nobody_measured_are_not_handed_on(tmp_path, density):
    Image.fromarray(GREY).save(tmp_path / "a.png", dpi=(density, density))
    assert gk.read_spacing(tmp_path / "a.png") is not None
    assert measured_spacing(tmp_path / "a.png") is None
    Image.fromarray(GREY).save(tmp_path / "a.png", dpi=(508, 508))
    assert measured_spacing(tmp_path / "a.png") == pytest.approx((0.05, 0.05), rel=1e-3)


def test_bad_spacing_and_axes_without_names_are_refused(tmp_path):
    for spacing in ((0, 1), (1, float("nan"))):
        with pytest.raises(PictureError, match="is not two distances above 0 in mm"):
            gk.write_image(tmp_path / "a.tif", GREY, spacing=spacing)
    with pytest.raises(PictureError, match="three axes beside rows and columns, not the 4"):
        gk.write_image(tmp_path / "a.ome.tif", np.zeros((2, 2, 2, 2, 8, 9)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("target", ["x.ome.zarr", "x.tif", "x.ome.tif"])
def test_filtering_hands_the_size_of_pixels_on(tmp_path, target):
    write_slice(tmp_path / "a.dcm", np.eye(300, dtype=np.int16), 0.0)  # 0.5 x 0.75 mm
    options = ["--wavelength", 4, "--sigma", 2, "--part", "magnitude"]
    done = run("filter", tmp_path / "a.dcm", *options, "--out", tmp_path / target)
    assert done.exit_code == 0, done.output
    assert gk.read_spacing(tmp_path / target) == pytest.approx((0.5, 0.75))
    # And once more, tile by tile, from what was written.
    kernel = gk.GaborKernel(wavelength=4, sigma=2)
    gk.filter_large(kernel, tmp_path / target, tmp_path / f"again-{target}")
    assert gk.read_spacing(tmp_path / f"again-{target}") == pytest.approx((0.5, 0.75))
