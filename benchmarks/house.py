"""Measures the layout of the code: rooms, circles of imports, late imports, sizes, repetition.

    python benchmarks/house.py [folder of a checkout]
    python benchmarks/house.py --way filter|train

prints the rows of house.md; with ``--way``, the functions that a command runs, in the order of
their first calls, and the calls that go up: to a module that imports the caller's.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import statistics
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

#: Packages by the folder that holds them.
PACKAGES = {"gaborkit": "gaborkit", "cli": "gaborkit_cli"}

#: Lines of a repeated run.
RUN = 6

#: The one method that imports a layer above it when it is called.
DOORS = {("gaborkit.kernels.base", "gaborkit.bank"), ("gaborkit.kernel", "gaborkit.bank")}

#: What may be absent: an import of one of these inside a function is no door to another module.
OPTIONAL = {"torch", "torchvision", "accelerate", "safetensors", "tensorboard", "sklearn", "joblib"}
OPTIONAL |= {"pandas", "pyarrow", "xarray", "dask", "distributed", "zarr", "threadpoolctl"}
OPTIONAL |= {"triton", "huggingface_hub", "napari", "magicgui", "starlette", "uvicorn", "cv2"}
OPTIONAL |= {"diplib", "kymatio"}


def modules(root: Path) -> dict[str, Path]:
    """Every module by its dotted name."""
    found = {}
    for folder, package in PACKAGES.items():
        for path in sorted((root / folder).rglob("*.py")):
            parts = path.relative_to(root / folder).with_suffix("").parts
            name = ".".join((package, *parts))
            found[name.removesuffix(".__init__")] = path
    return found


def imports(name: str, path: Path, known: set[str]) -> Iterator[tuple[str, bool]]:
    """Modules that a module imports, and whether inside a function; not those for types only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late: set[int] = set()
    typing: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            late |= {id(child) for child in ast.walk(node)}
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            typing |= {id(child) for child in ast.walk(node)}
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if id(node) in typing:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in known else base, id(node) in late


def dependent(files: dict[str, Path]) -> set[str]:
    """Modules that import what may be absent as they are loaded, by themselves or by others."""
    loaded = {
        name: {target for target, late in imports(name, path, set(files)) if not late}
        for name, path in files.items()
    }
    found: set[str] = set()
    while True:
        new = {
            name
            for name, targets in loaded.items()
            if targets & found or any(x.partition(".")[0] in OPTIONAL for x in targets)
        }
        if new == found:
            return found
        found = new


