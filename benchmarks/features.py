"""Texture features of many pictures: speed beside other libraries' loops, and memory.

Run: python benchmarks/features.py [--pictures 1000] [--out benchmarks/features.md]

Describes pictures of 512 x 512 by the means and deviations of Manjunath and Ma's 24 filters.
gaborkit, OpenCV and SciPy take turns over the same few pictures, and the fastest of several rounds
counts; scikit-image, which takes a minute a picture, describes one a core. All start from PNG files
and have all cores, a picture a thread. The others' kernels are made before the clock starts. Then
gaborkit describes all pictures in a process of its own, which reads its memory on the way (Linux).
"""

import argparse
import math
import multiprocessing
import os
import platform
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import scipy
import scipy.fft
import skimage
from skimage.filters import gabor

import gaborkit as gk
from gaborkit.features import Texture, describe_files
from gaborkit.io.files import atomic_write

SIDE = 512
TEXTURE = Texture()
BANK = TEXTURE.bank

# What is left out by a radius of three standard deviations; gaborkit's leave out 1e-5.
THREE_SIGMA = 4 * 0.00135
KERNELS = [kernel.sample(THREE_SIGMA) for kernel in BANK]


def write_pictures(folder, count):
    """Noise of a band of frequencies and a direction, different from picture to picture."""
    fy, fx = np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)
    names = []
    for k in range(count):
        rng = np.random.default_rng(k)
        frequency, angle = 0.4 * 8 ** -rng.random(), rng.uniform(0, math.pi)
        off = (fx - frequency * math.cos(angle)) ** 2 + (fy - frequency * math.sin(angle)) ** 2
        spectrum = np.fft.rfft2(rng.standard_normal((SIDE, SIDE))) * np.exp(-off / 0.01)
        values = np.fft.irfft2(spectrum, (SIDE, SIDE))
        picture = (128 + 40 * values / values.std()).clip(0, 255).astype(np.uint8)
        names.append(str(folder / f"{k:05}.png"))
        cv2.imwrite(names[-1], picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return names


# ---- the others' loops ----


def by_opencv(name):
    image = cv2.imread(name, cv2.IMREAD_GRAYSCALE).astype(np.float32)
    found = []
    for real, imaginary in OPENCV:
        one = cv2.filter2D(image, -1, real, borderType=cv2.BORDER_REFLECT)
        other = cv2.filter2D(image, -1, imaginary, borderType=cv2.BORDER_REFLECT)
        mean, deviation = cv2.meanStdDev(cv2.magnitude(one, other))
        found += [mean[0, 0], deviation[0, 0]]
    return np.array(found)


# filter2D is a correlation.
OPENCV = [tuple(np.float32(part[::-1, ::-1]) for part in (k.real, k.imag)) for k in KERNELS]


def by_scipy(name):
    """One forward transform for all kernels, one inverse for each."""
    image = cv2.imread(name, cv2.IMREAD_GRAYSCALE).astype(np.float32)
    forward = scipy.fft.fft2(np.pad(image, MARGIN, mode="symmetric"), (SIZE, SIZE))
    found = []
    for spectrum in SPECTRA:
        response = scipy.fft.ifft2(forward * spectrum, overwrite_x=True)
        magnitude = abs(response[2 * MARGIN : 2 * MARGIN + SIDE, 2 * MARGIN : 2 * MARGIN + SIDE])
        found += [magnitude.mean(), magnitude.std()]
    return np.array(found)


MARGIN = max(len(kernel) for kernel in KERNELS) // 2
SIZE = scipy.fft.next_fast_len(SIDE + 2 * MARGIN)


def spectrum_of(kernel):
    placed = np.zeros((SIZE, SIZE), complex)
    first = MARGIN - len(kernel) // 2
    placed[first : first + len(kernel), first : first + len(kernel)] = kernel
    return scipy.fft.fft2(placed).astype(np.complex64)


SPECTRA = [spectrum_of(kernel) for kernel in KERNELS]


def by_skimage(name):
    image = cv2.imread(name, cv2.IMREAD_GRAYSCALE).astype(np.float32)
    image -= image.mean()  # which its kernels would answer
    found = []
    for kernel in BANK:
        sigma = kernel.sigma * kernel.scale
        real, imaginary = gabor(
            image,
            kernel.frequency,
            kernel.theta,
            sigma_x=sigma,
            sigma_y=sigma / kernel.gamma,
            mode="reflect",
        )
        magnitude = np.hypot(real, imaginary) * kernel.amplitude() * 2 * math.pi * sigma**2
        magnitude /= kernel.gamma  # its norm is l1
        found += [magnitude.mean(), magnitude.std()]
    return np.array(found)


def by_gaborkit(names):
    return np.array([one.features.values for one in describe_files(TEXTURE, names)])


def loop(describe):
    def run(names):
        with ThreadPoolExecutor(CORES) as pool:
            return np.array(list(pool.map(describe, names)))

    return run


CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
CONTESTANTS = {
    "gaborkit": by_gaborkit,
    "SciPy, one forward FFT": loop(by_scipy),
    "OpenCV, filter2D": loop(by_opencv),
}


def compare(names, rounds):
    """For each contestant seconds and seconds of CPU a picture, error, and pictures."""
    cv2.setNumThreads(1)  # a picture a thread is faster than threads within pictures
    few, rows = names[: 4 * CORES], {}
    expected = reference(few)
    for _ in range(rounds):
        for name, run in CONTESTANTS.items():
            rows[name] = measured(name, run, few, expected, rows.get(name))
    rows["scikit-image, gabor"] = measured(
        "scikit-image, gabor", loop(by_skimage), few[:CORES], expected[:CORES]
    )
    return rows


def measured(name, run, names, expected, before=None):
    started, busy = time.perf_counter(), time.process_time()
    found = run(names)
    seconds = (time.perf_counter() - started) / len(names)
    busy = (time.process_time() - busy) / len(names)
    if before:
        seconds, busy = min(seconds, before[0]), min(busy, before[1])
    error = abs(found / expected - 1).max()
    print(f"  {name}: {1 / seconds:.2f} pictures a second, {busy:.3f} s of CPU, error {error:.1e}")
    return seconds, busy, error, len(names)


def reference(names):
    """In double precision, with kernels that leave out 1e-12."""
    values = []
    for name in names:
        image = gk.read_image(name).astype(float)
        values.append(np.stack(BANK.statistics(image, tolerance=1e-12), -1).ravel())
    return np.array(values)


# ---- memory ----


def resident(field):
    """Megabytes of this process: VmHWM, its peak, or VmRSS, now."""
    text = Path("/proc/self/status").read_text()
    return int(text.split(f"{field}:")[1].split()[0]) / 1024


def extract(pipe, names, marks):
    """In a process of its own: seconds, and memory after so many pictures."""
    memory = {}
    started = time.perf_counter()
    for number, one in enumerate(describe_files(TEXTURE, names), 1):
        assert one.error is None
        if number in marks:
            memory[number] = resident("VmRSS"), resident("VmHWM")
            print(f"  {number} pictures: {time.perf_counter() - started:.0f} s")
    pipe.send((time.perf_counter() - started, memory))


def in_a_process(names, marks):
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=extract, args=(there, names, marks))
    process.start()
    found = here.recv()
    process.join()
    return found


