"""Train the classifier that the metrics of ``gaborkit evaluate`` use, on all of MNIST.

    python benchmarks/train_classifier.py --data-dir FOLDER [--choose | --init WEIGHTS]

FOLDER holds the four IDX files (gzip-compressed or not). The digits are distorted a little in all
epochs; in the last ones half of them are made noisy and half of them blurred besides: samples of
models are both, and a classifier that has seen neither is unsure of them for that alone.
``--choose`` prints what the strengths were chosen by: short trainings without the last 5,000
training digits, judged on these. Otherwise the weights are written into the package, and the
accuracy on the 10,000 test digits printed, which neither the training nor the choice sees.
``--init`` takes the weights of the clean epochs (``--degraded-epochs 0`` writes them) and trains
the last ones alone.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import json
import math
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from gaborkit.generative.metrics.classifier import DigitClassifier
from gaborkit.generative.metrics.shipped import SMOOTHING, WEIGHTS, judge, write_hash

BATCH = 128
HELD_OUT = 5000

#: Largest learning rates of the clean and of the last epochs.
CLEAN_RATE, LAST_RATE = 8e-3, 2e-3

#: Largest deviation of noise, in shares of the range, and of the Gaussian of the blur, in pixels.
CANDIDATES = ((0.0, 0.0), (0.05, 0.5), (0.1, 0.8))
CHOSEN = (0.1, 0.8)

#: Noise and blur of held-out digits that a candidate is judged by: what samples look like.
JUDGED = ((0.0, 0.0), (0.05, 0.0), (0.1, 0.0), (0.0, 0.5), (0.0, 0.8), (0.05, 0.5))


class Digits(NamedTuple):
    """Floats (N, 1, 28, 28) in [0, 1], and int64 labels (N,)."""

    images: Tensor
    labels: Tensor


def read(folder: Path, name: str) -> Tensor:
    """One IDX file as a uint8 tensor."""
    path = next(path for path in (folder / f"{name}.gz", folder / name) if path.exists())
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    header = 4 + 4 * content[3]
    shape = np.frombuffer(content[4:header], ">u4").astype(int)
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=header).reshape(shape).copy())


def digits(folder: Path, part: str) -> Digits:
    """The digits of ``train`` or ``t10k``."""
    images = read(folder, f"{part}-images-idx3-ubyte")[:, None] / 255
    return Digits(images, read(folder, f"{part}-labels-idx1-ubyte").long())


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


def blurred(images: Tensor, deviations: Tensor) -> Tensor:
    """Images (B, 1, H, W), each under a Gaussian of its own deviation (B,), pixels."""
    offsets = torch.arange(-4.0, 5.0)
    # A deviation of 0 leaves an image as it is.
    kernels = (-0.5 * (offsets / deviations.clamp(min=1e-3)[:, None]).square()).exp()
    kernels = (kernels / kernels.sum(1, keepdim=True))[:, None]  # (B, 1, 9)
    planes, count = images.transpose(0, 1), len(images)  # (1, B, H, W): a group an image
    rows = functional.conv2d(planes, kernels[:, :, None], padding=(0, 4), groups=count)
    both = functional.conv2d(rows, kernels[:, :, :, None], padding=(4, 0), groups=count)
    return both.transpose(0, 1)


def noisy(images: Tensor, deviations: Tensor, generator: torch.Generator) -> Tensor:
    """Images (B, 1, H, W) with Gaussian noise of deviations (B,), cut to [0, 1]."""
    noise = torch.randn(images.shape, generator=generator)
    return (images + deviations[:, None, None, None] * noise).clamp(0, 1)


def degraded(
    images: Tensor, noise: float, blur: float, generator: torch.Generator, share: float = 0.5
) -> Tensor:
    """A share of the images blurred by up to ``blur``, another noisy by up to ``noise``."""
    if not (noise or blur):
        return images
    draws = torch.rand(4, len(images), generator=generator)
    images = blurred(images, blur * draws[0] * (draws[1] < share))
    return noisy(images, noise * draws[2] * (draws[3] < share), generator)


@torch.no_grad()
def accuracy(network: DigitClassifier, images: Tensor, labels: Tensor) -> float:
    """Share of images whose class is found."""
    return float((judge(images, network).classes == labels).double().mean())


def train(
    network: DigitClassifier,
    data: Digits,
    epochs: int,
    rate: float,
    strength: tuple[float, float],
    generator: torch.Generator,
) -> None:
    """Train on digits distorted and degraded anew in each epoch, at rates up to ``rate``."""
    batches = len(data.images) // BATCH
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * batches)
    start = time.process_time()
    network.train()
    for epoch in range(epochs):
        order = torch.randperm(len(data.images), generator=generator)
        for chosen in order[: batches * BATCH].split(BATCH):
            images = degraded(distorted(data.images[chosen], generator), *strength, generator)
            loss = functional.cross_entropy(
                network(images), data.labels[chosen], label_smoothing=SMOOTHING
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        spent, last = time.process_time() - start, loss.item()
        print(f"epoch {epoch + 1}: loss {last:.3f} after {spent:.0f} s of CPU", flush=True)
    network.eval()


def initial(seed: int) -> DigitClassifier:
    """A classifier that has seen nothing."""
    torch.manual_seed(seed)
    return DigitClassifier().to(memory_format=torch.channels_last)


def choose(data: Digits, seed: int) -> None:
    """Print log loss and accuracy of held-out digits by each candidate, in JUDGED's order."""
    part = Digits(data.images[:8_000], data.labels[:8_000])
    held_out = Digits(data.images[-HELD_OUT:], data.labels[-HELD_OUT:])
    clean = initial(seed)
    train(clean, part, 3, CLEAN_RATE, (0.0, 0.0), torch.Generator().manual_seed(seed))
    for strength in CANDIDATES:
        network = copy.deepcopy(clean)
        train(network, part, 1, LAST_RATE, strength, torch.Generator().manual_seed(seed + 1))
        losses, shares = [], []
        for noise, blur in JUDGED:
            generator = torch.Generator().manual_seed(seed)
            every = torch.ones(len(held_out.images))
            images = noisy(blurred(held_out.images, blur * every), noise * every, generator)
            probabilities = judge(images, network).probabilities.clamp(min=1e-3)
            losses.append(float(functional.nll_loss(probabilities.log(), held_out.labels)))
            shares.append(accuracy(network, images, held_out.labels))
        print(
            f"noise {strength[0]}, blur {strength[1]}: log loss {np.mean(losses):.4f}, of each "
            f"{np.round(losses, 4).tolist()}, accuracy {np.round(shares, 4).tolist()}",
            flush=True,
        )


def main() -> None:
    """Choose, or train, report, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=16, help="clean ones")
    parser.add_argument("--degraded-epochs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--init", type=Path)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    data = digits(options.data_dir, "train")
    if options.choose:
        choose(data, options.seed)
        return
    network = initial(options.seed)
    if options.init is None:
        generator = torch.Generator().manual_seed(options.seed)
        train(network, data, options.epochs, CLEAN_RATE, (0.0, 0.0), generator)
    else:
        network.load_state_dict(load_file(options.init))
    if options.degraded_epochs:
        generator = torch.Generator().manual_seed(options.seed + 1)
        train(network, data, options.degraded_epochs, LAST_RATE, CHOSEN, generator)
    share = accuracy(network.eval(), *digits(options.data_dir, "t10k"))
    print(f"{share:.2%} of the test digits")
    record = {
        "accuracy": f"{share:.4f}",
        "epochs": f"{options.epochs} + {options.degraded_epochs}",
        "seed": str(options.seed),
    }
    weights = {key: value.contiguous() for key, value in network.state_dict().items()}
    save_file(weights, options.out, metadata={"gaborkit": json.dumps(record)})
    options.out.chmod(0o644)
    write_hash(options.out)


if __name__ == "__main__":
    main()
