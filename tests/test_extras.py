"""Hints at extras: each names the smallest one that brings what is missing."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gaborkit.errors import FeatureError, FilterError
from gaborkit.extras import EXTRAS, hint, optional

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]

#: Modules of distributions that are not called like them, and of what these bring along.
MODULES = {"scikit-learn": ["sklearn", "joblib", "threadpoolctl"], "dask": ["dask", "distributed"]}
MODULES |= {"opencv-python": ["cv2"]}


def modules_of(extra: str) -> set[str]:
    """Everything that an extra brings, by the names that it is imported by."""
    found: set[str] = set()
    for requirement in PROJECT["optional-dependencies"][extra]:
        name, more = re.match(r"([\w-]+)(?:\[([\w,-]+)\])?", requirement).groups()
        if name == "gaborkit":
            found.update(*(modules_of(part) for part in more.split(",")))
        else:
            found.update(MODULES.get(name, [name]))
    return found


def test_the_table_names_the_smallest_extra_of_each_module():
    extras = [name for name in PROJECT["optional-dependencies"] if name != "test"]
    assert set(EXTRAS) == modules_of("all")
    for module, extra in EXTRAS.items():
        able = [name for name in extras if module in modules_of(name)]
        assert extra == min(able, key=lambda name: len(modules_of(name)))


def test_the_generative_part_is_not_sent_to_torch_alone():
    assert '"gaborkit[generative]"' in hint("torch.nn", generative=True)
    assert '"gaborkit[torch]"' in hint("torch.nn")
    assert '"gaborkit[learn]"' in hint("sklearn", generative=True)


def test_what_no_extra_brings_has_no_hint():
    assert hint("numpy") is None


@pytest.mark.parametrize("error", [FilterError, FeatureError])
def test_a_missing_module_is_an_error_with_the_hint(monkeypatch, error):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(error, match=r'needs zarr.*"gaborkit\[large\]" brings it'):
        optional("zarr", error)


def without(module: str, *arguments: str) -> str:
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        f"from gaborkit_cli.main import main; main({list(arguments)!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize(
    ("module", "arguments", "extra"),
    [
        ("torch", ["train", "vae"], "generative"),
        ("sklearn", ["segment", "sample:brick", "--count", "2", "--out", "{}/o.png"], "learn"),
        ("zarr", ["filter", "sample:brick", "--sigma", "2", "--out", "{}/o.zarr"], "large"),
    ],
)
def test_commands_without_a_module(module, arguments, extra, tmp_path):
    stderr = without(module, *(text.format(tmp_path) for text in arguments))
    assert stderr.splitlines()[-1] == (
        f'error: this needs {module}, which is not installed; pip install "gaborkit[{extra}]" '
        "brings it"
    )


def test_the_core_brings_no_opencv_and_the_extra_one_distribution():
    assert not [name for name in PROJECT["dependencies"] if "opencv" in name]
    (extra,) = PROJECT["optional-dependencies"]["opencv"]
    assert extra.startswith("opencv-python>")
    # Pages and tests take that without a display in its place.
    users = {key: names for key, names in PROJECT["optional-dependencies"].items() if key != "docs"}
    everywhere = [name for names in users.values() for name in names]
    assert [name for name in everywhere if name.startswith("opencv")] == [extra]
    (own,) = [name for name in PROJECT["optional-dependencies"]["docs"] if "gaborkit" in name]
    assert "all" not in own
    assert "opencv" not in own


def test_recipes_need_no_opencv(tmp_path):
    code = (
        "import sys; sys.modules['cv2'] = None\n"
        "from gaborkit.vision.fingerprint import enhance_fingerprint, synthetic_fingerprint\n"
        "from gaborkit_cli.main import main\n"
        "import gaborkit as gk\n"
        "truth = synthetic_fingerprint((160, 160), kind='loop', seed=0)\n"
        "result = enhance_fingerprint(truth.image)\n"
        "assert (result.binary == truth.ridges)[result.mask].mean() > 0.9\n"
        "assert gk.vision.synthetic_palm(0).std() > 0\n"
        "assert gk.vision.synthetic_vessels((96, 96), width=4).vessels.any()\n"
        "eye = gk.vision.synthetic_eye(0)\n"
        "boundaries = gk.vision.find_iris(eye.image)\n"
        "assert abs(boundaries.iris[2] - eye.iris[2]) < 3\n"
        "gk.vision.draw_iris(eye.image, boundaries)\n"
        "assert gk.vision.find_vessels(eye.image).mask.shape == eye.image.shape\n"
        "gk.vision.optical_flow(eye.image, eye.image)\n"
        "gk.write_image('print.png', (255 * truth.image).astype('u1'))\n"
        "main(['minutiae', 'print.png', '--out', 'm.csv', '--overlay', 'm.png'])\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    assert len((tmp_path / "m.csv").read_text().splitlines()) > 3
    assert (tmp_path / "m.png").exists()


def test_16_bit_colour_is_read_and_written_without_opencv(tmp_path):
    code = (
        "import sys; sys.modules['cv2'] = None\n"
        "import numpy as np, gaborkit as gk\n"
        "values = np.random.default_rng(0).integers(0, 65536, (5, 6, 3), np.uint16)\n"
        "gk.write_image(sys.argv[1], values)\n"
        "assert (gk.read_image(sys.argv[1]) == values).all()\n"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "deep.png"], check=True)
