"""Kernels in space: the plane's formula, engines against direct convolution, motion."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import gaborkit as gk
from gaborkit.errors import FilterError, ImageError, KernelError
from gaborkit.volumes import (
    GaborKernel3D,
    directions,
    filter_volume,
    motion_energy,
    motion_kernels,
    volume_filter,
)

RNG = np.random.default_rng(0)
VOLUME = RNG.random((9, 10, 12))
#: Wide enough a share to keep direct convolution short.
SHARE = 1e-3
BOUNDARIES = ("reflect", "mirror", "nearest", "constant", "wrap")


def direct(kernel, volume, boundary="reflect", spacing=(1, 1, 1)):
    """Convolution in double precision, value by value."""
    samples = kernel.sample(SHARE, spacing)
    return ndimage.convolve(volume, samples.real, mode=boundary) + 1j * ndimage.convolve(
        volume, samples.imag, mode=boundary
    )


def error(one, other):
    return np.linalg.norm(one - other) / np.linalg.norm(other)


# ---- kernels ----


@pytest.mark.parametrize("norm", ["l1", "l2", "gain", "peak"])
@pytest.mark.parametrize("gamma", [1.0, 0.7])
def test_in_its_own_plane_it_is_the_kernel_of_the_plane(norm, gamma):
    """The formula is one: only the amplitude knows of the third dimension."""
    fields = {"wavelength": 6, "sigma": 2, "gamma": gamma, "phase": 0.3, "theta": 0.7}
    line = np.arange(-5, 6.0)
    plane = gk.GaborKernel(**fields).evaluate(line[:, None], line)
    space = GaborKernel3D(**fields, norm=norm)
    section = space.evaluate(np.zeros(1), line[:, None, None], line[None, :, None])[..., 0]
    np.testing.assert_allclose(
        section / space.amplitude(), plane / gk.GaborKernel(**fields).amplitude(), atol=1e-14
    )


@settings(max_examples=25, deadline=None)
@given(
    st.floats(-3, 3),
    st.floats(-math.pi / 2, math.pi / 2),
    st.floats(3, 8),
    st.floats(1, 2.5),
    st.floats(0.5, 1),
)
def test_samples_are_the_formula_of_sum_zero_and_turn_in_space(
    theta, elevation, wavelength, sigma, gamma
):
    kernel = GaborKernel3D(
        wavelength=wavelength, sigma=sigma, gamma=gamma, theta=theta, elevation=elevation
    )
    samples = kernel.sample()
    z, y, x = kernel.lines()
    exact = kernel.evaluate(z[:, None, None], y[:, None], x)
    assert abs(samples - exact).max() < 2e-3 * abs(exact).max()
    assert abs(samples.sum()) < 1e-12
    # At turned places, the kernel of x has the value that this one has.
    ux, uy, uz = kernel.direction
    others = np.linalg.svd([[ux, uy, uz]])[2][1:]
    straight = GaborKernel3D(wavelength=wavelength, sigma=sigma, gamma=gamma)
    place = np.array([1.3, -0.4, 0.8])
    turned = place[0] * kernel.direction + place[1] * others[0] + place[2] * others[1]
    np.testing.assert_allclose(
        kernel.evaluate(*turned[::-1]), straight.evaluate(*place[::-1]), atol=1e-12
    )


@pytest.mark.parametrize("gamma", [1.0, 0.5])
def test_norms_are_integrals_over_space(gamma):
    fields = {"wavelength": 5, "sigma": 2.0, "gamma": gamma, "dc_free": False, "theta": 0.4}
    sums = {}
    for norm in ("l1", "l2", "gain", "peak"):
        kernel = GaborKernel3D(norm=norm, **fields)
        sums[norm] = abs(kernel.sample(1e-8))
    np.testing.assert_allclose(sums["l1"].sum(), 1, rtol=1e-6)
    np.testing.assert_allclose((sums["l2"] ** 2).sum(), 1, rtol=1e-6)
    np.testing.assert_allclose(sums["peak"].max(), 1)
    kernel = GaborKernel3D(norm="gain", wavelength=5, sigma=2.0, gamma=gamma)
    line, x = kernel.sample(1e-8).sum((0, 1)), kernel.lines(1e-8)[2]
    frequencies = np.linspace(0.15, 0.25, 101)
    gains = [abs((line * np.exp(-2j * np.pi * f * x)).sum()) for f in frequencies]
    np.testing.assert_allclose(max(gains), 1, rtol=1e-4)


def test_dilation_and_direction():
    kernel = GaborKernel3D.along((1, 1, 1), wavelength=4, sigma=1.5)
    np.testing.assert_allclose(kernel.direction, np.full(3, 3**-0.5))
    large = kernel.scaled(2)
    assert large.frequency == kernel.frequency / 2
    np.testing.assert_allclose(large.evaluate(2, 4, -2), kernel.evaluate(1, 2, -1) / 8)
    assert kernel.label == "4, 45°, 35.26°"
    vectors = directions(13)
    assert len({tuple(np.round(v, 6)) for v in np.concatenate([vectors, -vectors])}) == 26


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sigma": 0}, "sigma=0 is not positive"),
        ({"wavelength": np.nan}, "wavelength=nan is not finite"),
        ({"elevation": 2}, "beyond a right angle"),
        ({"dc_free": 1}, "dc_free=1 is neither"),
        ({"norm": "article"}, "norm='article' is unknown"),
    ],
)
def test_kernels_out_of_range(fields, message):
    with pytest.raises(KernelError, match=message):
        GaborKernel3D(**{"wavelength": 6, "sigma": 2, **fields})


def test_other_refusals_of_kernels():
    with pytest.raises(KernelError, match=r"direction=\(0, 0, 0\) is none"):
        GaborKernel3D.along((0, 0, 0), wavelength=6, sigma=2)
    with pytest.raises(KernelError, match="too large"):
        GaborKernel3D(wavelength=600, sigma=200).sample()
    for spacing in ((0, 1, 1), (1, 1), (1, np.nan, 1)):
        with pytest.raises(KernelError, match="spacing"):
            GaborKernel3D(wavelength=6, sigma=2).sample(spacing=spacing)
    with pytest.raises(KernelError, match="scale=inf"):
        GaborKernel3D(wavelength=6, sigma=2).scaled(0, -1)
    with pytest.raises(KernelError, match="sets of 3, 4, 6, 9, 13 work"):
        directions(5)


# ---- engines ----


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("engine", ["separable", "fourier"])
@pytest.mark.parametrize("spacing", [(1, 1, 1), (2.0, 1.0, 0.8)])
def test_engines_agree_with_direct_convolution(boundary, engine, spacing):
    kernels = [
        GaborKernel3D.along(v, wavelength=4, sigma=1.2, phase=0.4, dc_free=free)
        for v, free in (((1, -2, 0.5), True), ((-1, 2, -0.5), False), ((0, 0, 1), True))
    ]
    options = {"boundary": boundary, "engine": engine, "spacing": spacing, "tolerance": SHARE}
    expected = [direct(kernel, VOLUME, boundary, spacing) for kernel in kernels]
    double = filter_volume(kernels, VOLUME, **options)
    single = filter_volume(kernels, VOLUME.astype(np.float32), **options)
    assert (double.dtype, single.dtype) == (np.complex128, np.complex64)
    for one, other, truth in zip(double, single, expected, strict=True):
        assert error(one, truth) < 1e-10
        assert error(other, truth) < 1e-5


def test_thirteen_directions_share_passes_and_answer_each_for_itself():
    kernels = [GaborKernel3D.along(v, wavelength=4, sigma=1.2) for v in directions(13)]
    together = filter_volume(kernels, VOLUME, engine="separable", tolerance=SHARE)
    for kernel, response in zip(kernels, together, strict=True):
        np.testing.assert_allclose(response, direct(kernel, VOLUME), atol=1e-12)
        np.testing.assert_allclose(
            response, filter_volume(kernel, VOLUME, tolerance=SHARE), atol=1e-12
        )


def test_elongated_kernels_and_several_envelopes():
    kernels = [
        GaborKernel3D.along((1, 2, 3), wavelength=4, sigma=1, gamma=0.7),
        GaborKernel3D.along((1, 2, 3), wavelength=4, sigma=1),
        GaborKernel3D.along((1, 2, 3), wavelength=4, sigma=1.2),
    ]
    responses = filter_volume(kernels, VOLUME, tolerance=SHARE)
    for kernel, response in zip(kernels, responses, strict=True):
        assert error(response, direct(kernel, VOLUME)) < 1e-10


@pytest.mark.parametrize("part", ["real", "imag", "magnitude", "energy", "phase"])
def test_parts(part):
    kernel = GaborKernel3D(wavelength=5, sigma=1.5, elevation=0.3)
    whole = filter_volume(kernel, VOLUME)
    expected = {
        "real": whole.real,
        "imag": whole.imag,
        "magnitude": abs(whole),
        "energy": abs(whole) ** 2,
        "phase": np.angle(whole),
    }[part]
    np.testing.assert_allclose(filter_volume(kernel, VOLUME, part=part), expected, atol=1e-12)


@pytest.mark.parametrize("level", [0, 255, 1e6])
@pytest.mark.parametrize("engine", ["separable", "fourier"])
def test_a_constant_answers_nothing(level, engine):
    kernel = GaborKernel3D(wavelength=5, sigma=1.5, elevation=0.3)
    flat = np.full((9, 8, 7), level, np.float32)
    assert abs(filter_volume(kernel, flat, engine=engine)).max() <= 1e-7 * level


def test_volumes_know_their_spacing_and_integers_their_values():
    kernel = GaborKernel3D(wavelength=6, sigma=2, elevation=1.0)
    counts = (VOLUME * 200).astype(np.uint8)
    volume = gk.Volume.of(counts, (2, 1, 1))
    expected = filter_volume(kernel, counts.astype(np.float32), spacing=(2, 1, 1))
    np.testing.assert_array_equal(filter_volume(kernel, volume), expected)


def test_a_grating_in_space_is_seen_by_its_kernel_alone():
    kernels = [GaborKernel3D.along(v, wavelength=6, sigma=3) for v in directions(13)]
    z, y, x = np.mgrid[:24, :24, :24]
    for k in (0, 4, 11):
        u = kernels[k].direction
        wave = np.cos(2 * np.pi * (u[0] * x + u[1] * y + u[2] * z) / 6)
        inner = abs(filter_volume(kernels, wave)[:, 12, 12, 12])
        assert inner.argmax() == k
        np.testing.assert_allclose(inner[k], 0.5, rtol=0.02)


@pytest.mark.parametrize(
    ("arguments", "options", "error_type", "message"),
    [
        (([], VOLUME), {}, FilterError, "no kernels filter nothing"),
        (([1], VOLUME), {}, FilterError, "1 is no GaborKernel3D"),
        ((gk.GaborKernel(sigma=3), VOLUME), {}, FilterError, "GaborKernel.* is no GaborKernel3D"),
        ((None, VOLUME[0]), {}, ImageError, "is no volume"),
        ((None, np.full((3, 3, 3), np.nan)), {}, ImageError, "27 of 27 voxels are NaN"),
        ((None, VOLUME), {"engine": "fast"}, FilterError, "engine='fast' is unknown"),
        ((None, VOLUME), {"part": "half"}, FilterError, "part='half' is unknown"),
        ((None, VOLUME), {"boundary": "zero"}, FilterError, "boundary='zero' is unknown"),
        ((None, VOLUME), {"spacing": (1, 0, 1)}, FilterError, "is not three distances"),
        ((0.5, VOLUME), {"engine": "separable"}, FilterError, "is no product of lines"),
    ],
)
def test_refusals(arguments, options, error_type, message):
    kernels, volume = arguments
    if kernels is None or kernels == 0.5:
        kernels = GaborKernel3D(wavelength=6, sigma=2, gamma=kernels or 1.0)
    with pytest.raises(error_type, match=message):
        filter_volume(kernels, volume, **options)


def test_a_grid_too_coarse_for_a_kernel_is_warned_of():
    kernel = GaborKernel3D.along((0, 0, 1), wavelength=3, sigma=1.5)
    with pytest.warns(gk.SamplingWarning, match="has 1.5 values a period"):
        filter_volume(kernel, VOLUME, spacing=(2, 1, 1))
    filter_volume(kernel, VOLUME, spacing=(1, 2, 2))  # its wave is along z
    with pytest.warns(gk.SamplingWarning, match="too small for values 4 apart"):
        filter_volume(kernel, VOLUME, spacing=(1, 4, 4))
    fine = GaborKernel3D(wavelength=1, sigma=0.5)  # of a grid of tenths
    filter_volume(fine, VOLUME, spacing=(0.3, 0.3, 0.3))


# ---- motion ----


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_motion_is_seen_in_its_direction(speed):
    t, y, x = np.mgrid[:24, :28, :28]
    for k in (0, 1, 3):
        theta = 2 * math.pi * k / 8
        way = x * math.cos(theta) + y * math.sin(theta)
        video = np.cos(2 * np.pi * (way - speed * t) / 8)
        energy = motion_energy(video, 8, speed)[:, 12, 14, 14]
        assert energy.argmax() == k
        assert energy[k] > (3 if speed == 0.5 else 100) * energy[(k + 4) % 8]


def test_motion_against_its_definition():
    """Sums of squares of a quadrature pair, oriented in space and time."""
    video = RNG.random((8, 12, 13))
    speed, sigma, duration, wavelength = 1.0, 1.5, 0.8, 4.0
    found = motion_energy(
        video, [0.4], speed, wavelength=wavelength, sigma=sigma, duration=duration
    )[0]
    t, y, x = np.mgrid[-4:5, -7:8, -7:8]
    envelope = np.exp(-(t**2) / (2 * duration**2) - (x**2 + y**2) / (2 * sigma**2))
    envelope /= envelope.sum()
    wave = np.exp(2j * np.pi * (x * math.cos(0.4) + y * math.sin(0.4) - speed * t) / wavelength)
    wave -= (envelope * wave).sum()
    pair = [
        ndimage.convolve(video, part) for part in ((envelope * wave).real, (envelope * wave).imag)
    ]
    np.testing.assert_allclose(found, pair[0] ** 2 + pair[1] ** 2, rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"speed": 4}, "seems to move back"),
        ({"speed": -1}, "speed=-1"),
        ({"directions": 0}, "directions=0 is no count"),
        ({"sigma": 0}, "sigma=0 is not a number above 0"),
        ({"duration": math.inf}, "duration=inf"),
    ],
)
def test_motion_out_of_range(fields, message):
    with pytest.raises(KernelError, match=message):
        motion_kernels(**fields)


@pytest.mark.parametrize("boundary", ["reflect", "constant"])
@pytest.mark.parametrize("planes", [1, 3])
def test_a_few_planes_at_a_time_are_all_of_them(planes, boundary, monkeypatch):
    volume = np.random.default_rng(0).random((10, 9, 8))
    kernels = [
        *(GaborKernel3D.along(v, wavelength=4, sigma=1) for v in directions(6)),
        GaborKernel3D(wavelength=5, sigma=1.5),
        GaborKernel3D(wavelength=4, sigma=1, dc_free=False, phase=0.3),
    ]
    expected = filter_volume(kernels, volume, boundary=boundary)
    monkeypatch.setattr(volume_filter, "CACHED_BYTES", planes * 9 * 8 * 16)
    found = filter_volume(kernels, volume, boundary=boundary)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14 * abs(expected).max())
    for kernel, response in zip(kernels, found, strict=True):
        alone = filter_volume(kernel, volume, boundary=boundary, engine="fourier")
        np.testing.assert_allclose(response, alone, rtol=0, atol=1e-10 * abs(alone).max())
