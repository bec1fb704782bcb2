"""OME-Zarr: levels of resolution against a peer's, metadata against the specification's models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr
from ome_zarr_models.v05 import Image
from skimage.transform import downscale_local_mean

import gaborkit as gk
from gaborkit.large import ome_zarr
from gaborkit.large import targets as target_module
from gaborkit.large.ome_zarr import halved, halving_of, level_shapes
from gaborkit.large.sources import open_source
from gaborkit.large.targets import Layout, target_of

BANK = gk.GaborBank.grid(scales=1, orientations=2)
# Odd sides, several tiles and chunks, three levels.
PICTURE = np.random.default_rng(5).random((601, 530), np.float32)
MEMORY = "3MB"


def stored(path, *, bank=BANK, **options):
    gk.filter_large(bank, PICTURE, path, memory=MEMORY, **options)
    return zarr.open_group(path, mode="r")


def reduced(values):
    """A level by scikit-image, whose blocks beyond the border are filled with it."""
    odd = [(0, side % 2) for side in values.shape[-2:]]
    even = np.pad(values, [(0, 0)] * (values.ndim - 2) + odd, mode="edge")
    return downscale_local_mean(even, (*[1] * (values.ndim - 2), 2, 2))


@pytest.mark.parametrize("part", ["magnitude", "energy", "real", "complex"])
def test_levels_are_means_of_two_by_two(tmp_path, part):
    group = stored(tmp_path / "x.ome.zarr", part=part)
    assert max(group["0"].chunks) < 400
    assert [group[name].shape for name in "0123"[: len(list(group.array_keys()))]] == [
        (2, 601, 530),
        (2, 301, 265),
        (2, 151, 133),
    ]
    for finer, coarser in (("0", "1"), ("1", "2")):
        values = group[finer][:]
        expected = (
            reduced(values.real) + 1j * reduced(values.imag)
            if part == "complex"
            else reduced(values)
        )
        np.testing.assert_allclose(group[coarser][:], expected, rtol=1e-5, atol=1e-6)
        assert group[coarser].dtype == values.dtype
        assert group[coarser].metadata.dimension_names == ("c", "y", "x")


def test_phases_are_averaged_on_the_circle(tmp_path):
    group = stored(tmp_path / "x.zarr", part="phase")
    arrows = np.exp(1j * group["0"][:].astype(complex))
    expected = reduced(arrows.real) + 1j * reduced(arrows.imag)
    turned = np.angle(np.exp(1j * group["1"][:]) / expected)
    np.testing.assert_allclose(turned[abs(expected) > 0.01], 0, atol=1e-3)
    assert group.attrs["ome"]["multiscales"][0]["type"] == "circular"


@pytest.mark.parametrize("bank", [BANK, BANK[0]], ids=["bank", "kernel"])
@pytest.mark.parametrize("part", ["magnitude", "complex", "phase"])
def test_it_is_an_ome_zarr_to_the_specification_s_models(tmp_path, bank, part):
    group = stored(tmp_path / "responses.ome.zarr", bank=bank, part=part)
    (scales,) = Image.from_zarr(group).attributes.ome.multiscales
    assert scales.name == "responses"
    assert [axis.name for axis in scales.axes][-2:] == ["y", "x"]
    assert [dataset.path for dataset in scales.datasets] == ["0", "1", "2"]


def test_levels_lie_upon_each_other(tmp_path):
    """A ramp has the same value at a place in every level, inside."""
    ramp = np.add.outer(3.0 * np.arange(600), np.arange(520)).astype(np.float32)
    target = target_of(tmp_path / "x.zarr", Layout(ramp.shape, ramp.dtype, None, (128, 128)))
    target.create()
    target.open()[:, :] = ramp
    target.finish({}, None)
    group = zarr.open_group(tmp_path / "x.zarr", mode="r")
    for dataset in group.attrs["ome"]["multiscales"][0]["datasets"]:
        scale, *shift = (change[change["type"]] for change in dataset["coordinateTransformations"])
        y, x = (
            np.arange(n) * s + t
            for n, s, t in zip(
                group[dataset["path"]].shape, scale, shift[0] if shift else (0, 0), strict=True
            )
        )
        np.testing.assert_allclose(group[dataset["path"]][:], np.add.outer(3 * y, x))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, bool])
def test_numbers_of_classes_stay_numbers_of_classes(tmp_path, dtype):
    classes = np.random.default_rng(3).choice(np.array([0, 3, 7]).astype(dtype), (300, 270))
    target = target_of(tmp_path / "x.zarr", Layout(classes.shape, classes.dtype, None, (64, 64)))
    target.create()
    target.open()[:, :] = classes
    target.finish({}, None)
    group = zarr.open_group(tmp_path / "x.zarr", mode="r")
    np.testing.assert_array_equal(group["1"][:], classes[::2, ::2])
    (scales,) = Image.from_zarr(group).attributes.ome.multiscales
    assert [len(dataset.coordinateTransformations) for dataset in scales.datasets] == [1, 1]


def test_small_pictures_have_one_level_and_stacks_of_banks_none(tmp_path):
    gk.filter_large(BANK, PICTURE[:256, :200], tmp_path / "small.zarr")
    group = zarr.open_group(tmp_path / "small.zarr", mode="r")
    assert list(group.array_keys()) == ["0"]
    Image.from_zarr(group)
    gk.filter_large(BANK, np.stack([PICTURE[:300]] * 2), tmp_path / "stack.zarr")
    assert list(zarr.open_group(tmp_path / "stack.zarr", mode="r").array_keys()) == ["0"]


def test_a_stack_through_one_kernel_has_levels_and_a_size(tmp_path):
    path = tmp_path / "stack.zarr"
    gk.filter_large(BANK[0], np.stack([PICTURE] * 2), path, memory=MEMORY, spacing=(0.5, 0.25))
    group = zarr.open_group(path, mode="r")
    (scales,) = Image.from_zarr(group).attributes.ome.multiscales
    assert [(axis.name, axis.type) for axis in scales.axes] == [
        ("axis_0", None),
        ("y", "space"),
        ("x", "space"),
    ]
    assert group["1"].shape == (2, 301, 265)
    assert gk.read_spacing(path) == (0.5, 0.25)


def test_colours_through_one_kernel_are_channels(tmp_path):
    colours = np.stack([PICTURE[:300]] * 3, -1)
    gk.filter_large(BANK[0], colours, tmp_path / "c.zarr", channel_axis=-1)
    (scales,) = Image.from_zarr(zarr.open_group(tmp_path / "c.zarr")).attributes.ome.multiscales
    assert (scales.axes[0].name, scales.axes[0].type) == ("c", "channel")


def test_a_stack_through_a_bank_keeps_its_size(tmp_path):
    stack = np.stack([PICTURE[:300]] * 2)
    gk.filter_large(BANK, stack, tmp_path / "a.zarr", memory=MEMORY, spacing=(0.5, 0.25))
    assert "ome" not in zarr.open_group(tmp_path / "a.zarr", mode="r").attrs
    assert gk.read_spacing(tmp_path / "a.zarr") == (0.5, 0.25)
    gk.filter_large(BANK, tmp_path / "a.zarr", tmp_path / "b.tif", memory=MEMORY)
    assert gk.read_spacing(tmp_path / "b.tif") == pytest.approx((0.5, 0.25))


def test_the_whole_resolution_is_read_again(tmp_path):
    stored(tmp_path / "x.ome.zarr")
    source = open_source(tmp_path / "x.ome.zarr")
    assert source.shape == (2, 601, 530)
    gk.filter_large(BANK[0], tmp_path / "x.ome.zarr", tmp_path / "again.npy", memory=MEMORY)
    assert np.load(tmp_path / "again.npy").shape == (2, 601, 530)


def test_four_chunks_are_read_at_a_time(tmp_path, monkeypatch):
    sizes = []

    def record(values, halving):
        sizes.append(values.size)
        return halved(values, halving)

    monkeypatch.setattr(ome_zarr, "halved", record)
    group = stored(tmp_path / "x.zarr")
    chunk = np.prod(group["0"].chunks)
    assert len(sizes) > 8
    assert max(sizes) <= 4 * chunk


def test_a_run_that_was_stopped_between_levels_goes_on(tmp_path, monkeypatch):
    expected = stored(tmp_path / "expected.zarr")
    calls = []

    def stop(values, halving):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return halved(values, halving)

    with monkeypatch.context() as patched:
        patched.setattr(ome_zarr, "halved", stop)
        with pytest.raises(KeyboardInterrupt):
            stored(tmp_path / "x.zarr")
    assert not (tmp_path / "x.zarr").exists()
    tiles = []
    group = stored(tmp_path / "x.zarr", resume=True, progress=lambda *n: tiles.append(n))
    assert tiles == []
    for name in ("0", "1", "2"):
        np.testing.assert_array_equal(group[name][:], expected[name][:])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["expected.zarr", "x.zarr"]


def test_a_damaged_chunk_is_told_in_one_line(tmp_path, monkeypatch):
    def broken(path, whole, create, halving):
        chunk = next(
            p for p in sorted(Path(path, "0").rglob("*")) if p.is_file() and "c" in p.parts
        )
        chunk.write_bytes(chunk.read_bytes()[:-40])
        ome_zarr.write_levels(path, whole, create, halving)

    monkeypatch.setattr(target_module, "write_levels", broken)
    with pytest.raises(gk.PictureError, match="is damaged") as problem:
        stored(tmp_path / "x.zarr")
    assert "\n" not in str(problem.value)
    assert not (tmp_path / "x.zarr").exists()


@pytest.mark.parametrize(
    ("shape", "count"), [((1, 1), 1), ((256, 256), 1), ((257, 1), 2), ((3, 20_000, 9), 8)]
)
def test_count_of_levels(shape, count):
    shapes = level_shapes(shape)
    assert len(shapes) == count
    assert max(shapes[-1][-2:]) <= 256
    values = np.ones(shape, np.float32)
    for smaller in shapes[1:]:
        values = halved(values, "mean")
        assert values.shape == smaller
    assert (values == 1).all()


def test_halving_by_kind():
    kinds = [halving_of(np.dtype(kind)) for kind in ("f4", "f8", "c8", "u1", "i4", "?")]
    assert kinds == ["mean", "mean", "mean", "first", "first", "first"]
    assert halving_of(np.dtype("f4"), angles=True) == "circular"


@pytest.mark.parametrize("part", ["magnitude", "phase"])
def test_pixels_have_a_size(tmp_path, part):
    path = tmp_path / "x.ome.zarr"
    stored(path, part=part, spacing=(0.5, 0.25))
    image = Image.from_zarr(zarr.open_group(path, mode="r"))
    (picture,) = image.ome_attributes.multiscales
    assert [axis.unit for axis in picture.axes] == [None, "millimeter", "millimeter"]
    for level, data in enumerate(picture.datasets):
        scale, *shift = data.coordinateTransformations
        assert scale.scale == [1, 0.5 * 2**level, 0.25 * 2**level]
        middle = (2**level - 1) / 2
        assert not shift or shift[0].translation == [0, 0.5 * middle, 0.25 * middle]
    assert gk.read_spacing(path) == (0.5, 0.25)


def test_sizes_in_older_stores_and_other_units(tmp_path):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    change = {"type": "scale", "scale": [2.0, 3.0]}
    scales = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": [change]}]}
    group.attrs["multiscales"] = [scales]
    assert gk.read_spacing(tmp_path / "a.zarr") == pytest.approx((2e-3, 3e-3))
    axes[0].pop("unit")
    group.attrs["multiscales"] = [scales]
    assert gk.read_spacing(tmp_path / "a.zarr") is None
    zarr.open_group(tmp_path / "plain.zarr", mode="w")
    assert gk.read_spacing(tmp_path / "plain.zarr") is None
