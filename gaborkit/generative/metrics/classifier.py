"""The digit classifier behind the metrics of samples: a small convolutional network.

Inception features mean close to nothing on digits, so samples are judged by the features of a
network trained on MNIST itself. ``benchmarks/train_classifier.py`` made its weights.
"""

from __future__ import annotations

from torch import Tensor, nn

#: Length of the feature vector.
FEATURES = 64


class DigitClassifier(nn.Module):
    """Ten classes from 28 x 28 grey images; about 80,000 parameters.

    Parameters
    ----------
    classes : int
        How many classes it tells apart.

    Examples
    --------
    >>> import torch
    >>> network = DigitClassifier().eval()
    >>> images = torch.zeros(2, 1, 28, 28)
    >>> network(images).shape, network.features(images).shape
    (torch.Size([2, 10]), torch.Size([2, 64]))
    """

    trunk: nn.Sequential
    head: nn.Linear

    def __init__(self, classes: int = 10) -> None:
        super().__init__()

        def layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
            convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
            return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())

        self.trunk = nn.Sequential(
            layer(1, 24),  # 28 x 28
            layer(24, 32, stride=2),  # 14 x 14
            layer(32, 48),
            layer(48, FEATURES, stride=2),  # 7 x 7
            layer(FEATURES, FEATURES, stride=2),  # 4 x 4
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.head = nn.Linear(FEATURES, classes)

    def features(self, images: Tensor) -> Tensor:
        """Feature vectors (B, 64) of images (B, 1, 28, 28) in [0, 1]."""
        features: Tensor = self.trunk(images)
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, 1, 28, 28) in [0, 1]."""
        logits: Tensor = self.head(self.features(images))
        return logits
