"""Phase congruency against its formulas written out, and against what is published of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from orientation_for_tests import angular_error, distance_across, line, noisy, step

import gaborkit as gk
from gaborkit.features import phase_congruency
from gaborkit.features.bank_grid import grid_of

rng = np.random.default_rng(0)
PICTURE = gk.read_image("sample:camera")[100:164, 200:272].astype(float)


def convolved(image, kernel):
    """Circular convolution with the kernel's samples, by NumPy's transforms alone."""
    samples, radius = kernel.sample(), kernel.radius()
    grid = np.zeros(image.shape, complex)
    for y in range(-radius, radius + 1):
        for x in range(-radius, radius + 1):
            grid[y % len(grid), x % grid.shape[1]] += samples[y + radius, x + radius]
    return np.fft.ifft2(np.fft.fft2(image) * np.fft.fft2(grid))


def reference(image, *, scales=4, orientations=6, k=2.0, cutoff=0.5, g=10.0, mode=False, mult=2.1):
    """Kovesi's phasecong3, loop by loop and pixel maps only, with his counter-clockwise angles."""
    bank = gk.GaborBank.preset("kovesi", scales=scales, orientations=orientations)
    covx2 = covy2 = covxy = 0
    maps, thresholds = [], []
    even, odd_x, odd_y, vector = 0, 0, 0, 0
    for o in range(orientations):
        angle = o * np.pi / orientations
        parts = [convolved(image, bank[s * orientations + o]) for s in range(scales)]
        amplitudes = [abs(part) for part in parts]
        sum_e, sum_o = sum(part.real for part in parts), sum(part.imag for part in parts)
        sum_an, max_an = sum(amplitudes), np.max(amplitudes, axis=0)
        size = np.sqrt(sum_e**2 + sum_o**2)
        mean_e, mean_o = sum_e / size, sum_o / size
        energy = 0
        for part in parts:
            e, od = part.real, part.imag
            energy = energy + e * mean_e + od * mean_o - abs(e * mean_o - od * mean_e)
        if mode:
            counts, ends = np.histogram(amplitudes[0], 50, (0, amplitudes[0].max()))
            tau = (ends[:-1] + ends[1:])[counts.argmax()] / 2
        else:
            tau = np.median(amplitudes[0]) / np.sqrt(np.log(4))
        total_tau = tau * (1 - (1 / mult) ** scales) / (1 - 1 / mult)
        threshold = total_tau * np.sqrt(np.pi / 2) + k * total_tau * np.sqrt((4 - np.pi) / 2)
        width = (sum_an / max_an - 1) / (scales - 1)
        weight = 1 / (1 + np.exp((cutoff - width) * g))
        pc = weight * np.maximum(energy - threshold, 0) / sum_an
        covx, covy = pc * np.cos(angle), pc * np.sin(angle)
        covx2, covy2, covxy = covx2 + covx**2, covy2 + covy**2, covxy + covx * covy
        even = even + sum_e
        odd_x, odd_y = odd_x + np.cos(angle) * sum_o, odd_y + np.sin(angle) * sum_o
        vector = vector + size**2 * np.exp(2j * angle)
        maps.append(pc)
        thresholds.append(threshold)
    covx2, covy2 = covx2 / (orientations / 2), covy2 / (orientations / 2)
    covxy = 4 * covxy / orientations
    denominator = np.sqrt(covxy**2 + (covx2 - covy2) ** 2)
    return {
        "edge": (covy2 + covx2 + denominator) / 2,
        "corner": (covy2 + covx2 - denominator) / 2,
        "orientation": (-np.angle(vector) / 2) % np.pi,  # clockwise again
        "feature_type": np.arctan2(even, np.hypot(odd_x, odd_y)),
        # Ascending clockwise angles: 0, then from the largest counter-clockwise one down.
        "congruency": np.stack([maps[-o % orientations] for o in range(orientations)]),
        "noise": np.stack([thresholds[-o % orientations] for o in range(orientations)]),
    }


@pytest.mark.parametrize("mode", [False, True])
def test_the_formulas_written_out(mode):
    expected = reference(PICTURE, mode=mode)
    found = phase_congruency(PICTURE, noise="mode" if mode else "median", boundary="wrap")
    for name, value in expected.items():
        got = getattr(found, name)
        apart = angular_error(got, value) if name == "orientation" else abs(got - value)
        assert apart.max() < (1e-3 if name == "orientation" else 1e-6), name


