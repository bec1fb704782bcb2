"""What the origins ask of the kernel that they are a part of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import KernelError
from ..parameters import number

if TYPE_CHECKING:
    from ...types import Norm


class Origin:
    """Base of the origins; the fields are those of :class:`gaborkit.GaborKernel`."""

    if TYPE_CHECKING:
        wavelength: float
        theta: float
        sigma: float
        gamma: float
        phase: float
        scale: float
        dc_free: bool
        norm: Norm

        def __init__(self, **fields: Any) -> None: ...

        @property
        def bandwidth(self) -> float: ...  # noqa: D102

    def _dilated(self) -> tuple[float, float]:
        """Wavelength and deviation in pixels, dilation included."""
        scale = number(self.scale)
        return number(self.wavelength) * scale, number(self.sigma) * scale

    def _require(self, origin: str, **needed: Any) -> None:
        """Raise unless these fields have the only values that the origin knows."""
        for name, value in needed.items():
            convention = getattr(self, name)
            if convention != value:
                raise KernelError(
                    f"{name}={convention!r} cannot be expressed in {origin}, which has only "
                    f"{name}={value!r}; kernel.replace({name}={value!r}) can be"
                )
