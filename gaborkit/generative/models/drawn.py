"""How networks draw pixels through a Gabor frame: a last layer of coefficients."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...nn import GaborFrame2d
from ..view import (
    Shape,
    View,
    counts_at,
    draw_at,
    impulses,
    repeated,
    respond_at,
    statistics,
    stride_within,
)


class DrawnPlanes(nn.Module):
    """Pixels (B, C, H, W) of planes (B, size, h, w): coefficients of the frame's kernels.

    The adjoint of what :class:`Planes` sees, but for magnitudes; planes of deviation 1 are made as
    large as those of images.
    """

    colours: int
    stride: int
    size: int
    frame: GaborFrame2d
    scale: Tensor

    def __init__(self, view: View, shape: Shape, stride: int) -> None:
        super().__init__()
        kernels = len(view.bank)
        self.colours, self.stride, self.size = shape[0], stride, 2 * shape[0] * kernels
        self.frame = GaborFrame2d(view.bank, shape[1:], learnable=view.learnable)
        scale = stride * statistics(view, shape)[1][:, : 2 * kernels].unflatten(1, (-1, 2))
        self.register_buffer("scale", scale[..., None, None], persistent=False)  # (C, K, 2, 1, 1)

    def forward(self, planes: Tensor) -> Tensor:
        """Pixels; of rows and columns that are missing at the end, nothing."""
        height, width = (-(-size // self.stride) for size in self.frame.shape)
        missing = (0, width - planes.shape[-1], 0, height - planes.shape[-2])
        values = nn.functional.pad(planes.float(), missing)
        values = values.unflatten(1, (self.colours, -1, 2))  # (B, C, K, 2, h, w)
        real, imaginary = (values * self.scale).unbind(3)
        return self.frame.draw(torch.complex(real, imaginary), self.stride)


class DrawnVectors(nn.Module):
    """Pixels (B, C, H, W) of vectors (B, size): coefficients of the kernels and of the low-pass.

    About one a wave, made as large as those of images: fewer than pixels. Of the high-pass there
    are none: no pixel can be drawn by itself, as fully connected layers would.
    """

    frame: GaborFrame2d
    strides: list[int]
    pairs: int
    size: int
    scale: Tensor
    matrix: Tensor | None

    def __init__(self, view: View, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.frame = GaborFrame2d(view.bank, shape[1:], learnable=view.learnable)
        strides = [stride_within(kernel.frequency, shape) for kernel in view.bank]
        self.strides = [*strides, max(strides)]
        *counts, low = counts_at(shape, self.strides)
        self.pairs = sum(counts)
        self.size = shape[0] * (2 * self.pairs + low)
        deviation = statistics(view, shape)[1]
        pairs = deviation[:, : 2 * len(strides)].unflatten(1, (-1, 2))
        scale = [
            repeated(pairs * torch.tensor(strides)[:, None], counts).flatten(1),
            repeated(deviation[:, 2 * len(strides)][:, None] * self.strides[-1], [low]),
        ]
        self.register_buffer("scale", torch.cat(scale, 1), persistent=False)  # (C, n)
        matrix = None
        if not view.learnable:
            responses = respond_at(self.frame, impulses(shape), self.strides)[:, 0]
            pairs = torch.view_as_real(responses[:, : self.pairs]).flatten(1)
            matrix = torch.cat([pairs, responses[:, self.pairs :].real], 1).t().contiguous()
        self.register_buffer("matrix", matrix, persistent=False)  # (n, H * W)

    def forward(self, vectors: Tensor) -> Tensor:
        """Pixels."""
        values = vectors.float().unflatten(1, (self.shape[0], -1)) * self.scale
        if self.matrix is not None:
            return (values @ self.matrix).unflatten(2, self.shape[1:])
        pairs = values[..., : 2 * self.pairs].unflatten(2, (-1, 2)).contiguous()
        low = values[..., 2 * self.pairs :].to(torch.complex64)
        return draw_at(self.frame, torch.cat([torch.view_as_complex(pairs), low], 2), self.strides)


class LastLayer(nn.Module):
    """A layer that draws pixels, and to its result added what the frame makes of coefficients.

    Where the layer is fully connected, coefficients stand in place of pixels, beside a bias for
    each pixel.

    Parameters
    ----------
    layer : Linear or ConvTranspose2d
    view : View
    shape : (C, H, W)
        Of the pixels.
    outputs : int
        How many numbers are drawn for each pixel.
    gain : float
        Coefficients are those of pixels times this.
    """

    gain: float
    outputs: int
    bias: nn.Parameter

    #: How much faster than weights the bias of a pixel is learned: what is dark in all pictures has
    #: to be far from 0 before steps end, or bands leave ripples there.
    BIAS = 8.0

    def __init__(
        self,
        layer: nn.Linear | nn.ConvTranspose2d,
        view: View,
        shape: Shape,
        outputs: int = 1,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.gain, self.outputs = gain, outputs
        self.drawn: DrawnVectors | DrawnPlanes
        self.mixing: nn.Module
        self.pixels: nn.Module | None
        if isinstance(layer, nn.Linear):
            self.drawn = DrawnVectors(view, shape)
            self.mixing = nn.Linear(layer.in_features, outputs * self.drawn.size, bias=False)
            self.bias = nn.Parameter(torch.zeros(outputs * shape[0], *shape[1:]))
            self.pixels = None
        else:
            self.drawn = DrawnPlanes(view, shape, layer.stride[0])
            self.mixing = nn.Conv2d(layer.in_channels, outputs * self.drawn.size, 1, bias=False)
            self.pixels = layer

    def forward(self, values: Tensor) -> Tensor:
        """Pixels (B, outputs * C, H, W) of vectors (B, n), or planes (B, n, h, w)."""
        coefficients = self.gain * self.mixing(values)
        parts = [self.drawn(part) for part in coefficients.chunk(self.outputs, 1)]
        drawn = torch.cat(parts, 1)
        if self.pixels is None:
            return drawn + self.BIAS * self.bias
        height, width = drawn.shape[-2:]
        pixels: Tensor = self.pixels(values)[..., :height, :width]
        return pixels + drawn


def last_layer(
    layer: nn.Linear | nn.ConvTranspose2d,
    view: View | None,
    shape: Shape,
    outputs: int = 1,
    gain: float = 1.0,
) -> nn.Module:
    """The last layer of a network that draws pixels of a shape (C, H, W)."""
    if view is None or not view.synthesis:
        return layer
    return LastLayer(layer, view, shape, outputs, gain)
