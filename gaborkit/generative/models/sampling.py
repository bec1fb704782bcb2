"""Drawing from autoregressive models: the naive loop, and the cached one that draws the same.

The naive loop runs the whole network for every value that it draws. The cached one keeps what the
network computed at the locations before, and computes one location a step:

- what depends on the rows above alone is computed at the start of a row, for the whole row, by one
  convolution a layer (:class:`History`);
- what depends on the row itself is computed at each location from a window of at most radius + 1
  values of that row (:class:`RowConvolution`).

Both take a uniform number for each value, drawn beforehand, and turn it into a level by the inverse
of the distribution function. The same numbers give the same images either way, but where one lies
within rounding of a step of the function.

All rows are drawn in the same tensors, so that on CUDA the drawing of a row is recorded once, as a
graph, and replayed.

References
----------
Ramachandran et al. (2017), "Fast generation for convolutional autoregressive models".
Le Paine et al. (2016), "Fast Wavenet generation algorithm".
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from .autoregressive import Autoregressive
    from .context import CausalContext
    from .masked import CausalConv2d

#: Bytes that the caches of the images drawn together may take. Larger batches are drawn in chunks.
CPU_BYTES, CUDA_BYTES = 2**26, 2**30


#: What a draw makes of the logits (B, levels) of the network.
Adjust = Callable[[Tensor], Tensor]


def adjusted(logits: Tensor, temperature: float = 1.0, guidance: float = 1.0) -> Tensor:
    """Logits (B, levels) to draw from.

    With guidance, the first half of the images has classes, and the second, which is the same
    images, has none: both get the same logits.

    Examples
    --------
    >>> adjusted(torch.tensor([[1.0, 0.0], [0.0, 0.0]]), guidance=3.0)
    tensor([[3., 0.],
            [3., 0.]])
    """
    if guidance != 1:
        told, untold = logits.chunk(2)
        logits = torch.lerp(untold, told, guidance).repeat(2, 1)
    return logits if temperature == 1 else logits / temperature


def draw(logits: Tensor, uniform: Tensor) -> Tensor:
    """Levels (B,) of distributions (B, levels), by the inverse of the distribution function.

    A level whose probability is 0 is never drawn.

    Examples
    --------
    >>> draw(torch.tensor([0.2, 0.3, 0.5]).log().expand(3, 3), torch.tensor([0.1, 0.4, 0.9]))
    tensor([0, 1, 2])
    """
    # Not divided by its last value, to which rounding may add or from which it may take.
    function = logits.softmax(-1).cumsum(-1)
    levels = torch.searchsorted(function, uniform[:, None] * function[:, -1:], right=True)
    return levels[:, 0].clamp_(max=logits.shape[-1] - 1)


class History:
    """The last rows of a layer's features, with a margin of zeros on both sides.

    Parameters
    ----------
    count, channels, width : int
    rows, margin : int
    like : Tensor
        Whose dtype and device it has.
    """

    values: Tensor
    inside: Tensor

    def __init__(
        self, count: int, channels: int, width: int, rows: int, margin: int, like: Tensor
    ) -> None:
        self.values = like.new_zeros(count, channels, rows, width + 2 * margin)
        self.inside = self.values[..., margin : margin + width]  # (B, C, rows, W)

    def push(self, row: Tensor) -> None:
        """Append a row (B, C, W) and forget the oldest."""
        self.inside.copy_(torch.cat([self.inside[:, :, 1:], row[:, :, None]], 2))

    def take(self, features: Tensor) -> None:
        """Hold the last rows of features (B, C, h, W); rows before the first are zero."""
        rows = min(self.inside.shape[2], features.shape[2])
        self.inside[:, :, -rows:] = features[:, :, -rows:]


class RowConvolution:
    """The part of a convolution that reaches to the left, for the one location that is drawn.

    Parameters
    ----------
    weight : Tensor (outputs, inputs, taps)
    radius, dilation : int
        Of the layer.
    count, width : int

    Attributes
    ----------
    above : Tensor (B, W, outputs)
        What the rows above contribute.
    row : Tensor (B, W, inputs)
        The inputs of the row itself, as far as they are known.
    places : list of Tensor (B, inputs)
        Views of ``row``, a column each.
    """

    weight: Tensor
    above: Tensor
    padded: Tensor
    row: Tensor
    places: list[Tensor]

    def __init__(self, weight: Tensor, radius: int, dilation: int, count: int, width: int) -> None:
        outputs, inputs, taps = weight.shape
        margin, span = radius * dilation, (taps - 1) * dilation + 1
        self.weight = weight.permute(2, 1, 0).reshape(taps * inputs, outputs).contiguous()
        self.above = weight.new_zeros(count, width, outputs)
        self.padded = weight.new_zeros(count, margin + width, inputs)
        self.row = self.padded[:, margin:]
        self.places = list(self.row.unbind(1))
        self._above = list(self.above.unbind(1))
        # In the padded row a window starts where its centre is in the row itself. Neighbours lie
        # side by side in memory, so that without dilation no window is copied.
        self._windows = [self.padded[:, at : at + span : dilation] for at in range(width)]
        if dilation == 1:
            self._windows = [window.view(count, -1) for window in self._windows]

    def respond(self, column: int, out: Tensor | None = None) -> Tensor:
        """Response (B, outputs) at a column."""
        window = self._windows[column].flatten(1)
        return torch.addmm(self._above[column], window, self.weight, out=out)


class ContextCache:
    """Of the causal Gabor responses: the rows above, and the row that is drawn.

    Parameters
    ----------
    context : CausalContext
    mixing : nn.Conv2d
        From its channels to those of a stack.
    count, width : int
    """

    context: CausalContext
    weight: Tensor
    layers: list[CausalConv2d]
    histories: list[History]
    rows: list[RowConvolution]

    def __init__(self, context: CausalContext, mixing: nn.Conv2d, count: int, width: int) -> None:
        self.context, self.weight = context, mixing.weight[:, :, 0, 0]
        self.layers = context.layers
        self.histories = [
            History(count, layer.weight.shape[1], width, layer.radius, layer.radius, layer.weight)
            for layer in self.layers
        ]
        self.rows = [RowConvolution(n.left(), n.radius, 1, count, width) for n in self.layers]

    def begin_row(self) -> None:
        """Compute what the responses of the next row owe to the rows above."""
        for layer, history, row in zip(self.layers, self.histories, self.rows, strict=True):
            above = functional.conv2d(history.values, layer.above())[:, :, 0]
            row.above.copy_(above.transpose(1, 2))

    def respond(self, column: int) -> Tensor:
        """What the context adds to a stack (B, trunk) at a column."""
        responses = torch.cat([row.respond(column) for row in self.rows], 1)
        return functional.linear(self.context.completed(responses, 1), self.weight)

    def put(self, column: int, values: Tensor) -> None:
        """Remember the values (B, C) drawn at a column."""
        for row in self.rows:
            row.places[column].copy_(self.context.lifted(values))

    def end_row(self) -> None:
        """Remember the row for those below."""
        for history, row in zip(self.histories, self.rows, strict=True):
            history.push(row.row.transpose(1, 2))

    def take(self, values: Tensor) -> None:
        """Remember rows of values (B, C, rows, W) that were given."""
        for history in self.histories:
            history.take(self.context.lifted(values))


class Cache(ABC):
    """What a network computed at the locations before, for a batch of images.

    A subclass makes its histories and row convolutions, of which the first takes the values drawn.
    """

    model: Autoregressive
    labels: Tensor | None
    noise: Tensor
    position: Tensor
    levels: Tensor
    histories: list[History]
    convolutions: list[RowConvolution]

    def __init__(self, model: Autoregressive, count: int, labels: Tensor | None) -> None:
        channels, _, width = model.space.shape
        self.model, self.labels = model, labels
        self.noise = torch.zeros(count, channels, width, device=model.device)
        #: Bias of the drawn row's locations, (stacks, B or 1, W, trunk).
        self.position = torch.zeros_like(self._position(0))
        self.levels = torch.zeros(count, channels, width, dtype=torch.int64, device=model.device)
        self.context: ContextCache | None = None
        if model.context is not None and model.mixing is not None:
            self.context = ContextCache(model.context, model.mixing, count, width)

    def add_context(self, response: Tensor, column: int) -> Tensor:
        """Add what the context says at a column to a stack's response (B, trunk), in place."""
        return response if self.context is None else response.add_(self.context.respond(column))

    def _position(self, row: int) -> Tensor:
        bias = self.model.position_bias(self.labels, slice(row, row + 1))
        return bias[:, :, :, 0].permute(1, 0, 3, 2)

    @abstractmethod
    def begin_row(self) -> None:
        """Compute what the next row owes to the rows above."""

    @abstractmethod
    def trunk(self, column: int) -> Tensor:
        """The trunk's features (B, F) at the drawn location."""

    @abstractmethod
    def end_row(self) -> None:
        """Remember the row for those below."""

    def fill(self, activations: list[Tensor]) -> None:
        """Remember the rows that were given: what each history looks at, (B, C, rows, W)."""
        for history, features in zip(self.histories, activations, strict=True):
            history.take(features)
        if self.context is not None:
            self.context.take(activations[0])

    def start_row(self, row: int, noise: Tensor) -> None:
        """Set what differs from row to row: its biases, and its uniform numbers (B, C, W)."""
        self.position.copy_(self._position(row))
        self.noise.copy_(noise)

    def draw_row(self, adjust: Adjust) -> None:
        """Draw the row that was started into ``levels``."""
        head, values = self.model.head, self.model.values
        self.begin_row()
        if self.context is not None:
            self.context.begin_row()
        for column, index in enumerate(self.convolutions[0].places):
            noise = self.noise[:, :, column]  # (B, C)

            def choose(logits: Tensor, channel: int, noise: Tensor = noise) -> Tensor:
                return draw(adjust(logits), noise[:, channel])

            levels = head.choose(self.trunk(column), choose, values)
            self.levels[:, :, column] = levels
            index.copy_(values(levels))
            if self.context is not None:
                self.context.put(column, values(levels))
        self.end_row()
        if self.context is not None:
            self.context.end_row()

    @property
    def remembered(self) -> list[Tensor]:
        """What is carried from row to row."""
        histories = self.histories + (self.context.histories if self.context else [])
        return [history.values for history in histories]

    @property
    def bytes(self) -> int:
        """Memory of the histories and rows."""
        rows = self.convolutions + (self.context.rows if self.context else [])
        tensors = self.remembered + [part for one in rows for part in (one.above, one.padded)]
        tensors.append(self.position)
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def chunk_size(model: Autoregressive, labels: Tensor | None, *, pairs: bool = False) -> int:
    """How many images, or pairs of them, are drawn together: as many as memory for caches holds."""
    allowed = CUDA_BYTES if model.device.type == "cuda" else CPU_BYTES
    single = model.cache(1, None if labels is None else labels[:1]).bytes
    return max(1, allowed // (2 * single if pairs else single))


def draw_cached(
    model: Autoregressive,
    features: Tensor,
    noise: Tensor,
    rows: int,
    labels: Tensor | None,
    adjust: Adjust,
    tick: Callable[[], None],
) -> None:
    """Draw the rows from ``rows`` on into features (B, C, H, W), at one location a step."""
    cache = model.cache(len(features), labels)
    if rows:
        known = model.activations(model.values(features[:, :, :rows]), labels)
        cache.fill(known[: len(cache.histories)])

    draw_row: Callable[[], None] = partial(cache.draw_row, adjust)
    if features.is_cuda:
        draw_row = _recorded(draw_row, cache)
    for row in range(rows, features.shape[2]):
        cache.start_row(row, noise[:, :, row])
        draw_row()
        features[:, :, row] = cache.levels
        tick()


def draw_naively(
    model: Autoregressive,
    features: Tensor,
    noise: Tensor,
    rows: int,
    labels: Tensor | None,
    adjust: Adjust,
    tick: Callable[[], None],
) -> None:
    """As :func:`draw_cached`, by the whole network for each value."""
    channels, height, width = features.shape[1:]
    for row in range(rows, height):
        for column in range(width):
            for channel in range(channels):
                logits = model.logits(features, labels)[:, channel, :, row, column]
                uniform = noise[:, channel, row, column]
                features[:, channel, row, column] = draw(adjust(logits), uniform)
        tick()


def _recorded(draw_row: Callable[[], None], cache: Cache) -> Callable[[], None]:
    """The drawing of a row as a CUDA graph; itself where it cannot be recorded."""
    before = [values.clone() for values in cache.remembered]
    try:
        # A run before, apart, in which kernels are chosen and memory is set up.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            draw_row()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            draw_row()
    except RuntimeError:
        return draw_row
    finally:
        for remembered, values in zip(cache.remembered, before, strict=True):
            remembered.copy_(values)
    return graph.replay


def above_of(history: History, kernel: Tensor, bias: Tensor, out: Tensor) -> None:
    """Convolve the rows above, (B, W, outputs) with a bias (outputs,) or (B, 1, outputs)."""
    response = functional.conv2d(history.values, kernel)[:, :, 0]  # (B, outputs, W)
    torch.add(response.transpose(1, 2), bias, out=out)
