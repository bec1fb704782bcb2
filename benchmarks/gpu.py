"""Banks on a GPU: gaborkit's engines against dense conv2d, cuCIM, and the time of writing.

    python benchmarks/gpu.py [--device cuda] [--repeats 10] [--tune]
    python benchmarks/gpu.py --device cpu --quick        # tiny sizes: does this script still run?

Every row gives the time, its ratio to writing the output at the bandwidth of a copy measured in
the same run, the largest error of a response on a crop (as a share of the response, against double
precision on the CPU), and the peak of allocated memory. `--out` (benchmarks/gpu.md) holds the
tables; `--tune` tries the sizes of the fused engine's blocks instead.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import platform
import statistics
import time
from pathlib import Path

import numpy as np
import torch

import gaborkit as gk
from gaborkit.filtering.backend import library_of
from gaborkit.filtering.gpu import fused
from gaborkit.filtering.padding import pad

TOLERANCE = gk.TOLERANCE
CROP = 48  # pixels a side on which errors are measured


def seconds(work, device, repeats):
    """Median, after two calls that compile and fill caches."""
    times = []
    for repeat in range(repeats + 2):
        wait(device)
        started = time.perf_counter()
        work()
        wait(device)
        if repeat >= 2:
            times.append(time.perf_counter() - started)
    return statistics.median(times)


def wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def bandwidth(device, repeats, size):
    """Bytes a second of a copy, read and written."""
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    return 2 * size / seconds(lambda: target.copy_(source), device, repeats)


def octave(sigma, orientations):
    """Round kernels of one octave at sigma pixels."""
    return gk.GaborBank.grid(1, orientations, wavelength=sigma / 0.5622, sigma=sigma)


# ---- contestants: each a function of (image, bank, out, part) that fills out ----


def by_engines(image, bank, out, part, transfer="sampled", engine=None):
    """All kernels by the modelled engines, or by one; the output is allocated anew."""
    return bank.filter(image, part=part, transfer=transfer, engine=engine or "auto")


def by_dense_conv2d(image, bank, out, part):
    """What one writes by hand: all taps of all kernels, real and imaginary."""
    weight, radius = dense_weight(bank, image.device)
    padded = pad(library_of(image), image.float(), radius, "reflect")[:, None]
    with torch.backends.cudnn.flags(allow_tf32=False):
        real, imag = torch.nn.functional.conv2d(padded, weight).chunk(2, 1)
    return torch.complex(real, imag)


@functools.lru_cache(maxsize=1)
def dense_weight(bank, device):
    samples = np.stack([kernel.sample(TOLERANCE)[::-1, ::-1] for kernel in bank])
    weight = np.concatenate([samples.real, samples.imag])[:, None].astype(np.float32)
    return torch.from_numpy(weight).to(device), samples.shape[-1] // 2


def by_cucim(image, bank, out, part):
    """Gabor responses of cuCIM, kernel by kernel: its own supports, and a constant answers."""
    import cupy
    from cucim.skimage.filters import gabor

    for k, kernel in enumerate(bank):
        sigma = kernel.sigma * kernel.scale
        options = {"sigma_x": sigma, "sigma_y": sigma, "n_stds": 4.5}
        parts = gabor(cupy.asarray(image[0]), kernel.frequency, kernel.theta, **options)
        out[0, k] = torch.complex(*(torch.as_tensor(part, device=image.device) for part in parts))
    return out


def contestants(image, bank, part, dense):
    """Names and functions that can run here; for each also the transfer function it stands for."""
    gpu = fused.usable(image.device)
    yield "gaborkit, modelled engines", by_engines, "sampled"
    if gpu or image.device.type != "cpu":
        analytic = functools.partial(by_engines, transfer="analytic")
        yield "gaborkit, modelled engines, closed form", analytic, "analytic"
    if gpu:
        yield "gaborkit, fused", functools.partial(by_engines, engine="separable"), "sampled"
    yield "gaborkit, fourier", functools.partial(by_engines, engine="fourier"), "sampled"
    if dense and part == "complex":
        yield "dense conv2d", by_dense_conv2d, "sampled"
    if part == "complex" and image.device.type == "cuda" and len(image) == 1:
        try:
            from cucim.skimage.filters import gabor  # noqa: F401
        except ImportError:
            return
        yield "cuCIM gabor", by_cucim, "sampled"


# ---- errors ----


def reference(image, bank, part, transfer):
    """Responses on a crop of the first picture in double precision (K, h, w), and where it lies."""
    tolerance = TOLERANCE if transfer == "sampled" else 1e-9
    reach = max(kernel.radius(tolerance) for kernel in bank)
    height, width = image.shape[-2:]
    top, left = max(0, (height - CROP) // 2), max(0, (width - CROP) // 2)
    rows = slice(max(0, top - reach), min(height, top + CROP + reach))
    columns = slice(max(0, left - reach), min(width, left + CROP + reach))
    around = image[0, rows, columns].double().cpu().numpy()
    inner = (slice(top - rows.start, top - rows.start + CROP),
             slice(left - columns.start, left - columns.start + CROP))  # fmt: skip
    found = np.stack(
        [k.filter(around, part=part, engine="fourier", tolerance=tolerance)[inner] for k in bank]
    )
    return found, (slice(top, top + CROP), slice(left, left + CROP))


def largest_error(found, wanted, where):
    found = found[0][(slice(None), *where)].cpu().numpy()
    errors = np.linalg.norm(found - wanted, axis=(1, 2)) / np.linalg.norm(wanted, axis=(1, 2))
    return float(errors.max())


# ---- tables ----


def problems(quick):
    """Name, shape, image dtype, part, bank, and whether dense conv2d is among the contestants."""
    sizes = (64, 48, 56) if quick else (4096, 512, 2048)
    bank = gk.GaborBank.grid(2, 2) if quick else gk.GaborBank.grid(5, 8)
    single = (1, sizes[0], sizes[0])
    yield "one picture", single, torch.float32, "complex", bank, False
    yield "one picture, bfloat16", single, torch.bfloat16, "complex", bank, False
    yield "one picture, float16", single, torch.float16, "complex", bank, False
    for part in ("real", "magnitude", "energy"):
        yield f"one picture, {part}", single, torch.float32, part, bank, False
    pictures = 2 if quick else 16
    yield "many pictures", (pictures, sizes[1], sizes[1]), torch.float32, "complex", bank, False
    four = (2 if quick else 4, sizes[2], sizes[2])
    yield "four pictures", four, torch.float32, "complex", bank, False
    orientations = 2 if quick else 8
    for sigma in (2, 4) if quick else (2, 4, 8, 16, 32):
        kernels = octave(float(sigma), orientations)
        yield f"sigma {sigma}", single, torch.float32, "complex", kernels, sigma in (4, 8)
    long = gk.GaborBank.grid(1, orientations, wavelength=8, gamma=0.5)
    yield "elongated, sigma 4.5 and 9", single, torch.float32, "complex", long, False


def measure(problem, device, repeats, copied):
    """Lines of a table, as Markdown."""
    name, shape, dtype, part, bank, dense = problem
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(shape, generator=generator).to(device, dtype)
    kind = torch.complex64 if part == "complex" else torch.float32
    out = torch.empty((shape[0], len(bank), *shape[1:]), dtype=kind, device=device)
    writing = out.numel() * out.element_size() / copied
    title = " x ".join(map(str, shape))
    yield f"\n## {name}: {title} {str(dtype).removeprefix('torch.')}, {len(bank)} kernels, {part}\n"
    yield f"Writing the output takes {1e3 * writing:.3f} ms.\n"
    yield "| contestant | ms | x writing | error | peak MiB |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    references = {}
    for contestant, work, transfer in contestants(image, bank, part, dense):
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        try:
            found = work(image, bank, out, part)
            took = seconds(lambda w=work: w(image, bank, out, part), device, repeats)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            yield f"| {contestant} | out of memory | | | |"
            continue
        if transfer not in references:
            references[transfer] = reference(image, bank, part, transfer)
        error = largest_error(found, *references[transfer])
        peak = torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else 0
        memory = f"{peak:.0f}" if peak else ""
        ratio = took / writing
        yield f"| {contestant} | {1e3 * took:.3f} | {ratio:.2f} | {error:.1e} | {memory} |"
        del found


def tune(device, repeats, quick):
    """Times of the fused engine by the sizes of its blocks, best last."""
    side = 64 if quick else 4096
    image = torch.rand((1, side, side), device=device)
    results = []
    sizes = itertools.product((4, 8), (512, 1024), (4, 8), (256, 512), (12, 24, 48))
    for filters, row_block, rows, column_block, mebibytes in sizes:
        fused.FILTERS, fused.ROW_BLOCK, fused.ROWS = filters, row_block, rows
        fused.COLUMN_BLOCK, fused.PASS_BYTES = column_block, mebibytes * 2**20
        fused._tables.cache_clear()
        times = []
        for sigma in (2.0, 4.0, 8.0):
            bank = octave(sigma, 8)
            out = torch.empty((1, 8, side, side), dtype=torch.complex64, device=device)
            work = functools.partial(by_engines, image, bank, out, "complex", engine="separable")
            times.append(1e3 * seconds(work, device, repeats))
        results.append((sum(times), times, filters, row_block, rows, column_block, mebibytes))
    print("ms at sigma 2, 4, 8: FILTERS, ROW_BLOCK, ROWS, COLUMN_BLOCK, MiB of PASS_BYTES")
    for _, times, *settings in sorted(results, reverse=True):
        print(", ".join(f"{ms:.3f}" for ms in times), *settings)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="tiny sizes; prints, writes nothing")
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("gpu.md"))
    options = parser.parse_args()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("there is no CUDA device here; --device cpu --quick tests the script")
    if options.tune:
        if not fused.usable(device):
            parser.error(f"the fused engine does not run on {device}")
        tune(device, options.repeats, options.quick)
        return
    repeats = 1 if options.quick else options.repeats
    copied = bandwidth(device, repeats, 2**20 if options.quick else 2**30)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor()
    lines = ["# Banks on a GPU\n"]
    lines.append("Made by `python benchmarks/gpu.py`; its docstring says what is measured.\n")
    lines.append(f"{name}, torch {torch.__version__}, a copy moves {copied / 1e9:.0f} GB/s.")
    print(*lines, sep="\n", flush=True)
    for problem in problems(options.quick):
        for line in measure(problem, device, repeats, copied):
            lines.append(line)
            print(line, flush=True)
    if not options.quick:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
