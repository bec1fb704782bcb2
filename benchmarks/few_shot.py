"""Errors on MNIST from few digits, by scattering of order 2, beside Bruna and Mallat's table.

    python benchmarks/few_shot.py --data-dir FOLDER --cache scattering.npy --out few_shot.md

Training digits are random, as many of each class; all 10,000 test digits are classified. Nothing is
learned from test digits, and what the classifiers leave open (dimension of the affine spaces, width
of the kernel) is chosen by cross-validation on the training digits alone. Beyond 5,000 the width is
that which 5,000 of them choose.

A digit is described by scattering coefficients of order 0, 1 and 2 (J = 3, L = 8, windows that
overlap by half), their square roots, each path divided by its deviation, and the affine span of the
training digits (or its first 500 principal components), which no distance between affine spaces
depends on. --cache keeps the coefficients of all 70,000 digits (1.5 GB). --validate measures on the
last 10,000 training digits instead, which are then not learned from: for trying things out.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GridSearchCV

from gaborkit.estimators import AffinePCAClassifier, ChannelScaler, SupportVectorClassifier
from gaborkit.features.scattering import Scattering
from gaborkit.generative import load_dataset

SCATTERING = Scattering(J=3, L=8, oversampling=1)

#: Errors in per cent of PCA and SVM: Bruna and Mallat (2013), table 4, m = 2.
PUBLISHED = {
    300: (4.7, 5.6),
    1_000: (2.3, 2.6),
    2_000: (1.3, 1.8),
    5_000: (1.03, 1.4),
    10_000: (0.88, 1.0),
    60_000: (0.7, 0.43),
}

#: How many seeds each size has, unless --seeds says it.
SEEDS = {300: 5, 1_000: 5, 2_000: 5, 5_000: 3, 10_000: 3, 60_000: 1}

COMPONENTS = 500
GAMMAS = (0.125, 0.25, 0.5, 1.0)
PENALTY = 10.0

#: Digits that the principal components, and the width of the kernel come from.
BASIS = 4_000
TUNED = 5_000

Array = NDArray[Any]


def digits(folder: str) -> tuple[Array, Array]:
    """All 70,000 images (N, 28, 28) and labels, the test digits last."""
    data = load_dataset("mnist", data_dir=folder)
    splits = (data.train, data.validation, data.test)
    images = np.concatenate([split.images[:, 0].numpy() for split in splits])
    labels = np.concatenate([split.labels.numpy() for split in splits if split.labels is not None])
    return images, labels


def coefficients(images: Array, cache: Path | None) -> Array:
    """Scattering coefficients (N, C, 7, 7) in half precision, from the cache where it is there."""
    if cache is not None and cache.exists():
        return np.load(cache, mmap_mode="r", allow_pickle=False)
    one = SCATTERING(images[0].astype(np.float32))
    shape = (len(images), *one.shape)
    if cache is None:
        found = np.empty(shape, np.float16)
    else:
        found = np.lib.format.open_memmap(f"{cache}.partial", "w+", np.float16, shape)
    for start in range(0, len(images), 500):
        part = slice(start, start + 500)
        found[part] = SCATTERING(images[part].astype(np.float32) / 255)
    if cache is not None:
        found.flush()
        Path(f"{cache}.partial").rename(cache)
    return found


class Description:
    """Scaled square roots of coefficients, within the span of training digits."""

    def __init__(self, stored: Array, training: Array) -> None:
        self.stored = stored
        basis = training[:BASIS]
        rows = self._roots(basis)
        self.scaler = ChannelScaler(stored.shape[-1] * stored.shape[-2]).fit(rows)
        rows = self.scaler.transform(rows)
        self.mean = rows.mean(0)
        rows -= self.mean
        spectrum, vectors = np.linalg.eigh(rows @ rows.T)
        kept = slice(-min(COMPONENTS, len(basis) - 1), None)
        self.components = (vectors[:, kept] / np.sqrt(spectrum[kept])).T @ rows

    def __call__(self, digits: Array) -> Array:
        """Values (N, D) of digits by their numbers."""
        parts = [digits[start : start + 2_000] for start in range(0, len(digits), 2_000)]
        return np.concatenate(
            [
                (self.scaler.transform(self._roots(part)) - self.mean) @ self.components.T
                for part in parts
            ]
        )

    def _roots(self, digits: Array) -> Array:
        values = self.stored[digits].astype(np.float32).reshape(len(digits), -1)
        return np.sqrt(np.maximum(values, 0, out=values), out=values)


def support_vectors(rows: Array, labels: Array) -> SupportVectorClassifier:
    """Fitted, its kernel as wide as cross-validation has it."""
    scale = 1 / rows.var(0, dtype=np.float64).sum()
    grid = {"gamma": [float(factor * scale) for factor in GAMMAS]}
    search = GridSearchCV(SupportVectorClassifier(PENALTY), grid, cv=5, refit=False)
    chosen = search.fit(rows[:TUNED], labels[:TUNED]).best_params_["gamma"]
    return SupportVectorClassifier(PENALTY, gamma=chosen).fit(rows, labels)


def subset(labels: Array, count: int, seed: int) -> Array:
    """Numbers of random digits, as many of each class where there are as many."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    if count >= len(labels):
        return order
    own = [order[labels[order] == label][: count // 10] for label in range(10)]
    return rng.permutation(np.concatenate(own))


def errors(stored: Array, labels: Array, training: Array, test: Array) -> tuple[float, float, str]:
    """Errors in per cent of both classifiers, and what they have chosen."""
    describe = Description(stored, training)
    rows, unseen = describe(training), describe(test)
    known, truth = labels[training], labels[test]
    affine = AffinePCAClassifier().fit(rows, known)
    machine = support_vectors(rows, known)
    wrong = [100 * float(np.mean(model.predict(unseen) != truth)) for model in (affine, machine)]
    width = machine.gamma_ * rows.var(0, dtype=np.float64).sum()
    return wrong[0], wrong[1], f"dimension {affine.dimension_}, gamma {width:g}"


def table(results: dict[int, list[tuple[float, float, str]]]) -> list[str]:
    """Lines of markdown."""
    lines = [
        "| training digits | seeds | PCA affine | article | SVM | article |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for size, found in results.items():
        cells = []
        for k in range(2):
            values = [one[k] for one in found]
            spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
            cells += [f"{np.mean(values):.2f}{spread}", f"{PUBLISHED[size][k]:g}"]
        lines.append(f"| {size:,} | {len(found)} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True, help="where the four files of MNIST are")
    parser.add_argument("--cache", type=Path, help="file of coefficients, made if missing")
    parser.add_argument("--sizes", type=int, nargs="+", choices=list(SEEDS), default=list(SEEDS))
    parser.add_argument("--seeds", type=int, help="for every size")
    parser.add_argument("--validate", action="store_true", help="leave the test digits alone")
    parser.add_argument("--out", type=Path, help="file of the table")
    options = parser.parse_args()

    images, labels = digits(options.data_dir)
    stored = coefficients(images, options.cache)
    learned = 50_000 if options.validate else 60_000
    test = np.arange(learned, learned + 10_000)
    results: dict[int, list[tuple[float, float, str]]] = {}
    for size in options.sizes:
        for seed in range(options.seeds or SEEDS[size]):
            start = time.perf_counter()
            training = subset(labels[:learned], size, seed)
            found = errors(stored, labels, training, test)
            results.setdefault(size, []).append(found)
            print(
                f"{size:>6,} digits, seed {seed}: PCA {found[0]:.2f}, SVM {found[1]:.2f} "
                f"({found[2]}), {time.perf_counter() - start:.0f} s",
                flush=True,
            )
    lines = table(results)
    print("\n" + "\n".join(lines))
    if options.out is not None:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
