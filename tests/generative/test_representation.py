"""Images to features and back: round trips, scalings, whitening, and descriptions."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import gaborkit as gk
from gaborkit.errors import RepresentationError
from gaborkit.generative.representation import Coefficients, Raw, representation_from_dict
from gaborkit.generative.space import Space

SHAPE = (1, 12, 14)


def pictures(count=20, shape=SHAPE, seed=0):
    """Smooth blobs and noise, uint8."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 256, (count, *shape), np.uint8))


def unit(images):
    return images.float() / 255


# ---- raw ----


@pytest.mark.parametrize(
    ("scaling", "levels", "expected"),
    [("unit", 0, lambda x: x), ("symmetric", 0, lambda x: 2 * x - 1)],
)
def test_raw_scalings_do_not_depend_on_the_data(scaling, levels, expected):
    raw = Raw(SHAPE, scaling, levels).fit(pictures() // 3)
    found = raw.encode(pictures())
    torch.testing.assert_close(found, expected(unit(pictures())))
    torch.testing.assert_close(raw.decode(found), unit(pictures()))


def test_256_levels_are_the_8_bit_values():
    raw = Raw(SHAPE, "levels", 256).fit(pictures())
    features = raw.encode(pictures())
    assert features.dtype == torch.int64
    assert torch.equal(features, pictures().long())
    torch.testing.assert_close(raw.decode(features), unit(pictures()))


@given(st.integers(2, 300))
def test_levels_cost_half_a_step_at_most(levels):
    raw = Raw(SHAPE, "levels", levels).fit(pictures())
    features = raw.encode(pictures())
    assert 0 <= features.min() <= features.max() <= levels - 1
    error = (raw.decode(features) - unit(pictures())).abs().max()
    assert error <= 0.5 / (levels - 1) + 1e-6


def test_white_features_have_mean_0_and_deviation_1_a_channel():
    images = pictures(50, (3, 9, 8))
    for representation in (Raw((3, 9, 8), "white"), Coefficients((3, 9, 8), "white")):
        features = representation.fit(images).encode(images).double()
        channels = features.movedim(1, 0).flatten(1)
        assert channels.mean(1).abs().max() < 1e-4
        # The high-pass of the bank may answer so little that it is left as it is.
        assert (channels.std(1) - 1).abs().max() < 1e-3


def test_a_constant_channel_is_left_alone():
    images = torch.full((3, *SHAPE), 51, dtype=torch.uint8)
    raw = Raw(SHAPE, "white").fit(images)
    assert raw.encode(images).abs().max() < 1e-6
    torch.testing.assert_close(raw.decode(raw.encode(images)), unit(images))


def test_static_binarization_is_a_function_of_the_image():
    grey = pictures(400)
    raw = Raw(SHAPE, "levels", 2, binarize="static").fit(grey)
    assert not raw.stochastic
    bits = raw.encode(grey)
    assert set(bits.unique().tolist()) == {0, 1}
    # Whatever the batch, the generator and the dtype.
    order = torch.randperm(400)
    assert torch.equal(raw.encode(grey[order], torch.Generator().manual_seed(3)), bits[order])
    assert torch.equal(raw.encode(unit(grey)), bits)
    # Drawn by the intensity, at each location and over all.
    errors = bits.double() - unit(grey)
    assert errors.mean().abs() < 0.01
    assert errors.mean(0).abs().max() < 0.12
    bright = bits[unit(grey) > 0.8].double().mean()
    assert 0.88 < bright < 0.92
    # Neighbours are drawn independently.
    flat = errors.flatten(1)
    assert (flat[:, 1:] * flat[:, :-1]).mean().abs() < 0.005
    black = torch.zeros(1, *SHAPE, dtype=torch.uint8)
    assert not raw.encode(black).any()
    assert raw.encode(black + 255).all()


def test_a_palette_finds_the_colours_that_there_are():
    colours = torch.tensor([[0, 0, 0], [255, 0, 0], [0, 255, 0], [250, 250, 255]])
    codes = torch.randint(0, 4, (30, 6, 5), generator=torch.Generator().manual_seed(0))
    images = colours[codes].movedim(-1, 1).to(torch.uint8)
    raw = Raw((3, 6, 5), "levels", 16, palette=True).fit(images)
    assert raw.space == Space(1, 6, 5, "levels", 16, ordinal=False)
    features = raw.encode(images)
    assert (features.shape, features.dtype) == ((30, 1, 6, 5), torch.int64)
    torch.testing.assert_close(raw.decode(features), unit(images))
    again = representation_from_dict(json.loads(json.dumps(raw.to_dict())))
    assert torch.equal(again.encode(images), features)
    assert again.space == raw.space
    assert raw.encode(images[:0]).shape == (0, 1, 6, 5)


def test_a_larger_palette_is_nearer():
    images = torch.rand(20, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    psnrs = [Raw((3, 8, 8), "levels", n, palette=True).fit(images).psnr(images) for n in (8, 64)]
    assert psnrs[0] + 4 < psnrs[1]
    # Beside the optimum for a cube of colours: 4 a side have a deviation of 1 / (4 sqrt(12)).
    assert psnrs[1] > 20 * math.log10(4 * math.sqrt(12)) - 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"palette": 3}, "palette=3 is neither True nor False"),
        ({"palette": True, "binarize": "static"}, "palette=True has the levels of pixels"),
        ({"palette": True, "scaling": "unit", "levels": 0}, "and not scaling='unit'"),
        ({"palette": True, "colours": [[0.5]]}, "1 colours are no palette of 4 levels"),
        ({"palette": False, "colours": [[0.5]] * 4}, "4 colours are no palette of 4 levels"),
        ({"palette": True, "colours": [[2.0]] * 4}, "none of colours in"),
        ({"palette": True, "colours": [[float("nan")]] * 4}, "none of colours in"),
        ({"palette": True, "colours": []}, "none of colours in"),
    ],
)
def test_palettes_that_are_none(fields, message):
    with pytest.raises(RepresentationError, match=message):
        Raw(**({"image_shape": SHAPE, "scaling": "levels", "levels": 4} | fields))


