"""The sample pictures inside scikit-image, and what reading one imports."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import skimage.data
from pictures_for_tests import assert_same, refused

from gaborkit.io.images import read_image, sample_names


def test_samples_agree_with_skimage() -> None:
    assert_same(read_image("sample:camera"), skimage.data.camera())
    assert_same(read_image("sample:brick"), skimage.data.brick())
    assert_same(read_image("sample:astronaut"), skimage.data.astronaut())


def test_every_sample_is_readable_and_inside_skimage() -> None:
    names = sample_names()
    assert {"camera", "brick", "grass", "gravel", "astronaut", "coins", "rocket"} <= set(names)
    assert list(names) == sorted(names)
    for name in names:
        assert read_image(f"sample:{name}").ndim in (2, 3)


def test_unknown_sample() -> None:
    refused("sample:camra", "no such sample", "camera")
    refused("sample:../data/camera", "no such sample")
    refused("sample:", "no such sample")


def test_samples_without_skimage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert sample_names() == ()
    refused("sample:camera", "scikit-image is not installed")


def test_nothing_heavy_is_imported_and_no_network_is_touched() -> None:
    code = """
import sys, socket
def forbidden(*args, **kwargs): raise AssertionError("network")
socket.socket = forbidden
import importlib.util, types
package = types.ModuleType("gaborkit")
package.__path__ = [sys.argv[1]]
sys.modules["gaborkit"] = package
import gaborkit.io.images as images
def loaded(): return {m.partition(".")[0] for m in sys.modules} & {
    "PIL", "cv2", "tifffile", "skimage", "torch", "matplotlib", "pooch"}
assert not loaded(), loaded()
images.sample_names()
images.luminance(images.np.zeros((2, 2, 3)))
assert not loaded(), loaded()
images.read_image("sample:camera")
assert loaded() == {"PIL"}, loaded()
"""
    spec = importlib.util.find_spec("gaborkit.io.images")
    assert spec is not None
    assert spec.origin is not None
    folder = str(Path(spec.origin).parent)
    subprocess.run([sys.executable, "-c", code, folder], check=True)
