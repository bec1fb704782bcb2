"""Errors of the classifiers of ``gaborkit classify`` on digits, faces and textures, few a class.

    python benchmarks/classifiers.py [--seeds 5] [--out FILE.md]

Digits are those that come with gaborkit; faces (and pictures without) scikit-image's subset of LFW;
textures are tiles of 24 x 24 pixels of scikit-image's brick, grass and gravel and four synthetic
ones. Each seed draws other pictures to learn from, about as many of each class, and the others are
classified. "svm, not whitened" is what the whitening within classes is measured against; histograms
of oriented gradients (scikit-image, cells of 8 x 8) and pixels are described by no Gabor kernel.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import skimage
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline

from gaborkit import read_image
from gaborkit.estimators import (
    AffinePCAClassifier,
    ChannelScaler,
    SupportVectorClassifier,
    WithinClassWhitener,
)
from gaborkit.estimators.picture_classifier import VARIANCE
from gaborkit.features import DESCRIPTORS
from gaborkit.generative import load_dataset
from gaborkit.vision import synthetic

Array = NDArray[Any]
Labelled = tuple[Array, Array]

A_CLASS = (5, 20)
TILE = 24

CLASSIFIERS: dict[str, Callable[[], Any]] = {
    "svm": lambda: make_pipeline(
        PCA(VARIANCE, svd_solver="full"), WithinClassWhitener(), SupportVectorClassifier()
    ),
    "svm, not whitened": SupportVectorClassifier,
    "affine": AffinePCAClassifier,
    "linear": lambda: LogisticRegression(max_iter=10_000),
}


def digits() -> Labelled:
    """2,000 digits (N, 28, 28)."""
    data = load_dataset("mini")
    images = np.concatenate([data.train.images[:, 0].numpy(), data.test.images[:, 0].numpy()])
    labels = np.concatenate([data.train.labels.numpy(), data.test.labels.numpy()])
    return images[:2000].astype(np.float32) / 255, labels[:2000]


def faces() -> Labelled:
    """100 faces and as many pictures of something else (N, 25, 25)."""
    return skimage.data.lfw_subset().astype(np.float32), np.repeat([0, 1], 100)


def textures() -> Labelled:
    """Tiles of seven textures, 441 of each."""
    pictures = [read_image(f"sample:{name}") for name in ("brick", "grass", "gravel")]
    makers = (synthetic.spots, synthetic.sand, synthetic.cells, synthetic.weave)
    pictures += [make((512, 512)) for make in makers]
    count = 512 // TILE
    tiles = [
        synthetic.standard(picture.astype(np.float32))[: count * TILE, : count * TILE]
        .reshape(count, TILE, count, TILE)
        .swapaxes(1, 2)
        .reshape(-1, TILE, TILE)
        for picture in pictures
    ]
    return np.concatenate(tiles).astype(np.float32), np.repeat(range(len(tiles)), count**2)


def gradients(images: Array) -> Array:
    """Histograms of oriented gradients (N, F)."""
    return np.stack([skimage.feature.hog(image, cells_per_block=(2, 2)) for image in images])


def described(images: Array) -> dict[str, Array]:
    """Features (N, F) of each kind."""
    own = {
        name: np.asarray(DESCRIPTORS[name]().values(images), np.float64).reshape(len(images), -1)
        for name in ("texture", "energy", "gist", "scattering")
    }
    return own | {"gradients": gradients(images), "pixels": images.reshape(len(images), -1)}


def error(make: Callable[[], Any], values: Array, labels: Array, count: int, seeds: int) -> float:
    """Mean error in per cent after learning from so many a class."""
    size = count * len(np.unique(labels))
    splits = StratifiedShuffleSplit(seeds, train_size=size, random_state=0)
    wrong = []
    for known, asked in splits.split(values, labels):
        model = make_pipeline(ChannelScaler(), make()).fit(values[known], labels[known])
        wrong.append(np.mean(model.predict(values[asked]) != labels[asked]))
    return 100 * float(np.mean(wrong))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="file of the table")
    options = parser.parse_args()
    lines = [
        f"| pictures | a class | features | {' | '.join(CLASSIFIERS)} |",
        "| --- | ---: | --- |" + " ---: |" * len(CLASSIFIERS),
    ]
    print("\n".join(lines))
    for load in (digits, faces, textures):
        images, labels = load()
        for name, values in described(images).items():
            for count in A_CLASS:
                found = [
                    error(make, values, labels, count, options.seeds)
                    for make in CLASSIFIERS.values()
                ]
                cells = [load.__name__, f"{count}", name, *(f"{value:.1f}" for value in found)]
                lines.append(f"| {' | '.join(cells)} |")
                print(lines[-1], flush=True)
    if options.out is not None:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
