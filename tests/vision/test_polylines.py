"""Lines drawn into planes: their width, ends and what lies outside."""

from __future__ import annotations

import numpy as np
import pytest

from gaborkit.vision.polylines import draw_polyline


@pytest.mark.parametrize("width", [1, 3, 6, 9])
@pytest.mark.parametrize("angle", [0, 0.4, np.pi / 4, 1.3, np.pi / 2])
def test_pixels_of_a_line_are_those_within_half_its_width(width, angle):
    plane = np.zeros((61, 63))
    along = np.linspace(-20, 20, 11)
    points = np.stack([30 + along * np.sin(angle), 31 + along * np.cos(angle)], 1)
    draw_polyline(plane, points, width, 5.0)
    y, x = np.indices(plane.shape)
    reached = (y - 30) * np.sin(angle) + (x - 31) * np.cos(angle)
    apart = np.hypot(
        y - 30 - np.clip(reached, -20, 20) * np.sin(angle),
        x - 31 - np.clip(reached, -20, 20) * np.cos(angle),
    )
    assert set(np.unique(plane)) == {0, 5}
    assert (plane[apart < width / 2 - 1e-9] == 5).all()
    assert not plane[apart > width / 2 + 1e-9].any()


def test_what_lies_outside_is_not_drawn():
    plane = np.zeros((20, 30), np.float32)
    draw_polyline(plane, np.array([[-50.0, -60], [-40, -40]]), 5, 1)
    assert not plane.any()
    draw_polyline(plane, np.array([[10.0, -60], [10, 90]]), 3, 1)
    assert np.flatnonzero(plane.any(1)).tolist() == [9, 10, 11]
    assert plane[10].all()
