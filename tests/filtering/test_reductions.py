"""Parts of responses, their means and deviations, and the strongest kernel at each pixel."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import gaborkit as gk
from gaborkit.filtering.engines import compiled, threads
from gaborkit.filtering.parts import empty, part_of
from gaborkit.filtering.sinks import ArgMax
from gaborkit.types import BOUNDARIES, PARTS

ENGINES = ("direct", "separable", "fourier")
RNG = np.random.default_rng(0)
IMAGE = RNG.random((2, 37, 45)) + 2

# Two scales, an elongated kernel, one that answers constants, and a twin of the first.
BANK = gk.GaborBank(
    [
        *gk.GaborBank.grid(2, 3),
        gk.GaborKernel(sigma=2, gamma=0.5, theta=0.4),
        gk.GaborKernel(sigma=2, wavelength=9, dc_free=False),
        gk.GaborBank.grid(2, 3)[0].rotated(np.pi),
    ]
)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_that_of_the_response(part, engine):
    responses = BANK.filter(IMAGE, engine="direct")
    found = BANK.filter(IMAGE, part=part, engine=engine)
    assert found.dtype == (np.complex128 if part == "complex" else np.float64)
    expected = part_of(responses, part)
    if part == "phase":  # its sign jumps at pi, and where nothing is it means nothing
        found, expected = (np.exp(1j * phase) * abs(responses) for phase in (found, expected))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("part", ["real", "imag", "magnitude", "energy"])
@pytest.mark.parametrize("width", [1, 5, 31, 32, 33, 64, 70])
def test_parts_in_single_precision_at_every_width(part, width):
    image = RNG.random((9, width), np.float32)
    found = BANK.filter(image, part=part, engine="separable")
    assert found.dtype == np.float32
    expected = part_of(BANK.filter(image.astype(np.float64)), part)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("part", PARTS)
def test_iteration_and_one_kernel_give_the_same_part(part):
    expected = BANK.filter(IMAGE, part=part)
    for k, response in enumerate(BANK.responses(IMAGE, part=part)):
        np.testing.assert_allclose(response, expected[:, k], rtol=0, atol=1e-12)
    one = BANK[0].filter(IMAGE, part=part)
    np.testing.assert_allclose(one, expected[:, 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("gradient", [False, True])
def test_parts_of_a_tensor(part, gradient):
    image = torch.from_numpy(IMAGE).requires_grad_(gradient)
    found = BANK.filter(image, part=part)
    assert found.requires_grad == gradient
    weight = abs(BANK.filter(IMAGE)) if part == "phase" else 1  # see above
    difference = np.exp(1j * found.detach().numpy()) - np.exp(1j * BANK.filter(IMAGE, part=part))
    np.testing.assert_allclose(difference * weight, 0, atol=1e-10)


def test_out_of_another_precision():
    for part, dtype in (("magnitude", np.float64), ("complex", np.complex128)):
        out = np.empty((len(BANK), 37, 45), dtype)
        assert BANK.filter(IMAGE[0].astype(np.float32), part=part, out=out) is out
        np.testing.assert_allclose(out, BANK.filter(IMAGE[0], part=part), rtol=0, atol=1e-5)


def test_a_part_that_there_is_not():
    with pytest.raises(gk.FilterError, match="part='power' is unknown; choose one of complex, re"):
        BANK.filter(IMAGE, part="power")
    with pytest.raises(gk.FilterError, match="part='power' is unknown"):
        part_of(IMAGE, "power")
    with pytest.raises(gk.FilterError, match=r"out \(complex64\) is not a writable .* float array"):
        BANK.filter(IMAGE, part="energy", out=np.empty((2, len(BANK), 37, 45), np.complex64))


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("engine", ENGINES)
def test_statistics_are_those_of_the_responses(engine, boundary):
    magnitude = abs(BANK.filter(IMAGE, boundary=boundary))
    mean, deviation = BANK.statistics(IMAGE, engine=engine, boundary=boundary)
    np.testing.assert_allclose(mean, magnitude.mean((2, 3)), rtol=1e-10)
    np.testing.assert_allclose(deviation, magnitude.std((2, 3)), rtol=1e-7)


@pytest.mark.parametrize("part", ["real", "imag", "energy"])
def test_statistics_of_other_parts(part):
    values = BANK.filter(IMAGE, part=part)
    for image in (IMAGE, torch.from_numpy(IMAGE), torch.from_numpy(IMAGE).requires_grad_()):
        found = BANK.statistics(image, part=part)
        assert isinstance(found.mean, type(image[0]))
        for values_of, expected in zip(
            found, (values.mean((2, 3)), values.std((2, 3))), strict=True
        ):
            numbers = values_of.detach().numpy() if isinstance(image, torch.Tensor) else values_of
            np.testing.assert_allclose(numbers, expected, rtol=1e-7, atol=1e-12)


def test_statistics_in_single_precision_and_colour():
    image = RNG.random((20, 24, 3), np.float32)
    mean, deviation = BANK.statistics(image, channel_axis=-1)
    assert mean.shape == deviation.shape == (3, len(BANK))
    assert mean.dtype == deviation.dtype == np.float32


@pytest.mark.parametrize("part", ["complex", "phase"])
def test_statistics_that_mean_nothing(part):
    with pytest.raises(gk.FilterError, match=f"part='{part}' has no mean of this kind"):
        BANK.statistics(IMAGE, part=part)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("over", ["all", "orientations"])
def test_strongest_is_the_largest_magnitude(over, engine):
    bank = BANK[:6]
    groups = [[*range(6)]] if over == "all" else [[0, 1, 2], [3, 4, 5]]
    magnitude = abs(bank.filter(IMAGE))
    for image in (IMAGE, torch.from_numpy(IMAGE), torch.from_numpy(IMAGE).requires_grad_()):
        if engine == "separable" and getattr(image, "requires_grad", False):
            continue
        found = bank.strongest(image, over=over, engine=engine)
        values = [np.asarray(value.detach() if value is not IMAGE and hasattr(value, "detach")
                             else value) for value in found]  # fmt: skip
        for s, members in enumerate(groups):
            expected = magnitude[:, members]
            np.testing.assert_allclose(values[0][:, s], expected.max(1), rtol=1e-9)
            assert np.array_equal(values[1][:, s], np.take(members, expected.argmax(1)))


def test_a_grating_is_strongest_in_its_own_direction():
    bank = gk.GaborBank.grid(1, 8, wavelength=6)
    y, x = np.mgrid[:64, :64]
    for k, kernel in enumerate(bank):
        turn = x * np.cos(kernel.theta) + y * np.sin(kernel.theta)
        grating = np.cos(2 * np.pi / 6 * turn).astype(np.float32)
        index = bank.strongest(grating).index
        assert index.dtype == np.int16
        assert (index[0, 16:48, 16:48] == k).all()


@pytest.mark.parametrize("engine", [*ENGINES, "pyramid"])
def test_the_first_of_equals_wins(engine):
    """Of the bank's order, in whatever order an engine or its threads come to them."""
    wide, kernel = gk.GaborKernel(sigma=9, wavelength=20), BANK[0]
    single = IMAGE.astype(np.float32)
    first = [wide] if engine == "pyramid" else [kernel, wide]
    for image in (single,) if engine == "pyramid" else (single, IMAGE):
        equal = gk.GaborBank([*first, *first]).strongest(image, over="all", engine=engine).index
        assert equal.max() < len(first)
        # A constant answers zero to all, of any radius; the wider are filtered first.
        flat = np.full_like(image, 3)
        bank = gk.GaborBank([*first, wide.rotated(1), wide])
        for over in ("all", "orientations"):
            found = bank.strongest(flat, over=over, engine=engine)
            assert not found.magnitude.any()
            assert np.array_equal(np.unique(found.index[:, 0]), [0])


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_the_first_of_equals_wins_in_any_order(order):
    """Kernel 0 is alone in its group; 1 and 2 answer alike at the first pixel."""
    sink = ArgMax([0, 1, 1], (1, 1, 3), np.dtype(np.float64))
    responses = np.array([[[[0, 0, 0]]], [[[3j, 2, 5]]], [[[3, 4j, 1]]]])
    for k in order:
        sink.take(k, responses[k])
    assert sink.energy.tolist() == [[[[0, 0, 0]], [[9, 16, 25]]]]
    assert sink.index.tolist() == [[[[0, 0, 0]], [[1, 2, 1]]]]


