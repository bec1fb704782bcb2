"""A rule learned from scribbles: linear, on local energies; applied to pictures, and kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..features.energy import smoothed
from ..features.masking import Interior
from ..filtering.labelled import keeps_labels
from ..io.files import StrPath
from ..types import Array, Outside, RealArray
from .model_files import read_model, write_model
from .texture_maps import Nonlinearity, energies_within, planes_within

VERSION = 1


class Painted(NamedTuple):
    """A picture with a class for each pixel.

    Attributes
    ----------
    labels : uint8 array (H, W)
        The numbers of the scribbles; 0 outside a mask.
    probabilities : float32 array (C, H, W)
        Of each class, in ascending order of the numbers; 0 outside a mask.
    """

    labels: NDArray[np.uint8]
    probabilities: RealArray


@dataclass(frozen=True, eq=False)
class ScribbleModel:
    """What :func:`~.scribbles.fit_scribbles` learned; it segments pictures of the same textures.

    Attributes
    ----------
    bank : GaborBank
    nonlinearity, window, least
        As in :func:`texture_maps`.
    grey : bool
        Whether the grey level (or colour) around a pixel counts.
    smoothing : float
        Deviation of the Gaussian over the classes' scores, in pixels.
    classes : uint8 array (C,)
        Numbers of the scribbles, ascending.
    centre, width : arrays (F,)
        What is taken off each map, and what it is divided by.
    weights, bias : arrays (C, F) and (C,)
        Of the classes' scores, whose softmax the probabilities are.
    """

    bank: GaborBank
    nonlinearity: Nonlinearity
    window: float
    least: float
    grey: bool
    smoothing: float
    classes: NDArray[np.uint8]
    centre: RealArray
    width: RealArray
    weights: RealArray
    bias: RealArray

    @keeps_labels("class")
    def predict(
        self,
        image: Array,
        *,
        channel_axis: int | None = None,
        mask: Any = None,
        outside: Outside = "nearest",
    ) -> Painted:
        """Segment a picture.

        Parameters
        ----------
        image : real array or tensor (H, W), or with colour if the model has seen colour
        channel_axis : int, optional
        mask, outside
            As in :meth:`GaborBank.filter`: values outside have no part in what is found inside.

        Raises
        ------
        ImageError, FilterError
            As :meth:`GaborBank.filter`.
        FeatureError
            If it has other channels than the pictures that the model has seen.
        """
        planes, part = planes_within(image, channel_axis, mask, outside)
        labels, probabilities = self.painted(planes, part)
        return Painted(part.put_back(labels), part.put_back(probabilities))

    def painted(self, planes: RealArray, part: Interior) -> Painted:
        """Labels (h, w) and probabilities of channels (C, h, w), of any size outside the part."""
        maps = self.maps(planes, part)
        if len(maps) != len(self.centre):
            each = len(self.bank) + self.grey
            raise FeatureError(
                f"a picture of {len(maps) // each} channels does not go with a model of "
                f"{len(self.centre) // each}; gaborkit.luminance makes one of three"
            )
        scores = np.tensordot(self.weights / self.width, maps, 1)
        scores += (self.bias - self.weights @ (self.centre / self.width))[:, None, None]
        scores = smoothed(scores, self.smoothing, inside=part.inside)
        scores = np.exp(scores - scores.max(0))
        probabilities = (scores / scores.sum(0)).astype(np.float32)
        return Painted(self.classes[probabilities.argmax(0)], probabilities)

    def maps(self, planes: RealArray, part: Interior) -> RealArray:
        """What the rule sees of channels (C, h, w): maps (F, h, w)."""
        maps = energies_within(planes, part, self.bank, self.nonlinearity, self.window, self.least)
        maps = maps.reshape(-1, *planes.shape[-2:])
        if not self.grey:
            return maps
        return np.concatenate([maps, smoothed(planes, self.least, inside=part.inside)])

    def save(self, path: StrPath) -> None:
        """Write the model as npz: numbers and a text, no pickle.

        Raises
        ------
        FeatureError
            If the suffix is another than .npz, or the file cannot be written.
        """
        settings = {name: getattr(self, name) for name in _PLAIN}
        write_model(
            path,
            "scribbles",
            VERSION,
            {"bank": self.bank.to_dict(), **settings},
            {name: getattr(self, name) for name in _ARRAYS},
        )

    @classmethod
    def load(cls, path: StrPath) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        FeatureError
            If the file is missing, damaged or something else.
        """
        noun = "of scribbles; ScribbleModel.save writes one"
        settings, arrays = read_model(path, "scribbles", VERSION, _ARRAYS, noun)
        try:
            plain = {name: settings[name] for name in _PLAIN}
            return cls(bank=GaborBank.from_dict(settings["bank"]), **plain, **arrays)
        except (LookupError, TypeError) as error:
            raise FeatureError(f"{path}: is damaged or no model {noun}") from error


_PLAIN = ("nonlinearity", "window", "least", "grey", "smoothing")
_ARRAYS = ("classes", "centre", "width", "weights", "bias")
