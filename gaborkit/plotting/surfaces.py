"""Three-dimensional surfaces of one kernel."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox

# Importing it registers the projection "3d".
from mpl_toolkits.mplot3d import Axes3D, proj3d

from ..errors import KernelError
from ..kernels.base import Kernel
from ..kernels.gabor import GaborKernel
from ..kernels.log_gabor import LogGaborKernel
from ..types import ComplexArray, RealArray
from .colours import signed_norm
from .inputs import changed, is_number, samples_to_draw, without_tensors
from .layout import Sheet

# Samples below this share of the largest are not worth showing. The article's kernel with
# sigma = 1 is then drawn on [-5, 5].
_VISIBLE = 0.01

# Points along a side: at least, at most, and on each wavelength.
_LEAST, _MOST, _EACH_WAVELENGTH = 61, 241, 10

# Inches of one surface, and of the title over them.
_WIDTH, _HEIGHT, _TOP = 4.3, 4.2, 0.6


def plot_kernel(
    kernel: Kernel,
    *,
    gaussian: bool = False,
    extent: float | None = None,
    elevation: float = 28.0,
    azimuth: float = -60.0,
) -> Figure:
    """Surfaces of a kernel's real and imaginary parts, on one scale of height and colour.

    Parameters
    ----------
    kernel : Kernel
        A GaborKernel is drawn by its formula; another one is interpolated between its samples,
        band-limited.
    gaussian : bool
        Add the Gaussian envelope as a third surface.
    extent : float, optional
        Half-width in pixels of the square that is drawn. The default leaves out what is too
        small to be seen.
    elevation, azimuth : float
        Where it is seen from, in degrees. The axis y runs towards the viewer, so that the view
        from above is the image with y down.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    KernelError
        If it is not a kernel, has no Gaussian envelope to add, if ``extent`` is not positive or
        holds too many wavelengths to be drawn, or if an angle is not finite.

    Examples
    --------
    >>> from gaborkit import GaborKernel
    >>> figure = plot_kernel(GaborKernel.article(sigma=1), gaussian=True)
    >>> [axes.get_title() for axes in figure.axes]
    ['real part', 'imaginary part', 'Gaussian envelope']
    """
    if not isinstance(kernel, Kernel):
        raise KernelError(f"{kernel!r} is not a kernel; give a GaborKernel or a LogGaborKernel")
    for name, angle in (("elevation", elevation), ("azimuth", azimuth)):
        if not is_number(angle):
            raise KernelError(f"{name}={angle!r} is not a finite number of degrees; try 30")
    kernel = without_tensors(kernel)
    line = _line(kernel, extent)
    values = _evaluate(kernel, line)
    parts = {"real part": values.real, "imaginary part": values.imag}
    if gaussian:
        parts["Gaussian envelope"] = _envelope(kernel, line)

    lowest, highest = (float(f([f(part) for part in parts.values()])) for f in (np.min, np.max))
    floor = lowest - 0.5 * (highest - lowest)
    limit = max(highest, -lowest)
    look = {"cmap": "coolwarm", "norm": signed_norm(limit), "rasterized": True}
    # Bands of colour on the floor, one of them around zero.
    levels = np.linspace(-limit, limit, 42)
    sheet = Sheet(_WIDTH * len(parts), _TOP + _HEIGHT)
    sheet.text(sheet.width / 2, 0.12, _describe(kernel), fontsize=11, ha="center", va="top")
    boxes = []
    for i, title in enumerate(parts):
        axes = _box(sheet, i * _WIDTH, title)
        axes.set_xlim(line[0], line[-1])
        axes.set_ylim(line[-1], line[0])
        axes.set_zlim(floor, highest)
        _label_heights(axes, lowest, highest)
        axes.view_init(elevation, azimuth)
        boxes.append(axes)
    _fit(sheet.figure, boxes)
    for axes, heights in zip(boxes, parts.values(), strict=True):
        axes.contourf(line, line, heights, levels, offset=floor, zorder=1, **look)
        axes.plot_surface(
            line[None, :],
            line[:, None],
            heights,
            rcount=len(line),
            ccount=len(line),
            edgecolor=(0, 0, 0, 0.4 * _LEAST / len(line)),
            linewidth=0.2,
            zorder=2,
            **look,
        )
    return sheet.figure


def _box(sheet: Sheet, left: float, title: str) -> Any:
    """Empty three-dimensional axes in the cell that begins ``left`` inches from the left."""
    axes = sheet.axes(
        left=left,
        top=_TOP,
        width=_WIDTH,
        height=_HEIGHT,
        projection=Axes3D.name,
        proj_type="ortho",
        computed_zorder=False,
    )
    axes.patch.set_visible(False)  # it would cover the neighbour's labels
    axes.set_title(title, fontsize=11, y=1)
    # Where the title stays when the box moves.
    position = (left + _WIDTH / 2) / sheet.width, 1 - (_TOP + 0.25) / sheet.height
    axes.title.set(position=position, transform=sheet.figure.transFigure)
    axes.set_xlabel("x (px)", fontsize=9)
    axes.set_ylabel("y (px, down)", fontsize=9)
    axes.tick_params(labelsize=8, pad=1)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.pane.fill = False
        axis._axinfo["grid"].update(color=(0.85, 0.85, 0.85), linewidth=0.5)
    return axes


def _label_heights(axes: Any, lowest: float, highest: float) -> None:
    """Ticks where there are heights, not down to the floor, in units of a power of ten."""
    power = math.floor(math.log10(max(highest, -lowest)))
    ticks = np.asarray(MaxNLocator(5).tick_values(lowest, highest))
    axes.set_zticks(ticks[(ticks >= lowest) & (ticks <= highest)])
    axes.zaxis.set_major_formatter(lambda z, _: _number(z / 10.0**power))
    axes.set_zlabel(f"psi ($\\times 10^{{{power}}}$)" if power else "psi", fontsize=9)


def _fit(figure: Figure, boxes: list[Any]) -> None:
    """Let each empty box fill its cell, wherever this view has its labels."""
    width, height = _WIDTH * figure.dpi, _HEIGHT * figure.dpi
    zoom = 0.85
    for _ in range(3):
        figure.draw_without_rendering()  # places the labels
        extents = [_extent(axes) for axes in boxes]
        zoom *= min(min(0.95 * width / box.width, 0.91 * height / box.height) for box in extents)
        for i, (axes, box) in enumerate(zip(boxes, extents, strict=True)):
            right = (i + 0.5) * width - (box.x0 + box.x1) / 2
            up = 0.46 * height - (box.y0 + box.y1) / 2
            position = axes.get_position(original=True)
            axes.set_position(
                position.translated(right / figure.bbox.width, up / figure.bbox.height)
            )
            axes.set_box_aspect((1, 1, 0.9), zoom=zoom)


def _extent(axes: Any) -> Any:
    """Where the corners of a box and its labels lie, in pixels of the figure."""
    corners = itertools.product(axes.get_xlim(), axes.get_ylim(), axes.get_zlim())
    x, y, _ = proj3d.proj_transform(*np.transpose(list(corners)), axes.get_proj())
    points = axes.transData.transform(np.column_stack([x, y]))
    labels = [axis.get_tightbbox(None) for axis in (axes.xaxis, axes.yaxis, axes.zaxis)]
    return Bbox.union([Bbox([points.min(axis=0), points.max(axis=0)]), *labels])


def _number(value: float) -> str:
    """Three digits, with a minus sign as long as the other axes'."""
    return f"{round(value, 6) + 0.0:.3g}".replace("-", "−")


