"""Errors on MNIST from few digits, by scattering of order 2, beside Bruna and Mallat's table.

    python benchmarks/few_shot.py --data-dir FOLDER --cache scattering.npy [--virtual] --out FILE.md

Training digits are random, as many of each class; all 10,000 test digits are classified. Nothing is
learned from test digits, and what the classifiers leave open (number of affine spaces a class and
their dimension, width of the kernel) is chosen by cross-validation on the training digits alone.
Its folds are of different writers: MNIST keeps the digits of a writer together, and a kernel that
knows the writers is chosen too narrow for those of the test.

A digit is described by scattering coefficients of order 0, 1 and 2 (J = 3, L = 8, windows that
overlap by half), their square roots, each path divided by its deviation, within the span of the
training digits (or its first 1,000 principal components), whitened within the classes. --cache
keeps the coefficients of all 70,000 digits (1.5 GB). --virtual also learns from copies of training
digits, turned, sheared and scaled: of the support vectors for the SVM (Schoelkopf, Burges and
Vapnik, 1996), of at most 20,000 digits for the affine spaces. --validate measures on 10,000 of the
training digits instead, which are then not learned from: for trying things out.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline

from gaborkit.estimators import (
    AffinePCAClassifier,
    ChannelScaler,
    SupportVectorClassifier,
    WithinClassWhitener,
)
from gaborkit.estimators.affine import DIMENSIONS
from gaborkit.generative.data.idx import NAMES, find, read_split
from gaborkit.scattering import Scattering

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

COMPONENTS = 1_000
#: Affine spaces a class, and widths of the kernel, that are tried.
SPACES = (1, 2, 4, 8)
GAMMAS = (0.5, 1.0, 2.0)
PENALTY = 10.0

#: Digits that the principal components and virtual digits come from.
BASIS = 4_000
COPIED = 20_000

#: So many digits in a row are of few writers, about ten.
NEIGHBOURS = 2_000

Array = NDArray[Any]
Parts = list[tuple[Array, Array]]


def turned(degrees: float) -> Array:
    """Matrix of a rotation."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, -s], [s, c]])


def sheared(slope: float) -> Array:
    """Matrix of a slant."""
    return np.array([[1, 0], [slope, 1]])


#: What is done to virtual digits.
MAPS = (turned(8), turned(-8), sheared(0.15), sheared(-0.15), 0.92 * np.eye(2), 1.09 * np.eye(2))


def moved(images: Array, matrix: Array) -> Array:
    """Images (N, h, w) mapped about their centres."""
    centre = (np.array(images.shape[1:]) - 1) / 2
    shift = centre - matrix @ centre
    return np.stack(
        [
            ndimage.affine_transform(image.astype(np.float32), matrix, shift, order=1)
            for image in images
        ]
    )


class Digits:
    """All 70,000 digits in the order of the files: images (N, 28, 28), labels, coefficients."""

    def __init__(self, folder: Path, cache: Path | None) -> None:
        # Not by load_dataset, which draws validation digits from all writers.
        paths = [path for name in NAMES if (path := find(name, [folder]))]
        if len(paths) < len(NAMES):
            raise SystemExit(f"{folder}: lacks one of {', '.join(NAMES)}, as they are or .gz")
        splits = [read_split(paths[k], paths[k + 1], 10) for k in (0, 2)]
        self.images = np.concatenate([split.images[:, 0].numpy() for split in splits])
        self.labels = np.concatenate([np.asarray(split.labels) for split in splits])
        if cache is None:
            self.stored = scattered(self.images)
            return
        if not cache.exists():
            partial = cache.with_name(f"{cache.name}.partial.npy")
            shape = (len(self.images), *SCATTERING(self.images[0]).shape)
            target = np.lib.format.open_memmap(partial, "w+", np.float16, shape)
            scattered(self.images, target)
            target.flush()
            partial.rename(cache)
        self.stored = np.load(cache, mmap_mode="r", allow_pickle=False)


