"""Conditions as vectors, and draws around them: StackGAN's conditioning augmentation."""

from __future__ import annotations

from torch import Tensor, nn

from .networks import one_hot


class Embedding(nn.Linear):
    """A linear layer of conditions: of classes (B,) a vector of each, of vectors (B, D) a map."""

    def __init__(self, classes: int, length: int, outputs: int) -> None:
        super().__init__(classes or length, outputs)

    def forward(self, labels: Tensor) -> Tensor:
        """Vectors (B, outputs)."""
        code = labels if labels.is_floating_point() else one_hot(labels, self.in_features)
        return super().forward(code)


class Augmentation(nn.Module):
    """A draw (B, augmented) from a normal distribution around a condition.

    So that few conditions fill the space that a generator draws from.

    References
    ----------
    H. Zhang et al. (2017), section 3.2.
    """

    def __init__(self, classes: int, length: int, augmented: int) -> None:
        super().__init__()
        self.layer: Embedding = Embedding(classes, length, 2 * augmented)

    def forward(self, labels: Tensor, noise: Tensor) -> Tensor:
        """The draw that standard normal noise (B, augmented) makes."""
        mean, log_variance = self.moments(labels)
        return mean + (log_variance / 2).exp() * noise

    def moments(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance, each (B, augmented)."""
        mean, log_variance = self.layer(labels).chunk(2, 1)
        return mean, log_variance

    def divergence(self, labels: Tensor) -> Tensor:
        """KL divergence () from the standard normal, in nats; a mean over the dimensions.

        As the authors' programs take it: a sum would outweigh the adversarial loss.
        """
        mean, log_variance = self.moments(labels)
        return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).mean()
