"""The origins themselves, or their formulas, are the golden values of the conventions."""

import math

import cv2
import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.filters import gabor_kernel

from gaborkit.errors import KernelError
from gaborkit.kernels.conventions import sigma_of
from gaborkit.kernels.gabor import GaborKernel

DIRECTIONS = (0.0, 0.3, math.pi / 2, 2.0, math.pi, -2.5)
FINE = 1e-13  # tolerance of the support: nothing is cut off to rounding


def assert_close(ours, theirs, relative=1e-12):
    """Equal within ``relative`` of the largest magnitude, on the window that both have."""
    height, width = np.minimum(ours.shape, theirs.shape)
    ours, theirs = (
        a[
            (a.shape[0] - height) // 2 : (a.shape[0] + height) // 2,
            (a.shape[1] - width) // 2 : (a.shape[1] + width) // 2,
        ]
        for a in (ours, theirs)
    )
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=relative * np.abs(theirs).max())


def assert_same_function(one, two):
    for folded in (lambda k: k.wavelength * k.scale, lambda k: k.sigma * k.scale):
        assert folded(one) == pytest.approx(folded(two), rel=1e-9)
    assert one.gamma == pytest.approx(two.gamma, rel=1e-9)
    assert one.phase == two.phase
    assert math.remainder(one.theta - two.theta, 2 * math.pi) == pytest.approx(0, abs=1e-9)
    assert (one.dc_free, one.norm) == (two.dc_free, two.norm)


kernels = st.builds(
    lambda wavelength, ratio, **rest: GaborKernel(
        wavelength=wavelength, sigma=ratio * wavelength, **rest
    ),
    wavelength=st.floats(4, 60),
    ratio=st.floats(0.4, 2),
    theta=st.floats(-7, 7),
    gamma=st.floats(0.2, 3),
    scale=st.floats(1, 4),
)
phases = st.floats(-7, 7)
few = settings(max_examples=50, deadline=None)


# ---- the article ----


@pytest.mark.parametrize("j", [0, 1, 2.5])
def test_article_is_the_articles_formula(j):
    sigma, theta, a = 1.3, 0.7, 2
    y, x = np.mgrid[-9:10, -9:10].astype(float)
    u, v = x / a**j, y / a**j
    along = u * math.cos(theta) + v * math.sin(theta)
    gauss = np.exp(-(u**2 + v**2) / (4 * sigma**2)) / (4 * math.pi * sigma**2)
    psi = a ** (-j / 2) * gauss * (np.exp(1j * along) - math.exp(-(sigma**2)))
    assert_close(GaborKernel.article(sigma, theta, a, j).evaluate(y, x), psi)


def test_article_defaults():
    assert GaborKernel.article() == GaborKernel.article(sigma=1, theta=0, a=2, j=0)
    assert GaborKernel.article().scale == 1


# ---- scikit-image ----


@pytest.mark.parametrize("theta", DIRECTIONS)
@pytest.mark.parametrize(
    "rest",
    [
        {},
        {"bandwidth": 0.6, "offset": 0.4},
        {"sigma_x": 3, "sigma_y": 5},
        {"sigma_x": 3},
        {"sigma_y": 3},
        {"bandwidth": None, "sigma_x": 3, "sigma_y": 5},
    ],
)
def test_skimage_kernel(theta, rest):
    theirs = gabor_kernel(0.14, theta, n_stds=8, **rest)
    assert_close(GaborKernel.from_skimage(0.14, theta, **rest).sample(FINE), theirs)


@few
@given(kernels, phases)
def test_skimage_round_trip(kernel, phase):
    kernel = kernel.replace(dc_free=False, phase=phase)
    assert_same_function(GaborKernel.from_skimage(**kernel.to_skimage()), kernel)


def test_skimage_takes_what_we_give():
    kernel = GaborKernel(wavelength=6, theta=1, sigma=2, gamma=0.7, scale=1.5, dc_free=False)
    assert_close(kernel.sample(FINE), gabor_kernel(**kernel.to_skimage(), n_stds=8))


