"""The engines there are, by what they run on and what users call them."""

from __future__ import annotations

from ..errors import FilterError
from .engines.base import Engine
from .engines.direct import Direct
from .engines.fourier import Fourier
from .engines.pyramid import Pyramid
from .engines.separable import Separable
from .engines.torch_direct import TorchDirect
from .engines.torch_fourier import TorchFourier
from .gpu.decimated import Decimated
from .gpu.engine import TritonFourier
from .gpu.fused import Fused

_engines: dict[tuple[str, str], Engine] = {}


def register(engine: Engine) -> None:
    """Have the planner choose an engine too, and users name it.

    Raises
    ------
    FilterError
        If its name is taken, by ``auto`` or by another engine of its backend.

    Examples
    --------
    >>> register(Direct())
    Traceback (most recent call last):
    gaborkit.errors.FilterError: engine 'direct' of numpy is registered already; choose another name
    """
    key = engine.backend, engine.name
    if key in _engines or engine.name == "auto":
        raise FilterError(
            f"engine {engine.name!r} of {engine.backend} is registered already; choose another name"
        )
    _engines[key] = engine


def unregister(engine: Engine) -> None:
    """Take an engine out again."""
    del _engines[engine.backend, engine.name]


def engines() -> list[Engine]:
    """All of them, in the order of registration."""
    return list(_engines.values())


def engines_of(backend: str) -> dict[str, Engine]:
    """Those of a backend by name.

    Examples
    --------
    >>> list(engines_of("torch"))
    ['direct', 'fourier']
    """
    return {name: engine for (owner, name), engine in _engines.items() if owner == backend}


def engine_names() -> list[str]:
    """What users may say, ``auto`` before all.

    Examples
    --------
    >>> engine_names()
    ['auto', 'direct', 'separable', 'pyramid', 'fourier']
    """
    return ["auto", *dict.fromkeys(name for _, name in _engines)]


for _engine in (
    Direct(),
    Separable(),
    Pyramid(),
    Fourier(),
    TorchDirect(),
    TorchFourier(),
    Fused(),
    Decimated(),
    TritonFourier(),
):
    register(_engine)
