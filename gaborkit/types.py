"""Types that many modules name: the choices, and arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

from .choices import (
    BOUNDARIES as BOUNDARIES,
)
from .choices import (
    ENGINES as ENGINES,
)
from .choices import (
    KERNEL_PARTS as KERNEL_PARTS,
)
from .choices import (
    NORMS as NORMS,
)
from .choices import (
    OUTSIDES as OUTSIDES,
)
from .choices import (
    PARTS as PARTS,
)
from .choices import (
    TRANSFERS as TRANSFERS,
)
from .choices import (
    Boundary as Boundary,
)
from .choices import (
    Engine as Engine,
)
from .choices import (
    KernelPart as KernelPart,
)
from .choices import (
    Norm as Norm,
)
from .choices import (
    Outside as Outside,
)
from .choices import (
    Part as Part,
)
from .choices import (
    Transfer as Transfer,
)

if TYPE_CHECKING:
    from torch import Tensor

RealArray = NDArray[np.floating[Any]]
ComplexArray = NDArray[np.complexfloating[Any, Any]]

# A NumPy array or a torch tensor: torch may be absent, so its type cannot be named here.
Array = Any

# One of these, where a function gives back the kind that it takes. Of those that also take dask
# arrays, overloads say so: a type checker that knows no dask would see any array in it.
ArrayT = TypeVar("ArrayT", NDArray[Any], "Tensor")


class FilterKeywords(TypedDict, total=False):
    """The fields of :class:`gaborkit.filtering.FilterOptions`, for overloads."""

    part: Part
    boundary: Boundary
    engine: Engine
    channel_axis: int | None
    tolerance: float
    transfer: Transfer
