"""What a run is, in names and numbers."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ...errors import DataError, TrainingError
from ..configuration import check_types, from_dict, to_dict
from ..data import Dataset, load_dataset
from ..image_codes import Codes
from ..models import MODELS
from ..models.model import Model
from ..representation import REPRESENTATIONS, Representation
from .settings import Training

#: Pixels a side up to which a fully connected network is the default where a preset has one.
FULLY_CONNECTED = 64


@dataclass(frozen=True)
class Recipe:
    """What a run is: saved with it, so that it can go on.

    Attributes
    ----------
    model : str
        A name of :data:`~gaborkit.generative.models.MODELS`.
    features : str
        ``raw``, ``gabor`` or ``coefficients``; ``codes`` of a recipe that has ``codes``.
    preset : str
        Of the model: ``small``, ``article``, ``large``, or another that it has; or ``auto``: what
        the model prefers.
    data, data_dir, size, colour, fit, limit
        See :func:`~gaborkit.generative.data.load_dataset`. ``data`` is None where the data set is
        handed in: see :func:`~gaborkit.generative.start`.
    classes : bool
        Whether the model is conditioned on the class of the image; ``stackgan`` always is, unless
        its ``condition_length`` asks for vectors.
    init : str, optional
        Folder of a trained model of the same configuration and features: training starts from its
        weights and goes by its representation (a warm start).
    epochs : int, optional
        Passes through the data, instead of ``steps`` of the training.
    representation, config, training : dict
        Fields that replace those of the preset: options of the representation, of the model's
        configuration, and of :class:`Training`. Binarized pixels have 2 levels, and ``patience``
        counts validations once an epoch, unless fields here say otherwise.
    codes : str, optional
        Folder of a trained model that codes images, such as a ``vq-vae``: the model is a prior over
        its codes, and is stored with it. Only of models of levels, which the codes are.

    Raises
    ------
    TrainingError, ModelError
        If a name is unknown or a field is out of range.

    Examples
    --------
    >>> recipe = Recipe("vae", config={"latent": 2}, training={"steps": 10})
    >>> recipe.settings().steps
    10
    """

    model: str
    features: str = "raw"
    preset: str = "auto"
    data: str | None = "mini"
    data_dir: str | None = None
    size: int | None = None
    colour: bool | None = None
    fit: Literal["crop", "stretch", "pad"] = "crop"
    limit: int | None = None
    classes: bool = False
    init: str | None = None
    epochs: int | None = None
    representation: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    codes: str | None = None

    def __post_init__(self) -> None:
        for name in ("data", "data_dir", "init", "codes"):
            if isinstance(getattr(self, name), os.PathLike):
                object.__setattr__(self, name, os.fspath(getattr(self, name)))
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        check_types(Recipe, fields, "recipe", TrainingError)
        if self.codes is not None and self.features == "raw":
            object.__setattr__(self, "features", Codes.name)
        features = REPRESENTATIONS if self.codes is None else (Codes.name,)
        for name, known in (("model", MODELS), ("features", features)):
            if getattr(self, name) not in known:
                raise TrainingError(
                    f"{name}={getattr(self, name)!r} is unknown; choose {', '.join(known)}"
                )
        if self.epochs is not None:
            if self.epochs < 1:
                raise TrainingError(f"epochs={self.epochs} is no count; give 1 or more")
            if "steps" in self.training:
                raise TrainingError(
                    f"epochs={self.epochs} and steps={self.training['steps']} say the same thing; "
                    "give one of them"
                )
        # So that what does not fit is known before data are loaded.
        if self.classes and self._condition_length:
            raise TrainingError(
                f"classes=True and condition_length={self._condition_length}: the model is "
                "conditioned on one of them; leave one out"
            )
        self._check_codes(self.configuration())
        self._check_binarized(self.configuration())
        self.settings()

    def _check_codes(self, config: Any) -> None:
        """Refuse codes where the model has no levels, and options of pixels beside them."""
        if self.codes is None:
            return
        if self.kind.scaling(config) != "levels":
            raise TrainingError(
                f"codes={self.codes!r}: codes are levels, for autoregressive models such as "
                f"gated-pixelcnn, and not for {self.model}; leave codes out"
            )
        for name, value in self.representation.items():
            raise TrainingError(
                f"{name}={value!r} does not go with codes={self.codes!r}: what is seen of pixels "
                "was chosen with the model that codes them; leave it out"
            )

    def _check_binarized(self, config: Any) -> None:
        """Refuse binarized pixels where the model's likelihood is of another variable."""
        likelihood = getattr(config, "likelihood", None)
        if not self._binarized or likelihood == "bernoulli":
            return
        if self.kind.scaling(config) != "levels":
            having = "" if likelihood is None else f" with likelihood={likelihood}"
            raise TrainingError(
                "binarized pixels are 0 or 1: they are for autoregressive models, and for a vae "
                f"or ae with likelihood=bernoulli, not for {self.model}{having}"
            )

    @property
    def kind(self) -> type[Model]:
        """Class of the model."""
        return MODELS[self.model]

    @property
    def _preset_name(self) -> str:
        return self.kind.default_preset(self.features) if self.preset == "auto" else self.preset

    def _preset(self) -> tuple[Any, dict[str, Any]]:
        return self.kind.preset(self._preset_name, self.features)

    def _options(self) -> dict[str, Any]:
        """Options of the representation."""
        key = (self._preset_name, self.features)
        return {**self.kind.preset_representations.get(key, {}), **self.representation}

    @property
    def by_class(self) -> bool:
        """Whether the model is conditioned on classes, asked for or not."""
        return self.classes or (self.kind.always_conditional and not self._condition_length)

    @property
    def _condition_length(self) -> int:
        """Of the vectors that the model is conditioned on; 0 for none."""
        length: int = getattr(self.configuration(), "condition_length", 0)
        return length

    @property
    def _binarized(self) -> bool:
        return self._options().get("binarize") is not None

    def configuration(self) -> Any:
        """The model's configuration."""
        fields = to_dict(self._preset()[0])
        if self._binarized and "levels" in fields:
            fields["levels"] = 2
        return from_dict(self.kind.Config, {**fields, **self.config})

    def settings(self, images: int | None = None) -> Training:
        """How it is trained; ``images`` are the data's, of which epochs are counted."""
        fields = {**to_dict(Training()), **self._preset()[1], **self.training}
        fields = {k: list(v) if isinstance(v, tuple) else v for k, v in fields.items()}
        if fields["patience"] and "validate_every" not in self.training:
            fields["validate_every"] = 1  # once an epoch, where there are data to know its length
            if images is not None:
                fields["validate_every"] = math.ceil(images / fields["batch_size"])
        if self.epochs is not None and images is not None:
            fields["steps"] = math.ceil(self.epochs * images / fields["batch_size"])
        return from_dict(Training, fields, "training", TrainingError)

    def dataset(self, progress: Callable[[int, int], None] | None = None) -> Dataset:
        """Load the data; ``progress`` is called as they are downloaded or read.

        Raises
        ------
        DataError
            If they cannot be loaded, or were handed in and are not there.
        """
        if self.data is None:
            raise DataError(
                "the images of this run were handed in from Python; hand the same in again, with "
                "dataset=Dataset"
            )
        return load_dataset(
            self.data,
            data_dir=self.data_dir,
            size=self.size,
            fit=self.fit,
            colour=self.colour,
            limit=self.limit,
            progress=progress,
        )

    def with_dataset(self) -> Recipe:
        """Return this recipe for a data set that is handed in.

        Raises
        ------
        TrainingError
            If it says how to load another.
        """
        for name in ("data", "data_dir", "size", "colour", "fit", "limit"):
            value, default = getattr(self, name), Recipe.__dataclass_fields__[name].default
            if value is not None and value != default:
                raise TrainingError(
                    f"{name}={value!r} does not go with dataset=, which is taken as it is; leave "
                    "it out"
                )
        return replace(self, data=None)

    def for_images(self, shape: tuple[int, int, int]) -> Recipe:
        """Return this recipe, as the model has it for images of that shape, (colours, h, w).

        Pictures in colour may have another likelihood and other levels than grey ones: see
        :meth:`.models.model.Model.in_colour`.

        Fully connected layers grow with the pixels: of a preset that nobody asked for, they become
        halvings of the image down to 8 pixels, and batches shrink, for images of more than 64
        pixels a side. What the recipe says itself stays.

        Examples
        --------
        >>> Recipe("vae").for_images((1, 128, 128)).config
        {'network': 'conv', 'hidden': [16, 32, 64, 128]}
        >>> Recipe("vae").for_images((1, 64, 64)).config
        {}
        """
        recipe = self
        if shape[0] > 1 and not self._binarized and self.codes is None:
            config, options = self.kind.in_colour(self._preset_name, self.features)
            recipe = replace(
                self,
                config={**config, **self.config},
                representation={**options, **self.representation},
            )
        side, network = max(shape[1:]), getattr(self._preset()[0], "network", None)
        said = {"network", "hidden"} & recipe.config.keys()
        if self.preset != "auto" or network != "mlp" or said or side <= FULLY_CONNECTED:
            return recipe
        halvings = math.ceil(math.log2(side / 8))
        hidden = [min(16 * 2**number, 128) for number in range(halvings)]
        batch = max(8, 128 * FULLY_CONNECTED**2 // side**2)
        return replace(
            recipe,
            config={"network": "conv", "hidden": hidden, **recipe.config},
            training={"batch_size": batch, **recipe.training},
        )

    def for_codes(self, codes: Codes, shape: tuple[int, int, int]) -> Recipe:
        """Return this recipe, with as many levels as there are codes, for images of that shape.

        Raises
        ------
        TrainingError
            If it has other levels, or the codes are of images of another shape.
        """
        if codes.image_shape != shape:
            sizes = [" x ".join(map(str, sides)) for sides in (codes.image_shape, shape)]
            raise TrainingError(
                f"codes={self.codes!r}: its images are {sizes[0]}, and those of the data "
                f"{sizes[1]}; train both on images of one size"
            )
        levels = codes.space.levels
        asked = self.config.get("levels", levels)
        if asked != levels:
            raise TrainingError(
                f"levels={asked}: there are {levels} codes of {self.codes!r}; leave levels out"
            )
        return replace(self, config={**self.config, "levels": levels})

    def represented(self, config: Any, shape: tuple[int, int, int]) -> Representation:
        """Representation of images (colours, h, w), scaled as the model asks; not fitted yet."""
        scaling = self.kind.scaling(config)
        options = self._options()
        if scaling == "levels":
            options = {"levels": config.levels, **options}
        kind: Callable[..., Representation] = REPRESENTATIONS[self.features]
        try:
            return kind(shape, scaling, **options)
        except TypeError as problem:
            raise TrainingError(f"representation: {problem}") from problem
