"""A trained model with its representation: images in, images out."""

from __future__ import annotations

import math
import operator
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..errors import DataError, ModelError
from ..io.files import StrPath
from ..notebook import page
from ..whole_numbers import is_whole
from .chunks import CHUNK, in_chunks
from .data.arrays import as_conditions
from .data.dataset import first_images
from .device import choose_device
from .hub import Address, fetch, push_to_hub
from .models.model import Model
from .pixels import as_tensor, to_floats
from .progress import Progress
from .representation import Representation
from .store import read_model, write_model

#: Pixels that are made larger at once.
UPSCALED = 2**17

#: Numbers or names of classes.
Classes = int | str | Sequence[int | str] | Tensor


@dataclass(frozen=True, eq=False, repr=False)
class ImageModel:
    """A generative model of images.

    Attributes
    ----------
    model : Model
        Of features.
    representation : Representation
        From images to features, and back.
    provenance : mapping
        Recipe, training, data, class names, version of gaborkit, metrics; of what was trained by
        :func:`gaborkit.generative.start`.

    Examples
    --------
    >>> from gaborkit.generative.models.vae import VAE, VAEConfig
    >>> from gaborkit.generative.representation import Raw
    >>> raw = Raw((1, 28, 28)).fit(torch.zeros(1, 1, 28, 28))
    >>> model = ImageModel(VAE(VAEConfig(), raw.space), raw)
    >>> model.sample(2, seed=0).shape
    torch.Size([2, 1, 28, 28])
    """

    model: Model
    representation: Representation
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.model.device

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the data set; empty where unlabelled."""
        return tuple(self.provenance.get("class_names", ()))

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.representation.image_shape))
        seen = self.provenance.get("recipe", {}).get("features", "")
        of = f" by {seen}" if seen else ""
        return f"ImageModel({self.model.name}{of}, images {shape}, {self.device})"

    def _repr_html_(self) -> str:
        """Words, and samples of a model that draws them at once, not pixel by pixel."""
        model = self.model
        if model.takes_pictures or model.condition_length or hasattr(model, "complete"):
            return page(repr(self))
        images = (255 * self.sample(10, seed=0).clamp(0, 1)).round().to(torch.uint8)
        return page(repr(self), first_images(images), "Ten samples, seed 0", 2)

    # ---- drawing ----

    @torch.no_grad()
    def sample(
        self,
        count: int,
        classes: Classes | None = None,
        *,
        conditions: Tensor | ArrayLike | None = None,
        seed: int = 0,
        temperature: float | None = None,
        guidance: float | None = None,
        progress: Progress | None = None,
    ) -> Tensor:
        """Draw images; the same seed gives the same.

        Parameters
        ----------
        count : int
        classes : int or str, or count of them, optional
            Numbers or names of classes, of a conditional model. By default all in turn.
        conditions : array_like or tensor (count, D) or (D,), optional
            Vectors of floats, of a model that was trained with such; one vector is of all images.
        seed : int
        temperature : float, optional
            Of each draw of an autoregressive model.
        guidance : float, optional
            Of a conditional autoregressive model trained with ``class_dropout``: 1 draws from the
            model, above 1 more clearly the class asked for, and less various. By default its
            configuration's.
        progress : callable, optional

        Returns
        -------
        float32 tensor (count, colours, h, w)
            In [0, 1], on the CPU.

        Raises
        ------
        ModelError
            If ``count`` is no count, classes or conditions do not fit, or the model has no
            temperature or guidance.
        """
        if not is_whole(count, 1):
            raise ModelError(f"count={count!r} is no count; give 1 or more")
        options = self.model.check_draw(temperature=temperature, guidance=guidance)
        if conditions is None and not self.model.condition_length:
            labels = self._labels(classes, count)
        else:
            labels = self._vectors(classes, conditions, count)

        def draw(some: slice, generator: torch.Generator, report: Progress | None) -> Tensor:
            size = some.stop - some.start
            mine = None if labels is None else labels[some]
            features = self.model.sample(size, mine, generator, report, **options)
            return self.representation.decode(features)

        return in_chunks(draw, self.model, count, seed, "sample", progress)

    @torch.no_grad()
    def reconstruct(
        self,
        images: Tensor | ArrayLike,
        classes: Classes | None = None,
        *,
        seed: int | None = None,
        progress: Progress | None = None,
    ) -> Tensor:
        """What a VAE, an AE or a VQ-VAE keeps of images (B, colours, h, w), floats or uint8.

        With a seed the latents are drawn, without one they are the means; codes are never drawn.

        Raises
        ------
        ModelError
            If the model cannot, or classes do not fit.
        """
        reconstruct, images = self._able("reconstruct", "VAE, AE and VQ-VAE"), as_tensor(images)
        labels = self._labels(classes, len(images))

        def draw(some: slice, generator: torch.Generator, report: Progress | None) -> Tensor:
            features = self.representation.encode(images[some].to(self.device), generator)
            mine = None if labels is None else labels[some]
            kept = reconstruct(features, mine, None if seed is None else generator)
            return self.representation.decode(kept)

        return in_chunks(draw, self.model, len(images), seed or 0, "reconstruct", progress)

    @torch.no_grad()
    def complete(
        self,
        images: Tensor | ArrayLike,
        rows: int,
        classes: Classes | None = None,
        *,
        seed: int = 0,
        temperature: float | None = None,
        guidance: float | None = None,
        progress: Progress | None = None,
    ) -> Tensor:
        """Images whose first rows are those given and whose others an autoregressive model draws.

        What lies below the given rows is not looked at: Gabor coefficients and codes, which reach
        across, are taken of images that continue their last given row downwards. Of codes, which
        are of several rows each, those are drawn that the given rows do not fill.
        ``temperature`` and ``guidance`` are those of :meth:`sample`.

        Raises
        ------
        ModelError
            If the model cannot, ``rows`` is out of range, classes do not fit, or the model has no
            such guidance.
        """
        complete, images = self._able("complete", "autoregressive models"), as_tensor(images)
        options = self.model.check_draw(temperature=temperature, guidance=guidance)
        height = self.representation.image_shape[1]
        if not 0 <= rows <= height:
            raise ModelError(f"rows={rows} is out of range; give 0 to {height}")
        labels, filled = self._labels(classes, len(images)), self.representation.rows_of(rows)
        known = images.clone()  # (B, colours, h, w)
        known[:, :, rows:] = images[:, :, rows - 1 : rows] if rows else 0

        def draw(some: slice, generator: torch.Generator, report: Progress | None) -> Tensor:
            features = self.representation.encode(known[some].to(self.device), generator)
            mine = None if labels is None else labels[some]
            drawn = complete(features, filled, mine, generator, report, **options)
            return self.representation.decode(drawn)

        completed = in_chunks(draw, self.model, len(images), seed, "complete", progress)
        completed[:, :, :rows] = to_floats(images[:, :, :rows]).cpu()
        return completed

    @torch.no_grad()
    def upscale(
        self,
        images: Tensor | ArrayLike,
        classes: Classes | None = None,
        *,
        progress: Progress | None = None,
    ) -> Tensor:
        """Images (B, colours, h, w) of any size, uint8 or floats in [0, 1], made larger.

        Returns
        -------
        float32 tensor (B, colours, factor * h, factor * w)
            In [0, 1], on the CPU.

        Raises
        ------
        ModelError
            If the model cannot, colours or values are others, or classes do not fit.
        """
        upscale, images = self._able("upscale", "srgan"), as_tensor(images)
        labels = self._labels(classes, len(images))

        def draw(some: slice, generator: torch.Generator, report: Progress | None) -> Tensor:
            mine = None if labels is None else labels[some]
            return upscale(to_floats(images[some], ModelError).to(self.device), mine, report)

        pixels = math.prod(images.shape[2:])
        size = max(1, min(CHUNK, UPSCALED // max(1, pixels)))
        return in_chunks(draw, self.model, len(images), 0, "upscale", progress, size)

    def _able(self, name: str, who: str) -> Callable[..., Tensor]:
        method: Callable[..., Tensor] | None = getattr(self.model, name, None)
        if method is None:
            raise ModelError(f"{self.model.name} cannot {name} images; {who} can")
        return method

    def _vectors(
        self, classes: Classes | None, conditions: Tensor | ArrayLike | None, count: int
    ) -> Tensor | None:
        """Conditions (count, D) of a model that is conditioned on vectors."""
        if not self.model.condition_length:
            raise ModelError(
                f"this {self.model.name} is not conditioned on vectors; leave conditions out"
            )
        if classes is not None:
            raise ModelError(
                f"classes={classes!r:.60}: this {self.model.name} is conditioned on vectors of "
                f"length {self.model.condition_length}; give conditions"
            )
        if conditions is None:
            return self.model.check_labels(None, count)
        try:
            vectors = as_conditions(np.atleast_2d(conditions))
        except DataError as problem:
            raise ModelError(str(problem)) from problem
        return self.model.check_labels(
            vectors.expand(count, -1) if len(vectors) == 1 else vectors, count
        )

    def _labels(self, classes: Classes | None, count: int) -> Tensor | None:
        if classes is None:
            if not self.model.classes:
                return None
            labels = torch.arange(count) % self.model.classes
        elif np.ndim(classes) == 0:
            labels = torch.full((count,), self._code(classes))
        else:
            codes = [self._code(item) for item in cast(Sequence[object], classes)]
            labels = torch.tensor(codes, dtype=torch.int64)
        return self.model.check_labels(labels, count)

    def _code(self, item: object) -> int:
        """Number of a class that is given by its number or its name."""
        if isinstance(item, str) and item in self.class_names:
            return self.class_names.index(item)
        if isinstance(item, str) or not hasattr(item, "__index__"):
            names = ", ".join(self.class_names[:20]) or "not known"
            raise ModelError(
                f"class {item!r:.60} is no number and no name of a class; the names are {names}"
            )
        return operator.index(item)

    # ---- on disk ----

    def save_pretrained(self, folder: StrPath) -> None:
        """Write a model folder: see :mod:`gaborkit.generative.store`.

        Raises
        ------
        StoreError
            If a file cannot be written.
        """
        provenance = dict(self.provenance)
        metrics = provenance.pop("metrics", {})
        write_model(folder, self.model, self.representation, provenance, metrics)

    def push_to_hub(
        self, repository: str, *, licence: str = "unknown", private: bool = False
    ) -> str:
        """Send the model to the Hugging Face Hub; :func:`gaborkit.generative.push_to_hub` a run.

        Parameters
        ----------
        repository, licence, private
            As there.

        Returns
        -------
        str
            Address of the commit.

        Raises
        ------
        StoreError
            As there.
        """
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            return push_to_hub(folder, repository, licence=licence, private=private)

    @classmethod
    def from_pretrained(cls, folder: StrPath, device: str = "auto") -> Self:
        """Read a model folder, here or on the Hugging Face Hub. No code in it is run.

        Parameters
        ----------
        folder : path or str
            A folder; or ``OWNER/NAME`` of a repository on the Hub where there is no folder OWNER
            here, or ``hf://OWNER/NAME@REVISION``. It is kept in the cache of huggingface_hub.
        device : str

        Raises
        ------
        StoreError
            If a file is missing, damaged or hostile, or the Hub has no such model or cannot be
            reached.
        ModelError
            If there is no such device.
        """
        where = choose_device(device)
        address = Address.of(folder)
        model, representation, provenance = read_model(fetch(address) if address else folder)
        return cls(model.to(where), representation, provenance)
