"""Sliders that several tabs have."""

from __future__ import annotations

from .controls import Slider

WAVELENGTH = Slider(
    name="wavelength",
    label="Wavelength",
    default=8.0,
    least=2,
    most=64,
    step=0.1,
    unit="px",
    log=True,
    help="One period of the wave.",
)
FINEST_WAVELENGTH = Slider(
    name="wavelength",
    label="Finest wavelength",
    default=4.0,
    least=2,
    most=16,
    step=0.1,
    unit="px",
    log=True,
)
THETA = Slider(
    name="theta",
    label="Direction",
    default=30.0,
    least=-180,
    most=180,
    step=1.0,
    unit="°",
    help="Of the wave vector, from right towards down.",
)
BANDWIDTH = Slider(
    name="bandwidth",
    label="Bandwidth",
    default=1.0,
    least=0.3,
    most=2.5,
    step=0.05,
    unit="octaves",
    help="Between the frequencies of half response.",
)
GAMMA = Slider(
    name="gamma",
    label="Aspect ratio",
    default=1.0,
    least=0.25,
    most=4,
    step=0.05,
    log=True,
    help="The Gaussian is so many times narrower along the stripes.",
)
PEN = Slider(name="width", label="Pen", default=8, least=1, most=60, step=1, unit="px")
