"""What kernels answer to a picture: one of them everywhere, and all of them at one pixel."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

import gaborkit as gk
from gaborkit.kernels.formula import Parameters, envelope_and_angle
from gaborkit.kernels.gabor import PARAMETERS
from gaborkit.plotting.colours import PURE, phase_colours
from gaborkit.types import ComplexArray

from ..labels import shown as as_colours
from ..options.kernels import bank_from, kernel_from
from ..quantization import quantize
from . import code, panels
from .controls import Control, Picture, Pixel, Slider, Values
from .desk import Desk
from .sliders import BANDWIDTH, GAMMA, THETA, WAVELENGTH

#: Phases and strengths that are told apart, in 256 colours.
HUES, LEVELS = 51, 5


def picture_control(desk: Desk) -> Picture:
    """Which picture."""
    return Picture(name="picture", label="Picture", default=desk.first, options=desk.pictures)


def controls(desk: Desk) -> Sequence[Control]:
    """A picture, a kernel, and how many more are asked at a pixel."""
    return (
        picture_control(desk),
        WAVELENGTH,
        THETA,
        BANDWIDTH,
        GAMMA,
        Slider(
            name="orientations",
            label="Directions at a pixel",
            default=12,
            least=2,
            most=24,
            step=1,
        ),
        Slider(name="scales", label="Scales at a pixel", default=3, least=1, most=4, step=1),
        Pixel(name="at", label="Pixel", default=None),
    )


def show(values: Values, desk: Desk) -> panels.Shown:
    """Magnitude and phase of one kernel, and a bank's answers at a pixel.

    Raises
    ------
    click.UsageError
        If a kernel cannot be, or the pixel is not in the picture.
    PictureError, ImageError
        If the picture cannot be read or filtered.
    """
    name = values["picture"]
    image = desk.plane(name)
    fields = {key: values[key] for key in ("wavelength", "theta", "bandwidth", "gamma")}
    kernel = kernel_from(fields)
    response = kernel.filter(image)
    magnitude = np.abs(response)
    most = float(magnitude.max())
    y, x = pixel_of(values["at"], image.shape, name)
    counts = {key: values[key] for key in ("scales", "orientations")}
    bank = bank_from({"bank": "grid", **counts, **fields})
    answers = np.abs(responses_at(bank, image, y, x)).reshape(values["scales"], -1)
    rotations = np.arange(values["orientations"]) * 180 / values["orientations"]
    where = {"pick": "at", "marked": [y, x]}
    shown = [
        as_stored(name, desk, **where),
        panels.picture(
            "Magnitude",
            quantize(magnitude, "magnitude")[0],
            "How strongly the kernel answers",
            colours="viridis",
            legend=f"bright {most:.3g}",
            **where,
        ),
        panels.picture(
            "Phase",
            hues_of(response, most),
            "Phase of the answer as hue, grey where it is weak",
            colours=hues(),
            legend="light −180° and 180°, dark 0°, blue −90°, red 90°",
            **where,
        ),
        panels.polar(
            f"At y = {y}, x = {x}",
            rotations + values["theta"],
            [
                (f"{1 / scale[0].frequency:.3g} px", row)
                for scale, row in zip(scales_of(bank, values["scales"]), answers, strict=True)
            ],
            f"Magnitudes by direction at the pixel; the largest is {answers.max():.3g}",
        ),
    ]
    told = {
        **{key: fields[key] for key in ("wavelength", "theta", "bandwidth")},
        **code.changed(fields, {"gamma": 1.0}),
    }
    return panels.Shown(
        shown,
        code.program(
            f"image = {desk.reading(name)}",
            f"kernel = {code.call('gk.GaborKernel.from_bandwidth', **told)}",
            "response = kernel.filter(image)  # complex (H, W)",
            'magnitude, phase = abs(response), np.angle(response)  # "Magnitude", "Phase"',
            f"bank = {code.call('gk.GaborBank.grid', **counts, **told)}",
            f"answers = abs(bank.filter(image)[:, {y}, {x}])  # of all kernels at the pixel",
        ),
        code.command("filter", name, **told, part="magnitude", out="magnitude.png"),
    )


def hues_of(response: ComplexArray, most: float) -> NDArray[np.uint8]:
    """Places in :func:`hues` of complex responses, of which the largest magnitude is ``most``."""
    turn = np.rint(np.angle(response) * (HUES / (2 * np.pi))).astype(np.int16) % HUES
    level = np.minimum(np.abs(response) * ((LEVELS - 1) / (PURE * (most or 1))), LEVELS - 1)
    return (turn * LEVELS + np.rint(level).astype(np.int16)).astype(np.uint8)


@functools.cache
def hues() -> bytes:
    """Red, green and blue of each phase, from 0 on, at each strength up to the pure colour."""
    phase = np.arange(HUES) * (2 * np.pi / HUES)
    strength = np.linspace(0, PURE, LEVELS)
    return phase_colours(*np.broadcast_arrays(phase[:, None], strength))[..., :3].tobytes()


def scales_of(bank: gk.GaborBank, scales: int) -> list[gk.GaborBank]:
    """The bank, a scale at a time."""
    each = len(bank) // scales
    return [bank[k * each : (k + 1) * each] for k in range(scales)]


def as_stored(name: str, desk: Desk, **more: Any) -> panels.Panel:
    """A picture as it is, in its colours."""
    stored = desk.stored(name)
    pixels = as_colours(stored)
    grey = stored.ndim == 2 or stored.shape[-1] < 3
    return panels.picture(
        "Picture",
        pixels[..., 0] if grey else pixels,
        f"The picture {name}",
        legend=f"{name}, {pixels.shape[1]} × {pixels.shape[0]} px",
        **more,
    )


def pixel_of(at: tuple[int, int] | None, shape: tuple[int, ...], name: str) -> tuple[int, int]:
    """A pixel of the picture: that asked for, else the middle.

    Raises
    ------
    ImageError
        If it lies outside.
    """
    y, x = (shape[0] // 2, shape[1] // 2) if at is None else at
    if y >= shape[0] or x >= shape[1]:
        raise gk.ImageError(
            f"{name}: has no pixel y = {y}, x = {x}; it is {shape[0]} high and {shape[1]} wide"
        )
    return y, x


def responses_at(bank: gk.GaborBank, image: NDArray[Any], y: int, x: int) -> NDArray[np.complex128]:
    """Complex responses (K,) at one pixel: those of ``bank.filter``, to its accuracy."""
    radius = max(kernel.radius() for kernel in bank)
    # Convolution: what lies to the right meets the kernel's left.
    offsets = np.arange(radius, -radius - 1, -1)
    rows, columns = (
        reflected(centre + offsets, size) for centre, size in zip((y, x), image.shape, strict=True)
    )
    around = image[np.ix_(rows, columns)].astype(float)
    answers = []
    for kernel in bank:
        margin = radius - kernel.radius()
        inner = slice(margin, len(around) - margin)
        answers.append(_response(cast(gk.GaborKernel, kernel), around[inner, inner]))
    return np.array(answers)


def _response(kernel: gk.GaborKernel, around: NDArray[np.float64]) -> complex:
    """The sum of a kernel's samples times the pixels that they meet.

    A round kernel is two outer products; of an elongated one, which is many, the wave is one.
    """
    if kernel.separable:
        scales, columns, rows = kernel.factors()
        return complex(np.sum(scales * ((columns @ around) * rows).sum(1)))
    line = np.arange(-kernel.radius(), kernel.radius() + 1.0)
    parameters = Parameters(*(getattr(kernel, name) for name in PARAMETERS))
    envelope, _ = envelope_and_angle(np, parameters, line[:, None], line)
    turns = 2 * math.pi * kernel.frequency * line
    column, row = (np.exp(1j * turns * f(kernel.theta)) for f in (math.sin, math.cos))
    weights = envelope * around
    dc = column @ (envelope @ row) / envelope.sum()
    answer = column @ (weights @ row) - dc * weights.sum()
    return complex(kernel.amplitude() * np.exp(1j * kernel.phase) * answer)


def reflected(index: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Indices of a line with its mirror images on both sides, as ``boundary="reflect"`` has it."""
    index = index % (2 * size)
    return np.minimum(index, 2 * size - 1 - index)
