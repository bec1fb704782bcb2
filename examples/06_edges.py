"""
Edges and lines
===============

Found by energy and by congruency of phase, which does not mind the contrast.

Run: ``python examples/06_edges.py [FOLDER]``
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import gaborkit as gk
from gaborkit.features import phase_congruency
from gaborkit.vision import find_edges

INKS = np.array([[255, 255, 255], [20, 20, 20], [230, 120, 0], [0, 110, 220]], np.uint8)

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

picture = gk.read_image("sample:camera").astype(float)
# The same picture in a shadow that falls to a tenth of the light.
shadow = picture * np.geomspace(1, 0.1, picture.shape[1])

figure = Figure(figsize=(12, 6.6), layout="constrained")
axes = figure.subplots(2, 4)
for row, image in zip(axes, (picture, shadow), strict=True):
    by_energy = find_edges(image)
    by_phase = find_edges(image, measure="congruency")
    congruency = phase_congruency(image)
    print(f"{by_energy.thin.sum()} pixels by energy, {by_phase.thin.sum()} by congruency")
    shown = {
        "picture": image,
        "edges by energy": INKS[by_energy.kind],
        "edges by congruency": INKS[by_phase.kind],
        "phase congruency (Kovesi)": congruency.edge,
    }
    for place, (title, values) in zip(row, shown.items(), strict=True):
        place.imshow(values, cmap="gray", vmin=0)
        place.set_title(title, fontsize=10)
        place.set_xticks([])
        place.set_yticks([])
axes[1, 0].set_title("picture in a shadow", fontsize=10)
figure.supxlabel("black: edges, orange: bright lines, blue: dark lines", fontsize=9)
gk.plotting.save_figure(figure, folder / "edges.png", dpi=100)
