"""Who imports whom: what ``import gaborkit`` loads, and which way the arrows point."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import gaborkit

PACKAGE = Path(gaborkit.__file__).parent

HEAVY = {"torch", "cv2", "matplotlib", "skimage", "scipy", "PIL", "tifffile", "click"}
HEAVY |= {"dask", "distributed", "zarr", "sklearn", "pandas", "pyarrow", "xarray"}

# Layers from the bottom up: a module imports from its own layer or from those before it.
LAYERS = [
    ["lazy"],
    ["choices"],
    ["errors", "types", "__version__", "extras"],
    ["locks"],
    ["files", "tables"],
    ["strict_json"],
    ["journal"],
    ["parameters", "ranges", "transfer", "formula", "hermite"],
    ["conventions"],
    ["kernel"],
    ["log_gabor", "gabor"],
    ["presets"],
    ["arrays", "boundary"],
    ["parts"],
    ["filter_options"],
    ["normalizing"],
    ["sinks"],
    ["engines"],
    ["costs"],
    ["planning"],
    ["responding"],
    ["dask_arrays"],
    ["filtering"],
    ["summaries"],
    ["frame"],
    ["bank"],
    ["images", "pictures"],
    ["large"],
    ["plotting"],
    ["features"],
    ["vision", "nn", "estimators"],
    ["contestants"],
    ["peers"],
    ["benchmark"],
    ["generative"],
    ["__main__"],
]

# The one method that is a door to a layer above, and imports it when called.
FRONT_DOORS = {("kernel", "bank")}


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def loaded_by(statement):
    return set(
        run(f"import sys; {statement}; print(*{{m.split('.')[0] for m in sys.modules}})").split()
    )


@pytest.mark.parametrize("statement", ["import gaborkit.bank", "import gaborkit.images"])
def test_import_loads_nothing_heavy(statement):
    assert loaded_by(statement) & HEAVY == set()


def test_import_of_the_package_loads_nothing_at_all():
    assert loaded_by("import gaborkit") & {"numpy", *HEAVY} == set()
    assert run("import sys, gaborkit; print(*(m for m in sys.modules if 'gaborkit.' in m))") == (
        "gaborkit.lazy"
    )


def test_that_test_would_notice():
    assert loaded_by("import gaborkit.plotting") & HEAVY >= {"matplotlib"}


def test_filtering_arrays_and_drawing_load_no_torch_and_no_opencv():
    code = "import numpy, gaborkit as gk; gk.GaborBank.grid().filter(numpy.ones((8, 8)))"
    assert loaded_by(f"{code}; gk.plotting") & {"torch", "cv2", "skimage"} == set()


def test_subpackages_are_loaded_at_first_use():
    assert run("import gaborkit as gk; print(gk.plotting.__name__)") == "gaborkit.plotting"


def test_unknown_attributes():
    with pytest.raises(AttributeError, match="module 'gaborkit' has no attribute 'wavelet'"):
        _ = gaborkit.wavelet


@pytest.mark.parametrize("name", ["gaborkit", "gaborkit.generative", "gaborkit.large"])
def test_lazy_names_exist_and_the_stub_says_the_same(name):
    package = importlib.import_module(name)
    assert set(package.__all__) <= set(dir(package))
    stub = ast.parse(Path(package.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    homes = {
        alias.name: node.module
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(homes) == package.__all__
    (listed,) = (node.value for node in stub.body if isinstance(node, ast.Assign))
    assert sorted(ast.literal_eval(listed)) == package.__all__
    for public, home in homes.items():
        value = getattr(package, public)
        if home is None:
            assert value is importlib.import_module(f"{name}.{public}")
        else:
            assert value is getattr(importlib.import_module(f"{name}.{home}"), public)


def test_modules_that_are_not_imported_yet_are_attributes():
    assert run("import gaborkit as gk; print(gk.presets.__name__)") == "gaborkit.presets"


def module_name(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(source, depth):
    """First parts of the modules that relative imports name: all, those for types, those late.

    ``depth`` is the number of packages between the file and gaborkit, itself included.
    """
    tree = ast.parse(source)
    late, typing = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            late |= {id(child) for child in ast.walk(node)}
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            typing |= {id(child) for child in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == depth and id(node) not in typing:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            for name in names:
                yield name.split(".")[0], id(node) in late


def violations(module, source, depth):
    rank = {name: place for place, layer in enumerate(LAYERS) for name in layer}
    for target, late in imports_of(source, depth):
        if rank[target] > rank[module] and not (late and (module, target) in FRONT_DOORS):
            yield f"{module} imports {target}"


def test_arrows_never_turn_back():
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        module = module_name(path)
        if module == "__init__":
            continue
        depth = len(path.relative_to(PACKAGE).parts)
        found += violations(module, path.read_text(encoding="utf-8"), depth)
    assert found == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from .filtering import filter_bank", ["kernel imports filtering"]),
        ("from . import frame", ["kernel imports frame"]),
        ("def f():\n    from .frame import GaborFrame", ["kernel imports frame"]),
        ("def f():\n    from .bank import GaborBank", []),
        ("from .bank import GaborBank", ["kernel imports bank"]),
        ("if TYPE_CHECKING:\n    from .filtering import Plan", []),
        ("from .errors import KernelError", []),
    ],
)
def test_that_the_arrow_test_would_notice(source, expected):
    assert list(violations("kernel", source, 1)) == expected


def test_no_module_imports_gaborkit_absolutely():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert (node.module or "").split(".")[0] != "gaborkit", path
