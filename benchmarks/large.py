"""A picture that does not fit: resident memory, seams, and a cluster that loses a worker.

    python benchmarks/large.py [--side 20000] [--memory 1GB] [--folder /tmp] [--keep]

Filters a picture of --side x --side bytes with 8 orientations into the magnitude, float32, in a
zarr store (12.8 GB for 20,000 pixels a side before compression, twice with the cluster's), once in
a process of its own and once on a Dask cluster of two worker processes, of which one is killed.
Compares a crop that spans tile seams with the result in memory, and the two stores with each other.
Reads peaks of resident memory from /proc (Linux).
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import numpy as np

import gaborkit as gk
from gaborkit.filtering.dask_arrays import halo_of
from gaborkit.large import filter_large, open_source, parse_memory


def write_picture(path, side):
    """Smooth and rough parts, row band by row band, as an uncompressed TIFF."""
    import tifffile

    rng = np.random.default_rng(0)
    tifffile.memmap(path, shape=(side, side), dtype=np.uint8, photometric="minisblack")
    picture = open_source(path)
    x = np.arange(side)
    for top in range(0, side, 256):
        y = np.arange(top, min(top + 256, side))[:, None]
        waves = 60 * np.sin(x * y / 40_000) + rng.integers(0, 100, (len(y), side))
        picture[y[0, 0] : y[-1, 0] + 1, 0:side] = (waves + 70).clip(0, 255).astype(np.uint8)


def bank_of(sigma):
    return gk.GaborBank.grid(scales=1, orientations=8, wavelength=2 * sigma, sigma=sigma)


def resident(field):
    """Bytes of this process: VmHWM, its peak, or VmRSS, now."""
    text = Path("/proc/self/status").read_text()
    return int(text.split(f"{field}:")[1].split()[0]) * 1024


def filter_here(pipe, sigma, source, target, memory):
    """In a process of its own: seconds, resident bytes before, peak."""
    bank = bank_of(sigma)
    # What imports and threads take, and what is made once.
    filter_large(bank, np.zeros((64, 64), np.uint8), f"{target}.warm.zarr")
    before = resident("VmHWM")
    started = time.perf_counter()
    filter_large(bank, source, target, memory=memory, progress=bar("one process"))
    pipe.send((time.perf_counter() - started, before, resident("VmHWM")))


def filter_on_cluster(sigma, source, target, memory, workers):
    """On worker processes, one of which is killed: seconds, largest peak of a worker, tiles."""
    from distributed import Client, LocalCluster

    show, peaks = bar("cluster"), []
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        victim = next(iter(client.run(os.getpid).values()))
        left = [victim]

        def progress(done, tiles):
            show(done, tiles)
            if left and done * 3 >= tiles:
                peaks.extend(client.run(resident, "VmHWM").values())
                os.kill(left.pop(), signal.SIGKILL)
                print(f"\nworker {victim} killed after {done} of {tiles} tiles")

        started = time.perf_counter()
        filter_large(
            bank_of(sigma), source, target, memory=memory, scheduler=client, progress=progress
        )
        seconds = time.perf_counter() - started
        peaks.extend(client.run(resident, "VmHWM").values())
    assert not left, "no worker was killed: there were too few tiles"
    return seconds, max(peaks)


def bar(name):
    def progress(done, tiles):
        print(f"\r{name}: {done} of {tiles} tiles", end="" if done < tiles else "\n", flush=True)

    return progress


def seam_error(sigma, source, target):
    """Largest difference from the result in memory on crops over seams, over the largest value."""
    bank, picture, found = bank_of(sigma), open_source(source), open_source(target)
    halo, side, worst = halo_of(bank, gk.TOLERANCE), picture.shape[0], 0.0
    chunk = found.chunks[-1]
    for seam in range(chunk, side - 300, max(chunk, side // 8 // chunk * chunk)):
        top, bottom = max(0, seam - 300), min(side, seam + 300)
        first, last = max(0, top - halo), min(side, bottom + halo)
        whole = bank.filter(picture[first:last, first:last], part="magnitude")
        inner = slice(top - first, bottom - first)
        expected = whole[:, inner, inner]
        difference = np.abs(found[:, top:bottom, top:bottom] - expected).max()
        worst = max(worst, difference / expected.max())
    return worst


def difference(one, other):
    """Largest difference of two stores, band by band."""
    one, other = open_source(one), open_source(other)
    band, worst = one.chunks[-2], 0.0
    for top in range(0, one.shape[-2], band):
        for k in range(one.shape[0]):
            rows = one[k, top : top + band], other[k, top : top + band]
            worst = max(worst, float(np.abs(rows[0] - rows[1]).max()))
    return worst


def size_of(store):
    return sum(path.stat().st_size for path in Path(store).rglob("*") if path.is_file())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=20_000)
    parser.add_argument("--sigma", type=float, default=4.0)
    parser.add_argument("--memory", default="1GB", help="of a process, beyond its imports")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", help="where there is room; a temporary folder by default")
    parser.add_argument("--keep", action="store_true", help="leave what was written")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gaborkit-large-", dir=options.folder))
    source, here, there = (folder / name for name in ("picture.tif", "one.zarr", "cluster.zarr"))
    try:
        write_picture(source, options.side)
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe()
        child = context.Process(
            target=filter_here,
            args=(sender, options.sigma, str(source), str(here), options.memory),
        )
        child.start()
        seconds, before, peak = receiver.recv()
        child.join()
        each = parse_memory(options.memory) // options.workers
        cluster_seconds, cluster_peak = filter_on_cluster(
            options.sigma, source, there, each, options.workers
        )
        pixels, gigabytes = options.side**2 / 1e6, 8 * 4 * options.side**2 / 1e9
        rows = [
            ("", "one process", f"{options.workers} workers, one killed"),
            ("seconds", f"{seconds:.1f}", f"{cluster_seconds:.1f}"),
            ("megapixels a second", f"{pixels / seconds:.1f}", f"{pixels / cluster_seconds:.1f}"),
            ("budget, MB", f"{parse_memory(options.memory) / 1e6:.0f}", f"{each / 1e6:.0f} each"),
            ("resident after imports, MB", f"{before / 1e6:.0f}", ""),
            ("peak resident, MB", f"{peak / 1e6:.0f}", f"{cluster_peak / 1e6:.0f} each"),
            (
                "largest error at seams",
                f"{seam_error(options.sigma, source, here):.1e}",
                f"{seam_error(options.sigma, source, there):.1e}",
            ),
            ("difference of the two", f"{difference(here, there):.1e}", ""),
            ("GB written", f"{size_of(here) / 1e9:.2f}", f"{size_of(there) / 1e9:.2f}"),
        ]
        print(
            f"\n{options.side} x {options.side} uint8, 8 orientations of sigma {options.sigma:g}, "
            f"magnitude float32 to zarr ({gigabytes:.1f} GB uncompressed)\n"
        )
        for row in rows:
            print("| {:26} | {:>12} | {:>22} |".format(*row))
            if not row[0]:
                print("| --- | ---: | ---: |")
    finally:
        if not options.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