def scattered(images: Array, target: Array | None = None) -> Array:
    """Scattering coefficients (N, C, 7, 7) in half precision."""
    if target is None:
        target = np.empty((len(images), *SCATTERING(images[0]).shape), np.float16)
    for start in range(0, len(images), 500):
        part = slice(start, start + 500)
        target[part] = SCATTERING(images[part].astype(np.float32) / 255)
    return target


class Description:
    """Scaled square roots of coefficients, within the span of training digits."""

    def __init__(self, coefficients: Array) -> None:
        rows = roots(coefficients)
        self.scaler = ChannelScaler(coefficients.shape[-1] * coefficients.shape[-2]).fit(rows)
        kept = min(COMPONENTS, len(rows) - 1)
        self.components = PCA(kept, svd_solver="full").fit(self.scaler.transform(rows))

    def __call__(self, coefficients: Array, numbers: Array) -> Array:
        """Values (N, D) of digits by their numbers."""
        parts = [numbers[start : start + 2_000] for start in range(0, len(numbers), 2_000)]
        return np.concatenate([self._values(coefficients[part]) for part in parts])

    def _values(self, coefficients: Array) -> Array:
        return self.components.transform(self.scaler.transform(roots(coefficients)))


def roots(coefficients: Array) -> Array:
    """Square roots, flattened; filters leave values a little below zero."""
    values = coefficients.astype(np.float32).reshape(len(coefficients), -1)
    return np.sqrt(np.maximum(values, 0, out=values), out=values)


