"""The panels in a running napari: what they add, where, and how they say what is wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import gaborkit as gk
from gaborkit.errors import GaborkitError
from gaborkit.napari_plugin import widgets


def test_without_napari_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "napari", None)
    with pytest.raises(GaborkitError, match=r'needs napari.*"gaborkit\[napari\]" brings it'):
        widgets.filter_widget()


PANELS = {
    "Gabor bank": widgets.filter_widget,
    "Local orientation": widgets.orientation_widget,
    "Segmentation from painted labels": widgets.segmentation_widget,
}


@pytest.fixture
def viewer(request):
    pytest.importorskip("napari", reason='napari is not installed: pip install "gaborkit[napari]"')
    pytest.importorskip("pytestqt", reason="pytest-qt is not installed")
    if sys.platform == "linux" and not {"DISPLAY", "QT_QPA_PLATFORM"} & set(os.environ):
        pytest.skip("no display: xvfb-run makes one")
    return request.getfixturevalue("make_napari_viewer")()


@pytest.fixture
def notices(viewer):
    """Messages that napari shows, as they come."""
    from napari.utils.notifications import notification_manager

    notification_manager.records.clear()
    return lambda: [notification.message for notification in notification_manager.records]


def opened(viewer, name):
    """The panel as the menu opens it, by the manifest."""
    return viewer.window.add_plugin_dock_widget("gaborkit", name)[1]


@pytest.fixture
def click(qtbot):
    def click(panel):
        panel.call_button.native.click()
        qtbot.waitUntil(lambda: panel.enabled, timeout=60_000)

    return click


def hidden(panel):
    """Fields that the panel does not show."""
    return {field.name for field in panel if field.native.isHidden() and field.name != "viewer"}


def camera():
    return gk.read_image("sample:camera")[100:228, 150:300]


def test_the_manifest_is_valid(viewer):
    npe2 = Path(sys.executable).with_name("npe2")
    done = subprocess.run([npe2, "validate", "gaborkit"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_bank_s_responses_lie_on_the_image(viewer, click, notices):
    turn = np.deg2rad(20)
    layer = viewer.add_image(
        camera(), name="camera", scale=(0.5, 0.25), translate=(3, 7), rotate=20, shear=[0.3],
        affine=[[np.cos(turn), 0.2, 1], [0, 1, 2], [0, 0, 1]], units=("um", "um"),
    )  # fmt: skip
    panel = opened(viewer, "Gabor bank")
    panel.scales.value, panel.orientations.value = 2, 3
    click(panel)
    result = viewer.layers["magnitude of camera"]
    expected = gk.GaborBank.grid(2, 3).filter(camera(), part="magnitude")
    np.testing.assert_array_equal(result.data, expected)
    for point in np.random.default_rng(1).uniform(0, 100, (5, 2)):
        there = result.data_to_world((4, *point))
        np.testing.assert_allclose(there, [4, *layer.data_to_world(point)], rtol=1e-6)
    assert list(map(str, result.units)) == ["pixel", "micrometer", "micrometer"]
    assert notices() == []


def test_a_bank_of_a_file_or_published(viewer, click, tmp_path, notices):
    viewer.add_image(camera(), name="camera")
    panel = opened(viewer, "Gabor bank")
    assert hidden(panel) == {"file"}
    panel.bank.value = "kymatio"
    assert hidden(panel) == {"scales", "orientations", "wavelength", "file"}
    click(panel)
    assert len(viewer.layers[-1].data) == len(gk.GaborBank.preset("kymatio"))
    panel.bank.value, panel.part.value = "file", "phase"
    assert hidden(panel) == {"scales", "orientations", "wavelength"}
    click(panel)
    assert notices() == ["no file is chosen; choose one that GaborBank.save wrote, or another bank"]
    assert len(viewer.layers) == 2
    gk.GaborBank.grid(1, 2).save(tmp_path / "bank.json")
    panel.file.value = tmp_path / "bank.json"
    click(panel)
    assert viewer.layers[-1].data.shape == (2, 128, 150)
    assert viewer.layers[-1].contrast_limits == [-np.pi, np.pi]


def test_orientation(viewer, click, notices):
    layer = viewer.add_image(camera(), name="camera", scale=(2, 3))
    click(opened(viewer, "Local orientation"))
    kinds = [type(added).__name__ for added in viewer.layers]
    assert kinds == ["Image", "Image", "Image", "Image", "Vectors"]
    angle = viewer.layers["angle in degrees of camera"]
    expected = np.degrees(gk.features.local_orientation(camera()).angle)
    np.testing.assert_array_equal(angle.data, expected)
    assert all(np.array_equal(added.scale, layer.scale) for added in viewer.layers)
    assert notices() == []


def test_segmentation_from_painted_labels(viewer, click, notices, tmp_path):
    y, x = np.mgrid[:96, :96]
    stripes = np.cos(2 * np.pi / 8 * np.where(x < 48, x, y))
    viewer.add_image(stripes, name="stripes", scale=(2, 2))
    panel = opened(viewer, "Segmentation from painted labels")
    click(panel)
    assert notices().pop().startswith("nothing is painted: add a layer of labels")
    strokes = viewer.add_labels(np.zeros((96, 96), int), name="strokes", scale=(2, 2))
    click(panel)
    assert notices().pop().startswith("the scribbles name 0 textures")
    for value, column in ((1, 20), (2, 80)):
        strokes.selected_label = value
        strokes.brush_size = 6
        strokes.paint((48, column), value)
    panel.model.value = tmp_path / "stripes.npz"
    click(panel)
    result = viewer.layers["classes of stripes"]
    assert type(result).__name__ == "Labels"
    np.testing.assert_array_equal(result.data[48, 12::24], [1, 1, 2, 2])
    np.testing.assert_array_equal(result.scale, [2, 2])
    model = gk.vision.ScribbleModel.load(tmp_path / "stripes.npz")
    np.testing.assert_array_equal(model.predict(stripes).labels, result.data)


@pytest.mark.parametrize("name", PANELS)
def test_without_an_image_a_line_says_so(viewer, click, notices, name):
    click(opened(viewer, name))
    assert notices() == ["no image is chosen: open one, and choose its layer"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.full((20, 20), np.nan), "400 of 400 pixels are NaN"),
        (np.zeros((1, 20)), "varies along one axis at most"),
    ],
)
def test_images_that_do_not_do_are_named_in_one_line(viewer, click, notices, data, message):
    viewer.add_image(data, name="odd", contrast_limits=(0, 1))
    panel = opened(viewer, "Local orientation")
    click(panel)
    (text,) = notices()
    assert re.search(message, text)
    assert "\n" not in text
    assert len(viewer.layers) == 1
    assert panel.enabled


def test_memory_that_runs_out_is_said(viewer, click, notices, monkeypatch):
    def full(*arguments):
        raise MemoryError

    monkeypatch.setattr(widgets, "response_layers", full)
    viewer.add_image(camera())
    click(opened(viewer, "Gabor bank"))
    assert notices() == ["there is not enough memory; take a part of the image"]


def test_a_fault_of_ours_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        widgets.notify(ZeroDivisionError())


def test_work_is_done_in_another_thread_while_the_panel_rests(viewer, click, monkeypatch):
    seen = []

    def record(*arguments):
        seen.append((threading.current_thread() is threading.main_thread(), panel.enabled))
        return []

    monkeypatch.setattr(widgets, "response_layers", record)
    viewer.add_image(camera())
    panel = opened(viewer, "Gabor bank")
    click(panel)
    assert seen == [(False, False)]


def test_a_viewer_that_is_closed_meanwhile_gets_no_layers(viewer, qtbot, monkeypatch, notices):
    begun, go_on = threading.Event(), threading.Event()

    def wait(*arguments):
        begun.set()
        assert go_on.wait(60)
        return [(np.zeros((4, 4)), {"name": "late"}, "image")]

    monkeypatch.setattr(widgets, "response_layers", wait)
    viewer.add_image(camera())
    panel = opened(viewer, "Gabor bank")
    with qtbot.captureExceptions() as problems:
        panel.call_button.native.click()
        assert begun.wait(60)
        viewer.close()
        go_on.set()
        qtbot.wait(500)
    assert problems == []
    assert notices() == []
    assert "late" not in viewer.layers
