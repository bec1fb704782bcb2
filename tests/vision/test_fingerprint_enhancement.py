"""Prints whose ridges are known: grown, spoiled, enhanced."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
from fingerprints_for_tests import apart, grating, small_print

import gaborkit as gk
from gaborkit.vision.fingerprint import (
    degrade_fingerprint,
    enhance_fingerprint,
    normalize,
    ridge_frequency,
    ridge_mask,
    ridge_orientation,
    synthetic_fingerprint,
    thin_ridges,
    tuned_filter,
)

rng = np.random.default_rng(0)

SPOILED = [
    {"noise": 0.3},
    {"noise": 0.1, "moisture": -0.7},
    {"noise": 0.1, "moisture": 0.7},
    {"noise": 0.1, "scratches": 10},
]


def agreement(binary, ridges, mask):
    return (binary == ridges)[mask].mean()


@pytest.mark.parametrize("damage", SPOILED, ids=str)
def test_ridges_are_found_again_where_a_threshold_loses_them(damage):
    truth = small_print("whorl")
    spoiled = degrade_fingerprint(truth.image, seed=1, **damage)
    found = enhance_fingerprint(spoiled)
    both = found.mask & truth.mask
    assert both.sum() > 0.8 * truth.mask.sum()
    after = agreement(found.binary, truth.ridges, both)
    before = agreement(spoiled < np.median(spoiled[both]), truth.ridges, both)
    assert after > 0.9
    assert after > before + 0.035
    assert np.median(apart(found.orientation, truth.orientation)[both]) < 5
    assert np.median(abs(found.frequency / truth.frequency - 1)[both]) < 0.06


def test_the_result_is_that_of_the_steps():
    image = small_print().image
    found = enhance_fingerprint(image, spacing=9)  # the steps' own lengths
    level = normalize(image)
    theta = ridge_orientation(level).theta
    frequency, quality = ridge_frequency(level, theta)
    mask = ridge_mask(level, quality=quality)
    enhanced = tuned_filter(level, theta, frequency, mask=mask)
    steps = (enhanced, mask & (enhanced < 0), mask, theta, frequency, quality)
    for one, other in zip(found, steps, strict=True):
        assert np.array_equal(one, other)
    assert [part.dtype.name for part in found] == [
        *("float32", "bool", "bool", "float32", "float32", "float32")
    ]
    assert not found.enhanced[~found.mask].any()


def test_contrast_and_level_change_nothing_and_ridges_may_be_light():
    image = small_print().image.astype(float)
    found = enhance_fingerprint(image)
    for other in (
        enhance_fingerprint(40 * image + 9),
        enhance_fingerprint(1 - image, ridges="light"),
    ):
        assert np.array_equal(other.mask, found.mask)
        assert (other.binary != found.binary).mean() < 1e-3
        assert np.abs(np.abs(other.enhanced) - np.abs(found.enhanced)).max() < 1e-5
    quantised = enhance_fingerprint((255 * image).astype(np.uint8))
    assert (quantised.binary != found.binary).mean() < 0.01


def test_a_bank_may_find_the_orientation():
    truth = small_print()
    found = enhance_fingerprint(truth.image, orientation="gabor")
    both = found.mask & truth.mask
    assert agreement(found.binary, truth.ridges, both) > 0.9


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_a_constant_picture_has_an_empty_mask_and_no_nan(dtype):
    found = enhance_fingerprint(np.full((80, 70), 100, dtype))
    assert all(not part.any() and np.isfinite(part).all() for part in found)


def test_noise_has_next_to_no_ridges():
    assert enhance_fingerprint(rng.standard_normal((192, 192))).mask.mean() < 0.1


def test_a_broken_grating_is_mended():
    image = grating((128, 128), 9, 0.5)
    broken = image.copy()
    broken[60:66] = 0
    found = enhance_fingerprint(broken, ridges="light")
    middle = np.s_[24:-24, 24:-24]
    assert agreement(found.binary[middle], image[middle] > 0, np.s_[:]) > 0.97


@pytest.mark.parametrize("shape", [(33, 40), (47, 32), (50, 331)])
def test_awkward_sizes(shape):
    found = enhance_fingerprint(grating(shape, 8, 1.1))
    assert all(part.shape == shape for part in found)


def test_options_and_pictures_that_do_not_work():
    image = np.zeros((64, 64))
    with pytest.raises(gk.FeatureError, match="ridges='black' is unknown; choose dark or light"):
        enhance_fingerprint(image, ridges="black")
    with pytest.raises(gk.ImageError, match="a picture of 20 x 64 pixels is smaller than a window"):
        enhance_fingerprint(image[:20])
    with pytest.raises(gk.FeatureError, match="block=0"):
        enhance_fingerprint(image, block=0)
    with pytest.raises(gk.ImageError, match="channel_axis=-1 if these are colours"):
        enhance_fingerprint(np.zeros((64, 64, 3)))


# ---- thinning ----


def test_thinned_ridges_are_lines_in_the_middle():
    ridges = grating((96, 96), 12, 0.4) > 0
    lines = thin_ridges(ridges)
    assert not (lines & ~ridges).any()
    assert lines.sum() < 0.35 * ridges.sum()
    count = lines.astype(int)
    assert (count[:-1, :-1] + count[1:, :-1] + count[:-1, 1:] + count[1:, 1:]).max() < 4


@pytest.mark.parametrize("wrong", [np.zeros((9, 9)), np.zeros((2, 9, 9), bool)])
def test_what_cannot_be_thinned(wrong):
    with pytest.raises(gk.ImageError, match="are not one plane of booleans"):
        thin_ridges(wrong)


# ---- prints that never were ----


@pytest.mark.parametrize("kind", ["arch", "loop", "whorl"])
def test_a_print_has_the_fields_that_it_was_grown_in(kind):
    truth = synthetic_fingerprint((200, 160), kind=kind, seed=2)
    inner = truth.mask & (np.hypot(*np.indices(truth.mask.shape)) > 0)
    found = ridge_orientation(truth.image)
    assert np.median(apart(found.theta, truth.orientation)[inner]) < 5
    frequency = ridge_frequency(truth.image, truth.orientation).frequency
    assert np.median(abs(frequency / truth.frequency - 1)[inner]) < 0.06
    assert 0.3 < truth.ridges[truth.mask].mean() < 0.7
    assert not truth.ridges[~truth.mask].any()
    assert (truth.image[~truth.mask] == 1).all()


def winding(theta, y, x, radius):
    """Turns of an undirected direction on a circle, in the sense from +x towards +y."""
    angles = np.linspace(0, 2 * np.pi, 400)
    ring = theta[
        np.rint(y + radius * np.sin(angles)).astype(int),
        np.rint(x + radius * np.cos(angles)).astype(int),
    ]
    steps = (np.diff(ring) + np.pi / 2) % np.pi - np.pi / 2
    return round(float(steps.sum() / (2 * np.pi)), 2)


def test_ridges_turn_by_half_around_a_core_and_back_around_a_delta():
    truth = synthetic_fingerprint((200, 160), kind="loop", iterations=1)
    assert winding(truth.orientation, 0.42 * 200, 0.48 * 160, 15) == 0.5
    assert winding(truth.orientation, 0.82 * 200, 0.78 * 160, 15) == -0.5
    whorl = synthetic_fingerprint((200, 160), kind="whorl", iterations=1)
    assert winding(whorl.orientation, 0.44 * 200, 0.5 * 160, 35) == 1.0
    arch = synthetic_fingerprint((200, 160), kind="arch", iterations=1)
    assert winding(arch.orientation, 100, 80, 60) == 0


def test_seeds_decide():
    one, same, other = (synthetic_fingerprint((96, 96), iterations=2, seed=n) for n in (1, 1, 2))
    assert np.array_equal(one.image, same.image)
    assert not np.array_equal(one.image, other.image)
    spoil = {"noise": 0.1, "scratches": 3, "moisture": -0.3}
    first, again = (degrade_fingerprint(one.image, seed=4, **spoil) for _ in range(2))
    assert np.array_equal(first, again)
    generator = np.random.default_rng(1)
    assert np.array_equal(
        synthetic_fingerprint((96, 96), iterations=2, seed=generator).image, one.image
    )


def test_each_damage_does_what_it_says():
    image = small_print().image
    mask = small_print().mask
    assert np.array_equal(degrade_fingerprint(image), image)
    noisy = degrade_fingerprint(np.full_like(image, 0.5), noise=0.05)
    assert noisy.std() == pytest.approx(0.05, rel=0.03)
    assert degrade_fingerprint(image, moisture=0.8)[mask].mean() < image[mask].mean() - 0.1
    assert degrade_fingerprint(image, moisture=-0.8)[mask].mean() > image[mask].mean() + 0.1
    assert (degrade_fingerprint(image, moisture=0.8)[0] == 1).all()  # the background stays dry
    scratched = degrade_fingerprint(image, scratches=4)
    assert (scratched >= image).all()
    assert 0 < (scratched != image).mean() < 0.2
    assert degrade_fingerprint(image, blur=2).std() < image.std()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": (40, 90)}, "shape=(40, 90) holds no print"),
        ({"kind": "tented"}, "kind='tented' is unknown; choose one of arch, loop, whorl"),
        ({"wavelength": 2}, "wavelength=2 makes no print of 96 x 96 pixels; give 4 to 24"),
        ({"variation": 0.5}, "variation=0.5 is not between 0 and 1/2"),
        ({"iterations": 0}, "iterations=0 grow no ridges"),
    ],
)
def test_options_of_synthetic_prints(options, message):
    with pytest.raises(gk.FeatureError, match=re.escape(message)):
        synthetic_fingerprint(**({"shape": (96, 96)} | options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": -1}, "noise=-1 spoils nothing"),
        ({"blur": np.inf}, "blur=inf spoils nothing"),
        ({"scratches": -2}, "scratches=-2 spoils nothing"),
        ({"moisture": 2}, "moisture=2 is not between -1, dry, and 1, wet"),
    ],
)
def test_options_of_damage(options, message):
    with pytest.raises(gk.FeatureError, match=re.escape(message)):
        degrade_fingerprint(np.ones((64, 64), np.float32), **options)


def test_it_loads_no_torch_and_import_loads_nothing_heavy():
    code = "import sys, numpy; import gaborkit.vision.fingerprint as f; print(*sys.modules);"
    code += "f.enhance_fingerprint(numpy.eye(64)); print(*sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    at_import, after = (set(line.split()) for line in output.splitlines())
    assert not at_import & {"torch", "cv2", "matplotlib", "PIL"}
    # SciPy and scikit-image load their parts at first use.
    parts = {name for name in at_import if name.startswith(("scipy.", "skimage."))}
    assert not parts & {f"scipy.{part}" for part in ("ndimage", "fft", "sparse", "signal", "stats")}
    assert not parts & {f"skimage.{part}" for part in ("morphology", "measure", "filters")}
    assert "torch" not in after
