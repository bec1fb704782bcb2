"""SRGAN beside SRResNet and bicubic enlargement: digits 2x and 4x, photographs cut into patches.

    python benchmarks/upscaling.py --out FOLDER [--only digits-2x]

Trains an SRResNet, and an SRGAN from its weights on, as published (seed 0), on ``mini`` by their
defaults, and on patches of photographs that come with scikit-image; measures them on test digits,
and on patches of other photographs. Prints tables in
Markdown and writes FOLDER/*.png: made smaller (pixels as squares), bicubic, SRResNet, SRGAN,
original. A run that is there is gone on with.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import torch
from torch import Tensor

import gaborkit as gk
from gaborkit.generative import (
    Dataset,
    ImageModel,
    Recipe,
    Split,
    evaluate,
    image_grid,
    load_dataset,
    resume,
    start,
)
from gaborkit.generative.metrics.upscaling import there_and_back
from gaborkit.generative.pixels import shrunk

SIDE, STEP = 32, 24
#: What is learned from, what is held out, and what is tested on.
TRAIN = ("astronaut", "rocket", "hubble_deep_field", "retina")
VALIDATION, TEST = ("cat",), ("coffee",)
CONFIGS: dict[str, dict[str, Any]] = {
    "SRResNet": {"content": "pixels", "adversarial": 0.0},
    "SRGAN": {},
}
#: Of each table: what is enlarged, and how many times.
TABLES = {"digits-2x": 2, "digits-4x": 4, "photographs": 2}


def patches(names: tuple[str, ...], limit: int) -> Tensor:
    """Patches (N, 3, SIDE, SIDE), uint8, of photographs, those with some contrast."""
    cut: list[Tensor] = []
    for name in names:
        photo = torch.from_numpy(np.ascontiguousarray(getattr(skimage.data, name)()))
        photo = photo[:512, :512].permute(2, 0, 1)
        windows = photo.unfold(1, SIDE, STEP).unfold(2, SIDE, STEP)  # (3, a, b, SIDE, SIDE)
        cut.append(windows.permute(1, 2, 0, 3, 4).flatten(0, 1))
    some = torch.cat(cut)
    some = some[some.float().flatten(1).std(1) > 10]
    generator = torch.Generator().manual_seed(0)
    return some[torch.randperm(len(some), generator=generator)[:limit]].contiguous()


def photographs() -> Dataset:
    """Colour patches; training, validation and test are of different pictures."""
    splits = (Split(patches(names, 1200), None) for names in (TRAIN, VALIDATION, TEST))
    return Dataset("photographs", *splits, ())


def trained(
    config: dict[str, Any], data: Dataset, steps: int, folder: Path, first: Path | None
) -> tuple[ImageModel, float]:
    """The model, and seconds of CPU that its training took here, from the weights of another on."""
    began = time.process_time()
    if (folder / "config.json").is_file():
        image_model = resume(folder, dataset=data, device="cpu")
    else:
        init = None if first is None else str(first)
        recipe = Recipe("srgan", data=None, config=config, training={"steps": steps}, init=init)
        image_model = start(recipe, folder, dataset=data, device="cpu")
    return image_model, time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument(
        "--steps", type=int, default=1600, help="of the SRGAN, whose networks take turns"
    )
    options = parser.parse_args()
    for title in options.only:
        data = photographs() if title == "photographs" else load_dataset("mini")
        factor, first = TABLES[title], None
        rows: dict[str, dict[str, float]] = {}
        large: list[Tensor] = []
        for name, config in CONFIGS.items():
            # Without an adversary every step is the generator's.
            steps = options.steps if name == "SRGAN" else options.steps // 2
            folder = options.out / f"{title}-{name}"
            config = {**config, "factor": factor}
            image_model, seconds = trained(config, data, steps, folder, first)
            first = folder
            figures = {item.name: item.value for item in evaluate(image_model, data).figures}
            rows["bicubic"] = {
                key.replace(", bicubic", ""): value
                for key, value in figures.items()
                if ", bicubic" in key
            }
            rows[name] = {**figures, "seconds": seconds}
            shown = data.test.take(torch.arange(min(10, len(data.test))))
            bicubic, upscaled, originals = there_and_back(image_model, shown)
            large = large or [bicubic]
            large.append(upscaled)
        small = shrunk(originals, factor).repeat_interleave(factor, 2).repeat_interleave(factor, 3)
        grid = image_grid(torch.cat([small, *large, originals]), columns=len(originals), zoom=3)
        gk.write_image(options.out / f"{title}.png", grid)
        print(data.describe())
        names = ["PSNR", "SSIM", "Fréchet distance", "Fréchet distance, scattering", "seconds"]
        print("| | " + " | ".join(names) + " |\n| --- |" + " ---: |" * len(names))
        for name, row in rows.items():
            cells = [f"{row[key]:.4g}" if key in row else "" for key in names]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
