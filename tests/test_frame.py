"""The frame: bounds, perfect reconstruction, projection, gradients."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import kernels

import gaborkit as gk
from gaborkit import gathering
from gaborkit import torus as torus_module
from gaborkit.filtering.engines import structures
from gaborkit.torus import Torus, wrapped_transfer

BANKS = {
    "grid": gk.GaborBank.grid(),
    "article": gk.GaborBank.preset("article"),
    "kymatio": gk.GaborBank.preset("kymatio"),
    "log-Gabor": gk.GaborBank.preset("kovesi"),
}
SIZES = [
    *[(1, 1), (1, 9), (2, 3), (7, 16), (13, 13), (16, 16), (24, 9), (33, 47), (64, 48)],
    (127, 101),
]


def random_coefficients(frame, seed=0):
    rng = np.random.default_rng(seed)
    shape = (len(frame), *frame.shape)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


@pytest.mark.parametrize("tight", [False, True])
def test_transfers_are_those_of_the_analysis(tight):
    frame = BANKS["grid"].frame((16, 21), tight=tight, highpass=True)
    image = np.random.default_rng(0).random(frame.shape)
    wanted = np.fft.ifft2(np.fft.fft2(image) * np.stack(frame.transfers()))
    np.testing.assert_allclose(frame.analyze(image), wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", list(BANKS))
@pytest.mark.parametrize("tight", [False, True])
def test_perfect_reconstruction(name, tight):
    for shape in SIZES:
        frame = BANKS[name].frame(shape, tight=tight)
        for dtype, limit in ((np.float64, 1e-12), (np.float32, 1e-6)):
            image = np.random.default_rng(0).random((2, *shape)).astype(dtype)
            for given_image in (image, torch.from_numpy(image)):
                found = np.asarray(frame.synthesize(frame.analyze(given_image)))
                assert found.dtype == dtype
                assert np.linalg.norm(found - image) <= limit * np.linalg.norm(image), shape


@settings(max_examples=40)
@given(
    st.lists(kernels(), min_size=1, max_size=4),
    st.integers(1, 40),
    st.integers(1, 40),
    st.booleans(),
)
def test_any_bank_is_inverted_with_a_high_pass(drawn, height, width, tight):
    frame = gk.GaborBank(drawn).frame((height, width), highpass=True, tight=tight)
    image = np.random.default_rng(0).standard_normal((height, width))
    found = frame.synthesize(frame.analyze(image))
    assert np.linalg.norm(found - image) <= 1e-12 * np.linalg.norm(image)
    assert frame.ratio == pytest.approx(1)


@pytest.mark.parametrize("name", list(BANKS))
def test_coefficients_are_the_filtered_image(name):
    image = np.random.default_rng(1).random((33, 40))
    bank = BANKS[name]
    coefficients = bank.frame(image.shape).analyze(image)
    expected = bank.filter(image, boundary="wrap")
    np.testing.assert_allclose(
        coefficients[: len(bank)], expected, rtol=0, atol=1e-12 * abs(expected).max()
    )


MIXED = gk.GaborBank(
    [
        *gk.GaborBank.grid(scales=2, orientations=5),
        gk.GaborKernel(sigma=3, theta=0.4, phase=0.3),
        gk.GaborKernel(sigma=3, theta=2, phase=2, dc_free=False),
        gk.GaborKernel(sigma=3, theta=0.4, gamma=0.6),
        gk.LogGaborKernel(wavelength=6, theta=1),
    ]
)


@pytest.mark.parametrize("shape", [(5, 8), (33, 40)])
def test_transfers_are_those_of_the_samples(shape):
    torus = Torus(MIXED.kernels, shape, gk.TOLERANCE)
    impulse = np.zeros(shape)
    impulse[0, 0] = 1
    for kernel, plane in zip(MIXED, torus.planes(), strict=True):
        expected = np.fft.fft2(kernel.filter(impulse, boundary="wrap", engine="direct"))
        np.testing.assert_allclose(plane, expected, rtol=0, atol=1e-12)
        found = wrapped_transfer(kernel, shape, gk.TOLERANCE)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    power = sum(abs(plane) ** 2 for plane in torus.planes())
    np.testing.assert_allclose(torus.power(), power, rtol=0, atol=1e-12 * power.max())


def gathered(torus, coefficients):
    """By the definition, in double precision."""
    total = sum(
        plane.conj() * np.fft.fft2(coefficients[..., k, :, :].astype(complex))
        for k, plane in enumerate(torus.planes())
    )
    return np.fft.rfft2(np.fft.ifft2(total).real)


def random_channels(*sizes):
    rng = np.random.default_rng(0)
    return rng.standard_normal(sizes) + 1j * rng.standard_normal(sizes)


GATHERED = [
    *[(5, 8), (33, 40), (64, 301), (16, 17), (15, 32), (48, 49)],  # few of them end where lanes do
    *[(1, 7), (7, 1), (1, 1)],
    *[(67, 20), (6, 134), (131, 101)],  # primes without a radix
]


@pytest.mark.parametrize(("dtype", "limit"), [(np.complex128, 1e-14), (np.complex64, 2e-6)])
@pytest.mark.parametrize("shape", GATHERED)
def test_gathering_is_the_sum_over_transfers(shape, dtype, limit, monkeypatch):
    torus = Torus(MIXED.kernels, shape, gk.TOLERANCE)
    coefficients = random_channels(2, len(MIXED), *shape).astype(dtype)
    expected = gathered(torus, coefficients)
    found = torus.gather(coefficients)
    assert found.dtype == dtype
    assert np.linalg.norm(found - expected) <= limit * np.linalg.norm(expected)
    others = np.moveaxis(np.moveaxis(coefficients, -1, 0).copy(), 0, -1)  # columns in a piece
    for same in (others, coefficients.astype(coefficients.dtype.newbyteorder())):
        np.testing.assert_array_equal(torus.gather(same), found)
    monkeypatch.setattr(torus_module, "available_here", lambda: False)
    by_scipy = torus.gather(coefficients)
    assert by_scipy.dtype == dtype
    assert np.linalg.norm(by_scipy - expected) <= limit * np.linalg.norm(expected)


@pytest.mark.skipif(not structures.available_here(), reason="nothing compiled gathers here")
def test_gathering_by_threads_is_the_same_sum(monkeypatch):
    bank = gk.GaborBank.grid(scales=2, orientations=5)
    torus = Torus(bank.kernels, (20, 30), gk.TOLERANCE)
    coefficients = random_channels(len(bank), 20, 30)
    kernels, calls = list(range(len(bank))), []
    functions = structures.performers().in_lanes["float64"]

    def gather(*arguments):
        calls.append(range(*arguments[-2:]))
        functions.gather(*arguments)

    for threads, most in ((1, 10), (2, 5), (3, 5), (64, 5)):  # at least four kernels each
        calls.clear()
        monkeypatch.setattr(gathering, "available", lambda threads=threads: threads)
        torus._gatherers.clear()
        spy = structures.performers()._replace(
            in_lanes={"float64": functions._replace(gather=gather)}
        )
        monkeypatch.setattr(gathering, "performers", lambda spy=spy: spy)
        found, expected = torus.gather(coefficients), gathered(torus, coefficients)
        assert np.linalg.norm(found - expected) <= 1e-14 * np.linalg.norm(expected)
        assert sorted(k for piece in calls for k in piece) == kernels
        assert max(map(len, calls)) == most


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("shape", GATHERED)
def test_what_memory_held_before_has_no_part_in_sums(shape, dtype, scratch_filled):
    torus = Torus(MIXED.kernels, shape, gk.TOLERANCE)
    coefficients = random_channels(len(MIXED), *shape).astype(dtype)
    scratch_filled(0)
    expected = torus.gather(coefficients)
    scratch_filled(255)
    np.testing.assert_array_equal(torus.gather(coefficients), expected)


def test_what_is_left_out_of_sums_is_negligible():
    # Coefficients that no image has: of each channel one wave, where its kernel sees the most of
    # what is left out.
    bank = gk.GaborBank.grid()
    torus = Torus(bank.kernels, (96, 128), gk.TOLERANCE)
    y, x = np.mgrid[:96, :128]
    for k, plane in enumerate(torus.planes()):
        transfer = torus._round[k]
        down, across = abs(transfer.column), abs(transfer.row)
        share = gathering.SEEN[np.dtype(np.complex64)]
        unseen = (down < share * down.max())[:, None] | (across < share * across.max())
        v, u = np.unravel_index((abs(plane) * unseen).argmax(), plane.shape)
        wave = np.exp(2j * np.pi * (v * y / 96 + u * x / 128))
        channels = np.zeros((len(bank), 96, 128), np.complex64)
        channels[k] = wave
        largest = 96 * 128 * abs(plane).max()
        assert abs(torus.gather(channels) - gathered(torus, channels)).max() <= 1e-6 * largest


@pytest.mark.parametrize(
    ("seen", "first", "length"),
    [
        ("0000", 0, 0),
        ("1111", 1, 4),
        ("0110", 1, 2),
        ("1001", 3, 2),
        ("1010100", 0, 5),
        ("1", 0, 1),
    ],
)
def test_an_arc_holds_all_that_is_seen(seen, first, length):
    assert gathering._arc(np.array([flag == "1" for flag in seen])) == (first, length)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda frame: pickle.loads(pickle.dumps(frame))])
def test_frames_that_were_used_are_copied_and_pickled(copied):
    bank = gk.GaborBank.grid(2, 4)
    frame = bank.frame((20, 24))
    coefficients = frame.analyze(np.random.default_rng(0).random((20, 24)))
    expected = frame.synthesize(coefficients)
    for one in (copied(frame), copied(bank.frame((20, 24)))):
        np.testing.assert_array_equal(one.synthesize(coefficients), expected)


def test_a_frame_is_built_once_for_each_bank_and_shape():
    gk.clear_caches()
    one, other = (gk.GaborBank.grid(2, 4).frame((20, 24)) for _ in range(2))
    assert one._covering is other._covering
    assert one._covering is not gk.GaborBank.grid(2, 4).frame((24, 20))._covering


@pytest.mark.parametrize("tight", [False, True])
@pytest.mark.parametrize("name", ["grid", "kymatio"])
def test_bounds_hold_and_are_reached(name, tight):
    frame = BANKS[name].frame((20, 24), tight=tight)
    lower, upper = frame.bounds
    rng = np.random.default_rng(2)
    for _ in range(5):
        image = rng.standard_normal(frame.shape)
        energy = (abs(frame.analyze(image)) ** 2).sum() / (image**2).sum()
        assert lower * (1 - 1e-12) <= energy <= upper * (1 + 1e-12)
    for at, bound in ((frame.coverage.argmin(), lower), (frame.coverage.argmax(), upper)):
        spectrum = np.zeros(frame.shape, complex)
        spectrum.flat[at] = 1
        wave = np.fft.ifft2(spectrum).real
        energy = (abs(frame.analyze(wave)) ** 2).sum() / (wave**2).sum()
        assert energy == pytest.approx(bound, rel=1e-9)


@pytest.mark.parametrize("tight", [False, True])
def test_adjoint_identity(tight):
    frame = BANKS["grid"].frame((18, 21), tight=tight)
    image = np.random.default_rng(3).standard_normal(frame.shape)
    coefficients = random_coefficients(frame)
    left = np.vdot(frame.analyze(image), coefficients).real
    right = np.vdot(image, frame.adjoint(coefficients))
    assert left == pytest.approx(right, rel=1e-12)


def test_a_tight_frame_is_inverted_by_its_adjoint():
    frame = BANKS["kymatio"].frame((18, 21), tight=True)
    assert frame.bounds == (1, 1)
    coefficients = random_coefficients(frame)
    np.testing.assert_allclose(
        frame.adjoint(coefficients), frame.synthesize(coefficients), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("tight", [False, True])
def test_synthesis_projects_by_least_squares(tight):
    bank = gk.GaborBank.preset("kymatio", J=1, L=4)
    frame = bank.frame((6, 7), tight=tight, highpass=False)
    assert frame.ratio == 1 if tight else frame.ratio > 1.5
    coefficients = random_coefficients(frame)
    columns = [frame.analyze(unit.reshape(6, 7)).ravel() for unit in np.eye(42)]
    matrix = np.array(columns).T
    stacked = np.concatenate([matrix.real, matrix.imag])
    target = np.concatenate([coefficients.real.ravel(), coefficients.imag.ravel()])
    expected = np.linalg.lstsq(stacked, target)[0].reshape(6, 7)
    found = frame.synthesize(coefficients)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    again = frame.analyze(frame.synthesize(frame.analyze(found)))
    np.testing.assert_allclose(again, frame.analyze(found), rtol=0, atol=1e-10)


def test_low_pass_and_high_pass_are_real_and_where_they_belong():
    frame = BANKS["grid"].frame((64, 64))
    assert frame.labels[-2:] == ("low-pass", "high-pass")
    assert frame.highpass
    assert len(frame) == 34
    constant = frame.analyze(np.ones((64, 64)))
    energy = (abs(constant) ** 2).sum((1, 2))
    assert energy[-2] == pytest.approx(energy.sum())
    corner = (-1.0) ** np.add.outer(np.arange(64), np.arange(64))
    energy = (abs(frame.analyze(corner)) ** 2).sum((1, 2))
    assert energy[-1] > 0.9 * energy.sum()
    noise = frame.analyze(np.random.default_rng(4).random((64, 64)))
    assert abs(noise[-2:].imag).max() < 1e-15


def test_high_pass_is_added_where_needed_or_asked_for():
    assert not BANKS["kymatio"].frame((64, 64)).highpass
    assert BANKS["kymatio"].frame((64, 64), highpass=True).highpass
    assert BANKS["kymatio"].frame((64, 64)).labels[-1] == "low-pass"


def test_a_frame_that_cannot_be_inverted():
    with pytest.raises(gk.FrameError, match=r"cannot be inverted: .* pass highpass=True"):
        gk.GaborBank([gk.GaborKernel(sigma=3)]).frame((64, 64), highpass=False)


def test_bounds_far_apart_warn():
    with pytest.warns(gk.FrameWarning, match="the inverse loses 2.8 digits") as record:
        gk.GaborBank.preset("manjunath").frame((128, 100), highpass=False)
    assert record[0].filename == __file__


def test_gradients_pass_through():
    frame = gk.GaborBank.grid(1, 2).frame((5, 6))
    image = torch.rand(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(frame.analyze, image.requires_grad_(), fast_mode=True)
    coefficients = torch.from_numpy(random_coefficients(frame)).requires_grad_()
    assert torch.autograd.gradcheck(frame.synthesize, coefficients, fast_mode=True)


def test_large_frames_keep_no_transfer_functions(monkeypatch):
    image = np.random.default_rng(5).random((20, 22))
    bank = gk.GaborBank([*gk.GaborBank.grid(1, 3), gk.GaborKernel(sigma=2, gamma=0.7)])
    expected = bank.frame(image.shape).analyze(image)
    monkeypatch.setattr(torus_module, "CACHE_BYTES", 0)
    gk.clear_caches()
    frame = bank.frame(image.shape)
    assert frame._covering.torus.nbytes < 16 * image.size
    np.testing.assert_array_equal(frame.analyze(image), expected)


def test_repr_states_bounds_and_ratio():
    text = repr(BANKS["kymatio"].frame((128, 100)))
    assert text.startswith("GaborFrame(32 kernels + low-pass, 128 x 100, bounds 0.123 to 1.039")


@pytest.mark.parametrize("shape", [(3,), (0, 4), (4, -1), (2.5, 3), None, (4, 5, 6), ("a", 3)])
def test_shapes_of_no_image(shape):
    with pytest.raises(gk.FrameError, match=r"is not \(H, W\)"):
        gk.GaborBank.grid(1, 2).frame(shape)


def test_learnable_kernels_have_no_frame():
    bank = gk.GaborBank([gk.GaborKernel(sigma=torch.tensor(3.0, requires_grad=True))])
    with pytest.raises(gk.FrameError, match="learnable"):
        bank.frame((8, 8))


def test_images_and_coefficients_that_do_not_fit():
    frame = gk.GaborBank.grid(1, 2).frame((8, 9))
    with pytest.raises(gk.FrameError, match=r"shape \(8, 8\) does not fit"):
        frame.analyze(np.ones((8, 8)))
    with pytest.raises(gk.ImageError, match="complex128 cannot be filtered"):
        frame.analyze(np.ones((8, 9), complex))
    with pytest.raises(gk.FrameError, match=r"coefficients of shape \(2, 8, 9\) do not fit"):
        frame.synthesize(np.ones((2, 8, 9), complex))
    with pytest.raises(gk.FrameError, match="magnitudes alone do not determine"):
        frame.synthesize(np.ones((len(frame), 8, 9)))
    with pytest.raises(gk.FrameError, match="float32 are not complex64"):
        frame.synthesize(torch.ones(len(frame), 8, 9))
    with pytest.raises(gk.FrameError, match="do not fit"):
        frame.synthesize([1, 2])


def test_frames_warn_once_only_where_they_should():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gk.GaborBank.grid().frame((28, 28))
