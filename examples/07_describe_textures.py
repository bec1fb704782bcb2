"""
Describe textures
=================

Upright and turned, by features that see the turn and by some that do not.

Run: ``python examples/07_describe_textures.py [FOLDER]``
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.ndimage import rotate

import gaborkit as gk
from gaborkit.features import Energy, Invariant, Spectrum, Texture, grid_of

TEXTURES = {"brick": "#0072b2", "grass": "#009e73", "gravel": "#d55e00"}
MARKERS = {  # by degrees
    0: {"marker": ".", "linestyle": "", "mec": "none"},
    30: {"marker": "^", "linestyle": "", "mec": "none", "alpha": 0.7},
    60: {"marker": "v", "linestyle": "", "mec": "none", "alpha": 0.7},
    90: {"marker": "s", "linestyle": "", "mfc": "none", "markersize": 8},
}


def crops(name: str, angle: float) -> np.ndarray:
    """Nine crops (9, 128, 128) of a picture that was turned; none of them shows its corners."""
    turned = rotate(gk.read_image(f"sample:{name}").astype(np.float32), angle, reshape=False)
    places = [y * 512 + x for y in (94, 192, 290) for x in (94, 192, 290)]
    return np.stack([turned[p // 512 :, p % 512 :][:128, :128] for p in places])


def plane(values: np.ndarray) -> np.ndarray:
    """The two principal components (..., 2) of features in units of their deviations."""
    scaled = (values - values.mean((0, 1, 2))) / values.std((0, 1, 2))
    axes = np.linalg.svd(scaled.reshape(-1, values.shape[-1]), full_matrices=False)[2]
    return scaled @ axes[:2].T


def show_energies(axes, pictures: np.ndarray) -> None:
    """Energy of one scale against orientation, upright and turned by 30 degrees."""
    descriptor = Energy()
    scales = grid_of(descriptor.bank)
    energy = descriptor.values(pictures).mean(2)[..., list(scales.places[2])]  # of the crops
    degrees = np.degrees(scales.thetas)
    for name, row in zip(TEXTURES, energy, strict=True):
        for values, line in zip(row[:2], ("-", "--"), strict=True):
            closed = np.append(values, values[0]) / values.mean()
            axes.plot(np.append(degrees, 180), closed, line, color=TEXTURES[name])
    axes.plot([], [], "k-", label="upright")
    axes.plot([], [], "k--", label="turned by 30°")
    axes.legend(frameon=False, fontsize="small")
    axes.set(
        title=f"Energy at {scales.wavelengths[2]:g} px: the turn moves it",
        xlabel="theta (degrees)",
        ylabel="energy / mean over theta",
        xticks=np.arange(0, 181, 30),
        ylim=(0, None),
    )


folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

pictures = np.stack([[crops(name, angle) for angle in MARKERS] for name in TEXTURES])
print("pictures:", pictures.shape)  # textures, angles, crops, height, width

figure = Figure(figsize=(11, 6), layout="constrained")
grid = figure.subplots(2, 3, height_ratios=(1, 1.7))
for axes, name, row in zip(grid[0], TEXTURES, pictures, strict=True):
    upright, turned = row[0, 4], row[1, 4]
    gap = np.full((128, 6), 255)
    axes.imshow(np.hstack([upright, gap, turned]), cmap="gray", vmin=0, vmax=255)
    axes.set_title(f"{name}, and turned by 30°", color=TEXTURES[name])
    axes.set_axis_off()

show_energies(grid[1, 0], pictures)
for axes, (title, descriptor) in zip(
    grid[1, 1:],
    {
        "Texture: the turn spreads the bricks": Texture(),
        "Invariant: it does not": Invariant(pooling="spectrum"),
    }.items(),
    strict=True,
):
    features = descriptor.describe(pictures)
    print(features)
    for name, points in zip(TEXTURES, plane(features.values), strict=True):
        for angle, at in zip(MARKERS, points, strict=True):
            axes.plot(*at.T, color=TEXTURES[name], **MARKERS[angle])
    axes.set(title=title, xlabel="first component", ylabel="second component")
for angle, marker in MARKERS.items():
    grid[1, 2].plot([], [], color="0.4", label=f"turned by {angle}°", **marker)
grid[1, 2].legend(frameon=False, fontsize="small")

orders = Spectrum().describe(pictures[:, 0])["10 px, order 1"].mean(1)
for name, order in zip(TEXTURES, orders, strict=True):
    print(f"{name}: order 1 of the orientation spectrum at 10 px is {order:.2f}")
gk.plotting.save_figure(figure, folder / "textures.png", dpi=110)
