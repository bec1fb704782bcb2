"""What is given in place of an image: Pillow's, paths, nothing, pictures of several sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gaborkit as gk
from gaborkit.features import Energy
from gaborkit.large import open_source

BANK = gk.GaborBank.grid(scales=1, orientations=2)
UNEQUAL = [np.zeros((20, 20)), np.zeros((30, 20))]
CALLS: dict[str, Any] = {
    "filter": BANK.filter,
    "statistics": BANK.statistics,
    "strongest": BANK.strongest,
    "luminance": gk.luminance,
    "describe": Energy().describe,
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("image", "word"),
    [
        ("a.png", r"'a.png' is a path, no image; give gaborkit.read_image\('a.png'\)"),
        (Path("a.png"), "'a.png' is a path, no image"),
        (["a.png", "b.png"], "'a.png' is a path, no image"),
        (np.array(["a.png", "b.png"]), r"'a.png' is a path, .* gaborkit.read_image\('a.png'\)"),
        (np.array([[b"a.png"]]), "b'a.png' is a path, no image"),
        (np.array([1.0, Path("a.png")], object), "'a.png' is a path, no image"),
        (np.array([None, 1.0]), "None is no image"),
        (None, "None is no image"),
        (UNEQUAL, r"images of shape \(20, 20\) and \(30, 20\) are no array; give them one by one"),
        ([[1, 2], [3]], "images of shapes that differ are no array"),
    ],
    ids=str,
)
def test_what_is_no_image(call: str, image: Any, word: str) -> None:
    with pytest.raises(gk.ImageError, match=word):
        CALLS[call](image)


def test_pictures_of_pillow_are_images() -> None:
    array = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    picture = Image.fromarray(array)
    with pytest.raises(gk.ImageError, match=r"filter gaborkit.luminance\(image\)"):
        BANK.filter(picture)
    np.testing.assert_array_equal(gk.luminance(picture), gk.luminance(array))
    np.testing.assert_array_equal(
        BANK.filter(picture, channel_axis=-1), BANK.filter(array, channel_axis=-1)
    )


def test_features_of_unequal_pictures_and_paths() -> None:
    estimators = pytest.importorskip("gaborkit.estimators", reason="needs gaborkit")
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    fitted = estimators.GaborFeatures("energy").fit(np.zeros((2, 16, 16)))
    for pictures, word in (
        (UNEQUAL, "give them one by one"),
        (["a.png"], "is a path"),
        (np.array(["a.png", "b.png"]), "'a.png' is a path"),
        (np.array([["a.png"], ["b.png"]]), "'a.png' is a path"),
        (pandas.Series(["a.png", "b.png"]), "'a.png' is a path"),
        (pandas.DataFrame({"picture": ["a.png", "b.png"]}), "'a.png' is a path"),
    ):
        for call in (estimators.GaborFeatures().fit, fitted.transform):
            with pytest.raises(gk.ImageError, match=word):
                call(pictures)


def test_tolerance_of_any_number() -> None:
    image = np.random.default_rng(0).random((20, 20))
    for dtype in (np.float32, np.float64, np.float16):
        wanted = BANK.filter(image, tolerance=float(dtype(1e-3)))
        np.testing.assert_array_equal(BANK.filter(image, tolerance=dtype(1e-3)), wanted)
    for tolerance in (np.float32(0), np.float32("nan"), "x", None):
        with pytest.raises(gk.KernelError, match="is not between 0 and 1"):
            BANK.filter(image, tolerance=tolerance)


@pytest.mark.parametrize(
    ("shape", "descr", "word"),
    [
        ((-4, -5), "<f4", "negative|shape is"),
        ((4, 5), "<M8[s]", "not a picture"),
        ((4, 5), [("x", "<f4")], "not a picture"),
        ((4, 5), "<U2", "not a picture"),
        ((20,), "<f4", "not a picture"),
        ((0, 5), "<f4", "not a picture"),
    ],
)
def test_npy_that_is_no_picture(
    tmp_path: Path, shape: tuple[int, ...], descr: Any, word: str
) -> None:
    path = tmp_path / "a.npy"
    with path.open("wb") as stream:
        header = {"descr": descr, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(bytes(400))
    for read in (gk.read_image, open_source):
        with pytest.raises(gk.PictureError, match=word) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: ")
