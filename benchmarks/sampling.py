"""Cached against naive autoregressive sampling with the article's network, as a table.

    python benchmarks/sampling.py [--full] [--model gated-pixelcnn]

Weights are random: they do not matter for speed. The naive loop takes the same time for each
location; without --full it draws the last rows only, of images whose first rows the cached sampler
drew, and its time for a whole image is that times the share of rows left out. The draws of both are
compared in the same run. Processor time is printed too: where other programs run, it says more.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable

import torch
from torch import Tensor

from gaborkit.generative.models import MODELS
from gaborkit.generative.space import Space


def timed(function: Callable[[], Tensor]) -> tuple[Tensor, float, float]:
    """Result, seconds, and seconds of the processors."""
    wall, processor = time.perf_counter(), time.process_time()
    result = function()
    return result, time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=["pixelcnn", "gated-pixelcnn"], default="pixelcnn")
    parser.add_argument("--full", action="store_true", help="let the naive loop draw all rows")
    parser.add_argument("--rows", type=int, default=1, help="rows that it draws otherwise")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    config, _ = MODELS[options.model].preset("article", "raw")
    torch.manual_seed(0)
    model = MODELS[options.model](config, Space(1, 28, 28, "levels", config.levels))
    model = model.to(options.device).eval()
    model.sample(1)  # sets up threads and memory
    drawn = 28 if options.full else options.rows
    print(f"{options.model}, preset article, {options.device}, torch {torch.__version__}, ", end="")
    print(f"{torch.get_num_threads()} threads, {platform.machine()}.")
    print(f"The naive loop drew {drawn} of 28 rows; its times are for all 28.\n")
    print("| batch | naive, s | cached, s | faster | naive, CPU s | cached, CPU s | same draws |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for batch in options.batches:
        generator = torch.Generator(model.device).manual_seed(batch)
        shape = (batch, *model.space.shape)
        noise = torch.rand(shape, generator=generator, device=model.device)
        found, wall, processor = timed(lambda b=batch, n=noise: model.sample(b, noise=n).cpu())
        kept = 28 - drawn
        naive, naive_wall, naive_processor = timed(
            lambda f=found, n=noise, k=kept: model.complete(f, k, noise=n, method="naive").cpu()
        )
        naive_wall, naive_processor = naive_wall * 28 / drawn, naive_processor * 28 / drawn
        same = int((naive == found)[:, :, kept:].sum())
        print(
            f"| {batch} | {naive_wall:.1f} | {wall:.2f} | {naive_wall / wall:.0f} x "
            f"| {naive_processor:.1f} | {processor:.2f} "
            f"| {same} of {batch * drawn * 28} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
