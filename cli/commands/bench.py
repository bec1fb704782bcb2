"""``gaborkit bench``: this machine, against the libraries that are installed."""

from __future__ import annotations

import json
import os
import platform
from importlib import metadata
from typing import Any

import click

from gaborkit.errors import GaborkitError
from gaborkit.filtering.engines import structures
from gaborkit.filtering.engines.threads import available
from gaborkit.io.files import atomic_write
from gaborkit.io.tables import fold

from ..errors import debug_option
from ..options.arguments import Number, Whole
from ..options.path_arguments import Output
from ..options.sections import Command


@click.command("bench", cls=Command)
@click.option(
    "--size",
    type=Whole(16, 8192),
    help="Side of the picture, pixels.  [default: 512; quick: 256]",
)
@click.option(
    "--sigma",
    "sigmas",
    type=Number(above=0),
    multiple=True,
    help="Pixels; may be repeated.  [default: 2, 4 and 8; quick: 2]",
)
@click.option("--orientations", type=Whole(1, 1000), default=8, show_default=True)
@click.option(
    "--scales",
    type=Whole(1, 16),
    default=1,
    show_default=True,
    help="Each further one doubles sigma.",
)
@click.option("--means", is_flag=True, help="Ask for mean magnitudes in place of responses.")
@click.option("--repeat", type=Whole(1, 1000), help="Rounds.  [default: 7; quick: 3]")
@click.option("--quick", is_flag=True, help="Take seconds instead of a minute.")
@click.option(
    "--json",
    "json_file",
    type=Output((".json",)),
    metavar="FILE",
    help="Write all figures into a file too: .json.",
)
@debug_option
def command(
    size: int | None,
    sigmas: tuple[float, ...],
    orientations: int,
    scales: int,
    means: bool,
    repeat: int | None,
    quick: bool,
    json_file: str | None,
) -> None:
    """Filter noise with a bank, by gaborkit and by other libraries.

    The first column is the median time as a multiple of gaborkit's default, over rounds in which
    everyone runs once; the second one as a multiple of copying the responses into an existing
    array. The last one is the largest error of a response in L2, against convolution in double
    precision with kernels that are not cut off. Other libraries have kernels of radius 3 sigma
    and no DC-removal term.

    \b
    Examples:
      gaborkit bench --quick
      gaborkit bench --size 128 --sigma 2 --sigma 4 --repeat 3 --json bench.json
      gaborkit bench --sigma 2 --scales 5 --means
    """  # noqa: D301
    from gaborkit.bench.compare import compare

    facts = machine()
    click.echo(fold(", ".join(f"{name} {value}" for name, value in facts.items())))
    comparisons = []
    for sigma in sigmas or ((2.0,) if quick else (2.0, 4.0, 8.0)):
        try:
            comparison = compare(
                sigma=sigma,
                size=size or (256 if quick else 512),
                orientations=orientations,
                scales=scales,
                means=means,
                repeat=repeat or (3 if quick else 7),
            )
        except GaborkitError as error:
            raise click.UsageError(str(error)) from error
        click.echo(f"\n{comparison}")
        comparisons.append(comparison.to_dict())
    if json_file is not None:
        text = json.dumps({"machine": facts, "comparisons": comparisons}, indent=1)
        with atomic_write(json_file) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """Versions, processors and threads, without which times say little."""
    facts: dict[str, Any] = {
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "threads": available(),
        "fast engines": structures.performers().state,
        "python": platform.python_version(),
    }
    for name in ("gaborkit", "numpy", "scipy", "scikit-image", "diplib"):
        try:
            facts[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            facts[name] = "not installed"
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        if name in os.environ:
            facts[name] = os.environ[name]
    try:
        import cv2
    except ImportError:
        return {**facts, "OpenCV": "not installed"}
    # Whichever of its distributions it is.
    return {**facts, "OpenCV": cv2.__version__, "OpenCV threads": cv2.getNumThreads()}