def test_the_first_of_equals_wins_on_tensors():
    bank = gk.GaborBank([BANK[0], BANK[0]])
    image = torch.from_numpy(IMAGE).requires_grad_()
    assert not bank.strongest(image, over="all").index.any()


ELONGATED = gk.GaborBank(
    [gk.GaborKernel(sigma=s, wavelength=6, theta=t, gamma=g)
     for s, g in ((2, 1), (3, 0.6), (2.5, 0.5), (3.5, 1)) for t in (0.0, 1.2)]
)  # fmt: skip


@pytest.mark.parametrize("bank", [gk.GaborBank.grid(4, 4), ELONGATED], ids=["grid", "elongated"])
@pytest.mark.parametrize("engine", ["separable", "auto"])
def test_kernels_of_many_radii_compared_by_many_threads(bank, engine, monkeypatch):
    """Each radius is a stage of the same program, and all write one plane."""
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: range(4), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(compiled, "WORTH", 1)
    image = RNG.random((150, 150), np.float32)
    magnitude = bank.filter(image, part="magnitude", engine=engine)
    mean = bank.statistics(image, engine=engine).mean
    for _ in range(30):
        for over in ("all", "orientations"):
            found = bank.strongest(image, over=over, engine=engine)
            groups = [range(len(bank))]
            if over == "orientations" and bank is not ELONGATED:
                groups = [range(4 * s, 4 * s + 4) for s in range(4)]
            for s, members in enumerate(groups):
                largest = magnitude[members].max(0)
                np.testing.assert_allclose(found.magnitude[s], largest, rtol=1e-6)
                theirs = np.take_along_axis(magnitude, found.index[None, s].astype(int), 0)[0]
                np.testing.assert_allclose(theirs, largest, rtol=1e-6)
        again = bank.statistics(image, engine=engine).mean
        np.testing.assert_allclose(again, mean, rtol=1e-6)


