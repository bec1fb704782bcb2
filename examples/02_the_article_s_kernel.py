"""
The article's kernel
====================

Real and imaginary part as surfaces, beside the formula that the article's gnuplot figure draws.

Run: ``python examples/02_the_article_s_kernel.py [FOLDER]``
"""

import sys
from pathlib import Path

import numpy as np

import gaborkit as gk

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

kernel = gk.GaborKernel.article(sigma=1)
y, x = np.mgrid[-5:5:101j, -5:5:101j]
# splot (1 / (4 * pi)) * exp(-(x**2 + y**2) / 4) * (cos(x) - exp(-1)), and with sin(x)
gnuplot = np.exp(-(x**2 + y**2) / 4) / (4 * np.pi) * (np.exp(1j * x) - np.exp(-1))
difference = abs(kernel.evaluate(y, x) - gnuplot).max()
print(f"largest difference from the article's formula: {difference:.1e}")
print(f"sum of the samples on the pixel grid: {abs(kernel.sample().sum()):.1e}")

figure = gk.plotting.plot_kernel(kernel, gaussian=True)
gk.plotting.save_figure(figure, folder / "article.png", dpi=100)