# ---- OpenCV ----


@pytest.mark.parametrize("theta", DIRECTIONS)
@pytest.mark.parametrize("psi", [0.0, 0.4, math.pi / 2])
def test_opencv_kernel_reflected(theta, psi):
    kernel = GaborKernel.from_opencv(3, theta, 7, 0.6, psi).sample(FINE)
    size = kernel.shape
    reflected = np.s_[::-1, ::-1]
    assert_close(kernel.real, cv2.getGaborKernel(size, 3, theta, 7, 0.6, psi)[reflected])
    assert_close(
        kernel.imag, cv2.getGaborKernel(size, 3, theta, 7, 0.6, psi - math.pi / 2)[reflected]
    )


def test_opencv_default_phase():
    kernel = GaborKernel.from_opencv(3, 0.4, 7, 0.6)
    assert_close(kernel.sample().real, cv2.getGaborKernel((31, 31), 3, 0.4, 7, 0.6)[::-1, ::-1])


def test_opencv_correlation_is_our_convolution():
    image = np.random.default_rng(0).random((40, 50))
    kernel = GaborKernel.from_opencv(2, 0.4, 5, 0.8, 0.3)
    samples = kernel.sample().real
    theirs = cv2.getGaborKernel(samples.shape, **kernel.to_opencv())
    filtered = cv2.filter2D(image, cv2.CV_64F, theirs, borderType=cv2.BORDER_REFLECT)
    assert_close(scipy.ndimage.convolve(image, samples, mode="reflect"), filtered)


@few
@given(kernels, phases)
def test_opencv_round_trip(kernel, phase):
    kernel = kernel.replace(dc_free=False, norm="peak", phase=phase)
    assert_same_function(GaborKernel.from_opencv(**kernel.to_opencv()), kernel)


# ---- MATLAB ----


def matlab_kernel(wavelength, orientation, bandwidth, aspect_ratio, r):
    """gabor.m's SpatialKernel on meshgrid(-r:r); rows, and so Y, run down the image."""
    ratio = (2**bandwidth + 1) / (2**bandwidth - 1)
    sigma_x = wavelength / math.pi * math.sqrt(math.log(2) / 2) * ratio
    sigma_y = sigma_x / aspect_ratio
    y, x = np.mgrid[-r : r + 1, -r : r + 1]
    cosd, sind = math.cos(math.radians(orientation)), math.sin(math.radians(orientation))
    x_prime, y_prime = x * cosd - y * sind, x * sind + y * cosd
    gauss = np.exp(-1 / 2 * (x_prime**2 / sigma_x**2 + y_prime**2 / sigma_y**2))
    return gauss * np.exp(2j * math.pi * x_prime / wavelength)


