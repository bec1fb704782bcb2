"""Who sees whom, by Jacobians: causality, channel order, receptive field, blind spot."""

import itertools

import pytest
import torch
from autoregressive_for_tests import (
    KINDS,
    NARROW,
    VIEW,
    before,
    influence,
    make,
    minkowski,
    raster,
    seen,
)
from hypothesis import given, settings
from hypothesis import strategies as st

SHAPES = [(1, 6, 6), (1, 5, 8), (3, 4, 5), (2, 1, 7), (2, 6, 1), (1, 1, 1)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("view", [None, VIEW], ids=["raw", "gabor"])
def test_nothing_sees_itself_or_what_comes_after(kind, classes, shape, view):
    model, _, labels = make(kind, shape, classes=classes, view=view)
    channels, height, width = shape
    corners = itertools.product({0, height // 2, height - 1}, {0, width // 2, width - 1})
    for location, channel in itertools.product(corners, range(channels)):
        found = influence(model, location, channel, labels, trials=2)
        assert not (found & ~before(shape, location, channel)).any()


@settings(max_examples=25)
@given(
    kind=st.sampled_from(sorted(NARROW)),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)),
    first_size=st.sampled_from([3, 5, 7]),
    size=st.sampled_from([3, 5]),
    data=st.data(),
)
def test_nothing_sees_what_comes_after_whatever_the_windows(kind, shape, first_size, size, data):
    model, _, _ = make(kind, shape, first_size=first_size, size=size)
    draws = [data.draw(st.integers(0, side - 1)) for side in shape]
    found = influence(model, tuple(draws[1:]), draws[0], trials=1)
    assert not (found & ~before(shape, draws[1:], draws[0])).any()


@pytest.mark.parametrize("kind", KINDS)
def test_each_channel_sees_exactly_those_before_it_at_its_location(kind):
    shape = (4, 3, 3)
    model, _, _ = make(kind, shape)
    for channel in range(4):
        found = influence(model, (1, 1), channel)
        assert found[:, 1, 1].tolist() == [number < channel for number in range(4)]
        # All channels of the location to the left are seen.
        assert found[:, 1, 0].all()


@pytest.mark.parametrize(
    ("layers", "first_size", "size"), [(0, 3, 3), (1, 3, 3), (3, 3, 3), (2, 5, 3), (1, 7, 5)]
)
def test_receptive_field_of_the_plain_network_is_the_sum_of_its_windows(layers, first_size, size):
    shape, location = (1, 12, 15), (9, 7)
    model, _, _ = make("pixelcnn", shape, layers=layers, first_size=first_size, size=size)
    windows = [raster(first_size, False), *[raster(size, True)] * layers]
    wanted = seen(shape, location, minkowski(*windows))
    assert torch.equal(influence(model, location, 0)[0], wanted)


@pytest.mark.parametrize("kind", NARROW)
def test_the_context_reaches_further_than_the_windows(kind):
    shape, location = (1, 12, 12), (11, 6)
    reached = []
    for view in (None, VIEW):
        model, _, _ = make(kind, shape, first_size=3, view=view, **NARROW[kind])
        rows = influence(model, location, 0)[0].any(1)
        reached.append(location[0] - int(rows.nonzero().min()))
    radius = max(layer.radius for layer in model.context.layers)
    assert reached[0] < reached[1] == min(radius, location[0])


def test_the_plain_network_has_the_blind_spot():
    # Windows of side 3: n rows above, it sees no further than n columns to the right.
    shape, (row, column) = (1, 8, 12), (6, 3)
    model, _, _ = make("pixelcnn", shape, layers=5, first_size=3, size=3)
    found = influence(model, (row, column), 0)[0]
    for distance in range(1, 6):
        line = found[row - distance]
        assert line[column : column + distance + 1].all()
        assert not line[column + distance + 1 :].any()
    # It is not for want of layers.
    deeper, _, _ = make("pixelcnn", shape, layers=9, first_size=3, size=3)
    assert not influence(deeper, (row, column), 0)[0, row - 1, column + 2 :].any()


@pytest.mark.parametrize("dilations", [(1, 1, 1, 1, 1), (1, 2, 1, 2)])
def test_the_gated_network_has_none(dilations):
    shape = (1, 6, 7)
    model, _, _ = make("gated-pixelcnn", shape, dilations=dilations, first_size=3)
    for location in [(5, 0), (5, 1), (4, 3), (5, 6), (1, 0)]:
        assert torch.equal(influence(model, location, 0), before(shape, location, 0))


@pytest.mark.parametrize("kind", ["pixelrnn-diagonal", "pixelsnail", "imagegpt"])
def test_recurrent_and_attending_networks_see_all_that_comes_before(kind):
    # By one layer and the smallest window.
    narrow = {"pixelsnail": {"blocks": 1}}.get(kind, {"layers": 1})
    windows = {} if kind == "imagegpt" else {"first_size": 3}
    model, _, _ = make(kind, (1, 6, 7), **narrow, **windows)
    for location in [(5, 0), (4, 3), (5, 6), (1, 0), (0, 0)]:
        assert torch.equal(influence(model, location, 0), before((1, 6, 7), location, 0))


def test_the_row_lstm_sees_a_triangle_and_is_blind_beside_it():
    shape, (row, column) = (1, 8, 13), (7, 6)
    model, _, _ = make("pixelrnn-row", shape, layers=1, first_size=3)
    rows = influence(model, (row, column), 0)[0]
    # Left of it all: the row convolution reaches two columns a layer, states one more a row.
    for distance in range(1, 7):
        line = rows[row - distance]
        assert line[column : column + distance + 1].all()
        assert not line[column + distance + 1 :].any()


def test_receptive_field_of_the_gated_network():
    # The vertical stack: rows above, then a row more for each layer; the horizontal: its own row.
    shape, (row, column) = (1, 12, 15), (9, 7)
    model, _, _ = make("gated-pixelcnn", shape, dilations=(1, 2), first_size=5)
    first = [(a, b) for a in (-2, -1) for b in range(-2, 3)]
    layers = [[(a, b) for a in (-d, 0) for b in (-d, 0, d)] for d in (1, 2)]
    lefts = [[(0, -d), (0, 0)] for d in (1, 2)]
    vertical_1 = minkowski(first, layers[0])
    vertical_2 = minkowski(first, *layers)
    wanted = minkowski([(0, -2), (0, -1)], *lefts) | minkowski(vertical_1, lefts[1]) | vertical_2
    assert torch.equal(influence(model, (row, column), 0)[0], seen(shape, (row, column), wanted))
