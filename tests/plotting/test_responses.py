"""Magnitudes and phases of responses beside their picture."""

from __future__ import annotations

import numpy as np
import pytest
from figures_for_tests import GRID, PICTURE, assert_texts_inside_and_apart, rows_of, shown

import gaborkit as gk
from gaborkit.plotting import plot_responses
from gaborkit.plotting.colours import phase_colours


def test_magnitudes_and_phases_of_every_channel():
    responses = GRID.filter(PICTURE)
    figure = plot_responses(PICTURE, responses, GRID.labels)
    assert np.array_equal(shown(figure.axes[0]), PICTURE)
    for k, response in enumerate(responses):
        magnitude, phase = figure.axes[2 * k + 1], figure.axes[2 * k + 2]
        strength = np.abs(response) / np.abs(response).max()
        assert np.allclose(shown(magnitude), strength)
        assert np.array_equal(shown(phase), phase_colours(np.angle(response), strength))
        for axes in (magnitude, phase):
            assert axes.yaxis_inverted()
            assert axes.images[0].get_extent() == [-0.5, 59.5, 39.5, -0.5]


def test_a_common_scale_keeps_the_channels_ratios():
    responses = np.array([1, 4])[:, None, None] * np.ones((2, 5, 6), complex)
    for common, expected in ((False, [1, 1]), (True, [0.25, 1])):
        figure = plot_responses(np.eye(5, 6), responses, ["a", "b"], common_scale=common)
        assert [shown(figure.axes[i]).max() for i in (1, 3)] == expected
        whose = "all channels" if common else "the channel"
        assert figure.axes[-2].get_ylabel() == f"magnitude / largest of {whose}"


def test_a_silent_channel_is_dark_and_grey():
    figure = plot_responses(np.zeros((5, 6)), np.zeros((1, 5, 6), np.complex64), ["none"])
    assert shown(figure.axes[1]).max() == 0
    assert np.ptp(shown(figure.axes[2])[..., :3]) == 0


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (np.full((5, 6, 3), 51, np.uint8), 0.2),
        (np.full((5, 6, 4), 13107, np.uint16), 0.2),
        (np.full((5, 6, 3), 0.2), 0.2),
        (np.full((5, 6), 7, np.int32), 7),
        (np.ones((5, 6), bool), 1),
    ],
)
def test_pictures_of_any_type(image, expected):
    figure = plot_responses(image, np.ones((1, 5, 6), complex), ["one"])
    assert np.allclose(shown(figure.axes[0]), expected)


def test_every_nth_pixel_of_a_large_picture():
    wide = np.arange(3000.0) + np.zeros((2, 1))
    figure = plot_responses(wide, np.exp(1j * wide)[None], ["wide"])
    assert np.array_equal(shown(figure.axes[0]), wide[::3, ::3])
    assert figure.axes[1].images[0].get_extent() == [-0.5, 2999.5, 1.5, -0.5]


@pytest.mark.parametrize(
    ("labels", "widths"),
    [
        (gk.GaborBank.grid(3, 4).labels, {4}),
        (gk.GaborBank.grid(3, 6).labels, {3, 6}),
        (["a", "b", "c"], {1, 2, 3}),
    ],
)
def test_scales_begin_a_row_of_responses(labels, widths):
    figure = plot_responses(np.eye(5), np.ones((len(labels), 5, 5), complex), labels)
    rows = rows_of(figure.axes[1 : 1 + 2 * len(labels)])
    assert rows[0] // 2 in widths
    assert len(set(rows[:-1])) <= 1


@pytest.mark.parametrize(
    ("count", "shape"), [(1, (40, 60)), (3, (8, 90)), (5, (90, 8)), (30, (40, 50))]
)
def test_texts_of_the_responses_lie_inside_and_apart(count, shape, monkeypatch):
    labels = [f"{1000 + k} px, {22.5 * k}°, $unbalanced and rather long" for k in range(count)]
    responses = np.ones((count, *shape), complex)
    figure = plot_responses(np.eye(*shape), responses, labels)
    words = assert_texts_inside_and_apart(figure, monkeypatch)
    assert {"x (px)", "y (px, down)", "phase (degrees)"} <= words
    assert max(figure.get_size_inches()) < 40


ONE = np.ones((1, 5, 6), complex)


@pytest.mark.parametrize(
    ("image", "responses", "labels", "message"),
    [
        (np.ones((5, 6)), ONE.real, "a", "responses of type float64 have no phase"),
        (np.ones((5, 6)), ONE[0], "a", r"shape \(5, 6\) are not \(K, H, W\)"),
        (np.ones((5, 6)), ONE[:0], "", r"shape \(0, 5, 6\) are not"),
        (np.ones((5, 6)), np.nan * ONE, ["a"], "responses hold NaN or infinity"),
        (np.ones((5, 6)), ONE, ["a", "b"], "2 labels for 1 channels"),
        (np.ones((5, 6)), ONE, "a", "'a' for 1 channels"),
        (np.ones((5, 6)), np.ones((65, 5, 6), complex), "a", "65 channels .* at most 64"),
        (np.ones((5, 7)), ONE, ["a"], "5 x 7 pixels does not fit responses of 5 x 6"),
        (np.ones((5, 6, 2)), ONE, ["a"], r"shape \(5, 6, 2\) is neither"),
        (np.ones(5), ONE, ["a"], r"shape \(5,\) is neither"),
        (np.full((5, 6), np.inf), ONE, ["a"], "the image holds NaN or infinity"),
        (ONE[0], ONE, ["a"], "image of type complex128 cannot be shown"),
        (np.full((5, 6, 3), 2.0), ONE, ["a"], "floats from 2 to 2 is not within 0 to 1"),
    ],
)
def test_responses_refuse(image, responses, labels, message):
    with pytest.raises(gk.ImageError, match=message):
        plot_responses(image, responses, labels)
