"""A convolution whose weights are Gabor kernels that learn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..bank import GaborBank
from ..errors import LayerError
from ..types import Norm
from .channels import check_input, real_part_channels
from .gabor_convolution import SQUARED, GaborConvolution, LayerPart, PaddingMode, sides
from .initial import initial_bank
from .kernels import GaborKernels, check_norm

Pair = int | tuple[int, int]


class GaborConv2d(GaborConvolution):
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

    axes = 2
    unit = "pixels"

    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: str | tuple[int, int]
    kernels: GaborKernels

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
        super().__init__(
            *(in_channels, out_channels, kernel_size, stride, padding, dilation, groups),
            *(padding_mode, part),
        )
        self.kernels = GaborKernels(
            self._first_bank(check_norm(norm), dc_free, generator),
            self.kernel_size,
            learnable=learnable,
            device=device,
            dtype=dtype,
        )
        self._register_mixing(bias, {"device": device, "dtype": dtype})
        self._reset_mixing(generator)

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
        height, width = sides("kernel_size", kernel_size, 3)
        kernels = GaborKernels(bank, (height, width))  # checks the bank
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

    def _weight(self) -> Tensor:
        return self._cache.get([*self.kernels.tensors(), self.mixing], self._sampled)

    def _sampled(self) -> Tensor:
        parts = self.kernels.parts()
        chosen = {"real": parts[:1], "imag": parts[1:]}.get(self.part, parts)
        kernels = torch.stack(chosen, 1)  # (K, 1 or 2, h, w)
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
