"""``gaborkit plot``: figures of kernels, banks, spectra and responses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

import gaborkit as gk
from gaborkit.choices import KERNEL_PARTS

from ..errors import debug_option
from ..groups import Group
from ..options.arguments import Choice, Number
from ..options.kernels import bank_options, filter_options, kernel_options
from ..options.path_arguments import IN, Output
from ..options.reading import max_pixels_option
from ..responding import about, filterable

if TYPE_CHECKING:
    from gaborkit import GaborBank, GaborKernel


@click.group("plot", cls=Group)
def command() -> None:
    """Draw a kernel, a bank, its coverage of the spectrum, or what it answers to a picture.

    OUT ends in .png, .svg or .pdf. An existing file is replaced.

    \b
    Examples:
      gaborkit plot kernel --article --sigma 1
      gaborkit plot coverage --bank manjunath --out coverage.pdf
    """  # noqa: D301


def _figure_options(default: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def add(function: Callable[..., None]) -> Callable[..., None]:
        out = click.option(
            "--out",
            type=Output((".png", ".svg", ".pdf")),
            metavar="OUT",
            default=default,
            show_default=True,
            help="File to write: .png, .svg or .pdf.",
        )
        dpi = click.option(
            "--dpi",
            type=Number(10, 2400),
            default=150,
            show_default=True,
            help="Dots per inch.",
        )
        return out(dpi(debug_option(function)))

    return add


def _save(figure: Any, out: str, dpi: float) -> None:

    gk.plotting.save_figure(figure, out, dpi=dpi)
    click.echo(out)


@command.command("kernel")
@kernel_options
@click.option("--gaussian", is_flag=True, help="Add the Gaussian envelope.")
@_figure_options("kernel.png")
def kernel_command(kernel: GaborKernel, gaussian: bool, out: str, dpi: float) -> None:
    """Draw the real and the imaginary part of one kernel as surfaces.

    \b
    Examples:
      gaborkit plot kernel --sigma 1 --out kernel.png
      gaborkit plot kernel --wavelength 8 --bandwidth 1 --theta 30 --gaussian
    """  # noqa: D301
    _save(gk.plotting.plot_kernel(kernel, gaussian=gaussian), out, dpi)


@command.command("bank")
@bank_options
@click.option(
    "--part", type=Choice(KERNEL_PARTS), default="real", show_default=True, help="What to draw."
)
@click.option("--table", is_flag=True, help="Print a line for each kernel instead of drawing.")
@_figure_options("bank.png")
def bank_command(bank: GaborBank, part: str, table: bool, out: str, dpi: float) -> None:
    """Draw every kernel of a bank, or print them as a table.

    \b
    Examples:
      gaborkit plot bank --bank grid --scales 3 --orientations 6 --out bank.png
      gaborkit plot bank --bank kovesi --table
    """  # noqa: D301
    if table:
        click.echo(bank.table())
        return

    _save(gk.plotting.plot_bank(bank, part=part), out, dpi)  # type: ignore[arg-type]


@command.command("coverage")
@bank_options
@click.option("--sampled", is_flag=True, help="Of the kernels on the pixel grid, with aliases.")
@click.option("--log", is_flag=True, help="Logarithmic scale for the sum.")
@_figure_options("coverage.png")
def coverage_command(bank: GaborBank, sampled: bool, log: bool, out: str, dpi: float) -> None:
    """Draw which part of the spectrum a bank covers, and how evenly.

    \b
    Example:
      gaborkit plot coverage --bank kymatio --out coverage.png
    """  # noqa: D301
    _save(gk.plotting.plot_coverage(bank, sampled=sampled, log=log), out, dpi)


@command.command("responses")
@click.argument("source", type=IN, metavar="IN")
@bank_options
@filter_options
@click.option("--common-scale", is_flag=True, help="Show all channels on one scale of magnitude.")
@max_pixels_option
@_figure_options("responses.png")
def responses_command(
    source: str,
    bank: GaborBank,
    boundary: Any,
    engine: Any,
    tolerance: float,
    common_scale: bool,
    out: str,
    dpi: float,
) -> None:
    """Draw a picture, and the magnitude and phase of what a bank answers to it.

    Of a colour picture, the luminance is filtered.

    \b
    Example:
      gaborkit plot responses sample:camera --bank grid --scales 2
    """  # noqa: D301
    image = gk.read_image(source)
    planes, _ = filterable(image, "luminance")
    with about(source):
        responses = bank.filter(planes, boundary=boundary, engine=engine, tolerance=tolerance)
        figure = gk.plotting.plot_responses(
            planes, responses, bank.labels, common_scale=common_scale
        )
    _save(figure, out, dpi)
