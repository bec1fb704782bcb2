"""Tiles of large pictures: exact seams, in bounded memory."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from large_for_tests import BANK, BOUNDARIES, COLOUR, GREY, Small, assert_close, part_of, rng

import gaborkit as gk
from gaborkit.filtering import registry
from gaborkit.filtering.backend import NumpyLibrary
from gaborkit.filtering.engines.direct import Direct
from gaborkit.filtering.options import FilterOptions
from gaborkit.filtering.padding import pad
from gaborkit.large import filter_large, memory, parse_memory, tiles
from gaborkit.large.sources import Planes
from gaborkit.large.targets import chunk_of
from gaborkit.types import PARTS


@pytest.fixture
def side(monkeypatch):
    return Small(monkeypatch)


@pytest.fixture
def filtered(tmp_path):
    """Responses of a picture, filtered into a file."""

    def run(image, bank=BANK, **options):
        filter_large(bank, image, tmp_path / "out.npy", **{"part": "complex", **options})
        return np.load(tmp_path / "out.npy")

    return run


def test_names_are_found_at_first_use():
    import gaborkit.large as package

    for name in package.__all__:
        assert callable(getattr(package, name))
    with pytest.raises(AttributeError, match=r"'gaborkit\.large' has no attribute 'tile'"):
        _ = package.tile


# ---- seams ----


@given(
    shape=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    halo=st.integers(0, 40),
    step=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    boundary=st.sampled_from(BOUNDARIES),
)
def test_tiles_with_their_halo_are_parts_of_the_padded_image(shape, halo, step, boundary):
    image = np.arange(1, shape[0] * shape[1] + 1).reshape(shape)
    padded = pad(NumpyLibrary(), image, halo, boundary)
    covered = np.zeros(shape, int)
    for tile in tiles.TileGrid(shape, step):
        top, left = tile.rows.start, tile.columns.start
        bottom, right = tile.rows.stop + 2 * halo, tile.columns.stop + 2 * halo
        found = tiles.read_with_halo(Planes(image), tile, halo, boundary)
        assert np.array_equal(found, padded[top:bottom, left:right])
        covered[tile.rows, tile.columns] += 1
    assert (covered == 1).all()


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("engine", ["auto", "fourier"])
@pytest.mark.parametrize("step", [5, 40])
def test_there_are_no_seams(side, filtered, boundary, engine, step):
    side(step)
    image = GREY[:33, :41] + 100  # a level that rounding would show
    found = filtered(image, boundary=boundary, engine=engine)
    assert_close(found, BANK.filter(image, boundary=boundary))


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_the_halo_may_exceed_the_picture(side, filtered, boundary):
    side(4)
    image = GREY[:5, :9]
    assert BANK[0].radius() > 5
    assert_close(filtered(image, boundary=boundary), BANK.filter(image, boundary=boundary))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint16", "float16", "float64", "i4"])
def test_every_dtype_is_filtered_as_in_memory(side, filtered, dtype):
    side(32)
    image = (GREY * 200).astype(dtype)
    assert_close(filtered(image), BANK.filter(image))


@pytest.mark.parametrize("part", PARTS)
def test_parts(side, filtered, part):
    side(32)
    expected = part_of(BANK.filter(GREY), part)
    found = filtered(GREY, part=part)
    if part == "phase":  # pi and -pi are one
        found, expected = np.exp(1j * found), np.exp(1j * expected)
        assert np.abs(found - expected).max() < 1e-3
    else:
        assert_close(found, expected)


def test_stacks_and_colour(side, filtered):
    side(32)
    stack = rng.random((2, 3, 40, 50))
    assert_close(filtered(stack), BANK.filter(stack))
    for axis in (0, 1, 2):
        image = np.moveaxis(COLOUR, -1, axis)
        assert_close(filtered(image, channel_axis=axis), BANK.filter(image, channel_axis=axis))
    stack = rng.random((2, 40, 50, 3))
    assert_close(filtered(stack, channel_axis=-1), BANK.filter(stack, channel_axis=-1))
    luminance = BANK.filter(gk.luminance(COLOUR))
    assert_close(filtered(COLOUR, channel_axis=-1, colour="luminance"), luminance)
    first = np.moveaxis(COLOUR, -1, 0)
    assert_close(filtered(first, channel_axis=0, colour="luminance"), luminance)


@pytest.mark.parametrize("colour", ["channels", "luminance"])
def test_alpha_is_left_out(filtered, colour):
    grey = np.stack([GREY, GREY * 0], -1)
    options = {"channel_axis": -1, "colour": colour}
    assert_close(filtered(grey, **options), BANK.filter(GREY))
    image = rng.random((30, 40, 4), np.float32)
    plain = image[..., :3] if colour == "channels" else gk.luminance(image)
    axis = -1 if colour == "channels" else None
    assert_close(filtered(image, **options), BANK.filter(plain, channel_axis=axis))


def test_one_kernel_has_no_axis(filtered):
    assert_close(filtered(GREY, BANK[0]), BANK[0].filter(GREY))


# ---- memory ----


@pytest.mark.parametrize(
    ("given", "size"),
    [("1GB", 10**9), ("500 mb", 5 * 10**8), (".5GiB", 2**29), ("7", 7), (2**20, 2**20)],
)
def test_amounts_of_memory(given, size):
    assert parse_memory(given) == size


@pytest.mark.parametrize("given", ["", "much", "1 XB", "-1GB", "0", "1e9GB", 0, None, "GB"])
def test_no_amounts_of_memory(given):
    with pytest.raises(gk.FilterError, match=r"500MB, 1GB or 1\.5GiB works"):
        parse_memory(given)


def test_some_memory_is_available():
    assert 10**7 < memory.available_memory() < 10**15


def test_what_the_machine_does_not_say(monkeypatch):
    def silent(self, **options):
        raise OSError

    monkeypatch.setattr(memory.Path, "read_text", silent)
    assert memory.available_memory() > 10**7
    monkeypatch.setattr(memory.os, "sysconf_names", {}, raising=False)
    assert memory.available_memory() == 2 * 10**9


def test_a_container_limits_memory(monkeypatch):
    said = {"/proc/meminfo": "MemAvailable: 9 kB", "/sys/fs/cgroup/memory.max": "5000"}
    said["/sys/fs/cgroup/memory.current"] = "2000"
    monkeypatch.setattr(memory.Path, "read_text", lambda self, **options: said[str(self)])
    assert memory.available_memory() == 3000


def test_tiles_grow_with_the_memory():
    planes = Planes(np.broadcast_to(np.float32(0), (10**5, 10**5)))
    options = FilterOptions("magnitude", tolerance=1e-4)
    found = [
        tiles.tile_shape(BANK, planes, options, memory=size, held=0, threads=2)[0]
        for size in (10**6, 10**7, 10**8, 10**9, 10**12)
    ]
    assert found == sorted(found)
    assert found[0] < found[2] < found[-1]
    assert found[-1] == tiles.SIDES[0]


class Hungry(Direct):
    name = "hungry"

    def scratch(self, region):
        return 7 * region.padded + 10**6 * region.threads


def test_engines_say_what_a_tile_takes():
    def taken(*engines, threads=2):
        byte, single = np.dtype(np.uint8), np.dtype(np.float32)
        names = frozenset(engines)
        return memory.bytes_of_tile((100, 50), 5, 8, byte, single, single, threads, engines=names)

    hungry = Hungry()
    registry.register(hungry)
    try:
        assert taken("hungry") - taken() == 7 * 110 * 60 + 2 * 10**6
        assert taken("hungry", "fourier") - taken("fourier") == taken("hungry") - taken()
    finally:
        registry.unregister(hungry)
    # Sources, padded pictures, grown ones and responses, whose sizes are all known.
    assert taken("separable") == 2 * 6600 + 4 * (6600 + 120 * 70) + 8 * 4 * (6600 + 5000)
    assert taken("pyramid") - taken("separable") == 4 * 120 * 70 + 2**26
    fourier = taken("fourier") - taken("separable")
    assert fourier == 8 * 8 * 6600 + 3 * 3 * 8 * 120 * 70
    assert taken("direct") - taken("fourier") == 3 * 2**25
    assert taken("fourier", threads=3) - taken("fourier") == 3 * 8 * 120 * 70


def test_no_two_tiles_share_a_chunk():
    for side in tiles.SIDES:
        assert side % chunk_of(side) == 0
        assert chunk_of(side) >= min(side, 512)


def test_too_little_memory_says_how_much_would_do(filtered):
    with pytest.raises(gk.FilterError, match=r"memory=1000 bytes hold no tile .* work") as found:
        filtered(np.zeros((300, 300)), memory=1000)
    enough = str(found.value).split("; ")[1].split(" ")[0]
    assert filtered(np.zeros((300, 300)), memory=enough).shape == (3, 300, 300)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("engine", ["separable", "fourier"])
def test_memory_stays_within_the_budget(tmp_path, engine):
    """Peak of a process of its own, less what it held before: imports and a first small run."""
    np.save(tmp_path / "a.npy", np.zeros((2000, 2400), np.uint8))
    code = f"""
