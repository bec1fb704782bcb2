"""Old paths of modules that moved: the module itself, and a warning that names the new path."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys

import pytest

import gaborkit as gk
from gaborkit.moved import MOVED, new_path


@pytest.fixture(autouse=True)
def _forgotten():
    """Old paths are imported anew; the modules themselves, which others hold, stay as they are."""
    _forget()
    yield
    _forget()


def _forget():
    for name in [name for name in sys.modules if new_path(name)]:
        sys.modules.pop(name)
        parent, _, child = name.rpartition(".")
        if not new_path(parent):
            vars(sys.modules[parent]).pop(child, None)


@pytest.mark.parametrize("old", MOVED)
def test_an_old_path_is_the_new_module_and_says_so(old):
    new = f"gaborkit.{MOVED[old]}"
    module = importlib.import_module(new)
    with pytest.warns(DeprecationWarning, match="the old path goes") as record:
        assert importlib.import_module(f"gaborkit.{old}") is module
    assert str(record[-1].message).startswith(f"gaborkit.{old} is {new} now")
    assert module.__name__ == module.__spec__.name == new


def test_what_lay_below_a_package_that_moved():
    new = importlib.import_module("gaborkit.io.pictures.tiff")
    with pytest.warns(DeprecationWarning, match="gaborkit.io.pictures") as record:
        assert importlib.import_module("gaborkit.pictures.tiff") is new
    assert [str(warning.message).split(" ")[0] for warning in record] == [
        "gaborkit.pictures",
        "gaborkit.pictures.tiff",
    ]


def test_the_warning_is_of_the_line_that_imports():
    code = "import gaborkit\nfrom gaborkit.kernel import TOLERANCE"
    command = [sys.executable, "-W", "always", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == [
        "<string>:2: DeprecationWarning: gaborkit.kernel is gaborkit.kernels.base now; the old "
        "path goes with the next release"
    ]


def test_an_old_module_is_an_attribute():
    with pytest.warns(DeprecationWarning, match=r"gaborkit\.presets is gaborkit\.kernels\.presets"):
        assert gk.presets is importlib.import_module("gaborkit.kernels.presets")


def test_old_pickles_are_read():
    kernel = gk.GaborKernel(wavelength=4, sigma=2)
    text = pickle.dumps(kernel, 0).replace(b"gaborkit.kernels.gabor", b"gaborkit.gabor")
    with pytest.warns(DeprecationWarning, match="gabor is"):
        assert pickle.loads(text) == kernel


def test_modules_that_never_were():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("gaborkit.wavelets")
    with pytest.raises(ModuleNotFoundError), pytest.warns(DeprecationWarning, match="pictures"):
        importlib.import_module("gaborkit.pictures.targa")
