"""
Orientation as hue
==================

The direction of the joints of a brick wall, and how straight they lie.

Run: ``python examples/05_orientation.py [FOLDER]``
"""

import sys
from pathlib import Path

import numpy as np

import gaborkit as gk
from gaborkit.features import local_orientation

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

picture = gk.read_image("sample:brick")  # uint8 (512, 512)

bank = gk.GaborBank.grid(scales=3, orientations=8, wavelength=3)
found = local_orientation(picture, bank)  # angle, confidence, energy, (512, 512) each

# %%
# Joints run along the perpendicular of theta. Weighted by energy, the joints count, and not
# the bricks between them.
sure = found.energy * found.confidence
degrees = np.rad2deg(found.line_angle)
for name, low, high in (("along", 60, 120), ("across", -30, 30)):
    turned = (degrees + 90) % 180 - 90 if low < 0 else degrees
    chosen = (turned > low) & (turned < high)
    mean = np.average(turned[chosen], weights=sure[chosen])
    spread = np.sqrt(np.average((turned[chosen] - mean) ** 2, weights=sure[chosen]))
    print(f"joints {name}: {mean:.1f} +- {spread:.1f} degrees")

strength = np.sqrt(found.energy)
strength = found.confidence * np.sqrt(strength / np.quantile(strength, 0.98))
figure = gk.plotting.plot_orientation(picture, found.angle, strength, legend="strength")
gk.plotting.save_figure(figure, folder / "orientation.png", dpi=110)