def test_a_palette_is_fitted_first():
    raw = Raw(SHAPE, "levels", 4, palette=True)
    for use in (lambda: raw.encode(pictures()), lambda: raw.decode(pictures().long())):
        with pytest.raises(RepresentationError, match="is not fitted"):
            use()


def test_dynamic_binarization_draws_the_intensity():
    grey = torch.full((200, *SHAPE), 64, dtype=torch.uint8)
    raw = Raw(SHAPE, binarize="dynamic").fit(grey)
    assert raw.stochastic
    draws = raw.encode(grey, torch.Generator().manual_seed(0))
    assert set(draws.unique().tolist()) == {0.0, 1.0}
    # Six deviations of the mean of 200 * 168 Bernoulli draws.
    probability = 64 / 255
    bound = 6 * math.sqrt(probability * (1 - probability) / draws.numel())
    assert abs(float(draws.mean()) - probability) < bound
    assert torch.equal(draws, raw.encode(grey, torch.Generator().manual_seed(0)))
    assert not torch.equal(draws, raw.encode(grey, torch.Generator().manual_seed(1)))


@pytest.mark.parametrize("binarize", ["dynamic", "threshold"])
def test_whitening_is_of_what_is_seen_after_binarization(binarize):
    images = pictures(1200, (1, 4, 5))  # of more than one chunk
    raw = Raw((1, 4, 5), "white", binarize=binarize).fit(images)
    features = raw.encode(images, torch.Generator().manual_seed(1)).double()
    # Of 24,000 pixels that are 0 or 1; grey ones would give a deviation of 1.7.
    assert abs(float(features.mean())) < 0.04
    assert abs(float(features.std()) - 1) < 0.01
    assert len(features.unique()) == 2


