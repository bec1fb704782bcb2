"""
Retrieve textures
=================

A query in each row, and the five nearest others.

Run: ``python examples/12_retrieve_textures.py [FOLDER]``
"""

import sys
from pathlib import Path

import numpy as np

import gaborkit as gk
from gaborkit.vision import TextureIndex, retrieval_rate, synthetic

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

pictures = {name: gk.read_image(f"sample:{name}") for name in ("brick", "grass", "gravel")}
for name, make in synthetic.TEXTURES.items():
    pictures[name] = (128 + 40 * make((512, 512))).clip(0, 255).astype(np.uint8)

index, tiles = TextureIndex(), {}
for name, picture in pictures.items():
    for k, (y, x) in enumerate(np.ndindex(4, 4)):
        tile = picture[128 * y : 128 * y + 128, 128 * x : 128 * x + 128]
        tiles[f"{name} {k}"] = tile
        index.add(f"{name} {k}", tile)
groups = [name.split()[0] for name in index.pictures]
print(f"{len(index)} tiles, retrieval rate {100 * retrieval_rate(index.values, groups):.1f} %")

rows = []
for query in ("brick 5", "grass 5", "gravel 5", "weave 5"):
    matches = index.search(query, 6)
    print(", ".join(f"{match.picture} ({match.distance:.1f})" for match in matches))
    gap = np.full((128, 6), 255, np.uint8)
    found = [part for match in matches for part in (tiles[match.picture], gap)][:-1]
    row = np.concatenate([found[0], gap, gap, gap, *found[1:]], axis=1)
    rows += [row, np.full((6, row.shape[1]), 255, np.uint8)]
gk.write_image(folder / "retrieval.png", np.concatenate(rows[:-1]))
