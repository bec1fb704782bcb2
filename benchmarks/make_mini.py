"""Choose the digits of ``mini``, the subset of MNIST that gaborkit ships.

    python benchmarks/make_mini.py --data-dir FOLDER

FOLDER holds the four IDX files (gzip-compressed or not). Writes the file into the package, or where
``--out`` says, and prints its size and the SHA-256 of its images and labels, which
tests/generative/data/test_mini.py expects.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np

from gaborkit.errors import DataError
from gaborkit.generative.data.dataset import balanced
from gaborkit.generative.data.idx import NAMES, find, read_split
from gaborkit.generative.data.loading import MINI
from gaborkit.io.files import atomic_write

COUNTS = {"train": 5000, "test": 1000}
SEED = 0


def main() -> None:
    """Choose, write, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=MINI)
    options = parser.parse_args()
    paths = [find(name, [options.data_dir]) for name in NAMES]
    if None in paths:
        parser.error(f"{options.data_dir} lacks one of {', '.join(NAMES)} (.gz or not)")
    arrays = {}
    for split, pair in zip(COUNTS, (paths[:2], paths[2:]), strict=True):
        chosen = balanced(read_split(*pair, 10), COUNTS[split], SEED)
        arrays[f"{split}_images"] = chosen.images[:, 0].numpy()
        arrays[f"{split}_labels"] = chosen.labels.numpy().astype(np.uint8)
    with atomic_write(options.out, DataError) as temporary:
        np.savez_compressed(temporary, **arrays)
    digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays.values()))
    print(f"{options.out}: {options.out.stat().st_size:,} bytes, SHA-256 {digest.hexdigest()}")


if __name__ == "__main__":
    main()
