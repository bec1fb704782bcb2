"""Features: values that know their names, and the tables made of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gaborkit as gk
from gaborkit.features import Descriptor, Features, concatenate

rng = np.random.default_rng(0)


def test_values_by_name():
    features = Features(rng.random((2, 5, 3)), ["a", "b", "c"])
    np.testing.assert_array_equal(features["b"], features.values[..., 1])
    maps = Features(rng.random((2, 3, 4, 5)), ["a", "b", "c"], maps=True)
    np.testing.assert_array_equal(maps["c"], maps.values[:, 2])
    assert repr(maps) == "Features(maps (2, 3, 4, 5): a, b, c)"


def test_long_lists_of_names_are_shortened():
    assert repr(Features(np.zeros(9), [f"f{k}" for k in range(9)])).endswith("f0, f1, f2, ... f8)")


@pytest.mark.parametrize(
    ("shape", "maps", "names", "message"),
    [
        ((3,), False, "ab", r"2 names do not fit values of shape \(3,\), read as \(..., F\)"),
        ((), False, "a", "1 names do not fit"),
        ((2, 4, 5), True, "abc", r"read as \(..., F, H, W\)"),
        ((4, 5), True, "abcd", "4 names do not fit"),
        ((3,), False, "aba", "the name 'a' comes twice"),
    ],
)
def test_names_must_fit(shape, maps, names, message):
    with pytest.raises(gk.FeatureError, match=message):
        Features(np.zeros(shape), list(names), maps=maps)


def test_unknown_name():
    with pytest.raises(gk.FeatureError, match="there is no feature 'd'; the 2 are a, b"):
        Features(np.zeros(2), "ab")["d"]


def test_pandas_of_pictures():
    features = Features(rng.random((2, 3)), "abc")
    frame = features.to_pandas(index=["one.png", "two.png"])
    assert list(frame.columns) == ["a", "b", "c"]
    assert frame.loc["two.png", "c"] == features.values[1, 2]
    assert features.to_pandas().index.tolist() == [0, 1]
    assert Features(np.zeros(3), "abc").to_pandas().shape == (1, 3)


def test_pandas_of_maps():
    maps = Features(rng.random((3, 4, 5)), "abc", maps=True)
    frame = maps.to_pandas()
    assert frame.index.names == ["y", "x"]
    assert frame.loc[(2, 3), "b"] == maps.values[1, 2, 3]
    several = Features(rng.random((2, 3, 4, 5)), "abc", maps=True)
    assert several.to_pandas().loc[(1, 2, 3), "a"] == several.values[1, 0, 2, 3]
    assert several.to_pandas(index=["p", "q"]).loc[("q", 0, 4), "c"] == several.values[1, 2, 0, 4]


def test_xarray():
    features = Features(rng.random((2, 3)), "abc")
    array = features.to_xarray(index=["p", "q"])
    assert array.dims == ("picture", "feature")
    assert float(array.sel(picture="q", feature="b")) == features.values[1, 1]
    maps = Features(rng.random((2, 6, 3, 4, 5)), "abc", maps=True).to_xarray()
    assert maps.dims == ("axis_0", "axis_1", "feature", "y", "x")


def test_an_index_must_fit():
    features = Features(rng.random((2, 3)), "abc")
    for convert in (features.to_pandas, features.to_xarray):
        with pytest.raises(gk.FeatureError, match="index of 3 labels does not fit 2 pictures"):
            convert(index="pqr")
    with pytest.raises(gk.FeatureError, match=r"shape \(3,\) have 0; leave it out"):
        Features(np.zeros(3), "abc").to_xarray(index=["p"])


def test_tensors_become_arrays():
    features = Features(torch.ones(2, 3, requires_grad=True), "abc")
    assert features.to_numpy().tolist() == np.ones((2, 3)).tolist()
    assert features.to_pandas().shape == (2, 3)


@pytest.mark.parametrize("make", [np.ones, torch.ones])
def test_side_by_side(make):
    both = concatenate([Features(make((2, 1)), "a"), Features(make((2, 2)), "bc")])
    assert both.shape == (2, 3)
    assert both.names == ("a", "b", "c")
    assert isinstance(both.values, type(make((1,))))


def test_what_does_not_fit_side_by_side():
    with pytest.raises(gk.FeatureError, match="no features"):
        concatenate([])
    with pytest.raises(gk.FeatureError, match=r"\(2, 1\) and \(3, 1\) do not fit"):
        concatenate([Features(np.ones((2, 1)), "a"), Features(np.ones((3, 1)), "b")])
    with pytest.raises(gk.FeatureError, match="1 prefixes do not fit 2 features"):
        concatenate([Features(np.ones((2, 1)), "a")] * 2, ["x"])


class Extremes(Descriptor):
    def names(self, shape):
        return ("least", "most")

    def values(self, planes):
        return np.stack([planes.min((-2, -1)), planes.max((-2, -1))], -1)


def test_a_descriptor_takes_pictures_and_colours():
    image = rng.integers(0, 256, (7, 20, 30, 3), np.uint8)
    features = Extremes().describe(image, channel_axis=-1)
    assert features.shape == (7, 6)
    assert features.values.dtype == np.float32
    np.testing.assert_array_equal(features["c2 most"], image[..., 2].max((1, 2)))
    assert Extremes().describe(image[..., 0]).names == ("least", "most")
    with pytest.raises(gk.ImageError, match="looks like colour"):
        Extremes().describe(image)