def _line(kernel: Kernel, extent: float | None) -> RealArray:
    """Coordinates along a side of the square, fine enough for the carrier."""
    wavelength = 1 / kernel.frequency
    widest = _MOST / _EACH_WAVELENGTH / 2 * wavelength
    if extent is None:
        extent = min(_reach(kernel), widest)
    if not (is_number(extent) and extent > 0):
        raise KernelError(f"extent={extent!r} is not a positive number of pixels; try 20")
    if extent > widest:
        raise KernelError(
            f"extent={extent:g} pixels hold {2 * extent / wavelength:.0f} wavelengths, too many to "
            f"be drawn; use {widest:.3g} or less"
        )
    points = math.ceil(_EACH_WAVELENGTH * 2 * extent / wavelength)
    return np.linspace(-extent, extent, max(_LEAST, points))


def _reach(kernel: Kernel) -> float:
    """Half-width in pixels of the square that holds what can be seen of the kernel."""
    samples, step = samples_to_draw(kernel)
    magnitude = np.abs(samples)
    rows, columns = np.nonzero(magnitude > _VISIBLE * magnitude.max())
    radius = len(magnitude) // 2
    return 1.0 + step * float(np.abs([rows - radius, columns - radius]).max())


def _evaluate(kernel: Kernel, line: RealArray) -> ComplexArray:
    """The kernel on the square of ``line``: (y, x)."""
    if isinstance(kernel, GaborKernel):
        psi: ComplexArray = kernel.evaluate(line[:, None], line[None, :])
        return psi
    radius = kernel.radius()
    # Whittaker and Shannon: exact at the pixels, and without frequencies above the grid's.
    weights = np.sinc(line[:, None] - np.arange(-radius, radius + 1))
    values: ComplexArray = weights @ kernel.sample() @ weights.T
    return values


def _envelope(kernel: Kernel, line: RealArray) -> RealArray:
    if not isinstance(kernel, GaborKernel):
        raise KernelError(
            f"gaussian=True: a {type(kernel).__name__} has no Gaussian envelope; leave gaussian "
            "out, or give a GaborKernel"
        )
    plain = changed(kernel, dc_free=False, norm="peak").evaluate(line[:, None], line[None, :])
    envelope: RealArray = kernel.amplitude() * np.abs(plain)
    return envelope


def _describe(kernel: Kernel) -> str:
    """The parameters, in the words and units of the project."""
    theta = f"theta {math.degrees(float(kernel.theta)):.4g}°"
    if isinstance(kernel, GaborKernel):
        return (
            f"Gabor kernel: wavelength {float(kernel.wavelength):.4g} px, {theta}, "
            f"sigma {float(kernel.sigma):.4g} px, gamma {float(kernel.gamma):.4g},\n"
            f"phase {math.degrees(float(kernel.phase)):.4g}°, scale {float(kernel.scale):.4g}, "
            f"norm {kernel.norm}, {'DC-free' if kernel.dc_free else 'not DC-free'}"
        )
    if isinstance(kernel, LogGaborKernel):
        return (
            f"log-Gabor kernel: wavelength {kernel.wavelength:.4g} px, {theta},\n"
            f"sigma_on_f {kernel.sigma_on_f:.4g}, "
            f"theta_deviation {math.degrees(kernel.theta_deviation):.4g}° ({kernel.spread}), "
            f"scale {kernel.scale:.4g}"
        )
    return f"{type(kernel).__name__}: {kernel.label}"
