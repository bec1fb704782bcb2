"""Scattering: equal to kymatio's given its filters, and what Bruna and Mallat prove of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scattering_for_tests import import_kymatio, kymatio_scattering

import gaborkit as gk
from gaborkit.errors import FeatureError, FilterError, ImageError
from gaborkit.scattering import Scattering
from gaborkit.scattering.averaging import averaged, blocks_of, product
from gaborkit.types import BOUNDARIES


def random(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def by_torch(images):
    """A tensor whose gradient is wanted, so that torch transforms it."""
    return torch.from_numpy(images).requires_grad_()


def error(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


# ---- parity with kymatio ----


@pytest.mark.parametrize(
    ("shape", "octaves", "angles"),
    [((32, 32), 3, 8), ((48, 64), 3, 8), ((45, 37), 2, 6), ((9, 20), 3, 4), ((16, 16), 1, 5)],
)
def test_equal_to_kymatio_s_algorithm(shape, octaves, angles):
    image = random(*shape)
    expected = kymatio_scattering(image, octaves, angles)
    scattering = Scattering.kymatio(octaves, angles)
    found = scattering(image)
    assert found.dtype == np.float64
    assert error(found, expected) < 1e-9
    single = scattering(image.astype(np.float32))
    assert single.dtype == np.float32
    assert error(single, expected) < 1e-6
    # No order hides behind another.
    for order in (0, 1, 2) if octaves > 1 else (0, 1):
        of_order = [path.order == order for path in scattering.paths]
        assert error(single[of_order], expected[of_order]) < 3e-6


@pytest.mark.parametrize("order", [0, 1])
def test_lower_orders_equal_kymatio_s_algorithm(order):
    image = random(24, 40)
    expected = kymatio_scattering(image, 2, 3, order)
    assert error(Scattering.kymatio(2, 3, order)(image), expected) < 1e-9


@pytest.mark.parametrize(("shape", "octaves"), [((32, 32), 3), ((48, 64), 3), ((45, 61), 2)])
def test_equal_to_kymatio_itself(shape, octaves):
    pytest.importorskip("kymatio", reason="kymatio is not installed")
    images = random(2, *shape)
    expected = import_kymatio()(octaves, shape)(images)
    # kymatio makes its filters in single precision.
    assert error(Scattering.kymatio(octaves)(images), expected) < 1e-6


# ---- the other convention, by its definition ----


def convolved(image, samples):
    """Circular convolution with samples whose origin is at their centre."""
    radius = len(samples) // 2
    wrapped = np.zeros(image.shape, complex)
    line = np.arange(-radius, radius + 1)
    rows, columns = np.meshgrid(line % image.shape[0], line % image.shape[1], indexing="ij")
    np.add.at(wrapped, (rows, columns), samples)
    return np.fft.ifft2(np.fft.fft2(image) * np.fft.fft2(wrapped))


def test_equal_to_the_definition_without_decimation():
    image = random(16, 24)
    scattering = Scattering(2, 2, tight=False, boundary="wrap", oversampling=2)
    line = np.arange(-14, 15)
    gauss = np.exp(-(line**2) / (2 * 1.6**2)) / (1.6 * math.sqrt(2 * math.pi))
    bank = [kernel.sample(1e-14) for kernel in scattering.wavelets]
    expected = []
    for path in scattering.paths:
        values = image
        for k in path.wavelets:
            values = abs(convolved(values, bank[k]))
        expected.append(convolved(values, np.outer(gauss, gauss)).real)
    # The samples are at the centres of cells: here, of pixels.
    np.testing.assert_allclose(scattering(image), expected, rtol=1e-8, atol=1e-10)


def test_decimation_changes_little():
    image = gk.luminance(gk.read_image("sample:astronaut"), channel_axis=-1)[100:228, 100:228]
    fine = Scattering(3, 4, oversampling=3)(image)
    for oversampling, most in ((0, 0.03), (1, 0.003)):
        scattering = Scattering(3, 4, oversampling=oversampling)
        found = scattering(image)
        step = 2 ** (3 - oversampling)
        # The cells' centres lie between the pixels.
        at = [step // 2 - 1 + step * np.arange(size // step) for size in image.shape]
        rows, columns = np.ix_(*at)
        near = fine[:, rows, columns] + fine[:, rows + 1, columns]
        near = (near + fine[:, rows, columns + 1] + fine[:, rows + 1, columns + 1]) / 4
        for order in (1, 2):
            of_order = [path.order == order for path in scattering.paths]
            assert error(found[of_order], near[of_order]) < most + 0.01


# ---- what is proved of it ----

exact = {"boundary": "wrap", "oversampling": 3}


@pytest.mark.parametrize("angles", [2, 4, 6, 8])
def test_the_littlewood_paley_sum_is_one(angles):
    np.testing.assert_allclose(Scattering(3, angles).coverage((32, 40)), 1, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gaps_of_a_bank_stay_gaps(dtype):
    bank = gk.GaborBank.grid(scales=1, orientations=2, wavelength=8)
    scattering = Scattering(3, bank=bank)
    covered = scattering.coverage((40, 40))
    assert covered.max() <= 1 + 1e-12
    assert covered.min() < 1e-6
    assert np.count_nonzero(covered > 0.999) > 100
    assert np.isfinite(scattering(random(40, 40, dtype=dtype))).all()


def test_kymatio_s_littlewood_paley_sum_has_a_hole():
    covered = Scattering.kymatio(4).coverage((64, 64))
    radius = np.hypot(np.fft.fftfreq(96)[:, None], np.fft.fftfreq(96))
    assert covered[radius <= 0.5].min() < 0.4
    assert covered.max() > 1


@given(seed=st.integers(0, 99), scale=st.sampled_from([1e-3, 1.0]), smooth=st.booleans())
@settings(max_examples=20, deadline=None)
def test_it_expands_no_difference(seed, scale, smooth):
    one, other = random(2, 24, 32, seed=seed)
    if smooth:
        one, other = (np.cumsum(np.cumsum(image, 0), 1) for image in (one, other))
    other = one + scale * other
    scattering = Scattering(3, 4, **exact)
    distance = np.linalg.norm(scattering(one) - scattering(other))
    assert distance <= np.linalg.norm(one - other) * (1 + 1e-9)


def test_it_keeps_most_energy():
    image = random(32, 32)

    def share(order, tight):
        scattering = Scattering(3, 8, order, tight=tight, **exact)
        return (np.linalg.norm(scattering(image)) / np.linalg.norm(image)) ** 2

    energies = [share(order, True) for order in (0, 1, 2)]
    assert 0 < energies[0] < energies[1] < energies[2] <= 1
    assert energies[2] > 0.87
    assert share(2, False) < 0.55  # the plain wavelets leave out half of white noise


def test_a_constant_answers_in_order_0_alone():
    for scattering in (Scattering(3, 4), Scattering(3, 4, tight=False), Scattering(2, 3, cells=2)):
        found = scattering(np.full((20, 30), 7.0))
        np.testing.assert_allclose(found[0], 7, rtol=1e-12)
        assert abs(found[1:]).max() < 1e-12


def test_a_shift_by_a_cell_shifts_the_coefficients():
    image, scattering = random(32, 48), Scattering(3, 4, boundary="wrap")
    moved = scattering(np.roll(image, (8, -16), (0, 1)))
    np.testing.assert_allclose(moved, np.roll(scattering(image), (1, -2), (1, 2)), atol=1e-12)


def test_means_of_the_whole_do_not_see_a_shift():
    image, scattering = random(32, 48), Scattering(3, 4, boundary="wrap", cells=1, oversampling=3)
    moved = scattering(np.roll(image, (3, 5), (0, 1)))
    np.testing.assert_allclose(moved, scattering(image), rtol=1e-10, atol=1e-12)


def test_a_quarter_turn_turns_the_paths():
    image = random(32, 32)
    scattering = Scattering(2, 4, oversampling=2)
    place = {path.wavelets: c for c, path in enumerate(scattering.paths)}

    def turned(wavelets):
        return tuple(k // 4 * 4 + (k + 2) % 4 for k in wavelets)

    order = [place[turned(path.wavelets)] for path in scattering.paths]
    found = scattering(np.rot90(image).copy())
    np.testing.assert_allclose(found[order], np.rot90(scattering(image), axes=(1, 2)), atol=1e-9)


def test_a_negative_differs_in_order_0_alone():
    image, scattering = random(20, 20), Scattering(2, 3)
    positive, negative = scattering(image), scattering(-image)
    np.testing.assert_allclose(negative[0], -positive[0], atol=1e-12)
    np.testing.assert_allclose(negative[1:], positive[1:], atol=1e-12)


def test_the_matching_path_wins():
    x = np.arange(64)
    image = np.tile(np.cos(2 * np.pi * x / (8 / 3)) * (1 + np.cos(2 * np.pi * x / 16)), (64, 1))
    scattering = Scattering(3, 4, cells=1)
    found = scattering(image)[:, 0, 0]
    orders = np.array([path.order for path in scattering.paths])
    first = np.argmax(np.where(orders == 1, found, 0))
    second = np.argmax(np.where(orders == 2, found, 0))
    assert scattering.paths[first].name == "2.667 px, 0°"
    assert scattering.paths[second].name == "2.667 px, 0° → 10.67 px, 0°"


# ---- shapes, batches, banks, libraries ----


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (17, 40), (33, 9)])
def test_any_size_in_both_libraries(shape, boundary):
    images, scattering = random(2, 3, *shape), Scattering(3, 3, boundary=boundary)
    found = scattering(images)
    cells = [-(-size // 8) for size in shape]
    assert found.shape == (2, 3, 37, *cells)
    np.testing.assert_allclose(found[1, 2], scattering(images[1, 2]), rtol=1e-12, atol=1e-14)
    tensor = scattering(by_torch(images))
    assert tensor.dtype == torch.float64
    np.testing.assert_allclose(tensor.detach(), found, rtol=1e-10, atol=1e-12)
    # Without a gradient to pass, the array behind the tensor is transformed.
    in_memory = scattering(torch.from_numpy(images))
    np.testing.assert_array_equal(in_memory, found)


def test_batches_equal_loops_in_single_precision():
    images = random(130, 28, 28, dtype=np.float32)
    scattering = Scattering(3, 3)
    together = scattering(images)
    assert together.dtype == np.float32
    one_by_one = np.stack([scattering(image) for image in images])
    np.testing.assert_allclose(together, one_by_one, rtol=1e-4, atol=1e-6)
    tensors = scattering(by_torch(images))
    assert tensors.dtype == torch.float32
    np.testing.assert_allclose(tensors.detach(), together, rtol=1e-4, atol=2e-6)
    assert scattering(images[:0]).shape == (0, 37, 4, 4)


def test_integers_are_promoted_and_not_rescaled():
    image = np.random.default_rng(0).integers(0, 256, (20, 20), np.uint8)
    scattering = Scattering(2, 3)
    found = scattering(image)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, scattering(image.astype(np.float64)), rtol=1e-3, atol=1e-3)
    half = scattering(torch.from_numpy(image).half())
    np.testing.assert_allclose(half, found, rtol=1e-3, atol=1e-3)


def test_colour_channel_by_channel():
    image, scattering = random(20, 24, 3), Scattering(2, 2)
    found = scattering.transform(image, channel_axis=-1)
    assert found.shape == (3, 9, 5, 6)
    np.testing.assert_allclose(found[1], scattering(image[..., 1]), rtol=1e-12)
    features = scattering.describe(image, channel_axis=-1)
    assert features.maps
    np.testing.assert_array_equal(features["c1 5.333 px, 90°"], found[1, 4])


def test_oversampling_samples_finer():
    image = random(28, 28)
    assert Scattering(3, 2, oversampling=1)(image).shape == (19, 7, 7)
    assert Scattering.kymatio(3, 4)(image).shape == (61, 3, 3)


def test_a_bank_of_any_kernels():
    bank = gk.GaborBank.grid(scales=4, orientations=3, a=2**0.5)
    scattering = Scattering(3, bank=bank)
    assert len(scattering.paths) == 1 + 12 + 6 * 9
    assert scattering(random(30, 30)).shape == (67, 4, 4)
    covered = scattering.coverage((30, 30))
    assert np.median(covered) == pytest.approx(1, abs=1e-12)
    assert covered.max() <= 1 + 1e-12


def test_phase_and_family_do_not_matter():
    image = random(24, 24)
    plain = gk.GaborBank.grid(scales=2, orientations=3)
    turned = gk.GaborBank.grid(scales=2, orientations=3, phase=1.1)
    found = [Scattering(2, bank=bank, tight=False)(image) for bank in (plain, turned)]
    np.testing.assert_allclose(*found, rtol=1e-9)
    kovesi = Scattering(3, bank=gk.GaborBank.preset("kovesi", scales=3, orientations=2))
    assert np.median(kovesi.coverage((24, 24))) == pytest.approx(1, abs=1e-12)
    assert kovesi(image).shape == (1 + 6 + 12, 3, 3)


def test_twin_labels_get_a_number():
    kernels = [gk.GaborKernel(wavelength=4, sigma=sigma) for sigma in (2, 3)]
    names = [path.name for path in Scattering(2, bank=gk.GaborBank(kernels)).paths]
    assert names == ["order 0", "0: 4 px, 0°", "1: 4 px, 0°"]


def test_cells_are_means_over_parts():
    image = random(24, 36)
    scattering = Scattering(2, 3, cells=3, oversampling=2)
    parts = image.reshape(3, 8, 3, 12).mean((1, 3))
    np.testing.assert_allclose(scattering(image)[0], parts, atol=1e-12)
    whole = Scattering(2, 3, cells=1, oversampling=2)(image)
    np.testing.assert_allclose(scattering(image).mean((1, 2)), whole[:, 0, 0], atol=1e-12)
    # Five parts of 24 pixels have borders within pixels, which count in proportion.
    five = Scattering(2, 3, cells=5, oversampling=2)(np.ones((24, 36)))
    np.testing.assert_allclose(five[0], 1, atol=1e-12)


def test_gradients():
    image = torch.from_numpy(random(6, 7)).requires_grad_()
    scattering = Scattering(2, 2)
    assert torch.autograd.gradcheck(scattering, image, atol=1e-6)
    scattering(torch.zeros(9, 9, requires_grad=True)).sum().backward()  # moduli of 0


def test_filters_are_kept():
    scattering = Scattering(2, 3)
    assert scattering.filters((20, 30)) is Scattering(2, 3).filters((20, 30))
    assert scattering.filters((20, 30)) is not scattering.filters((20, 30), double=True)


# ---- matrices in blocks ----


@pytest.mark.parametrize("shape", [(1, 5), (4, 24), (19, 700), (300, 2000)])
def test_averages_in_blocks(shape):
    rng = np.random.default_rng(0)
    down, across = rng.random(shape), rng.random((6, 40))
    down[abs(down - 0.5) < 0.4] = 0
    values = rng.random((2, shape[1], 40))
    found = averaged(values, blocks_of(down, 0), blocks_of(across, 0))
    np.testing.assert_allclose(found, down @ values @ across.T, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(product(down, values[0]), down @ values[0], rtol=1e-12, atol=1e-12)


# ---- refusals ----


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"J": 0}, "J=0 is not a whole number of 1 to 16"),
        ({"J": "3"}, "J='3' is not a whole number"),
        ({"L": 2.5}, "L=2.5 is not a whole number"),
        ({"order": 3}, "order=3 is not a whole number of 0 to 2"),
        ({"oversampling": 4}, "oversampling=4 is not a whole number of 0 to 3"),
        ({"cells": 0}, "cells=0 is not a whole number of 1 to 1000"),
        ({"bank": "kymatio"}, "bank='kymatio' is no GaborBank"),
        ({"convention": "matlab"}, "convention='matlab' is unknown"),
        ({"bank": gk.GaborBank.grid(1, 2, dc_free=False)}, "4 px, 0° answers to a constant"),
    ],
)
def test_parameters_out_of_range(parameters, message):
    with pytest.raises(FeatureError, match=message):
        Scattering(**parameters)


def test_unknown_boundary():
    with pytest.raises(FilterError, match="boundary='periodic' is unknown"):
        Scattering(boundary="periodic")


def test_learnable_wavelets():
    kernel = gk.GaborKernel(wavelength=torch.tensor(8.0), sigma=4)
    with pytest.raises(FeatureError, match="is learnable; give it floats"):
        Scattering(bank=gk.GaborBank([kernel]))


def test_pictures_that_do_not_fit():
    with pytest.raises(FeatureError, match=r"7 x 20 pixels are smaller than 2\*\*J = 8"):
        Scattering.kymatio(3)(np.ones((7, 20)))
    with pytest.raises(ImageError, match="looks like colour"):
        Scattering(2)(np.ones((20, 20, 3)))
    with pytest.raises(ImageError, match="1 of 400 pixels are NaN"):
        Scattering(2)(np.where(np.arange(400).reshape(20, 20) == 7, math.nan, 1))
