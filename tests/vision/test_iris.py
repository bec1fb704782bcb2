"""Irises end to end: boundaries found in generated eyes, codes told apart, the command."""

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
from gaborkit.features import Comparison, decidability, hamming_distance, normalized_distance
from gaborkit.vision import draw_iris, eye_code, find_iris, synthetic_eye
from gaborkit.vision.error_rates import equal_error_rate


def wrong(one, other):
    return np.abs(np.subtract(one, other)).max()


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


@settings(max_examples=6, deadline=None)
@given(
    person=st.integers(0, 999),
    seed=st.integers(0, 999),
    shape=st.sampled_from([(120, 160), (240, 320), (200, 200)]),
    gain=st.sampled_from([1, 255, -0.001]),
    lid=st.floats(0, 0.35),
)
def test_boundaries_are_where_they_were_drawn(person, seed, shape, gain, lid):
    eye = synthetic_eye(person, seed, shape=shape, lid=lid)
    image = eye.image * abs(gain) - 3 * (gain < 0)
    boundaries = find_iris(image)
    unit = min(shape) / 120
    assert wrong(boundaries.pupil, eye.pupil) < 2 * max(1, unit)
    assert wrong(boundaries.iris, eye.iris) < 2 * max(1, unit)


def test_what_is_seen_of_irises_is_what_was_drawn():
    rng = np.random.default_rng(0)
    overlaps = []
    for shape in 7 * [(120, 160), (240, 320), (200, 200)]:
        person, seed = map(int, rng.integers(0, 1000, 2))
        eye = synthetic_eye(person, seed, shape=shape, lid=rng.uniform(0, 0.35))
        overlaps.append(overlap(find_iris(eye.image).mask, eye.mask))
    assert np.median(overlaps) > 0.95
    assert np.quantile(overlaps, 0.1) > 0.9  # now and then a lid is not where it seems


def test_lids_are_where_they_cover_and_nowhere_else():
    covered = synthetic_eye(3, 1, lid=0.5)
    free = synthetic_eye(3, 1, lid=0)
    assert find_iris(covered.image).upper is not None
    assert find_iris(free.image).upper is None
    assert find_iris(free.image).lower is None
    assert overlap(find_iris(covered.image).mask, covered.mask) > 0.9


def test_reflections_do_not_count():
    eye = synthetic_eye(5, 0)
    image = eye.image.copy()
    y, x = (round(part) for part in eye.iris[:2])
    spot = (
        slice(y - 3, y + 4),
        slice(x + round(0.7 * eye.iris[2]), x + round(0.7 * eye.iris[2]) + 6),
    )
    image[spot] = 1
    boundaries = find_iris(image)
    assert not boundaries.mask[spot].any()
    assert wrong(boundaries.iris, eye.iris) < 1.5


@functools.cache
def distances(persons=10):
    codes = [
        [eye_code(synthetic_eye(p, k, shape=(180, 240)).image) for p in range(persons)]
        for k in range(2)
    ]
    compared = [[hamming_distance(a, b, shifts=8) for b in codes[1]] for a in codes[0]]
    table = np.array([[normalized_distance(c, typical=3000) for c in row] for row in compared])
    return np.diag(table), table[~np.eye(persons, dtype=bool)]


def test_persons_are_told_apart():
    same, different = distances()
    assert equal_error_rate(same, different) == 0
    assert decidability(same, different) > 5


def test_few_bits_are_no_proof():
    assert normalized_distance(Comparison(0.2, 0, 911)) == 0.2
    assert normalized_distance(Comparison(0.2, 0, 0)) == 0.5
    assert normalized_distance(Comparison(0.2, 0, 50)) > normalized_distance(
        Comparison(0.3, 0, 900)
    )
    assert normalized_distance(Comparison(0.1, 0, 400), typical=100) == pytest.approx(-0.3)


def test_eyes_are_functions_of_person_and_seed():
    one, same, other = (synthetic_eye(*k, shape=(90, 120)) for k in ((1, 2), (1, 2), (1, 3)))
    assert np.array_equal(one.image, same.image)
    assert one.iris != other.iris


def test_drawn():
    eye = synthetic_eye(0)
    boundaries = find_iris(eye.image)
    picture = draw_iris(eye.image, boundaries)
    y, x, radius = boundaries.iris
    red, green, blue = picture[round(y), round(x + radius)].astype(int)
    assert blue > red + 50
    assert green < blue


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: find_iris(np.zeros((5, 60, 60))),
            gk.ImageError,
            "is not (H, W); give one picture",
        ),
        (lambda: find_iris(np.full((60, 60), np.nan)), gk.ImageError, "NaN"),
        (lambda: find_iris(np.zeros((30, 60))), gk.FeatureError, "30 x 60 pixels show no iris"),
        (lambda: find_iris(np.ones((60, 60))), gk.FeatureError, "the picture is constant"),
        (
            lambda: find_iris(np.random.default_rng(0).random((90, 90))),
            gk.FeatureError,
            "no circle is like an iris: its strongest step is",
        ),
        (lambda: synthetic_eye(-1), gk.FeatureError, "person=-1 is no number of an eye"),
        (lambda: synthetic_eye(0, shape=(9, 9)), gk.FeatureError, "shape=(9, 9) holds no eye"),
        (lambda: synthetic_eye(0, lid=2), gk.FeatureError, "lid=2 is out of range; give 0 to 0.5"),
        (
            lambda: normalized_distance(Comparison(0.3, 0, 1), typical=0),
            gk.FeatureError,
            "typical=0 is no number of bits",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


# ---- the command ----


@pytest.fixture
def eyes(folder):
    for name, key in (("a", (1, 0)), ("b", (1, 1)), ("c", (2, 0))):
        image = (255 * synthetic_eye(*key, shape=(180, 240)).image).astype(np.uint8)
        gk.write_image(f"{name}.png", image)


@pytest.mark.usefixtures("eyes")
def test_the_command():
    result = run("iris", "a.png", "b.png", "--overlay", "o.png")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("same=yes normalized=0.")
    assert gk.read_image("o.png").shape == (180, 480, 3)
    codes = [eye_code(gk.read_image(f"{name}.png")) for name in "ac"]
    expected = hamming_distance(*codes, shifts=8)
    said = json.loads(run("iris", "a.png", "c.png", "--json").stdout)
    assert said["same"] is False
    assert (said["distance"], said["bits"]) == (expected.distance, expected.bits)
    assert said["normalized"] == normalized_distance(expected, typical=3000)


@pytest.mark.usefixtures("eyes")
def test_errors_of_the_command():
    gk.write_image("noise.png", np.random.default_rng(0).integers(0, 256, (90, 90), np.uint8))
    result = run("iris", "a.png", "noise.png")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: noise.png: no circle is like an iris")
    assert result.stderr.count("\n") == 1
    assert run("iris", "a.png", "b.png", "--limit", 2).exit_code == 2
