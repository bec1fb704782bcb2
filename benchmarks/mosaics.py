"""Textures: accuracy of segmentation on mosaics, of scribbles, retrieval and defect detection.

    python benchmarks/mosaics.py [--out benchmarks/mosaics] [--seeds 3] [--only segmentation ...]

Real textures are scikit-image's brick, grass and gravel, and the printed lines of its page, whose
shading is taken off; the others are synthetic (gaborkit.vision.synthetic). In every mosaic each
texture has all 256 grey levels equally often, so that no statistic of single pixels tells two
apart. A seed decides which texture lies where, whether it is turned over, and the synthetic ones.
With --out FOLDER the tables go to FOLDER.md and pictures into FOLDER.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from scipy import ndimage

import gaborkit as gk
from gaborkit.features import DESCRIPTORS, smoothed
from gaborkit.vision import (
    JAIN_FARROKHNIA,
    find_defects,
    mosaic,
    retrieval_rate,
    segment_scribbles,
    segment_textures,
    synthetic,
)
from gaborkit.vision.mosaics import accuracy
from gaborkit.vision.texture_maps import coordinates, standardized

SIDE = 512
MOSAICS = (
    ("brick", "grass"),
    ("brick", "gravel"),
    ("grass", "gravel"),
    ("brick", "grass", "gravel", "weave"),
    ("brick", "grass", "gravel", "print"),
    ("grass", "gravel", "spots", "cells"),
    ("brick", "grass", "gravel", "weave", "waves"),
    ("brick", "grass", "gravel", "print", "weave"),
    ("brick", "grass", "gravel", "spots", "cells"),
    ("grass", "gravel", "print", "sand", "cells"),
)
COLOURS = np.array(
    [(0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (240, 228, 66), (86, 180, 233)],
    np.uint8,
)


def real_texture(name):
    if name != "print":
        return gk.read_image(f"sample:{name}").astype(np.float32)
    lines = gk.read_image("sample:page")[54:134, 6:375].astype(np.float32)
    return lines - ndimage.gaussian_filter(lines, 15)


def texture(name, rng, side=SIDE):
    """A texture, turned over or not, or a new sample of it."""
    if name in synthetic.TEXTURES:
        return synthetic.TEXTURES[name]((side, side), int(rng.integers(2**31)))
    return real_texture(name)[:: rng.choice((-1, 1)), :: rng.choice((-1, 1))]


def arranged(names, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(names))
    return mosaic([texture(names[k], rng) for k in order], SIDE)


# ---- segmentation ----


def k_means(maps, count):
    from sklearn.cluster import KMeans

    everything = np.concatenate([standardized(maps), coordinates(maps.shape[-2:], maps.dtype)])
    rows = everything.reshape(len(everything), -1).T
    clusters = KMeans(count, n_init=10, random_state=0).fit(rows[:: len(rows) // 4096])
    return clusters.predict(rows).reshape(maps.shape[-2:])


def by_intensity(picture, count):
    """Mean and deviation of the grey level around a pixel."""
    mean, square = (smoothed(values, 16) for values in (picture, picture**2))
    return k_means(np.stack([mean, np.sqrt(np.maximum(square - mean**2, 0))]), count)


def by_binary_patterns(picture, count):
    """Frequencies of uniform local binary patterns around a pixel, of two radii."""
    from skimage.feature import local_binary_pattern

    maps = []
    for points, radius in ((8, 1), (16, 3)):
        codes = local_binary_pattern(picture.astype(np.uint8), points, radius, "uniform")
        maps += [(codes == code).astype(np.float32) for code in range(points + 2)]
    return k_means(np.stack([smoothed(values, 16) for values in maps]), count)


def segmentation(seeds, folder):
    methods = {
        "gaborkit": lambda picture, k: segment_textures(picture, k).labels,
        "number not given": lambda picture, k: segment_textures(picture).labels,
        "article's choices": lambda picture, k: (
            segment_textures(picture, k, **JAIN_FARROKHNIA).labels
        ),
        "binary patterns": by_binary_patterns,
        "intensity": by_intensity,
    }
    rows, shown, found_right, total = [], {}, 0, 0
    seconds = dict.fromkeys(methods, 0.0)
    for names in MOSAICS:
        scores = {method: [] for method in methods}
        counts = []
        for seed in range(seeds):
            picture, truth = arranged(names, seed)
            for method, segment in methods.items():
                started = time.perf_counter()
                labels = segment(picture, len(names))
                seconds[method] += time.perf_counter() - started
                scores[method].append(100 * accuracy(labels, truth))
                if method == "number not given":
                    counts.append(int(labels.max()) + 1)
                if method == "gaborkit" and seed == 0:
                    shown.setdefault(len(names), []).append((picture, truth, labels))
        found_right += counts.count(len(names))
        total += seeds
        rows.append(
            [", ".join(names)]
            + [f"{np.mean(values):.1f} ({min(values):.1f})" for values in scores.values()]
            + [" ".join(map(str, counts))]
        )
        print("|", " | ".join(rows[-1]), "|", flush=True)
    pictures = total
    rows.append(["seconds a picture"] + [f"{s / pictures:.2f}" for s in seconds.values()] + [""])
    if folder:
        for count, examples in shown.items():
            write_mosaics(folder / f"mosaics_{count}.jpg", examples)
    text = (
        f"Per cent of pixels that are right, mean (and least) of {seeds} arrangements, "
        f"{SIDE} x {SIDE} pixels. The number of textures is given, but in the second column; the "
        f"last one shows what was found there, right in {found_right} of {total}. Patterns and "
        "intensity are clustered by k-means with coordinates. Below: picture, truth, what was "
        "found with the number given, and errors in red, of the first arrangements.\n\n"
    )
    return text + table(["mosaic", *methods, "numbers found"], rows)


def matched(labels, truth):
    """Labels renamed to the true ones that they share most pixels with."""
    from scipy.optimize import linear_sum_assignment

    counts = np.array([[np.sum((labels == a) & (truth == b)) for b in range(6)] for a in range(6)])
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return columns[np.argsort(rows)][labels]


def write_mosaics(path, examples):
    """A row for each mosaic: picture, truth, what was found, and errors in red on the picture."""
    gap = 8
    rows = []
    for picture, truth, labels in examples:
        grey = np.repeat(picture.round().clip(0, 255).astype(np.uint8)[..., None], 3, 2)
        named = matched(labels, truth)
        wrong = np.where((named != truth)[..., None], np.uint8([220, 20, 20]), grey // 2 + 100)
        panels = [grey, COLOURS[truth], COLOURS[named], wrong.astype(np.uint8)]
        space = np.full((len(picture), gap, 3), 255, np.uint8)
        row = np.concatenate([p for panel in panels for p in (panel, space)][:-1], 1)
        rows += [row, np.full((gap, row.shape[1], 3), 255, np.uint8)]
    whole = np.concatenate(rows[:-1])
    gk.write_image(path, whole[: len(whole) // 2 * 2 : 2, : whole.shape[1] // 2 * 2 : 2])


# ---- scribbles ----


def strokes(truth, rng, each=2, length=40):
    """Straight strokes, three pixels wide, inside each texture."""
    drawn = np.zeros(truth.shape, np.uint8)
    for k in range(truth.max() + 1):
        inside = truth == k
        rows, columns = np.nonzero(ndimage.binary_erosion(inside, iterations=length // 2 + 2))
        for _ in range(each):
            place, angle = rng.integers(len(rows)), rng.uniform(0, 2 * np.pi)
            along = np.arange(-length / 2, length / 2, 0.5)
            y = (rows[place] + along * np.sin(angle)).astype(int)
            x = (columns[place] + along * np.cos(angle)).astype(int)
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    drawn[y + dy, x + dx] = k + 1
    return drawn


def scribbles(seeds, folder):
    rows = []
    for names in MOSAICS:
        found = {0: [], 3: []}
        for seed in range(seeds):
            picture, truth = arranged(names, seed)
            drawn = strokes(truth, np.random.default_rng(seed))
            for rounds, values in found.items():
                labels = segment_scribbles(picture, drawn, rounds=rounds).labels
                values.append(100 * np.mean(labels == truth + 1))
        rows.append(
            [", ".join(names), *(f"{np.mean(v):.1f} ({min(v):.1f})" for v in found.values())]
        )
        print("|", " | ".join(rows[-1]), "|", flush=True)
    text = (
        "Per cent of pixels that are right after two strokes a texture, 40 pixels long and 3 wide, "
        f"mean (and least) of {seeds} arrangements: learned from the strokes alone, and with three "
        "rounds of self-training.\n\n"
    )
    return text + table(["mosaic", "strokes alone", "self-training"], rows)


# ---- retrieval ----


def retrieval(seeds, folder):
    """16 tiles of each texture, as in Manjunath and Ma."""
    from skimage.feature import local_binary_pattern

    names = ("brick", "grass", "gravel", "print", *synthetic.TEXTURES)
    rng = np.random.default_rng(0)
    tiles, groups = [], []
    for name in names:
        whole = texture(name, rng)
        missing = [(0, max(0, SIDE - size)) for size in whole.shape]
        whole = np.pad(whole, missing, mode="symmetric")
        levels = np.empty(whole.size, np.float32)
        levels[np.argsort(whole, axis=None, kind="stable")] = np.linspace(0, 255, whole.size)
        whole = levels.reshape(whole.shape)
        tiles += [
            whole[y : y + 128, x : x + 128]
            for y in range(0, SIDE, 128)
            for x in range(0, SIDE, 128)
        ]
        groups += [name] * 16
    tiles = np.stack(tiles)
    rows = []

    def add(name, values, seconds):
        rows.append(
            (name, str(values.shape[1]), f"{100 * retrieval_rate(values, groups):.1f}", seconds)
        )
        print("|", " | ".join(rows[-1]), "|", flush=True)

    for name, kind in DESCRIPTORS.items():
        started = time.perf_counter()
        values = np.stack([kind().describe(tile).to_numpy() for tile in tiles])
        add(name, values, f"{1000 * (time.perf_counter() - started) / len(tiles):.1f}")
    started = time.perf_counter()
    histograms = []
    for tile in tiles.astype(np.uint8):
        counts = []
        for points, radius in ((8, 1), (16, 3)):
            codes = local_binary_pattern(tile, points, radius, "uniform").astype(int)
            counts.append(np.bincount(codes.ravel(), minlength=points + 2))
        histograms.append(np.concatenate(counts) / tile.size)
    milliseconds = 1000 * (time.perf_counter() - started) / len(tiles)
    add("binary patterns (scikit-image)", np.stack(histograms), f"{milliseconds:.1f}")
    text = (
        f"Average retrieval rate, per cent: each of {len(tiles)} tiles of 128 x 128 pixels (16 of "
        f"each of {len(names)} textures with equal histograms: {', '.join(names)}) is asked for, "
        "and the share of its own texture among the 15 nearest others taken.\n\n"
    )
    return text + table(["features", "values", "rate", "ms a tile"], rows)


# ---- defects ----

KINDS = ("none", "missing thread", "spot", "scratch")


def cloth(kind, seed, side=256, period=8):
    """A weave with a defect, and where it is."""
    rng = np.random.default_rng((seed, KINDS.index(kind)))
    picture = synthetic.weave((side, side), int(rng.integers(2**31)), period=period, jitter=0.6)
    y, x = np.indices(picture.shape)
    where = np.zeros(picture.shape, bool)
    if kind == "missing thread":
        row, left = rng.integers(6, side // period - 6) * period, rng.integers(30, side // 2)
        where[row : row + period, left : left + rng.integers(60, 120)] = True
        noise = 0.3 * rng.standard_normal(picture.shape)
        picture = np.where(where, -1.5 + noise, picture)
    elif kind == "spot":
        cy, cx = rng.integers(40, side - 40, 2)
        blob = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * 5**2))
        picture, where = picture - 1.5 * blob, blob > 0.3
    elif kind == "scratch":
        cy, cx = rng.integers(60, side - 60, 2)
        angle = rng.uniform(0, np.pi)
        across = (x - cx) * np.sin(angle) - (y - cy) * np.cos(angle)
        along = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
        where = (np.abs(across) < 1.2) & (np.abs(along) < 30)
        picture = picture + 1.5 * where
    return picture, where


def defects(seeds, folder):
    rows, shown = [], []
    count = 10 * seeds
    for kind in KINDS:
        row = [kind]
        for referred in (False, True):
            hits, alarms, covered = 0, 0, []
            for seed in range(count):
                picture, where = cloth(kind, seed)
                reference = cloth("none", seed + 10_000)[0] if referred else None
                mask = find_defects(picture, reference).mask
                if seed == 0 and not referred and kind != "none":
                    shown.append((picture, where, mask))
                regions, number = ndimage.label(mask)
                near = ndimage.binary_dilation(where, iterations=4) if where.any() else where
                touching = set(np.unique(regions[near])) - {0}
                hits += bool(touching)
                alarms += number > len(touching)
                covered.append((mask & where).sum() / max(1, where.sum()))
            row += [
                "" if kind == "none" else f"{100 * hits / count:.0f}",
                "" if kind == "none" else f"{100 * np.mean(covered):.0f}",
                f"{100 * alarms / count:.0f}",
            ]
        rows.append(row)
        print("|", " | ".join(rows[-1]), "|", flush=True)
    if folder:
        write_defects(folder / "defects.jpg", shown)
    text = (
        f"{count} weaves of 256 x 256 pixels of each kind, whose threads waver, with noise; per "
        "cent of pictures whose defect is found, of its pixels that are, and of pictures with "
        "something found elsewhere, at 5 per cent of false alarms asked for: by the picture's own "
        "robust statistics, then by another picture without defects.\n\n"
    )
    columns = ["found", "pixels", "false alarms"]
    return text + table(["defect", *columns, *(f"{c}, reference" for c in columns)], rows)


def write_defects(path, examples):
    columns = []
    for picture, _, mask in examples:
        low, high = np.quantile(picture, [0.001, 0.999])
        grey = (255 * (picture - low) / (high - low)).clip(0, 255).astype(np.uint8)
        plain = np.repeat(grey[..., None], 3, 2)
        outline = mask ^ ndimage.binary_dilation(mask, iterations=2)
        marked = np.where(outline[..., None], np.uint8([230, 30, 30]), plain)
        gap = np.full((8, plain.shape[1], 3), 255, np.uint8)
        column = np.concatenate([plain, gap, marked])
        columns += [column, np.full((len(column), 8, 3), 255, np.uint8)]
    gk.write_image(path, np.concatenate(columns[:-1], 1))


# ---- tables ----


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


PARTS = {
    "segmentation": segmentation,
    "scribbles": scribbles,
    "retrieval": retrieval,
    "defects": defects,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", help="folder of pictures; the tables go beside it, as .md")
    parser.add_argument("--seeds", type=int, default=3, help="arrangements of each mosaic")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    folder = Path(options.out) if options.out else None
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    texts = ["# Textures\n\n`python benchmarks/mosaics.py --out benchmarks/mosaics`\n"]
    pictures = {
        "segmentation": [f"mosaics_{count}.jpg" for count in (2, 4, 5)],
        "defects": ["defects.jpg"],
    }
    for name in options.only:
        texts.append(f"## {name.capitalize()}\n\n{PARTS[name](options.seeds, folder)}")
        if folder:
            texts += [f"![{name}]({folder.name}/{file})\n" for file in pictures.get(name, [])]
    text = "\n".join(texts)
    print(text)
    if folder:
        folder.with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
