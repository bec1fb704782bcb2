"""How the networks of a model see pixels, and draw them: as they are, or through a Gabor frame.

The domain of a model is pixels either way. An encoder, a discriminator or the context of a PixelCNN
may look at them through the analysis; a decoder or a generator may draw through the synthesis.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..bank import GaborBank
from ..nn import GaborFrame2d


@dataclass(frozen=True)
class View:
    """A tight Gabor frame between pixels and the networks of a model.

    Attributes
    ----------
    bank : GaborBank
    mean, deviation : tuple of float
        Of the training images, for each colour: real and imaginary part of each kernel's response
        in turn, the low-pass, the high-pass, and the magnitude of each response. What a network
        sees is whitened by them, and what it draws is of that size.
    analysis, synthesis : bool
        Whether networks that take pixels see them so, and networks that give pixels draw them so.
    learnable : bool
        Whether the networks learn the kernels.
    """

    bank: GaborBank
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    analysis: bool = True
    synthesis: bool = True
    learnable: bool = False


Shape = tuple[int, int, int]


def magnitude(responses: Tensor) -> Tensor:
    """Of complex responses; with a slope at 0, where the root has none."""
    return (responses.real.square() + responses.imag.square() + 1e-6).sqrt()


def statistics(view: View, shape: Shape) -> tuple[Tensor, Tensor]:
    """Mean and deviation (C, 3 K + 2) of what :class:`View` holds, or of what is not measured."""
    values = torch.zeros(shape[0], 3 * len(view.bank) + 2)
    if not view.mean:
        return values, values + 1
    mean, deviation = torch.tensor(view.mean), torch.tensor(view.deviation)
    return mean.view_as(values), deviation.view_as(values)


def stride_within(frequency: float, shape: Shape) -> int:
    """At most a wave: what divides the sides, if it is more than half of that."""
    wave = max(1, math.floor(1 / frequency))
    fitting = [n for n in range(wave // 2 + 1, wave + 1) if not any(size % n for size in shape[1:])]
    return max(fitting, default=wave)


def grid_at(shape: Shape, stride: int) -> tuple[int, int]:
    """Rows and columns of every ``stride``-th pixel."""
    return -(-shape[1] // stride), -(-shape[2] // stride)


def counts_at(shape: Shape, strides: Sequence[int]) -> list[int]:
    """How many pixels each channel has at its stride."""
    return [math.prod(grid_at(shape, stride)) for stride in strides]


def repeated(values: Tensor, counts: Sequence[int]) -> Tensor:
    """Along axis 1, each value as often as its count says."""
    return values.repeat_interleave(torch.tensor(counts), 1, output_size=sum(counts))


def _groups(strides: Sequence[int]) -> Iterator[tuple[slice, int]]:
    """Channels of one stride that follow one another."""
    start = 0
    for stride, group in itertools.groupby(strides):
        channels = slice(start, start + len(list(group)))
        yield channels, stride
        start = channels.stop


def respond_at(frame: GaborFrame2d, pixels: Tensor, strides: Sequence[int]) -> Tensor:
    """Complex (B, C, n): the responses of each channel, each at its stride."""
    return torch.cat(
        [frame.respond(pixels, stride, some).flatten(2) for some, stride in _groups(strides)], 2
    )


def draw_at(frame: GaborFrame2d, responses: Tensor, strides: Sequence[int]) -> Tensor:
    """The adjoint of :func:`respond_at`."""
    pixels, start = [], 0
    for channels, stride in _groups(strides):
        grid = grid_at((1, *frame.shape), stride)
        stop = start + (channels.stop - channels.start) * math.prod(grid)
        part = responses[..., start:stop].unflatten(2, (-1, *grid))
        pixels.append(frame.draw(part, stride, channels))
        start = stop
    return torch.stack(pixels).sum(0)


def impulses(shape: Shape) -> Tensor:
    """Images (H * W, 1, H, W) of one pixel each."""
    return torch.eye(math.prod(shape[1:])).view(-1, 1, *shape[1:])
