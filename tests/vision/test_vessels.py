"""Vessels: lines and wavelets by their definitions, within a field of view; models; the command."""

from __future__ import annotations

import functools
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from commands_for_tests import description, run
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import correlate, map_coordinates
from skimage.filters import frangi, sato
from sklearn.metrics import roc_auc_score, roc_curve

import gaborkit as gk
from gaborkit.vision import (
    VesselModel,
    field_of_view,
    find_vessels,
    fit_vessels,
    synthetic_vessels,
    vessel_responses,
    widest_vessel,
)
from gaborkit.vision.error_rates import area_under_roc, equal_error_rate
from gaborkit.vision.vessels import vessel_bank

RNG = np.random.default_rng(0)


@functools.cache
def fundus(seed=0):
    return synthetic_vessels((240, 240), width=5, seed=seed)


@functools.cache
def model():
    return fit_vessels([fundus().image], [fundus().vessels], [fundus().field], width=5)


def standard(values):
    return (values - values.mean()) / values.std()


# ---- the maps, by the articles' equations ----


def test_line_detectors_are_the_strongest_mean_along_a_line_less_that_of_the_window():
    image = RNG.random((40, 44))
    maps = vessel_responses(image, method="line", vessels="bright", width=7)
    assert maps.names == ("intensity", *(f"line_{length}" for length in range(1, 16, 2)))
    window = correlate(image, np.full((15, 15), 1 / 225), mode="reflect")
    for length in (1, 7, 15):
        lines = []
        for turn in range(12):
            angle = math.pi * turn / 12
            step = np.array([math.sin(angle), math.cos(angle)])
            step /= abs(step).max()
            weights = np.zeros((15, 15))
            for k in range(-(length // 2), length // 2 + 1):
                row, column = np.rint(k * step).astype(int)
                weights[7 + row, 7 + column] = 1 / length
            lines.append(correlate(image, weights, mode="reflect"))
        expected = standard(np.max(lines, 0) - window)
        np.testing.assert_allclose(maps[f"line_{length}"], expected, atol=2e-5)


def test_the_wavelets_are_those_of_the_article():
    for k, a in ((0, 2.0), (36, 4.0)):  # the first orientation of two scales
        samples = vessel_bank()[k].sample()
        reach = samples.shape[0] // 2
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1] / a
        # psi with k0 = (0, 3) and A = diag(4 ** -0.5, 1), whose wave runs along +x here.
        envelope = np.exp(-(x**2 + y**2 / 4) / 2)
        wave = np.exp(3j * x) * envelope
        wave -= envelope * wave.sum() / envelope.sum()
        wave *= samples[reach, reach] / wave[reach, reach]
        np.testing.assert_allclose(samples, wave, atol=2e-3 * abs(samples).max())
    assert len(vessel_bank()) == 4 * 18


def test_gabor_maps_are_the_strongest_magnitudes_of_each_scale():
    image = RNG.random((48, 50))
    maps = vessel_responses(image, method="gabor", vessels="bright", width=7)
    magnitudes = vessel_bank().filter(standard(image), part="magnitude").reshape(4, 18, 48, 50)
    for name, plane in zip(maps.names[1:], magnitudes.max(1), strict=True):
        np.testing.assert_allclose(maps[name], standard(plane), atol=1e-4)


@settings(max_examples=6, deadline=None)
@given(gain=st.floats(0.1, 300), level=st.floats(-50, 50), method=st.sampled_from(["line", "both"]))
def test_contrast_level_and_what_is_outside_change_nothing(gain, level, method):
    image, field = fundus().image[60:180, :120], fundus().field[60:180, :120]
    maps = vessel_responses(image, mask=field, method=method, width=5).to_numpy()
    other = np.where(field, gain * image.astype(float) + level, np.nan)
    again = vessel_responses(other, mask=field, method=method, width=5).to_numpy()
    np.testing.assert_allclose(again, maps, atol=2e-3)
    assert not maps[:, ~field].any()
    np.testing.assert_allclose(maps[:, field].mean(1), 0, atol=1e-4)
    np.testing.assert_allclose(maps[:, field].std(1), 1, atol=1e-4)


def test_the_field_tells_the_width():
    image, field = fundus().image, fundus().field
    width = 7 / 540 * math.sqrt(4 / math.pi * field.sum())
    for mask, expected in (
        (field, max(3.5, width)),
        (None, 7 / 540 * math.sqrt(4 / math.pi) * 240),
    ):
        found = find_vessels(image, mask=mask).score
        np.testing.assert_array_equal(found, find_vessels(image, mask=mask, width=expected).score)
    learned = fit_vessels([image], [fundus().vessels], [field])
    assert learned.width is None
    same = learned.with_width(max(3.5, width)).predict(image, mask=field)
    np.testing.assert_array_equal(learned.predict(image, mask=field).score, same.score)
    field_with_nan = np.where(field, 1, np.nan)
    np.testing.assert_array_equal(
        find_vessels(image, mask=field_with_nan).score, find_vessels(image, mask=field).score
    )


def test_the_widest_vessel_of_any_mask():
    width = 7 / 540 * math.sqrt(4 / math.pi) * 600
    field = np.ones((600, 600))
    for one in (field, 255 * field.astype(np.uint8), np.pad(field, 5, constant_values=np.nan)):
        assert widest_vessel(one) == pytest.approx(width)
    assert widest_vessel([[1, 0]]) == 3.5


def test_bright_vessels_are_dark_ones_of_the_negative():
    image = fundus().image[:100, :90]
    one = find_vessels(image, width=5)
    other = find_vessels(1 - image, width=5, vessels="bright")
    np.testing.assert_allclose(one.score, other.score, atol=1e-3)


# ---- how well ----


@pytest.mark.parametrize("seed", [20, 21])
def test_more_is_found_than_by_frangi_and_sato_and_more_by_examples(seed):
    image, vessels, field = fundus(seed)
    auc = {
        method: area_under_roc(
            find_vessels(image, mask=field, method=method, width=5).score[field], vessels[field]
        )
        for method in ("line", "gabor", "both")
    }
    filled = np.where(field, image, image[field].mean())
    peers = [
        roc_auc_score(vessels[field], peer(filled, sigmas=[1, 1.5, 2], black_ridges=True)[field])
        for peer in (frangi, sato)
    ]
    learned = model().predict(image, mask=field)
    assert min(auc.values()) > 0.85
    assert auc["both"] > max(*peers, auc["line"], auc["gabor"])
    assert area_under_roc(learned.score[field], vessels[field]) > auc["both"]
    assert (learned.mask == vessels)[field].mean() > 0.91


def test_a_picture_of_twice_the_size_with_twice_the_width():
    image, _, field = fundus()
    y, x = (np.mgrid[:480, :480] + 0.5) / 2 - 0.5
    large = map_coordinates(image, [y, x], order=1, mode="nearest")
    whole = np.repeat(np.repeat(field, 2, 0), 2, 1)
    one = find_vessels(image, mask=field, width=5)
    two = find_vessels(large, mask=whole, width=10)
    both = field & two.mask.reshape(240, 2, 240, 2).any((1, 3)) | one.mask
    assert (two.mask[::2, ::2] & one.mask).sum() > 0.8 * min(one.mask.sum(), both.sum())


def test_a_constant_picture_has_none():
    result = find_vessels(np.full((60, 60), 7.0))
    assert not result.mask.any()
    assert not result.score.any()


# ---- trees ----


def test_trees_are_functions_of_the_seed_and_are_dark():
    one, same, other = (synthetic_vessels((96, 90), width=3, seed=s) for s in (3, 3, 4))
    assert np.array_equal(one.image, same.image)
    assert not np.array_equal(one.image, other.image)
    image, vessels, field = fundus()
    ground = image[field & ~vessels].mean()
    assert image[vessels].mean() < ground - 0.02
    assert 0.05 < vessels[field].mean() < 0.3
    assert image[~field].max() < 0.2


def test_the_field_of_view():
    image, _, field = fundus()
    seen = field_of_view(image)
    assert not (seen & ~field).any()
    assert seen.sum() > 0.93 * field.sum()
    colour = np.dstack([image, image / 2, image / 3])
    assert (field_of_view(colour) == seen).all()
    assert field_of_view(image[80:160, 80:160]).all()
    assert field_of_view(np.zeros((30, 30))).all()


# ---- models ----


def test_a_model_is_saved_and_read_again(tmp_path):
    model().save(tmp_path / "model.npz")
    again = VesselModel.load(tmp_path / "model.npz")
    image, _, field = fundus(20)
    one, other = (x.predict(image, mask=field) for x in (model(), again))
    assert np.array_equal(one.score, other.score)
    assert one.score[field].min() >= 0
    assert one.score.max() <= 1
    assert again.with_width(9).width == 9


def test_damaged_models(tmp_path):
    path = tmp_path / "model.npz"
    model().save(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(gk.FeatureError, match=r"damaged or no model of vessels; VesselModel\.save"):
        VesselModel.load(path)
    with pytest.raises(gk.FeatureError, match="No such file"):
        VesselModel.load(tmp_path / "none.npz")
    other = VesselModel("line", "dark", 5.0, np.zeros(3), np.array(0.0))
    with pytest.raises(gk.FeatureError, match="3 weights does not fit 54 maps and products"):
        other.predict(np.zeros((40, 40)))


IMAGE = RNG.random((40, 40))
TRUTH = IMAGE > 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: vessel_responses(IMAGE, method="lines"), "method='lines' is unknown"),
        (lambda: vessel_responses(IMAGE, vessels="red"), "vessels='red' is unknown"),
        (lambda: vessel_responses(IMAGE, width=1), "width=1 is no width of vessels"),
        (
            lambda: vessel_responses(IMAGE, width=21),
            "vessels 21 pixels wide do not fit into 40 x 40 pixels",
        ),
        (lambda: find_vessels(IMAGE, threshold=np.nan), "threshold=nan is no limit"),
        (lambda: fit_vessels([IMAGE], []), "0 truths and 1 fields do not fit 1 pictures"),
        (lambda: fit_vessels([IMAGE], [TRUTH[:5]]), "a truth of shape (5, 40) does not fit"),
        (lambda: fit_vessels([IMAGE], [TRUTH & False]), "the truths hold one class"),
        (lambda: synthetic_vessels((9, 9)), "shape=(9, 9) holds no tree"),
        (lambda: synthetic_vessels(width=1), "width=1 is no width of vessels in 400 x 400"),
        (lambda: synthetic_vessels(noise=-1), "noise=-1 is no deviation"),
        (lambda: synthetic_vessels(lesions=-1), "lesions=-1 is no number of blobs"),
        (lambda: area_under_roc([1, 2], [True]), "truth of shape (1,) does not fit"),
        (lambda: area_under_roc([1, 2], [True, True]), "2 of 2 are true: both kinds"),
        (lambda: area_under_roc([1, np.inf], [True, False]), "scores of 2 values: give finite"),
        (lambda: equal_error_rate([], [1]), "same of 0 values: give finite numbers"),
    ],
)
def test_errors(call, message):
    with pytest.raises(gk.FeatureError, match=re.escape(message)):
        call()


