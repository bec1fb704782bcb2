"""Options that commands of fingerprints share."""

from __future__ import annotations

import click

from .arguments import Choice, Number

RIDGE_DISTANCE = Number(2, 10_000)

ridges_option = click.option(
    "--ridges",
    type=Choice(("dark", "light")),
    default="dark",
    show_default=True,
    help="What of the picture is a ridge.",
)

dpi_option = click.option(
    "--dpi",
    type=Number(112, 100_000),
    help="Dots per inch of the scan, in place of --spacing: ridges lie 9 pixels apart at 500.",
)


def ridge_distance(spacing: float | None, dpi: float | None) -> float | None:
    """Pixels from ridge to ridge that one of the two options tells, if any.

    Raises
    ------
    click.UsageError
        If both are given.
    """
    if dpi is None:
        return spacing
    if spacing is not None:
        raise click.UsageError(
            f"--dpi {dpi:g} and --spacing {spacing:g} both tell the distance of ridges: "
            "give one of them"
        )
    return 9 * dpi / 500
