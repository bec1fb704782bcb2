"""What autoregressive networks remember of the locations before, as they draw one after another.

- What depends on the rows above alone is computed at the start of a row, for the whole row, by one
  convolution a layer (:class:`History`).
- What depends on the row itself is computed at each location from a window of at most radius + 1
  values of that row (:class:`RowConvolution`).
- What depends on all locations before is looked up in keys and values (:class:`KeysValues`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from .draws import Adjust, draw

if TYPE_CHECKING:
    from .autoregressive import Autoregressive
    from .context import CausalContext
    from .masked import CausalConv2d


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
    columns : list of Tensor (B, inputs)
        Views of ``row``.
    """

    weight: Tensor
    above: Tensor
    padded: Tensor
    row: Tensor
    columns: list[Tensor]

    def __init__(self, weight: Tensor, radius: int, dilation: int, count: int, width: int) -> None:
        outputs, inputs, taps = weight.shape
        margin, span = radius * dilation, (taps - 1) * dilation + 1
        self.weight = weight.permute(2, 1, 0).reshape(taps * inputs, outputs).contiguous()
        self.above = weight.new_zeros(count, width, outputs)
        self.padded = weight.new_zeros(count, margin + width, inputs)
        self.row = self.padded[:, margin:]
        self.columns = list(self.row.unbind(1))
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


