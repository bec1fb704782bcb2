"""What every generative model is to the trainer, the sampler and the store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ...errors import ModelError, closest
from ...whole_numbers import is_whole
from ..data.dataset import Split
from ..progress import Progress
from ..space import Scaling, Space

#: Of a model: (name, kind of features) to the configuration and fields of
#: :class:`~gaborkit.generative.training.settings.Training`.
Presets = Mapping[tuple[str, str], tuple[Any, Mapping[str, Any]]]
PresetRepresentations = Mapping[tuple[str, str], Mapping[str, Any]]


class Loss(NamedTuple):
    """What :meth:`Model.forward` returns.

    Attributes
    ----------
    total : Tensor ()
        To be minimised: a mean over the batch, in nats where it is a bound on a likelihood.
    figures : mapping of str to Tensor ()
        Its parts, detached, for the log.
    """

    total: Tensor
    figures: Mapping[str, Tensor]


class Model(nn.Module, ABC):
    """A generative model of features (B, C, H, W).

    Every random draw takes the generator that the caller passes, so that a step of training is a
    function of the weights, the batch and a seed: that is what makes resuming exact.

    Parameters
    ----------
    config : frozen dataclass
        The architecture and the terms of the loss. Each model has its own.
    space : Space
        Of the features.
    classes : int
        How many classes it is conditioned on; 0 for none.
    """

    config: Any
    space: Space
    classes: int
    name: ClassVar[str]
    Config: ClassVar[type]
    #: Configuration and training settings by the preset's name and the kind of features.
    presets: ClassVar[Presets]
    #: Options of the representation that a preset is made for, by the same keys; few have any.
    preset_representations: ClassVar[PresetRepresentations] = {}
    #: Whether its networks go by the view of the space that they are made for.
    has_view: ClassVar[bool] = False
    #: Whether it makes pictures of pictures, by ``upscale``, and draws none from noise.
    takes_pictures: ClassVar[bool] = False
    #: Whether there is none without a condition: classes, or vectors of the configuration's length.
    always_conditional: ClassVar[bool] = False
    #: Fields of the configuration that say what is minimised: a warm start may have others.
    loss_fields: ClassVar[tuple[str, ...]] = ()
    #: Options of a draw beside count, labels and generator.
    draw_options: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: Any, space: Space, classes: int = 0) -> None:
        super().__init__()
        if classes < 0 or classes == 1:
            raise ModelError(f"classes={classes} cannot be told apart; give 0, or 2 and more")
        length = getattr(config, "condition_length", 0)
        if classes and length:
            raise ModelError(
                f"classes={classes} and condition_length={length}: {self.name} is conditioned on "
                "one of them; leave one out"
            )
        if self.always_conditional and not classes and not length:
            raise ModelError(
                f"{self.name} draws pictures of a condition; train it with classes, or with a "
                "condition_length, of vectors"
            )
        wanted = self.scaling(config)
        if space.scaling != wanted:
            raise ModelError(
                f"{self.name} with this configuration models features scaled as {wanted!r}, "
                f"not {space.scaling!r}"
            )
        if space.view is not None and not self.has_view:
            raise ModelError(
                f"{self.name} does not look through a Gabor frame; train it with raw features"
            )
        self.config, self.space, self.classes = config, space, classes

    @classmethod
    @abstractmethod
    def scaling(cls, config: Any) -> Scaling:
        """How the features of a model of this configuration are scaled."""

    @classmethod
    def preset(cls, name: str, features: str) -> tuple[Any, dict[str, Any]]:
        """Configuration, and fields of the training's settings, from :attr:`presets`.

        Raises
        ------
        ModelError
            If there is none of that name for those features.
        """
        # What is seen through a frame is trained as pixels are, unless a preset says otherwise,
        # and so are codes.
        kinds = (features, "raw") if features in ("gabor", "codes") else (features,)
        keys = [(name, kind) for kind in kinds if (name, kind) in cls.presets]
        if not keys:
            known = dict.fromkeys(preset for preset, kind in cls.presets if kind in kinds)
            others = dict.fromkeys(kind for _, kind in cls.presets)
            if cls.has_view:
                others["gabor"] = None
            raise ModelError(
                f"{cls.name} has no preset {name!r} for {features!r} features; choose "
                f"{', '.join(known) or 'features ' + ', '.join(others)}{closest(name, known)}"
            )
        config, training = cls.presets[keys[0]]
        return config, dict(training)

    @classmethod
    def in_colour(cls, preset: str, features: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """What a preset has otherwise where pictures have several colours.

        Fields of the configuration, and options of the representation.
        """
        return {}, {}

    @classmethod
    def default_preset(cls, features: str) -> str:
        """Name of the preset that trains in minutes on two cores."""
        return "small"

    @abstractmethod
    def forward(
        self, features: Tensor, labels: Tensor | None, generator: torch.Generator, part: str
    ) -> Loss:
        """Loss of a batch (B, C, H, W) with its labels, for the weights of ``part``."""

    @abstractmethod
    def sample(
        self,
        count: int,
        labels: Tensor | None = None,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
    ) -> Tensor:
        """Draw features (count, C, H, W), in the scaling of the space.

        ``labels`` are needed where the model is conditional: classes (count,), or vectors
        (count, ``condition_length``).
        """

    @property
    def parts(self) -> dict[str, nn.Module]:
        """Modules that have an optimizer of their own, by name."""
        return {"model": self}

    def turn(self, step: int) -> str:
        """Which part a step of training updates; steps count from 0."""
        return "model"

    @property
    def has_validation_loss(self) -> bool:
        """Whether the loss of held-out images says how well the model does."""
        return True

    @property
    def compilable(self) -> str | None:
        """Why ``torch.compile`` cannot take this model; None if it can."""
        return None

    def check_batch(self, count: int) -> None:
        """Refuse a batch of so many images, of one process, that no step can be made of.

        Raises
        ------
        ModelError
            If there are too few, or they do not come out even.
        """

    def check_draw(self, **options: float | None) -> dict[str, float]:
        """The options of a draw that are not None, if this model has them.

        Raises
        ------
        ModelError
            If it has not.
        """
        asked = {name: value for name, value in options.items() if value is not None}
        for name, value in asked.items():
            if name not in self.draw_options:
                raise ModelError(
                    f"{name}={value}: {self.name} has none; it is for autoregressive models"
                )
        return asked

    def drawn_with(self, **options: float) -> str | None:
        """What makes samples of these options others than the model's; None: nothing."""
        return None

    @property
    def condition_length(self) -> int:
        """Length of the vectors that it is conditioned on in place of classes; 0 for none."""
        length: int = getattr(self.config, "condition_length", 0)
        return length

    @property
    def conditional(self) -> bool:
        """Whether it goes by classes or vectors."""
        return bool(self.classes or self.condition_length)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def labels_for(self, split: Split) -> Tensor | None:
        """What this model is told of images: their classes, their vectors, or nothing."""
        if self.condition_length:
            return split.conditions
        return split.labels if self.classes else None

    def check_labels(self, labels: Tensor | None, count: int) -> Tensor | None:
        """The labels on the model's device, if they fit its classes or are vectors of its length.

        Raises
        ------
        ModelError
            If labels are missing, not wanted, not ``count`` many, or out of range.
        """
        if self.condition_length:
            return self._check_vectors(labels, count)
        if not self.classes:
            if labels is not None:
                raise ModelError(
                    f"this {self.name} was trained without classes, so none can be asked for; "
                    "train one with --classes"
                )
            return None
        if labels is None:
            raise ModelError(
                f"this {self.name} is conditional: say which of its {self.classes} classes"
            )
        labels = labels.to(self.device, torch.int64)
        if tuple(labels.shape) != (count,):
            raise ModelError(f"{tuple(labels.shape)} labels for {count} images; give one each")
        if count and not 0 <= int(labels.min()) <= int(labels.max()) < self.classes:
            wrong = int(labels.min()) if int(labels.min()) < 0 else int(labels.max())
            raise ModelError(f"class {wrong} is not one of 0 to {self.classes - 1}")
        return labels

    def _check_vectors(self, vectors: Tensor | None, count: int) -> Tensor:
        wanted = f"({count}, {self.condition_length})"
        if vectors is None:
            raise ModelError(
                f"this {self.name} is conditioned on vectors: give conditions, floats {wanted}"
            )
        if not vectors.is_floating_point() or vectors.shape != (count, self.condition_length):
            raise ModelError(
                f"conditions of shape {tuple(vectors.shape)} and {vectors.dtype} do not fit; "
                f"floats {wanted} work"
            )
        vectors = vectors.to(self.device, torch.float32)
        if not bool(vectors.isfinite().all()):
            raise ModelError("conditions hold NaN or infinity; give vectors of finite floats")
        return vectors


def check_count(count: object) -> None:
    """Refuse what is no number of images to draw.

    Raises
    ------
    ModelError
        If it is negative or no whole number.
    """
    if not is_whole(count, 0):
        raise ModelError(f"count={count!r} is no number of images; give 0 or more")


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module into eval mode, and every part of it back into the mode that it was in."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training
