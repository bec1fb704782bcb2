"""LSTMs over pictures, by loops that compute one location after another."""

import pytest
import torch

from gaborkit.errors import ModelError
from gaborkit.generative.models.lstm import DiagonalBiLSTM, RowLSTM, step
from gaborkit.generative.models.pixelrnn import PixelRNNConfig


def test_a_step_is_that_of_torch():
    # Whose gates are input, forget, cell, output; here the forget gate starts open by 1.
    gates, cells = torch.randn(5, 12), torch.randn(5, 3)
    cell = torch.nn.LSTMCell(12, 3)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        eye = torch.eye(3)
        for block, source in enumerate((2, 1, 3, 0)):
            cell.weight_ih[3 * block : 3 * block + 3, 3 * source : 3 * source + 3] = eye
        cell.bias_ih[3:6] = 1
        wanted = cell(gates, (torch.zeros(5, 3), cells))
    torch.testing.assert_close(step(gates, cells), wanted)


@pytest.mark.parametrize("classes", [0, 3])
def test_the_diagonal_lstm_is_that_of_its_definition(classes):
    torch.manual_seed(0)
    layer = DiagonalBiLSTM(3, classes).double()
    features = torch.randn(2, 6, 4, 5, dtype=torch.float64)
    labels = torch.tensor([2, 0]) if classes else None
    added = layer.added(labels)
    height, width, zero = 4, 5, torch.zeros(2, 3, dtype=torch.float64)
    outputs = []
    for direction, columns in enumerate((range(width), reversed(range(width)))):
        hidden, cells = {}, {}
        for j in columns:
            for i in range(height):
                beside = (i, j - 1 + 2 * direction)
                context = [hidden.get(beside, zero), hidden.get((i - 1, j), zero)]
                gates = features[:, :, i, j] @ layer.input_to_state[direction]
                gates = gates + torch.cat(context, 1) @ layer.state_to_state[direction]
                hidden[i, j], cells[i, j] = step(gates + added[direction], cells.get(beside, zero))
        outputs.append(hidden)
    both, left, right = layer.states(features, labels)
    for i in range(height):
        for j in range(width):
            torch.testing.assert_close(left[:, i, j], outputs[0][i, j])
            torch.testing.assert_close(right[:, i, j], outputs[1][i, j])
            moved = outputs[1].get((i - 1, j), zero)
            torch.testing.assert_close(both[:, i, j], outputs[0][i, j] + moved)


def test_the_row_lstm_is_that_of_its_definition():
    torch.manual_seed(0)
    layer = RowLSTM(2, 3, 0).double()
    features = torch.randn(1, 4, 3, 4, dtype=torch.float64)
    hidden = cells = torch.zeros(1, 6, 2, dtype=torch.float64)  # with a margin
    inputs = layer.input_to_state(features)
    states = layer.states(features, None)
    for i in range(3):
        pairs = [
            step(
                inputs[:, :, i, j]
                + layer.state_to_state(torch.cat([hidden[:, j + d] for d in range(3)], 1)),
                cells[:, j + 1],
            )
            for j in range(4)
        ]
        hidden, cells = (
            torch.nn.functional.pad(torch.stack(part, 1), (0, 0, 1, 1))
            for part in zip(*pairs, strict=True)
        )
        torch.testing.assert_close(states[0][:, i], hidden[:, 1:-1])
        torch.testing.assert_close(states[2][:, i], cells[:, 1:-1])


def test_an_lstm_of_another_name():
    with pytest.raises(ModelError, match="lstm='column' is unknown; choose row, diagonal"):
        PixelRNNConfig(lstm="column")
    with pytest.raises(ModelError, match="layers=0 is too few"):
        PixelRNNConfig(layers=0)