def main(arguments):
    with tempfile.TemporaryDirectory() as folder:
        print(f"writing {arguments.pictures} pictures")
        names = write_pictures(Path(folder), arguments.pictures)
        rows = compare(names, arguments.rounds)
        count = len(names)
        marks = sorted({max(1, count // 10), count // 2, count})
        seconds, memory = in_a_process(names, marks)
    own = rows["gaborkit"][0]
    lines = [
        "# Texture features of many pictures",
        "",
        f"`python benchmarks/features.py`, {SIDE} x {SIDE} bytes in PNG files, 24 filters, 48 "
        f"features, {CORES} cores, {platform.machine()}; Python {platform.python_version()}, "
        f"NumPy {np.__version__}, SciPy {scipy.__version__}, OpenCV {cv2.__version__}, "
        f"scikit-image {skimage.__version__}.",
        "",
        "| | pictures a second | times slower | CPU seconds a picture | largest relative error "
        "of a feature | pictures |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {name} | {1 / each:.3g} | {each / own:.3g} | {busy:.2g} | {error:.0e} | {n} |"
            for name, (each, busy, error, n) in rows.items()
        ),
        "",
        "Errors are relative to double precision and kernels that leave out 1e-12. The others' "
        "kernels have radius three standard deviations, and scikit-image's no DC-removal term.",
        "",
        f"gaborkit, all {count}: {seconds:.1f} s, {count / seconds:.3g} pictures a second.",
        "",
        "| after pictures | resident memory, MB | peak, MB |",
        "| --- | --- | --- |",
        *(f"| {number} | {now:.0f} | {peak:.0f} |" for number, (now, peak) in memory.items()),
    ]
    text = "\n".join(lines) + "\n"
    print("\n" + text)
    if arguments.out:
        with atomic_write(arguments.out) as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    main(parser.parse_args())
