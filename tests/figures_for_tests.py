"""What the tests of plots share: banks, figures drawn once, and where their texts lie."""

from __future__ import annotations

import functools
import itertools
import os

import numpy as np
from matplotlib.text import Text

import gaborkit as gk
from gaborkit.plotting import plot_bank, plot_coverage, plot_kernel

ARTICLE = gk.GaborKernel.article(sigma=1)
LOG = gk.LogGaborKernel(wavelength=6, theta=0.5)
GRID = gk.GaborBank.grid(scales=2, orientations=4)
MIXED = gk.GaborBank([ARTICLE, LOG, gk.GaborKernel(wavelength=5, sigma=3, theta=1, gamma=0.5)])
PICTURE = np.hypot(*np.mgrid[-20:20, -30:30]).astype(np.float32)


# Figures that several tests only look at.
kernel_figure = functools.cache(plot_kernel)
bank_figure = functools.cache(plot_bank)
coverage_figure = functools.cache(plot_coverage)


def drawn_texts(figure, monkeypatch):
    """Words and boxes, in pixels, of all text that reaches the renderer."""
    found = []
    draw = Text.draw

    def record(self, renderer):
        if self.get_visible() and self.get_text().strip():
            found.append((self.get_text(), self.get_window_extent(renderer)))
        draw(self, renderer)

    with monkeypatch.context() as patch:
        patch.setattr(Text, "draw", record)
        figure.savefig(os.devnull, format="png", dpi=figure.dpi)
    assert len(found) > 4
    return found


def assert_texts_inside(figure, monkeypatch):
    width, height = figure.bbox.size
    found = drawn_texts(figure, monkeypatch)
    for words, box in found:
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= 0, words
    return found


def assert_texts_inside_and_apart(figure, monkeypatch):
    found = assert_texts_inside(figure, monkeypatch)
    for (a, box), (b, other) in itertools.combinations(found, 2):
        across = min(box.x1, other.x1) - max(box.x0, other.x0)
        down = min(box.y1, other.y1) - max(box.y0, other.y0)
        assert across < 1 or down < 1, (a, b)
    return {words for words, _ in found}


def shown(axes):
    return np.asarray(axes.images[0].get_array())


def surface(axes):
    """Mean height of every face, in the order of its first corner."""
    return axes.collections[-1].get_array()


def face_means(heights):
    corners = heights[:-1, :-1] + heights[1:, :-1] + heights[:-1, 1:] + heights[1:, 1:]
    return corners.ravel() / 4


def rows_of(panels):
    tops = [round(axes.get_position(original=True).y1, 6) for axes in panels]
    return [len(list(row)) for _, row in itertools.groupby(tops)]
