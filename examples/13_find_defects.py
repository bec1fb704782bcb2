"""
Find defects
============

A missing thread, a spot and a scratch in cloth, without having seen good cloth.

Run: ``python examples/13_find_defects.py [FOLDER]``
"""

import sys
from pathlib import Path

import numpy as np
from scipy import ndimage

import gaborkit as gk
from gaborkit.vision import find_defects, synthetic

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

cloth = synthetic.weave((320, 320), seed=1, period=8, jitter=0.6)
y, x = np.indices(cloth.shape)
cloth[96:104, 60:150] = -1.5  # a missing thread
cloth -= 1.5 * np.exp(-((y - 220) ** 2 + (x - 90) ** 2) / (2 * 5**2))  # a spot
cloth[(abs(x + y - 450) < 2) & (abs(x - y) < 60)] += 2  # a scratch

found = find_defects(cloth)
regions, count = ndimage.label(found.mask)
print(f"threshold {found.threshold:.0f}, largest score {found.score.max():.0f}")
for where in ndimage.find_objects(regions):
    top, left = (part.start for part in where)
    print(f"rows {top} to {where[0].stop}, columns {left} to {where[1].stop}")
print(f"{count} places")

low, high = np.quantile(cloth, [0.001, 0.999])
grey = np.rint(255 * ((cloth - low) / (high - low)).clip(0, 1)).astype(np.uint8)
grey = np.repeat(grey[..., None], 3, 2)
heat = (found.score / found.threshold).clip(0, 1)[..., None]
score = np.rint(heat * [255, 80, 0] + (1 - heat) * 255).astype(np.uint8)
marked = grey.copy()
marked[ndimage.binary_dilation(found.mask, iterations=2) & ~found.mask] = (230, 30, 30)
gap = np.full((320, 10, 3), 255, np.uint8)
sheet = np.concatenate([grey, gap, score, gap, marked], axis=1)
gk.write_image(folder / "defects.png", sheet)
