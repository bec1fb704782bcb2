"""What PixelCNNs have in common: an exact likelihood, sampling and completion."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import ModelError
from ..progress import Progress
from ..space import Scaling, Space
from .masked import Head, make_head
from .model import Loss, Model
from .sampling import Cache, chunk_size, draw_cached, draw_naively

Method = Literal["cached", "naive"]

#: A configuration, and fields of the training settings.

#: A learning rate that rises over a few steps and then falls to 0.
ANNEALED: dict[str, Any] = {"schedule": "cosine", "warmup": 50}

_METHODS = {"cached": draw_cached, "naive": draw_naively}


class Autoregressive(Model):
    """Distribution of features as a product over locations i in raster order, and channels c.

    ::

        p(x) = product over i and c of p(x_ic | x_jb for j before i, and x_ib for b before c)

    A trunk sees the locations before; a head adds the channels before and gives the logits of each
    level. Levels enter the network as numbers from -1 to 1.

    Convolutions see no further than their windows reach, and cannot tell how far down or across a
    location lies. Where ``config.position`` is true, each stack learns a bias for each location.

    ``config`` has the fields ``levels``, which the space must have too, ``hidden``, the units of
    the head for each channel where there are several, and ``position``.

    Parameters
    ----------
    config, space, classes
        As in :class:`Model`.
    trunk : int
        Channels that the head sees.
    stacks : int
        Of ``trunk`` channels each, which take a bias for each location.
    """

    head: Head
    position: nn.Parameter | None

    def __init__(
        self, config: Any, space: Space, classes: int, trunk: int, stacks: int = 1
    ) -> None:
        super().__init__(config, space, classes)
        if space.levels != config.levels:
            raise ModelError(
                f"{self.name} of {config.levels} levels cannot model features of {space.levels}; "
                "give both the same"
            )
        self.head = make_head(trunk, space.channels, space.levels, config.hidden)
        self._bias_shape = (stacks, trunk, space.height, space.width)
        self.position = nn.Parameter(torch.zeros(self._bias_shape)) if config.position else None

    @classmethod
    def scaling(cls, config: Any) -> Scaling:
        """Always ``levels``."""
        return "levels"

    # ---- what a network says ----

    @abstractmethod
    def activations(self, values: Tensor, labels: Tensor | None) -> list[Tensor]:
        """Inputs of the layers that look at rows above, in order, and last the trunk's features.

        ``values`` (B, C, H, W) are those of :meth:`values`.
        """

    @abstractmethod
    def cache(self, count: int, labels: Tensor | None) -> Cache:
        """An empty cache for ``count`` images, for the weights as they are, in eval mode."""

    def position_bias(self) -> Tensor:
        """Of each stack, the bias of each location, (stacks, trunk, H, W); 0 without positions."""
        if self.position is not None:
            return self.position
        return next(self.parameters()).new_zeros(()).expand(self._bias_shape)

    # ---- likelihood ----

    def values(self, levels: Tensor) -> Tensor:
        """Levels as the network sees them: floats from -1 to 1."""
        dtype = next(self.parameters()).dtype
        return levels.to(dtype) * (2 / (self.space.levels - 1)) - 1

    def logits(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (B, C, levels, H, W) of each value, given those before it."""
        return self.logits_of_values(self.values(features), labels)

    def logits_of_values(self, values: Tensor, labels: Tensor | None = None) -> Tensor:
        """As :meth:`logits`, of floats, through which gradients pass."""
        return self._level_logits(values, labels).permute(1, 0, 4, 2, 3)

    def _level_logits(self, values: Tensor, labels: Tensor | None) -> Tensor:
        """Logits (C, B, H, W, levels), as the head gives them."""
        logits: Tensor = self.head(self.activations(values, labels)[-1], values)
        return logits

    def forward(
        self, features: Tensor, labels: Tensor | None, generator: torch.Generator, part: str
    ) -> Loss:
        """Mean negative log-likelihood of the batch, in nats an image; nothing is drawn."""
        if (labels is None) == bool(self.classes):
            self.check_labels(labels, len(features))
        nats = self._nats(features, labels).mean()
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
        features = self._checked(features)
        labels = self.check_labels(labels, len(features))
        with evaluating(self):
            return -self._nats(features, labels)

    def _nats(self, features: Tensor, labels: Tensor | None) -> Tensor:
        """Negative log-likelihood (B,)."""
        logits = self._level_logits(self.values(features), labels)
        # Half precision would lose the small differences that make up a likelihood.
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        wanted = features.movedim(1, 0)  # (C, B, H, W)
        nats = functional.cross_entropy(logits.flatten(0, 3), wanted.flatten(), reduction="none")
        return nats.view(wanted.shape).sum((0, 2, 3))

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
        noise : Tensor (count, C, H, W), optional
            Uniform numbers in [0, 1) to be used instead of the generator's.

        Raises
        ------
        ModelError
            If an argument does not fit.
        """
        if count < 0:
            raise ModelError(f"count={count} is no number of images; give 0 or more")
        start = torch.zeros(count, *self.space.shape, dtype=torch.int64, device=self.device)
        return self._draw(start, 0, labels, generator, progress, method, temperature, noise)

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
        start = self._checked(features).clone()
        start[:, :, rows:] = 0
        return self._draw(start, rows, labels, generator, progress, method, temperature, noise)

    def _draw(
        self,
        features: Tensor,
        rows: int,
        labels: Tensor | None,
        generator: torch.Generator | None,
        progress: Progress | None,
        method: Method,
        temperature: float,
        noise: Tensor | None,
    ) -> Tensor:
        """Fill the rows from ``rows`` on, in place."""
        if method not in get_args(Method):
            raise ModelError(f"method={method!r} is unknown; choose {', '.join(_METHODS)}")
        if not (math.isfinite(temperature) and temperature > 0):
            raise ModelError(f"temperature={temperature} is not positive; 1 draws from the model")
        labels = self.check_labels(labels, len(features))
        if noise is None:
            noise = torch.rand(features.shape, generator=generator, device=self.device)
        elif noise.shape != features.shape:
            raise ModelError(
                f"noise of shape {tuple(noise.shape)} does not fit features of shape "
                f"{tuple(features.shape)}; give one number for each value"
            )
        noise = noise.to(self.device)
        missing = self.space.height - rows
        if not (len(features) and missing):
            return features
        # Made outside of inference mode, the result is an ordinary tensor.
        with evaluating(self), torch.inference_mode():
            size = chunk_size(self, labels)
            total, done = -(-len(features) // size) * missing, 0

            def tick() -> None:
                nonlocal done
                done += 1
                if progress is not None:
                    progress(done, total)

            for first in range(0, len(features), size):
                chunk = slice(first, first + size)
                chosen = None if labels is None else labels[chunk]
                _METHODS[method](
                    self, features[chunk], noise[chunk], rows, chosen, temperature, tick
                )
        return features

    def _checked(self, features: Tensor) -> Tensor:
        """Features on the model's device, if they are levels of its space."""
        if tuple(features.shape[1:]) != self.space.shape:
            raise ModelError(
                f"features of shape {tuple(features.shape)} do not fit a {self.name} of "
                f"(B, {', '.join(map(str, self.space.shape))})"
            )
        if features.dtype != torch.int64:
            raise ModelError(f"features of dtype {features.dtype} are not levels; give int64")
        if features.numel() and not (
            0 <= int(features.min()) <= int(features.max()) < self.space.levels
        ):
            raise ModelError(
                f"features from {int(features.min())} to {int(features.max())} are not all levels "
                f"from 0 to {self.space.levels - 1}"
            )
        return features.to(self.device)


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


def check_counts(config: Any, least: dict[str, int]) -> None:
    """Raise ModelError where a field of a configuration is less than it may be."""
    for name, bound in least.items():
        value = getattr(config, name)
        if value < bound:
            raise ModelError(f"{name}={value} is too few; give {bound} or more")


def check_odd(config: Any, names: tuple[str, ...]) -> None:
    """Raise ModelError where a field is not the side of a window that has a centre."""
    for name in names:
        value = getattr(config, name)
        if value < 3 or value % 2 == 0:
            raise ModelError(f"{name}={value} has no centre to look back from; give 3, 5, 7, ...")