def test_strongest_of_what():
    with pytest.raises(gk.FilterError, match="over='scales' is unknown; choose orientations or"):
        BANK.strongest(IMAGE, over="scales")
    # An index is an int16, and no bank has more.
    with pytest.raises(gk.BankError, match="of more than 32,767 kernels is no bank"):
        gk.GaborBank([BANK[0]] * 2**15)


def test_new_arrays_start_on_a_cache_line():
    for shape in ((3,), (1, 4), (5, 7, 9)):
        array = empty(shape, np.dtype(np.complex64))
        assert array.ctypes.data % 64 == 0
        assert array.shape == shape
        assert array.flags.c_contiguous


# ---- masks ----

MASK = np.hypot(*(np.mgrid[:37, :45] - np.array([18, 20])[:, None, None])) < 14


@pytest.mark.parametrize("outside", ["nearest", "normalized"])
@pytest.mark.parametrize("over", ["orientations", "all"])
@pytest.mark.parametrize("make", [np.asarray, torch.tensor], ids=["array", "tensor"])
def test_strongest_inside_a_mask_is_of_the_masked_responses(outside, over, make):
    image = np.where(MASK, IMAGE, np.nan)
    strongest = BANK.strongest(make(image), over=over, mask=MASK, outside=outside)
    magnitudes = np.abs(BANK.filter(np.nan_to_num(image), mask=MASK, outside=outside))
    magnitude, index = (np.asarray(part) for part in strongest)
    named = np.take_along_axis(magnitudes, index.astype(np.int64), -3)
    np.testing.assert_allclose(magnitude, named, atol=1e-10)
    if over == "all":
        np.testing.assert_allclose(magnitude[:, 0], magnitudes.max(-3), atol=1e-10)
    else:
        own = BANK.strongest(image[:, 18:20, 18:22], over=over).index
        assert magnitude.shape == (2, own.shape[1], 37, 45)
        assert (magnitude.max(1) >= magnitudes.max(1) - 1e-10).all()
    assert not magnitude[..., ~MASK].any()
    assert len(np.unique(index[..., ~MASK])) == magnitude.shape[1]


def test_a_whole_mask_changes_nothing_of_the_strongest():
    whole = np.ones(IMAGE.shape[-2:], bool)
    for one, other in zip(BANK.strongest(IMAGE), BANK.strongest(IMAGE, mask=whole), strict=True):
        np.testing.assert_array_equal(one, other)
    assert BANK.strongest(IMAGE, mask=whole).index.dtype == BANK.strongest(IMAGE).index.dtype


def test_masks_that_do_not_fit_the_strongest():
    with pytest.raises(gk.FilterError, match="mask"):
        BANK.strongest(IMAGE, mask=MASK[:5])
    with pytest.raises(gk.FilterError, match="outside='zero' is unknown"):
        BANK.strongest(IMAGE, mask=MASK, outside="zero")