def circles(arrows: dict[str, set[str]]) -> list[set[str]]:
    """Groups of two or more modules each of which reaches the others (Tarjan, 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    groups: list[set[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for target in sorted(arrows[name]):
            if target not in order:
                visit(target)
                lowest[name] = min(lowest[name], lowest[target])
            elif target in stack:
                lowest[name] = min(lowest[name], order[target])
        if lowest[name] == order[name]:
            group = set(stack[stack.index(name) :])
            del stack[stack.index(name) :]
            if len(group) > 1:
                groups.append(group)

    for name in sorted(arrows):
        if name not in order:
            visit(name)
    return groups


def repeated(paths: list[Path]) -> int:
    """Pairs of places that share a run of six lines or more: white space folded, names kept.

    Blank lines, comments, lone punctuation and imports do not count.
    """
    places: defaultdict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    for number, path in enumerate(paths):
        lines = [" ".join(line.split()) for line in path.read_text(encoding="utf-8").splitlines()]
        code = [line for line in lines if any(map(str.isalnum, line)) and line[0] != "#"]
        code = [line for line in code if not line.startswith(("import ", "from "))]
        for start in range(len(code) - RUN + 1):
            places[tuple(code[start : start + RUN])].append((number, start))
    windows = {
        (a, b)
        for places_of_one in places.values()
        if len(places_of_one) <= 8  # else it is boilerplate
        for k, a in enumerate(places_of_one)
        for b in places_of_one[k + 1 :]
    }
    following = {((f, i + 1), (g, j + 1)) for (f, i), (g, j) in windows}
    return len(windows - following)


#: Commands whose ways are followed: one pixel to a PNG, and one image to a sample.
WAYS = {
    "filter": ["filter sample:camera --sigma 2 --out out.png"],
    "train": [
        "train vae --features gabor --data mini --limit 200 --epochs 1 --size 8 --out run --quiet",
        "sample run --count 1 --out out.png",
    ],
}


def holds_picture(value: Any) -> bool:
    """Whether an argument is an array of at least 8 x 8 values, or an object that has one."""
    if not hasattr(value, "shape") and type(value).__module__.startswith(("gaborkit", "builtins")):
        inner = getattr(value, "__dict__", {})
        return any(is_picture(one) for one in inner.values())
    return is_picture(value)


def is_picture(value: Any) -> bool:
    """Whether this is an array of at least 8 x 8 values, or several."""
    return len(shape_of(value)) >= 2 and min(shape_of(value)[-2:]) >= 8


def shape_of(value: Any) -> tuple[int, ...]:
    """Shape of an array or tensor; empty for anything else."""
    name = type(value).__module__.partition(".")[0]
    return tuple(value.shape) if name in ("numpy", "torch") and hasattr(value, "shape") else ()


def way(root: Path, name: str) -> None:
    """Print the functions that a command runs, and the calls among them that go up."""
    files = modules(root)
    by_path = {str(path.resolve()): module for module, path in files.items()}
    order: dict[str, None] = {}
    calls: dict[tuple[str, str], None] = {}
    carried: dict[str, None] = {}

    def label(frame: FrameType | None) -> str:
        if frame is None or frame.f_code.co_filename not in by_path:
            return ""
        inner = frame.f_code.co_qualname
        function = frame.f_code.co_flags & inspect.CO_OPTIMIZED  # and not the body of a class
        return (
            "" if "<" in inner or not function else f"{by_path[frame.f_code.co_filename]}:{inner}"
        )

    def follow(frame: FrameType, event: str, _: Any) -> None:
        callee = label(frame) if event == "call" else ""
        if callee:
            order[callee] = None
            if any(map(holds_picture, frame.f_locals.values())):
                carried[callee] = None
            caller = label(frame.f_back)
            if caller:
                calls[caller, callee] = None

    from click.testing import CliRunner
    from gaborkit_cli.main import main as command

    for module in files:
        if not module.endswith("__main__") and "triton" not in module:
            importlib.import_module(module)  # so that no decorator runs among the calls
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for line in WAYS[name]:
            threading.setprofile(follow)
            sys.setprofile(follow)
            result = CliRunner().invoke(command, line.split())
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]
            if result.exit_code:
                raise SystemExit(f"{line}: {result.output}")
        os.chdir(root)
    arrows = {
        name: {
            target
            for target, _ in imports(name, path, set(files))
            if target in files and (name, target) not in DOORS
        }
        for name, path in files.items()
    }

    def reached(start: str) -> set[str]:
        seen, rest = {start}, [start]
        while rest:
            new = arrows[rest.pop()] - seen
            seen |= new
            rest += new
        return seen

    modules_of = {(a.partition(":")[0], b.partition(":")[0]) for a, b in calls}
    up = sorted((a, b) for a, b in modules_of if a != b and a in reached(b))
    print(f"{len(order)} functions, {len({f.partition(':')[0] for f in order})} modules")
    print(*(f"{'*' if name in carried else ' '} {name}" for name in order), sep="\n")
    print(f"{len(carried)} of them (*) are handed the picture, by itself or in an object")
    print(f"{len(up)} pairs of modules with a call that goes up")
    print(*(f"{a} -> {b}" for a, b in up), sep="\n")


def main() -> None:
    """Print a row a measure."""
    if sys.argv[1:2] == ["--way"]:
        return way(Path(__file__).resolve().parents[1], sys.argv[2])
    root = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parents[1]
    files = modules(root)
    tests = sorted((root / "tests").rglob("*.py"))
    known = set(files)
    arrows: dict[str, set[str]] = {name: set() for name in files}
    doors, optional, absent = 0, 0, dependent(files)
    for name, path in files.items():
        for target, late in imports(name, path, known):
            if target in known and target != name:
                arrows[name].add(target)
            may_be_absent = target in absent or target.partition(".")[0] in OPTIONAL
            doors += late and not may_be_absent
            optional += late and may_be_absent
    groups = circles(arrows)
    without = circles(
        {name: {x for x in targets if (name, x) not in DOORS} for name, targets in arrows.items()}
    )
    lengths = {name: len(path.read_text().splitlines()) for name, path in files.items()}
    largest = max(lengths, key=lambda name: lengths[name])
    test_lines = sum(len(path.read_text().splitlines()) for path in tests)
    at_root = len([name for name in files if name.count(".") == 1 and name.startswith("gaborkit.")])
    packages = len([p for p in files.values() if p.name == "__init__.py"]) - len(PACKAGES)
    flat = {folder: len(list((root / folder).glob("*.py"))) for folder in ("cli", "tests")}
    doubled = repeated([*files.values()])
    rows = {
        "modules at the root of gaborkit, packages among them": at_root,
        "packages below gaborkit and cli": packages,
        "files directly in cli, in tests": f"{flat['cli']}, {flat['tests']}",
        "files in circles of imports": f"{sum(map(len, groups))} in {len(groups)}",
        "the same without the door of Kernel.filter": f"{sum(map(len, without))} in {len(without)}",
        "names imported inside functions: modules of its own or required": doors,
        "names imported inside functions: optional ones, and what needs one": optional,
        "arrows between modules": sum(map(len, arrows.values())),
        "largest file": f"{largest}, {lengths[largest]}",
        "median file": f"{statistics.median(lengths.values()):g}",
        "pairs of runs of six like lines, in gaborkit and cli": doubled,
        "pairs of runs of six like lines, in tests": repeated(tests),
        "files and lines of gaborkit and cli": f"{len(files)}, {sum(lengths.values()):,}",
        "files and lines of tests": f"{len(tests)}, {test_lines:,}",
    }
    for row, value in rows.items():
        print(f"| {row} | {value} |")
    for group in groups:
        print(f"circle: {', '.join(sorted(group))}")


if __name__ == "__main__":
    main()
