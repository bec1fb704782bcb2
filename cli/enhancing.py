"""Enhance the print in one picture and write what is asked for of it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gaborkit as gk

from .each import Files, file_of
from .options.path_arguments import PICTURES
from .quantization import quantize
from .responding import about, filterable

#: Root mean squares of the enhanced print that black and white stand for in 8 bits.
_REACH = 2.5


@dataclass(frozen=True)
class Settings:
    """How to enhance; see :func:`gaborkit.vision.fingerprint.enhance_fingerprint`.

    ``form`` is what the main file holds: ``values``, ``binary`` or ``thin``.
    """

    form: str
    ridges: str
    orientation: str
    spacing: float | None
    block: int | None
    wavelengths: tuple[float, float] | None
    sigma: float | None
    regularity: float


def enhance_picture(job: Files, settings: Settings) -> dict[str, Any]:
    """Enhance a picture and write its files, a description beside each.

    Returns
    -------
    dict
        What the description of the main file says.

    Raises
    ------
    GaborkitError
        If the picture cannot be read or enhanced, or a file cannot be written.
    """
    source = job["out"].source
    image, colour = filterable(gk.read_image(source), "luminance")
    options = asdict(settings)
    form = options.pop("form")
    with about(source):
        result = gk.vision.fingerprint.enhance_fingerprint(image, **options)
    spacing = 1 / float(np.median(result.frequency[result.mask])) if result.mask.any() else None
    description: dict[str, Any] = {
        "gaborkit": gk.__version__,
        "input": source,
        "colour": colour,
        "shape": result.mask.shape,
        "share": float(result.mask.mean()),
        **options,
        "spacing": spacing,
    }
    for option, one in job.items():
        target = file_of(one)
        picture = target.suffix.lower() in PICTURES
        values, says = _content(result, form if option == "out" else option, picture)
        if picture and values.dtype.kind == "f" and not target.suffix.lower().startswith(".tif"):
            values, mapping = _in_bytes(values, option, settings, result)
            says |= {"mapping": mapping} if mapping else {}
        gk.write_image(target, values, description | says)
    return description


def _content(
    result: gk.vision.FingerprintEnhancement, what: str, picture: bool
) -> tuple[NDArray[Any], dict[str, Any]]:
    """Values for a file, and what its description says of them."""
    match what:
        case "binary" | "thin":
            lines = (
                result.binary
                if what == "binary"
                else gk.vision.fingerprint.thin_ridges(result.binary)
            )
            # Ink on paper in a picture; true or false in an array.
            return (~lines if picture else lines), {"content": f"{what} ridges"}
        case "mask":
            return result.mask, {"content": "mask"}
        case "orientation":
            return result.orientation, {"content": "direction across the ridges, radians"}
        case "frequency":
            return result.frequency, {"content": "frequency of ridges, cycles per pixel"}
        case _:
            return result.enhanced, {"content": "enhanced print"}


def _in_bytes(
    values: NDArray[Any], option: str, settings: Settings, result: gk.vision.FingerprintEnhancement
) -> tuple[NDArray[Any], dict[str, Any] | None]:
    """Eight bits of a field: hues of orientation, and else grey values with their mapping."""
    if option == "orientation":
        return gk.plotting.orientation_colours(values, result.mask.astype(float)), None
    if option == "frequency":
        low = settings.wavelengths[0] if settings.wavelengths else None
        limits = (0.0, 1 / low if low else float(values.max()) or 1.0)
    else:
        level = math.sqrt(float(np.mean(values[result.mask] ** 2))) if result.mask.any() else 1.0
        limits = (-_REACH * level, _REACH * level * 127 / 128)  # zero is 128
    stored, mapping = quantize(values, "real", 8, limits)
    return stored, {"value": "offset + gain * stored", **mapping}
