"""Who imports whom: what ``import gaborkit`` loads, and which way the arrows point."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import gaborkit_cli
import pytest

import gaborkit

PACKAGE = Path(gaborkit.__file__).parent

HEAVY = {"torch", "cv2", "matplotlib", "skimage", "scipy", "PIL", "tifffile", "click"}
HEAVY |= {"dask", "distributed", "zarr", "sklearn", "pandas", "pyarrow", "xarray"}
HEAVY |= {"nibabel", "pydicom", "starlette", "uvicorn", "napari", "magicgui"}

# Layers from the bottom up, by the paths below gaborkit: a module imports from its own layer or
# from those before it. What a package holds is of its layer, unless it is named itself.
LAYERS = [
    ["lazy", "moved", "caches", "choices", "__version__"],
    ["errors", "types", "extras", "whole_numbers"],
    ["notebook"],
    ["io.locks"],
    ["io.files", "io.tables"],
    ["io.strict_json"],
    ["io.journal"],
    ["kernels.parameters", "kernels.validation", "kernels.frequency_response"],
    ["kernels.formula", "kernels.hermite"],
    ["kernels.conventions"],
    ["kernels.base"],
    ["kernels.gabor", "kernels.log_gabor"],
    ["kernels.presets"],
    ["filtering.backend"],
    ["filtering.padding", "filtering.parts"],
    ["filtering.normalizing"],
    ["filtering.sinks", "filtering.costs"],
    ["filtering.engines"],
    ["filtering.gpu"],
    ["filtering.registry"],
    ["filtering.options"],
    ["filtering.planner"],
    ["filtering.run"],
    ["filtering.dask_arrays", "filtering.regions", "filtering.labelled"],
    ["filtering.filter"],
    ["filtering.reductions"],
    ["gathering"],
    ["torus"],
    ["frame"],
    ["bank"],
    ["io.pictures"],
    ["io.images"],
    ["io.resampling", "io.spacing", "io.volumes"],
    ["volumes"],
    ["large"],
    ["plotting"],
    ["features.checks", "features.bank_grid", "features.table"],
    ["features.base"],
    ["scattering"],
    ["features"],
    ["vision", "nn", "estimators", "radiomics"],
    ["napari_plugin"],
    ["bench.contestants"],
    ["bench.peers"],
    ["bench.compare"],
    ["generative"],
    ["__main__"],
]

# The one method that is a door to a layer above, and imports it when called.
FRONT_DOORS = {("kernels.base", "bank")}


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def loaded_by(statement):
    return set(
        run(f"import sys; {statement}; print(*{{m.split('.')[0] for m in sys.modules}})").split()
    )


@pytest.mark.parametrize("statement", ["import gaborkit.bank", "import gaborkit.io.images"])
def test_import_loads_nothing_heavy(statement):
    assert loaded_by(statement) & HEAVY == set()


def test_import_of_the_package_loads_nothing_at_all():
    assert loaded_by("import gaborkit") & {"numpy", *HEAVY} == set()
    loaded = run("import sys, gaborkit; print(*(m for m in sys.modules if 'gaborkit.' in m))")
    assert set(loaded.split()) == {"gaborkit.lazy", "gaborkit.moved"}


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


@pytest.mark.parametrize(
    "room",
    ["", ".features", ".filtering", ".generative", ".large", ".radiomics", ".volumes", ".nn"],
)
def test_lazy_names_exist_and_the_stub_says_the_same(room):
    name = f"gaborkit{room}"
    package = importlib.import_module(name)
    assert set(package.__all__) <= set(dir(package))
    stub = ast.parse(Path(package.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    homes = {
        alias.name: node.module and "." * (node.level - 1) + node.module
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
            assert value is getattr(importlib.import_module(f".{home}", name), public)


def test_modules_that_are_not_imported_yet_are_attributes():
    assert run("import gaborkit as gk; print(gk.presets.__name__)") == "gaborkit.kernels.presets"


def modules_of(folder):
    """Every module by its path below a package, dots between; "" is the package itself."""
    return {
        ".".join(path.relative_to(folder).with_suffix("").parts)
        .removesuffix("__init__")
        .strip("."): path
        for path in sorted(folder.rglob("*.py"))
    }


MODULES = modules_of(PACKAGE)
COMMAND_LINE = modules_of(Path(gaborkit_cli.__file__).parent)


def imports_of(module, source, modules):
    """Modules that a module imports relatively, whole paths, and whether inside a function.

    Those for type checkers only do not count.
    """
    tree = ast.parse(source)
    late, typing = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            late |= {id(child) for child in ast.walk(node)}
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            typing |= {id(child) for child in ast.walk(node)}
    is_package = module in modules and modules[module].name == "__init__.py"
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and id(node) not in typing:
            above = package[: len(package) - node.level + 1]
            base = ".".join([*above, *filter(None, [node.module])]).strip(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".strip(".")
                yield (inner if inner in modules or not base else base), id(node) in late


def rank(module):
    """The layer of the longest path that names the module or a package around it."""
    named = {name: place for place, layer in enumerate(LAYERS) for name in layer}
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in named:
            return named[".".join(parts[:length])]
    raise AssertionError(f"{module} is in no layer: add it to LAYERS")


def violations(module, source):
    for target, late in imports_of(module, source, MODULES):
        if rank(target) > rank(module) and not (late and (module, target) in FRONT_DOORS):
            yield f"{module} imports {target}"


# Packages of several layers hold no names of their own.
DIVIDED = {name.partition(".")[0] for layer in LAYERS for name in layer if "." in name}


def test_arrows_never_turn_back():
    wrong = [
        text
        for module, path in MODULES.items()
        if module and module not in DIVIDED
        for text in violations(module, path.read_text(encoding="utf-8"))
    ]
    assert wrong == []


@pytest.mark.parametrize("package", sorted(DIVIDED))
def test_a_package_of_several_layers_imports_nothing_itself(package):
    arrows = imports_of(package, MODULES[package].read_text(encoding="utf-8"), MODULES)
    assert {target for target, _ in arrows} <= {"lazy"}


@pytest.mark.parametrize("modules", [MODULES, COMMAND_LINE], ids=["gaborkit", "gaborkit_cli"])
def test_no_circle_inside_packages_either(modules):
    arrows = {
        module: {
            target
            for target, late in imports_of(module, path.read_text(encoding="utf-8"), modules)
            if target not in ("", module) and not (late and (module, target) in FRONT_DOORS)
        }
        for module, path in modules.items()
    }
    TopologicalSorter(arrows).prepare()  # raises CycleError, which names the modules


def test_that_test_would_notice_a_circle():
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        (
            "kernels.base",
            "from ..filtering.filter import X",
            ["kernels.base imports filtering.filter"],
        ),
        ("kernels.base", "from .. import frame", ["kernels.base imports frame"]),
        ("kernels.base", "from . import presets", ["kernels.base imports kernels.presets"]),
        ("kernels.base", "from .gabor import X", ["kernels.base imports kernels.gabor"]),
        ("kernels.base", "def f():\n    from ..frame import X", ["kernels.base imports frame"]),
        ("kernels.base", "def f():\n    from ..bank import GaborBank", []),
        ("kernels.base", "from ..bank import GaborBank", ["kernels.base imports bank"]),
        ("kernels.base", "if TYPE_CHECKING:\n    from ..filtering.planner import Plan", []),
        ("kernels.base", "from ..errors import KernelError", []),
        ("io.files", "from .journal import X", ["io.files imports io.journal"]),
        (
            "filtering.engines.fourier",
            "from .. import planner",
            ["filtering.engines.fourier imports filtering.planner"],
        ),
    ],
)
def test_that_the_arrow_test_would_notice(module, source, expected):
    assert list(violations(module, source)) == expected


def test_no_module_imports_gaborkit_absolutely():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert (node.module or "").split(".")[0] != "gaborkit", path


MEASURED = sorted(
    path
    for folder in ("benchmarks", "examples")
    for path in (PACKAGE.parent / folder).rglob("*.py")
)


@pytest.mark.parametrize("path", MEASURED, ids=lambda path: path.name)
def test_what_benchmarks_and_examples_import_of_gaborkit_is_there(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gaborkit":
            module = importlib.import_module(node.module)
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                assert hasattr(module, alias.name) or importlib.util.find_spec(submodule)
