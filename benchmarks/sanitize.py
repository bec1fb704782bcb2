"""The compiled engines under ThreadSanitizer, or under AddressSanitizer and UBSan, by GCC.

    python benchmarks/sanitize.py thread
    python benchmarks/sanitize.py address

Both end with the number of calls that were made and exit with 1 if anything was reported. With
--unordered no stage waits for another: ThreadSanitizer then has to report the races (a check of
this check). Needs gcc 12 or later on x86-64 Linux.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import gaborkit as gk
from gaborkit.filtering.engines import compiled, structures, threads

SANITIZERS = {"thread": ("tsan",), "address": ("asan", "ubsan")}

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


def build(folder: Path, sanitizer: str) -> Path:
    """The engines for registers of 32 bytes, instrumented."""
    sources = Path(structures.__file__).parent
    shim, library = folder / "shim.h", folder / "_separable.so"
    shim.write_text(SHIM)
    flags = [
        "-O1",
        "-g",
        "-fPIC",
        "-shared",
        "-mavx2",
        "-mfma",
        "-DVECTOR_BYTES=32",
        "-DVARIANT=32",
    ]
    kinds = "thread" if sanitizer == "thread" else "address,undefined"
    flags += [f"-fsanitize={kinds}", "-include", str(shim)]
    files = [str(sources / name) for name in ("separable.c", "processor.c")]
    subprocess.run(["gcc", *flags, *files, "-o", str(library)], check=True)
    return library


def use(library: Path, unordered: bool) -> None:
    """Have programs run by a library, in four threads, however little there is to do."""
    functions = ctypes.CDLL(str(library))

    def performer(dtype: str) -> Callable[..., int]:
        precision = {"float32": "float", "float64": "double"}[dtype]
        perform = getattr(functions, f"perform_{precision}_32")
        perform.argtypes = structures.performer(dtype).argtypes

        def unordered_perform(stages: Any, count: int, *rest: Any) -> int:
            for stage in stages:
                stage.waits = 0
            return int(perform(stages, count, *rest))

        return unordered_perform if unordered else perform

    compiled.performer, compiled.WORTH = performer, 1
    threads.available = compiled.available = lambda: 4


def drive(sizes: list[tuple[int, int]]) -> int:
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


def main() -> None:
    """Start this script again with the sanitizer's own library before all others."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sanitizer", choices=SANITIZERS)
    parser.add_argument("--unordered", action="store_true")
    parser.add_argument("--library", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.library is not None:
        use(given.library, given.unordered)
        sizes = [(70, 90)] if given.sanitizer == "thread" else [(70, 90), (1, 1), (5, 130), (90, 3)]
        print(f"{drive(sizes)} calls")
        return
    with tempfile.TemporaryDirectory() as folder:
        library = build(Path(folder), given.sanitizer)
        names = [f"lib{name}.so" for name in SANITIZERS[given.sanitizer]]
        found = [
            subprocess.check_output(["gcc", f"-print-file-name={name}"], text=True).strip()
            for name in names
        ]
        environment = os.environ | {
            "LD_PRELOAD": " ".join(found),
            "ASAN_OPTIONS": "detect_leaks=0",  # Python's own
            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
            "TSAN_OPTIONS": "exitcode=1",
        }
        command = [sys.executable, *sys.argv, "--library", str(library)]
        sys.exit(subprocess.run(command, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
