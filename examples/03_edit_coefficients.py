"""
Denoise by a frame
==================

Take a picture apart, drop small coefficients, and put it together again.

Run: ``python examples/03_edit_coefficients.py [FOLDER]``
"""

import sys
from pathlib import Path

import numpy as np

import gaborkit as gk


def decibels(image: np.ndarray, reference: np.ndarray) -> float:
    """Peak signal-to-noise ratio of pictures between 0 and 255."""
    return float(10 * np.log10(255**2 / np.mean((image - reference) ** 2)))


folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

picture = gk.read_image("sample:camera").astype(np.float32)
noisy = picture + np.random.default_rng(0).normal(0, 20, picture.shape).astype(np.float32)

frame = gk.GaborBank.grid(scales=4, orientations=8).frame(picture.shape, tight=True)
print(frame)
coefficients = frame.analyze(noisy)  # complex64 (34, 512, 512)
exact = frame.synthesize(coefficients)
error = np.linalg.norm(exact - noisy) / np.linalg.norm(noisy)
print(f"relative error of the round trip: {error:.1e}")

# %%
# White noise reaches each channel in proportion to its gain: that is the threshold's unit.
impulse = np.zeros_like(picture)
impulse[0, 0] = 1
gains = np.linalg.norm(frame.analyze(impulse), axis=(1, 2), keepdims=True)
keep = abs(coefficients) > 3 * 20 * gains
keep[frame.labels.index("low-pass")] = True
denoised = frame.synthesize(coefficients * keep)
print(f"noisy {decibels(noisy, picture):.1f} dB, denoised {decibels(denoised, picture):.1f} dB")

side_by_side = np.concatenate([noisy, denoised], axis=1).clip(0, 255).round()
gk.write_image(folder / "denoised.png", side_by_side.astype(np.uint8))
