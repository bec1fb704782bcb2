"""What does not depend on the size of values holds at both ends of float32."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import gaborkit as gk
from gaborkit.vision import (
    competitive_code,
    find_defects,
    find_iris,
    find_vessels,
    optical_flow,
    palm_region,
    stereo_disparity,
    synthetic_eye,
    synthetic_hand,
    synthetic_palm,
    synthetic_vessels,
)
from gaborkit.vision.fingerprint import enhance_fingerprint, synthetic_fingerprint

GRAVEL = gk.read_image("sample:gravel")[:128, :128].astype(np.float32) / 255
MOVED = np.roll(GRAVEL, 2, 1)


def picture(synthetic):
    return np.asarray(getattr(synthetic, "image", synthetic), np.float32)


#: A picture, and what is seen in it.
SEEN = {
    "vessels": (
        lambda: picture(synthetic_vessels((160, 160), width=5, seed=0)),
        lambda x: find_vessels(x, width=5).mask,
    ),
    "ridges": (
        lambda: picture(synthetic_fingerprint((160, 160), kind="whorl")),
        lambda x: enhance_fingerprint(x).binary,
    ),
    "flow": (
        lambda: np.stack([GRAVEL, MOVED]),
        lambda x: optical_flow(*x, largest=6).x.round(3),
    ),
    "disparity": (
        lambda: np.stack([GRAVEL, MOVED]),
        lambda x: stereo_disparity(*x, largest=6)[0].round(3),
    ),
    "iris": (
        lambda: picture(synthetic_eye(0, shape=(240, 320))),
        lambda x: np.round(find_iris(x).pupil, 2),
    ),
    "hand": (
        lambda: picture(synthetic_hand(0, 0, shape=(240, 240))),
        lambda x: np.round(palm_region(x).image / x.max(), 3),
    ),
    "palm": (lambda: picture(synthetic_palm(0)), lambda x: competitive_code(x).index),
    "defects": (lambda: GRAVEL, lambda x: find_defects(x).mask),
}


@functools.cache
def usual(name):
    make, see = SEEN[name]
    return see(make())


@pytest.mark.parametrize("exponent", [-90, 60, 90])
@pytest.mark.parametrize("name", SEEN)
def test_the_same_is_seen(name, exponent):
    make, see = SEEN[name]
    np.testing.assert_array_equal(see(np.ldexp(make(), exponent)), usual(name))
