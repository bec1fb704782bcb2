"""Figures of quality outside of digits: a folder of colour pictures, and drawn garments.

    python benchmarks/quality.py make FOLDER
    gaborkit train vae --data FOLDER/crops --size 32 --out FOLDER/vae-crops ...
    gaborkit train vae --data fashion --data-dir FOLDER/garments --out FOLDER/vae-garments
    gaborkit evaluate FOLDER/vae-crops
    python benchmarks/quality.py ladder FOLDER [--mnist FOLDER]

``make`` writes crops of scikit-image's colour samples as PNG, 32 x 32 pixels, and garments in the
four IDX files of Fashion-MNIST, drawn here from shapes and weaves: they stand for that data set
where it cannot be downloaded, and are not it. ``ladder`` prints what Fréchet distance, precision
and recall by scattering say of real images that are made worse step by step, and beside them, of
digits, what the digit classifier says.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import numpy as np
import skimage.data
import torch
from PIL import Image
from scipy.stats import spearmanr
from skimage.draw import polygon
from train_classifier import blurred, digits, noisy

from gaborkit.generative import load_dataset, metrics
from gaborkit.generative.data.idx import NAMES

SAMPLES = ("astronaut", "chelsea", "coffee", "rocket")
CROPS, SIDE = 5000, 32

GARMENTS = 6_000, 1_000
SCALE = 4  # drawn so many times larger, then averaged


def make_crops(folder: Path) -> None:
    """Random crops of colour pictures, some flipped; those of next to no contrast are left out."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    pictures = [getattr(skimage.data, name)()[..., :3] for name in SAMPLES]
    number = 0
    while number < CROPS:
        picture = pictures[number % len(pictures)]
        side = int(generator.integers(64, 129))  # of the picture, shrunk to SIDE
        row, column = (int(generator.integers(0, n - side + 1)) for n in picture.shape[:2])
        crop = Image.fromarray(picture[row : row + side, column : column + side])
        crop = crop.resize((SIDE, SIDE), Image.Resampling.BOX)
        if np.asarray(crop).std() < 12:
            continue
        if generator.random() < 0.5:
            crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        crop.save(folder / f"{SAMPLES[number % len(pictures)]}-{number:04}.png")
        number += 1


def _mirrored(points: list[tuple[float, float]]) -> np.ndarray:
    """A closed outline (x, y) of its right half, from top to bottom, around x = 0."""
    right = np.array(points)
    return np.concatenate([right, right[::-1] * (-1, 1)])


def outline(kind: int, draw: np.random.Generator) -> list[np.ndarray]:
    """Polygons (x, y) in [-1, 1] of one of the ten kinds of Fashion-MNIST, in its order."""
    u = lambda low, high: float(draw.uniform(low, high))  # noqa: E731
    waist, hem, neck = u(0.32, 0.48), u(0.75, 0.95), u(0.1, 0.25)
    if kind in (
        0,
        2,
        4,
        6,
    ):  # shirts of short or long sleeves, closed or open, with or without collar
        sleeve = u(-0.25, 0.0) if kind == 0 else u(0.55, 0.85)
        reach = u(0.75, 0.95) if kind == 0 else u(0.62, 0.85)
        body = _mirrored(
            [(neck, -0.85), (0.45, -0.78), (reach, sleeve), (reach - 0.2, sleeve + 0.08),
             (waist, -0.3), (waist + u(-0.05, 0.1), hem)]
        )  # fmt: skip
        gap = [_mirrored([(0.03, -0.8), (0.03, hem)])] if kind == 4 else []
        collar = [_mirrored([(neck, -0.9), (0.02, -0.6)])] if kind == 6 else []
        return [body, *gap, *collar]
    if kind == 1:
        flare, gap = u(0.25, 0.42), u(0.03, 0.1)
        left = np.array([(0.0, -0.9), (0.33, -0.9), (flare + gap, 0.92), (gap, 0.92), (0.0, -0.3)])
        return [left, left * (-1, 1)]
    if kind == 3:
        return [
            _mirrored([(neck, -0.9), (0.3, -0.85), (waist - 0.15, -0.2), (waist + u(0, 0.3), 0.95)])
        ]
    sole, heel, toe = u(0.45, 0.6), u(0.0, 0.3), u(0.05, 0.25)
    if kind == 5:
        straps = [
            [(x, sole), (x + 0.12, sole), (x + lean, sole - u(0.3, 0.6)), (x + lean - 0.12, 0.2)]
            for x, lean in ((-0.7, 0.4), (-0.1, 0.35), (0.4, -0.3))
        ]
        base = [(-0.95, sole - heel), (0.95, sole), (0.95, sole + 0.12), (-0.95, sole + 0.12)]
        return [np.array(points) for points in (base, *straps)]
    if kind == 8:
        top = u(-0.3, 0.0)
        side = np.array([(0.3, top), (0.4, top), (0.32, top - 0.4), (0.22, top - 0.4)])
        bar = _mirrored([(0.32, top - 0.4), (0.32, top - 0.3)])
        return [_mirrored([(u(0.6, 0.8), top), (u(0.75, 0.95), 0.8)]), side, side * (-1, 1), bar]
    shaft = -0.85 if kind == 9 else u(-0.25, 0.0)
    upper = [(-0.9, shaft), (-0.2, shaft), (-0.1, 0.1), (0.9, sole - toe)]
    return [np.array([*upper, (0.95, sole + 0.1), (-0.95, sole + 0.1)])]


