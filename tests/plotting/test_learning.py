"""The figure of what kernels have learned."""

from __future__ import annotations

import math

import numpy as np
import pytest
from figures_for_tests import assert_texts_inside_and_apart, shown

import gaborkit as gk
from gaborkit.plotting import plot_learning

BEFORE = gk.GaborBank.grid(2, 5, wavelength=3.5, sigma=1.6, phase=0.3)
AFTER = gk.GaborBank(kernel.rotated(0.1 * k).scaled(1.05**k) for k, kernel in enumerate(BEFORE))


def test_paths_lead_from_before_to_after():
    axes = plot_learning(BEFORE, AFTER, size=(11, 11)).axes[0]
    paths = [line.get_xydata() for line in axes.lines if len(line.get_xdata()) > 1]
    assert len(paths) == 2 * len(BEFORE)
    for k, path in enumerate(paths[::2]):
        for end, bank in ((0, BEFORE), (-1, AFTER)):
            assert path[end] == pytest.approx((bank[k].theta, 1 / bank[k].frequency))
        np.testing.assert_allclose(paths[2 * k + 1], path + np.array([math.pi, 0]))  # the same wave
    assert axes.get_theta_direction() == -1  # y points down
    assert [text.get_text() for text in axes.texts] == [str(k) for k in range(10)]


@pytest.mark.parametrize("size", [(7, 12), (15, 15)])
def test_kernels_are_those_of_the_layer_s_window(size):
    axes = plot_learning(BEFORE, AFTER, size=size).axes[1:]
    assert len(axes) == 2 * len(BEFORE)
    for k in range(len(BEFORE)):
        for panel in (axes[2 * k], axes[2 * k + 1]):
            values = shown(panel)
            assert values.shape == size
            assert abs(values.sum()) < 1e-12
            assert 0.7 < np.abs(values).max() < 1.0001


def test_a_window_of_a_kernel_s_own_support_shows_its_samples():
    kernel = BEFORE[3]
    side = 2 * kernel.radius() + 1
    bank, samples = gk.GaborBank([kernel]), kernel.sample()
    panel = plot_learning(bank, bank, size=(side, side)).axes[1]
    np.testing.assert_allclose(shown(panel), samples.real / np.abs(samples).max(), atol=1e-12)


@pytest.mark.parametrize("count", [1, 10, 64])
def test_texts_can_be_read(count, monkeypatch):
    before = gk.GaborBank([BEFORE[k % 10] for k in range(count)])
    figure = plot_learning(before, before, size=(9, 9))
    for text in list(figure.axes[0].texts):
        text.remove()  # numbers of kernels that are alike cover each other
    assert_texts_inside_and_apart(figure, monkeypatch)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (BEFORE, AFTER[:3], "10 kernels before and 3 after do not fit together"),
        (BEFORE[0], AFTER, "GaborKernel is not a bank"),
        (
            gk.GaborBank.preset("kovesi", scales=1),
            gk.GaborBank.preset("kovesi", scales=1),
            "kernel 0 is a LogGaborKernel; only a GaborKernel has been learned",
        ),
        (gk.GaborBank([BEFORE[0]] * 65), AFTER, "a bank of 65 kernels does not fit"),
    ],
)
def test_errors(before, after, message):
    with pytest.raises(gk.BankError, match=message):
        plot_learning(before, after, size=(9, 9))
