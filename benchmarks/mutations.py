"""Change the library in small ways, one at a time, and see which its tests let pass.

Each module below is changed in one spot at a time, a comparison, an operator, a constant, an
argument of min and max, and the tests named beside it run until one fails. A change that all of
them let pass is printed: either it changes nothing that matters, or a test is missing.

    python benchmarks/mutations.py                         a sample of every module
    python benchmarks/mutations.py filtering/sinks.py --sample 1000  every change of one module

Kept tools (mutmut, cosmic-ray) start an interpreter for each change, and importing torch takes
longer than the tests: here a process that has it forks for each. Needs fork: Linux or macOS.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import os
import random
import resource
import sys
import time
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "gaborkit"
TRAINING = "generative/training"

#: Tests that should notice, by their place in tests/, the quickest first; the module's own
#: doctests come before them.
TESTS = {
    "filtering/filter.py": ["filtering/filtering_input", "filtering/filtering", "kernels/limits"],
    "filtering/run.py": [
        "filtering/reductions",
        "filtering/filtering_input",
        "filtering/filtering",
        "filtering/tensors",
        "kernels/limits",
    ],
    "filtering/sinks.py": ["filtering/reductions"],
    "filtering/parts.py": ["filtering/memory", "filtering/reductions", "filtering/filtering_input"],
    "filtering/padding.py": ["filtering/padding"],
    "frame.py": ["frame"],
    "filtering/planner.py": ["filtering/plan", "filtering/choice", "kernels/limits"],
    "kernels/validation.py": ["kernels/limits", "kernels/kernel"],
    "filtering/engines/base.py": [
        "filtering/plan",
        "large/tiles",
        "filtering/engines",
        "filtering/filtering",
        "filtering/reductions",
    ],
    "filtering/engines/fourier.py": [
        "filtering/engines",
        "filtering/spectra",
        "filtering/costs",
        "filtering/filtering",
        "filtering/reductions",
    ],
    "filtering/engines/spectra.py": ["filtering/spectra", "filtering/filtering"],
    "filtering/engines/separable.py": [
        "filtering/separable",
        "filtering/pyramid",
        "filtering/reductions",
    ],
    "filtering/engines/factorization.py": [
        "filtering/separable",
        "filtering/plan",
        "filtering/costs",
    ],
    "filtering/engines/pyramid.py": ["filtering/pyramid"],
    "filtering/gpu/decimated.py": ["filtering/gpu"],
    "filtering/engines/direct.py": [
        "filtering/costs",
        "filtering/filtering",
        "filtering/reductions",
    ],
    "filtering/engines/threads.py": ["filtering/threads"],
    f"{TRAINING}/batches.py": [f"{TRAINING}/trainer_batches", f"{TRAINING}/training_step"],
    f"{TRAINING}/checkpoint.py": [f"{TRAINING}/checkpoint", f"{TRAINING}/training_step"],
    f"{TRAINING}/step.py": [f"{TRAINING}/training_step", f"{TRAINING}/trainer_batches"],
    f"{TRAINING}/log.py": [f"{TRAINING}/trainer_batches", f"{TRAINING}/training_step"],
    f"{TRAINING}/settings.py": [f"{TRAINING}/training_step"],
    f"{TRAINING}/trainer.py": [f"{TRAINING}/trainer_batches", f"{TRAINING}/trainer"],
    "generative/models/adversarial.py": ["generative/models/gan"],
    "features/codes.py": ["features/codes"],
    "features/congruency.py": ["features/phase_congruency"],
    "features/iris.py": ["features/codes"],
    "features/orientation.py": ["features/orientation"],
}

OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
#: What takes long to import and imports nothing of gaborkit.
PRELOADED = (
    *("pytest", "hypothesis", "scipy.ndimage", "scipy.integrate", "scipy.stats", "torch"),
    *("click.testing", "skimage.filters", "accelerate", "safetensors.torch"),
)

#: Without rewriting of assertions, for which pytest would read the module by itself.
QUIETLY = ["-x", "-q", "-p", "no:cacheprovider", "--assert=plain"]

NAMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum"}
NAMES |= {"any": "all", "all": "any"}


def spots(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes of the code that can be changed: neither texts nor annotations nor messages."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.JoinedStr | ast.Raise):
            continue
        if isinstance(tree, ast.arg | ast.AnnAssign) and child is tree.annotation:
            continue
        if isinstance(tree, ast.FunctionDef) and child is tree.returns:
            continue
        if changed(child) is not None:
            yield child
        yield from spots(child)


def changed(node: ast.AST) -> ast.AST | None:
    """A node of another meaning in the place of this one, or None."""
    node = copy.deepcopy(node)
    match node:
        case ast.Compare(ops=[first, *_]) if type(first) in OPERATORS:
            node.ops[0] = OPERATORS[type(first)]()
        case ast.BinOp(op=operator) | ast.BoolOp(op=operator) | ast.AugAssign(op=operator) if (
            type(operator) in OPERATORS
        ):
            node.op = OPERATORS[type(operator)]()
        case ast.Constant(value=bool(value)):
            node.value = not value
        case ast.Constant(value=int(value) | float(value)):
            node.value = value + 1
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            return operand
        case ast.Name(id=name) if name in NAMES:
            node.id = NAMES[name]
        case ast.Attribute(attr=name) if name in NAMES:
            node.attr = NAMES[name]
        case _:
            return None
    return node


class Replacement(ast.NodeTransformer):
    """One node for another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        """Put the new node in the place of the old."""
        if node is self.old:
            return ast.copy_location(self.new, node)
        return super().generic_visit(node)


