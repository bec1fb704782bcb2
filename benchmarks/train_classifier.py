"""Train the classifier that the metrics of ``gaborkit evaluate`` use, on all of MNIST.

    python benchmarks/train_classifier.py --data-dir FOLDER

FOLDER holds the four IDX files (gzip-compressed or not). Writes the weights into the package and
prints the accuracy on the 10,000 test digits, which training never sees. The weights in the package
are of 16 epochs with seed 0: 99.61 %.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from gaborkit.generative.metrics.classifier import DigitClassifier
from gaborkit.generative.metrics.shipped import SMOOTHING, WEIGHTS, write_hash


def read(folder: Path, name: str) -> Tensor:
    """One IDX file as a uint8 tensor."""
    path = next(path for path in (folder / f"{name}.gz", folder / name) if path.exists())
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    header = 4 + 4 * content[3]
    shape = np.frombuffer(content[4:header], ">u4").astype(int)
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=header).reshape(shape).copy())


def distorted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Images (B, 1, H, W) under random rotation, scale, shear and shift."""
    count = len(images)
    draws = torch.rand(count, 6, generator=generator) * 2 - 1
    angle, shear = draws[:, 0] * math.radians(12), draws[:, 1] * 0.15
    wide, tall = 1 + 0.12 * draws[:, 2], 1 + 0.12 * draws[:, 3]
    cos, sin = angle.cos(), angle.sin()
    matrix = torch.zeros(count, 2, 3)
    matrix[:, 0, 0], matrix[:, 0, 1] = wide * cos, -wide * sin + shear
    matrix[:, 1, 0], matrix[:, 1, 1] = tall * sin, tall * cos
    matrix[:, :, 2] = draws[:, 4:] * (2 / 14)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


@torch.no_grad()
def accuracy(network: DigitClassifier, images: Tensor, labels: Tensor) -> float:
    """Share of images whose class is found."""
    network.eval()
    chunks = zip(images.split(1000), labels.split(1000), strict=True)
    right = sum(int((network(part).argmax(1) == truth).sum()) for part, truth in chunks)
    return right / len(images)


def main() -> None:
    """Train, report, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    images, labels, test_images, test_labels = (
        read(options.data_dir, name)
        for name in (
            "train-images-idx3-ubyte",
            "train-labels-idx1-ubyte",
            "t10k-images-idx3-ubyte",
            "t10k-labels-idx1-ubyte",
        )
    )
    images, test_images = images[:, None] / 255, test_images[:, None] / 255
    torch.manual_seed(options.seed)
    generator = torch.Generator().manual_seed(options.seed)
    network = DigitClassifier().to(memory_format=torch.channels_last)
    batch = 128
    steps = options.epochs * (len(images) // batch)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=steps)
    start = time.perf_counter()
    for epoch in range(options.epochs):
        network.train()
        order = torch.randperm(len(images), generator=generator)
        for chosen in order[: len(order) // batch * batch].split(batch):
            logits = network(distorted(images[chosen], generator))
            loss = functional.cross_entropy(
                logits, labels[chosen].long(), label_smoothing=SMOOTHING
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        share = accuracy(network, test_images, test_labels)
        print(
            f"epoch {epoch + 1}: {share:.2%} after {time.perf_counter() - start:.0f} s", flush=True
        )
        record = {"accuracy": f"{share:.4f}", "epochs": str(epoch + 1), "seed": str(options.seed)}
        weights = {key: value.contiguous() for key, value in network.state_dict().items()}
        save_file(weights, WEIGHTS, metadata={"gaborkit": json.dumps(record)})
    WEIGHTS.chmod(0o644)
    write_hash()


if __name__ == "__main__":
    main()
