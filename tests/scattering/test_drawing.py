"""Discs of scattering coefficients: every coefficient where its waves point."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from figures_for_tests import assert_texts_inside

import gaborkit as gk
from gaborkit.errors import FeatureError
from gaborkit.features import Scattering
from gaborkit.features.bank_grid import grid_of
from gaborkit.scattering.drawing import _disc

PLAN = Scattering(3, 4)
PLACE = PLAN.places


def at(disc, radius, theta):
    """Value of the disc in a direction, from +x (right) towards +y (down)."""
    middle = len(disc) // 2
    y, x = radius * math.sin(theta), radius * math.cos(theta)
    return disc[round(middle * (1 + y)), round(middle * (1 + x))]


def disc(order, plan=PLAN):
    return _disc(plan, grid_of(plan.wavelets), np.arange(len(plan.paths), dtype=float), order)


@pytest.mark.parametrize("turn", [0, math.pi])
@pytest.mark.parametrize("i", range(4))
def test_order_1_lies_in_its_direction_and_ring(i, turn):
    for scale, radius in enumerate((0.75, 0.35, 0.1)):
        assert at(disc(1), radius, i * math.pi / 4 + turn) == PLACE[(4 * scale + i,)]


def test_order_2_lies_within_its_first_wavelet_s_cell():
    for i in range(4):
        for k in range(4):
            theta = (i + (k + 0.5) / 4 - 0.5) * math.pi / 4
            assert at(disc(2), 0.9, theta) == PLACE[(i, 4 + k)]
            assert at(disc(2), 0.6, theta) == PLACE[(i, 8 + k)]
            assert at(disc(2), 0.35, theta) == PLACE[(4 + i, 8 + k)]
    assert math.isnan(at(disc(2), 0.2, 0))  # no lower scale follows the last
    assert math.isnan(disc(2)[0, 0])


def test_every_coefficient_is_drawn():
    for order in (1, 2):
        drawn = disc(order)
        wanted = [c for path, c in PLACE.items() if len(path) == order]
        assert np.unique(drawn[np.isfinite(drawn)]).tolist() == wanted


def test_a_bank_in_any_order_and_from_any_angle():
    kernels = list(gk.GaborBank.grid(2, 3, theta=0.3))[::-1]
    plan = Scattering(2, bank=gk.GaborBank(kernels))
    assert at(disc(1, plan), 0.75, 0.3) == plan.places[(5,)]
    assert at(disc(1, plan), 0.25, 0.3 + math.pi / 3) == plan.places[(1,)]


def test_rows_of_pictures(monkeypatch):
    pictures = np.random.default_rng(0).random((2, 24, 32))
    figure = PLAN.plot(
        torch.from_numpy(PLAN(pictures)), pictures=pictures, labels=["one texture", "another"]
    )
    assert_texts_inside(figure, monkeypatch)
    assert len(figure.axes) == 2 * (1 + 2 * 2)  # discs have colour bars
    alone = Scattering(3, 4, 1).plot(np.ones((13, 2, 2)))
    assert [axes.get_title() for axes in alone.axes if axes.get_title()] == ["order 1"]


def test_refusals():
    values = np.ones((2, len(PLACE), 3, 3))
    with pytest.raises(FeatureError, match="1 pictures do not fit coefficients of 2 pictures"):
        PLAN.plot(values, pictures=[np.ones((3, 3))])
    with pytest.raises(FeatureError, match="3 labels do not fit"):
        PLAN.plot(values, labels="abc")
    with pytest.raises(FeatureError, match=r"shape \(61,\) cannot be plotted"):
        PLAN.plot(np.ones(61))
    with pytest.raises(FeatureError, match="order 0 is one number"):
        Scattering(2, 2, 0).plot(np.ones((1, 2, 2)))
    kernels = [gk.GaborKernel(wavelength=4, theta=theta, sigma=2) for theta in (0, 0.3)]
    with pytest.raises(FeatureError, match="no grid"):
        Scattering(2, bank=gk.GaborBank(kernels)).plot(np.ones((3, 2, 2)))
