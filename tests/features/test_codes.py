"""Phase codes and iris codes: bits, masks, turns, and how far apart eyes lie."""

from __future__ import annotations

import numpy as np
import pytest
from eyes_for_tests import IRIS, PUPIL, eye

import gaborkit as gk
from gaborkit.features import (
    PhaseCode,
    UnwrappedIris,
    decidability,
    hamming_distance,
    iris_bank,
    iris_code,
    phase_code,
    unwrap_iris,
)

rng = np.random.default_rng(0)


def code_of(picture, seen):
    return iris_code(unwrap_iris(picture, PUPIL, IRIS, mask=seen))


# ---- codes ----


def test_the_bits_are_the_quadrants_of_the_responses():
    image = rng.random((40, 48))
    bank = gk.GaborBank.grid(2, 3)
    code = phase_code(image, bank, step=(5, 8), weak=0, boundary="mirror")
    responses = bank.filter(image, boundary="mirror")[:, 2::5, 4::8]
    bits = np.unpackbits(code.bits, axis=1)[:, : 2 * 6 * 8].reshape(6, 2, 6, 8)
    np.testing.assert_array_equal(bits[:, 0], np.moveaxis(responses.real >= 0, -1, 0))
    np.testing.assert_array_equal(bits[:, 1], np.moveaxis(responses.imag >= 0, -1, 0))
    assert len(code) == 2 * 6 * 8 * 6
    assert code.nbytes == 6 * 12


def test_weak_and_hidden_bits_do_not_count():
    image = rng.random((40, 48))
    seen = np.ones((40, 48), bool)
    seen[:, :24] = False
    bank = gk.GaborBank.grid(1, 2)
    code = phase_code(image, bank, mask=seen, step=(4, 4), weak=0.25)
    counts = np.unpackbits(code.mask, axis=1)[:, : 2 * 2 * 10].reshape(12, 2, 2, 10)
    assert not counts[:6].any()
    filled = np.where(seen, image, image[:, 24:25])
    magnitude = np.moveaxis(abs(bank.filter(filled)[:, 2::4, 2::4]), -1, 0)[6:]
    limits = np.quantile(magnitude, 0.25, axis=(0, 2))
    np.testing.assert_array_equal(counts[6:, 0], magnitude >= limits[:, None])
    np.testing.assert_array_equal(counts[6:, 0], counts[6:, 1])
    assert len(phase_code(np.zeros((40, 48)), bank)) == 0


def test_what_is_not_seen_has_no_part():
    image, seen = rng.random((40, 48)), np.zeros((40, 48), bool)
    seen[5:30, 8:40] = True
    for fill in (np.nan, np.inf, 1e6):
        one, other = (phase_code(np.where(seen, image, x), mask=seen) for x in (0, fill))
        np.testing.assert_array_equal(one.bits, other.bits)
        np.testing.assert_array_equal(one.mask, other.mask)
    assert not phase_code(image, mask=np.zeros((40, 48), bool)).mask.any()


def test_contrast_and_brightness_leave_a_code_as_it_is():
    image = rng.random((64, 64))
    one, other = phase_code(image), phase_code(30 * image + 100)
    np.testing.assert_array_equal(one.bits, other.bits)
    np.testing.assert_array_equal(one.mask, other.mask)


def test_distances_by_their_formula():
    shape = (7, 5)
    first, second = (PhaseCode(*rng.integers(0, 256, (2, *shape), np.uint8)) for _ in range(2))
    bits = [np.unpackbits(code.bits, axis=1).astype(bool) for code in (first, second)]
    mask = [np.unpackbits(code.mask, axis=1).astype(bool) for code in (first, second)]
    expected = {}
    for shift in range(-2, 3):
        both = mask[0] & np.roll(mask[1], shift, 0)
        expected[shift] = np.mean((bits[0] != np.roll(bits[1], shift, 0))[both]), both.sum()
    assert hamming_distance(first, second) == (expected[0][0], 0, expected[0][1])
    found = hamming_distance(first, second, shifts=2)
    assert found.distance == min(distance for distance, _ in expected.values())
    assert (found.distance, found.bits) == expected[found.shift]
    assert hamming_distance(second, first, shifts=2).shift == -found.shift


