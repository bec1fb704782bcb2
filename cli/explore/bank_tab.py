"""A bank: which part of the spectrum it covers, how evenly, and what is in it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from skimage.measure import find_contours

import gaborkit as gk
from gaborkit.kernels.base import Kernel
from gaborkit.kernels.parameters import number
from gaborkit.plotting.coverage import half_peak, littlewood_paley
from gaborkit.types import RealArray

from ..options.kernels import BANKS, PRESETS, bank_from
from ..quantization import quantize
from . import code, panels
from .controls import Choice, Control, Slider, Values
from .desk import Desk
from .sliders import BANDWIDTH, FINEST_WAVELENGTH, GAMMA

#: Frequencies along a side of the sum's picture, along its radius, and angles around it.
FREQUENCIES, RADII, ANGLES = 97, 49, 24

#: Points of a contour at most.
POINTS = 48

#: What each bank takes, by the names of options; ``grid`` has more of them.
TAKES = {"grid": ("scales", "orientations", "wavelength", "bandwidth", "a", "gamma")} | {
    name: tuple(names) for name, names in PRESETS.items()
}

#: What a grid has where nothing is said.
GRID = {"wavelength": 4.0, "bandwidth": 1.0, "a": 2.0, "gamma": 1.0}


def _taking(name: str) -> list[str]:
    return [bank for bank in BANKS if name in TAKES[bank]]


def controls(desk: Desk) -> Sequence[Control]:
    """The banks, and what each takes."""
    return (
        Choice(name="bank", label="Bank", default="grid", options=BANKS),
        Slider(name="scales", label="Scales", default=4, least=2, most=8, step=1),
        Slider(name="orientations", label="Orientations", default=8, least=2, most=16, step=1),
        *(
            dataclasses.replace(slider, when={"bank": _taking(slider.name)})
            for slider in (FINEST_WAVELENGTH, BANDWIDTH)
        ),
        Slider(
            name="sigma",
            label="Width",
            default=1.0,
            least=0.5,
            most=4,
            step=0.05,
            unit="px",
            when={"bank": _taking("sigma")},
        ),
        Slider(
            name="a",
            label="From scale to scale",
            default=2.0,
            least=1.1,
            most=3,
            step=0.05,
            unit="×",
            when={"bank": _taking("a")},
        ),
        dataclasses.replace(GAMMA, when={"bank": _taking("gamma")}),
    )


def show(values: Values, desk: Desk) -> panels.Shown:
    """Contours, sum and table of a bank.

    Raises
    ------
    click.UsageError
        If there is no such bank.
    """
    name = values["bank"]
    fields = {option: value for option, value in values.items() if option != "bank"}
    bank = bank_from({"bank": name, **fields})
    total = littlewood_paley_plane(bank)
    always = {option: fields[option] for option in ("scales", "orientations")}
    told = {**always, **code.changed(fields, GRID if name == "grid" else {"sigma": 1.0, "a": 2.0})}
    if name == "grid":
        made = code.call("gk.GaborBank.grid", **told)
    else:
        made = code.call(
            "gk.GaborBank.preset", name, **{PRESETS[name][key]: told[key] for key in told}
        )
    rows = [row.split() for row in bank.table().splitlines()]
    shown = [
        panels.contours(
            "Half-peak contours",
            contours(bank),
            f"Where each of the {len(bank)} kernels answers half of its most, in the plane "
            "of frequencies; pale, the other half",
        ),
        panels.picture(
            "Littlewood-Paley sum",
            quantize(total, "magnitude")[0],
            "How much of each wave's energy the bank keeps",
            colours="cividis",
            legend=f"fx, fy from −½ to ½ cycle/px; bright {total.max():.3g}",
        ),
        radial(bank),
        panels.table(
            f"{len(bank)} kernels",
            ["k", "Family", "Wavelength (px)", "Frequency (1/px)", "Theta (°)", "Radius (px)"],
            rows[2:],
            wide=True,
        ),
    ]
    return panels.Shown(
        shown,
        code.program(
            f"bank = {made}",
            "print(bank.table())",
            "figure = gk.plotting.plot_coverage(bank)",
            'gk.plotting.save_figure(figure, "coverage.png", dpi=150)',
        ),
        code.command("plot", "coverage", bank=name, **told, out="coverage.png"),
    )


def contours(bank: gk.GaborBank) -> list[dict[str, Any]]:
    """The half-peak contour of each kernel, (fx, fy) in cycles per pixel, and its wavelength.

    Kernels that differ by a rotation share one, turned.
    """
    upright: dict[Kernel, RealArray] = {}
    curves = []
    for kernel in bank:
        theta = number(kernel.theta)
        mother = kernel.rotated(-theta)
        if mother not in upright:
            upright[mother] = contour(mother)
        turn = np.array([[math.cos(theta), math.sin(theta)], [-math.sin(theta), math.cos(theta)]])
        points = panels.rounded(upright[mother] @ turn)
        curves.append({"points": points, "wavelength": 1 / kernel.frequency})
    return curves


def contour(kernel: Kernel) -> RealArray:
    """Points (N, 2), fx and fy, at which a kernel answers half of its most."""
    fx, fy, magnitude, level = half_peak(kernel, 0.6)
    curve = max(find_contours(magnitude, level), key=len)
    curve = curve[:: max(1, len(curve) // POINTS)]
    across = np.interp(curve[:, 1], np.arange(len(fx)), fx)
    return np.stack([across, np.interp(curve[:, 0], np.arange(len(fy)), fy)], 1)


def littlewood_paley_plane(bank: gk.GaborBank) -> RealArray:
    """The sum (N, N) up to half a cycle per pixel: see :func:`littlewood_paley`."""
    line = np.linspace(-0.5, 0.5, FREQUENCIES)
    energy: RealArray = np.zeros((FREQUENCIES, FREQUENCIES))
    for kernel in bank:
        energy += np.abs(kernel.transfer(line[:, None], line[None, :])) ** 2
    # The plane holds -f wherever it holds f.
    return (energy + energy[::-1, ::-1]) / 2


def radial(bank: gk.GaborBank) -> panels.Panel:
    """The sum along the radius: its mean, least and most over the angles."""
    radius = np.linspace(0, 0.5, RADII)
    angle = np.arange(ANGLES)[:, None] * (math.pi / ANGLES)
    energy = littlewood_paley(bank, radius * np.sin(angle), radius * np.cos(angle))
    return panels.lines(
        "Sum along the radius",
        radius,
        energy,
        xlabel="cycles/px",
        ylabel="sum: mean and range over angles",
        alt="The sum by frequency: its mean, and its range over directions",
    )
