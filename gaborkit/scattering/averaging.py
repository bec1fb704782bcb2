"""The low-pass by matrices, in pieces so small that BLAS works in the calling thread.

Threads of BLAS inside threads of our own wait for each other: on two cores that costs a hundred
times the multiplication itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..types import RealArray

#: Multiplications of a product that BLAS shares out among no threads (OpenBLAS: 4 * 2**16).
ALONE = 2**18

#: Outputs of a block: few enough to leave out most of the zeros.
OUTPUTS = 8


@dataclass(frozen=True, eq=False)
class Block:
    """Rows of a matrix, without the columns in front and behind that are negligible there."""

    outputs: slice
    inputs: slice
    values: RealArray

    @property
    def together(self) -> int:
        """Columns or rows that one product takes."""
        return max(1, ALONE // self.values.size)


def blocks_of(matrix: RealArray, negligible: float) -> tuple[Block, ...]:
    """The matrix in blocks; entries below ``negligible`` times the largest may be left out.

    Examples
    --------
    >>> [block.inputs for block in blocks_of(np.eye(16), 0)]
    [slice(0, 8, None), slice(8, 16, None)]
    """
    least = negligible * abs(matrix).max()
    blocks = []
    for first in range(0, len(matrix), OUTPUTS):
        outputs = slice(first, min(first + OUTPUTS, len(matrix)))
        used = np.flatnonzero((abs(matrix[outputs]) > least).any(0))
        inputs = slice(int(used[0]), int(used[-1]) + 1)
        blocks.append(Block(outputs, inputs, np.ascontiguousarray(matrix[outputs, inputs])))
    return tuple(blocks)


def averaged(values: RealArray, down: tuple[Block, ...], across: tuple[Block, ...]) -> RealArray:
    """Low-pass (N, h, w) of values (N, H, W): ``down @ values @ across.T``."""
    count, height = values.shape[:2]
    half = np.empty((count, height, across[-1].outputs.stop), values.dtype)
    for block in across:
        turned = block.values.T
        for first in range(0, height, block.together):
            rows = slice(first, min(first + block.together, height))
            half[:, rows, block.outputs] = values[:, rows, block.inputs] @ turned
    out = np.empty((count, down[-1].outputs.stop, half.shape[2]), values.dtype)
    for block in down:
        for first in range(0, half.shape[2], block.together):
            columns = slice(first, min(first + block.together, half.shape[2]))
            out[:, block.outputs, columns] = block.values @ half[:, block.inputs, columns]
    return out


def product(left: Any, right: Any) -> Any:
    """``left @ right`` in the calling thread."""
    out = np.empty((len(left), right.shape[1]), np.result_type(left, right))
    width = max(1, ALONE // (16 * len(right)))
    for column in range(0, right.shape[1], width):
        columns = slice(column, column + width)
        height = max(1, ALONE // right[:, columns].size)
        for row in range(0, len(left), height):
            rows = slice(row, row + height)
            out[rows, columns] = left[rows] @ right[:, columns]
    return out
