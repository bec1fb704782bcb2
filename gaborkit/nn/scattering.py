"""The scattering transform as a layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn

from ..errors import LayerError
from ..scattering import Scattering
from ..scattering.on_tensors import Tensors, on_device
from ..scattering.transform import scatter
from .channels import check_input


class Scattering2d(nn.Module):
    """Scattering of every channel: (N, C, H, W) to (N, C * P, h, w), for P paths.

    Channel ``c * P + p`` is coefficient p of input channel c, as :class:`Scattering` finds it.

    Parameters
    ----------
    scattering : Scattering
        The transform.
    shape : (int, int)
        Height and width of the pictures.

    Attributes
    ----------
    out_shape : (int, int)
        Height and width of the output.

    Raises
    ------
    LayerError
        If the first is no Scattering, or the input is not (N, C, H, W) or (C, H, W) of the shape.
    FeatureError
        If the transform does not take pictures of the shape.

    Notes
    -----
    Half precision is transformed in single precision and rounded at the end; ``double()`` makes
    the filters again. They are buffers that move with the layer, and are not saved with it.

    Examples
    --------
    >>> layer = Scattering2d(Scattering(J=3, L=6), (32, 32))
    >>> layer(torch.rand(5, 3, 32, 32)).shape
    torch.Size([5, 381, 4, 4])
    """

    scattering: Scattering
    shape: tuple[int, int]
    out_shape: tuple[int, int]

    def __init__(
        self,
        scattering: Scattering,
        shape: tuple[int, int],
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(scattering, Scattering):
            raise LayerError(f"{scattering!r} is no Scattering; give Scattering(J=3), for example")
        self.scattering, self.shape = scattering, (int(shape[0]), int(shape[1]))
        self._places = scattering.places  # a property that compilers cannot follow
        self._fill(torch.device(device or "cpu"), dtype == torch.float64)
        averages = self._filters.averages[1]
        self.out_shape = len(averages[0]), len(averages[1])

    def _fill(self, device: torch.device, double: bool) -> None:
        """Make the buffers, in single or double precision whatever the layer was cast to."""
        self._filters = self.scattering.filters(self.shape, double)
        tensors = on_device(self._filters, device)
        for step, (down, across) in tensors.averages.items():
            self.register_buffer(f"down_{step}", down, persistent=False)
            self.register_buffer(f"across_{step}", across, persistent=False)
        self._keys = list(tensors.wavelets)
        for (before, scale), values in tensors.wavelets.items():
            self.register_buffer(f"wavelets_{before}_{scale}", values, persistent=False)

    def _tensors(self) -> Tensors:
        averages = {
            step: (self.get_buffer(f"down_{step}"), self.get_buffer(f"across_{step}"))
            for step in self._filters.averages
        }
        wavelets = {
            (before, scale): self.get_buffer(f"wavelets_{before}_{scale}")
            for before, scale in self._keys
        }
        return Tensors(averages, wavelets)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        moved: Any = self.get_buffer("down_1")
        self._fill(moved.device, moved.dtype == torch.float64)
        return self

    def forward(self, image: Tensor) -> Tensor:
        """Coefficients of (N, C, H, W) or (C, H, W), those of a channel side by side."""
        check_input(image)
        if tuple(image.shape[-2:]) != self.shape:
            raise LayerError(
                f"an input of shape {tuple(image.shape)} does not fit this layer for pictures of "
                f"{self.shape[0]} x {self.shape[1]} pixels; make one for its shape"
            )
        tensors = self._tensors()
        planes = image.reshape(-1, *self.shape).to(tensors.averages[1][0].dtype)
        boundary = self.scattering.boundary
        coefficients = scatter(planes, self._filters, boundary, self._places, tensors)
        channels = image.shape[-3] * len(self._places)  # said, as an empty batch leaves it open
        coefficients = coefficients.reshape(*image.shape[:-3], channels, *self.out_shape)
        return coefficients.to(image.dtype) if image.is_floating_point() else coefficients

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        height, width = self.shape
        return f"J={self.scattering.J}, {len(self.scattering.paths)} paths, {height} x {width}"
