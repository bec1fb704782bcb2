"""
A model of your own pictures
============================

A Gated PixelCNN learns pictures that are given as arrays. Needs torch.

Run: ``python examples/17_own_pictures.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

from sklearn.datasets import load_digits

import gaborkit as gk
from gaborkit import generative

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

scans = load_digits()  # images (1797, 8, 8) from 0 to 16, and what they show
data = generative.Dataset.from_arrays(scans.images / 16, scans.target, name="scans")
print(data.describe())

recipe = generative.Recipe(
    "gated-pixelcnn", classes=True, training={"steps": 800, "batch_size": 32}
)
with tempfile.TemporaryDirectory() as runs:
    run = Path(runs) / "scans"
    model = generative.start(recipe, run, dataset=data)  # killed? resume(run, dataset=data)
    print(generative.evaluate(model, data, samples=300))
images = model.sample(60, classes=[k % 10 for k in range(60)], seed=1)
grid = generative.image_grid(images, columns=10, zoom=6)
gk.write_image(folder / "own_pictures.png", grid)
