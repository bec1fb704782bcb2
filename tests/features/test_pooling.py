"""Grids of scales and orientations, and pooling that a turned picture does not change."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.ndimage
import torch

import gaborkit as gk
from gaborkit.features import Features, Invariant, Spectrum, grid_of, local_energy, pool

rng = np.random.default_rng(0)
BANK = gk.GaborBank.grid(3, 4)
POOLINGS = ("mean", "max", "shift", "spectrum")
CAMERA = gk.read_image("sample:camera").astype(np.float32)[:256, 100:356]


# ---- grids ----


@pytest.mark.parametrize(
    ("bank", "shape"),
    [
        (BANK, (3, 4)),
        (gk.GaborBank.preset("manjunath"), (4, 6)),
        (gk.GaborBank.preset("bob"), (5, 8)),
        (gk.GaborBank.preset("kymatio"), (4, 8)),
        (gk.GaborBank.preset("kovesi"), (4, 6)),
        (gk.GaborBank.preset("article"), (4, 8)),
        (BANK[:1], (1, 1)),
    ],
)
def test_grids_of_the_banks(bank, shape):
    grid = grid_of(bank)
    assert grid.shape == shape
    assert sorted(np.ravel(grid.places)) == list(range(len(bank)))
    for wavelength, row in zip(grid.wavelengths, grid.places, strict=True):
        assert {round(1 / bank[k].frequency, 9) for k in row} == {round(wavelength, 9)}
    for i, theta in enumerate(grid.thetas):
        turned = [bank[row[i]].theta - theta for row in grid.places]
        np.testing.assert_allclose(np.sin(turned), 0, atol=1e-6)


def test_the_order_of_kernels_makes_no_difference():
    order = rng.permutation(len(BANK))
    shuffled = gk.GaborBank(BANK[int(k)].rotated(math.pi * (k % 3)) for k in order)
    grid, expected = grid_of(shuffled), grid_of(BANK)
    assert (order[np.array(grid.places)] == np.array(expected.places)).all()
    np.testing.assert_allclose(grid.thetas, expected.thetas, atol=1e-12)


MOTHER = gk.GaborKernel(wavelength=6, sigma=3)


@pytest.mark.parametrize(
    ("bank", "message"),
    [
        (BANK[:-1], r"4 px has 0°, 45°, 90°, 135°, 16 px 0°, 45°, 90°; GaborBank.grid"),
        (gk.GaborBank([*BANK[:4], BANK[0]]), "kernels 0 and 4 are both of 4 px, 0°"),
        (BANK[:3], "0°, 45°, 90° do not lie 60° apart"),
        (
            gk.GaborBank([MOTHER, MOTHER.rotated(math.pi / 2).replace(sigma=4)]),
            "kernels of 6 px differ in more than theta",
        ),
        (
            gk.GaborBank([MOTHER, gk.LogGaborKernel(wavelength=6, theta=math.pi / 2)]),
            "kernels of 6 px differ in more than theta",
        ),
    ],
)
def test_banks_that_are_no_grid(bank, message):
    with pytest.raises(gk.FeatureError, match=message):
        grid_of(bank)
    with pytest.raises(gk.FeatureError, match="the bank is no grid"):
        Invariant(bank)
    with pytest.raises(gk.FeatureError, match="the bank is no grid"):
        Spectrum(bank)


# ---- pooling ----


def moved(values, orientation, scale=0):
    """Values of the bank, moved along its axes."""
    return np.roll(
        values.reshape(*values.shape[:-1], 3, 4), (scale, orientation), (-2, -1)
    ).reshape(values.shape)


@pytest.mark.parametrize("how", POOLINGS)
@pytest.mark.parametrize("shared", [True, False])
def test_moving_along_the_circle_changes_nothing(how, shared):
    values = rng.random((5, 12))

    def pooled(values, **options):
        return pool(Features(values, BANK.labels), BANK, shared=shared, **options).values

    one = pooled(values, orientations=how)
    assert len(np.unique(one)) == one.size  # nothing has collapsed
    for step in range(4):
        np.testing.assert_allclose(pooled(moved(values, step), orientations=how), one)
    both = {"orientations": how, "scales": how}
    np.testing.assert_allclose(pooled(moved(values, 3, 2), **both), pooled(values, **both))
    alone = {"orientations": "none", "scales": how}
    np.testing.assert_allclose(pooled(moved(values, 0, 1), **alone), pooled(values, **alone))


def test_poolings_by_hand():
    values = np.arange(12.0)
    features = Features(values, BANK.labels)
    grid = values.reshape(3, 4)
    np.testing.assert_array_equal(pool(features, BANK, "mean").values, grid.mean(1))
    np.testing.assert_array_equal(pool(features, BANK, "max", "max").values, [11])
    np.testing.assert_array_equal(pool(features, BANK, "none", "none").values, values)
    spectrum = pool(features, BANK, "spectrum")
    np.testing.assert_allclose(spectrum.values, abs(np.fft.rfft(grid)).ravel() / 4)
    shifted = pool(features, BANK, "shift")
    np.testing.assert_array_equal(shifted["8 px, +0°"], 7)
    np.testing.assert_array_equal(shifted["8 px, +45°"], 4)
    np.testing.assert_array_equal(pool(features, BANK, "none", "shift")["scale +1, 45°"], 1)


def test_scales_share_a_dominant_orientation_or_have_their_own():
    grid = np.array([[9.0, 1, 2, 3], [0, 7, 1, 2], [0, 5, 1, 2]])
    features = Features(grid.ravel(), BANK.labels)
    shared = pool(features, BANK, "shift").values.reshape(3, 4)
    np.testing.assert_array_equal(shared, np.roll(grid, -1, 1))
    own = pool(features, BANK, "shift", shared=False).values.reshape(3, 4)
    np.testing.assert_array_equal(own[0], grid[0])
    np.testing.assert_array_equal(own[1:], np.roll(grid, -1, 1)[1:])


@pytest.mark.parametrize("scales", ["none", *POOLINGS])
@pytest.mark.parametrize("how", ["none", *POOLINGS])
def test_maps_are_pooled_pixel_by_pixel(how, scales):
    maps = local_energy(BANK, rng.random((12, 15)))
    found = pool(maps, BANK, how, scales)
    pixel = pool(Features(maps.values[:, 3, 4], maps.names), BANK, how, scales)
    assert found.names == pixel.names
    assert found.maps
    np.testing.assert_allclose(found.values[:, 3, 4], pixel.values)
    tensor = torch.tensor(maps.values, requires_grad=True)
    tensors = pool(Features(tensor, maps.names, maps=True), BANK, how, scales)
    np.testing.assert_allclose(tensors.to_numpy(), found.values, atol=1e-12)
    tensors.values.sum().backward()
    assert torch.isfinite(tensor.grad).all()


def test_names_of_what_is_left():
    features = Features(np.ones(12), BANK.labels)
    assert pool(features, BANK, "mean", "mean").names == ("all",)
    assert pool(features, BANK, "spectrum", "shift").names[:4] == (
        "scale +0, order 0", "scale +0, order 1", "scale +0, order 2", "scale +1, order 0",
    )  # fmt: skip
    assert pool(features, BANK, "max", "spectrum").names == ("scale order 0", "scale order 1")


def test_what_cannot_be_pooled():
    with pytest.raises(gk.FeatureError, match="11 features do not fit a bank of 12 kernels"):
        pool(Features(np.ones(11), BANK.labels[1:]), BANK)
    with pytest.raises(gk.FeatureError, match="orientations='median' is unknown; choose one of"):
        pool(Features(np.ones(12), BANK.labels), BANK, "median")
    with pytest.raises(gk.FeatureError, match="scales='median' is unknown"):
        pool(Features(np.ones(12), BANK.labels), BANK, scales="median")
    uneven = gk.GaborBank(MOTHER.scaled(a) for a in (1, 2, 3))
    for bank in (uneven, uneven[:1]):
        with pytest.raises(gk.FeatureError, match="scales are pooled over equal dilations, not"):
            pool(Features(np.ones(len(bank)), bank.labels), bank, scales="shift")
        with pytest.raises(gk.FeatureError, match="over equal dilations"):
            Invariant(bank, scales="spectrum")
    assert pool(Features(np.ones(3), uneven.labels), uneven, scales="mean").shape == (1,)


# ---- descriptors ----


DESCRIPTORS = [
    *(Invariant(pooling=how, shared=shared) for how in POOLINGS for shared in (True, False)),
    Invariant(pooling="shift", scales="mean"),
    Spectrum(),
    Spectrum(relative=False),
]


@pytest.mark.parametrize("descriptor", DESCRIPTORS, ids=str)
def test_quarter_turns_change_nothing(descriptor):
    image = CAMERA[:90, :110].astype(float)
    expected = descriptor.values(image)
    assert expected.shape == (len(descriptor.names((90, 110))),)
    assert expected.std() > 0
    for turns in (1, 2, 3):
        found = descriptor.values(np.rot90(image, turns).copy())
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9 * expected.max())


def disc(image):
    """The middle of a picture, faded into its mean, so that turning it moves no corners."""
    y, x = np.indices(image.shape) - (np.array(image.shape)[:, None, None] - 1) / 2
    window = np.clip((110 - np.hypot(y, x)) / 20, 0, 1)
    return (image - image.mean()) * window


@pytest.mark.parametrize("how", POOLINGS)
@pytest.mark.parametrize("angle", [30, 37])
def test_other_turns_change_little(how, angle):
    """Far less than an unpooled descriptor, and less between orientations than on them."""
    picture = scipy.ndimage.gaussian_filter(CAMERA, 1.5)
    turned = scipy.ndimage.rotate(disc(picture), angle, reshape=False, order=3)

    def change(descriptor):
        one, other = (descriptor.values(image.astype(float)) for image in (disc(picture), turned))
        return np.linalg.norm(one - other) / np.linalg.norm(one)

    limit = 0.02 if angle == 30 else 0.15
    assert change(Invariant(pooling=how)) < limit < change(Invariant(pooling="none"))


def test_deviations_follow_the_dominant_orientation_of_means():
    values = Invariant(BANK, pooling="shift").describe(CAMERA)
    mean, deviation = (x.reshape(3, 4) for x in BANK.statistics(CAMERA))
    place = mean.sum(0).argmax()
    np.testing.assert_allclose(values["deviation 8 px, +45°"], deviation[1, (place + 1) % 4])


@pytest.mark.parametrize("how", POOLINGS)
def test_magnified_twice(how):
    """A texture of the middle scales, magnified by the bank's dilation."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128)))
    noise = np.fft.fft2(rng.standard_normal((128, 128)))
    texture = np.fft.ifft2(noise * np.exp(-((np.log2(frequency + 1e-9) + 3.5) ** 2) / 0.2)).real
    double = scipy.ndimage.zoom(texture, 2, order=5, mode="grid-wrap", grid_mode=True)
    for bank in (gk.GaborBank.grid(5, 4), gk.GaborBank.preset("manjunath", scales=4)):
        invariant, plain = (
            Invariant(bank, "mean", scales, boundary="wrap") for scales in (how, "none")
        )
        one, other = invariant.values(texture), invariant.values(double)
        assert np.linalg.norm(one - other) < 0.15 * np.linalg.norm(one)
        one, other = plain.values(texture), plain.values(double)
        assert np.linalg.norm(one - other) > 0.3 * np.linalg.norm(one)


def test_orders_of_gratings_and_plaids():
    y, x = np.mgrid[:120, :120]
    grating = np.cos(2 * np.pi * x / 5)
    plaid = grating + np.cos(2 * np.pi * y / 5)
    bank = gk.GaborBank.grid(1, 8, wavelength=5, sigma=6)
    assert Spectrum(bank).describe(grating)["5 px, order 1"] > 0.9
    values = Spectrum(bank).describe(plaid)
    assert values["5 px, order 1"] < 1e-3 < 0.9 < values["5 px, order 2"]
    assert (Spectrum().describe(np.full((30, 30), 3.0))["5 px, order 1"] <= 1 + 1e-9).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"pooling": "middle"}, "pooling='middle' is unknown; choose one of none, mean"),
        ({"scales": "middle"}, "scales='middle' is unknown"),
        ({"shared": 1}, "shared=1 is neither True nor False"),
    ],
)
def test_parameters_of_the_invariant(parameters, message):
    with pytest.raises(gk.FeatureError, match=message):
        Invariant(**parameters)


def test_parameters_of_the_spectrum():
    with pytest.raises(gk.FeatureError, match="relative=1 is neither True nor False"):
        Spectrum(relative=1)