def test_opposite_and_incomparable_codes():
    code = phase_code(rng.random((64, 64)), weak=0)
    opposite = PhaseCode(~code.bits, code.mask)
    assert hamming_distance(code, opposite).distance == 1
    hidden = PhaseCode(code.bits, 0 * code.mask)
    assert hamming_distance(code, hidden, shifts=2) == (1.0, 0, 0)
    # Opposite in the only column that both have at any shift: a distance, and bits, all the same.
    column = np.zeros_like(code.mask)
    column[3] = 255
    moved = np.roll(column, 1, 0)
    found = hamming_distance(PhaseCode(code.bits, column), PhaseCode(~code.bits, moved), shifts=0)
    assert found == (1.0, 0, 0)
    one = PhaseCode(code.bits, column)
    other = PhaseCode(np.roll(~code.bits, 1, 0), moved)
    assert hamming_distance(one, other, shifts=1) == (1.0, -1, int(code.mask[3].size * 8))


def test_of_equal_shifts_the_nearest_wins():
    code = PhaseCode(np.full((6, 2), 170, np.uint8), np.full((6, 2), 255, np.uint8))
    assert hamming_distance(code, code, shifts=3) == (0.0, 0, 96)
    odd = PhaseCode(np.array([[255], [0]] * 3, np.uint8), np.full((6, 1), 255, np.uint8))
    turned = PhaseCode(np.roll(odd.bits, 1, 0), odd.mask)
    assert hamming_distance(odd, turned, shifts=3) == (0.0, -1, 48)


def test_codes_of_independent_pictures_differ_in_half_of_their_bits():
    codes = [phase_code(rng.normal(size=(96, 96))) for _ in range(8)]
    found = [hamming_distance(a, b).distance for i, a in enumerate(codes) for b in codes[:i]]
    assert np.mean(found) == pytest.approx(0.5, abs=0.01)
    assert np.std(found) < 0.03


# ---- irises ----


def test_the_ring_is_unwrapped_between_circles_of_two_centres():
    y, x = np.mgrid[:200, :240]
    angle = np.arctan2(y - 100.0, x - 120.0)
    unwrapped = unwrap_iris(angle, (100, 120, 20), (100, 120, 80), shape=(6, 8))
    inner = slice(1, 4)  # away from where the angle jumps
    expected = np.tile(np.deg2rad([45, 90, 135]), (6, 1))
    np.testing.assert_allclose(unwrapped.image[:, inner], expected, atol=0.02)
    # A linear picture shows the points themselves.
    rows = unwrap_iris(1.0 * y, PUPIL, IRIS, shape=(4, 8)).image
    share, turn = (np.arange(4)[:, None] + 0.5) / 4, np.arange(8) * np.pi / 4
    points = [c[0] + c[2] * np.sin(turn) for c in (PUPIL, IRIS)]
    np.testing.assert_allclose(rows, (1 - share) * points[0] + share * points[1])


def test_what_is_hidden_or_outside_is_not_seen():
    seen = np.ones((200, 240), bool)
    seen[:100] = False
    unwrapped = unwrap_iris(np.zeros((200, 240)), PUPIL, IRIS, mask=seen, shape=(16, 64))
    assert unwrapped.mask[:, 4:28].all()  # y grows downwards
    assert not unwrapped.mask[:, 36:60].any()
    outside = unwrap_iris(np.zeros((100, 240)), PUPIL, IRIS, shape=(16, 64))
    assert not outside.mask[:, 4:28].any()


def test_what_is_seen_in_part_is_not_seen():
    """Of a point between a seen and an unseen pixel the value is of both, however small a share."""
    seen = np.ones((200, 240), bool)
    seen[:, 150] = False
    turn = np.arange(16) * np.pi / 8
    unwrapped = unwrap_iris(np.zeros((200, 240)), PUPIL, IRIS, mask=seen, shape=(40, 16))
    share = (np.arange(40)[:, None] + 0.5) / 40
    x = (1 - share) * (PUPIL[1] + PUPIL[2] * np.cos(turn)) + share * (
        IRIS[1] + IRIS[2] * np.cos(turn)
    )
    expected = abs(x - 150) >= 1 - 1e-9
    np.testing.assert_array_equal(unwrapped.mask, expected)
    assert (abs(abs(x - 150) - 0.75) < 0.2).any()  # a quarter of such a point is unseen


