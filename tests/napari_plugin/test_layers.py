"""What the plugin adds to napari, without napari: numbers, names, places."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import dask.array as da
import numpy as np
import pytest

import gaborkit as gk
from gaborkit.errors import FeatureError, FilterError
from gaborkit.kernels.presets import PRESETS
from gaborkit.napari_plugin import layers as plugin
from gaborkit.napari_plugin.layers import ImageLayer, class_layers, orientation_layers
from gaborkit.napari_plugin.layers import response_layers as respond
from gaborkit.napari_plugin.widgets import BankName

BANK = gk.GaborBank.grid(scales=2, orientations=3)


def layer(data, *, rgb=False, multiscale=False, name="cells"):
    """As napari describes an image; lengths and angles that are all different."""
    n = (data[0] if multiscale else data).ndim - rgb
    return SimpleNamespace(
        name=name,
        data=data,
        rgb=rgb,
        multiscale=multiscale,
        scale=np.arange(2.0, 2 + n),
        translate=np.arange(10.0, 10 + n),
        rotate=np.eye(n),
        shear=np.zeros(n * (n - 1) // 2),
        affine=np.eye(n + 1),
        units=("micrometer",) * n,
        axis_labels=tuple("tzyx"[-n:]),
    )


def image(data, **options):
    return ImageLayer.of(layer(data, **options))


def noise(*shape):
    return np.random.default_rng(7).integers(0, 255, shape).astype(np.uint8)


@pytest.mark.parametrize("part", get_args(plugin.RealPart))
def test_responses_are_the_bank_s(part):
    picture = noise(40, 50)
    ((data, attributes, kind),) = respond(image(picture), BANK, part)
    np.testing.assert_array_equal(data, BANK.filter(picture, part=part))
    assert (kind, attributes["name"]) == ("image", f"{part} of cells")
    assert attributes["metadata"]["kernels"] == list(BANK.labels)
    assert gk.GaborBank.from_dict(attributes["metadata"]["bank"]) == BANK
    np.testing.assert_array_equal(attributes["scale"], [1, 2, 3])
    np.testing.assert_array_equal(attributes["translate"], [0, 10, 11])
    assert attributes["units"] == ("pixel", "micrometer", "micrometer")
    assert attributes["axis_labels"] == ("kernel", "y", "x")


def test_kernels_come_before_time_and_depth():
    picture = noise(2, 3, 20, 24)
    ((data, attributes, _),) = respond(image(picture), BANK)
    assert data.shape == (6, 2, 3, 20, 24)
    expected = BANK.filter(picture[1, 2], part="magnitude")[4]
    np.testing.assert_allclose(data[4, 1, 2], expected, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(attributes["scale"], [1, 2, 3, 4, 5])
    assert len(attributes["shear"]) == 10


def test_of_colours_the_luminance_is_filtered_and_of_levels_the_finest():
    colours = noise(30, 32, 4)
    expected = BANK.filter(gk.luminance(colours), part="magnitude")
    np.testing.assert_array_equal(respond(image(colours, rgb=True), BANK)[0][0], expected)
    levels = [colours, colours[::2, ::2]]
    several = image(levels, rgb=True, multiscale=True)
    np.testing.assert_array_equal(respond(several, BANK)[0][0], expected)


def test_dask_stays_lazy():
    picture = noise(3, 60, 64)
    ((data, _, _),) = respond(image(da.from_array(picture, chunks=(1, 32, 32))), BANK)
    assert isinstance(data, da.Array)
    expected = np.moveaxis(BANK.filter(picture, part="magnitude"), 1, 0)
    np.testing.assert_allclose(data.compute(), expected, rtol=1e-4, atol=1e-3)


def test_what_does_not_fit_into_memory_is_refused(monkeypatch):
    monkeypatch.setattr(plugin, "available_memory", lambda: 6 * 40 * 50 * 4 - 1)
    with pytest.raises(FilterError, match=r"magnitude of 6 kernels is 4\.8e-05 GB, more"):
        respond(image(noise(40, 50)), BANK)
    monkeypatch.setattr(plugin, "available_memory", lambda: 6 * 40 * 50 * 4)
    respond(image(noise(40, 50)), BANK)
    with pytest.raises(FilterError, match="GB"):  # double precision
        respond(image(noise(40, 50).astype(float)), BANK)


def test_orientation_and_segments_along_lines():
    y, x = np.mgrid[:64, :80]
    theta = np.deg2rad(30)
    grating = np.cos(2 * np.pi / 8 * (x * np.cos(theta) + y * np.sin(theta)))
    found = orientation_layers(image(grating), gk.GaborBank.grid(), spacing=16)
    angle, confidence, hues, lines = found
    assert [attributes["name"] for _, attributes, _ in found] == [
        "angle in degrees of cells",
        "confidence of cells",
        "orientation of cells",
        "lines of cells",
    ]
    np.testing.assert_allclose(angle[0][28:36, 28:-28], 30, atol=0.1)
    assert (angle[1]["visible"], hues[1]["rgb"], hues[0].shape) == (False, True, (64, 80, 3))
    assert [kind for _, _, kind in found] == ["image", "image", "image", "vectors"]
    middles = lines[0][:, 0] + lines[0][:, 1] / 2
    np.testing.assert_allclose(middles[:6], [(8, 8 + 16 * k) for k in range(5)] + [(24, 8)])
    # Across the direction of variation, which is (sin 30, cos 30) in (y, x).
    across = lines[0][:, 1] @ [np.sin(theta), np.cos(theta)]
    np.testing.assert_allclose(across, 0, atol=0.5)
    np.testing.assert_allclose(
        np.linalg.norm(lines[0][:, 1], axis=1), 0.9 * 16 * confidence[0][8::16, 8::16].ravel(),
        rtol=1e-5,
    )  # fmt: skip
    assert len(orientation_layers(image(grating), gk.GaborBank.grid())) == 3


def test_segments_of_a_stack_lie_in_their_pictures():
    lines = orientation_layers(image(noise(2, 32, 32)), BANK, spacing=16)[-1][0]
    assert lines.shape == (8, 2, 3)
    np.testing.assert_array_equal(lines[:, 0, 0], [0] * 4 + [1] * 4)
    np.testing.assert_array_equal(lines[:, 1, 0], 0)


def stripes(*shape):
    y, x = np.mgrid[: shape[-2], : shape[-1]]
    picture = np.cos(2 * np.pi / 8 * np.where(x < shape[-1] // 2, x, y))
    return np.broadcast_to(picture, shape).astype(np.float32)


def painted(*shape):
    strokes = np.zeros(shape, np.int32)
    index = (0,) * (len(shape) - 2)
    strokes[(*index, slice(40, 50), 20)], strokes[(*index, slice(40, 50), -16)] = 3, 7
    return strokes


def test_classes_are_those_of_scribbles_and_the_model_is_kept(tmp_path):
    picture, strokes = stripes(96, 96), painted(96, 96)
    found = class_layers(
        image(picture), strokes, probabilities=True, model=tmp_path / "m.npz", smoothing=4
    )
    (probabilities, more, _), (labels, attributes, kind) = found
    expected = gk.vision.segment_scribbles(picture, strokes, smoothing=4)
    np.testing.assert_array_equal(labels, expected.labels)
    np.testing.assert_array_equal(probabilities, expected.probabilities)
    assert (kind, attributes["name"]) == ("labels", "classes of cells")
    assert more["axis_labels"] == ("class", "y", "x")
    assert more["metadata"] == {"classes": [3, 7]}
    model = gk.vision.ScribbleModel.load(tmp_path / "m.npz")
    np.testing.assert_array_equal(model.predict(picture).labels, labels)


def test_of_a_stack_the_painted_pictures_teach_the_others():
    (labels, attributes, _) = class_layers(image(stripes(3, 96, 96)), painted(3, 96, 96))[-1]
    assert labels.shape == (3, 96, 96)
    np.testing.assert_array_equal(labels[:, 48, 12::24], [[3, 3, 7, 7]] * 3)
    np.testing.assert_array_equal(attributes["scale"], [2, 3, 4])


def test_colours_as_channels():
    # Alike in luminance, different in colour.
    colours = np.zeros((64, 64, 4), np.uint8)
    colours[:, :32, 0], colours[:, 32:, 1], colours[..., 3] = 170, 50, 255
    strokes = np.zeros((64, 64), int)
    strokes[20:40, 8], strokes[20:40, 56] = 1, 2
    labels = class_layers(image(colours, rgb=True), strokes, colour="channels")[-1][0]
    expected = gk.vision.segment_scribbles(colours[..., :3], strokes, channel_axis=-1)
    np.testing.assert_array_equal(labels, expected.labels)
    assert (labels[32, 8], labels[32, 56]) == (1, 2)


@pytest.mark.parametrize(
    ("strokes", "message"),
    [
        (np.zeros((20, 20), int), r"labels of shape \(20, 20\) do not fit cells of \(96, 96\)"),
        (np.zeros((96, 96), int), "the scribbles name 0 textures"),
        (np.eye(96, dtype=int), "the scribbles name 1 texture;"),
        (np.eye(96, dtype=int) * 300, "give whole numbers from 0"),
    ],
)
def test_strokes_that_do_not_do(strokes, message):
    with pytest.raises(FeatureError, match=message):
        class_layers(image(stripes(96, 96)), strokes)


def test_the_panel_lists_every_published_bank():
    assert set(get_args(BankName)) == {"grid", *PRESETS, "file"}


def test_the_manifest_names_functions_and_commands_that_are_there():
    yaml = pytest.importorskip("yaml", reason="needs yaml")
    text = Path(plugin.__file__).with_name("napari.yaml").read_text(encoding="utf-8")
    parts = yaml.safe_load(text)["contributions"]
    for command in parts["commands"]:
        module, _, name = command["python_name"].partition(":")
        assert callable(getattr(importlib.import_module(module), name))
    used = [*parts["widgets"], *(entry for menu in parts["menus"].values() for entry in menu)]
    ids = {command["id"] for command in parts["commands"]}
    assert {entry["command"] for entry in used} == ids
    assert len(used) == 2 * len(ids)