def garment(kind: int, draw: np.random.Generator) -> np.ndarray:
    """One picture (28, 28), uint8: a grey shape with a weave on black."""
    side = 28 * SCALE
    y, x = np.mgrid[:side, :side] / SCALE
    angle, period = draw.uniform(0, np.pi), draw.uniform(2.5, 8)
    depth = draw.choice([0.0, 0.15, 0.4])
    weave = 1 + depth * np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
    shade = draw.uniform(0.35, 0.9) * weave * (1 + draw.uniform(-0.3, 0.3) * (x / 28 - 0.5))
    canvas = np.zeros((side, side))
    scale = draw.uniform(0.85, 1.0)
    for number, points in enumerate(outline(kind, draw)):
        columns, rows = (points * scale + 1).T * side / 2
        inside = polygon(rows, columns, canvas.shape)
        dark = kind in (4, 6) and number > 0  # a gap, a collar
        canvas[inside] = shade[inside] * (0.4 if dark else 1)
    small = canvas.reshape(28, SCALE, 28, SCALE).mean((1, 3))
    return (255 * small.clip(0, 1)).round().astype(np.uint8)


def make_garments(folder: Path) -> None:
    """The four IDX files of Fashion-MNIST, gzip-compressed, with garments drawn here."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(1)
    for count, (images_name, labels_name) in zip(GARMENTS, (NAMES[:2], NAMES[2:]), strict=True):
        labels = draw.integers(0, 10, count).astype(np.uint8)
        images = np.stack([garment(int(label), draw) for label in labels])
        for name, values in ((images_name, images), (labels_name, labels)):
            header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
            (folder / f"{name}.gz").write_bytes(gzip.compress(header + values.tobytes(), mtime=0))


def ladders(
    images: torch.Tensor, labels: torch.Tensor | None, count: int
) -> dict[str, torch.Tensor]:
    """``count`` images each, floats, made worse step by step."""
    generator = torch.Generator().manual_seed(0)
    some, every = images[:count], torch.ones(count)
    planes = some.flatten(0, 1)[:, None]  # colours one by one

    def each(function) -> torch.Tensor:
        return function(planes, torch.ones(len(planes))).reshape(some.shape)

    steps = {"real": some}
    for blur in (0.5, 0.8, 1.2, 2.0):
        steps[f"blur {blur:g} px"] = each(lambda p, ones, b=blur: blurred(p, b * ones))
    for noise in (0.02, 0.05, 0.1, 0.2):
        steps[f"noise {noise:.0%}"] = noisy(some, noise * every, generator)
    if labels is not None:
        for classes in (8, 5, 3, 1):
            steps[f"{classes} of {int(labels.max()) + 1} classes"] = images[labels < classes][
                :count
            ]
    for different in (count // 2, count // 10, count // 50):
        steps[f"{different} different"] = some[torch.arange(count) % different]
    return steps


def ladder(
    title: str, real: torch.Tensor, images: torch.Tensor, labels, count: int, judged: bool
) -> None:
    """Print a table of the figures of each step."""
    print(f"\n## {title}: {count} images a side\n")
    embeddings = {"scattering": metrics.scattering_embedding}
    if judged:
        classifier = metrics.digit_classifier()
        embeddings["digit classifier"] = lambda part: metrics.judge(part, classifier).features
    columns = [
        f"{figure}, {name}"
        for name in embeddings
        for figure in ("Fréchet distance", "precision", "recall")
    ]
    print("| | " + " | ".join(columns) + " |\n| --- |" + " ---: |" * len(columns))
    references = {name: embed(real[:count]) for name, embed in embeddings.items()}
    distances: dict[str, list[float]] = {name: [] for name in embeddings}
    for step, part in ladders(images, labels, count).items():
        cells = []
        for name, embed in embeddings.items():
            figures = metrics.set_figures(real=references[name], generated=embed(part), by="")
            distances[name].append(figures[0].value)
            cells += [f"{figure.value:.3g}" for figure in figures[:3]]
        print(f"| {step} | " + " | ".join(cells) + " |", flush=True)
    if judged:
        rank = spearmanr(*distances.values()).statistic
        print(f"\nRank correlation of the two Fréchet distances: {rank:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("task", choices=("make", "ladder"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mnist", type=Path)
    options = parser.parse_args()
    if options.task == "make":
        make_crops(options.folder / "crops")
        make_garments(options.folder / "garments")
        return
    crops = load_dataset(options.folder / "crops", size=SIDE).train.images / 255
    crops = crops[torch.randperm(len(crops), generator=torch.Generator().manual_seed(0))]
    ladder("Crops of colour pictures", crops[1000:2000], crops[:1000], None, 1000, False)
    garments = load_dataset("fashion", data_dir=options.folder / "garments")
    train, test = garments.train, garments.test.images / 255
    ladder("Garments", test, train.images / 255, train.labels, 1000, False)
    if options.mnist:
        mnist = digits(options.mnist, "train")
        ladder(
            "MNIST", mnist.images[-1000:], mnist.images[:20_000], mnist.labels[:20_000], 1000, True
        )


if __name__ == "__main__":
    main()
