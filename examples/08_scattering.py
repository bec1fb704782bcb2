"""
Scattering
==========

Coefficients of three textures, drawn as discs.

Run: ``python examples/08_scattering.py [FOLDER]``
"""

import sys
from pathlib import Path

import numpy as np

import gaborkit as gk
from gaborkit.features import Scattering
from gaborkit.scattering import normalized

TEXTURES = ("brick", "grass", "gravel")

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

pictures = np.stack([gk.read_image(f"sample:{name}")[:256, :256] for name in TEXTURES])

scattering = Scattering(J=4, L=8)
coefficients = scattering(pictures)  # float32 (3, 417, 16, 16)
print(f"{coefficients.shape[1]} coefficients in each of 16 x 16 cells of 16 x 16 pixels")

# %%
# How much of the energy each order holds, over that of the picture less its mean.
orders = np.array([path.order for path in scattering.paths])
for name, picture, found in zip(TEXTURES, pictures, coefficients, strict=True):
    shares = [256 * np.square(found[orders == order]).sum() for order in (1, 2)]
    shares = np.array(shares) / np.square(picture - picture.mean()).sum()
    print(f"{name:>6}: {shares[0]:4.0%} in order 1, {shares[1]:3.0%} in order 2")

# %%
# Relative to order 1, order 2 shows how the waves come and go, whatever their strength.
relative = normalized(coefficients, scattering)
figure = scattering.plot(relative, pictures=pictures, labels=TEXTURES)
gk.plotting.save_figure(figure, folder / "scattering.png", dpi=100)
