"""Options that say which kernels and how to filter, shared by the commands.

The choices are the library's own; a test holds the names of the published banks equal to its.
"""

from __future__ import annotations

import functools
import math
import os
import warnings
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import gaborkit as gk
from gaborkit.choices import BOUNDARIES, ENGINES, NORMS
from gaborkit.io.spacing import square_side

from ..errors import debug_option
from ..jobs import pictures_in
from .arguments import Choice, Degrees, Number, Whole
from .path_arguments import Input
from .reading import json_option, mask_options, max_pixels_option
from .sections import option_of

if TYPE_CHECKING:
    from gaborkit import GaborBank, GaborKernel

#: The published banks, and what each one calls the options that it takes.
PRESETS: dict[str, dict[str, str]] = {
    "article": {"scales": "scales", "orientations": "orientations", "sigma": "sigma", "a": "a"},
    "manjunath": {"scales": "scales", "orientations": "orientations"},
    "kymatio": {"scales": "J", "orientations": "L"},
    "bob": {"scales": "number_of_scales", "orientations": "number_of_directions"},
    "kovesi": {"scales": "scales", "orientations": "orientations"},
}

BANKS = ("grid", *PRESETS)
BANK = Input(BANKS)

#: What ``--article`` and ``--bank grid`` leave open.
_ARTICLE = ("sigma", "theta", "scale")
_GRID = (
    *("scales", "orientations", "a", "wavelength", "theta", "sigma", "bandwidth"),
    *("gamma", "phase", "dc_free", "norm"),
)

_kernel_option, _bank_option = option_of("Kernel"), option_of("Bank")
filter_option = option_of("Filtering")

_KERNEL_OPTIONS = {
    "sigma": _kernel_option(
        "--sigma",
        type=Number(unit="pixels"),
        help="Standard deviation along the wave vector, pixels.",
    ),
    "bandwidth": _kernel_option(
        "--bandwidth",
        type=Number(unit="octaves"),
        help="Octaves at half response; instead of --sigma.",
    ),
    "wavelength": _kernel_option(
        "--wavelength",
        type=Number(unit="pixels"),
        help="Period of the carrier, pixels.  [default: 2 pi; 4 for --bank grid]",
    ),
    "theta": _kernel_option(
        "--theta", type=Degrees(), help="Degrees from +x (right) towards +y (down).  [default: 0]"
    ),
    "gamma": _kernel_option(
        "--gamma", type=Number(), help="Aspect: sigma / gamma across the wave vector.  [default: 1]"
    ),
    "phase": _kernel_option(
        "--phase", type=Degrees(), help="Of the carrier at the centre, degrees.  [default: 0]"
    ),
    "scale": _kernel_option("--scale", type=Number(), help="Dilation of one kernel.  [default: 1]"),
    "dc_free": _kernel_option(
        "--dc-free/--plain",
        default=None,
        help="Answer 0 to a constant image, or keep the plain Gabor function.  [default: dc-free]",
    ),
    "norm": _kernel_option(
        "--norm", type=Choice(NORMS), help="Rule for the amplitude.  [default: l1]"
    ),
    "article": _kernel_option(
        "--article",
        is_flag=True,
        default=None,
        help="Read --sigma (here 1 by default), --theta and --scale in the article's convention.",
    ),
}

_BANK_OPTIONS = {
    "bank": _bank_option(
        "--bank",
        type=BANK,
        metavar="NAME",
        help=f"Several kernels: grid, {', '.join(PRESETS)}, or FILE.json of GaborBank.save.",
    ),
    "scales": _bank_option("--scales", type=Whole(1, 100), help="How many dilations the bank has."),
    "orientations": _bank_option(
        "--orientations", type=Whole(1, 1000), help="How many directions in half a circle."
    ),
    "a": _bank_option(
        "--a", type=Number(), help="Dilation from one scale of the bank to the next.  [default: 2]"
    ),
}

_SPACING = {
    "spacing": _bank_option(
        "--spacing",
        type=Number(above=0, words=("file",), unit="millimetres"),
        metavar="MM",
        help="Lengths of kernels are mm, and a pixel is so many, or as its file says: file.",
    ),
}


