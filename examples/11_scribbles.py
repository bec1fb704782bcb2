"""
Segment by strokes
==================

Sky, coat, lawn, and the rest of a photograph, each shown by a few strokes.

Run: ``python examples/11_scribbles.py [FOLDER]``
"""

import sys
from pathlib import Path

import numpy as np

import gaborkit as gk
from gaborkit.vision import fit_scribbles

NAMES = ("sky", "coat", "lawn", "the rest")

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

picture = gk.read_image("sample:camera")
strokes = np.zeros(picture.shape, np.uint8)  # 0: nothing is said
strokes[40:46, 60:440] = 1  # sky
strokes[230:470, 70:76] = strokes[90:96, 180:240] = 2  # coat
strokes[300:306, 390:500] = strokes[470:476, 165:225] = strokes[420:426, 310:350] = 3  # lawn
strokes[214:220, 330:500] = strokes[208:214, 0:20] = 4  # the rest

# %%
# Small windows of short waves: the figure is narrow.
bank = gk.GaborBank.grid(3, 4, wavelength=3)
model = fit_scribbles(picture, strokes, bank=bank, window=0.5, least=3, smoothing=3)
labels, probabilities = model.predict(picture)
for number, name, map_ in zip(model.classes, NAMES, probabilities, strict=True):
    share, sure = np.mean(labels == number), np.mean(map_[labels == number])
    print(f"{name}: {100 * share:.1f} % of the picture, mean probability {sure:.2f}")

colours = np.array(
    [(0, 0, 0), (86, 180, 233), (213, 94, 0), (0, 158, 115), (240, 228, 66)], np.uint8
)
grey = np.repeat(picture[..., None], 3, 2)
drawn = np.where(strokes[..., None] > 0, colours[strokes], grey)
tinted = np.rint(0.55 * grey + 0.45 * colours[labels]).astype(np.uint8)
gap = np.full((512, 10, 3), 255, np.uint8)
gk.write_image(folder / "scribbles.png", np.concatenate([drawn, gap, tinted], axis=1))
