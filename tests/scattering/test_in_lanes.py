"""The compiled cascade gives what NumPy gives, at any size, precision and number of wavelets."""

from __future__ import annotations

import ctypes
import threading
import time

import numpy as np
import pytest

from gaborkit import GaborBank
from gaborkit.filtering.engines import structures, threads
from gaborkit.scattering import Scattering, in_lanes, on_arrays

pytestmark = pytest.mark.skipif(
    not structures.available_here(),
    reason=f"nothing compiled scatters here: {structures.performers().state}",
)


#: Waves that are longer than the low-pass asks for, and sizes of which every 4th pixel is an odd
#: number, so that one line of them stands alone; with an odd number of coefficients.
LONG = GaborBank.grid(3, 3, wavelength=6)
ODD = [(20, 28), (4, 36), (36, 4), (60, 44)]


def random(*shape, dtype=np.float64):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def by_numpy(scattering, images, monkeypatch):
    with monkeypatch.context() as context:
        context.setattr(on_arrays, "available_here", lambda: False)
        return scattering(images)


@pytest.mark.parametrize(("dtype", "most"), [(np.float64, 1e-13), (np.float32, 1e-6)])
@pytest.mark.parametrize(
    ("shape", "octaves", "angles", "options"),
    [
        ((1, 40, 56), 3, 8, {}),
        ((3, 17, 9), 2, 3, {}),  # lanes that are left empty
        ((2, 24, 24), 2, 11, {}),  # more wavelets than lanes
        ((1, 20, 28), 1, 4, {}),
        ((1, 20, 44), 3, 2, {"order": 1}),
        ((2, 26, 34), 3, 4, {"cells": 3}),
        ((1, 33, 50), 3, 4, {"oversampling": 2}),
        ((1, 44, 52), 2, 4, {"boundary": "wrap"}),  # 11, 13: primes without a case of their own
        ((1, 36, 60), 2, 2, {"boundary": "wrap"}),  # factors of 4, 9, 3 and 5
        ((1, 144, 112), 2, 2, {"boundary": "wrap"}),  # of 8, 2 and 7
        ((1, 67 * 4, 20), 2, 2, {"boundary": "wrap"}),  # a prime without a radix
        *(((1, *size), 2, 2, {"boundary": "wrap", "bank": LONG}) for size in ODD),
    ],
)
def test_equal_to_numpy(shape, octaves, angles, options, dtype, most, monkeypatch):
    images, scattering = random(*shape, dtype=dtype), Scattering(octaves, angles, **options)
    found, expected = scattering(images), by_numpy(scattering, images, monkeypatch)
    assert found.dtype == dtype
    for channel, values in zip(np.moveaxis(found, 1, 0), np.moveaxis(expected, 1, 0), strict=True):
        assert np.linalg.norm(channel - values) <= most * np.linalg.norm(values)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("angles", [3, 11])
def test_one_picture_is_done_by_several_threads(angles, order, monkeypatch):
    image, scattering = random(1, 40, 56), Scattering(3, angles, order=order)
    expected = scattering(image)
    real = structures.performers().in_lanes["float64"]
    calls = []

    def slow(function):
        def called(*arguments):
            calls.append(threading.get_ident())
            time.sleep(0.005)  # else the first has done all before the second wakes up
            function(*arguments)

        return called

    monkeypatch.setattr(threads, "available", lambda: 1 if threads._users else 2)
    monkeypatch.setattr(on_arrays, "available", threads.available)
    monkeypatch.setattr(on_arrays, "LARGE", 64 * 72)
    slowed = real._replace(
        scatter_pictures=slow(real.scatter_pictures), scatter_step=slow(real.scatter_step)
    )
    performers = structures.performers()._replace(in_lanes={"float64": slowed})
    monkeypatch.setattr(in_lanes, "performers", lambda: performers)
    np.testing.assert_array_equal(scattering(image), expected)
    assert len(set(calls)) > 1  # of two at a time, the second may be any of those that wait
    assert len(calls) >= 3
    calls.clear()
    monkeypatch.setattr(on_arrays, "LARGE", 64 * 72 + 1)
    np.testing.assert_array_equal(scattering(image), expected)
    assert len(calls) == 1
    # Of several, each is done step by step by one thread: between steps Ctrl-C is heard.
    calls.clear()
    monkeypatch.setattr(on_arrays, "LARGE", 64 * 72)
    several = scattering(np.concatenate(4 * [image]))
    np.testing.assert_array_equal(several, np.concatenate(4 * [expected]))
    assert len(calls) >= 4 * 3


def test_a_few_small_pictures_are_shared_out_to_threads(monkeypatch):
    images, scattering = random(5, 20, 28), Scattering(2, 3)
    expected = scattering(images)
    sizes, real = [], in_lanes.scatter
    monkeypatch.setattr(
        in_lanes, "scatter", lambda *work: [sizes.append(len(work[1])), real(*work)]
    )
    monkeypatch.setattr(on_arrays, "available", lambda: 2)
    np.testing.assert_array_equal(scattering(images), expected)
    assert sorted(sizes) == [2, 3]


def test_many_pictures_are_as_one_by_one(monkeypatch):
    images, scattering = random(130, 30, 20, dtype=np.float32), Scattering(2, 3)
    monkeypatch.setattr("gaborkit.scattering.on_arrays.CHUNK", 2**13)
    found = scattering(images)
    for k in (0, 64, 129):
        np.testing.assert_array_equal(found[k], scattering(images[k]))


@pytest.mark.parametrize("exponent", [-100, 100])
def test_neither_tiny_nor_huge_values_lose_digits(exponent):
    images, scattering = random(2, 20, 30, dtype=np.float32), Scattering(2, 4)
    found = scattering(np.ldexp(images, exponent))
    np.testing.assert_array_equal(found, np.ldexp(scattering(images), exponent))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [(10, 14), (18, 30), (2, 18), (18, 2), (44, 20)])
def test_what_memory_held_before_has_no_part(size, dtype, scratch_filled):
    # All grids are of every second pixel: no step works where one before it has been.
    images, scattering = random(1, *size, dtype=dtype), Scattering(1, 2, bank=LONG, boundary="wrap")
    scratch_filled(0)
    expected = scattering(images)
    scratch_filled(255)
    np.testing.assert_array_equal(scattering(images), expected)


def test_without_compiled_code_numpy_scatters(monkeypatch):
    images, scattering = random(1, 24, 20), Scattering(2, 3)
    expected = scattering(images)
    missing = structures.Performers({}, "not here")
    for module in (structures, in_lanes):
        monkeypatch.setattr(module, "performers", lambda: missing)
    np.testing.assert_allclose(scattering(images), expected, rtol=0, atol=1e-14)


@pytest.fixture
def loaded_anew():
    structures.performers.cache_clear()
    yield
    structures.performers.cache_clear()


@pytest.mark.parametrize("place", range(len(structures.STRUCTURES)))
def test_structures_of_other_sizes_are_not_used(place, loaded_anew, monkeypatch):
    others = list(structures.STRUCTURES)
    others[place] = ctypes.c_int8
    monkeypatch.setattr(structures, "STRUCTURES", tuple(others))
    with pytest.warns(RuntimeWarning, match="is of another version of gaborkit"):
        assert not structures.available_here()
