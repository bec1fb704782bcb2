"""The palm in pictures of hands: the same region however they are turned and scaled; refusals."""

from __future__ import annotations

import functools
import json
import re

import numpy as np
import pytest
from commands_for_tests import run
from hypothesis import given, settings
from hypothesis import strategies as st

import gaborkit as gk
from gaborkit.features import decidability
from gaborkit.vision import (
    angular_distance,
    competitive_code,
    equal_error_rate,
    palm_region,
    synthetic_hand,
)


def corners_on_hand(hand, region):
    """Corners of a region (4, 2) as places of the hand, in palm widths."""
    axes, origin = hand.frame[:, :2], hand.frame[:, 2]
    return (region.corners - origin) @ np.linalg.inv(axes).T


def overlap(one, other):
    """Area that two convex quadrangles share, over that of both together."""
    places = np.mgrid[-0.7:1.7:0.008, -1.2:1.2:0.008].reshape(2, -1).T

    def inside(corners):
        sides = np.roll(corners, -1, 0) - corners
        apart = places[:, None] - corners
        return (sides[:, 1] * apart[..., 0] - sides[:, 0] * apart[..., 1] >= 0).all(1)

    first, second = inside(one), inside(other)
    return (first & second).sum() / (first | second).sum()


@functools.cache
def upright(person):
    hand = synthetic_hand(person, turn=0, scale=1)
    region = palm_region(hand.image)
    return corners_on_hand(hand, region), competitive_code(region.image)


@settings(deadline=None, max_examples=20)
@given(
    person=st.integers(0, 9),
    seed=st.integers(1, 1000),
    turn=st.floats(-180, 180),
    scale=st.floats(0.7, 1.2),
)
def test_turned_and_scaled_hands_give_the_same_region(person, seed, turn, scale):
    corners, code = upright(person)
    hand = synthetic_hand(person, seed, turn=turn, scale=scale)
    region = palm_region(hand.image)
    assert overlap(corners_on_hand(hand, region), corners) >= 0.9
    assert angular_distance(code, competitive_code(region.image)).distance < 0.37


def test_the_region_lies_below_the_valleys_and_is_a_square():
    hand = synthetic_hand(0, turn=30)
    region = palm_region(hand.image)
    sides = np.linalg.norm(np.roll(region.corners, -1, 0) - region.corners, axis=1)
    apart = float(np.linalg.norm(region.valleys[1] - region.valleys[0]))
    np.testing.assert_allclose(sides, 1.3 * apart)
    axes, origin = hand.frame[:, :2], hand.frame[:, 2]
    left, right = (region.valleys - origin) @ np.linalg.inv(axes).T
    # Between index and middle finger, and between ring and little finger.
    np.testing.assert_allclose(left, [0.05, -0.24], atol=0.08)
    np.testing.assert_allclose(right, [0.13, 0.25], atol=0.08)
    rows, columns = np.rint(region.corners).astype(int).T
    assert hand.mask[rows, columns].all()


def test_values_are_the_picture_s_and_grounds_may_be_light():
    hand = synthetic_hand(3, turn=0, shape=(900, 900), noise=0)
    region = palm_region(hand.image, size=200)
    assert region.image.shape == (200, 200)
    middle = np.rint(region.corners.mean(0)).astype(int)
    around = hand.image[middle[0] - 3 : middle[0] + 4, middle[1] - 3 : middle[1] + 4]
    assert around.min() - 0.02 <= region.image[99:101, 99:101].mean() <= around.max() + 0.02
    negative = palm_region(np.rint(255 * (1 - hand.image)).astype(np.uint8), size=200)
    np.testing.assert_allclose(negative.corners, region.corners, atol=2)
    colour = np.dstack([hand.image] * 3)
    grey = palm_region(colour, size=200, channel_axis=-1)
    np.testing.assert_allclose(grey.image, region.image, atol=1e-5)


def test_people_are_told_apart_by_their_hands():
    codes = {
        (p, k): competitive_code(palm_region(synthetic_hand(p, k).image).image)
        for p in range(6)
        for k in range(2)
    }
    same = [angular_distance(codes[p, 0], codes[p, 1]).distance for p in range(6)]
    other = [
        angular_distance(codes[p, 0], codes[q, 1]).distance
        for p in range(6)
        for q in range(6)
        if p != q
    ]
    assert equal_error_rate(same, other) == 0
    assert decidability(same, other) > 4


