"""Kernels in space as a layer of networks of volumes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import FilterError, LayerError
from ..filtering.backend import TorchLibrary, fast_size
from ..filtering.padding import check_boundary, source_index
from ..kernels.base import TOLERANCE
from ..types import PARTS, Boundary, Part
from ..volumes import GaborKernel3D
from .channels import check_part, real_part_channels

#: Bytes of spectra of kernels that are kept from one call to the next.
KEPT_BYTES = 2**28


class GaborBank3d(nn.Module):
    """Filters every channel with kernels in space: (N, C, D, H, W) to (N, C * K, D, H, W).

    Channel ``c * K + k`` is what :func:`gaborkit.volumes.filter_volume` finds with kernel k in
    input channel c. Kernels are fixed; gradients reach the input. One Fourier transform of each
    channel, and an inverse one for each kernel.

    Parameters
    ----------
    kernels : GaborKernel3D, or K of them
    part : {"magnitude", "complex", "real", "imag", "energy", "phase"}
        What to return of complex responses. ``complex`` gives 2 C K channels, real and imaginary
        part side by side.
    boundary : {"reflect", "mirror", "nearest", "constant", "wrap"}
        What lies outside the volume, in SciPy's words.
    spacing : three floats
        Distances along D, H and W in the unit of the kernels' lengths.
    tolerance : float
        Share of a kernel's envelope that may lie outside its support.

    Raises
    ------
    LayerError
        If an option is unknown or out of range, there are no kernels, or the input is not
        (N, C, D, H, W) or (C, D, H, W).

    Warns
    -----
    SamplingWarning
        If the grid is too coarse for a kernel.

    Notes
    -----
    Half precision is filtered in single precision and rounded at the end. Spectra of the kernels
    are kept for one size of volumes, 256 MiB of them at most.

    Examples
    --------
    >>> kernels = [GaborKernel3D.along(v, wavelength=6, sigma=2) for v in ((1, 0, 0), (0, 0, 1))]
    >>> layer = GaborBank3d(kernels)
    >>> layer(torch.rand(2, 3, 10, 12, 14)).shape
    torch.Size([2, 6, 10, 12, 14])
    """

    kernels: tuple[GaborKernel3D, ...]
    spacing: tuple[float, float, float]
    margins: tuple[int, ...]
    tolerance: float

    def __init__(
        self,
        kernels: GaborKernel3D | Iterable[GaborKernel3D],
        part: Part = "magnitude",
        boundary: Boundary = "reflect",
        *,
        spacing: Sequence[float] = (1, 1, 1),
        tolerance: float = TOLERANCE,
    ) -> None:
        super().__init__()
        check_part(part, PARTS)
        try:
            check_boundary(boundary)
        except FilterError as error:
            raise LayerError(str(error)) from None
        self.kernels = (kernels,) if isinstance(kernels, GaborKernel3D) else tuple(kernels)
        for kernel in self.kernels:
            if not isinstance(kernel, GaborKernel3D):
                raise LayerError(f"{kernel!r:.60} is no GaborKernel3D")
        if not self.kernels:
            raise LayerError("no kernels filter nothing; give at least one GaborKernel3D")
        self.part, self.boundary = part, boundary
        self.spacing, self.tolerance = _checked(spacing), tolerance
        for kernel in self.kernels:
            kernel.warn_of_poor_sampling(self.spacing)
        radii = [kernel.radii(tolerance, self.spacing) for kernel in self.kernels]
        self.margins = tuple(max(radius[axis] for radius in radii) for axis in range(3))
        self._kept: tuple[Any, Tensor] | None = None

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        self._kept = None
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]

    def __getstate__(self) -> dict[str, Any]:
        """Spectra are made anew where they are needed."""
        return {**self.__dict__, "_kept": None}

    def forward(self, volume: Tensor) -> Tensor:
        """Responses of (N, C, D, H, W) or (C, D, H, W), those to a channel side by side."""
        if volume.ndim not in (4, 5) or 0 in volume.shape[-3:] or volume.is_complex():
            raise LayerError(
                f"an input of shape {tuple(volume.shape)} and {volume.dtype} does not fit; real "
                "(N, C, D, H, W) or (C, D, H, W) works"
            )
        double = volume.dtype == torch.float64
        values = volume.to(torch.float64 if double else torch.float32)
        if self.boundary != "constant" and all(kernel.dc_free for kernel in self.kernels):
            # It answers nothing, and what is left of a large one beside it is rounding.
            values = values - values.detach().mean((-3, -2, -1), keepdim=True)
        padded = self._padded(values)
        size = [fast_size(side) for side in padded.shape[-3:]]
        spectrum = torch.fft.fftn(padded, size, (-3, -2, -1))
        inner = (
            ...,
            *(
                slice(margin, margin + side)
                for margin, side in zip(self.margins, volume.shape[-3:], strict=True)
            ),
        )
        parts = []
        for transfer in self._spectra(size, volume.device, double):
            response = torch.fft.ifftn(spectrum * transfer, dim=(-3, -2, -1))[inner]
            # Channels of pictures, of which the slices are one tall one.
            pairs = torch.stack([response.real, response.imag], -4)[..., None, :, :, :, :]
            flat = real_part_channels(pairs.flatten(-3, -2), self.part)
            parts.append(flat.unflatten(-2, volume.shape[-3:-1]))
        channels = torch.stack(parts, -5).flatten(-6, -4)
        return channels.to(volume.dtype) if volume.is_floating_point() else channels

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return f"{len(self.kernels)} kernels, part={self.part!r}, boundary={self.boundary!r}"

    def _padded(self, values: Tensor) -> Tensor:
        """With what lies outside, the margins wide."""
        if self.boundary == "constant":
            around = [margin for margin in self.margins[::-1] for _ in range(2)]
            return nn.functional.pad(values, around)
        library = TorchLibrary(values)
        for axis, margin in zip((-3, -2, -1), self.margins, strict=True):
            index = source_index(values.shape[axis], margin, self.boundary)
            values = library.take(values, index, values.ndim + axis)
        return values

    def _spectra(self, size: list[int], device: torch.device, double: bool) -> Iterable[Tensor]:
        """Transfer functions (D, H, W) of the kernels on a torus of this size."""
        name = tuple(size), device, double
        if self._kept is not None and self._kept[0] == name:
            return self._kept[1].unbind()
        made = (self._spectrum(kernel, size, device, double) for kernel in self.kernels)
        if len(self.kernels) * math.prod(size) * (16 if double else 8) > KEPT_BYTES:
            return made
        self._kept = name, torch.stack(list(made))
        return self._kept[1].unbind()

    def _spectrum(
        self, kernel: GaborKernel3D, size: list[int], device: torch.device, double: bool
    ) -> Tensor:
        samples = kernel.sample(self.tolerance, self.spacing)
        centred = np.zeros(size, complex)
        centred[tuple(slice(0, side) for side in samples.shape)] = samples
        centred = np.roll(centred, [-(side // 2) for side in samples.shape], (0, 1, 2))
        transfer = torch.from_numpy(np.fft.fftn(centred))
        return transfer.to(device, torch.complex128 if double else torch.complex64)


def _checked(spacing: Any) -> tuple[float, float, float]:
    try:
        distances = np.asarray(spacing, dtype=float)
    except (TypeError, ValueError):
        distances = np.zeros(0)
    if distances.shape != (3,) or not (np.isfinite(distances) & (distances > 0)).all():
        raise LayerError(f"spacing={spacing!r} is not three distances above 0 along D, H and W")
    z, y, x = map(float, distances)
    return z, y, x
