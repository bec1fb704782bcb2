"""A convolution whose weights are Gabor kernels that learn."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal, Self, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..bank import GaborBank
from ..errors import LayerError
from ..types import Norm
from .channels import check_input, check_part, real_part_channels
from .content_cache import ContentCache
from .initial import initial_bank
from .kernels import GaborKernels, check_norm

LayerPart = Literal["real", "imag", "complex", "magnitude", "energy"]
PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
Pair = int | tuple[int, int]

PARTS: tuple[str, ...] = get_args(LayerPart)
#: Parts that are no convolution.
SQUARED = ("magnitude", "energy")
MODES: tuple[str, ...] = get_args(PaddingMode)


class GaborConv2d(nn.Module):
    """Drop-in for ``torch.nn.Conv2d`` whose kernels are Gabor kernels with learned parameters.

    Output channel o has one kernel psi_o, and answers to the input channels i of its group with::

        y_o = part( sum over i of mixing[o, i] * (psi_o convolved with x_i) ) + bias_o

    A kernel an output channel, and not one an input channel too, keeps the layer small (five
    numbers and a weight an input channel) and readable: :meth:`bank` is all that it has learned.
    It is a convolution, as all of gaborkit, where torch correlates.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode
        As for ``torch.nn.Conv2d``, with torch's words: ``reflect`` is what ``boundary="mirror"``
        is elsewhere in gaborkit, ``replicate`` is ``nearest``, ``circular`` is ``wrap``.
        ``kernel_size`` is 3 or more.
    part : {"real", "imag", "complex", "magnitude", "energy"}
        What to return of complex responses. ``complex`` makes two output channels of each kernel,
        real and imaginary part side by side: 2 ``out_channels`` in all.
    norm, dc_free
        As for :class:`GaborKernel`. Kernels are DC-free at every step of learning.
    learnable : bool or iterable of str
        Which of ``wavelength``, ``theta``, ``sigma``, ``gamma`` and ``phase`` learn; the others
        stay. ``mixing`` and ``bias`` always do: ``layer.mixing.requires_grad_(False)``.
    generator : torch.Generator, optional
        Draws the jitter of the first kernels and the signs of ``mixing``.

    Attributes
    ----------
    kernels : GaborKernels
        The K = ``out_channels`` kernels: their ranges, and ``values()``.
    mixing : Parameter (out_channels, in_channels / groups)

    Raises
    ------
    LayerError
        If a parameter is out of range, or an input has other channels.

    Notes
    -----
    In memory, the sampled kernels are kept while no gradient is to reach them, as under
    ``torch.no_grad`` or after ``requires_grad_(False)``, until a parameter holds other values,
    however they came there; a network in eval mode outside of ``no_grad`` still learns, and so
    samples anew. So does a layer on a GPU, which would have to be waited for to compare values:
    :meth:`to_conv2d` is what needs no sampling.

    ``torch.export``, ``torch.compile`` and ``torch.jit.trace`` take the layer as it is;
    ``torch.jit.script`` takes the plain convolution that :meth:`to_conv2d` makes of it. In half
    precision, kernels are sampled in single precision and rounded, which leaves a sum of the size
    of that rounding.

    Examples
    --------
    >>> layer = GaborConv2d(1, 16, 11, padding="same", part="magnitude")
    >>> layer(torch.rand(2, 1, 28, 28)).shape
    torch.Size([2, 16, 28, 28])
    >>> sum(parameter.numel() for parameter in layer.parameters())  # a Conv2d has 1952
    112
    """

    in_channels: int
    out_channels: int
    groups: int
    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: str | tuple[int, int]
    kernels: GaborKernels
    mixing: nn.Parameter
    bias: nn.Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair | str = 0,
        dilation: Pair = 1,
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
        super().__init__()
        check_groups(in_channels, out_channels, groups)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = _pair("kernel_size", kernel_size, 3)
        self.stride = _pair("stride", stride, 1)
        self.dilation = _pair("dilation", dilation, 1)
        self.padding = padding if isinstance(padding, str) else _pair("padding", padding, 0)
        if padding not in ("same", "valid") and isinstance(padding, str):
            raise LayerError(f"padding={padding!r} is unknown; give pixels, 'same' or 'valid'")
        if padding == "same" and self.stride != (1, 1):
            raise LayerError(f"padding='same' needs a stride of 1, not {stride}; give pixels")
        if padding_mode not in MODES:
            raise LayerError(
                f"padding_mode={padding_mode!r} is unknown; choose one of {', '.join(MODES)}"
            )
        self.padding_mode = padding_mode
        check_part(part, PARTS)
        self.part = part
        self.kernels = GaborKernels(
            self._first_bank(check_norm(norm), dc_free, generator),
            self.kernel_size,
            learnable=learnable,
            device=device,
            dtype=dtype,
        )
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        self.mixing = nn.Parameter(torch.empty(out_channels, in_channels // groups, **like))
        channels = out_channels * (2 if part == "complex" else 1)
        self.bias = nn.Parameter(torch.empty(channels, **like)) if bias else None
        self._reset_mixing(generator)
        self._cache: ContentCache[Tensor] = ContentCache()

    @classmethod
    def from_bank(
        cls, bank: GaborBank, in_channels: int = 1, kernel_size: Pair | None = None, **options: Any
    ) -> Self:
        """Layer that starts from a bank's kernels, each of them an output channel.

        Parameters
        ----------
        bank : GaborBank
            Gabor kernels of one norm, all DC-free or none.
        in_channels : int
            Their mean (in each group) is filtered.
        kernel_size : int or pair, optional
            The window; where left out, the largest support of the bank, which changes responses
            by no more than the tolerance.
        **options
            Others of :class:`GaborConv2d`, ``groups`` too; ``bias`` is False where left out.

        Raises
        ------
        LayerError
            If the kernels are not of one kind, or do not fit the window.

        Examples
        --------
        >>> bank = GaborBank.grid(scales=1, orientations=6)
        >>> layer = GaborConv2d.from_bank(bank, padding="same", padding_mode="reflect")
        >>> image = torch.rand(1, 1, 32, 32)
        >>> expected = bank.filter(image[:, 0], part="real", boundary="mirror")
        >>> torch.allclose(layer(image), expected, atol=1e-6)
        True
        """
        if kernel_size is None:
            kernel_size = 2 * max(kernel.radius() for kernel in bank) + 1
        kernels = GaborKernels(bank, _pair("kernel_size", kernel_size, 3))  # checks the bank
        options = {"bias": False, **options}
        norm, dc_free = kernels.norm, kernels.dc_free
        layer = cls(in_channels, len(bank), kernel_size, norm=norm, dc_free=dc_free, **options)
        layer.kernels.assign(bank)
        with torch.no_grad():
            layer.mixing.fill_(layer.groups / in_channels)
        return layer

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Start again from :func:`gaborkit.nn.initial_bank`."""
        norm, dc_free = self.kernels.norm, self.kernels.dc_free
        self.kernels.assign(self._first_bank(norm, dc_free, generator))
        self._reset_mixing(generator)

    @property
    def weight(self) -> Tensor:
        """What ``torch.nn.functional.conv2d`` takes: a new tensor, made from the parameters.

        Shape (out_channels, in_channels / groups, h, w), of twice as many output channels unless
        the part is real or imaginary. Writing into it changes nothing.
        """
        return self._weight().clone()

    def forward(self, image: Tensor) -> Tensor:
        """Channels of (N, C, H, W) or (C, H, W), of the shape that ``Conv2d`` gives."""
        check_input(image, self.in_channels)
        if self.part not in SQUARED:
            return self._convolve(image, self.bias)
        pairs = self._convolve(image, None).unflatten(-3, (self.out_channels, 2))
        answer = real_part_channels(pairs, self.part)
        return answer if self.bias is None else answer + self.bias[:, None, None].to(answer.dtype)

    def bank(self) -> GaborBank:
        """The kernels as they are now, without ``mixing``: to plot, or to save as JSON."""
        return self.kernels.bank()

    def to_conv2d(self) -> nn.Conv2d:
        """A plain convolution of the same responses, for deployment: it holds no Gabor kernels.

        Raises
        ------
        LayerError
            For the parts ``magnitude`` and ``energy``, which are no convolution.

        Examples
        --------
        >>> layer, image = GaborConv2d(3, 8, 7, part="complex"), torch.rand(3, 20, 20)
        >>> torch.allclose(layer.to_conv2d()(image), layer(image))
        True
        """
        if self.part in SQUARED:
            raise LayerError(
                f"part={self.part!r} is no convolution; 'real', 'imag' and 'complex' are"
            )
        weight = self._weight().detach()
        plain = nn.Conv2d(
            self.in_channels,
            len(weight),
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            self.bias is not None,
            self.padding_mode,
            weight.device,
            weight.dtype,
        )
        with torch.no_grad():
            plain.weight.copy_(weight)
            if plain.bias is not None and self.bias is not None:
                plain.bias.copy_(self.bias)
        return plain

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding}, part={self.part!r}"
        )

    def _first_bank(
        self, norm: Norm, dc_free: bool, generator: torch.Generator | None
    ) -> GaborBank:
        return initial_bank(
            self.out_channels,
            min(self.kernel_size),
            quadrature=self.part in ("real", "imag"),
            norm=norm,
            dc_free=dc_free,
            generator=generator,
        )

    @torch.no_grad()
    def _reset_mixing(self, generator: torch.Generator | None) -> None:
        """Signs at random, of a size that keeps the energy of white noise (for norm ``l2``)."""
        device = "cpu" if generator is None else generator.device
        signs = torch.randint(0, 2, self.mixing.shape, generator=generator, device=device) * 2 - 1
        self.mixing.copy_(signs / math.sqrt(self.mixing.shape[1]))
        if self.bias is not None:
            self.bias.zero_()

    def _weight(self) -> Tensor:
        return self._cache.get([*self.kernels.tensors(), self.mixing], self._sampled)

    def _sampled(self) -> Tensor:
        kernels = self.kernels.sample()  # (K, 2, h, w)
        if self.part in ("real", "imag"):
            kernels = kernels[:, :1] if self.part == "real" else kernels[:, 1:]
        mixed = self.mixing[:, None, :, None, None] * kernels[:, :, None]
        # Convolution is correlation with the kernel turned by half a circle.
        return mixed.flatten(0, 1).flip(-2, -1).to(self.mixing.dtype)

    def _convolve(self, image: Tensor, bias: Tensor | None) -> Tensor:
        padding: tuple[int, int] | str = self.padding
        if self.padding_mode != "zeros" and padding != "valid":
            image = functional.pad(image, self._margins(), self.padding_mode)
            padding = "valid"
        return functional.conv2d(
            image, self._weight(), bias, self.stride, padding, self.dilation, self.groups
        )

    def _margins(self) -> list[int]:
        """Pixels to the left, to the right, above and below."""
        margins = []
        for axis in (1, 0):
            if isinstance(self.padding, str):
                total = self.dilation[axis] * (self.kernel_size[axis] - 1)
                margins += [total // 2, total - total // 2]
            else:
                margins += [self.padding[axis]] * 2
        return margins


def _is_whole(value: Any, least: int) -> bool:
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return whole and bool(value >= least)


def check_groups(in_channels: Any, out_channels: Any, groups: Any) -> None:
    """Raise LayerError for numbers of channels that are none, or that groups do not divide."""
    counts = {"groups": groups, "in_channels": in_channels, "out_channels": out_channels}
    for name, count in counts.items():
        if not _is_whole(count, 1):
            raise LayerError(f"{name}={count!r} is not a whole number of 1 or more")
        if count % groups:
            raise LayerError(f"{name}={count} cannot be divided into groups={groups}")


def sides(name: str, value: Any, least: int, axes: int = 2) -> tuple[int, ...]:
    """One whole number for each axis; raises LayerError."""
    numbers = value if isinstance(value, (tuple, list)) else (value,) * axes
    if len(numbers) != axes or not all(_is_whole(n, least) for n in numbers):
        many = {2: "two", 3: "three"}[axes]
        raise LayerError(f"{name}={value!r} is not a whole number of {least} or more, or {many}")
    return tuple(int(n) for n in numbers)


def _pair(name: str, value: Any, least: int) -> tuple[int, int]:
    height, width = sides(name, value, least)
    return height, width
