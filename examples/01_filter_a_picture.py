"""
Filter a picture
================

One kernel, and a bank of twelve: responses as magnitude and phase.

Run: ``python examples/01_filter_a_picture.py [FOLDER]``
"""

import sys
from pathlib import Path

import numpy as np

import gaborkit as gk

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

picture = gk.read_image("sample:camera")  # uint8 (512, 512)

kernel = gk.GaborKernel(wavelength=12, theta=np.deg2rad(45), sigma=6)
response = kernel.filter(picture)  # complex64 (512, 512)
print(f"one kernel: {response.dtype} {response.shape}, largest {abs(response).max():.1f}")

bank = gk.GaborBank.grid(scales=3, orientations=4)
print(bank.table())
print(bank.plan(picture.shape, picture.dtype))
responses = bank.filter(picture)  # complex64 (12, 512, 512)

figure = gk.plotting.plot_responses(picture, responses, bank.labels)
gk.plotting.save_figure(figure, folder / "responses.png", dpi=100)
