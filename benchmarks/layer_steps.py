"""Steps of Gabor layers beside plain convolutions of as many channels of output.

``python benchmarks/layer_steps.py``: a step is forward and backward, CPU time in one thread, the
least of some runs.
"""

from __future__ import annotations

import time

import torch

import gaborkit as gk

PICTURES = {
    "50 digits": (50, 1, 28, 28),
    "8 of 128 x 128": (8, 1, 128, 128),
    "one of 512 x 512": (1, 1, 512, 512),
    "4 of 512 x 512": (4, 1, 512, 512),
}


def step(layer, images):
    """Forward and backward; of twice as many channels, the magnitude of pairs."""
    result = layer(images)
    if result.shape[1] == 32:
        result = torch.linalg.vector_norm(result.unflatten(1, (16, 2)), dim=2)
    result.sum().backward()


def seconds(layers, images, runs=9):
    """Least times of layers that take turns, so that what else runs slows all of them."""
    times = [[] for _ in layers]
    for _ in range(runs):
        for layer, of_layer in zip(layers, times, strict=True):
            start = time.process_time()
            step(layer, images)
            of_layer.append(time.process_time() - start)
    return [min(of_layer) for of_layer in times]


if __name__ == "__main__":
    torch.set_num_threads(1)
    print("| pictures, part | GaborConv2d | Conv2d | ratio |")
    print("| --- | --- | --- | --- |")
    for name, shape in PICTURES.items():
        images = torch.rand(shape)
        for part, channels in (("real", 16), ("magnitude", 32)):
            ours = gk.nn.GaborConv2d(1, 16, 11, padding="same", part=part)
            plain = torch.nn.Conv2d(1, channels, 11, padding="same")
            times = seconds((ours, plain), images)
            milliseconds = (f"{1000 * t:.1f} ms" for t in times)
            print("|", name + ",", part, "|", *(f"{t} |" for t in milliseconds), end=" ")
            print(f"{times[0] / times[1]:.2f} |")
