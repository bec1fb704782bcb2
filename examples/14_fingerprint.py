"""
Enhance a fingerprint
=====================

Spoil a fingerprint that never was, and find its ridges again.

Run: ``python examples/14_fingerprint.py [FOLDER]``
"""

import sys
from pathlib import Path

import numpy as np

import gaborkit as gk
from gaborkit.plotting.orientation_hues import orientation_colours
from gaborkit.vision.fingerprint import (
    degrade_fingerprint,
    enhance_fingerprint,
    synthetic_fingerprint,
)

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

truth = synthetic_fingerprint((360, 288), kind="whorl", seed=5)
spoiled = degrade_fingerprint(truth.image, noise=0.25, scratches=8, moisture=-0.5, blur=0.7, seed=3)

# %%
# For a picture of your own: gk.read_image("print.png"), of any scale.
found = enhance_fingerprint(spoiled)
both = found.mask & truth.mask
right = np.mean((found.binary == truth.ridges)[both])
print(f"ridges and valleys found right: {right:.1%} of {both.mean():.0%} of the picture")
print(f"distance of ridges: {1 / np.median(found.frequency[both]):.1f} pixels")

scale = 2.5 * found.enhanced[found.mask].std()
enhanced = np.where(found.mask, 0.5 + 0.5 * found.enhanced / scale, 1)
grey = [spoiled, enhanced, ~found.binary]
panels = [np.dstack([255 * np.clip(panel, 0, 1)] * 3).astype(np.uint8) for panel in grey]
hues = orientation_colours(found.orientation)
hues[~found.mask] = 255
panels.insert(1, hues)
gk.write_image(folder / "fingerprint.png", np.concatenate(panels, axis=1))
