"""Panels of napari: what a user chooses, computed in another thread and added as layers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import numpy as np

from ..bank import GaborBank
from ..errors import BankError, FeatureError, GaborkitError
from ..extras import optional
from ..features.orientation import Method
from ..types import Boundary
from .layers import (
    Colour,
    ImageLayer,
    LayerData,
    RealPart,
    class_layers,
    orientation_layers,
    response_layers,
)

if TYPE_CHECKING:
    import napari
    from magicgui.widgets import FunctionGui

BankName = Literal["grid", "article", "manjunath", "kymatio", "bob", "kovesi", "file"]

# Types with the limits that spin boxes and dialogs of files keep.
Scales = Annotated[int, {"min": 1, "max": 16}]
Orientations = Annotated[int, {"min": 1, "max": 64}]
Wavelength = Annotated[float, {"min": 2.0, "max": 1024.0, "step": 0.5, "label": "wavelength, px"}]
Spacing = Annotated[int, {"min": 0, "max": 1024, "label": "segments every, px"}]
Smoothing = Annotated[float, {"min": 0.0, "max": 1000.0, "label": "smoothing, px"}]
BankFile = Annotated[Path | None, {"mode": "r", "filter": "*.json", "nullable": True}]
ModelFile = Annotated[
    Path | None, {"mode": "w", "filter": "*.npz", "nullable": True, "label": "save model"}
]

#: Fields that belong to one choice of the bank.
FIELDS = {"grid": ("scales", "orientations", "wavelength"), "file": ("file",)}


def filter_widget() -> FunctionGui:
    """Panel that filters an image with a bank; GaborkitError without napari."""

    def compute(
        viewer: napari.Viewer,
        image: napari.layers.Image,
        bank: BankName = "grid",
        scales: Scales = 4,
        orientations: Orientations = 8,
        wavelength: Wavelength = 4.0,
        file: BankFile = None,
        part: RealPart = "magnitude",
        boundary: Boundary = "reflect",
    ) -> None:
        with notified():
            kernels = bank_of(bank, scales, orientations, wavelength, file)
            run(panel, viewer, partial(response_layers, layer_of(image), kernels, part, boundary))

    panel = _panel(compute, "Filter")

    def show_fields(bank: str) -> None:
        for choice, names in FIELDS.items():
            for name in names:
                panel[name].visible = choice == bank

    panel.bank.changed.connect(show_fields)
    show_fields("grid")
    return panel


def orientation_widget() -> FunctionGui:
    """Panel that finds the orientation at each pixel; GaborkitError without napari."""

    def compute(
        viewer: napari.Viewer,
        image: napari.layers.Image,
        scales: Scales = 4,
        orientations: Orientations = 8,
        wavelength: Wavelength = 4.0,
        method: Method = "phase",
        spacing: Spacing = 16,
    ) -> None:
        with notified():
            kernels = GaborBank.grid(scales, orientations, wavelength=wavelength)
            run(
                panel,
                viewer,
                partial(orientation_layers, layer_of(image), kernels, method, spacing),
            )

    panel = _panel(compute, "Find orientation")
    return panel


def segmentation_widget() -> FunctionGui:
    """Panel that finds classes learned from painted labels; GaborkitError without napari."""

    def compute(
        viewer: napari.Viewer,
        image: napari.layers.Image,
        strokes: napari.layers.Labels,
        smoothing: Smoothing = 8.0,
        colour: Colour = "luminance",
        probabilities: bool = False,
        model: ModelFile = None,
    ) -> None:
        with notified():
            picture = layer_of(image)
            if strokes is None:
                raise FeatureError(
                    "nothing is painted: add a layer of labels, and paint each class with a number"
                )
            # A copy, as the user may paint on meanwhile.
            painted = np.array(strokes.data)
            job = partial(
                class_layers,
                picture,
                painted,
                smoothing=smoothing,
                colour=colour,
                probabilities=probabilities,
                model=model,
            )
            run(panel, viewer, job)

    panel = _panel(compute, "Segment")
    return panel


def bank_of(
    name: str, scales: int, orientations: int, wavelength: float, file: Path | None
) -> GaborBank:
    """The bank that a panel says."""
    if name == "grid":
        return GaborBank.grid(scales, orientations, wavelength=wavelength)
    if name != "file":
        return GaborBank.preset(name)
    if file is None:
        raise BankError("no file is chosen; choose one that GaborBank.save wrote, or another bank")
    return GaborBank.load(file)


def layer_of(image: Any) -> ImageLayer:
    """What is computed with of the chosen layer."""
    if image is None:
        raise FeatureError("no image is chosen: open one, and choose its layer")
    return ImageLayer.of(image)


@contextmanager
def notified() -> Iterator[None]:
    """Show errors in one line."""
    try:
        yield
    except (GaborkitError, OSError, MemoryError) as error:
        notify(error)


def notify(error: Exception) -> None:
    """Show an error in one line, without a traceback; raise one that only we can mend."""
    if not isinstance(error, (GaborkitError, OSError, MemoryError)):
        raise error
    from napari.utils.notifications import show_error

    show_error(
        " ".join(str(error).split()) or "there is not enough memory; take a part of the image"
    )


def run(panel: FunctionGui, viewer: napari.Viewer, job: Callable[[], list[LayerData]]) -> None:
    """Compute layers in another thread and add them; meanwhile the panel rests.

    A panel that is destroyed meanwhile, as with its viewer, wants them no more.
    """
    from napari.layers import Layer
    from napari.qt.threading import create_worker

    closed = threading.Event()

    def add(results: list[LayerData]) -> None:
        for data, attributes, kind in () if closed.is_set() else results:
            viewer.add_layer(Layer.create(data, attributes, kind))

    def rest() -> None:
        if not closed.is_set():
            panel.enabled = True

    panel.native.destroyed.connect(closed.set)
    panel.enabled = False
    create_worker(
        job,
        _progress={"desc": panel.call_button.text},
        _ignore_errors=True,
        _connect={"returned": add, "errored": notify, "finished": rest},
    )


def _panel(compute: Callable[..., None], button: str) -> FunctionGui:
    names = {"napari": optional("napari", GaborkitError)}
    from magicgui import magicgui

    # What is named for type checkers alone, magicgui could not look up.
    compute.__annotations__ = get_type_hints(compute, {**globals(), **names}, include_extras=True)
    return magicgui(compute, call_button=button)