def test_a_fit_draws_the_same_each_time_and_nothing_of_others():
    state = torch.random.get_rng_state()
    first, second = (Raw(SHAPE, "white", binarize="dynamic").fit(pictures()) for _ in range(2))
    assert first.to_dict() == second.to_dict()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_threshold_binarization():
    raw = Raw(SHAPE, binarize="threshold").fit(pictures())
    assert not raw.stochastic
    assert torch.equal(raw.encode(pictures()), (pictures() >= 128).float())


# ---- Gabor ----


@pytest.mark.parametrize("scaling", ["unit", "symmetric", "white"])
@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 13, 10), (3, 16, 16)])
def test_gabor_round_trip(scaling, shape):
    images = pictures(8, shape)
    gabor = Coefficients(shape, scaling).fit(images)
    torch.testing.assert_close(gabor.decode(gabor.encode(images)), unit(images), atol=1e-5, rtol=0)
    assert gabor.psnr(images) > 90


def test_channels_are_the_frame_s_coefficients():
    images = pictures(2)
    gabor = Coefficients(SHAPE, "white", scales=1, orientations=2).fit(images)
    features = (gabor.encode(images) - gabor.offset[:, None, None]) / gabor.gain[:, None, None]
    coefficients = gabor.frame.analyze(unit(images)[:, 0])
    assert gabor.channel_names == (
        "4 px, 0°, real",
        "4 px, 0°, imag",
        "4 px, 90°, real",
        "4 px, 90°, imag",
        "low-pass",
        "high-pass",
    )
    for k in range(2):
        torch.testing.assert_close(features[:, 2 * k], coefficients[:, k].real)
        torch.testing.assert_close(features[:, 2 * k + 1], coefficients[:, k].imag)
    torch.testing.assert_close(features[:, 4], coefficients[:, 2].real)


def test_the_frame_is_tight_so_errors_are_not_amplified():
    gabor = Coefficients((1, 28, 28), "white").fit(pictures(4, (1, 28, 28)))
    assert gabor.frame.bounds == (1, 1)
    assert gabor.redundancy == gabor.channels == 18


@pytest.mark.parametrize("levels", [16, 256])
def test_quantised_coefficients_come_back_with_their_stated_error(levels):
    images = pictures(8)
    gabor = Coefficients(SHAPE, "levels", levels).fit(images)
    features = gabor.encode(images)
    assert features.dtype == torch.int64
    assert 0 <= features.min() <= features.max() == levels - 1
    error = (gabor.decode(features) - unit(images)).square().mean()
    assert gabor.psnr(images) == pytest.approx(-10 * math.log10(float(error)), abs=1e-3)
    assert gabor.psnr(images) > 6 * math.log2(levels)  # the redundancy averages errors out


def test_magnitudes_come_back_approximately():
    rows, columns = torch.meshgrid(torch.arange(28), torch.arange(28), indexing="ij")
    blob = torch.exp(-((rows - 12) ** 2 + (columns - 15) ** 2) / 40.0)[None, None]
    gabor = Coefficients((1, 28, 28), parts="magnitude").fit(blob)
    assert gabor.channels == 10
    assert gabor.channel_names[0] == "4 px, 0°, magnitude"
    assert gabor.psnr(blob) > 30
    assert Coefficients((1, 28, 28), parts="magnitude", iterations=1).fit(blob).psnr(blob) > 15


def test_a_bank_of_one_s_own():
    bank = gk.GaborBank.preset("kymatio", J=2, L=4)
    images = pictures(3)
    gabor = Coefficients(SHAPE, bank=bank).fit(images)
    assert gabor.bank is bank
    assert gabor.psnr(images) > 90


def test_names_of_colours():
    assert Raw((3, 4, 4)).channel_names == ("red", "green", "blue")
    assert Raw((2, 4, 4)).channel_names == ("colour 0", "colour 1")
    assert (
        Coefficients((3, 8, 8), scales=1, orientations=2).channel_names[6]
        == "colour 1: 4 px, 0°, real"
    )


