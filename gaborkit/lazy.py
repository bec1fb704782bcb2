"""Public names that are imported at first use, so that importing a package costs nothing.

A stub beside each such ``__init__.py`` says the same names to type checkers; a test compares them.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from typing import Any


def attach(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : mapping of str to str
        The module below the package in which each public name lies; a module of that very name is
        meant itself, and ``.room`` lies beside the package. Other modules of the package are found
        as well, but are not public.

    Examples
    --------
    >>> getattr_, dir_, names = attach("gaborkit.large", {"parse_memory": "memory"})
    >>> getattr_("parse_memory")("2MB"), names
    (2000000, ['parse_memory'])
    """

    def find(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            if name.startswith("_") or importlib.util.find_spec(f"{package}.{name}") is None:
                raise AttributeError(f"module {package!r} has no attribute {name!r}")
            return importlib.import_module(f"{package}.{name}")
        module = importlib.import_module(f".{home}", package)
        value = module if home == name else getattr(module, name)
        setattr(sys.modules[package], name, value)  # the next time it is there
        return value

    names = sorted(homes)

    def listed() -> list[str]:
        return sorted({*vars(sys.modules[package]), *names})

    return find, listed, names