def fist():
    y, x = np.mgrid[:200, :200]
    return (np.hypot(y - 90, x - 100) < 50) | ((y > 90) & (abs(x - 100) < 30))


def cut_palm():
    """A hand whose palm the border cuts off below its fingers."""
    hand = synthetic_hand(0, turn=0, scale=1)
    below = int(palm_region(hand.image).corners[0, 0]) + 25
    return hand.image[:below]


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.zeros((200, 200)), gk.FeatureError, "no hand is found: all pixels are alike"),
        (fist(), gk.FeatureError, "nothing like four fingers side by side is seen; give a picture"),
        (np.random.default_rng(0).random((200, 200)), gk.FeatureError, "no hand is found"),
        (cut_palm(), gk.FeatureError, "no hand is found"),
        (np.full((50, 50), np.nan), gk.ImageError, "2500 of 2500 pixels are NaN"),
        (np.zeros((2, 9, 9)), gk.ImageError, "is not (H, W)"),
        (np.zeros((9, 9), complex), gk.ImageError, "complex"),
    ],
)
def test_what_is_no_hand(image, error, message):
    with pytest.raises(error, match=re.escape(message)):
        palm_region(image)


def test_fingers_that_touch():
    hand = synthetic_hand(0, turn=0, scale=1, noise=0)
    valley = np.rint(palm_region(hand.image).valleys[0]).astype(int)
    image = hand.image.copy()
    image[valley[0] - 70 : valley[0] + 3, valley[1] - 14 : valley[1] + 15] = 0.6
    with pytest.raises(gk.FeatureError, match="no hand is found"):
        palm_region(image)


def test_fingers_joined_by_a_web():
    """They are apart on a circle across them, and not just below it."""
    hand = synthetic_hand(0, turn=0, scale=1, noise=0)
    y, x = np.indices(hand.image.shape) - np.array([303, 240])[:, None, None]
    radius, angle = np.hypot(y, x), np.arctan2(y, x) % (2 * np.pi)
    web = (radius > 166) & (radius < 171.8) & (angle > 4.24) & (angle < 4.6)
    image = np.where(web, hand.image[303, 240], hand.image)
    with pytest.raises(gk.FeatureError, match="no hand is found: fingers are not apart"):
        palm_region(image)


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (palm_region, {"size": 15}, "size=15 is no side in pixels"),
        (palm_region, {"size": True}, "size=True is no side in pixels"),
        (synthetic_hand, {"person": -1}, "person=-1 is out of range"),
        (synthetic_hand, {"person": 0, "seed": 0.5}, "seed=0.5 is out of range"),
        (synthetic_hand, {"person": 0, "shape": (100, 300)}, "shape=(100, 300) is no place"),
        (synthetic_hand, {"person": 0, "scale": 9.0}, "scale=9.0"),
        (synthetic_hand, {"person": 0, "turn": np.inf}, "turn=inf"),
    ],
)
def test_options_out_of_range(function, options, message):
    if function is palm_region:
        options = {"image": np.zeros((50, 50)), **options}
    with pytest.raises(gk.FeatureError, match=re.escape(message)):
        function(**options)


def test_the_command(folder):
    for name, person, seed, turn in (("a", 0, 0, 0), ("b", 0, 1, 140), ("c", 1, 0, -30)):
        image = synthetic_hand(person, seed, turn=turn).image
        gk.write_image(f"{name}.png", np.rint(255 * image).astype(np.uint8))
    gk.write_image("fist.png", fist().astype(np.uint8) * np.uint8(255))
    for other, same in (("b.png", True), ("c.png", False)):
        result = run("palm", "--hand", "a.png", other, "--json")
        assert (result.exit_code, result.stderr) == (0, "")
        assert json.loads(result.stdout)["same"] is same
    result = run("palm", "--hand", "a.png", "fist.png")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: fist.png: no hand is found: nothing like four fingers")
    assert result.stderr.count("\n") == 1
