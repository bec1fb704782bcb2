"""One kernel: its parts, its spectrum, and a surface that can be turned."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

import gaborkit as gk
from gaborkit.choices import NORMS
from gaborkit.types import ComplexArray, RealArray

from ..options.kernels import kernel_from
from ..quantization import quantize
from . import code, panels
from .controls import Choice, Control, Flag, Slider, Values
from .desk import Desk
from .sliders import GAMMA, THETA, WAVELENGTH

#: Pixels from the middle that are shown at most; of a larger kernel, every n-th one.
MOST_RADIUS = 160

#: Frequencies along a side of the spectrum, and points along a side of the surface.
FREQUENCIES, POINTS = 129, 57

#: What a surface is of.
PARTS: dict[str, Callable[[ComplexArray], RealArray]] = {
    "real part": np.real,
    "imaginary part": np.imag,
    "magnitude": np.abs,
}

#: What a command and a kernel take where they are told nothing.
DEFAULTS = {"gamma": 1.0, "phase": 0.0, "scale": 1.0, "dc_free": True, "norm": "l1"}


def controls(desk: Desk) -> Sequence[Control]:
    """Every parameter of a kernel."""
    return (
        WAVELENGTH,
        THETA,
        Slider(
            name="sigma",
            label="Width",
            default=4.0,
            least=0.5,
            most=32,
            step=0.1,
            unit="px",
            log=True,
            help="Standard deviation of the Gaussian along the wave vector.",
        ),
        GAMMA,
        Slider(
            name="phase",
            label="Phase",
            default=0.0,
            least=-180,
            most=180,
            step=5.0,
            unit="°",
            help="Of the wave in the middle.",
        ),
        Slider(
            name="scale",
            label="Dilation",
            default=1.0,
            least=0.5,
            most=4,
            step=0.05,
            log=True,
            help="Wavelength and width are multiplied by it.",
        ),
        Flag(
            name="dc_free",
            label="Answers nothing to a constant",
            default=True,
            help="Subtract the DC-removal term.",
        ),
        Choice(name="norm", label="Amplitude", default="l1", options=NORMS),
        Choice(
            name="surface",
            label="Surface",
            default="real part",
            options=tuple(PARTS),
        ),
    )


def show(values: Values, desk: Desk) -> panels.Shown:
    """Parts, spectrum, surface and figures of a kernel.

    Raises
    ------
    click.UsageError
        If there is no such kernel.
    """
    fields = {name: value for name, value in values.items() if name != "surface"}
    kernel = kernel_from(fields)
    samples, step = sampled(kernel)
    limit = float(np.abs(samples).max())
    spectrum = np.abs(transfer(kernel))
    extent = 3.2 * max(kernel.sigma, kernel.sigma / kernel.gamma) * kernel.scale
    heights = PARTS[values["surface"]](surface(kernel, extent))
    words = describe(kernel)
    every = f", every {step}th pixel" if step > 1 else ""
    shown = [
        panels.picture(
            title,
            quantize(part(samples), "real", limits=(-limit, limit))[0],
            f"{title} of the kernel of {words}",
            colours="RdBu_r",
            legend=f"blue −{limit:.3g}, red {limit:.3g}; {samples.shape[0]} px{every}",
        )
        for title, part in (("Real part", np.real), ("Imaginary part", np.imag))
    ]
    shown += [
        panels.picture(
            "Spectrum",
            quantize(spectrum, "magnitude")[0],
            f"Magnitude of the transfer function; it peaks at {kernel.peak_frequency:.3g} "
            "cycles per pixel",
            colours="viridis",
            legend=f"fx, fy from −½ to ½ cycle/px; bright {spectrum.max():.3g}",
        ),
        panels.surface(
            f"Surface: {values['surface']}",
            heights,
            extent,
            f"{values['surface']} of the kernel as a surface",
        ),
        panels.table("Figures", ("", ""), figures(kernel), heads=False),
    ]
    always = {name: fields[name] for name in ("wavelength", "theta", "sigma")}
    told = {**always, **code.changed(fields, DEFAULTS)}
    return panels.Shown(
        shown,
        code.program(
            f"kernel = {code.call('gk.GaborKernel', **told)}",
            "samples = kernel.sample()  # complex, the origin in the middle",
            "figure = gk.plotting.plot_kernel(kernel)",
            'gk.plotting.save_figure(figure, "kernel.png", dpi=150)',
        ),
        code.command("plot", "kernel", **told, out="kernel.png"),
    )


def sampled(kernel: gk.GaborKernel) -> tuple[ComplexArray, int]:
    """Samples, or of a large kernel those of every n-th pixel, and n."""
    radius = kernel.radius()
    step = math.ceil(radius / MOST_RADIUS)
    if step == 1:
        return kernel.sample(), 1
    line = np.arange(-(radius // step), radius // step + 1.0) * step
    return kernel.evaluate(line[:, None], line[None, :]), step


def transfer(kernel: gk.GaborKernel) -> ComplexArray:
    """The transfer function up to half a cycle per pixel."""
    line = np.linspace(-0.5, 0.5, FREQUENCIES)
    return kernel.transfer(line[:, None], line[None, :])


def surface(kernel: gk.GaborKernel, extent: float) -> ComplexArray:
    """The kernel over a square of so many pixels each way."""
    line = np.linspace(-extent, extent, POINTS)
    return kernel.evaluate(line[:, None], line[None, :])


def describe(kernel: gk.GaborKernel) -> str:
    """Its wavelength and direction in words."""
    return f"wavelength {1 / kernel.frequency:.3g} px at {math.degrees(kernel.theta):.3g}°"


def figures(kernel: gk.GaborKernel) -> list[tuple[str, str]]:
    """What follows from the parameters."""
    octaves = f"{kernel.bandwidth:.3g} octaves" if math.isfinite(kernel.bandwidth) else "infinite"
    side, zero = 2 * kernel.radius() + 1, np.array(0.0)
    return [
        ("Frequency", f"{kernel.frequency:.4g} cycles/px"),
        ("Peak of the spectrum", f"{kernel.peak_frequency:.4g} cycles/px"),
        ("Bandwidth", octaves),
        ("Samples", f"{side} × {side} px"),
        ("Answer to a constant 1", f"{abs(complex(kernel.transfer(zero, zero))):.2g}"),
    ]
