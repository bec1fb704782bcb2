"""
Segment textures
================

A mosaic of four textures, divided without being told anything.

Run: ``python examples/10_segment_textures.py [FOLDER]``
"""

import sys
from pathlib import Path

import numpy as np

import gaborkit as gk
from gaborkit.vision import JAIN_FARROKHNIA, mosaic, segment_textures, synthetic
from gaborkit.vision.mosaics import accuracy

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

textures = [gk.read_image(f"sample:{name}") for name in ("brick", "grass", "gravel")]
textures.append(synthetic.weave((512, 512)))
# All grey levels equally often in each: no statistic of single pixels tells them apart.
picture, truth = mosaic(textures, 512)

found = segment_textures(picture)  # the number of textures is found too
print(f"{found.count} textures, {100 * accuracy(found.labels, truth):.1f} % of pixels right")
for count, silhouette in found.silhouettes.items():
    print(f"  {count} textures: mean silhouette {silhouette:.3f}")
article = segment_textures(picture, 4, **JAIN_FARROKHNIA)
print(f"as in the article: {100 * accuracy(article.labels, truth):.1f} %")

colours = np.array([(0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167)], np.uint8)
grey = np.repeat(picture.round().astype(np.uint8)[..., None], 3, 2)
tinted = 0.5 * grey + 0.5 * colours[found.labels % 4]
panels = [grey, colours[truth], colours[found.labels % 4], tinted.round().astype(np.uint8)]
gap = np.full((512, 10, 3), 255, np.uint8)
sheet = np.concatenate([part for panel in panels for part in (panel, gap)][:-1], axis=1)
gk.write_image(folder / "segmentation.png", sheet[::2, ::2])
