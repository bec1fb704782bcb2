"""A convolution of volumes whose weights are Gabor kernels in space that learn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import LayerError
from ..kernels.conventions import sigma_of
from ..kernels.formula import Parameters, along_and_across, amplitude, of_zero_sum
from ..types import Norm
from ..volumes import GaborKernel3D
from ..volumes.kernel import NORMS, directions
from .channels import real_part_channels
from .gabor_convolution import SQUARED, GaborConvolution, LayerPart, PaddingMode
from .kernels import Range, names_of

#: What a kernel in space can learn.
LEARNABLE = ("wavelength", "direction", "sigma", "gamma", "phase")

Triple = int | tuple[int, int, int]


class GaborConv3d(GaborConvolution):
    """Drop-in for ``torch.nn.Conv3d`` whose kernels are Gabor kernels in space that learn.

    As :class:`GaborConv2d`: output channel o has one kernel psi_o, and answers to the input
    channels i of its group with::

        y_o = part( sum over i of mixing[o, i] * (psi_o convolved with x_i) ) + bias_o

    Wavelengths lie between 2 voxels and twice the window, ``sigma`` between half a voxel and half
    the window, ``gamma`` between 1/8 and 8. The direction of a wave vector is learned as a vector
    (x, y, z) of any length, which has no poles as angles have.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode
        As for ``torch.nn.Conv3d``; the window is 3 voxels or more along D, H and W.
    part : {"real", "imag", "complex", "magnitude", "energy"}
        What to return of complex responses. ``complex`` makes two output channels of each kernel,
        real and imaginary part side by side.
    norm : {"l2", "l1", "gain", "peak"}
    dc_free : bool
        As for :class:`GaborKernel3D`. Kernels are DC-free at every step of learning.
    learnable : bool or iterable of str
        Which of ``wavelength``, ``direction``, ``sigma``, ``gamma`` and ``phase`` learn; the others
        stay. ``mixing`` and ``bias`` always do.
    generator : torch.Generator, optional
        Draws the jitter of the first kernels and the signs of ``mixing``.

    Attributes
    ----------
    mixing : Parameter (out_channels, in_channels / groups)

    Raises
    ------
    LayerError
        If a parameter is out of range, or an input has other channels.

    Examples
    --------
    >>> layer = GaborConv3d(1, 8, 7, padding="same", part="magnitude")
    >>> layer(torch.rand(2, 1, 12, 16, 16)).shape
    torch.Size([2, 8, 12, 16, 16])
    >>> sum(parameter.numel() for parameter in layer.parameters())  # a Conv3d has 2752
    72
    """

    axes = 3
    unit = "voxels"

    dc_free: bool
    learnable: tuple[str, ...]
    ranges: dict[str, Range]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Triple,
        stride: Triple = 1,
        padding: Triple | str = 0,
        dilation: Triple = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        part: LayerPart = "real",
        norm: Norm = "l2",
        dc_free: bool = True,
        learnable: bool | Iterable[str] = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(
            *(in_channels, out_channels, kernel_size, stride, padding, dilation, groups),
            *(padding_mode, part),
        )
        if norm not in NORMS:
            raise LayerError(f"norm={norm!r} is unknown; choose one of {', '.join(NORMS)}")
        self.norm, self.dc_free = norm, dc_free
        self.learnable = names_of(learnable, LEARNABLE)
        extent = max(self.kernel_size)
        self.ranges = {
            "wavelength": Range(2, 2 * extent),
            "sigma": Range(0.5, extent / 2),
            "gamma": Range(1 / 8, 8),
        }
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        for name in LEARNABLE:
            empty = torch.empty(out_channels, *(3,) * (name == "direction"), **like)
            if name in self.learnable:
                self.register_parameter(f"raw_{name}", nn.Parameter(empty))
            else:
                self.register_buffer(f"raw_{name}", empty)
        self._register_mixing(bias, like)
        self.reset_parameters(generator)

    @classmethod
    def from_kernels(
        cls,
        kernels: Iterable[GaborKernel3D],
        in_channels: int = 1,
        kernel_size: Triple | None = None,
        **options: Any,
    ) -> Self:
        """Layer that starts from kernels, each of them an output channel.

        Parameters
        ----------
        kernels : iterable of GaborKernel3D
            Of one norm, all DC-free or none.
        in_channels : int
            Their mean (in each group) is filtered.
        kernel_size : int or three, optional
            The window; where left out, the largest support, which changes responses by no more
            than the tolerance.
        **options
            Others of :class:`GaborConv3d`; ``bias`` is False where left out.

        Raises
        ------
        LayerError
            If the kernels are not of one kind, or do not fit the window.

        Examples
        --------
        >>> from gaborkit.nn import GaborBank3d
        >>> kernels = [GaborKernel3D.along(v, wavelength=5, sigma=1.5) for v in directions(3)]
        >>> layer = GaborConv3d.from_kernels(kernels, padding="same")
        >>> volume = torch.rand(1, 1, 9, 9, 9)
        >>> fixed = GaborBank3d(kernels, "real", "constant")
        >>> torch.allclose(layer(volume), fixed(volume), atol=1e-6)
        True
        """
        given = list(kernels)
        kinds = {(kernel.norm, kernel.dc_free) for kernel in given}
        if len(kinds) != 1:
            raise LayerError(
                f"{len(given)} kernels of {len(kinds)} kinds (norm and dc_free) are no layer; give "
                "one or more of one kind"
            )
        if kernel_size is None:
            radii = zip(*(kernel.radii() for kernel in given), strict=True)
            depth, height, width = (2 * max(along) + 1 for along in radii)
            kernel_size = depth, height, width
        ((norm, dc_free),) = kinds
        options = {"bias": False, "norm": norm, "dc_free": dc_free, **options}
        layer = cls(in_channels, len(given), kernel_size, **options)
        layer._assign(given)
        with torch.no_grad():
            layer.mixing.fill_(layer.groups / in_channels)
        return layer

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Start again: up to 13 directions a scale, each a little moved at random.

        Wavelengths are from 3 voxels to 0.7 of the window, bandwidths an octave or what the window
        holds; even and odd kernels in turn, where one part is returned.
        """
        phases = 2 if self.part in ("real", "imag") else 1
        device = "cpu" if generator is None else generator.device
        draws = torch.rand(self.out_channels, 5, generator=generator, device=device)
        extent = min(self.kernel_size)
        scales = math.ceil(math.ceil(self.out_channels / phases) / 13)
        step = math.log(max(3.0, 0.7 * extent) / 3) / scales
        kernels = []
        for k, (size, phase, *turn) in enumerate((draws.cpu() - 0.5).tolist()):
            j, i = divmod(k // phases, 13)
            wavelength = 3 * math.exp((j + 0.5 + size / 2) * step)
            kernels.append(
                GaborKernel3D.along(
                    directions()[i] + 0.5 * torch.tensor(turn).numpy(),
                    wavelength=wavelength,
                    sigma=min(sigma_of(wavelength, 1), 0.45 * extent),
                    phase=(k % phases + phase / 2) * math.pi / 2 if phases == 2 else 0.0,
                    norm=self.norm,
                    dc_free=self.dc_free,
                )
            )
        self._assign(kernels)
        self._reset_mixing(generator)

    @property
    def weight(self) -> Tensor:
        """What ``torch.nn.functional.conv3d`` takes: a new tensor, made from the parameters.

        Shape (out_channels, in_channels / groups, d, h, w), of twice as many output channels unless
        the part is real or imaginary. Writing into it changes nothing.
        """
        return self._weight().clone()

    def kernels(self) -> tuple[GaborKernel3D, ...]:
        """The kernels as they are now, without ``mixing``: to filter with."""
        values = {name: value.detach().tolist() for name, value in self._values().items()}
        return tuple(
            GaborKernel3D.along(
                direction,
                norm=self.norm,
                dc_free=self.dc_free,
                **{name: values[name][k] for name in LEARNABLE if name != "direction"},
            )
            for k, direction in enumerate(values["direction"])
        )

    def forward(self, volume: Tensor) -> Tensor:
        """Channels of (N, C, D, H, W) or (C, D, H, W), of the shape that ``Conv3d`` gives."""
        if volume.ndim not in (4, 5) or volume.shape[-4] != self.in_channels:
            raise LayerError(
                f"an input of shape {tuple(volume.shape)} does not fit; (N, {self.in_channels}, "
                f"D, H, W) or ({self.in_channels}, D, H, W) works"
            )
        if self.part not in SQUARED:
            return self._convolve(volume, self.bias)
        pairs = self._convolve(volume, None).unflatten(-4, (self.out_channels, 2))
        # Channels of pictures, of which the slices are one tall one.
        answer = real_part_channels(pairs.flatten(-3, -2), self.part)
        answer = answer.unflatten(-2, pairs.shape[-3:-1])
        if self.bias is None:
            return answer
        return answer + self.bias[:, None, None, None].to(answer.dtype)

    @torch.no_grad()
    def _assign(self, kernels: Sequence[GaborKernel3D]) -> None:
        for name in LEARNABLE:
            values = torch.tensor([_value(kernel, name) for kernel in kernels], dtype=torch.float64)
            if name in self.ranges:
                low, high = self.ranges[name].low, self.ranges[name].high
                for k, value in enumerate(values.tolist()):
                    if not low * (1 - 1e-6) <= value <= high * (1 + 1e-6):
                        raise LayerError(
                            f"kernel {k}: {name} {value:.4g} is not between {low:.4g} and "
                            f"{high:.4g}, which a window of {self.kernel_size} voxels allows; "
                            "change the kernel or the window"
                        )
                values = self.ranges[name].raw(values)
            getattr(self, f"raw_{name}").copy_(values)

    def _values(self) -> dict[str, Tensor]:
        """Parameters (K,), the direction (K, 3), in single precision or better, with gradients."""
        values = {}
        for name in LEARNABLE:
            raw = getattr(self, f"raw_{name}")
            raw = raw if raw.dtype == torch.float64 else raw.float()
            values[name] = self.ranges[name].value(raw) if name in self.ranges else raw
        values["direction"] = functional.normalize(values["direction"], dim=-1)
        return values

    def _weight(self) -> Tensor:
        tensors = [getattr(self, f"raw_{name}") for name in LEARNABLE]
        return self._cache.get([*tensors, self.mixing], self._sampled)

    def _sampled(self) -> Tensor:
        value = self._values()
        ux, uy, uz = (part[:, None, None, None] for part in value.pop("direction").unbind(-1))
        broad = {name: numbers[:, None, None, None] for name, numbers in value.items()}
        p = Parameters(**broad, theta=0, scale=1)
        z, y, x = (
            torch.arange(size, device=ux.device, dtype=ux.dtype) - (size - 1) / 2
            for size in self.kernel_size
        )
        z, y = z[:, None, None], y[:, None]
        along = x * ux + y * uy + z * uz
        wave = along_and_across(torch, p, along, x**2 + y**2 + z**2 - along**2)
        parts = of_zero_sum(torch, *wave, self.dc_free, axes=3)
        kernels = torch.stack(parts, 1) * _height(p, self.norm, self.dc_free)
        if self.part in ("real", "imag"):
            kernels = kernels[:, :1] if self.part == "real" else kernels[:, 1:]
        mixed = self.mixing[:, None, :, None, None, None] * kernels[:, :, None]
        # Convolution is correlation with the kernel turned round.
        return mixed.flatten(0, 1).flip(-3, -2, -1).to(self.mixing.dtype)

    def _convolve(self, volume: Tensor, bias: Tensor | None) -> Tensor:
        padding: Any = self.padding
        if self.padding_mode != "zeros" and padding != "valid":
            volume = functional.pad(volume, self._margins(), self.padding_mode)
            padding = "valid"
        return functional.conv3d(
            volume, self._weight(), bias, self.stride, padding, self.dilation, self.groups
        )


def _height(p: Parameters, norm: Norm, dc_free: bool) -> Tensor | float:
    height = amplitude(torch, p, norm, dc_free, axes=3)
    return height[:, None] if isinstance(height, Tensor) else height


def _value(kernel: GaborKernel3D, name: str) -> Any:
    """A parameter in voxels: the scale is part of the lengths."""
    if name == "direction":
        return kernel.direction.tolist()
    dilation = kernel.scale if name in ("wavelength", "sigma") else 1.0
    return getattr(kernel, name) * dilation