# ---- rates ----


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=40))
def test_the_area_is_scikit_learn_s_and_rates_cross(pairs):
    scores, truth = (np.array(part) for part in zip(*pairs, strict=True))
    if truth.all() or not truth.any():
        return
    assert area_under_roc(scores, truth) == pytest.approx(roc_auc_score(truth, scores))
    false, true, _ = roc_curve(truth, scores, drop_intermediate=False)
    share = np.linspace(0, 1, 20001)
    gaps = np.interp(share, np.arange(len(false)) / (len(false) - 1), false - (1 - true))
    crossing = share[np.argmax(gaps >= 0)] * (len(false) - 1)
    expected = np.interp(crossing, np.arange(len(false)), false)
    rate = equal_error_rate(-scores[truth], -scores[~truth])
    assert rate == pytest.approx(expected, abs=2e-3)


# ---- the command ----


def test_the_command(folder):
    image, vessels, field = fundus()
    bytes_ = (255 * image).astype(np.uint8)
    gk.write_image("fundus.png", np.dstack([bytes_ // 2, bytes_, bytes_ // 3]))
    gk.write_image("field.png", field)
    gk.write_image("truth.png", vessels)
    words = ["--field", "field.png", "--truth", "truth.png", "--width", 5]
    result = run(
        *("vessels", "fundus.png", "--out", "o.png", "--score", "s.tif", "--overlay", "v.png"),
        *words,
    )
    assert (result.exit_code, result.stderr) == (0, "")
    expected = find_vessels(bytes_, mask=field, width=5)
    assert np.array_equal(gk.read_image("o.png") > 0, expected.mask)
    assert np.array_equal(gk.read_image("s.tif"), expected.score)
    said = description("o.png")
    assert said["auc"] == pytest.approx(area_under_roc(expected.score[field], vessels[field]))
    assert f"AUC {said['auc']:.4f}" in result.stdout
    assert run("vessels", "fundus.png", "--out", "p.npy", "--save", "m.npz", *words).exit_code == 0
    again = run("vessels", "fundus.png", "--out", "q.npy", "--model", "m.npz", *words)
    assert again.exit_code == 0, again.stderr
    assert np.array_equal(gk.read_image("p.npy"), gk.read_image("q.npy"))
    assert description("q.npy")["auc"] > said["auc"]


def test_a_folder_of_pictures(folder):
    for name in ("eyes", "drawn", "fields"):
        Path(name).mkdir()
    for seed in (0, 1):
        one = fundus(seed)
        gk.write_image(f"eyes/{seed}.png", (255 * one.image).astype(np.uint8))
        gk.write_image(f"drawn/{seed}.tif", one.vessels)
        gk.write_image(f"fields/{seed}.npy", one.field)
    words = ["--field", "fields", "--truth", "drawn", "--width", 5, "--out", "o", "--score", "s"]
    result = run("vessels", "eyes", *words, "--save", "m.npz")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "o: vessels of 2 pictures; mean AUC 0.9" in result.stdout
    pictures = [gk.read_image(f"eyes/{seed}.png") for seed in (0, 1)]
    truths, fields = ([getattr(fundus(k), name) for k in (0, 1)] for name in ("vessels", "field"))
    learned = fit_vessels(pictures, truths, fields, width=5)
    assert np.array_equal(VesselModel.load("m.npz").weights, learned.weights)
    for seed in (0, 1):
        found = learned.predict(pictures[seed], mask=fields[seed])
        assert np.array_equal(gk.read_image(f"o/{seed}.png") > 0, found.mask)
        assert gk.read_image(f"s/{seed}.png").dtype == np.uint8
    Path("eyes/bad.png").write_bytes(b"")
    Path("eyes/2.png").write_bytes(Path("eyes/1.png").read_bytes())
    result = run("vessels", "eyes", "--out", "p", "--overlay", "v", "--width", 5)
    assert result.exit_code == 1
    assert "bad.png: is empty" in result.stderr
    assert result.stderr.endswith("error: 1 of 4 pictures could not be searched\n")
    assert len(list(Path("v").glob("*.png"))) == len(list(Path("p").glob("*.png"))) == 3
    Path("eyes/bad.png").unlink()
    result = run("vessels", "eyes", *words)
    assert (result.exit_code, "there is no field for it in fields" in result.stderr) == (1, True)
    result = run("vessels", "eyes/0.png", "eyes/1.png", "--truth", "drawn/0.tif", "--out", "o")
    assert "--truth drawn/0.tif is one file for 2 pictures: give a folder" in result.stderr
    # What earlier runs have left in the folder is no picture to be searched.
    for _ in range(2):
        words = ["--recursive", "--out", "eyes/found", "--overlay", "eyes/marked", "--width", 5]
        result = run("vessels", "eyes", *words)
        assert (result.exit_code, result.stdout) == (0, "eyes/found: vessels of 3 pictures\n")
    result = run("vessels", "eyes", "--out", "o.png")
    assert "--out o.png is one file, not a folder for 3 pictures" in result.stderr
    result = run(
        "vessels", "eyes/0.png", "eyes/1.png", "--field", "fields/0.npy", "--out", "q", "--json"
    )
    said = json.loads(result.stdout)
    assert [one["input"] for one in said["pictures"]] == ["eyes/0.png", "eyes/1.png"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--save", "m.npz"], 2, "--save m.npz learns from known vessels: give --truth too"),
        (["--save", "m.npz", "--truth", "o.png", "--model", "a"], 2, "give one of them"),
        (["--model", "a", "--method", "line"], 2, "--method line is of the model a"),
        (["--model", "a", "--vessels", "dark"], 2, "--vessels dark is of the model a"),
        (["--model", "grey.png"], 1, "grey.png: is damaged or no model of vessels"),
        (["--truth", "half.png"], 1, "half.png: 20 x 52 pixels do not fit a picture of 40 x 52"),
        (["--field", "black.png"], 1, "black.png: there is no field of view; give another"),
    ],
)
def test_errors_of_the_command(folder, words, code, message):
    grey = RNG.integers(0, 256, (40, 52), np.uint8)
    gk.write_image("grey.png", grey)
    gk.write_image("half.png", grey[:20])
    gk.write_image("black.png", np.zeros_like(grey))
    result = run("vessels", "grey.png", "--out", "o.npy", *words)
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    with pytest.raises(gk.GaborkitError):
        gk.read_image("o.npy")
