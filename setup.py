"""Compiles the separable engine with Zig's C compiler, a wheel: no other compiler is needed.

The engine is plain C with no Python in it, loaded through ctypes: one wheel a platform serves every
version of Python. Zig compiles for other platforms too: ``bdist_wheel --plat-name TAG`` makes the
wheel of any of TARGETS on any machine, and .ci/wheels makes them all.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

#: Processors and register widths in bytes by machine; the engine picks at run time.
VARIANTS = {
    "x86_64": {16: "x86_64", 32: "x86_64_v3", 64: "x86_64_v4"},
    "aarch64": {16: "generic"},
}
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}

#: What Zig calls the platforms of wheels, by their tags, with the oldest C library or system.
TARGETS = {
    "manylinux_2_17_x86_64": "x86_64-linux-gnu.2.17",
    "manylinux_2_17_aarch64": "aarch64-linux-gnu.2.17",
    "musllinux_1_2_x86_64": "x86_64-linux-musl",
    "musllinux_1_2_aarch64": "aarch64-linux-musl",
    "macosx_11_0_x86_64": "x86_64-macos.11.0",
    "macosx_11_0_arm64": "aarch64-macos.11.0",
    "win_amd64": "x86_64-windows-gnu",
    "win_arm64": "aarch64-windows-gnu",
}

FLAGS = [
    "-O3",
    "-fPIC",
    "-fvisibility=hidden",
    "-fno-sanitize=undefined",
    # Sums may be reordered; infinities and NaN keep their meaning.
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    "-fassociative-math",
]


class BuildEngine(build_ext):
    """One shared library of all variants, for this machine or that of the wheel's tag."""

    @property
    def target(self) -> str:
        """What Zig calls the platform; empty for this machine."""
        wheel = self.distribution.get_command_obj("bdist_wheel", create=False)
        return TARGETS.get(getattr(wheel, "plat_name", None) or "", "")

    def get_ext_filename(self, fullname: str) -> str:
        """File name without the version of Python."""
        system = self.target.partition("-")[2] or sys.platform
        suffix = {"win": ".dll", "mac": ".dylib", "dar": ".dylib"}.get(system[:3], ".so")
        return str(Path(*fullname.split("."))) + suffix

    def build_extension(self, ext: Extension) -> None:
        """Compile every variant and link them."""
        folder = Path(self.build_temp).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        output = Path(self.get_ext_fullpath(ext.name)).resolve()
        output.parent.mkdir(parents=True, exist_ok=True)
        environment = {"ZIG_GLOBAL_CACHE_DIR": str(folder / "zig"), **os.environ}
        machine = self.target.partition("-")[0] or platform.machine().lower()
        machine = MACHINES.get(machine, machine)
        zig = [sys.executable, "-m", "ziglang", "cc"]
        if self.target:
            zig += ["-target", self.target]
        processor, separable = ext.sources

        def compile_(*arguments: str) -> None:
            command = [*zig, *arguments]
            if subprocess.run(command, check=False, env=environment).returncode:
                raise CompileError(f"{' '.join(command)} failed")

        objects = [str(folder / "processor.o")]
        compile_(*FLAGS, "-c", processor, "-o", objects[0])
        for width, cpu in VARIANTS.get(machine, {16: "baseline"}).items():
            objects.append(str(folder / f"separable_{width}.o"))
            variant = [f"-mcpu={cpu}", f"-DVECTOR_BYTES={width}", f"-DVARIANT={width}"]
            if width == 64:  # else each register is halved
                variant.append("-mprefer-vector-width=512")
            compile_(*FLAGS, *variant, "-c", separable, "-o", objects[-1])
        # Beside a DLL the linker leaves files that no wheel needs.
        linked = folder / output.name
        compile_("-shared", "-s", *objects, "-o", str(linked))
        shutil.copyfile(linked, output)


class PlatformWheel(bdist_wheel):
    """A wheel of this platform, for any Python 3."""

    def get_tag(self) -> tuple[str, str, str]:
        """Python, ABI and platform."""
        return "py3", "none", super().get_tag()[2]


sources = [f"gaborkit/filtering/engines/c/{name}.c" for name in ("processor", "separable")]
# Where Zig has no compiler, everything else still installs.
engine = Extension("gaborkit.filtering.engines._separable", sources, optional=True)
setup(ext_modules=[engine], cmdclass={"build_ext": BuildEngine, "bdist_wheel": PlatformWheel})
