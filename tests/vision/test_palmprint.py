"""Palmprints: the competitive code and angular distance by the article; palms told apart."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from commands_for_tests import run
from hypothesis import given, settings
from hypothesis import strategies as st

import gaborkit as gk
from gaborkit.features import decidability
from gaborkit.vision import (
    CompetitiveCode,
    angular_distance,
    competitive_code,
    synthetic_palm,
)
from gaborkit.vision.error_rates import equal_error_rate
from gaborkit.vision.palmprint import palm_bank

RNG = np.random.default_rng(0)


def test_kernels_are_the_article_s():
    # psi = w / (sqrt(2 pi) k) exp(-w^2 / (8 k^2) (4 x'^2 + y'^2)) (exp(i w x') - exp(-k^2 / 2))
    delta, wavelength = 1.5, 12.6
    kappa = math.sqrt(2 * math.log(2)) * (2**delta + 1) / (2**delta - 1)
    omega = 2 * math.pi / wavelength
    for k, kernel in enumerate(palm_bank()):
        samples = kernel.sample()
        rows, columns = (n // 2 for n in samples.shape)
        y, x = np.mgrid[-rows : rows + 1, -columns : columns + 1]
        theta = k * math.pi / 6
        across = x * math.cos(theta) + y * math.sin(theta)
        along = -x * math.sin(theta) + y * math.cos(theta)
        envelope = np.exp(-(omega**2) / (8 * kappa**2) * (4 * across**2 + along**2))
        wave = envelope * (np.exp(1j * omega * across) - math.exp(-(kappa**2) / 2))
        wave *= samples[rows, columns].real / wave[rows, columns].real
        np.testing.assert_allclose(samples, wave, atol=5e-3 * abs(samples).max())


@pytest.mark.parametrize("turn", range(6))
def test_a_dark_line_is_coded_by_its_orientation(turn):
    y, x = np.mgrid[:96, :96] - 48.0
    theta = turn * math.pi / 6
    line = 1 - np.exp(-((x * math.cos(theta) + y * math.sin(theta)) ** 2) / 18)
    assert competitive_code(line, step=(1, 1)).index[48, 48] == turn
    assert competitive_code(40 * line + 7, step=(1, 1)).index[48, 48] == turn


def code_of(index, mask=True):
    index = np.asarray(index, np.uint8)
    return CompetitiveCode(index, np.broadcast_to(np.asarray(mask), index.shape))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), shifts=st.tuples(st.integers(0, 2), st.integers(0, 3)))
def test_distances_by_the_equation_and_shifts(seed, shifts):
    rng = np.random.default_rng(seed)
    one, other = (code_of(rng.integers(0, 6, (7, 8)), rng.random((7, 8)) < 0.8) for _ in range(2))
    best = (2.0,)
    for down in range(-shifts[0], shifts[0] + 1):
        for right in range(-shifts[1], shifts[1] + 1):
            total = count = 0
            for y in range(7):
                for x in range(8):
                    v, u = y - down, x - right
                    if 0 <= v < 7 and 0 <= u < 8 and one.mask[y, x] and other.mask[v, u]:
                        a, b = int(one.index[y, x]), int(other.index[v, u])
                        total += min(abs(a - b), 6 - abs(a - b))
                        count += 1
            if count:
                best = min(best, (total / (3 * count),))
    compared = angular_distance(one, other, shifts=shifts)
    assert compared.distance == pytest.approx(best[0])
    assert angular_distance(other, one, shifts=shifts).distance == pytest.approx(best[0])


def test_codes_at_right_angles_are_as_far_as_can_be():
    flat = np.zeros((4, 4), int)
    assert angular_distance(code_of(flat), code_of(flat + 3)).distance == 1
    assert angular_distance(code_of(flat), code_of(flat + 5)).distance == pytest.approx(1 / 3)
    nothing = angular_distance(code_of(flat), code_of(flat, False))
    assert (nothing.distance, nothing.places) == (1, 0)


def test_a_moved_palm_is_found_by_its_shift():
    image = RNG.random((128, 128))
    compared = angular_distance(
        competitive_code(image), competitive_code(np.roll(image, (-8, 4), (0, 1)))
    )
    assert compared.shift == (2, -1)
    assert compared.distance < 0.1


def test_palms_are_told_apart():
    codes = [[competitive_code(synthetic_palm(p, k)) for p in range(8)] for k in range(2)]
    table = np.array([[angular_distance(a, b).distance for b in codes[1]] for a in codes[0]])
    same, different = np.diag(table), table[~np.eye(8, dtype=bool)]
    assert equal_error_rate(same, different) == 0
    assert decidability(same, different) > 4
    assert np.array_equal(synthetic_palm(1, 2), synthetic_palm(1, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: competitive_code(RNG.random((9, 9)), gk.GaborBank.grid(1, 4)), "a bank of 4 kern"),
        (lambda: competitive_code(RNG.random((9, 9)), step=(40, 4)), "a step of 40 x 4 leaves no"),
        (lambda: palm_bank(0), "wavelength=0, bandwidth=1.5: give pixels and octaves above 0"),
        (
            lambda: angular_distance(code_of(np.zeros((4, 4))), code_of(np.zeros((4, 5)))),
            "codes of (4, 4) and (4, 5) places cannot be compared",
        ),
        (
            lambda: angular_distance(*[code_of(np.zeros((4, 4)))] * 2, shifts=(4, 1)),
            "shifts=(4, 1) are no two whole numbers",
        ),
        (lambda: synthetic_palm(-1), "person=-1 is out of range; give a whole number from 0"),
        (lambda: synthetic_palm(1, noise=-1), "noise=-1 is no deviation"),
    ],
)
def test_errors(call, message):
    with pytest.raises(gk.FeatureError, match=re.escape(message)):
        call()


def test_the_command(folder):
    for name, key in (("a", (1, 0)), ("b", (1, 1)), ("c", (2, 0))):
        gk.write_image(f"{name}.png", (255 * synthetic_palm(*key)).astype(np.uint8))
    same, other = (run("palm", "a.png", name) for name in ("b.png", "c.png"))
    assert same.stdout.startswith("same=yes distance=0.")
    assert other.stdout.startswith("same=no distance=0.")
    codes = [competitive_code(gk.read_image(f"{name}.png")) for name in "ab"]
    said = json.loads(run("palm", "a.png", "b.png", "--json").stdout)
    assert said["distance"] == angular_distance(*codes).distance
    gk.write_image("small.png", gk.read_image("a.png")[:50])
    gk.write_image("flat.png", np.full((128, 128), 9, np.uint8))
    for name, message in (("small.png", "cannot be compared"), ("flat.png", "has no lines")):
        result = run("palm", "a.png", name)
        assert result.exit_code == 1
        assert message in result.stderr
        assert result.stderr.count("\n") == 1
