"""``gaborkit segment``, ``retrieve`` and ``defects``: files and lines equal to the library's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from commands_for_tests import description, run
from gaborkit_cli.labels import overlay, palette, shown
from gaborkit_cli.scribbles import MOST
from textures_for_tests import blotches, patchwork, stripes

import gaborkit as gk
from gaborkit.features import Energy
from gaborkit.vision import (
    JAIN_FARROKHNIA,
    Segmentation,
    TextureIndex,
    find_defects,
    segment_scribbles,
    segment_textures,
)
from gaborkit.vision.synthetic import weave

PICTURE, TRUTH = patchwork()


@pytest.fixture
def textures(folder):
    """A mosaic, strokes over it in three forms, cloth with a spot and cloth without."""
    gk.write_image("mosaic.npy", PICTURE)
    strokes = np.zeros((128, 128), np.uint8)
    for y in (32, 96):
        for x in (32, 96):
            strokes[y : y + 3, x - 8 : x + 8] = 10 * (TRUTH[y, x] + 1)
    gk.write_image("strokes.png", strokes)
    colours = np.zeros((128, 128, 3), np.uint8)
    for k, colour in enumerate([(250, 0, 0), (0, 250, 0), (0, 0, 250), (9, 9, 9)]):
        colours[strokes == 10 * (k + 1)] = colour
    gk.write_image("colours.png", colours)
    cloth = weave((160, 160), 0, period=8, jitter=0.5)
    gk.write_image("sound.npy", weave((160, 160), 1, period=8, jitter=0.5))
    y, x = np.indices(cloth.shape)
    cloth = cloth - 2 * np.exp(-((y - 90) ** 2 + (x - 70) ** 2) / 50)
    gk.write_image("cloth.npy", cloth)
    return folder


def ran(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


# ---- segment ----


@pytest.mark.usefixtures("textures")
def test_labels_as_colours_and_their_description():
    text = ran("segment", "mosaic.npy", "--count", 4, "--out", "labels.png")
    labels = segment_textures(PICTURE, 4).labels
    painted = gk.read_image("labels.png")
    assert np.array_equal(painted, palette(4)[labels])
    found = description("labels.png")["textures"]
    assert [entry["label"] for entry in found] == [0, 1, 2, 3]
    assert [entry["colour"] for entry in found] == palette(4).tolist()
    assert [entry["share"] for entry in found] == [np.mean(labels == k) for k in range(4)]
    assert text.startswith("labels.png: 4 textures (0: ")


@pytest.mark.usefixtures("textures")
def test_labels_as_numbers():
    expected = segment_textures(PICTURE, 4)
    for name in ("labels.tif", "labels.npy"):
        ran("segment", "mosaic.npy", "--count", 4, "--out", name)
        assert np.array_equal(gk.read_image(name), expected.labels)
    ran("segment", "mosaic.npy", "--count", 4, "--out", "labels.npz")
    with np.load("labels.npz", allow_pickle=False) as arrays:
        assert np.array_equal(arrays["labels"], expected.labels)
        assert np.array_equal(arrays["probabilities"], expected.probabilities)


@pytest.mark.usefixtures("textures")
def test_the_number_is_found_and_options_arrive():
    text = ran("segment", "mosaic.npy", "--json", "--out", "labels.npy")
    said = json.loads(text)
    assert said["count"] == 4
    assert len(said["silhouettes"]) == 7
    ran("segment", "mosaic.npy", "--article", "--count", 4, "--out", "article.npy")
    expected = segment_textures(PICTURE, 4, **JAIN_FARROKHNIA).labels
    assert np.array_equal(gk.read_image("article.npy"), expected)
    ran(
        *("segment", "mosaic.npy", "--window", 2, "--smoothing", 3, "--seed", 5, "--count", 4),
        *("--bank", "grid", "--scales", 3, "--out", "bank.npy"),
    )
    bank = gk.GaborBank.grid(scales=3)
    expected = segment_textures(PICTURE, 4, bank=bank, window=2, smoothing=3, seed=5).labels
    assert np.array_equal(gk.read_image("bank.npy"), expected)


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize(("tried", "said"), [((2,), True), ((2, 3), False)])
def test_the_largest_number_that_was_tried_is_said_to_be_so(
    options, tried, said, folder, monkeypatch
):
    halves = np.zeros((2, 40, 52), np.float32)
    halves[0, :, :26], halves[1, :, 26:] = 1, 1
    silhouettes = {count: 1 / count for count in tried}
    two = Segmentation(halves.argmax(0).astype(np.uint8), halves, None, silhouettes)
    monkeypatch.setattr("gaborkit.vision.segment_textures", lambda *_, **__: two)
    result = run("segment", "grey.png", "--out", "labels.npy", *options)
    assert result.exit_code == 0
    assert result.stderr == said * (
        "note: 2 textures are the most that were tried, and fitted best: there may be more; "
        "--count 4 divides into so many\n"
    )


@pytest.mark.usefixtures("textures")
def test_strokes_of_numbers_and_of_colours():
    strokes = gk.read_image("strokes.png")
    expected = segment_scribbles(PICTURE, strokes)
    ran("segment", "mosaic.npy", "--scribbles", "strokes.png", "--out", "labels.npy")
    assert np.array_equal(gk.read_image("labels.npy"), expected.labels)
    ran("segment", "mosaic.npy", "--scribbles", "colours.png", "--out", "labels.png")
    found = description("labels.png")["textures"]
    drawn = [[250, 0, 0], [0, 250, 0], [0, 0, 250], [9, 9, 9]]
    assert [entry["colour"] for entry in found] == drawn
    assert [entry["label"] for entry in found] == [1, 2, 3, 4]
    painted = np.array(drawn, np.uint8)[expected.labels // 10 - 1]
    assert np.array_equal(gk.read_image("labels.png"), painted)


@pytest.mark.usefixtures("textures")
def test_an_overlay_and_colour_pictures():
    colour = np.stack([PICTURE, PICTURE.T, PICTURE], -1)
    colour = (colour * 30 + 128).clip(0, 255).astype(np.uint8)
    gk.write_image("mosaic.png", colour)
    ran("segment", "mosaic.png", "--count", 2, "--out", "labels.npy", "--overlay", "overlay.png")
    labels = gk.read_image("labels.npy")
    assert np.array_equal(labels, segment_textures(gk.luminance(colour), 2).labels)
    assert np.array_equal(gk.read_image("overlay.png"), overlay(colour, palette(2)[labels]))
    ran("segment", "mosaic.png", "--count", 2, "--colour", "channels", "--out", "labels.npy")
    expected = segment_textures(colour, 2, channel_axis=-1).labels
    assert np.array_equal(gk.read_image("labels.npy"), expected)


def test_palettes_and_tints():
    colours = palette(40)
    assert len({tuple(colour) for colour in colours.tolist()}) == 40
    assert shown(np.array([[0.0, 0.5], [1.0, 2.0]]))[..., 0].tolist() == [[0, 64], [128, 255]]
    assert not shown(np.ones((2, 2))).any()
    grey = np.full((4, 4), 100, np.uint8)
    halves = palette(2)[np.array([[0, 0, 1, 1]] * 4)]
    tinted = overlay(grey, halves)
    assert (tinted[:, 2] == 255).all()
    assert tinted[0, 0].tolist() == np.rint(60 + 0.4 * palette(1)[0]).tolist()


# ---- retrieve ----


@pytest.fixture
def tiles(empty_folder):
    """Six pictures of two textures in a folder."""
    Path("tiles").mkdir()
    for seed in range(3):
        gk.write_image(f"tiles/stripes{seed}.npy", stripes((48, 48), 6, 0, seed=seed))
        gk.write_image(f"tiles/blotches{seed}.npy", blotches((48, 48), 2, seed=seed))


@pytest.mark.usefixtures("tiles")
def test_a_ranked_list():
    index = TextureIndex()
    list(index.add_files(sorted(map(str, Path("tiles").iterdir()))))
    expected = index.search("tiles/stripes1.npy")
    text = ran("retrieve", "tiles/stripes1.npy", "tiles", "--count", 3)
    assert text.splitlines() == [f"{m.distance:10.3f}  {m.picture}" for m in expected[:3]]
    assert text.splitlines()[0] == "     0.000  tiles/stripes1.npy"
    said = json.loads(ran("retrieve", "tiles/stripes1.npy", "tiles", "--json"))
    assert said["pictures"] == 6
    assert said["matches"] == [match._asdict() for match in expected]


@pytest.mark.usefixtures("tiles")
def test_an_index_is_kept_and_so_are_tables_of_features():
    first = ran("retrieve", "tiles/stripes1.npy", "tiles", "--save", "index.npz")
    assert ran("retrieve", "tiles/stripes1.npy", "index.npz") == first
    ran("features", "tiles", "--features", "energy", "--out", "table.csv")
    found = ran("retrieve", "tiles/stripes1.npy", "table.csv")
    other = ran("retrieve", "tiles/stripes1.npy", "tiles", "--features", "energy")
    assert found == other != first
    ran(
        *("retrieve", "tiles/stripes1.npy", "tiles", "--features", "energy"),
        *("--set", "normalise=sum", "--save", "sums.npz"),
    )
    assert TextureIndex.load("sums.npz").descriptor == Energy(normalise="sum")


@pytest.mark.usefixtures("tiles")
def test_bad_pictures_do_not_stop_the_others():
    Path("tiles/bad.png").write_bytes(b"no picture")
    result = run("retrieve", "tiles/stripes1.npy", "tiles", "--count", 1)
    assert result.exit_code == 1
    assert result.stdout == "     0.000  tiles/stripes1.npy\n"
    assert "tiles/bad.png: " in result.stderr
    assert "1 of 7 pictures could not be described" in result.stderr
    result = run("retrieve", "tiles/stripes1.npy", "tiles/bad.png")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "none of 1 pictures could be described" in result.stderr


# ---- defects ----


@pytest.mark.usefixtures("textures")
def test_a_mask_and_a_score():
    picture = gk.read_image("cloth.npy")
    found = find_defects(picture)
    text = ran("defects", "cloth.npy", "--out", "mask.png", "--score", "score.tif")
    assert np.array_equal(gk.read_image("mask.png") == 255, found.mask)
    assert np.array_equal(gk.read_image("score.tif"), found.score)
    said = description("mask.png")
    assert said["threshold"] == pytest.approx(found.threshold)
    assert said["regions"] == 1
    (place,) = said["places"]
    y, x = np.nonzero(found.mask)
    assert place["box"] == [y.min(), x.min(), y.max() + 1, x.max() + 1]
    assert place["pixels"] == found.mask.sum()
    assert place["centre"] == pytest.approx([y.mean(), x.mean()])
    assert place["score"] == pytest.approx(found.score.max())
    assert text == f"mask.png: 1 place, {100 * found.mask.mean():.2f} % of the picture\n"
    ran("defects", "cloth.npy", "--out", "mask.npy", "--score", "score.png")
    mapping = description("score.png")["mapping"]
    values = mapping["offset"] + mapping["gain"] * gk.read_image("score.png").astype(float)
    assert np.abs(values - found.score).max() <= mapping["gain"] / 2 * (1 + 1e-6)


@pytest.mark.usefixtures("textures")
def test_defects_of_a_folder():
    for name in ("cloths", "parts"):
        Path(name).mkdir()
    for name, source in (("a", "cloth.npy"), ("b", "sound.npy")):
        gk.write_image(f"cloths/{name}.tif", gk.read_image(source))
    whole = np.pad(np.ones(np.subtract(gk.read_image("cloth.npy").shape, 8), bool), 4)
    for name in ("a", "b"):
        gk.write_image(f"parts/{name}.png", whole)
    text = ran("defects", "cloths", "--mask", "parts", "--out", "found/", "--overlay", "marked")
    marks = [gk.read_image(f"found/{name}.png") > 0 for name in ("a", "b")]
    for name, mark in zip(("a", "b"), marks, strict=True):
        found = find_defects(gk.read_image(f"cloths/{name}.tif"), mask=whole)
        np.testing.assert_array_equal(mark, found.mask)
        assert Path(f"marked/{name}.png").exists()
    places = sum(description(f"found/{name}.png")["regions"] for name in ("a", "b"))
    several = sum(mark.any() for mark in marks)
    assert text == f"found/: {places} place{'s' * (places != 1)} in {several} of 2 pictures\n"
    said = json.loads(ran("defects", "cloths", "--out", "found", "--json"))
    assert [one["input"] for one in said["pictures"]] == ["cloths/a.tif", "cloths/b.tif"]
    Path("parts/b.png").unlink()
    result = run("defects", "cloths", "--mask", "parts", "--out", "found")
    assert "cloths/b.tif: there is no mask for it in parts" in result.stderr


@pytest.mark.usefixtures("textures")
def test_a_reference_and_options():
    said = json.loads(
        ran(
            *("defects", "cloth.npy", "--reference", "sound.npy", "--false-alarms", 0.2),
            *("--margin", 12, "--seed", 3, "--json", "--out", "mask.npy"),
            *("--overlay", "overlay.png"),
        )
    )
    found = find_defects(
        gk.read_image("cloth.npy"), gk.read_image("sound.npy"), margin=12, false_alarms=0.2, seed=3
    )
    assert np.array_equal(gk.read_image("mask.npy"), found.mask)
    assert said["threshold"] == pytest.approx(found.threshold)
    red = (gk.read_image("overlay.png") == (230, 30, 30)).all(-1)
    assert red.any()
    assert not (red & found.mask).any()


# ---- errors ----


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["segment", "grey.png", "--out", "a/"], 2, "--out a/ is a folder, and one picture is wri"),
        (["segment", "grey.png", "--out", "a.gif"], 2, ".gif is unknown: give .png, .webp"),
        (["segment", "grey.png", "--out", "a"], 2, "the name has no suffix"),
        (["segment", "grey.png", "--out", "grey.png"], 2, "written over the input grey.png"),
        (["segment", "grey.png", "--out", "a.png", "--overlay", "a.tif"], 2, "--overlay a.tif"),
        (
            ["segment", "grey.png", "--out", "a.png", "--overlay", "a.png"],
            2,
            "--overlay would both write a.png",
        ),
        (["segment", "grey.png", "--out", "a.png", "--count", "1"], 2, "--count"),
        (
            ["segment", "grey.png", "--out", "a.png", "--count", "3", "--scribbles", "grey.png"],
            2,
            "--count does not go with --scribbles",
        ),
        (
            ["segment", "grey.png", "--out", "a.png", "--article", "--scribbles", "grey.png"],
            2,
            "--article does not go with --scribbles",
        ),
        (["segment", "none.png", "--out", "a.png"], 1, "none.png: there is no such file"),
        (["segment", "grey.png", "--out", "no/a.png"], 1, "the folder no does not exist"),
        (
            ["segment", "grey.png", "--out", "a.png", "--scribbles", "colour.png"],
            1,
            f"colour.png: 2080 colours are no scribbles; draw each texture in a colour of its own, "
            f"at most {MOST}",
        ),
        (["retrieve", "grey.png", "none.npz"], 1, "none.npz: "),
        (
            ["retrieve", "grey.png", "grey.png", "--save", "a.txt"],
            2,
            "--save a.txt: .txt is unknown",
        ),
        (
            ["retrieve", "grey.png", "a.csv", "--features", "gist"],
            2,
            "--features does not go with the table a.csv",
        ),
        (
            ["retrieve", "grey.png", "grey.png", "--set", "a=1"],
            2,
            "--features texture: texture has no parameter 'a'",
        ),
        (["defects", "grey.png", "--out", "a.jpg"], 2, "--out a.jpg: .jpg is unknown"),
        (["defects", "grey.png", "--out", "a.png", "--score", "a.jpg"], 2, "--score a.jpg"),
        (["defects", "grey.png", "--out", "a.png", "--overlay", "b.npy"], 2, "--overlay b.npy"),
        (
            ["defects", "grey.png", "--out", "a.png", "--false-alarms", "1"],
            2,
            "above 0 and below 1",
        ),
        (
            ["defects", "grey.png", "--out", "a.png"],
            1,
            "grey.png: the picture of 40 x 52 pixels is too small",
        ),
    ],
)
def test_errors_are_one_line_and_leave_nothing(arguments, code, text, unchanged):
    result = run(*arguments)
    assert result.exit_code == code
    assert text in result.stderr
    assert result.stderr.count("\n") == 1