def test_an_eye_is_told_from_others_whatever_its_turn_light_and_lid():
    persons = range(10)
    first = [code_of(*eye(person, noise=5)) for person in persons]
    changed = {"noise": 10, "seed": 1, "gain": 0.6, "cover": 0.25}
    second = [
        code_of(*eye(person, degrees=4.0 * (person % 5) - 8, **changed)) for person in persons
    ]
    same = [hamming_distance(a, b, shifts=5).distance for a, b in zip(first, second, strict=True)]
    different = [
        hamming_distance(a, b, shifts=5).distance
        for i, a in enumerate(first)
        for j, b in enumerate(second)
        if i != j
    ]
    assert max(same) < 0.25 < 0.33 < min(different)
    assert decidability(same, different) > 5
    plain = [hamming_distance(a, b).distance for i, a in enumerate(first) for b in first[:i]]
    assert np.mean(plain) == pytest.approx(0.5, abs=0.02)


def test_a_turned_eye_is_a_shifted_code():
    step = 360 / 128
    for columns in (0, 3, -5):
        found = hamming_distance(
            code_of(*eye(3, degrees=columns * step)), code_of(*eye(3)), shifts=8
        )
        assert found.shift == columns
        assert found.distance < 0.03


def test_an_iris_has_no_seam():
    ring = rng.random((64, 512))
    seen = np.ones(ring.shape, bool)
    one = iris_code(UnwrappedIris(ring, seen))
    other = iris_code(UnwrappedIris(np.roll(ring, 256, 1), np.roll(seen, 256, 1)))
    np.testing.assert_array_equal(np.roll(one.bits, 64, 0), other.bits)
    assert one.bits.shape == (128, 2 * len(iris_bank()) * 8 // 8)


def test_decidability_by_its_formula():
    same, different = rng.normal(0.1, 0.02, 50), rng.normal(0.45, 0.04, 80)
    spread = np.sqrt((np.var(same) + np.var(different)) / 2)
    expected = abs(np.mean(same) - np.mean(different)) / spread
    assert decidability(same, different) == pytest.approx(expected)
    assert decidability([0.1, 0.1], [0.4, 0.4]) == np.inf
    assert decidability([0.1, 0.1], [0.1, 0.1]) == 0


CODE = phase_code(np.eye(64))
EYE = np.zeros((50, 60))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: phase_code(EYE, mask=np.ones((5, 5), bool)), r"mask of shape \(5, 5\)"),
        (lambda: phase_code(EYE, mask=np.ones((50, 60))), "give booleans"),
        (lambda: phase_code(EYE, step=(0, 2)), r"step=\(0, 2\) is no pair"),
        (lambda: phase_code(EYE, step=4), "step=4 is no pair"),
        (lambda: phase_code(EYE, step=(200, 200)), "leaves no place in a picture of 50 x 60"),
        (lambda: phase_code(EYE, weak=1), "weak=1 is no share"),
        (lambda: hamming_distance(CODE, phase_code(EYE)), "cannot be compared"),
        (lambda: hamming_distance(CODE, CODE, shifts=-1), "shifts=-1 is no number"),
        (lambda: decidability([0.1], [0.2, 0.3]), "1 distances vary in no way"),
        (lambda: decidability([0.1, np.nan], [0.2, 0.3]), "two finite ones"),
        (lambda: unwrap_iris(EYE, (25, 30), (25, 30, 20)), r"pupil=\(25, 30\) is no circle"),
        (lambda: unwrap_iris(EYE, (25, 30, 5), (25, 30, -2)), "iris=.* is no circle"),
        (lambda: unwrap_iris(EYE, (25, 30, 5), (40, 30, 18)), "does not lie inside the iris"),
        (lambda: unwrap_iris(EYE, (25, 30, 5), (25, 30, 18), shape=(4,)), "shape=.* is no pair"),
        (
            lambda: unwrap_iris(EYE, (25, 30, 5), (25, 30, 18), mask=np.ones((5, 5), bool)),
            r"mask of shape \(5, 5\)",
        ),
    ],
)
def test_what_does_not_fit(call, message):
    with pytest.raises(gk.FeatureError, match=message):
        call()
