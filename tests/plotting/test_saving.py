"""Files of figures: the same bytes every time, whole or not at all, and no global setting."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from figures_for_tests import ARTICLE, GRID, PICTURE
from matplotlib.figure import Figure
from pictures_for_tests import names_in

import gaborkit as gk
from gaborkit.plotting import plot_bank, plot_coverage, plot_kernel, plot_responses, save_figure


def small():
    return plot_bank(GRID[:2])


@pytest.mark.parametrize(
    ("name", "magic", "make"),
    [
        ("a.png", b"\x89PNG", small),
        ("a.SVG", b"<?xml", small),
        ("a.svg", b"<?xml", lambda: plot_kernel(ARTICLE)),
        ("a.pdf", b"%PDF", lambda: plot_kernel(ARTICLE)),
    ],
)
def test_the_same_bytes_every_time(name, magic, make, coarse, tmp_path):
    figure = make()
    contents = []
    for other in (figure, figure, make()):
        save_figure(other, tmp_path / name, dpi=50)
        contents.append((tmp_path / name).read_bytes())
        assert names_in(tmp_path) == [name]
    assert contents[0] == contents[1] == contents[2]
    assert contents[0].startswith(magic)
    assert not re.search(rb"CreationDate|<dc:date>", contents[0])


def test_dpi_sets_the_pixels(tmp_path):
    figure = small()
    sizes = []
    for dpi in (50, 100):
        save_figure(figure, tmp_path / "a.png", dpi=dpi)
        sizes.append(gk.read_image(tmp_path / "a.png").shape[:2])
    assert np.allclose(np.array(sizes[1]) / sizes[0], 2, rtol=0.01)
    width, height = figure.get_size_inches()
    assert sizes[1] == (int(height * 100), int(width * 100))


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    write = Path.write_bytes

    def fail(self, content):
        write(self, content[:50])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(gk.PictureError, match=r"a\.png: cannot be written \(No space left"):
        save_figure(small(), path)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["a.png"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a.jpeg", r"a\.jpeg: the suffix '\.jpeg' is unknown; use one of \.png, \.svg, \.pdf"),
        ("a", r"a: the name has no suffix; use one of \.png"),
        ("missing/a.png", r"missing/a\.png: the folder missing does not exist; create it first"),
    ],
)
def test_saving_refuses_paths(path, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(gk.PictureError, match=message):
        save_figure(Figure(), path)
    assert names_in(tmp_path) == []


def test_saving_refuses_figures_and_dpi(tmp_path):
    with pytest.raises(gk.PictureError, match="'a' is not a figure"):
        save_figure("a", tmp_path / "a.png")
    for dpi in (0, -1, math.nan, math.inf, "150"):
        with pytest.raises(gk.PictureError, match=f"dpi={dpi!r} is not a number of 1 or more"):
            save_figure(Figure(), tmp_path / "a.png", dpi=dpi)
    message = "dpi=4000 makes 10 inches 40000 pixels; use 2000 or less"
    with pytest.raises(gk.PictureError, match=message):
        save_figure(Figure(figsize=(10, 5)), tmp_path / "a.png", dpi=4000)
    assert names_in(tmp_path) == []


def test_no_setting_is_changed_and_no_setting_flips_an_image(tmp_path):
    settings = {
        "image.origin": "lower",
        "image.cmap": "jet",
        "image.aspect": "auto",
        "figure.constrained_layout.use": True,
        "svg.hashsalt": "mine",
    }
    plain = plot_bank(GRID[:1]), plot_coverage(GRID[:1])
    with matplotlib.rc_context(settings):
        before = dict(matplotlib.rcParams)
        odd = plot_bank(GRID[:1]), plot_coverage(GRID[:1])
        responses = plot_responses(PICTURE, GRID[:1].filter(PICTURE), GRID[:1].labels)
        save_figure(responses, tmp_path / "a.svg")
        assert dict(matplotlib.rcParams) == before
    assert responses.axes[0].images[0].origin == "upper"
    for i, (a, b) in enumerate(zip(plain, odd, strict=True)):
        save_figure(a, tmp_path / f"plain{i}.png", dpi=40)
        save_figure(b, tmp_path / f"odd{i}.png", dpi=40)
        assert (tmp_path / f"plain{i}.png").read_bytes() == (tmp_path / f"odd{i}.png").read_bytes()


def test_headless_and_without_pyplot(tmp_path):
    script = """
import sys
from pathlib import Path
import gaborkit as gk
assert "matplotlib" not in sys.modules
figure = gk.plotting.plot_bank(gk.GaborBank.grid(1, 2))
gk.plotting.save_figure(figure, "a.png")
assert "matplotlib.pyplot" not in sys.modules
"""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "a.png").stat().st_size > 1000
