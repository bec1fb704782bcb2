"""How networks look at pixels through a Gabor frame: a first layer that sees bands beside them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ...nn import GaborFrame2d
from ..view import (
    Shape,
    View,
    counts_at,
    impulses,
    magnitude,
    repeated,
    respond_at,
    statistics,
    stride_within,
)


class Planes(nn.Module):
    """What a convolution sees beside pixels (B, C, H, W): responses of the kernels, whitened.

    Real part, imaginary part and magnitude of each, at every ``stride``-th pixel.
    """

    stride: int
    size: int
    frame: GaborFrame2d
    gain: Tensor
    shift: Tensor

    def __init__(self, view: View, shape: Shape, stride: int) -> None:
        super().__init__()
        self.stride, self.size = stride, 3 * shape[0] * len(view.bank)
        self.frame = GaborFrame2d(view.bank, shape[1:], learnable=view.learnable)
        kernels = len(view.bank)
        parts = slice(0, 2 * kernels, 2), slice(1, 2 * kernels, 2), slice(-kernels, None)
        mean, deviation = (
            torch.cat([values[:, part] for part in parts], 1)[..., None, None]
            for values in statistics(view, shape)
        )
        self.register_buffer("gain", 1 / deviation, persistent=False)
        self.register_buffer("shift", -mean / deviation, persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Planes (B, size, h, w)."""
        responses = self.frame.respond(pixels, self.stride)  # (B, C, K, h, w)
        parts = torch.cat([responses.real, responses.imag, magnitude(responses)], 2)
        return torch.addcmul(self.shift, parts, self.gain).flatten(1, 2)


class Magnitudes(nn.Module):
    """What a fully connected layer sees beside pixels: whitened magnitudes, about one a wave.

    Real and imaginary parts it makes of pixels by itself.
    """

    frame: GaborFrame2d
    strides: list[int]
    size: int
    gain: Tensor
    shift: Tensor
    matrix: Tensor | None

    def __init__(self, view: View, shape: Shape) -> None:
        super().__init__()
        self.frame = GaborFrame2d(view.bank, shape[1:], learnable=view.learnable)
        self.strides = [stride_within(kernel.frequency, shape) for kernel in view.bank]
        counts = counts_at(shape, self.strides)
        self.size = shape[0] * sum(counts)
        mean, deviation = (
            repeated(values[:, -len(counts) :], counts) for values in statistics(view, shape)
        )
        self.register_buffer("gain", 1 / deviation, persistent=False)
        self.register_buffer("shift", -mean / deviation, persistent=False)
        matrix = None
        if not view.learnable:  # a fixed map of few pixels, as the layer itself is one
            responses = respond_at(self.frame, impulses(shape), self.strides)
            matrix = torch.view_as_real(responses[:, 0]).flatten(1)
        self.register_buffer("matrix", matrix, persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Vectors (B, size)."""
        if self.matrix is None:
            responses = respond_at(self.frame, pixels, self.strides)
        else:
            products = pixels.float().flatten(2) @ self.matrix
            responses = torch.view_as_complex(products.unflatten(2, (-1, 2)))
        return torch.addcmul(self.shift, magnitude(responses), self.gain).flatten(1)


class FirstLayer(nn.Module):
    """A layer on pixels, and to its result added what another makes of the frame's bands."""

    def __init__(self, layer: nn.Linear | nn.Conv2d, view: View, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.pixels = layer
        self.bands: Planes | Magnitudes
        if isinstance(layer, nn.Linear):
            self.bands = Magnitudes(view, shape)
            self.mixing: nn.Module = nn.Linear(self.bands.size, layer.out_features, bias=False)
        else:
            self.bands = Planes(view, shape, layer.stride[0])
            self.mixing = nn.Conv2d(self.bands.size, layer.out_channels, 1, bias=False)

    def forward(self, values: Tensor) -> Tensor:
        """Of pixels, and what is joined to them: vectors (B, n), or planes (B, n, H, W)."""
        result = self.pixels(values)
        if values.ndim == 4:
            mixed = self.mixing(self.bands(values[:, : self.shape[0]]))
            return result + mixed[..., : result.shape[-2], : result.shape[-1]]
        pixels = values[:, : math.prod(self.shape)].unflatten(1, self.shape)
        return result + self.mixing(self.bands(pixels))


def first_layer(
    layer: nn.Linear | nn.Conv2d, view: View | None, shape: Shape
) -> nn.Linear | nn.Conv2d | FirstLayer:
    """The first layer of a network that takes pixels of a shape (C, H, W), with what it sees."""
    return layer if view is None or not view.analysis else FirstLayer(layer, view, shape)
