"""LSTMs over a picture: from row to row, and along its diagonals."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from .masked import CausalConv2d


def step(gates: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """Hidden states and cells (..., h) of gates (..., 4 h) and the cells before.

    References
    ----------
    van den Oord et al. (2016), equation 3.
    """
    output, forget, take, content = gates.chunk(4, -1)
    cells = (forget + 1).sigmoid() * cells + take.sigmoid() * content.tanh()
    return output.sigmoid() * cells.tanh(), cells


class RecurrentLayer(nn.Module, ABC):
    """An LSTM over a picture of 2 h channels, added to what it sees."""

    embedding: nn.Embedding | None

    def __init__(self, units: int, classes: int, gates: int) -> None:
        super().__init__()
        self.units = units
        self.upsample: nn.Linear = nn.Linear(units, 2 * units)
        self.embedding = nn.Embedding(classes, gates) if classes else None
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight, std=0.1)

    def shift(self, labels: Tensor | None) -> Tensor | None:
        """What the class adds to the gates, (B, gates)."""
        return None if self.embedding is None or labels is None else self.embedding(labels)

    @abstractmethod
    def states(
        self, features: Tensor, labels: Tensor | None, late: Tensor | float = 0.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What comes out (B, H, W, h), and two states (B, H, W, h) that a cache remembers."""

    def forward(
        self, features: Tensor, labels: Tensor | None, late: Tensor | float = 0.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Features (B, 2 h, H, W) after the layer, and the two states as (B, h, H, W).

        ``late`` is added to the features for what only the rows below see.
        """
        hidden, first, second = self.states(features, labels, late)
        out = features + self.upsample(hidden).permute(0, 3, 1, 2)
        return out, first.permute(0, 3, 1, 2), second.permute(0, 3, 1, 2)


class RowLSTM(RecurrentLayer):
    """An LSTM from row to row, whose state at a location sees those of ``size`` above it.

    Of the row itself it sees what lies left of a location, and the location: a triangle in all.

    References
    ----------
    van den Oord et al. (2016), section 3.1.
    """

    def __init__(self, units: int, size: int, classes: int) -> None:
        super().__init__(units, classes, 4 * units)
        self.input_to_state: CausalConv2d = CausalConv2d(
            2 * units, 4 * units, size, "left", centre=True
        )
        self.state_to_state: nn.Linear = nn.Linear(size * units, 4 * units, bias=False)
        self.radius: int = size // 2

    def from_above(self, hidden: Tensor) -> Tensor:
        """What the row above adds to the gates: (B, W, 4 h) of states (B, W, h)."""
        width = hidden.shape[1]
        padded = functional.pad(hidden, (0, 0, self.radius, self.radius))
        windows = [padded[:, start : start + width] for start in range(2 * self.radius + 1)]
        gates: Tensor = self.state_to_state(torch.cat(windows, -1))
        return gates

    def states(
        self, features: Tensor, labels: Tensor | None, late: Tensor | float = 0.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Hidden states, themselves once more, and cells."""
        gates = self.input_to_state(features).permute(2, 0, 3, 1)  # (H, B, W, 4 h)
        shift = self.shift(labels)
        if shift is not None:
            gates = gates + shift[:, None]
        hidden = cells = gates.new_zeros(*gates.shape[1:3], self.units)
        rows: list[Tensor] = []
        contents: list[Tensor] = []
        for row in gates.unbind(0):
            hidden, cells = step(row + self.from_above(hidden), cells)
            rows.append(hidden)
            contents.append(cells)
        stacked = torch.stack(rows, 1)
        return stacked, stacked, torch.stack(contents, 1)


class DiagonalBiLSTM(RecurrentLayer):
    """Two LSTMs along the diagonals, from the left and from the right.

    The state at a location sees those to its left and above it; that from the right, those to its
    right and above, and is moved down by a row, so that no location sees what comes after it.
    Together they see all locations before. A picture is skewed, each row by one more column, so
    that a diagonal is a column and all its locations are computed at once.

    References
    ----------
    van den Oord et al. (2016), section 3.2 and figure 3.
    """

    def __init__(self, units: int, classes: int) -> None:
        super().__init__(units, classes, 8 * units)
        # Of both directions; states: beside, and above.
        bound = 1 / math.sqrt(2 * units)
        self.input_to_state: nn.Parameter = nn.Parameter(
            torch.empty(2, 2 * units, 4 * units).uniform_(-bound, bound)
        )
        self.state_to_state: nn.Parameter = nn.Parameter(
            torch.empty(2, 2 * units, 4 * units).uniform_(-bound, bound)
        )
        self.bias: nn.Parameter = nn.Parameter(torch.zeros(2, 4 * units))

    def added(self, labels: Tensor | None) -> Tensor:
        """Bias and class, (2, B or 1, 4 h)."""
        shift = self.shift(labels)
        bias = self.bias[:, None]
        return bias if shift is None else bias + shift.unflatten(1, (2, -1)).transpose(0, 1)

    def states(
        self, features: Tensor, labels: Tensor | None, late: Tensor | float = 0.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Both states together, that from the left, and that from the right, not moved."""
        count, _, height, width = features.shape
        from_right = (features + late).flip(3)
        both = torch.stack([features, from_right]).permute(0, 1, 3, 4, 2).flatten(1, 3)
        gates = torch.bmm(both, self.input_to_state).view(2, count, height, width, -1)
        gates = skewed(gates + self.added(labels)[:, :, None, None])
        diagonals = gates.permute(3, 0, 1, 2, 4).flatten(2, 3)  # (T, 2, B * H, 4 h)
        hidden = cells = diagonals.new_zeros(*diagonals.shape[1:3], self.units)
        columns: list[Tensor] = []
        for diagonal in diagonals.unbind(0):
            above = functional.pad(hidden.unflatten(1, (count, height)), (0, 0, 1, -1))
            context = torch.cat([hidden, above.flatten(1, 2)], -1)
            hidden, cells = step(torch.baddbmm(diagonal, context, self.state_to_state), cells)
            columns.append(hidden)
        states = unskewed(torch.stack(columns, 2).unflatten(1, (count, height)), width)
        left, right = states[0], states[1].flip(2)
        moved = functional.pad(right, (0, 0, 0, 0, 1, -1))
        return left + moved, left, right


def skewed(maps: Tensor) -> Tensor:
    """Maps (..., H, W, F), each row moved right by one more, as (..., H, W + H - 1, F).

    Examples
    --------
    >>> skewed(torch.tensor([[[1], [2]], [[3], [4]]]))[..., 0]
    tensor([[1, 2, 0],
            [0, 3, 4]])
    """
    height, width = maps.shape[-3:-1]
    flat = functional.pad(maps, (0, 0, 0, height)).flatten(-3, -2)
    return flat[..., : height * (width + height - 1), :].unflatten(-2, (height, -1))


def unskewed(maps: Tensor, width: int) -> Tensor:
    """The inverse of :func:`skewed`.

    Examples
    --------
    >>> maps = torch.rand(3, 4, 5, 2)
    >>> unskewed(skewed(maps), 5).equal(maps)
    True
    """
    height = maps.shape[-3]
    flat = functional.pad(maps.flatten(-3, -2), (0, 0, 0, height))
    return flat.unflatten(-2, (height, -1))[..., :width, :]
