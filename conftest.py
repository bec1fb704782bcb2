"""Doctests of decorated functions run too: doctest takes them for the decorator's module's."""

from __future__ import annotations

import doctest
import inspect
from types import ModuleType

_from_module = doctest.DocTestFinder._from_module


def _of_what_is_wrapped(self: doctest.DocTestFinder, module: ModuleType, thing: object) -> bool:
    inner = inspect.unwrap(thing) if inspect.isfunction(thing) else thing
    return bool(_from_module(self, module, inner))


doctest.DocTestFinder._from_module = _of_what_is_wrapped
