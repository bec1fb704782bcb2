"""
Iris codes
==========

Synthetic eyes told apart by codes of phase (Daugman), whatever their turn, light and lids.

Run: ``python examples/16_iris_codes.py [FOLDER]``
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from scipy.ndimage import gaussian_filter, map_coordinates

import gaborkit as gk
from gaborkit.features import decidability, hamming_distance, iris_code, unwrap_iris

PUPIL, IRIS = (100.0, 120.0, 30.0), (100.0, 120.0, 85.0)  # y, x, radius
PERSONS, SHIFTS = 40, 6


def eye(person: int, photograph: int) -> tuple[np.ndarray, np.ndarray]:
    """Picture (200, 240) of an iris of seeded noise, and where it is seen."""
    texture = np.random.default_rng(person).normal(size=(48, 384))
    texture = gaussian_filter(texture, (1.5, 2.5), mode=("nearest", "wrap"))
    rng = np.random.default_rng((person, photograph))
    turn, light, lid = rng.uniform(-8, 8), rng.uniform(0.5, 1.2), rng.uniform(0, 0.3)
    y, x = np.mgrid[:200, :240].astype(float)
    share = (np.hypot(y - PUPIL[0], x - PUPIL[1]) - PUPIL[2]) / (IRIS[2] - PUPIL[2])
    degrees = np.rad2deg(np.arctan2(y - IRIS[0], x - IRIS[1])) - turn
    places = [share * 48 - 0.5, degrees / 360 * 384 % 384]
    iris = 110 + 30 * map_coordinates(texture / texture.std(), places, order=1, mode="grid-wrap")
    picture = light * np.where(share < 0, 10, np.where(share > 1, 210, iris))
    seen = y > IRIS[0] - IRIS[2] + lid * 2 * IRIS[2]
    return np.where(seen, picture, 150) + rng.normal(0, 12, y.shape), seen


folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

codes = []
for photograph in range(2):
    eyes = [eye(person, photograph) for person in range(PERSONS)]
    rings = [unwrap_iris(picture, PUPIL, IRIS, mask=seen) for picture, seen in eyes]
    codes.append([iris_code(ring) for ring in rings])
distances = np.array(
    [[hamming_distance(a, b, shifts=SHIFTS).distance for b in codes[1]] for a in codes[0]]
)
same = np.diag(distances)
different = distances[~np.eye(PERSONS, dtype=bool)]
told = decidability(same, different)
print(f"{codes[0][0].nbytes} bytes a code, {different.size + same.size} comparisons")
print(f"same eye {same.mean():.3f}, at most {same.max():.3f}")
print(f"different {different.mean():.3f}, at least {different.min():.3f}, d' = {told:.1f}")

figure = Figure(figsize=(10, 5.6), layout="constrained")
axes = figure.subplot_mosaic([["eye", "ring"], ["eye", "code"], ["hist", "hist"]])
picture, ring = eyes[0][0], rings[0]
axes["eye"].imshow(picture, cmap="gray", vmin=0, vmax=255)
for y, x, radius in (PUPIL, IRIS):
    axes["eye"].add_patch(Circle((x, y), radius, fill=False, color="C1"))
axes["eye"].set_title("eye, and two circles", fontsize=10)
axes["ring"].imshow(np.where(ring.mask, ring.image, np.nan), cmap="gray", aspect="auto")
axes["ring"].set_title("unwrapped; what a lid hides is left out", fontsize=10)
bits = np.unpackbits(codes[1][0].bits, axis=1).T
axes["code"].imshow(bits, cmap="gray", aspect="auto", interpolation="nearest")
axes["code"].set_title(f"code of {codes[1][0].nbytes} bytes", fontsize=10)
for name in ("eye", "ring", "code"):
    axes[name].set_xticks([])
    axes[name].set_yticks([])
bins = np.linspace(0, 0.6, 61)
axes["hist"].hist(same, bins, density=True, color="C0", label="same eye")
axes["hist"].hist(different, bins, density=True, color="0.6", label="different eyes")
axes["hist"].set_xlabel("share of differing bits, the least of 13 shifts")
axes["hist"].set_yticks([])
axes["hist"].legend(title=f"d' = {told:.1f}", frameon=False)
axes["hist"].spines[["top", "right", "left"]].set_visible(False)
gk.plotting.save_figure(figure, folder / "iris.png", dpi=110)