# ---- descriptions ----


@pytest.mark.parametrize(
    "representation",
    [
        Raw(SHAPE, "levels", 4, binarize="dynamic"),
        Raw(SHAPE, "white"),
        Coefficients(SHAPE, "levels", 32, scales=1),
        Coefficients(SHAPE, "white", parts="magnitude", iterations=3),
    ],
)
def test_a_description_is_exact(representation):
    representation.fit(pictures())
    text = json.dumps(representation.to_dict(), allow_nan=False)
    again = representation_from_dict(json.loads(text))
    assert again.to_dict() == representation.to_dict()
    generators = [torch.Generator().manual_seed(0) for _ in range(2)]
    assert torch.equal(
        again.encode(pictures(), generators[0]), representation.encode(pictures(), generators[1])
    )


def described(**changes):
    return {**Raw(SHAPE).fit(pictures()).to_dict(), **changes}


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (7, "damaged: it is not an object"),
        ({}, "damaged: 'version'"),
        (described(version=4), "version 4, and this gaborkit reads version 3"),
        (
            described(version=1, name="gabor"),
            "train it anew, with --features gabor, or coefficients",
        ),
        (described(name="wavelet"), "damaged: 'wavelet'"),
        (described(gain=[1.0, 2.0]), "2 gains or offsets for 1 channels"),
        (described(offset=[math.nan]), "or not finite"),
        (described(gain="x"), "damaged"),
        (described(image_shape=7), "damaged"),
        (described(colour="red"), "damaged"),
        (described(scaling="log"), "scaling='log' is unknown"),
        (described(bank={}), "damaged"),
    ],
)
def test_damaged_descriptions(description, message):
    with pytest.raises(RepresentationError, match=message):
        representation_from_dict(description)


# ---- errors ----


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Raw((28, 28)), r"image_shape=\(28, 28\) is not"),
        (lambda: Raw(SHAPE, "log"), "scaling='log' is unknown; choose unit"),
        (lambda: Raw(SHAPE, "levels"), "levels=0 does not fit scaling='levels'"),
        (lambda: Raw(SHAPE, "levels", 1), "levels=1 does not fit"),
        (lambda: Raw(SHAPE, "unit", 8), "levels=8 does not fit scaling='unit'"),
        (lambda: Raw(SHAPE, binarize="hard"), "binarize='hard' is unknown"),
        (lambda: Coefficients(SHAPE, parts="phase"), "parts='phase' is unknown"),
        (lambda: Coefficients(SHAPE, iterations=0), "iterations=0 is not a count"),
        (lambda: Coefficients(SHAPE, scales=0), "Gabor coefficients: scales=0"),
        (lambda: Raw(SHAPE).encode(pictures()), "not fitted"),
        (lambda: Raw(SHAPE).decode(unit(pictures())), "not fitted"),
        (lambda: Raw(SHAPE).to_dict(), "not fitted"),
        (lambda: Raw(SHAPE).fit(pictures(0)), "no images"),
        (lambda: Raw(SHAPE).fit(pictures(3)[..., 1:]), "do not fit this representation"),
        (lambda: Raw(SHAPE).fit(pictures(3).float()), "scale them first"),
        (lambda: Raw(SHAPE).fit(pictures(2, (1, 5, 5))), r"\(2, 1, 5, 5\) do not fit"),
        (lambda: Raw(SHAPE).fit(pictures().long()), "torch.int64 are neither uint8 nor floats"),
        (
            lambda: Raw(SHAPE).fit(pictures()).decode(torch.zeros(1, 2, 12, 14)),
            r"features of shape \(1, 2, 12, 14\) do not fit",
        ),
    ],
)
def test_errors(make, message):
    with pytest.raises(RepresentationError, match=message):
        make()
