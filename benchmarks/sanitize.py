"""The compiled engines under ThreadSanitizer, or under AddressSanitizer and UBSan, by GCC.

    python benchmarks/sanitize.py thread [--registers 32]
    python benchmarks/sanitize.py address [--registers 32]

The code is that for registers of 64 bytes, or of 32. Both end with the number of calls that were
made and exit with 1 if anything was reported. Of scattering and gathering, blocks of memory end
where the sanitizer looks, and begin as NaN, so that a result tells of what was read before it was
written. With --unordered no stage waits for another: ThreadSanitizer then has to report the races
(a check of this check). Needs gcc 12 or later on x86-64 Linux.

GCC 12.2 reports nothing, with either registers: of 480 calls of banks, 14 of edges and
orientations, 544 of scattering and 30 of gathering at addresses and undefined behaviour, of 120, 4,
64 and 24 at threads.
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import os
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import gaborkit as gk
from gaborkit import gathering
from gaborkit.features import local_orientation
from gaborkit.filtering.engines import compiled, lanes, pixelwise, scratch, structures, threads
from gaborkit.scattering import Scattering, on_arrays
from gaborkit.torus import Torus
from gaborkit.types import Array
from gaborkit.vision import find_edges

SANITIZERS = {"thread": ("tsan",), "address": ("asan", "ubsan")}


class Cases(NamedTuple):
    """Pictures that are filtered (H, W), and that are scattered (B, H, W, octaves)."""

    filtered: list[tuple[int, int]]
    scattered: list[tuple[int, int, int, int]]


#: Odd sizes, of every prime up to 61; scattering takes their doubles as they are.
FACTORS = [(9, 15), (35, 49), (61, 11), (13, 19), (17, 47), (23, 41), (29, 31), (37, 43), (53, 59)]

CASES = {
    "thread": Cases([(70, 90)], [(1, 48, 64, 3), (9, 32, 32, 2)]),
    "address": Cases(
        [(70, 90), (1, 1), (5, 130), (90, 3)],
        [
            (1, 512, 512, 4),
            (1, 48, 64, 3),
            *((count, 32, 32, 2) for count in (1, 7, 8, 9)),
            *((1, 2 * height, 2 * width, 1) for height, width in FACTORS),
            (7, 36, 60, 2),
            (1, 2 * 67, 2 * 71, 1),
        ],
    ),
}

#: What GCC lacks of Clang.
SHIM = """
#define __builtin_nontemporal_store(value, to) (*(to) = (value))
#define __builtin_elementwise_sqrt(x)                                 \\
    ({                                                                \\
        __typeof__((x) + (x)) roots = (x);                            \\
        for (unsigned i = 0; i < sizeof roots / sizeof roots[0]; i++) \\
            roots[i] = __builtin_sqrt(roots[i]);                      \\
        roots;                                                        \\
    })
