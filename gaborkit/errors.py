"""What gaborkit raises and warns: each message names the value, what is wrong, what would work."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable


class GaborkitError(ValueError):
    """Base of every error that gaborkit raises on purpose."""


class KernelError(GaborkitError):
    """A kernel's parameters are out of range or cannot be expressed in another convention."""


class BankError(GaborkitError):
    """A bank is empty, its description is damaged, or a preset's parameters are out of range."""


class ImageError(GaborkitError):
    """An array cannot be filtered as an image: shape, dtype, NaN, colour."""


class FilterError(GaborkitError):
    """A filtering option (boundary, engine, ``out``) is unknown or does not fit the image."""


class FrameError(GaborkitError):
    """A frame cannot be built or inverted, or coefficients do not fit it."""


class FeatureError(GaborkitError):
    """A feature's parameters are out of range, or an image or features do not fit it."""


class LayerError(GaborkitError):
    """A layer's parameters are out of range, or its input does not fit it."""


class PictureError(GaborkitError):
    """A picture file cannot be read or written."""


class DataError(GaborkitError):
    """A data set cannot be found, downloaded or read."""


class RepresentationError(GaborkitError):
    """A representation's parameters, images or features do not fit."""


class ModelError(GaborkitError):
    """A generative model's configuration is out of range, or it cannot do what is asked of it."""


class TrainingError(GaborkitError):
    """Training options contradict each other, or a run cannot be continued."""


class StoreError(GaborkitError):
    """A model folder or checkpoint cannot be written, or is missing, damaged or hostile."""


class SamplingWarning(UserWarning):
    """A kernel is too fine for the pixel grid, or its envelope is too small for its carrier."""


class AngleWarning(UserWarning):
    """An angle is of several turns, as one in degrees is where radians are wanted."""


class FrameWarning(UserWarning):
    """A frame's bounds are so far apart that its inverse loses precision."""


class FolderWarning(UserWarning):
    """Files of a folder are not taken for pictures, or are of other dtypes than the others."""


def closest(word: str, known: Iterable[str]) -> str:
    """``; did you mean X?`` for the known word that is most like another, or nothing.

    Examples
    --------
    >>> closest("camra", ["brick", "camera"]), closest("x", ["brick"])
    ('; did you mean camera?', '')
    """
    # A longer word is like none of them, and would take long to compare.
    matches = difflib.get_close_matches(word[:100], list(known), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line outside gaborkit that led here, however many calls lie between."""
    level = 2
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in (
        "gaborkit",
        "dataclasses",
    ):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
