"""Every entry that takes an array takes, and refuses, the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gaborkit as gk
from gaborkit.features import descriptor, phase_congruency
from gaborkit.large import filter_large

BANK = gk.GaborBank.grid(1, 2, wavelength=3, sigma=1)
GREY = np.random.default_rng(0).integers(0, 200, (12, 14)).astype(np.float32)
FRAME = BANK.frame(GREY.shape)


@pytest.fixture
def entries(tmp_path):
    """Functions of a picture that return an array."""

    def large(image):
        filter_large(BANK, image, tmp_path / "a.npy", part="complex")
        return np.load(tmp_path / "a.npy")

    def colour(image):
        if isinstance(image, (np.ndarray, torch.Tensor)):
            return gk.luminance(image[None], 0)
        return gk.luminance([image] if hasattr(image, "__len__") and len(image) == 12 else image, 0)

    return {
        "filter": BANK.filter,
        "filter_large": large,
        "responses": lambda image: next(iter(BANK.responses(image))),
        "statistics": lambda image: BANK.statistics(image).mean,
        "strongest": lambda image: BANK.strongest(image).magnitude,
        "frame": FRAME.analyze,
        "luminance": colour,
        "texture": lambda image: descriptor("texture", bank=BANK).describe(image).values,
        "congruency": lambda image: phase_congruency(image).corner,
        "scattering": gk.features.Scattering(J=1, L=2).transform,
    }


class Named(np.ndarray):
    """A subclass."""


def pandas_frame():
    return pytest.importorskip("pandas", reason="pandas is not installed").DataFrame(GREY)


def xarray_array():
    return pytest.importorskip("xarray", reason="xarray is not installed").DataArray(GREY)


def read_only():
    array = GREY.copy()
    array.flags.writeable = False
    return array


TAKEN = {
    "unmasked": lambda: np.ma.masked_array(GREY),
    "matrix": lambda: np.matrix(GREY),
    "subclass": lambda: GREY.view(Named),
    "swapped": lambda: GREY.astype(">f4"),
    "swapped integers": lambda: GREY.astype(">i2"),
    "backwards": lambda: GREY[::-1, ::-1].copy()[::-1, ::-1],
    "every second": lambda: np.repeat(np.repeat(GREY, 2, 0), 2, 1)[::2, ::2],
    "columns first": lambda: np.asfortranarray(GREY),
    "read-only": read_only,
    "half": lambda: GREY.astype(np.float16),
    "tensor": lambda: torch.from_numpy(GREY.copy()),
    "bfloat16": lambda: torch.from_numpy(GREY.copy()).bfloat16(),
    "list": GREY.tolist,
    "memoryview": lambda: memoryview(GREY),
    "pandas": pandas_frame,
    "xarray": xarray_array,
}

REFUSED = {
    "masked": (lambda: np.ma.masked_array(GREY, GREY > 150), "pixels are masked"),
    "object": (lambda: GREY.astype(object), "dtype object cannot be filtered"),
    "dates": (lambda: GREY.astype("M8[s]"), "dtype datetime64"),
    "spans": (lambda: GREY.astype("m8[s]"), "dtype timedelta64"),
    "complex": (lambda: GREY + 0j, "dtype complex64 cannot be filtered"),
    "text": (lambda: GREY.astype("U5"), "dtype <U5 cannot be filtered"),
    "records": (lambda: np.zeros((12, 14), [("a", "f4")]), "cannot be filtered"),
    "long": (lambda: GREY.astype(np.longdouble), "cannot be filtered"),
    "ragged": (lambda: [[1.0, 2.0], [3.0]], "are no array; give them one by one"),
    "none": (lambda: None, "None is no image"),
    "anything": (lambda: [[object()] * 14] * 12, "dtype object cannot be filtered"),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("kind", TAKEN)
def test_taken_alike(kind, entries):
    image = TAKEN[kind]()
    for name, function in entries.items():
        if name == "luminance" and kind in ("matrix", "pandas"):
            continue  # of two axes always, and so without one for colour
        wanted, found = function(GREY), np.asarray(function(image))
        assert found.shape == wanted.shape, name
        scale = abs(wanted).max()
        assert abs(found - wanted).max() <= 1e-6 + scale * (1e-2 if "16" in kind else 1e-5), name


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_alike(kind, entries, tmp_path):
    make, words = REFUSED[kind]
    for name, function in entries.items():
        with pytest.raises(gk.ImageError, match=words) as caught:
            function(make())
        assert "\n" not in str(caught.value), name
    assert not list(tmp_path.iterdir())


def test_no_pixels(entries):
    for function in entries.values():
        stack = np.zeros((0, 14), np.float32)
        if function is not entries["luminance"]:
            with pytest.raises(gk.GaborkitError, match="shape"):
                function(stack)


def test_a_path_is_no_picture():
    with pytest.raises(gk.ImageError, match=r"give gaborkit.read_image\('a.png'\)"):
        BANK.filter("a.png")


def test_writing_does_not_lose_a_mask(tmp_path):
    with pytest.raises(gk.PictureError, match=r"a\.npy: 1 pixels are masked"):
        gk.write_image(tmp_path / "a.npy", np.ma.masked_equal([[1, 2]], 2))
    assert not list(tmp_path.iterdir())
    gk.write_image(tmp_path / "a.npy", np.ma.masked_equal([[1, 2]], 3))
    assert gk.read_image(tmp_path / "a.npy").tolist() == [[1, 2]]


class Lazy:
    """A source whose regions come masked, as netCDF4's do."""

    shape, dtype = GREY.shape, GREY.dtype

    def __getitem__(self, place):
        return np.ma.masked_greater(GREY[place], 150)


def test_a_mask_that_comes_with_a_region(tmp_path):
    with pytest.raises(gk.ImageError, match=r"rows 0:12, columns 0:14: \d+ pixels are masked"):
        filter_large(BANK, Lazy(), tmp_path / "a.npy")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("boundary", ["reflect", "wrap", "constant"])
def test_a_pixel_that_is_no_number_counts_once(boundary, tmp_path):
    image = GREY.copy()
    image[0, 0] = np.nan
    with pytest.raises(gk.ImageError, match=r"columns 0:14: 1 of 168 pixels are NaN"):
        filter_large(BANK, image, tmp_path / "a.npy", boundary=boundary)