def test_the_parameters_of_the_formulas():
    expected = reference(PICTURE, scales=3, orientations=4, k=3.0, cutoff=0.4, g=5.0)
    bank = gk.GaborBank.preset("kovesi", scales=3, orientations=4)
    found = phase_congruency(
        PICTURE, bank, deviations=3.0, cutoff=0.4, sharpness=5.0, boundary="wrap"
    )
    for name in ("edge", "corner", "congruency", "noise"):
        np.testing.assert_allclose(getattr(found, name), expected[name], atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e6 / 3])
def test_a_constant_picture_has_none(value, dtype):
    found = phase_congruency(np.full((40, 44), value, dtype))
    assert found.edge.max() < 0.02
    assert found.corner.max() < 0.02


@pytest.mark.parametrize("size", [1e-42, 1e-30, 1e20, 1e37])
@pytest.mark.parametrize("noise", ["median", 0.01])
def test_no_size_of_float32_is_out_of_range(size, noise):
    image = step(0.4).astype(np.float32) + 0.3
    size = np.float32(size)
    level = noise if isinstance(noise, str) else noise * float(size)
    one, other = phase_congruency(image, noise=noise), phase_congruency(image * size, noise=level)
    assert all(np.isfinite(part).all() for part in other)
    if size > 1e-38:  # else hardly a digit is left
        np.testing.assert_allclose(other.edge, one.edge, atol=1e-4)
        np.testing.assert_allclose(other.noise / size, one.noise, atol=5e-6)


@pytest.mark.parametrize("make", [step, line])
def test_contrast_makes_no_difference(make):
    image = noisy(make(0.4), 40)
    one = phase_congruency(image)
    for factor, offset in ((1e-6, 0.0), (1e3, 0.0), (5.0, 40.0)):
        other = phase_congruency(factor * image + offset)
        np.testing.assert_allclose(other.edge, one.edge, atol=1e-6)
        np.testing.assert_allclose(other.noise, factor * one.noise, rtol=1e-6)


@pytest.mark.parametrize(("make", "kind"), [(step, 0.0), (line, np.pi / 2)])
@pytest.mark.parametrize("theta", [0.0, 0.5, 1.2, 2.4])
def test_edges_and_lines_of_all_directions(make, kind, theta):
    for sign in (1, -1):
        found = phase_congruency(noisy(sign * make(theta, 97), 40))
        inner = (slice(20, -20), slice(20, -20))
        on = abs(distance_across(theta, 97)[inner]) < 0.3
        off = abs(distance_across(theta, 97)[inner]) > 8
        assert found.edge[inner][on].min() > 0.35
        assert np.quantile(found.edge[inner][off], 0.95) < 0.05
        assert angular_error(found.orientation[inner][on], theta).max() < 1.5
        assert abs(found.feature_type[inner][on] - sign * kind).max() < 0.45


def test_where_the_edge_lies_makes_no_difference():
    image = step(0.5, 97)
    one = phase_congruency(image, boundary="wrap")
    other = phase_congruency(np.roll(image, (5, -9), (0, 1)), boundary="wrap")
    np.testing.assert_allclose(other.edge, np.roll(one.edge, (5, -9), (0, 1)), atol=1e-6)


def test_noise_alone_stays_below_the_threshold():
    found = phase_congruency(rng.normal(size=(128, 128)))
    assert np.mean(found.edge > 0.1) < 0.05
    assert found.noise.shape == (6,)


def test_corners_have_both_moments():
    image = np.zeros((80, 80))
    image[20:60, 20:60] = 1
    found = phase_congruency(noisy(image, 40))
    near = {name: getattr(found, name)[17:23] for name in ("edge", "corner")}
    assert near["corner"][:, 17:23].max() > 2 * near["corner"][:, 35:45].max()
    assert near["edge"][:, 35:45].max() > 0.3


def test_a_given_threshold_and_opposite_directions():
    image = noisy(step(0.5, 64), 40)
    bank = gk.GaborBank.grid(3, 6, wavelength=4)
    found = phase_congruency(image, bank, noise=0.01)
    assert (found.noise == 0.01).all()
    turned = gk.GaborBank(k.rotated((i % 3 - 1) * np.pi) for i, k in enumerate(bank))
    other = phase_congruency(image, turned, noise=0.01)
    for name in ("edge", "corner", "feature_type"):
        np.testing.assert_allclose(getattr(other, name), getattr(found, name), atol=1e-9)


