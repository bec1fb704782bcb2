"""PixelRNN: LSTMs that run over the rows or the diagonals of a picture."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import ModelError
from ..space import Space
from .autoregressive import Autoregressive, Conditioning
from .autoregressive_config import ANNEALED, CONDITIONED, WindowConfig
from .lstm import DiagonalBiLSTM, RecurrentLayer, RowLSTM, step
from .masked import CausalConv2d
from .model import Presets
from .sampling_cache import Cache, History, RowConvolution, WindowCache, above_of

LSTM = Literal["row", "diagonal"]


@dataclass(frozen=True)
class PixelRNNConfig(WindowConfig):
    """Architecture of a :class:`PixelRNN`, and how it is drawn from; defaults are the article's.

    Attributes
    ----------
    lstm : str
        ``row`` or ``diagonal``.
    layers : int
        LSTMs after the first convolution.
    channels : int
        Units of each LSTM; its inputs and outputs have twice as many.
    first_size, size : int
        Odd sides of the window of the first convolution, and of a row LSTM's.
    levels, ...
        See :class:`AutoregressiveConfig`.
    """

    channels: int = 16
    size: int = 3
    lstm: LSTM = "diagonal"
    layers: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_least(layers=1)
        if self.lstm not in get_args(LSTM):
            raise ModelError(f"lstm={self.lstm!r} is unknown; choose {', '.join(get_args(LSTM))}")


_SMALL = PixelRNNConfig(levels=16, layers=2, **CONDITIONED)

#: Architecture and training of each preset, for pixels and for Gabor coefficients.
PRESETS: Presets = {
    ("small", "raw"): (
        replace(_SMALL, channels=26),
        {"steps": 1150, "batch_size": 8, "learning_rate": 6e-3, **ANNEALED, "ema": 0.99},
    ),
    ("small", "coefficients"): (
        _SMALL,
        {"steps": 900, "batch_size": 4, "learning_rate": 4e-3, **ANNEALED, "ema": 0.99},
    ),
    ("small", "codes"): (
        PixelRNNConfig(channels=32, layers=2, first_size=5, **CONDITIONED),
        {"steps": 1300, "batch_size": 32, "learning_rate": 4e-3, **ANNEALED, "ema": 0.99},
    ),
    # The diagonal one of MNIST: seven layers of 16 units, batches of 16. The article has RMSProp
    # and names no number of steps: these are about 50 epochs.
    ("article", "raw"): (PixelRNNConfig(), {"steps": 170_000, "batch_size": 16}),
    ("article", "coefficients"): (
        PixelRNNConfig(levels=32),
        {"steps": 170_000, "batch_size": 16},
    ),
    ("large", "raw"): (
        PixelRNNConfig(channels=64, layers=7, **CONDITIONED),
        {"steps": 60_000, "batch_size": 64, **ANNEALED, "ema": 0.999},
    ),
    ("large", "coefficients"): (
        PixelRNNConfig(channels=64, hidden=64, layers=7, levels=32, **CONDITIONED),
        {"steps": 60_000, "batch_size": 64, **ANNEALED, "ema": 0.999},
    ),
}


class PixelRNN(Autoregressive):
    """A causal convolution, LSTMs with residual connections, and a 1x1 convolution.

    With ``lstm="row"``, a location sees a triangle above it, wider than a plain PixelCNN's; with
    ``lstm="diagonal"``, all that comes before: to that end the first LSTM from the right is given
    the location itself too, of which the article says nothing.

    Parameters
    ----------
    config : PixelRNNConfig
    space, classes
        As in :class:`Autoregressive`, and what is raised where they do not fit.

    References
    ----------
    van den Oord, Kalchbrenner, Kavukcuoglu (2016), "Pixel recurrent neural networks", section 3.

    Examples
    --------
    >>> config = PixelRNNConfig(channels=4, layers=2, levels=4)
    >>> model = PixelRNN(config, Space(1, 6, 5, "levels", levels=4))
    >>> digits = model.sample(2, generator=torch.Generator().manual_seed(0))
    >>> digits.shape, model.log_likelihood(digits).shape
    (torch.Size([2, 1, 6, 5]), torch.Size([2]))
    """

    name: ClassVar[str] = "pixelrnn"
    Config: ClassVar[type] = PixelRNNConfig
    presets: ClassVar[Presets] = PRESETS
    config: PixelRNNConfig

    def __init__(self, config: PixelRNNConfig, space: Space, classes: int = 0) -> None:
        units = config.channels
        super().__init__(config, space, classes, trunk=2 * units)
        self.first: CausalConv2d = CausalConv2d(
            self.inputs, 2 * units, config.first_size, "raster", centre=False
        )
        self.layers: nn.ModuleList = nn.ModuleList(
            RowLSTM(units, config.size, self.conditions)
            if config.lstm == "row"
            else DiagonalBiLSTM(units, self.conditions)
            for _ in range(config.layers)
        )
        #: What is seen of a location itself, to the first LSTM from the right, whose states only
        #: the rows below see: the first convolution tells nothing of a row's last location.
        self.late: nn.Conv2d | None = (
            nn.Conv2d(self.inputs, 2 * units, 1, bias=False) if config.lstm == "diagonal" else None
        )
        self.output: nn.Conv2d = nn.Conv2d(2 * units, 2 * units, 1)

    @property
    def recurrent(self) -> list[RecurrentLayer]:
        """The LSTMs in order."""
        return cast(list[RecurrentLayer], list(self.layers))

    def activations(self, seen: Tensor, conditioning: Conditioning) -> list[Tensor]:
        """What is seen, the two states of each LSTM, and the output."""
        maps = [seen.contiguous(memory_format=torch.channels_last)]
        features = self.first(maps[0]) + conditioning.added[:, 0]
        late: Tensor | float = 0.0 if self.late is None else self.late(maps[0])
        for layer in self.recurrent:
            features, *states = layer(features, conditioning.labels, late)
            maps += states
            late = 0.0
        return [*maps, self.trunk(features)]

    def trunk(self, features: Tensor) -> Tensor:
        """What the head sees (B, 2 h, H, W)."""
        return functional.relu(self.output(functional.relu(features)))

    def cache(self, count: int, labels: Tensor | None) -> Cache:
        """An empty cache for ``count`` images."""
        return (_RowCache if self.config.lstm == "row" else _DiagonalCache)(self, count, labels)


class _RecurrentCache(WindowCache):
    """Of the first convolution the rows above and the drawn row; of each LSTM two states."""

    model: PixelRNN

    def __init__(self, model: PixelRNN, count: int, labels: Tensor | None) -> None:
        super().__init__(model, count, labels)
        width, first, like = model.space.width, model.first, model.first.weight
        reach = first.radius
        self.histories = [History(count, like.shape[1], width, reach, reach, like)]
        self.convolutions = [RowConvolution(first.left(), reach, 1, count, width)]
        #: Of each LSTM, (B, W, h) each, as of the row above until a location is drawn.
        self.states = [
            tuple(like.new_zeros(count, width, layer.units) for _ in range(2))
            for layer in model.recurrent
        ]

    def begin_row(self) -> None:
        convolution, first = self.convolutions[0], self.model.first
        bias = cast(Tensor, first.bias)
        above_of(self.histories[0], first.above(), bias, out=convolution.above)
        convolution.above += self.position[0]

    def trunk(self, column: int) -> Tensor:
        features = self.add_context(self.convolutions[0].respond(column), column)
        for number, layer in enumerate(self.model.recurrent):
            features = features + layer.upsample(self.hidden(number, column, features))
        return self.model.trunk(features[..., None, None])[..., 0, 0]

    @abstractmethod
    def hidden(self, number: int, column: int, features: Tensor) -> Tensor:
        """State (B, h) of an LSTM at a column, given its input (B, 2 h) there."""

    def end_row(self) -> None:
        self.histories[0].push(self.convolutions[0].row.transpose(1, 2))

    def fill(self, activations: list[Tensor]) -> None:
        super().fill(activations)
        maps = activations[1:-1]
        for states, layer in zip(self.states, zip(maps[::2], maps[1::2], strict=True), strict=True):
            for state, features in zip(states, layer, strict=True):
                state.copy_(features[:, :, -1].transpose(1, 2))

    @property
    def remembered(self) -> list[Tensor]:
        return super().remembered + [state for pair in self.states for state in pair]


class _RowCache(_RecurrentCache):
    """The states of a row LSTM are hidden states and cells."""

    def __init__(self, model: PixelRNN, count: int, labels: Tensor | None) -> None:
        super().__init__(model, count, labels)
        self.rows = cast(list[RowLSTM], model.recurrent)
        width = model.space.width
        self.convolutions += [
            RowConvolution(layer.input_to_state.weight, layer.radius, 1, count, width)
            for layer in self.rows
        ]
        self.biases = []
        for layer in self.rows:
            bias, shift = cast(Tensor, layer.input_to_state.bias), layer.shift(labels)
            self.biases.append(bias if shift is None else (bias + shift)[:, None])

    def begin_row(self) -> None:
        super().begin_row()
        for layer, (hidden, _), bias, convolution in zip(
            self.rows, self.states, self.biases, self.convolutions[1:], strict=True
        ):
            torch.add(layer.from_above(hidden), bias, out=convolution.above)

    def hidden(self, number: int, column: int, features: Tensor) -> Tensor:
        convolution, (hidden, cells) = self.convolutions[1 + number], self.states[number]
        convolution.columns[column].copy_(features)
        state, cell = step(convolution.respond(column), cells[:, column])
        hidden[:, column], cells[:, column] = state, cell
        return state


class _DiagonalCache(_RecurrentCache):
    """The states of a diagonal one are those from the left and from the right."""

    def __init__(self, model: PixelRNN, count: int, labels: Tensor | None) -> None:
        super().__init__(model, count, labels)
        self.diagonals = cast(list[DiagonalBiLSTM], model.recurrent)
        width, like = model.space.width, model.first.weight
        self.added = [layer.added(labels) for layer in self.diagonals]
        #: Cells from the left (B, h) at the column before; inputs (B, W, 2 h) of the drawn row.
        self.cells = [like.new_zeros(count, layer.units) for layer in self.diagonals]
        self.inputs = [like.new_zeros(count, width, 2 * layer.units) for layer in self.diagonals]

    def begin_row(self) -> None:
        super().begin_row()
        for cells in self.cells:
            cells.zero_()

    def hidden(self, number: int, column: int, features: Tensor) -> Tensor:
        left, right = self.states[number]
        self.inputs[number][:, column] = features
        beside = left[:, column - 1] if column else torch.zeros_like(left[:, 0])
        state, cell = self._state(0, number, features, beside, left[:, column], self.cells[number])
        left[:, column] = state
        self.cells[number].copy_(cell)
        return state + right[:, column]

    def put(self, column: int, seen: Tensor) -> None:
        super().put(column, seen)
        weight = cast(nn.Conv2d, self.model.late).weight[:, :, 0, 0]
        self.inputs[0][:, column] += functional.linear(seen, weight)

    def end_row(self) -> None:
        super().end_row()
        # The row is whole: its states from the right are what the next row sees.
        for number, (_, right) in enumerate(self.states):
            beside = torch.zeros_like(right[:, 0])
            cells = torch.zeros_like(beside)
            for column in reversed(range(right.shape[1])):
                features = self.inputs[number][:, column]
                beside, cells = self._state(1, number, features, beside, right[:, column], cells)
                right[:, column] = beside

    def _state(
        self,
        direction: int,
        number: int,
        features: Tensor,
        beside: Tensor,
        above: Tensor,
        cells: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """State and cells (B, h) of an LSTM in a direction (0: from the left)."""
        layer = self.diagonals[number]
        gates = self.added[number][direction] + features @ layer.input_to_state[direction]
        context = torch.cat([beside, above], -1)
        return step(gates + context @ layer.state_to_state[direction], cells)

    @property
    def workspace(self) -> list[Tensor]:
        return super().workspace + self.cells + self.inputs