def run(tests: list[str], path: Path, tree: ast.AST | None, seconds: float, log: Path) -> int:
    """Exit code of the tests, in a fork, with the module of this tree; 124 if they take longer."""
    child = os.fork()
    if child == 0:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        if tree is not None:
            code, original = compile(tree, str(path), "exec"), SourceFileLoader.get_code
            SourceFileLoader.get_code = lambda self, name: (  # type: ignore[method-assign]
                code if Path(self.path) == path else original(self, name)
            )
        import pytest

        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
        os._exit(pytest.main([*QUIETLY, *tests]))
    _, status = os.waitpid(child, 0)
    return 124 if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def sample(name: str, count: int, seed: int, until: float, log: Path) -> tuple[int, int]:
    """Changes tried of a module, and noticed; those that were not are printed."""
    path = PACKAGE / name
    places = (ROOT / "tests" / test for test in TESTS[name])
    tests = [str(place.with_name(f"test_{place.name}.py")) for place in places]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    every_test = [str(path), *tests]
    if run(every_test, path, None, 600, log) != 0:
        raise SystemExit(f"{name}: its tests fail as it is, see {log}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if run(tests, path, ast.parse("1 / 0"), 600, log) == 0:
        raise SystemExit(f"{name}: its tests do not even import it")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    every = list(spots(tree))
    chosen = random.Random(f"{seed} {name}").sample(every, min(count, len(every)))
    tried = noticed = 0
    for node in chosen:
        if time.monotonic() > until:
            break
        new = changed(node)
        assert new is not None
        mutant = copy.deepcopy(tree)
        # The copy's nodes are other objects: the spot is found by its number.
        old = list(spots(mutant))[next(k for k, spot in enumerate(every) if spot is node)]
        mutant = ast.fix_missing_locations(Replacement(old, new).visit(mutant))
        tried += 1
        if run(every_test, path, mutant, 5 * spent + 10, log):
            noticed += 1
        else:
            line = node.lineno  # type: ignore[attr-defined]
            print(f"  {name}:{line}: {ast.unparse(node)}  ->  {ast.unparse(new)}", flush=True)
    print(f"{name}: {noticed} of {tried} noticed ({len(every)} spots, {spent:.1f} s)", flush=True)
    return tried, noticed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=", ".join(TESTS))
    parser.add_argument("--sample", type=int, default=20, help="changes of each module")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60, help="no change is begun after them")
    parser.add_argument("--log", type=Path, default=Path("out/mutations.log"))
    options = parser.parse_args()
    unknown = set(options.modules) - set(TESTS)
    if unknown:
        parser.error(f"{', '.join(unknown)}: choose of {', '.join(TESTS)}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    options.log.parent.mkdir(parents=True, exist_ok=True)
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT / "tests"))
    for package in PRELOADED:
        importlib.import_module(package)
    assert "gaborkit" not in sys.modules, "a fork would test the module as it is"
    until = time.monotonic() + 60 * options.minutes
    counts = [
        sample(name, options.sample, options.seed, until, options.log)
        for name in options.modules or TESTS
    ]
    print(f"{sum(noticed for _, noticed in counts)} of {sum(tried for tried, _ in counts)} noticed")


if __name__ == "__main__":
    main()
