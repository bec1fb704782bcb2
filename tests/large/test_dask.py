"""Dask arrays: summaries stay lazy, borders exact, chunks of any kind."""

from __future__ import annotations

import numpy as np
import pytest

import gaborkit as gk
from gaborkit.large import filter_large

da = pytest.importorskip("dask.array", reason="dask is not installed")

BANK = gk.GaborBank.grid(2, 2, wavelength=3, sigma=1)
GREY = np.random.default_rng(0).random((31, 26), np.float32) + 5


class LoadedError(Exception):
    """A block was asked for."""


def locked(shape, dtype, chunks):
    """An array that must not be loaded."""

    def load(*_, **__):
        raise LoadedError

    return da.map_blocks(
        load,
        chunks=da.core.normalize_chunks(chunks, shape),
        dtype=dtype,
        meta=np.empty((0,) * len(shape), dtype),
    )


def computed(array):
    return array.compute(scheduler="synchronous")


def test_nothing_is_loaded():
    image = locked((31, 26), np.float32, (10, 26))
    lazy = [
        BANK.filter(image),
        *BANK.responses(image, part="real"),
        *BANK.statistics(image),
        *BANK.strongest(image),
        gk.luminance(locked((3, 31, 26), np.uint8, (3, 10, 26)), 0),
    ]
    for array in lazy:
        assert isinstance(array, da.Array)
    with pytest.raises(LoadedError):
        computed(lazy[0])


@pytest.mark.parametrize("boundary", ["reflect", "wrap", "constant"])
@pytest.mark.parametrize("chunks", [(9, 11), ((0, 20, 0, 11, 0), (26, 0))])
def test_summaries_are_those_of_the_whole(boundary, chunks):
    image = da.from_array(GREY, (5, 26)).rechunk(chunks)
    for part in ("magnitude", "energy", "real"):
        wanted = BANK.statistics(GREY, part=part, boundary=boundary)
        found = BANK.statistics(image, part=part, boundary=boundary)
        for a, b in zip(found, wanted, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(computed(a), b, rtol=1e-4, atol=1e-5)
    for over in ("orientations", "all"):
        wanted = BANK.strongest(GREY, over=over, boundary=boundary)
        found = BANK.strongest(image, over=over, boundary=boundary)
        assert (found.magnitude.dtype, found.index.dtype) == (np.float32, np.int16)
        np.testing.assert_allclose(computed(found.magnitude), wanted.magnitude, atol=1e-5)
        assert (computed(found.index) == wanted.index).mean() > 0.99  # ties to rounding
    np.testing.assert_allclose(
        computed(list(BANK.responses(image, boundary=boundary))[3]),
        BANK.filter(GREY, boundary=boundary)[3],
        atol=1e-5,
    )


def test_colour_and_empty_batches():
    colour = (255 * np.random.default_rng(1).random((31, 26, 3))).astype(np.uint8)
    image = da.from_array(colour, (10, 13, 3))
    np.testing.assert_allclose(computed(gk.luminance(image)), gk.luminance(colour), rtol=1e-6)
    found = computed(BANK.strongest(image, channel_axis=-1).magnitude)
    wanted = BANK.strongest(colour, channel_axis=-1).magnitude
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-3)
    none = da.zeros((0, 31, 26), chunks=(1, 10, 26), dtype=np.float32)
    assert computed(BANK.filter(none)).shape == (0, 4, 31, 26)
    assert computed(BANK.strongest(none).index).shape == (0, 2, 31, 26)
    assert BANK.statistics(none).mean.shape == (0, 4)


@pytest.mark.parametrize("chunks", [(9, 11), ((20, 11), (26,))])
def test_into_a_file(chunks, tmp_path):
    image = da.from_array(GREY, chunks)
    filter_large(BANK, image, tmp_path / "a.npy", part="complex")
    np.testing.assert_allclose(np.load(tmp_path / "a.npy"), BANK.filter(GREY), atol=1e-5)


def test_chunks_of_unknown_size(tmp_path):
    image = da.from_array(GREY, (10, 26))
    image = image[image.sum(1) > 0]
    for function in (
        BANK.filter,
        BANK.statistics,
        BANK.strongest,
        BANK.responses,
        gk.luminance,
        lambda x: filter_large(BANK, x, tmp_path / "a.npy"),
    ):
        with pytest.raises(gk.ImageError, match=r"unknown size; array.compute_chunk_sizes"):
            function(image)
    image.compute_chunk_sizes()
    np.testing.assert_allclose(computed(BANK.filter(image)), BANK.filter(GREY), atol=1e-5)


@pytest.mark.parametrize(
    "function",
    [
        BANK.frame((31, 26)).analyze,
        gk.features.Scattering(J=1, L=2).transform,
        gk.features.phase_congruency,
    ],
)
def test_what_would_load_everything_says_so(function):
    with pytest.raises(gk.ImageError, match=r"loaded as a whole here; give array.compute\(\)"):
        function(locked((31, 26), np.float32, (10, 26)))


def test_responses_one_by_one_take_no_transfer():
    image = np.random.default_rng(0).random((30, 32))
    bank = gk.GaborBank.grid(1, 2)
    found = list(bank.responses(da.from_array(image, 16)))
    for response, wanted in zip(found, bank.filter(image), strict=True):
        np.testing.assert_allclose(np.asarray(response), wanted, rtol=0, atol=1e-12)
    with pytest.raises(gk.FilterError, match="a dask array takes no transfer=; leave it out"):
        bank.responses(da.from_array(image, 16), transfer="analytic")
