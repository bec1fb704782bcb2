"""Minutiae: vortices of a wave's phase found where they are, and damage told from ridges."""

from __future__ import annotations

import csv
import functools
import re
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from commands_for_tests import description, run
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

import gaborkit as gk
from gaborkit.vision.fingerprint import (
    FingerprintEnhancement,
    Minutiae,
    degrade_fingerprint,
    draw_minutiae,
    enhance_fingerprint,
    find_minutiae,
    synthetic_fingerprint,
)
from gaborkit.vision.fingerprint.skeleton import cleaned, crossing_number

NONE = Minutiae(np.empty((0, 2)), np.empty(0), np.empty(0, str), np.empty(0))


def vortices(shape, wavelength, theta, count, seed):
    """A wave with so many minutiae, each a turn of its phase (Larkin and Fletcher, 2007)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    phase = 2 * np.pi / wavelength * (x * np.cos(theta) + y * np.sin(theta))
    points = np.empty((0, 2))
    while len(points) < count:
        point = rng.uniform(5 * wavelength, np.array(shape) - 5 * wavelength)
        if (np.hypot(*(points - point).T) > 6 * wavelength).all():
            points = np.vstack([points, point])
    charges = rng.choice([-1, 1], count)
    for (row, column), charge in zip(points, charges, strict=True):
        phase += charge * np.arctan2(y - row, x - column)
    # One ridge more lies on the side to which the phase grows faster across.
    angles = np.arctan2(-charges * np.cos(theta), charges * np.sin(theta))
    return np.cos(phase), points, angles


def turned(one, other):
    return np.degrees(np.abs((one - other + np.pi) % (2 * np.pi) - np.pi))


@settings(max_examples=6, deadline=None)
@given(
    wavelength=st.sampled_from([4, 5.5, 9, 13]),
    theta=st.floats(0, 3.14),
    seed=st.integers(0, 99),
    ridges=st.sampled_from(["dark", "light"]),
)
def test_each_vortex_is_one_minutia_where_it_is(wavelength, theta, seed, ridges):
    shape = int(30 * wavelength), int(26 * wavelength)
    image, points, angles = vortices(shape, wavelength, theta, 4, seed)
    result = enhance_fingerprint(image, ridges=ridges, spacing=wavelength)
    minutiae = find_minutiae(result, ridges=ridges)
    assert len(minutiae) == 4
    distance, nearest = cKDTree(minutiae.position).query(points)
    assert sorted(nearest) == [0, 1, 2, 3]
    assert distance.max() < 0.7 * wavelength
    assert turned(minutiae.angle[nearest], angles).max() < 10


def test_what_ends_as_a_ridge_forks_as_a_valley():
    image, points, _ = vortices((270, 230), 9, 0.4, 4, 0)
    dark, light = (
        find_minutiae(enhance_fingerprint(image, ridges=ridges), ridges=ridges)
        for ridges in ("dark", "light")
    )
    one, other = (part.kind[cKDTree(part.position).query(points)[1]] for part in (dark, light))
    assert (one != other).all()


@functools.cache
def whorl():
    return synthetic_fingerprint((320, 256), kind="whorl", seed=1)


def matches(one, other, reach=9):
    """Shares of each table that the other has too, within a ridge and 45 degrees."""
    apart = np.hypot(*(one.position[:, None] - other.position).transpose(2, 0, 1))
    same = (apart < reach) & (turned(one.angle[:, None], other.angle) < 45)
    return same.any(1).mean(), same.any(0).mean()


def true_minutiae():
    truth = whorl()
    return find_minutiae(
        FingerprintEnhancement(
            np.where(truth.ridges, -1, 1) * truth.mask.astype("f4"),
            truth.ridges,
            truth.mask,
            truth.orientation.astype("f4"),
            truth.frequency.astype("f4"),
            np.ones(truth.mask.shape, "f4"),
        )
    )


@pytest.mark.parametrize(
    "damage",
    [{}, {"noise": 0.3}, {"scratches": 20}, {"noise": 0.2, "moisture": -0.5, "blur": 1}],
    ids=["none", "noise", "scratches", "dry"],
)
def test_damage_neither_makes_nor_hides_many(damage):
    image = degrade_fingerprint(whorl().image, seed=0, **damage)
    recalled, right = matches(true_minutiae(), find_minutiae(enhance_fingerprint(image)))
    assert recalled > 0.8
    assert right > 0.85


@pytest.mark.parametrize("scale", [0.4, 0.7, 2])
def test_a_print_of_another_size_has_the_same(scale):
    image = whorl().image
    height, width = (round(n * scale) for n in image.shape)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(image, (width, height), interpolation=method)
    own, other = (find_minutiae(enhance_fingerprint(x)) for x in (image, resized))
    other = Minutiae((other.position + 0.5) / scale - 0.5, other.angle, other.kind, other.quality)
    assert min(matches(own, other)) > 0.85


def test_quality_orders_the_table_and_limits_it():
    result = enhance_fingerprint(degrade_fingerprint(whorl().image, noise=0.3, seed=0))
    minutiae = find_minutiae(result)
    assert (np.diff(minutiae.quality) <= 0).all()
    limit = float(np.median(minutiae.quality))
    better = find_minutiae(result, least=limit)
    assert len(better) == (minutiae.quality >= limit).sum()
    assert [row[3] for row in better] == minutiae.kind[: len(better)].tolist()


def test_without_a_print_there_are_none():
    assert len(find_minutiae(enhance_fingerprint(np.zeros((64, 64))))) == 0


# ---- the skeleton ----


def drawn(*lines, shape=(60, 60)):
    plane = np.zeros(shape, np.uint8)
    for start, end in lines:
        cv2.line(plane, start[::-1], end[::-1], 1)
    return plane.view(bool)


RIDGE = ((30, 5), (30, 54))


@pytest.mark.parametrize(
    ("lines", "ends", "forks"),
    [
        ([RIDGE], 2, 0),
        ([RIDGE, ((30, 25), (26, 25))], 2, 0),  # a spur
        ([RIDGE, ((30, 25), (5, 25))], 3, 1),  # a ridge
        ([RIDGE, ((38, 5), (38, 54)), ((30, 25), (38, 25))], 4, 0),  # a bridge
        ([RIDGE, ((20, 20), (20, 26))], 2, 0),  # an island
        ([RIDGE, ((20, 5), (20, 54))], 4, 0),
        ([((30, 5), (30, 25)), ((30, 32), (30, 54))], 2, 0),  # a break
        ([((30, 5), (30, 20)), ((30, 40), (30, 54))], 4, 0),  # two ridges
        ([((26, 5), (26, 30)), ((34, 30), (34, 54))], 4, 0),  # endings side by side
    ],
    ids=["line", "spur", "fork", "bridge", "island", "lines", "break", "gap", "beside"],
)
def test_what_is_cleaned_and_what_stays(lines, ends, forks):
    skeleton = drawn(*lines)
    along, spacing = np.zeros(skeleton.shape), np.full(skeleton.shape, 9.0)
    number = crossing_number(cleaned(skeleton, along, spacing))
    assert ((number == 1).sum(), (number > 2).sum()) == (ends, forks)


def test_crossing_numbers_beside_the_definition():
    skeleton = np.random.default_rng(0).random((40, 30)) < 0.4
    padded = np.pad(skeleton, 1).astype(int)
    around = [(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1), (0, 1)]
    number = crossing_number(skeleton)
    for y, x in np.argwhere(skeleton):
        ring = [padded[1 + y + down, 1 + x + right] for down, right in around]
        assert number[y, x] == sum(abs(a - b) for a, b in pairwise(ring)) / 2
    assert not number[~skeleton].any()


# ---- drawn, and from the command ----


def test_drawn_where_they_are():
    one = Minutiae(
        np.array([[20.0, 30.0], [50.0, 10.0]]),
        np.array([0.0, np.pi / 2]),
        np.array(["ending", "bifurcation"]),
        np.ones(2),
    )
    picture = draw_minutiae(np.zeros((70, 60)), one, size=9)
    red, blue = (picture[..., channel] > 150 for channel in (0, 2))
    assert red[20, 36]
    assert red[:, :26].sum() == 0
    assert blue[57, 10]
    assert blue[:46].sum() == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: find_minutiae(r, ridges="black"), "ridges='black' is unknown"),
        (lambda r: find_minutiae(r, least=2), "least=2 is no quality; give a number from 0 to 1"),
        (lambda r: draw_minutiae(r.mask, NONE, size=0), "size=0 draws no line"),
    ],
)
def test_errors(call, message):
    with pytest.raises(gk.FeatureError, match=re.escape(message)):
        call(enhance_fingerprint(np.zeros((64, 64))))


def test_the_command(folder):
    image = (255 * whorl().image).astype(np.uint8)
    gk.write_image("print.png", image)
    result = run("minutiae", "print.png", "--out", "m.csv", "--overlay", "m.png", "--dpi", "500")
    assert (result.exit_code, result.stderr) == (0, "")
    minutiae = find_minutiae(enhance_fingerprint(image, spacing=9), least=0.3)
    with Path("m.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["kind"] for row in rows] == minutiae.kind.tolist()
    for name, values in (
        ("y", minutiae.position[:, 0]),
        ("x", minutiae.position[:, 1]),
        ("angle_degrees", np.degrees(minutiae.angle)),
        ("quality", minutiae.quality),
    ):
        assert [float(row[name]) for row in rows] == pytest.approx(values, abs=0.051)
    said = description("m.csv")
    assert said["minutiae"] == len(rows) == said["ending"] + said["bifurcation"]
    assert gk.read_image("m.png").shape == (*image.shape, 3)


def test_the_scanner_s_resolution_stands_for_the_spacing(folder):
    gk.write_image("print.png", (255 * whorl().image).astype(np.uint8))
    for name, *told in (("a", "--dpi", 1000), ("b", "--spacing", 18)):
        assert run("enhance", "print.png", "--out", f"{name}.npy", *told).exit_code == 0
    assert Path("a.npy").read_bytes() == Path("b.npy").read_bytes()
    result = run("enhance", "print.png", "--out", "c.npy", "--dpi", 1000, "--spacing", 9)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --dpi 1000 and --spacing 9 both tell the distance")
    assert not Path("c.npy").exists()
