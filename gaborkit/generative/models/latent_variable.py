"""Models that draw latent variables, and of those whole images: autoencoders and GANs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from ..progress import Progress
from .model import Model, check_count, evaluating


class LatentVariableModel(Model):
    """A model whose images are drawn some at a time, all pixels of each at once."""

    @abstractmethod
    def _draws(
        self, count: int, labels: Tensor | None, generator: torch.Generator | None
    ) -> Iterator[Tensor]:
        """Features of ``count`` images with these labels, as many at a time as memory bears."""

    @torch.no_grad()
    def sample(
        self,
        count: int,
        labels: Tensor | None = None,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
    ) -> Tensor:
        """Draw features (count, C, H, W), float32, in the scaling of the space.

        Batch normalisation takes its running statistics; of a likelihood it is the mean, without
        the noise of the pixels. Without a generator the latents are those of torch's own.

        Raises
        ------
        ModelError
            If the count is none, or labels do not fit (see :meth:`check_labels`).
        """
        check_count(count)
        labels = self.check_labels(labels, count)
        features = torch.empty(count, *self.space.shape, device=self.device)
        done = 0
        with evaluating(self):
            for some in self._draws(count, labels, generator):
                features[done : done + len(some)] = some
                done += len(some)
                if progress is not None:
                    progress(done, count)
        return features
