"""One way to forget what is kept, and one place that everything kept is registered in."""

from __future__ import annotations

import ast
import gc
import weakref
from pathlib import Path

import numpy as np
import torch

import gaborkit as gk
from gaborkit import caches
from gaborkit.filtering import parts
from gaborkit.filtering.engines import compiled
from gaborkit.filtering.engines.factorization import Factorization
from gaborkit.filtering.engines.spectra import lines_of

#: Caches of functools that hold no results: threads, loaded code, one look a device or a folder,
#: and the pieces of a file as long as it is open.
OTHERS = {
    "filtering/engines/structures.py",
    "filtering/engines/threads.py",
    "filtering/gpu/fused.py",
    "io/files.py",
    "io/pictures/tiff.py",
}

PACKAGE = Path(gk.__file__).parent


def cached_by_functools(path):
    """Whether a module asks functools for a cache."""
    return any(
        (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and (node.value.id, node.attr) in (("functools", "lru_cache"), ("functools", "cache"))
        )
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "functools"
            and {alias.name for alias in node.names} & {"lru_cache", "cache"}
        )
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def test_every_cache_is_registered():
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if cached_by_functools(path)
    }
    assert found - {"caches.py"} == OTHERS


def test_nothing_is_kept_afterwards():
    made = []

    @caches.keep
    def array(size):
        made.append(np.ones(size))
        return made[-1]

    @caches.lru_cache(maxsize=3)
    def other(size):
        return array(size)

    other(5)
    held = weakref.ref(made.pop())
    gc.collect()
    assert held() is not None
    gk.clear_caches()
    gc.collect()
    assert held() is None
    assert other.cache_info().currsize == 0
    other(5)
    assert len(made) == 1


def test_banks_are_forgotten_and_answer_alike():
    image = np.random.default_rng(0).random((300, 280)).astype(np.float32)
    bank = gk.GaborBank([*gk.GaborBank.grid(2, 3), *gk.GaborBank.grid(1, 2, gamma=0.5)])
    engines = ("direct", "separable", "fourier")
    before = [bank.filter(image, engine=engine) for engine in engines]
    bank.filter(torch.from_numpy(image), engine="fourier")
    factors = Factorization.of(tuple(bank[:3]), gk.TOLERANCE, 1e-6)
    lines = lines_of(bank[0], (8, 8), False, gk.TOLERANCE)
    assert compiled._kept_blocks
    gk.clear_caches()
    assert not parts._free
    assert not compiled._kept_blocks
    assert Factorization.of(tuple(bank[:3]), gk.TOLERANCE, 1e-6) is not factors
    assert lines_of(bank[0], (8, 8), False, gk.TOLERANCE) is not lines
    for engine, expected in zip(engines, before, strict=True):
        np.testing.assert_array_equal(bank.filter(image, engine=engine), expected)