class KeysValues:
    """Keys and values of all locations, as far as they are known.

    Parameters
    ----------
    count, heads, locations : int
    key_width, value_width : int
        Of each head.
    like : Tensor
        Whose dtype and device they have.

    Attributes
    ----------
    keys, values : Tensor (B, heads, locations, width)
    """

    keys: Tensor
    values: Tensor

    def __init__(
        self,
        count: int,
        heads: int,
        locations: int,
        key_width: int,
        value_width: int,
        like: Tensor,
    ) -> None:
        self.keys = like.new_zeros(count, heads, locations, key_width)
        self.values = like.new_zeros(count, heads, locations, value_width)

    def take(self, keys: Tensor, values: Tensor) -> None:
        """Remember those of the first locations, (B, heads, n, width)."""
        self.keys[:, :, : keys.shape[2]] = keys
        self.values[:, :, : values.shape[2]] = values

    def put(self, index: int, key: Tensor, value: Tensor) -> None:
        """Remember those of a location, (B, heads, 1, width)."""
        self.keys[:, :, index : index + 1] = key
        self.values[:, :, index : index + 1] = value

    def attend(self, query: Tensor, stop: int) -> Tensor:
        """What a query (B, heads, 1, key width) finds at the locations before ``stop``."""
        return functional.scaled_dot_product_attention(
            query, self.keys[:, :, :stop], self.values[:, :, :stop]
        )


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
            row.columns[column].copy_(self.context.lifted(values))

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

    A row is drawn by :meth:`begin_row`; :meth:`trunk` and :meth:`put` at each column; and
    :meth:`end_row`.

    Attributes
    ----------
    row : int
        Of the picture; that which is drawn.
    position : Tensor (stacks, B or 1, W, trunk)
        Bias of the locations of that row.
    noise, levels : Tensor (B, C, W)
        Uniform numbers of that row, and the levels that are drawn by them.
    """

    model: Autoregressive
    labels: Tensor | None
    row: int
    noise: Tensor
    position: Tensor
    levels: Tensor
    #: Whether each row is drawn by the same work on the same tensors, whatever its number, so that
    #: it can be recorded and replayed.
    replayable: ClassVar[bool] = True

    def __init__(self, model: Autoregressive, count: int, labels: Tensor | None) -> None:
        channels, _, width = model.space.shape
        self.model, self.labels, self.row = model, labels, 0
        self.noise = torch.zeros(count, channels, width, device=model.device)
        self.position = torch.zeros_like(self._position(0))
        self.levels = torch.zeros(count, channels, width, dtype=torch.int64, device=model.device)
        self.context: ContextCache | None = None
        if model.context is not None and model.mixing is not None:
            self.context = ContextCache(model.context, model.mixing, count, width)

    # ---- what a network says ----

    @abstractmethod
    def begin_row(self) -> None:
        """Compute what the next row owes to the rows above."""

    @abstractmethod
    def trunk(self, column: int) -> Tensor:
        """The trunk's features (B, F) at the drawn location."""

    @abstractmethod
    def put(self, column: int, seen: Tensor) -> None:
        """Remember what the network sees (B, I) of the levels that were drawn at a column."""

    @abstractmethod
    def end_row(self) -> None:
        """Remember the row for those below."""

    @abstractmethod
    def fill(self, activations: list[Tensor]) -> None:
        """Remember rows that were given: the network's activations there, (B, C, rows, W)."""

    @property
    @abstractmethod
    def remembered(self) -> list[Tensor]:
        """What is carried from row to row."""

    @property
    @abstractmethod
    def workspace(self) -> list[Tensor]:
        """What is computed within a row."""

    # ---- drawing ----

    def add_context(self, response: Tensor, column: int) -> Tensor:
        """Add what the context says at a column to a stack's response (B, trunk), in place."""
        return response if self.context is None else response.add_(self.context.respond(column))

    def _position(self, row: int) -> Tensor:
        bias = self.model.position_bias(self.labels, slice(row, row + 1))
        return bias[:, :, :, 0].permute(1, 0, 3, 2)

    def take(self, levels: Tensor) -> None:
        """Remember the first rows of images, levels (B, C, rows, W)."""
        values = self.model.values(levels)
        self.fill(self.model.network(self.model.seen(levels), values, self.labels))
        if self.context is not None:
            self.context.take(values)

    def start_row(self, row: int, noise: Tensor) -> None:
        """Set what differs from row to row: its biases, and its uniform numbers (B, C, W)."""
        self.row = row
        self.position.copy_(self._position(row))
        self.noise.copy_(noise)

    def draw_row(self, adjust: Adjust) -> None:
        """Draw the row that was started into ``levels``."""
        model = self.model
        self.begin_row()
        if self.context is not None:
            self.context.begin_row()
        for column in range(model.space.width):
            noise = self.noise[:, :, column]  # (B, C)

            def choose(logits: Tensor, channel: int, noise: Tensor = noise) -> Tensor:
                return draw(adjust(logits), noise[:, channel])

            levels = model.head.choose(self.trunk(column), choose, model.values)
            self.levels[:, :, column] = levels
            self.put(column, model.seen(levels))
            if self.context is not None:
                self.context.put(column, model.values(levels))
        self.end_row()
        if self.context is not None:
            self.context.end_row()

    @property
    def state(self) -> list[Tensor]:
        """What is carried from row to row, by the network and the context."""
        histories = self.context.histories if self.context else []
        return self.remembered + [history.values for history in histories]

    @property
    def bytes(self) -> int:
        """Memory of all that is held."""
        rows = self.context.rows if self.context else []
        tensors = self.state + [part for row in rows for part in (row.above, row.padded)]
        tensors += [*self.workspace, self.position]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


class WindowCache(Cache):
    """Cache of a network of windows.

    A subclass makes its histories, which look at the first activations, and row convolutions, of
    which the first takes what the network sees of the levels that are drawn.
    """

    histories: list[History]
    convolutions: list[RowConvolution]

    def put(self, column: int, seen: Tensor) -> None:
        """Remember what the network sees (B, I) of the levels that were drawn at a column."""
        self.convolutions[0].columns[column].copy_(seen)

    def fill(self, activations: list[Tensor]) -> None:
        """Remember rows that were given."""
        for history, features in zip(self.histories, activations, strict=False):
            history.take(features)

    @property
    def remembered(self) -> list[Tensor]:
        """The histories."""
        return [history.values for history in self.histories]

    @property
    def workspace(self) -> list[Tensor]:
        """The rows that are drawn."""
        return [part for row in self.convolutions for part in (row.above, row.padded)]


def above_of(history: History, kernel: Tensor, bias: Tensor, out: Tensor) -> None:
    """Convolve the rows above, (B, W, outputs) with a bias (outputs,) or (B, 1, outputs)."""
    response = functional.conv2d(history.values, kernel)[:, :, 0]  # (B, outputs, W)
    torch.add(response.transpose(1, 2), bias, out=out)
