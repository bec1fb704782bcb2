"""What napari's layers hold, computed: new layers where the old one lies, named after it.

A layer comes in as what napari hands over, and goes out as its "layer data tuple": data, attributes
and kind. napari itself is not needed for either.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError, FilterError
from ..features.orientation import Method, local_orientation
from ..filtering.backend import is_dask, library_of
from ..filtering.parts import part_dtype
from ..io.files import StrPath
from ..io.images import luminance
from ..large.memory import available_memory
from ..plotting.orientation_hues import orientation_colours
from ..types import Boundary, RealArray
from ..vision.scribbles import fit_scribbles

#: Data, attributes, kind.
LayerData = tuple[Any, dict[str, Any], str]

#: Exponents of what is shown of parts: few pixels are bright, so that edges of less contrast show.
GAMMAS = {"magnitude": 0.5, "energy": 0.25}

RealPart = Literal["magnitude", "energy", "phase", "real", "imag"]
Colour = Literal["luminance", "channels"]


@dataclass(frozen=True)
class ImageLayer:
    """What is computed with of an image layer.

    Attributes
    ----------
    name : str
    data : array (..., H, W) or (..., H, W, 3 or 4) if ``rgb``; Dask's too
        Of several resolutions, the finest.
    rgb : bool
    transforms : dict
        The layer's ``scale``, ``translate``, ``rotate``, ``shear``, ``affine``, ``units`` and
        ``axis_labels``.
    """

    name: str
    data: Any
    rgb: bool
    transforms: dict[str, Any]

    @classmethod
    def of(cls, layer: Any) -> Self:
        """Take them from a layer of napari, whose user may change it from then on."""
        affine = getattr(layer.affine, "affine_matrix", layer.affine)
        transforms = {
            **{name: np.array(getattr(layer, name)) for name in ("scale", "translate", "rotate")},
            "shear": np.array(layer.shear),
            "affine": np.array(affine),
            "units": tuple(map(str, layer.units)),
            "axis_labels": tuple(layer.axis_labels),
        }
        data = layer.data[0] if layer.multiscale else layer.data
        return cls(layer.name, data, bool(layer.rgb), transforms)

    def grey(self, *, lazy: bool = False) -> Any:
        """Values (..., H, W), of colours their luminance; of Dask's data, Dask's if ``lazy``."""
        data = self.data if lazy and is_dask(self.data) else np.asarray(self.data)
        return luminance(data, channel_axis=-1) if self.rgb else data

    def new(
        self, data: Any, what: str, kind: str = "image", *, ahead: str = "", **attributes: Any
    ) -> LayerData:
        """A layer in the same place, named after it; ``ahead`` is the name of a new first axis."""
        transforms = with_axis_ahead(self.transforms, ahead) if ahead else self.transforms
        return data, {"name": f"{what} of {self.name}", **transforms, **attributes}, kind


def with_axis_ahead(transforms: dict[str, Any], label: str) -> dict[str, Any]:
    """Transforms of a layer with an axis more, along which it lies at 0, 1, 2, ...

    Examples
    --------
    >>> transforms = {"scale": [2.0], "translate": [5.0], "rotate": [[1.0]], "shear": []}
    >>> transforms |= {"affine": np.eye(2), "units": ("um",), "axis_labels": ("x",)}
    >>> more = with_axis_ahead(transforms, "kernel")
    >>> more["scale"], more["translate"], more["shear"], more["units"]
    (array([1., 2.]), array([0., 5.]), array([0.]), ('pixel', 'um'))
    """
    shear = np.asarray(transforms["shear"])
    # A vector holds the rows above the diagonal, one after the other.
    ahead = np.zeros(len(transforms["scale"]))
    return {
        "scale": np.r_[1.0, transforms["scale"]],
        "translate": np.r_[0.0, transforms["translate"]],
        "rotate": _bordered(transforms["rotate"]),
        "shear": _bordered(shear) if shear.ndim == 2 else np.r_[ahead, shear],
        "affine": _bordered(transforms["affine"]),
        "units": ("pixel", *transforms["units"]),
        "axis_labels": (label, *transforms["axis_labels"]),
    }


def _bordered(matrix: Any) -> NDArray[np.float64]:
    size = len(matrix) + 1
    larger = np.eye(size)
    larger[1:, 1:] = matrix
    return larger


def response_layers(
    image: ImageLayer,
    bank: GaborBank,
    part: RealPart = "magnitude",
    boundary: Boundary = "reflect",
) -> list[LayerData]:
    """Responses of a bank, the kernels along an axis before those of the image.

    Of Dask's data they are lazy.

    Raises
    ------
    ImageError, FilterError
        As :meth:`GaborBank.filter`, and if the responses do not fit into the memory that is free.
    """
    grey = image.grey(lazy=True)
    if not is_dask(grey):
        library = library_of(grey)
        kind = part_dtype(part, library.double(library.promote(grey[..., :1, :1])))
        size = len(bank) * grey.size * kind.itemsize
        if size > available_memory():
            raise FilterError(
                f"{part} of {len(bank)} kernels is {size / 1e9:.3g} GB, more than memory is free; "
                "take fewer kernels, a part of the image, or gaborkit filter, which works in tiles"
            )
    responses = bank.filter(grey, part=part, boundary=boundary)
    # napari lets the last axes of layers coincide, so that kernels come before time and depth.
    first = responses.ndim - 3
    responses = responses.transpose(first, *range(first), first + 1, first + 2)
    shown = _cyclic(-math.pi, math.pi) if part == "phase" else {"gamma": GAMMAS.get(part, 1.0)}
    return [
        image.new(
            responses,
            part,
            ahead="kernel",
            metadata={"bank": bank.to_dict(), "kernels": list(bank.labels)},
            **shown,
        )
    ]


def _cyclic(low: float, high: float) -> dict[str, Any]:
    """How values whose ends are one are shown."""
    return {"colormap": "hsv", "contrast_limits": (low, high)}


def orientation_layers(
    image: ImageLayer, bank: GaborBank, method: Method = "phase", spacing: int = 0
) -> list[LayerData]:
    """Orientation as hues and as numbers, its confidence, and segments along lines and edges.

    Parameters
    ----------
    image : ImageLayer
    bank : GaborBank
    method : {"phase", "energy"}
        As in :func:`gaborkit.features.local_orientation`.
    spacing : int
        Pixels between segments, which are as long where the orientation is sure; 0 draws none.

    Raises
    ------
    ImageError, FeatureError
        As :func:`gaborkit.features.local_orientation`.
    """
    field = local_orientation(image.grey(), bank, method=method)
    degrees = np.degrees(field.angle)
    layers = [
        image.new(
            degrees, "angle in degrees", colormap="hsv", contrast_limits=(0, 180), visible=False
        ),
        image.new(field.confidence, "confidence", contrast_limits=(0, 1), visible=False),
        image.new(orientation_colours(field.angle, field.confidence), "orientation", rgb=True),
    ]
    if spacing:
        segments = _segments(field.line_angle, field.confidence, spacing)
        layers.append(
            image.new(segments, "lines", "vectors", vector_style="line", edge_color="white")
        )
    return layers


def _segments(angle: RealArray, confidence: RealArray, spacing: int) -> RealArray:
    """Beginnings and extents (N, 2, D) of segments whose middles are ``spacing`` apart."""
    offset = spacing // 2
    chosen = (..., slice(offset, None, spacing), slice(offset, None, spacing))
    where = np.indices(angle.shape)[(slice(None), *chosen)]
    extent = np.zeros(where.shape, np.float32)
    length = 0.9 * spacing * confidence[chosen]
    extent[-2], extent[-1] = length * np.sin(angle[chosen]), length * np.cos(angle[chosen])
    segments = np.stack([where - extent / 2, extent])
    return np.moveaxis(segments.reshape(*segments.shape[:2], -1), -1, 0)


def class_layers(
    image: ImageLayer,
    strokes: NDArray[Any],
    *,
    smoothing: float = 8.0,
    colour: Colour = "luminance",
    probabilities: bool = False,
    model: StrPath | None = None,
) -> list[LayerData]:
    """The class of each pixel, learned from labels painted on some.

    Parameters
    ----------
    image : ImageLayer
        Of several pictures (..., H, W), those that are painted on are learned from.
    strokes : array of integers (..., H, W)
        0 where nothing is said, else the number of the class, 1 to 255.
    smoothing : float
        Deviation of the Gaussian over the classes' scores, in pixels.
    colour : {"luminance", "channels"}
    probabilities : bool
        Give a layer of them too, classes along its first axis.
    model : path, optional
        An .npz to write, which ``gaborkit pixels apply`` takes.

    Raises
    ------
    ImageError, FeatureError
        As :func:`gaborkit.vision.fit_scribbles`, and if ``model`` cannot be written.
    """
    coloured = image.rgb and colour == "channels"
    # Without alpha.
    values = np.asarray(image.data)[..., :3] if coloured else image.grey()
    shape = values.shape[: values.ndim - coloured]
    if strokes.shape != shape:
        raise FeatureError(
            f"labels of shape {strokes.shape} do not fit {image.name} of {shape}; paint on a "
            "labels layer that was added while it was the only image"
        )
    pictures = values.reshape(-1, *values.shape[len(shape) - 2 :])
    painted = strokes.reshape(-1, *shape[-2:])
    taught = [k for k, numbers in enumerate(painted) if numbers.any()] or [0]
    axis = -1 if coloured else None
    rule = fit_scribbles(
        [pictures[k] for k in taught],
        [painted[k] for k in taught],
        smoothing=smoothing,
        channel_axis=axis,
    )
    if model is not None:
        rule.save(model)
    results = [rule.predict(picture, channel_axis=axis) for picture in pictures]
    layers = []
    if probabilities:
        maps = np.stack([result.probabilities for result in results], axis=1)
        layers.append(
            image.new(
                maps.reshape(-1, *shape),
                "probabilities",
                ahead="class",
                contrast_limits=(0, 1),
                visible=False,
                metadata={"classes": rule.classes.tolist()},
            )
        )
    labels = np.stack([result.labels for result in results]).reshape(shape)
    return [*layers, image.new(labels, "classes", "labels", opacity=0.5)]
