"""Pictures that commands were not made for: a sensible result, or one line that helps."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from commands_for_tests import run
from PIL import Image

import gaborkit as gk

NOISE = np.random.default_rng(0).integers(0, 256, (104, 112), np.uint8)
PICTURES = {
    "constant.png": np.full((104, 112), 100, np.uint8),
    "zero.png": np.zeros((104, 112), np.uint8),
    "small.png": NOISE[:8, :8],
    "three.png": NOISE[:3, :3],
    "pixel.png": NOISE[:1, :1],
    "row.png": NOISE[:1],
    "column.png": NOISE[:, :1],
    "long.png": np.tile(NOISE[:6], (1, 20)),
    "binary.npy": NOISE > 128,
    "colour.png": np.dstack([NOISE, NOISE[::-1], NOISE]),
}
#: The same picture in other words, and upright only by its EXIF orientation.
SAME = {
    "grey.png": NOISE,
    "deep.png": NOISE.astype(np.uint16) * 257,
    "unit.tif": (NOISE / 255).astype(np.float32),
    "large.npy": NOISE * 1e6,
    "alpha.png": np.dstack([NOISE] * 4),
}
COMMANDS = {
    "orient": ["orient", "IN", "--out", "o.npz"],
    "edges": ["edges", "IN", "--out", "o.npz"],
    "congruency": ["edges", "IN", "--by", "congruency", "--out", "o.npz"],
    "defects": ["defects", "IN", "--out", "o.npz"],
    "enhance": ["enhance", "IN", "--out", "o.npz"],
    "minutiae": ["minutiae", "IN", "--out", "o.csv"],
    "iris": ["iris", "IN", "IN"],
    "palm": ["palm", "IN", "IN"],
    "flow": ["flow", "IN", "IN", "--out", "o.npz"],
    "symmetry": ["symmetry", "IN", "--out", "o.npz"],
    "vessels": ["vessels", "IN", "--out", "o.npz"],
    "segment": ["segment", "IN", "--count", "2", "--out", "o.npz"],
    "features": ["features", "IN", "--out", "o.csv"],
    "compare": ["compare", "IN", "IN"],
    "codes": ["compare", "IN", "IN", "--by", "codes"],
    "retrieve": ["retrieve", "IN", "IN", "grey.png"],
    "gist": ["retrieve", "grey.png", "IN", "IN", "--features", "gist"],
    "filter": ["filter", "IN", "--sigma", "2", "--out", "o.npz"],
    "responses": ["plot", "responses", "IN", "--sigma", "2", "--out", "o.png"],
    "strokes": ["segment", "IN", "--scribbles", "strokes.png", "--out", "o.npz"],
    "pixels train": ["pixels", "train", "IN", "--scribbles", "strokes.png", "--out", "m.npz"],
    "pixels apply": ["pixels", "apply", "model.npz", "IN", "--out", "o.tif"],
    "volume": ["volume", "VOLUME", "--out", "o.npy"],
    "video": ["volume", "VOLUME", "--video", "--out", "o.npy"],
    "radiomics": ["radiomics", "VOLUME", "--mask", "mask.nii", "--out", "o.csv"],
}

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """What ``pixels apply`` applies, as bytes."""
    path, strokes = tmp_path_factory.mktemp("model") / "model.npz", np.zeros(NOISE.shape, int)
    strokes[10:20, 10], strokes[10:20, 50] = 1, 2
    gk.vision.fit_scribbles(NOISE, strokes).save(path)
    return path.read_bytes()


def answer(command, name):
    words = COMMANDS[command]
    picture = gk.read_image(name)
    if "strokes.png" in words:
        strokes = np.zeros(picture.shape[:2], np.uint8)
        strokes[: len(strokes) // 3], strokes[-(len(strokes) // 3) :] = 1, 2
        gk.write_image("strokes.png", strokes)
    if "VOLUME" in words:
        pages = np.stack([picture.reshape(*picture.shape[:2], -1)[..., 0]] * 4).astype(float)
        gk.write_volume(f"{name}.nii", gk.Volume.of(pages, (2, 1, 1)))
        gk.write_volume("mask.nii", gk.Volume.of(np.ones_like(pages), (2, 1, 1)))
    files = {"IN": name, "VOLUME": f"{name}.nii"}
    return run(*(files.get(word, word) for word in words))


def test_three_pixels_are_no_palm():
    gk.write_image("three.png", NOISE[:3, :3])
    result = answer("palm", "three.png")
    assert result.exit_code == 1
    assert "3 x 3 pixels is smaller than the kernels' wavelength" in result.stderr


@pytest.mark.parametrize("name", ["orient", "edges", "symmetry", "flow", "segment", "palm", "iris"])
def test_nothing_but_nan_is_one_line(name):
    np.save("nan.npy", np.full((64, 64), np.nan))
    result = answer(name, "nan.npy")
    assert result.exit_code == 1
    assert "4096 of 4096 pixels are NaN or infinite; nothing is left" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not Path("o.npz").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_pixel_without_a_value_is_named(command, model):
    Path("model.npz").write_bytes(model)
    gk.write_image("grey.png", NOISE)
    picture = NOISE.astype(float)
    picture[20, 30] = np.nan
    np.save("nan.npy", picture)
    result = answer(command, "nan.npy")
    assert result.exit_code == 1
    first, *others = result.stderr.splitlines()
    assert first.startswith("error: nan.npy")
    said = {
        "volume": "4 of 46592 voxels are NaN or infinite; replace them",
        "video": "4 of 46592 voxels are NaN or infinite; replace them",
        "radiomics": "voxels of the region are NaN or infinite; leave them out of the mask",
    }
    assert said.get(command, "1 of 11648 pixels are NaN or infinite; replace them") in first
    # Of several pictures each has a line, and their number another.
    assert not others or command in ("features", "retrieve", "gist")
    assert not list(Path().glob("[om].*"))


@pytest.mark.parametrize("command", ["flow", "compare"])
@pytest.mark.parametrize("names", [("grey.png", "nan.npy"), ("nan.npy", "grey.png")])
def test_of_a_pair_the_one_without_a_value_is_named(command, names):
    gk.write_image("grey.png", NOISE)
    np.save("nan.npy", np.where(NOISE > 128, np.nan, NOISE))
    result = run(command, *names, *COMMANDS[command][3:])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: nan.npy: ")
    assert "grey.png" not in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_result_or_one_line(command, model):
    Path("model.npz").write_bytes(model)
    for name, picture in PICTURES.items():
        gk.write_image(name, picture)
        result = answer(command, name)
        if result.exit_code:
            assert result.exit_code == 1, result.stderr
            assert result.stderr.startswith(f"error: {name}")
            assert result.stderr.count("\n") == 1
            assert "unexpected" not in result.stderr
            assert not Path("o.npz").exists()
        else:
            noted = "note: it is in colour, and luminance was filtered; "
            # The other picture of a command that compares several is of uint8.
            unlike = rf"warning: \S+ is of {picture.dtype}|other pictures of {picture.dtype}"
            lines = result.stderr.splitlines()
            assert all(line.startswith(noted) or re.search(unlike, line) for line in lines)
            assert len(lines) <= 1
            assert not {"nan", "inf"} & set(result.stdout.replace("=", " ").split())
        if Path("o.npz").exists():
            for values in np.load("o.npz").values():
                assert values.dtype.kind not in "fc" or np.isfinite(values).all()
            Path("o.npz").unlink()


@pytest.mark.parametrize("command", ["orient", "edges", "defects", "enhance", "vessels", "segment"])
def test_depth_scale_and_alpha_change_nothing_and_exif_turns(command):
    said = set()
    for name, picture in SAME.items():
        gk.write_image(name, picture)
        said.add(answer(command, name).stdout)
    assert len(said) == 1
    assert said != {""}
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(NOISE).save("turned.png", exif=exif)
    assert answer(command, "turned.png").exit_code == 0
    assert (112, 104) in {values.shape for values in np.load("o.npz").values()}