"""


def build(folder: Path, sanitizer: str, registers: int) -> Path:
    """The engines for registers of so many bytes, instrumented; any AVX2 processor runs them."""
    source = Path(structures.__file__).parent / "c" / "separable.c"
    shim, library = folder / "shim.h", folder / "_separable.so"
    processor = folder / "processor.c"
    shim.write_text(SHIM)
    processor.write_text(f"int vector_bytes(void) {{ return {registers}; }}")
    flags = [
        "-O1",
        "-g1",
        "-fPIC",
        "-Wno-psabi",
        "-shared",
        "-mavx2",
        "-mfma",
        f"-DVECTOR_BYTES={registers}",
        f"-DVARIANT={registers}",
    ]
    kinds = "thread" if sanitizer == "thread" else "address,undefined"
    flags += [f"-fsanitize={kinds}", "-include", str(shim)]
    subprocess.run(["gcc", *flags, str(source), str(processor), "-o", str(library)], check=True)
    return library


def use(library: Path, unordered: bool) -> None:
    """Have everything run by a library, in four threads, however little there is to do."""
    structures.__file__ = str(library)
    structures.performers.cache_clear()
    if not structures.available_here():
        sys.exit(structures.performers().state)
    ordered = structures.performer

    def performer(dtype: str) -> Callable[..., int]:
        perform = ordered(dtype)

        def unordered_perform(stages: Any, count: int, *rest: Any) -> int:
            for stage in stages:
                stage.waits = 0
            return int(perform(stages, count, *rest))

        return unordered_perform if unordered else perform

    compiled.performer, compiled.WORTH, pixelwise.WORTH = performer, 1, 1
    for module in (threads, compiled, pixelwise, on_arrays, gathering):
        module.available = lambda: 4
    on_arrays.CHUNK, scratch.KEPT_BYTES = 1, 0
    scratch.aligned = lanes.aligned = block


LIBC = ctypes.CDLL(None)
LIBC.memalign.argtypes, LIBC.memalign.restype = 2 * (ctypes.c_size_t,), ctypes.c_void_p
LIBC.free.argtypes = (ctypes.c_void_p,)


def block(size: int) -> Array:
    """Bytes of NaN at a multiple of 64, with nothing behind them."""
    address = LIBC.memalign(64, size)
    memory = (ctypes.c_uint8 * size).from_address(address)
    weakref.finalize(memory, LIBC.free, address)
    values = np.frombuffer(memory, np.uint8)
    values[:] = 255
    return values


def filter_all(sizes: list[tuple[int, int]]) -> int:
    """Every engine, precision, boundary and use, on pictures of awkward sizes; the calls made."""
    mixed = [
        gk.GaborKernel(sigma=2, gamma=0.6, wavelength=6),
        gk.GaborKernel(sigma=3, gamma=0.5, wavelength=7, theta=1),
        gk.GaborKernel(sigma=2, wavelength=9, dc_free=False),
    ]
    banks = [gk.GaborBank.grid(3, 2, wavelength=6), gk.GaborBank(mixed)]
    noise, calls = np.random.default_rng(0), 0
    for size in sizes:
        for dtype in (np.float32, np.float64):
            image = noise.random((2, *size)).astype(dtype)
            odd = np.empty(image.nbytes + 1, np.uint8)[1:].view(dtype).reshape(image.shape)
            odd[...] = image
            for bank in banks:
                for engine in ("separable", "auto"):
                    for boundary in ("reflect", "constant", "wrap"):
                        options: Any = {"engine": engine, "boundary": boundary}
                        bank.filter(image, **options)
                        bank.filter(odd, part="magnitude", **options)
                        bank.statistics(image, **options)
                        bank.strongest(image, over="all", **options)
                        bank.strongest(image, **options)
                        calls += 5
    return calls


def look_at_all(sizes: list[tuple[int, int]]) -> int:
    """What works on responses at each pixel; the calls made."""
    calls = 0
    for size in sizes:
        for dtype in (np.float32, np.float64):
            image = np.random.default_rng(calls).random(size).astype(dtype)
            find_edges(image)
            calls += 1
            if min(size) > 1:
                local_orientation(image)
                calls += 1
    return calls


def scatter_all(cases: Iterable[tuple[int, int, int, int]]) -> int:
    """Both precisions, orders, padded and not, shared or each by a thread; the calls made.

    Of a bank of longer waves than there are octaves, the grids of some have odd sizes.
    """
    calls, banks = 0, (None, gk.GaborBank.grid(3, 2, wavelength=6))
    for count, height, width, octaves in cases:
        for dtype, order, shared, bank in itertools.product(
            (np.float32, np.float64), (1, 2), (1, 2**62), banks
        ):
            on_arrays.SHARED = shared
            images = np.random.default_rng(calls).random((count, height, width)).astype(dtype)
            for boundary in ("reflect", "wrap"):
                scattering = Scattering(octaves, 5, order, bank, boundary=boundary)
                if not np.isfinite(scattering(images)).all():
                    sys.exit(
                        f"{height} x {width}, {boundary}: memory was read before it was written"
                    )
                calls += 1
    return calls


def gather_all(sizes: Iterable[tuple[int, int]]) -> int:
    """Sums over kernels, of both precisions; the calls made."""
    calls = 0
    bank = gk.GaborBank.grid(3, 4, wavelength=4)
    for size in sizes:
        for dtype in (np.complex64, np.complex128):
            noise = np.random.default_rng(calls)
            channels = noise.random((len(bank), *size)) + 1j * noise.random((len(bank), *size))
            torus = Torus(bank.kernels, size, gk.TOLERANCE)
            if not np.isfinite(torus.gather(channels.astype(dtype))).all():
                sys.exit(f"{size[0]} x {size[1]}: memory was read before it was written")
            calls += 1
    return calls


def main() -> None:
    """Start this script again with the sanitizer's own library before all others."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sanitizer", choices=SANITIZERS)
    parser.add_argument("--registers", type=int, choices=(32, 64), default=64)
    parser.add_argument("--unordered", action="store_true")
    parser.add_argument("--library", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.library is not None:
        use(given.library, given.unordered)
        cases = CASES[given.sanitizer]
        print(f"{filter_all(cases.filtered)} calls of banks")
        print(f"{look_at_all(cases.filtered)} calls of edges and orientations")
        print(f"{scatter_all(cases.scattered)} calls of scattering")
        print(f"{gather_all([*cases.filtered, *FACTORS, (67, 20), (20, 131)])} calls of gathering")
        return
    with tempfile.TemporaryDirectory() as folder:
        library = build(Path(folder), given.sanitizer, given.registers)
        names = [f"lib{name}.so" for name in SANITIZERS[given.sanitizer]]
        found = [
            subprocess.check_output(["gcc", f"-print-file-name={name}"], text=True).strip()
            for name in names
        ]
        # SciPy's threads end with memory that the loader frees, and neither is compiled for this.
        left_out = Path(folder, "left_out")
        left_out.write_text("race:_dl_deallocate_tls\n", encoding="ascii")
        environment = os.environ | {
            "LD_PRELOAD": " ".join(found),
            "ASAN_OPTIONS": "detect_leaks=0",  # Python's own
            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
            "TSAN_OPTIONS": f"exitcode=1:suppressions={left_out}",
        }
        command = [sys.executable, *sys.argv, "--library", str(library)]
        sys.exit(subprocess.run(command, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
