"""Texture retrieval: search, rates, files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from textures_for_tests import blotches, stripes

import gaborkit as gk
from gaborkit.features import Energy, Features, Texture, extract_features, texture_distances
from gaborkit.vision import TextureIndex, retrieval_rate

SHAPE = (64, 64)
TILES = {
    f"{name} {seed}": texture(seed)
    for seed in range(3)
    for name, texture in {
        "upright": lambda seed: stripes(SHAPE, 6, 0, seed=seed),
        "level": lambda seed: stripes(SHAPE, 6, np.pi / 2, seed=seed),
        "blotches": lambda seed: blotches(SHAPE, 2, seed=seed),
    }.items()
}


@pytest.fixture
def index():
    found = TextureIndex()
    for name, tile in TILES.items():
        found.add(name, tile)
    return found


def test_the_nearest_come_first(index):
    assert index.pictures == tuple(TILES)
    assert len(index) == 9
    for name in TILES:
        matches = index.search(name)
        assert matches[0] == (name, 0)
        kinds = [match.picture.split()[0] for match in matches[:3]]
        assert kinds == [name.split()[0]] * 3
        distances = [match.distance for match in matches]
        assert distances == sorted(distances)


def test_distances_are_manjunath_and_ma_s(index):
    values = np.stack([Texture().describe(tile).values for tile in TILES.values()])
    query = stripes(SHAPE, 6, 0.3, seed=9)
    expected = texture_distances(Texture().describe(query).values, values)
    matches = index.search(query)
    assert np.allclose([m.distance for m in matches], np.sort(expected), rtol=1e-6)
    assert len(index.search(query, 2)) == 2
    assert index.search(Texture().describe(query)) == matches


def test_one_picture_and_a_replaced_one():
    index = TextureIndex(Energy())
    index.add("a", TILES["level 0"])
    assert index.search(TILES["level 0"]) == [("a", 0)]
    index.add("a", TILES["upright 0"])
    assert len(index) == 1
    assert index.search(TILES["level 0"])[0].distance > 0


def test_pictures_that_only_rounding_tells_apart():
    """Alike or blank, they give no deviation to measure a distance in: what is far stays far."""
    blank = TextureIndex(Energy())
    alike = TextureIndex(Energy())
    for k in range(2):
        blank.add(str(k), np.full(SHAPE, 7.0))
        alike.add(str(k), TILES["level 0"] * (1 + 1e-9 * k))
    for index in (blank, alike):
        near, far = (index.search(TILES[name])[0].distance for name in ("level 1", "upright 0"))
        assert far > 0.01
    assert near < far
    assert far < 1e3  # in units of the features, not of rounding


def test_files(tmp_path):
    paths = []
    for name in ("upright 0", "level 0", "blotches 0"):
        path = tmp_path / f"{name}.npy"
        gk.write_image(path, TILES[name])
        paths.append(str(path))
    index = TextureIndex()
    found = list(index.add_files([*paths, tmp_path / "missing.png"]))
    assert index.pictures == tuple(paths)
    assert "there is no such file" in str(found[3].error)
    gk.write_image(tmp_path / "query.npy", TILES["level 1"])
    assert index.search(str(tmp_path / "query.npy"), 1)[0].picture == paths[1]
    with pytest.raises(gk.PictureError, match=r"missing.png: there is no such file"):
        index.search(str(tmp_path / "missing.png"))
    index.save(tmp_path / "index.npz")
    gk.write_image(tmp_path / "query.png", (99 * TILES["level 1"]).clip(0, 255).astype(np.uint8))
    with pytest.warns(gk.FolderWarning, match=r"query.png is of uint8, other pictures of float"):
        TextureIndex.load(tmp_path / "index.npz").search(str(tmp_path / "query.png"))


@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_an_index_on_disk(index, tmp_path, suffix):
    path = tmp_path / f"index{suffix}"
    index.save(path)
    again = TextureIndex.load(path)
    assert again.descriptor == index.descriptor
    assert again.colour == "luminance"
    for query in ("level 1", stripes(SHAPE, 5, 1.0)):
        assert again.search(query) == index.search(query)
    again.add("more", TILES["level 2"])
    assert len(again) == 10


def test_tables_of_features_are_indexes(tmp_path):
    out = tmp_path / "features.npz"
    extract_features(Energy(), ["sample:brick", "sample:grass"], out)
    index = TextureIndex.load(out)
    assert index.descriptor == Energy()
    assert index.search("sample:grass", 1) == [("sample:grass", 0)]


@pytest.mark.parametrize("dtypes", [5, "uint8", [1]])
def test_an_index_of_damaged_dtypes(index, tmp_path, dtypes):
    index.save(tmp_path / "index.csv")
    path = tmp_path / "index.csv.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "dtypes": dtypes}))
    with pytest.raises(gk.FeatureError, match="its dtypes are no list of names"):
        TextureIndex.load(tmp_path / "index.csv")


def test_colour_channels(tmp_path):
    for name in ("a", "b"):
        tile = np.random.default_rng(ord(name)).integers(0, 256, (*SHAPE, 3), np.uint8)
        gk.write_image(tmp_path / f"{name}.png", tile)
    index = TextureIndex(colour="channels")
    list(index.add_files([tmp_path / "a.png", tmp_path / "b.png"]))
    assert index.values.shape == (2, 144)
    assert index.search(gk.read_image(tmp_path / "a.png"), channel_axis=-1)[0].distance == 0
    with pytest.raises(gk.FeatureError, match="its 48 features are not the 144 of the index"):
        index.search(TILES["level 0"])


def test_files_of_other_features_are_left_out(index, tmp_path):
    index.colour = "channels"
    gk.write_image(tmp_path / "a.npy", TILES["level 0"])
    (found,) = index.add_files([tmp_path / "a.npy"])
    assert str(found.error).startswith(f"{tmp_path / 'a.npy'}: its 144 features are not the 48")
    assert len(index) == 9


# ---- rates ----


@pytest.mark.parametrize(("third", "shares"), [(9.0, (1, 1, 0, 1, 1)), (9.6, (1, 1, 0, 0, 1))])
def test_retrieval_rate_by_hand(third, shares):
    values = [[0.0], [1.0], [third], [10.0], [10.5]]
    assert retrieval_rate(values, ["a", "a", "a", "b", "b"]) == pytest.approx(np.mean(shares))


def test_textures_find_their_own(index):
    assert retrieval_rate(index.values, [name.split()[0] for name in TILES]) == 1


# ---- errors ----


def test_errors(index, tmp_path):
    with pytest.raises(gk.FeatureError, match="the index is empty"):
        TextureIndex().search(TILES["level 0"])
    with pytest.raises(gk.FeatureError, match="the index is empty"):
        TextureIndex().save(tmp_path / "index.npz")
    for count in (0, 1.5):
        with pytest.raises(gk.FeatureError, match=f"count={count} is not a whole number"):
            index.search("level 0", count)
    with pytest.raises(gk.PictureError, match="there is no such file"):
        index.search(str(tmp_path / "nothing.png"))
    with pytest.raises(gk.FeatureError, match="are not of one picture"):
        index.add("two", np.stack([TILES["level 0"]] * 2))
    with pytest.raises(gk.FeatureError, match="its 1 features are not the 48"):
        index.add("one", Features(np.ones(1), ["mean"]))
    with pytest.raises(gk.FeatureError, match="2 groups do not fit features of shape"):
        retrieval_rate(np.ones((3, 2)), ["a", "b"])
    with pytest.raises(gk.FeatureError, match="a group of one picture finds no other"):
        retrieval_rate(np.ones((3, 2)), ["a", "a", "b"])


def test_a_table_that_does_not_say_what_it_holds(index, tmp_path):
    index.save(tmp_path / "index.csv")
    (tmp_path / "index.csv.json").unlink()
    with pytest.raises(gk.FeatureError, match="does not say by what its pictures were described"):
        TextureIndex.load(tmp_path / "index.csv")