def kernel_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options of one kernel; the function gets the ``kernel`` that they say."""
    return _replacing(function, "kernel", _KERNEL_OPTIONS, kernel_from)


def bank_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a kernel or bank; the function gets a ``bank``, maybe of one kernel."""
    return _replacing(function, "bank", _KERNEL_OPTIONS | _BANK_OPTIONS, bank_from)


def spaced_bank_options(function: Callable[..., None]) -> Callable[..., None]:
    """As :func:`bank_options`, of pictures whose pixels may have a size; they are ``sources``."""
    return _replacing(function, "bank", _KERNEL_OPTIONS | _BANK_OPTIONS | _SPACING, bank_from)


def bank_options_with(
    default: str, *, always: bool = True, spaced: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """As :func:`bank_options`, of several kernels: those of the bank ``default`` if none is named.

    Without ``--bank``, the other options are that bank's. Where none of them is given either, the
    function gets None unless ``always``. ``spaced`` adds the option of
    :func:`spaced_bank_options`.
    """
    alone = ("article", "scale")  # say one kernel
    options = {key: x for key, x in (_KERNEL_OPTIONS | _BANK_OPTIONS).items() if key not in alone}
    options["bank"] = _bank_option(
        "--bank",
        type=BANK,
        metavar="NAME",
        help=f"grid, {', '.join(PRESETS)}, or FILE.json of GaborBank.save.  [default: {default}]",
    )

    options |= _SPACING if spaced else {}

    def build(chosen: dict[str, Any]) -> GaborBank | None:
        return bank_from({"bank": default, **chosen}) if chosen or always else None

    def add(function: Callable[..., None]) -> Callable[..., None]:
        return _replacing(function, "bank", options, build)

    return add


def _replacing(
    function: Callable[..., None],
    name: str,
    options: dict[str, Callable[[Any], Any]],
    build: Callable[[dict[str, Any]], Any],
) -> Callable[..., None]:
    @functools.wraps(function)
    def command(**values: Any) -> None:
        chosen = {key: values.pop(key) for key in options}
        replaced = {key: value for key, value in chosen.items() if value is not None}
        spacing = replaced.pop("spacing", None)
        if spacing is None:
            function(**{name: build(replaced)}, **values)
            return
        with warnings.catch_warnings():
            # What is too fine for pixels of a millimetre need not be so for these.
            warnings.simplefilter("ignore", gk.SamplingWarning)
            built = build(replaced)
        if built is None:
            raise click.UsageError(
                "--spacing says what lengths of kernels are: give --bank, --wavelength, ... in mm"
            )
        function(**{name: built.scaled(1 / _side(spacing, values))}, **values)

    for option in reversed(options.values()):
        command = option(command)
    return command


def _side(spacing: float | str, values: dict[str, Any]) -> float:
    """Millimetres of a pixel: those asked for, or those that all pictures say."""
    if spacing != "file":
        return float(spacing)
    sides: dict[float, str] = {}
    for picture in pictures_in(values["sources"], values["out"], recursive=values["recursive"]):
        size = gk.read_spacing(picture)
        if size is None:
            raise gk.PictureError(f"{picture}: says no size of its pixels; --spacing MM does")
        try:
            sides[round(square_side(size), 6)] = picture
        except gk.PictureError as problem:
            raise gk.PictureError(f"{picture}: {problem}") from None
    if len(sides) > 1:
        (one, first), (other, second) = list(sides.items())[:2]
        raise gk.PictureError(
            f"{first} has pixels of {one:g} mm and {second} of {other:g} mm, which one bank does "
            "not fit; describe them apart, or gaborkit.resample them to one"
        )
    return next(iter(sides))


def filter_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add --boundary, --engine and --tolerance."""
    for option in (
        filter_option(
            "--tolerance",
            type=Number(above=0, below=1),
            default=1e-5,
            show_default=True,
            help="Share of a kernel's envelope that may be cut off.",
        ),
        filter_option(
            "--engine",
            type=Choice(ENGINES),
            default="auto",
            show_default=True,
            help="How to convolve; all give the same result.",
        ),
        filter_option(
            "--boundary",
            type=Choice(BOUNDARIES),
            default="reflect",
            show_default=True,
            help="What lies outside the picture, in SciPy's words.",
        ),
    ):
        function = option(function)
    return function


def map_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add what commands that map one picture share: its mask, how to filter, what is printed."""
    return mask_options(json_option(filter_options(max_pixels_option(debug_option(function)))))


def kernel_from(chosen: dict[str, Any]) -> GaborKernel:
    """The kernel that the given options say.

    Raises
    ------
    click.UsageError
        If they contradict each other, do not say enough, or are out of range.
    """
    _exclude(chosen, "sigma", "bandwidth")
    fields = _radians(chosen)
    try:
        if fields.pop("article", False):
            _only(fields, "--article", _ARTICLE)
            scale = {"scale": fields.pop("scale")} if "scale" in fields else {}
            kernel = gk.GaborKernel.article(**fields)
            return kernel.replace(**scale) if scale else kernel
        if "bandwidth" in fields:
            return gk.GaborKernel.from_bandwidth(**{"wavelength": 2 * math.pi, **fields})
        if "sigma" in fields:
            return gk.GaborKernel(**fields)
    except gk.KernelError as error:
        raise click.UsageError(str(error)) from error
    raise click.UsageError("a kernel needs --sigma PIXELS or --bandwidth OCTAVES")


def bank_from(chosen: dict[str, Any]) -> GaborBank:
    """The bank that the given options say; of one kernel where ``--bank`` is not among them.

    Raises
    ------
    click.UsageError
        As :func:`kernel_from`, and if there is no such bank.
    BankError
        If a file cannot be read.
    """
    fields = dict(chosen)
    name = fields.pop("bank", None)
    if name is None:
        for key in ("scales", "orientations", "a"):
            if key in fields:
                raise click.UsageError(f"--{key} needs --bank, such as --bank grid")
        if not fields:
            raise click.UsageError(
                "which kernel? give --sigma PIXELS or --bandwidth OCTAVES for one, --bank for more"
            )
        return gk.GaborBank([kernel_from(fields)])
    if name not in BANKS:
        if not (name.endswith(".json") or os.path.lexists(name)):
            raise click.UsageError(
                f"--bank {name}: there is no such bank; choose grid, {', '.join(PRESETS)} "
                f"or a .json file that GaborBank.save wrote{gk.errors.closest(name, BANKS)}"
            )
        _only(fields, f"--bank {name}", ())
        return gk.GaborBank.load(Path(name))
    try:
        if name == "grid":
            _only(fields, "--bank grid", _GRID)
            _exclude(fields, "sigma", "bandwidth")
            return gk.GaborBank.grid(**_radians(fields))
        names = PRESETS[name]
        _only(fields, f"--bank {name}", names)
        return gk.GaborBank.preset(name, **{names[key]: value for key, value in fields.items()})
    except (gk.KernelError, gk.BankError) as error:
        raise click.UsageError(f"--bank {name}: {error}") from error


def _radians(chosen: dict[str, Any]) -> dict[str, Any]:
    angles = ("theta", "phase")
    return {key: math.radians(x) if key in angles else x for key, x in chosen.items()}


def _flag(name: str, value: Any) -> str:
    if name == "dc_free":
        return "--dc-free" if value else "--plain"
    return f"--{name}"


def _only(chosen: dict[str, Any], whose: str, allowed: Collection[str]) -> None:
    for name, value in chosen.items():
        if name not in allowed:
            flags = ", ".join(f"--{key.replace('_', '-')}" for key in allowed)
            takes = f"it takes {flags}" if flags else "it has all its kernels already"
            raise click.UsageError(f"{_flag(name, value)} does not go with {whose}: {takes}")


def _exclude(chosen: dict[str, Any], one: str, other: str) -> None:
    if one in chosen and other in chosen:
        raise click.UsageError(f"--{one} and --{other} say the same thing: give one of them")
