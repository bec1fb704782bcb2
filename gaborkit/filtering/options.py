"""How to filter, as one value that travels from the public functions to the engines.

The public functions spell these options out as keywords, so that an editor shows them. What each
may be, what it is by default, and what is raised for another value is said here.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import FilterError
from ..kernels.base import TOLERANCE, check_tolerance
from ..types import TRANSFERS, Boundary, Engine, Part, Transfer
from .padding import check_boundary
from .parts import check_part
from .registry import engine_names


@dataclass(frozen=True)
class FilterOptions:
    """Options of :func:`gaborkit.filtering.filter_bank`, where each is described.

    Raises
    ------
    FilterError
        If a choice is unknown.
    KernelError
        If the tolerance is not between 0 and 1.

    Examples
    --------
    >>> FilterOptions(engine="fourier").boundary
    'reflect'
    """

    part: Part = "complex"
    boundary: Boundary = "reflect"
    engine: Engine = "auto"
    channel_axis: int | None = None
    tolerance: float = TOLERANCE
    transfer: Transfer = "sampled"

    def __post_init__(self) -> None:
        check_part(self.part)
        check_boundary(self.boundary)
        if self.engine not in engine_names():
            raise FilterError(
                f"engine={self.engine!r} is unknown; choose one of {', '.join(engine_names())}"
            )
        if self.transfer not in TRANSFERS:
            raise FilterError(
                f"transfer={self.transfer!r} is unknown; choose one of {', '.join(TRANSFERS)}"
            )
        check_tolerance(self.tolerance)
