"""
A kernel finds a texture
========================

Gradient ascent moves wavelength and direction to those of a texture. Needs torch.

Run: ``python examples/04_learn_a_kernel.py [FOLDER]``
"""

import math
import sys
from pathlib import Path

import torch

import gaborkit as gk

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
direction = math.radians(35)
texture = torch.cos(2 * math.pi * (x * math.cos(direction) + y * math.sin(direction)) / 9)
texture = texture + 0.5 * torch.randn(64, 64, generator=torch.Generator().manual_seed(0))

theta = torch.tensor(math.radians(10), requires_grad=True)
wavelength = torch.tensor(7.0, requires_grad=True)
optimizer = torch.optim.Adam([theta, wavelength], lr=0.05)
for step in range(81):
    kernel = gk.GaborKernel(wavelength=wavelength, theta=theta, sigma=4, norm="gain")
    energy = kernel.filter(texture).abs().mean()
    if step % 20 == 0:
        degrees = math.degrees(theta.item())
        print(f"step {step:2d}: {wavelength.item():.2f} px, {degrees:5.1f} degrees")
    optimizer.zero_grad()
    (-energy).backward()
    optimizer.step()

figure = gk.plotting.plot_kernel(kernel)
gk.plotting.save_figure(figure, folder / "learned.png", dpi=100)
