"""What autoregressive models share: an exact likelihood, sampling, completion, features."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ...errors import ModelError
from ..progress import Progress
from ..space import Scaling, Space
from .autoregressive_config import AutoregressiveConfig, check_guidance
from .context import CausalContext
from .heads import Head, make_head
from .level_embedding import LevelEmbedding
from .model import Loss, Model, check_count, evaluating
from .sampling import Method, draw_rows
from .sampling_cache import Cache


class Conditioning(NamedTuple):
    """What a network takes beside the levels.

    Attributes
    ----------
    added : Tensor (B or 1, stacks, trunk, h, W)
        To be added to each stack.
    labels : Tensor (B,) or None
    generator : torch.Generator or None
        Of dropout; None leaves nothing out.
    """

    added: Tensor
    labels: Tensor | None
    generator: torch.Generator | None = None


class Autoregressive(Model):
    """Distribution of features as a product over locations i in raster order, and channels c.

    ::

        p(x) = product over i and c of p(x_ic | x_jb for j before i, and x_ib for b before c)

    A trunk sees the locations before; a head adds the channels before and gives the distribution of
    the levels. Levels enter the network as numbers from -1 to 1; where they have no order, or the
    model ``embeds`` them, as vectors that are learned.

    Convolutions see no further than their windows reach, and cannot tell how far down or across a
    location lies. Through a view of the space they see causal Gabor responses, of any reach, too.
    Where ``config.position`` is true, each stack learns a bias for each location;
    where ``config.class_position`` is, one for each class and location too.

    Parameters
    ----------
    config : AutoregressiveConfig
        Of the ``levels`` of the space.
    space, classes
        As in :class:`Model`, scaled as ``levels``; ModelError where they do not fit.
    trunk : int
        Channels that the head sees.
    stacks : int
        Of ``trunk`` channels each, which take a bias for each location.
    """

    #: Whether levels enter as vectors although they have an order.
    embeds: ClassVar[bool] = False

    config: AutoregressiveConfig
    head: Head
    position: nn.Parameter | None
    class_position: nn.Parameter | None
    context: CausalContext | None
    mixing: nn.Conv2d | None
    embedding: LevelEmbedding | None
    #: Channels of what the network sees.
    inputs: int
    has_view = True
    draw_options: ClassVar[tuple[str, ...]] = ("temperature", "guidance")

    def __init__(
        self,
        config: AutoregressiveConfig,
        space: Space,
        classes: int,
        trunk: int,
        stacks: int = 1,
    ) -> None:
        super().__init__(config, space, classes)
        if space.levels != config.levels:
            raise ModelError(
                f"{self.name} of {config.levels} levels cannot model features of {space.levels}; "
                "give both the same"
            )
        self.head = make_head(trunk, space, config)
        self.embedding, self.inputs = None, space.channels
        if self.embeds or not space.ordinal:
            self.embedding = LevelEmbedding(space.channels, space.levels, config.channels)
            self.inputs = space.channels * config.channels
        self._bias_shape = (stacks, trunk, space.height, space.width)
        self.position = self.class_position = None
        if config.position:
            self.position = nn.Parameter(torch.zeros(self._bias_shape))
        if config.class_position and classes:
            self.class_position = nn.Parameter(torch.zeros(self.conditions, *self._bias_shape))
        self.context = self.mixing = None
        if space.view is not None:
            self.context = CausalContext(space.view, space.shape)
            self.mixing = nn.Conv2d(self.context.channels, trunk, 1, bias=False)

    @classmethod
    def scaling(cls, config: Any) -> Scaling:
        """Always ``levels``."""
        return "levels"

    @classmethod
    def in_colour(cls, preset: str, features: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """All 256 levels, by a mixture, for pixels; the articles' presets stay as they are."""
        if preset == "article" or features == "coefficients":
            return {}, {}
        mixtures = 5 if preset == "small" else 10
        return {"likelihood": "mixture", "mixtures": mixtures, "levels": 256}, {}

    def drawn_with(self, **options: float) -> str | None:
        """Guidance, the configuration's unless there is one, and temperature; None where 1."""
        guidance = self._checked_guidance(options.get("guidance"))
        moved = {"guidance": guidance, "temperature": options.get("temperature", 1.0)}
        texts = [f"{name} {value:g}" for name, value in moved.items() if value != 1]
        return " and ".join(texts) or None

    # ---- what a network says ----

    @abstractmethod
    def activations(self, seen: Tensor, conditioning: Conditioning) -> list[Tensor]:
        """Features (B, F, h, W) of the layers, as the cache remembers them, and last the trunk's.

        The first are the levels as the network sees them, (B, inputs, h, W).
        """

    @abstractmethod
    def cache(self, count: int, labels: Tensor | None) -> Cache:
        """An empty cache for ``count`` images, for the weights as they are, in eval mode."""

    @property
    def conditions(self) -> int:
        """How many labels the network tells apart: the classes, and last, with dropout, none."""
        return self.classes + (self.classes > 0 and self.config.class_dropout > 0)

    def position_bias(self, labels: Tensor | None, rows: slice) -> Tensor:
        """Of each stack, the bias of each location of some rows, (B or 1, stacks, trunk, h, W).

        0 without positions.
        """
        bias = next(self.parameters()).new_zeros(()).expand(self._bias_shape)[:, :, rows][None]
        if self.position is not None:
            bias = self.position[None, :, :, rows]
        if self.class_position is not None and labels is not None:
            bias = bias + self.class_position[:, :, :, rows][labels]
        return bias

    def added(self, values: Tensor, labels: Tensor | None) -> Tensor:
        """What each stack takes at each location beside values, (B or 1, stacks, trunk, h, W).

        The bias of the location; and the last stack, which sees all that comes before, the causal
        Gabor responses.
        """
        bias = self.position_bias(labels, slice(values.shape[2]))
        if self.context is None or self.mixing is None:
            return bias
        mixed = self.mixing(self.context(values))[:, None]  # (B, 1, trunk, h, W)
        bias = bias.expand(len(mixed), -1, -1, -1, -1)
        return torch.cat([bias[:, :-1], bias[:, -1:] + mixed], 1)

    # ---- likelihood ----

    def values(self, levels: Tensor) -> Tensor:
        """Levels as floats from -1 to 1."""
        dtype = next(self.parameters()).dtype
        return levels.to(dtype) * (2 / (self.space.levels - 1)) - 1

    def seen(self, levels: Tensor) -> Tensor:
        """What the network sees (B, inputs, ...) of levels (B, C, ...)."""
        vectors: Tensor = self.values(levels) if self.embedding is None else self.embedding(levels)
        return vectors

    def network(
        self,
        seen: Tensor,
        values: Tensor,
        labels: Tensor | None,
        generator: torch.Generator | None = None,
    ) -> list[Tensor]:
        """:meth:`activations` with what is added of these values."""
        return self.activations(seen, Conditioning(self.added(values, labels), labels, generator))

    def logits(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (B, C, levels, H, W) of each value, given those before it."""
        return self.logits_of_seen(self.seen(features), self.values(features), labels)

    def logits_of_seen(self, seen: Tensor, values: Tensor, labels: Tensor | None = None) -> Tensor:
        """As :meth:`logits`, of floats, through which gradients pass."""
        logits: Tensor = self.head(self.network(seen, values, labels)[-1], values)
        return logits.permute(1, 0, 4, 2, 3)

    def layers_of(self, features: Tensor, labels: Tensor | None = None) -> list[Tensor]:
        """Features (B, F, H, W) that each layer makes of features (B, C, H, W), in eval mode.

        Of a conditional model, labels are needed only if it was trained without ``class_dropout``.

        Raises
        ------
        ModelError
            If features or labels do not fit.
        """
        features = self._checked(features)
        if labels is None and self.conditions > self.classes:
            labels = torch.full((len(features),), self.classes, device=self.device)
        else:
            labels = self.check_labels(labels, len(features))
        with evaluating(self):
            return self.network(self.seen(features), self.values(features), labels)[1:]

    def forward(
        self, features: Tensor, labels: Tensor | None, generator: torch.Generator, part: str
    ) -> Loss:
        """Mean negative log-likelihood of the batch, in nats an image.

        Which labels are hidden is drawn, in training mode.
        """
        if (labels is None) == bool(self.classes):
            self.check_labels(labels, len(features))
        if self.training and labels is not None and self.conditions > self.classes:
            chances = torch.rand(len(labels), generator=generator, device=labels.device)
            labels = labels.masked_fill(chances < self.config.class_dropout, self.classes)
        nats = self._nats(features, labels, generator if self.training else None).mean()
        bits = nats.detach() / (self.space.size * math.log(2))
        return Loss(nats, {"bits_per_dimension": bits})

    def log_likelihood(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Exact log-likelihood (B,) of features (B, C, H, W), in nats.

        Computed in eval mode, where batch norm keeps its averages; gradients pass.

        Raises
        ------
        ModelError
            If features or labels do not fit.
        """
        features, labels = self._checked(features), self.check_labels(labels, len(features))
        with evaluating(self):
            return -self._nats(features, labels)

    def _nats(
        self, features: Tensor, labels: Tensor | None, generator: torch.Generator | None = None
    ) -> Tensor:
        """Negative log-likelihood (B,)."""
        values = self.values(features)
        trunk = self.network(self.seen(features), values, labels, generator)[-1]
        return -self.head.log_prob(trunk, values, features).sum((1, 2))

    # ---- sampling ----

    def sample(
        self,
        count: int,
        labels: Tensor | None = None,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
        *,
        method: Method = "cached",
        temperature: float = 1.0,
        guidance: float | None = None,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Draw features (count, C, H, W), int64.

        Parameters
        ----------
        count : int
        labels : Tensor (count,), optional
            Needed where the model is conditional.
        generator : torch.Generator, optional
            Of the noise.
        progress : callable, optional
            Called after each row, with rows done and rows in all.
        method : str
            ``cached``, or ``naive`` to run the whole network for each value; both draw the same.
        temperature : float
            Logits are divided by it: below 1 for likelier images.
        guidance : float, optional
            How far the class moves the logits from those without a class: logits without + guidance
            * (logits with - logits without). 1 draws from the model; above 1, images are more
            clearly of their class and less various. By default that of the configuration.
        noise : Tensor (count, C, H, W), optional
            Uniform numbers in [0, 1) to be used instead of the generator's.

        Raises
        ------
        ModelError
            If an argument does not fit.

        References
        ----------
        Ho and Salimans (2021), "Classifier-free diffusion guidance".
        """
        check_count(count)
        nothing = torch.zeros(count, *self.space.shape, dtype=torch.int64, device=self.device)
        return self.complete(
            *(nothing, 0, labels, generator, progress),
            method=method,
            temperature=temperature,
            guidance=guidance,
            noise=noise,
        )

    def complete(
        self,
        features: Tensor,
        rows: int,
        labels: Tensor | None = None,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
        *,
        method: Method = "cached",
        temperature: float = 1.0,
        guidance: float | None = None,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Keep the first ``rows`` rows of features (B, C, H, W) and draw the rest.

        The other arguments are those of :meth:`sample`; the noise of the rows that are kept is not
        used.

        Raises
        ------
        ModelError
            If an argument does not fit.
        """
        height = self.space.height
        if not 0 <= rows <= height:
            raise ModelError(f"rows={rows} cannot be kept of {height}; give 0 to {height}")
        features = self._checked(features).clone()
        features[:, :, rows:] = 0
        labels = self.check_labels(labels, len(features))
        guidance = self._checked_guidance(guidance)
        with evaluating(self), torch.inference_mode():
            draw_rows(
                *(self, features, rows, labels, generator),
                method=method,
                temperature=temperature,
                guidance=guidance,
                noise=noise,
                progress=progress,
            )
        return features

    def _checked_guidance(self, guidance: float | None) -> float:
        """The guidance of a draw, which is 1 where there is no class to go by."""
        if guidance is None:
            return self.config.guidance if self.classes else 1.0
        check_guidance(guidance)
        if guidance != 1 and self.conditions == self.classes:
            raise ModelError(
                f"guidance={guidance} needs a model trained with classes and with class_dropout "
                "above 0; leave it out"
            )
        return guidance

    def _checked(self, features: Tensor) -> Tensor:
        """Features on the model's device, if they are levels of its space."""
        if tuple(features.shape[1:]) != self.space.shape:
            raise ModelError(
                f"features of shape {tuple(features.shape)} do not fit a {self.name} of "
                f"(B, {', '.join(map(str, self.space.shape))})"
            )
        if features.dtype != torch.int64:
            raise ModelError(f"features of dtype {features.dtype} are not levels; give int64")
        if features.numel():
            least, most = int(features.min()), int(features.max())
            if least < 0 or most >= self.space.levels:
                raise ModelError(
                    f"features from {least} to {most} are not all levels from 0 to "
                    f"{self.space.levels - 1}"
                )
        return features.to(self.device)