def test_colours_and_several_pictures():
    images = rng.random((2, 24, 30, 3))
    found = phase_congruency(images, channel_axis=-1)
    assert found.edge.shape == (2, 3, 24, 30)
    assert found.congruency.shape == (2, 3, 6, 24, 30)
    alone = phase_congruency(images[1, ..., 2])
    np.testing.assert_allclose(found.edge[1, 2], alone.edge, atol=1e-9)


@pytest.mark.parametrize("noise", ["median", "mode", 0.5])
def test_tensors_agree_and_pass_gradients(noise):
    image = PICTURE[:31, :33]
    tensor = torch.tensor(image, requires_grad=True)
    found, expected = phase_congruency(tensor, noise=noise), phase_congruency(image, noise=noise)
    for name in ("edge", "corner", "feature_type", "congruency", "noise"):
        got = getattr(found, name).detach().numpy()
        np.testing.assert_allclose(got, getattr(expected, name), atol=1e-9)
    found.edge.sum().backward()
    assert torch.isfinite(tensor.grad).all()
    assert tensor.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": "mean"}, "noise='mean' is neither median, mode"),
        ({"noise": -1}, "noise=-1 is neither"),
        ({"deviations": -1}, "deviations=-1 is no number"),
        ({"sharpness": "high"}, "sharpness='high' is no number"),
        ({"cutoff": 1.5}, "cutoff=1.5 is no share"),
        ({"bank": gk.GaborBank.grid(1, 6)}, "1 scales and 6 orientations is too small"),
        ({"bank": gk.GaborBank.grid(3, 2)}, "3 scales and 2 orientations is too small"),
        ({"bank": gk.GaborBank.grid(3, 6, norm="l2")}, "peaks are .* give norm='l1' or 'gain'"),
        ({"bank": gk.GaborBank.grid(3, 6)[:-1]}, "no grid"),
    ],
)
def test_what_does_not_fit(options, message):
    with pytest.raises(gk.FeatureError, match=message):
        phase_congruency(np.zeros((16, 16)), **options)


@pytest.mark.filterwarnings("ignore")
def test_phasepack_agrees_with_the_cosine_spread_of_phasecong3():
    """With its spread the two differ by the kernels' truncation alone; with the Gaussian by more.

    phasepack filters by transfer functions that are not truncated.
    """
    phasepack = pytest.importorskip("phasepack", reason="needs phasepack")
    image = gk.read_image("sample:coins")[:96, :128].astype(float)
    edge, corner, _, kind, maps, _, level = phasepack.phasecong(image, nscale=4)
    apart = {}
    for spread in ("cosine", "gaussian"):
        bank = gk.GaborBank.preset("kovesi", spread=spread)
        found = phase_congruency(image, bank, boundary="wrap")
        apart[spread] = abs(found.edge - edge).max()
        if spread == "cosine":
            assert abs(found.corner - corner).max() < 0.02
            assert np.median(abs(found.feature_type - kind)) < 0.01
            for o, theirs in enumerate(maps):  # its angles are counter-clockwise
                assert abs(found.congruency[-o % 6] - theirs).mean() < 0.005
            assert found.noise[1] == pytest.approx(level, rel=0.005)
    assert apart["cosine"] < 0.02 < apart["gaussian"]


def test_of_a_bank_that_learns_nothing_is_kept():
    wavelength = torch.tensor(6.0, requires_grad=True)
    kernels = [
        gk.GaborKernel(
            wavelength=wavelength * 2**s, sigma=3.0 * 2**s, theta=o * np.pi / 4, norm="l1"
        )
        for s in range(2)
        for o in range(4)
    ]
    bank, image = gk.GaborBank(kernels), torch.from_numpy(rng.random((20, 24)))
    with torch.no_grad():
        first = phase_congruency(image, bank, noise=0.0).edge
    again = phase_congruency(image, bank, noise=0.0).edge
    assert again.requires_grad
    torch.testing.assert_close(again.detach(), first)
    again.sum().backward()
    assert wavelength.grad != 0
    assert grid_of(bank).wavelengths == pytest.approx((6, 12))
    plain = gk.GaborBank.grid(2, 4)
    assert grid_of(plain) is grid_of(gk.GaborBank.grid(2, 4))
