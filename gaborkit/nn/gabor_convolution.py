"""What convolutions of Gabor kernels share, in pictures and in volumes: settings and mixing."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from ..errors import LayerError
from ..whole_numbers import is_whole
from .channels import check_part
from .content_cache import ContentCache

LayerPart = Literal["real", "imag", "complex", "magnitude", "energy"]
PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]

PARTS: tuple[str, ...] = get_args(LayerPart)
#: Parts that are no convolution.
SQUARED = ("magnitude", "energy")
MODES: tuple[str, ...] = get_args(PaddingMode)


class GaborConvolution(nn.Module):
    """A convolution along some axes whose output channels have a Gabor kernel each.

    Raises
    ------
    LayerError
        If a setting is out of range.
    """

    #: How many axes the kernels have, and what is counted along them.
    axes: ClassVar[int]
    unit: ClassVar[str]

    in_channels: int
    out_channels: int
    groups: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: str | tuple[int, ...]
    mixing: nn.Parameter
    bias: nn.Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...],
        padding: int | tuple[int, ...] | str,
        dilation: int | tuple[int, ...],
        groups: int,
        padding_mode: PaddingMode,
        part: LayerPart,
    ) -> None:
        super().__init__()
        check_groups(in_channels, out_channels, groups)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = sides("kernel_size", kernel_size, 3, self.axes)
        self.stride = sides("stride", stride, 1, self.axes)
        self.dilation = sides("dilation", dilation, 1, self.axes)
        if not isinstance(padding, str):
            self.padding = sides("padding", padding, 0, self.axes)
        elif padding not in ("same", "valid"):
            raise LayerError(f"padding={padding!r} is unknown; give {self.unit}, 'same' or 'valid'")
        elif padding == "same" and set(self.stride) != {1}:
            raise LayerError(f"padding='same' needs a stride of 1, not {stride}; give {self.unit}")
        else:
            self.padding = padding
        if padding_mode not in MODES:
            raise LayerError(
                f"padding_mode={padding_mode!r} is unknown; choose one of {', '.join(MODES)}"
            )
        check_part(part, PARTS)
        self.padding_mode, self.part = padding_mode, part
        self._cache: ContentCache[Tensor] = ContentCache()

    def _register_mixing(self, bias: bool, like: dict[str, Any]) -> None:
        """Make weights of the input channels, and biases; behind the kernels, as in optimizers."""
        size = self.out_channels, self.in_channels // self.groups
        self.mixing = nn.Parameter(torch.empty(size, **like))
        channels = self.out_channels * (2 if self.part == "complex" else 1)
        self.bias = nn.Parameter(torch.empty(channels, **like)) if bias else None

    @torch.no_grad()
    def _reset_mixing(self, generator: torch.Generator | None) -> None:
        """Signs at random, of a size that keeps the energy of white noise (for norm ``l2``)."""
        device = "cpu" if generator is None else generator.device
        signs = torch.randint(0, 2, self.mixing.shape, generator=generator, device=device) * 2 - 1
        self.mixing.copy_(signs / math.sqrt(self.mixing.shape[1]))
        if self.bias is not None:
            self.bias.zero_()

    def _margins(self) -> list[int]:
        """What is padded before and after along each axis, the last axis first."""
        margins = []
        for axis in reversed(range(self.axes)):
            if isinstance(self.padding, str):
                total = self.dilation[axis] * (self.kernel_size[axis] - 1)
                margins += [total // 2, total - total // 2]
            else:
                margins += [self.padding[axis]] * 2
        return margins

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding}, part={self.part!r}"
        )


def check_groups(in_channels: Any, out_channels: Any, groups: Any) -> None:
    """Raise LayerError for numbers of channels that are none, or that groups do not divide."""
    counts = {"groups": groups, "in_channels": in_channels, "out_channels": out_channels}
    for name, count in counts.items():
        if not is_whole(count, 1):
            raise LayerError(f"{name}={count!r} is not a whole number of 1 or more")
        if count % groups:
            raise LayerError(f"{name}={count} cannot be divided into groups={groups}")


def sides(name: str, value: Any, least: int, axes: int = 2) -> tuple[int, ...]:
    """One whole number for each axis; raises LayerError."""
    numbers = value if isinstance(value, (tuple, list)) else (value,) * axes
    if len(numbers) != axes or not all(is_whole(n, least) for n in numbers):
        many = {2: "two", 3: "three"}[axes]
        raise LayerError(f"{name}={value!r} is not a whole number of {least} or more, or {many}")
    return tuple(int(n) for n in numbers)
