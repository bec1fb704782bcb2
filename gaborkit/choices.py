"""Names of the choices that users pass as strings, for the library and its commands.

It imports next to nothing, so that ``--help`` may list them.
"""

from __future__ import annotations

from typing import Literal, get_args

Norm = Literal["l1", "l2", "gain", "peak", "article"]
Boundary = Literal["reflect", "mirror", "nearest", "constant", "wrap"]
Engine = Literal["auto", "direct", "separable", "pyramid", "fourier"]
Transfer = Literal["sampled", "analytic"]
Part = Literal["complex", "real", "imag", "magnitude", "energy", "phase"]
Outside = Literal["nearest", "normalized"]
KernelPart = Literal["real", "imag", "magnitude", "phase"]

NORMS: tuple[str, ...] = get_args(Norm)
BOUNDARIES: tuple[str, ...] = get_args(Boundary)
ENGINES: tuple[str, ...] = get_args(Engine)
TRANSFERS: tuple[str, ...] = get_args(Transfer)
PARTS: tuple[str, ...] = get_args(Part)
OUTSIDES: tuple[str, ...] = get_args(Outside)
KERNEL_PARTS: tuple[str, ...] = get_args(KernelPart)