@pytest.mark.parametrize("orientation", [0, 30, 90, 135, 200, 360, -45])
@pytest.mark.parametrize("rest", [{}, {"bandwidth": 1.7, "aspect_ratio": 0.8}])
def test_matlab_kernel(orientation, rest):
    kernel = GaborKernel.from_matlab(5, orientation, **rest).sample(FINE)
    shape = {"bandwidth": 1.0, "aspect_ratio": 0.5} | rest
    assert_close(kernel, matlab_kernel(5, orientation, **shape, r=len(kernel) // 2))


@few
@given(kernels)
def test_matlab_round_trip(kernel):
    kernel = kernel.replace(dc_free=False, norm="peak")
    description = kernel.to_matlab()
    assert 0 <= description["orientation"] <= 360
    assert_same_function(GaborKernel.from_matlab(**description), kernel)


# ---- kymatio ----


def kymatio_wavelet(rows, columns, j, l, L):  # noqa: E741, N803
    """filter_bank.py's morlet_2d in double precision: x is the row, 5 x 5 periods are summed."""
    sigma, xi, slant = 0.8 * 2**j, 3 / 4 * math.pi / 2**j, 4 / L
    theta = (int(L - L / 2 - 1) - l) * math.pi / L
    rotation = np.array([[math.cos(theta), -math.sin(theta)], [math.sin(theta), math.cos(theta)]])
    curvature = rotation @ np.diag([1, slant**2]) @ rotation.T / (2 * sigma**2)
    gabor, modulus = np.zeros((2, rows, columns), complex)
    for ex in range(-2, 3):
        for ey in range(-2, 3):
            x, y = np.mgrid[ex * rows : (ex + 1) * rows, ey * columns : (ey + 1) * columns]
            form = curvature[0, 0] * x * x + 2 * curvature[0, 1] * x * y + curvature[1, 1] * y * y
            wave = 1j * xi * (x * math.cos(theta) + y * math.sin(theta))
            gabor += np.exp(-form + wave)
            modulus += np.exp(-form)
    morlet = gabor - gabor.sum() / modulus.sum() * modulus
    return morlet / (2 * 3.1415 * sigma**2 / slant)


@pytest.mark.parametrize("angles", [6, 7, 8])
@pytest.mark.parametrize("j", [0, 2])
def test_kymatio_wavelet(j, angles):
    rows, columns = 32, 40
    for index in range(angles):
        samples = GaborKernel.from_kymatio(j, index, angles).sample(FINE)
        line = np.arange(len(samples)) - len(samples) // 2
        wrapped = np.zeros((rows, columns), complex)
        np.add.at(wrapped, np.ix_(line % rows, line % columns), samples)
        theirs = kymatio_wavelet(rows, columns, j, index, angles)
        assert_close(wrapped, theirs * 3.1415 / math.pi, 1e-9)


@given(st.integers(0, 9), st.data())
def test_kymatio_round_trip(j, data):
    # Below 3 angles the finest envelope is too narrow for the pixel grid, and warns.
    angles = data.draw(st.integers(3, 32))
    index = data.draw(st.integers(0, angles - 1))
    kernel = GaborKernel.from_kymatio(j, index, angles)
    description = kernel.to_kymatio()
    assert description == {"j": j, "l": index, "L": angles}
    folded = kernel.replace(wavelength=1 / kernel.frequency, sigma=0.8 * kernel.scale, scale=1)
    turned = folded.rotated(2 * math.pi)
    assert GaborKernel.from_kymatio(**turned.to_kymatio()) == kernel


# ---- bob ----


@pytest.mark.parametrize("dc_free", [True, False])
@pytest.mark.parametrize("sigma", [2 * math.pi, 2.5])
@pytest.mark.parametrize("frequency", [(0.0, 0.8), (0.5, 0.9), (-0.7, -0.3)])
def test_bob_wavelet(frequency, sigma, dc_free):
    omega_y = 2 * math.pi * np.arange(-16, 16)[:, None] / 32
    omega_x = 2 * math.pi * np.arange(-20, 20) / 40
    (ky, kx), k_square = frequency, frequency[0] ** 2 + frequency[1] ** 2
    off_square = (omega_x - kx) ** 2 + (omega_y - ky) ** 2
    theirs = np.exp(-(sigma**2) * off_square / (2 * k_square))
    if dc_free:
        omega_square = omega_x**2 + omega_y**2
        theirs -= np.exp(-(sigma**2) * (omega_square + k_square) / (2 * k_square))
    kernel = GaborKernel.from_bob(frequency, sigma, dc_free=dc_free)
    assert_close(kernel.transfer(omega_y / (2 * math.pi), omega_x / (2 * math.pi)), theirs)


@few
@given(kernels, st.booleans())
def test_bob_round_trip(kernel, dc_free):
    kernel = kernel.replace(gamma=1, dc_free=dc_free)
    assert_same_function(GaborKernel.from_bob(**kernel.to_bob()), kernel)


# ---- which way theta turns ----


@pytest.mark.parametrize(
    "kernel",
    [
        GaborKernel.article(sigma=3, theta=math.pi / 6),
        GaborKernel.from_skimage(0.1, math.pi / 6),
        GaborKernel.from_opencv(5, math.pi / 6, 10, 1, 0),
        GaborKernel.from_matlab(10, 330),
        GaborKernel.from_kymatio(2, 0, 6),
        GaborKernel.from_bob((math.sin(math.pi / 6), math.cos(math.pi / 6))),
    ],
    ids=["article", "skimage", "opencv", "matlab", "kymatio", "bob"],
)
def test_stripes_30_degrees_down_answer_most(kernel):
    """The normal of the stripes points right and down; the response's phase grows along it."""
    y, x = np.mgrid[:81, :81]
    wave = 2 * math.pi * kernel.frequency

    def response(degrees):
        along = x * math.cos(math.radians(degrees)) + y * math.sin(math.radians(degrees))
        return scipy.signal.fftconvolve(np.cos(wave * along), kernel.sample(), mode="same")

    down, up = response(30), response(-30)
    assert abs(down[40, 40]) > 1.5 * abs(up[40, 40])
    assert np.angle(down[40, 41] / down[40, 40]) == pytest.approx(
        wave * math.cos(math.pi / 6), rel=0.1
    )
    assert np.angle(down[41, 40] / down[40, 40]) == pytest.approx(
        wave * math.sin(math.pi / 6), rel=0.1
    )


# ---- what cannot be ----

plain = GaborKernel(wavelength=8, sigma=4, dc_free=False)
peak = plain.replace(norm="peak")
morlet = GaborKernel.from_kymatio(1, 2, 8)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: GaborKernel.article(sigma=0), r"sigma=0 is not positive"),
        (lambda: GaborKernel.article(a=-2), r"a=-2 is not positive; try 2"),
        (lambda: GaborKernel.article(a=2, j=5000), r"a=2 to the power j=5000 overflows"),
        (lambda: GaborKernel.article(j=math.nan), r"j=nan is not finite"),
        (lambda: GaborKernel.article(theta=math.inf), r"theta=inf is not finite"),
        (lambda: GaborKernel.from_skimage(0), r"frequency=0 is not positive; try 0.125"),
        (lambda: GaborKernel.from_skimage("high"), r"frequency='high' is not a number"),
        (lambda: GaborKernel.from_skimage(0.1, bandwidth=0), r"bandwidth=0 is not positive"),
        (lambda: GaborKernel.from_skimage(0.1, bandwidth=None), r"bandwidth=None is not a number"),
        (lambda: GaborKernel.from_skimage(0.1, bandwidth=-1, sigma_x=3), r"bandwidth=-1"),
        (lambda: GaborKernel.from_skimage(0.1, sigma_x=-3), r"sigma_x=-3 is not positive; try 4"),
        (lambda: GaborKernel.from_skimage(0.1, sigma_y=0), r"sigma_y=0 is not positive"),
        (lambda: GaborKernel.from_skimage(0.1, offset=math.nan), r"offset=nan is not finite"),
        (lambda: GaborKernel.from_opencv(3, 0, 0, 1, 0), r"lambd=0 is not positive"),
        (lambda: GaborKernel.from_opencv(3, 0, 8, 0, 0), r"gamma=0 is not positive"),
        (lambda: GaborKernel.from_opencv(3, 0, 8, 1, math.inf), r"psi=inf is not finite"),
        (lambda: GaborKernel.from_matlab(1.5, 0), r"wavelength=1.5 is below MATLAB's least, 2"),
        (lambda: GaborKernel.from_matlab(8, math.nan), r"orientation=nan is not finite"),
        (lambda: GaborKernel.from_matlab(8, 0, bandwidth=0), r"bandwidth=0 is not positive"),
        (lambda: GaborKernel.from_matlab(8, 0, 1, -0.5), r"aspect_ratio=-0.5 is not positive"),
        (lambda: GaborKernel.from_kymatio(-1, 0), r"j=-1 is not a whole number of 0 to 1000"),
        (lambda: GaborKernel.from_kymatio(0.5, 0), r"j=0.5 is not a whole number"),
        (lambda: GaborKernel.from_kymatio(0, 8), r"l=8 is not a whole number of 0 to 7"),
        (lambda: GaborKernel.from_kymatio(0, 0, 0), r"L=0 is not a whole number of 1 or more"),
        (lambda: GaborKernel.from_bob(0.5), r"frequency=0.5 is not a pair \(ky, kx\)"),
        (lambda: GaborKernel.from_bob((1, 2, 3)), r"frequency=\(1, 2, 3\) is not a pair"),
        (lambda: GaborKernel.from_bob((0, 0)), r"frequency=0.0 is not positive"),
        (lambda: GaborKernel.from_bob((0, 1), 0), r"sigma=0 is not positive"),
        (lambda: GaborKernel.from_bob((0, 1), power_of_k=1), r"power_of_k=1 cannot be expressed"),
        (plain.replace(dc_free=True).to_skimage, r"dc_free=True .* kernel.replace\(dc_free=False"),
        (peak.to_skimage, r"norm='peak' .* scikit-image, .* kernel.replace\(norm='l1'\)"),
        (peak.replace(dc_free=True).to_opencv, r"dc_free=True cannot be expressed in OpenCV"),
        (plain.to_opencv, r"norm='l1' cannot .* kernel.replace\(norm='peak'\)"),
        (plain.to_matlab, r"norm='l1' cannot be expressed in MATLAB"),
        (peak.replace(dc_free=True).to_matlab, r"dc_free=True cannot be expressed in MATLAB"),
        (peak.replace(phase=1).to_matlab, r"phase=1.0 cannot .* MATLAB, which has only phase=0.0"),
        (peak.replace(sigma=1.2).to_matlab, r"sigma=1.2 \(dilated\) has no .* sigma above 1.499"),
        (morlet.replace(phase=1).to_kymatio, r"phase=1.0 cannot be expressed in kymatio"),
        (morlet.replace(dc_free=False).to_kymatio, r"dc_free=False cannot .* kymatio"),
        (morlet.replace(norm="l2").to_kymatio, r"norm='l2' cannot be expressed in kymatio"),
        (morlet.replace(sigma=1).to_kymatio, r"sigma=2 \(dilated\) .* use sigma=1.6"),
        (morlet.replace(scale=3).to_kymatio, r"wavelength=8 \(dilated\) .* 8/3 \* 2\*\*j"),
        (morlet.replace(gamma=0.7).to_kymatio, r"gamma=0.7 cannot be expressed in kymatio"),
        (morlet.replace(theta=0.1).to_kymatio, r"theta=0.1 cannot .* L=8 has \(l \+ 1\) \* pi"),
        (morlet.replace(theta=0).to_kymatio, r"theta=0 cannot be expressed in kymatio"),
        (plain.replace(gamma=0.5).to_bob, r"gamma=0.5 cannot be expressed in bob"),
        (plain.replace(phase=1).to_bob, r"phase=1.0 cannot be expressed in bob"),
        (peak.to_bob, r"norm='peak' cannot be expressed in bob"),
        (lambda: sigma_of(8, math.inf), r"bandwidth=inf is not finite"),
    ],
)
@pytest.mark.filterwarnings("ignore::gaborkit.errors.SamplingWarning")
def test_what_cannot_be_expressed_raises(act, message):
    with pytest.raises(KernelError, match=message):
        act()


@pytest.mark.filterwarnings("ignore::gaborkit.errors.SamplingWarning")
def test_aliasing_kernels_are_below_matlabs_range_and_kymatios():
    with pytest.raises(KernelError, match=r"wavelength=1.5 is below MATLAB's least"):
        peak.replace(wavelength=1.5).to_matlab()
    with pytest.raises(KernelError, match=r"wavelength=1.333.* cannot be expressed in kymatio"):
        morlet.replace(scale=0.5).to_kymatio()


def test_sigma_of_large_bandwidth_does_not_overflow():
    assert sigma_of(8, 1) == pytest.approx(8 / math.pi * math.sqrt(math.log(2) / 2) * 3)
    assert sigma_of(8, 5000) == pytest.approx(8 / math.pi * math.sqrt(math.log(2) / 2))
