"""Edges and lines: where, of which kind, which side is bright."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from orientation_for_tests import angular_error, distance_across, line, step

import gaborkit as gk
from gaborkit.features import phase_congruency
from gaborkit.filtering.engines.structures import available_here
from gaborkit.vision.edges import KINDS, crests, find_edges

rng = np.random.default_rng(0)
THETAS = [0.0, 0.4, np.pi / 4, 1.3, np.pi / 2, 2.0, 3.0]
OFFSET = 0.3


def inner_points(found, theta):
    """Distances from the true feature, and which thin pixels they are of, away from the border."""
    y, x = found.points().T - 47.5
    inner = (abs(y) < 30) & (abs(x) < 30)
    return (x * np.cos(theta) + y * np.sin(theta) - OFFSET)[inner], inner


@pytest.mark.parametrize("measure", ["energy", "congruency"])
@pytest.mark.parametrize("make", [step, line])
@pytest.mark.parametrize("theta", THETAS)
def test_features_of_all_directions_and_signs(theta, make, measure):
    for sign in (1, -1):
        image = sign * make(theta, offset=OFFSET) + rng.normal(0, 0.02, (96, 96))
        found = find_edges(image, measure=measure)
        apart, inner = inner_points(found, theta)
        assert len(apart) >= 60
        assert abs(apart).max() < 0.4  # of a pixel
        assert np.sqrt(np.mean(apart**2)) < 0.2
        kind = "edge" if make is step else "bright line" if sign > 0 else "dark line"
        assert (found.kind[found.thin][inner] == KINDS[kind]).all()
        assert angular_error(found.angle[found.thin][inner], theta).max() < 2.5
        if make is step:
            bright = theta if sign > 0 else theta + np.pi
            turned = (found.direction[found.thin][inner] - bright + np.pi) % (2 * np.pi) - np.pi
            assert abs(turned).max() < 0.05


def test_thin_pixels_lie_within_half_a_pixel_of_the_crest():
    for theta in THETAS:
        found = find_edges(step(theta, offset=OFFSET))
        inner = (slice(18, -18), slice(18, -18))
        away = abs(distance_across(theta) - OFFSET)[inner][found.thin[inner]]
        assert away.max() < 0.75  # half a diagonal
        # And every row or column that the edge crosses has one.
        along = 0 if abs(np.sin(theta)) > abs(np.cos(theta)) else 1
        assert found.thin[inner].any(along).all()


def test_contrast_makes_no_difference_to_where():
    image = step(0.4) + rng.normal(0, 0.02, (96, 96))
    one, other = find_edges(image), find_edges(100 * image + 30)
    np.testing.assert_array_equal(one.thin, other.thin)
    np.testing.assert_array_equal(one.kind, other.kind)
    np.testing.assert_allclose(other.strength, 100 * one.strength, rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_picture_has_none(dtype):
    for value in (0.0, 1e5 / 3):
        assert not find_edges(np.full((30, 30), value, dtype)).thin.any()


@pytest.mark.parametrize("measure", ["energy", "congruency"])
@pytest.mark.parametrize("size", [1e-42, 1e-30, 1e-20, 1e20, 1e37])
def test_no_size_of_float32_is_out_of_range(size, measure):
    image = step(0.4).astype(np.float32) + 0.3
    one, other = (find_edges(x, measure=measure) for x in (image, image * np.float32(size)))
    assert one.thin.any()
    # Of 1e-42 hardly a digit is left.
    assert (one.thin == other.thin).mean() > (0.99 if size < 1e-38 else 1 - 1e-9)
    np.testing.assert_array_equal(
        one.kind[one.thin & other.thin], other.kind[one.thin & other.thin]
    )
    assert np.isfinite(other.strength).all()


@pytest.mark.skipif(not available_here(), reason="no compiled code here")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("held", [1, 2**26])
@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (37, 53), (300, 280)])
def test_the_compiled_sums_are_those_of_the_formulas(shape, held, dtype, monkeypatch):
    image = rng.random(shape).astype(dtype)
    bank = gk.GaborBank(gk.GaborBank.grid(3, 5).kernels[::-1])
    monkeypatch.setattr("gaborkit.vision.edges._HELD", held)
    fast = find_edges(image, bank)
    monkeypatch.setattr("gaborkit.vision.edges.available_here", lambda: False)
    slow = find_edges(image, bank)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(fast.strength, slow.strength, rtol=100 * eps)
    assert {part.dtype for part in fast} == {part.dtype for part in slow}
    # Where measurements cancel, an angle is of no digits.
    apart = np.rad2deg(abs(np.exp(2j * fast.angle) - np.exp(2j * slow.angle)))
    assert np.quantile(apart, 0.95) < 1e4 * eps
    apart = abs(np.exp(1j * fast.direction) - np.exp(1j * slow.direction))
    assert np.quantile(apart, 0.95) < 1e3 * eps
    assert np.quantile(abs(fast.phase - slow.phase), 0.95) < 1e3 * eps


def test_hysteresis_keeps_what_hangs_together():
    image = step(0.0) * np.linspace(0.05, 1, 96)[:, None]
    found = find_edges(image, low=0.1, high=0.8)
    rows = found.thin[:, 30:66].any(1)
    assert rows[20:].all()
    assert not find_edges(image, low=0.8, high=0.8).thin[20:60].any()
    faint = np.where(abs(np.arange(96) - 48)[:, None] < 8, 0, image)
    assert not find_edges(faint, low=0.1, high=0.8).thin[15:35, 40:56].any()


def test_the_measure_of_congruency_is_phase_congruency():
    image, bank = rng.random((40, 44)), gk.GaborBank.grid(3, 6)
    found = find_edges(image, bank, measure="congruency", boundary="wrap")
    expected = phase_congruency(image, bank, boundary="wrap").edge
    np.testing.assert_array_equal(found.strength, expected)


def test_kinds_and_offsets_belong_to_thin_pixels():
    found = find_edges(gk.read_image("sample:camera")[::2, ::2])
    assert ((found.kind > 0) == found.thin).all()
    assert not found.offset[~found.thin].any()
    assert abs(found.offset).max() <= 0.5
    assert found.points().shape == (found.thin.sum(), 2)
    assert 0.01 < found.thin.mean() < 0.2


def test_crests_of_a_ridge_between_pixels():
    for theta in THETAS:
        distance = distance_across(theta, 40) - 0.2
        found = crests(np.exp(-(distance**2) / 18), np.full((40, 40), theta))
        inner = (slice(4, -4), slice(4, -4))
        thin = found.thin[inner]
        assert thin.sum() >= 30
        apart = distance[inner][thin] + found.offset[inner][thin]
        assert abs(apart).max() < 0.25
        other = crests(np.asfortranarray(np.exp(-(distance**2) / 18)), np.full((40, 40), theta))
        np.testing.assert_array_equal(other.offset, found.offset)
    assert not crests(np.zeros((5, 5)), np.zeros((5, 5))).thin.any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: find_edges(torch.zeros(9, 9)), "edges are found in arrays"),
        (lambda: find_edges(np.zeros((9, 9)), measure="canny"), "measure='canny' is unknown"),
        (lambda: find_edges(np.zeros((9, 9)), noise="mode"), "noise: of the measure congruency"),
        (lambda: find_edges(np.zeros((9, 9)), low=0), "low=0 is no threshold"),
        (lambda: find_edges(np.zeros((9, 9)), high=2), "high=2 is no threshold"),
        (lambda: find_edges(np.zeros((9, 9)), low=0.5), "low=0.5 is above high=0.2"),
        (lambda: find_edges(np.zeros((9, 9)), gk.GaborBank.grid(1, 2)), "2 orientations tell no"),
        (lambda: find_edges(np.zeros((0, 9))), r"shape \(0, 9\) has no pixels"),
        (lambda: find_edges(np.full((9, 9), np.inf)), "81 of 81 pixels are NaN or infinite"),
        (lambda: crests(np.zeros((4, 4)), np.zeros((4, 5))), r"angles of \(4, 5\)"),
    ],
)
def test_what_does_not_fit(call, message):
    with pytest.raises((gk.FeatureError, gk.ImageError), match=message):
        call()