def by_writers(training: Array) -> Parts:
    """Parts of a cross-validation that learns from other writers than it measures on."""
    return list(GroupKFold(5).split(training, groups=training // NEIGHBOURS))


def affine_spaces(rows: Array, labels: Array, parts: Parts) -> AffinePCAClassifier:
    """Not fitted, of as many spaces and dimensions as cross-validation has it."""
    wrong = np.zeros((len(SPACES), len(DIMENSIONS)))
    for kept, left_out in parts:
        # Anew in every fold: whitened examples look better told apart than others are.
        whitener = WithinClassWhitener().fit(rows[kept], labels[kept])
        known, unseen = whitener.transform(rows[kept]), whitener.transform(rows[left_out])
        for k, spaces in enumerate(SPACES):
            model = AffinePCAClassifier(max(DIMENSIONS), spaces=spaces).fit(known, labels[kept])
            found = model.classes_[model.distances(unseen, DIMENSIONS).argmin(-1)]
            wrong[k] += (found != labels[left_out]).sum(-1)
    wrong = ndimage.convolve1d(wrong, [0.25, 0.5, 0.25], mode="nearest")
    spaces, dimension = np.unravel_index(wrong.argmin(), wrong.shape)
    return AffinePCAClassifier(DIMENSIONS[dimension], spaces=SPACES[spaces])


def support_vectors(rows: Array, labels: Array, parts: Parts) -> SupportVectorClassifier:
    """Not fitted, its kernel as wide as cross-validation has it."""
    variance = WithinClassWhitener().fit_transform(rows, labels).var(0, dtype=np.float64).sum()
    machine = Pipeline(
        [("white", WithinClassWhitener()), ("svm", SupportVectorClassifier(PENALTY))]
    )
    grid = {"svm__gamma": [float(factor / variance) for factor in GAMMAS]}
    search = GridSearchCV(machine, grid, cv=parts, refit=False).fit(rows, labels)
    return SupportVectorClassifier(PENALTY, gamma=search.best_params_["svm__gamma"])


def subset(labels: Array, count: int, seed: int) -> Array:
    """Numbers of random digits, as many of each class where there are as many."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    if count >= len(labels):
        return order
    own = [order[labels[order] == label][: count // 10] for label in range(10)]
    return rng.permutation(np.concatenate(own))


def errors(
    digits: Digits, training: Array, test: Array, virtual: bool
) -> tuple[dict[str, float], str]:
    """Errors in per cent of each classifier, and what they have chosen."""
    describe = Description(digits.stored[training[:BASIS]])
    rows, labels = describe(digits.stored, training), digits.labels[training]
    parts = by_writers(training)
    affine, machine = affine_spaces(rows, labels, parts), support_vectors(rows, labels, parts)
    whitener = WithinClassWhitener().fit(rows, labels)

    def values(coefficients: Array, numbers: Array) -> Array:
        return whitener.transform(describe(coefficients, numbers))

    rows, unseen = whitener.transform(rows), values(digits.stored, test)
    models: dict[str, Any] = {"PCA": affine.fit(rows, labels), "SVM": machine.fit(rows, labels)}
    if virtual:
        wanted = np.union1d(np.arange(min(COPIED, len(training))), machine.support_)
        images = digits.images[training[wanted]]
        every = np.arange(len(wanted))
        copies = [values(scattered(moved(images, matrix)), every) for matrix in MAPS]
        taken = wanted < COPIED
        models["PCA, virtual"] = clone(affine).fit(
            np.concatenate([rows, *(copy[taken] for copy in copies)]),
            np.concatenate([labels, *([labels[wanted[taken]]] * len(MAPS))]),
        )
        taken = np.isin(wanted, machine.support_)
        models["SVM, virtual"] = clone(machine).fit(
            np.concatenate([machine.support_vectors_, *(copy[taken] for copy in copies)]),
            np.tile(labels[machine.support_], 1 + len(MAPS)),
        )
    truth = digits.labels[test]
    found = {
        name: 100 * float(np.mean(model.predict(unseen) != truth)) for name, model in models.items()
    }
    width = machine.gamma_ * rows.var(0, dtype=np.float64).sum()
    return found, f"{affine.spaces} x {affine.dimension_} dimensions, gamma {width:.3g}"


def table(results: dict[int, list[dict[str, float]]]) -> list[str]:
    """Lines of markdown."""
    names = list(next(iter(results.values()))[0])
    head = ["training digits", "seeds", "article, PCA", "article, SVM", *names]
    lines = [f"| {' | '.join(head)} |", "|" + " ---: |" * len(head)]
    for size, found in sorted(results.items()):
        cells = [f"{size:,}", f"{len(found)}", *(f"{value:g}" for value in PUBLISHED[size])]
        for name in names:
            values = [one[name] for one in found]
            spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.2f}{spread}")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, required=True, help="where the files of MNIST are")
    parser.add_argument("--cache", type=Path, help=".npy of coefficients, made if missing")
    parser.add_argument("--sizes", type=int, nargs="+", choices=list(SEEDS), default=list(SEEDS))
    parser.add_argument("--seeds", type=int, help="for every size")
    parser.add_argument("--virtual", action="store_true", help="learn from moved copies too")
    parser.add_argument("--validate", action="store_true", help="leave the test digits alone")
    parser.add_argument("--out", type=Path, help="file of the table")
    options = parser.parse_args()

    digits = Digits(options.data_dir, options.cache)
    learned = 50_000 if options.validate else 60_000
    test = np.arange(learned, learned + 10_000)
    results: dict[int, list[dict[str, float]]] = {}
    for size in options.sizes:
        for seed in range(options.seeds or SEEDS[size]):
            start = time.perf_counter()
            training = subset(digits.labels[:learned], size, seed)
            found, chosen = errors(digits, training, test, options.virtual)
            results.setdefault(size, []).append(found)
            values = ", ".join(f"{name} {value:.2f}" for name, value in found.items())
            seconds = time.perf_counter() - start
            print(
                f"{size:>6,} digits, seed {seed}: {values} ({chosen}), {seconds:.0f} s", flush=True
            )
    lines = table(results)
    print("\n" + "\n".join(lines))
    if options.out is not None:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
