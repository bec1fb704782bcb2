import inspect
import math

import numpy as np
import pytest

from gaborkit.errors import BankError
from gaborkit.kernels.gabor import GaborKernel
from gaborkit.kernels.log_gabor import LogGaborKernel
from gaborkit.kernels.presets import (
    PRESETS,
    article,
    bob,
    kovesi,
    kymatio,
    manjunath,
)


@pytest.mark.parametrize(
    ("name", "count"),
    [("article", 32), ("manjunath", 24), ("kymatio", 32), ("bob", 40), ("kovesi", 24)],
)
def test_defaults(name, count):
    """Finest scale first; no warning, for warnings are errors here."""
    bank = PRESETS[name]()
    assert len(bank) == count
    assert len(set(bank)) == count
    frequencies = [kernel.frequency for kernel in bank]
    assert frequencies == sorted(frequencies, reverse=True)
    assert all(kernel.is_dc_free for kernel in bank)
    assert all(
        p.default is not p.empty for p in inspect.signature(PRESETS[name]).parameters.values()
    )


def test_article():
    assert article()[11] == GaborKernel.article(sigma=1, theta=3 * math.pi / 8, a=2, j=1)
    assert article(sigma=2, a=1.5, scales=3, orientations=4)[-1] == GaborKernel.article(
        2, 3 * math.pi / 4, 1.5, 2
    )


@pytest.mark.parametrize(("scales", "orientations"), [(4, 6), (3, 5), (5, 3)])
def test_manjunath_neighbours_touch_at_half_peak(scales, orientations):
    """Of the plain Gaussians, that the article designs with; each peak is 1."""
    bank = [
        kernel.replace(dc_free=False, norm="gain")
        for kernel in manjunath(scales, orientations, lowest=0.05, highest=0.4)
    ]
    ratio = 8 ** (1 / (scales - 1))
    for m in range(scales):
        mother, neighbour = bank[m * orientations : m * orientations + 2]
        assert mother.frequency == pytest.approx(0.4 / ratio**m)

        # Along the wave vector the two half-peak contours meet in one point.
        if m + 1 < scales:
            coarser = bank[(m + 1) * orientations]
            between = 2 * mother.frequency / (1 + ratio)
            assert mother.transfer(0.0, between).real == pytest.approx(0.5)
            assert coarser.transfer(0.0, between).real == pytest.approx(0.5)

        # On the ray half way to the next orientation both peak at one half: they are tangent.
        half = math.pi / (2 * orientations)
        along = np.linspace(0.5, 1.1, 20001) * mother.frequency
        for kernel in (mother, neighbour):
            on_ray = kernel.transfer(along * math.sin(half), along * math.cos(half)).real
            assert on_ray.max() == pytest.approx(0.5, rel=1e-6)


def test_manjunath_sigma_v_as_printed():
    scales, orientations, lowest, highest = 4, 6, 0.05, 0.4
    a = (highest / lowest) ** (1 / (scales - 1))
    two_ln2 = 2 * math.log(2)
    sigma_u = (a - 1) * highest / ((a + 1) * math.sqrt(two_ln2))
    sigma_v = (
        math.tan(math.pi / (2 * orientations))
        * (highest - two_ln2 * sigma_u**2 / highest)
        / math.sqrt(two_ln2 - two_ln2**2 * sigma_u**2 / highest**2)
    )
    mother = manjunath()[0]
    assert 1 / (2 * math.pi * mother.sigma) == pytest.approx(sigma_u)
    assert mother.gamma / (2 * math.pi * mother.sigma) == pytest.approx(sigma_v)


def test_manjunath_scales_like_the_article():
    """g_mn(x, y) = a^-m g(x', y'): amplitude falls with the dilation."""
    bank = manjunath()
    heights = [kernel.amplitude() * kernel.scale for kernel in bank]
    assert heights == pytest.approx([heights[0]] * len(bank))


def test_kymatio():
    bank = kymatio(J=3, L=6)
    assert [kernel.to_kymatio() for kernel in bank] == [
        {"j": j, "l": index, "L": 6} for j in range(3) for index in range(6)
    ]


def test_bob():
    for kernel, (s, d) in zip(bob(), np.ndindex(5, 8), strict=True):
        (ky, kx), sigma, *_ = kernel.to_bob().values()
        k, angle = math.pi / 2 * 2 ** (-s / 2), math.pi * d / 8
        assert (ky, kx) == pytest.approx((k * math.sin(angle), k * math.cos(angle)), abs=1e-12)
        assert sigma == pytest.approx(2 * math.pi)


def test_kovesi():
    bank = kovesi()
    assert bank[8] == LogGaborKernel(
        wavelength=3,
        theta=-2 * math.pi / 6,
        sigma_on_f=0.55,
        theta_deviation=math.pi / 6 / 1.2,
        scale=2.1,
    )
    assert math.copysign(1, bank[0].theta) == 1


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: article(sigma=0), r"sigma=0 is not positive; try 1"),
        (lambda: article(a=1), r"a=1 does not dilate"),
        (lambda: article(a="two"), r"a='two' is not a number"),
        (lambda: article(scales=0), r"scales=0 is too few; use 1 or more"),
        (lambda: article(orientations=2.5), r"orientations=2.5 is not a whole number; try 4"),
        (lambda: manjunath(scales=1), r"scales=1 is too few; use 2 or more"),
        (lambda: manjunath(orientations=1), r"orientations=1 is too few; use 2 or more"),
        (lambda: manjunath(lowest=0), r"lowest=0 is not positive"),
        (lambda: manjunath(lowest=0.4, highest=0.4), r"lowest=0.4 and highest=0.4 are no range"),
        (lambda: manjunath(highest=0.6), r"highest=0.6 are no range"),
        (lambda: manjunath(highest=math.nan), r"highest=nan is not finite"),
        (lambda: kymatio(J=0), r"J=0 is too few"),
        (lambda: kymatio(L="8"), r"L='8' is not a whole number"),
        (lambda: bob(number_of_scales=-1), r"number_of_scales=-1 is too few"),
        (lambda: bob(number_of_directions=None), r"number_of_directions=None is not a whole"),
        (lambda: bob(sigma=-1), r"sigma=-1 is not positive"),
        (lambda: bob(k_max=0), r"k_max=0 is not positive"),
        (lambda: bob(k_fac=1), r"k_fac=1 is not between 0 and 1"),
        (lambda: kovesi(scales=0), r"scales=0 is too few"),
        (lambda: kovesi(orientations=0), r"orientations=0 is too few"),
        (lambda: kovesi(shortest=0), r"shortest=0 is not positive"),
        (lambda: kovesi(factor=1), r"factor=1 does not dilate"),
        (lambda: kovesi(sigma_on_f=1), r"sigma_on_f=1 is not between 0 and 1"),
        (lambda: kovesi(spread="box"), r"spread='box' is unknown; choose gaussian or cosine"),
        (lambda: kovesi(angular_ratio=0), r"angular_ratio=0 is not positive"),
    ],
)
def test_bad_parameters_raise(act, message):
    with pytest.raises(BankError, match=message):
        act()
