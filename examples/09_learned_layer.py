"""
A first layer that learns
=========================

Sixteen Gabor kernels learn to tell digits apart. Needs torch.

Run: ``python examples/09_learned_layer.py [FOLDER]``
"""

import sys
from pathlib import Path

import torch
from torch import nn

import gaborkit as gk

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

torch.manual_seed(0)
digits = gk.generative.load_dataset("mini")
images, labels = digits.train.images[:1000] / 255, digits.train.labels[:1000]

layer = gk.nn.GaborConv2d(1, 16, 11, stride=2, padding=5, part="magnitude")
network = nn.Sequential(
    layer, nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(784, 10)
)
before = layer.bank()
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
for _ in range(6):
    for chosen in torch.randperm(1000).split(50):
        loss = nn.functional.cross_entropy(network(images[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

network.eval()
with torch.no_grad():  # kernels are sampled once from here on
    found = network(digits.test.images / 255).argmax(1)
print(f"{(found == digits.test.labels).float().mean():.1%} of 1,000 test digits are right")
print(layer.bank()[:4].table())
figure = gk.plotting.plot_learning(before, layer.bank(), size=layer.kernel_size)
gk.plotting.save_figure(figure, folder / "learned_layer.png", dpi=110)