import numpy as np, gaborkit as gk
from pathlib import Path
from gaborkit.large import filter_large
bank = gk.GaborBank.grid(1, 8)
def peak():
    # Unlike ru_maxrss, without what the parent had when it forked.
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
options = dict(engine="{engine}", memory="150MB")
filter_large(bank, np.zeros((64, 64), np.uint8), r"{tmp_path}/b.npy", **options)
before = peak()
filter_large(bank, r"{tmp_path}/a.npy", r"{tmp_path}/c.npy", **options)
print(peak() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 10**6 < int(done.stdout) < 15 * 10**7


# ---- refusals ----


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"boundary": "mirrored"}, "boundary='mirrored' is unknown"),
        ({"engine": "quick"}, "engine='quick' is unknown"),
        ({"part": "angle"}, "part='angle' is unknown; choose one of complex, real"),
        ({"colour": "red"}, "colour='red' is unknown; choose one of all, channels, luminance"),
        ({"tolerance": 2}, "tolerance=2 is not between 0 and 1"),
        ({"memory": "lots"}, "memory='lots' is no amount"),
        ({"scheduler": "tcp://nowhere"}, "source=ndarray: workers cannot reach an array"),
        ({"channel_axis": 5}, "channel_axis=5 is no axis"),
    ],
)
def test_unknown_options(tmp_path, options, text):
    with pytest.raises(gk.GaborkitError, match=text):
        filter_large(BANK, GREY, tmp_path / "out.npy", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("image", "options", "text"),
    [
        (GREY + 1j, {}, "dtype complex64 cannot be filtered"),
        (GREY[0], {}, r"shape \(91,\) is not an image"),
        (COLOUR, {}, "looks like colour"),
        (
            rng.random((9, 9, 5)),
            {"channel_axis": 2, "colour": "luminance"},
            r"5 channels \(shape \(9, 9, 5\)",
        ),
        ({1: 2}, {}, "dtype object cannot be filtered"),
    ],
)
def test_what_is_no_picture(tmp_path, image, options, text):
    with pytest.raises(gk.ImageError, match=text):
        filter_large(BANK, image, tmp_path / "out.npy", **options)
    assert list(tmp_path.iterdir()) == []


def test_nan_is_named_with_its_tile(side, tmp_path):
    side(16)
    image = GREY.copy()
    image[40, 30] = np.nan
    with pytest.raises(gk.ImageError, match=r"rows 32:48, columns 16:32: 1 of 256 pixels are NaN"):
        filter_large(BANK[0], image, tmp_path / "out.npy")
