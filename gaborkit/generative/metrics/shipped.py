"""The weights of the digit classifier that ship with gaborkit, checked before they are used."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ...errors import ModelError, StoreError
from ...io.files import atomic_write
from ..data import Dataset
from ..pixels import to_floats
from .classifier import DigitClassifier

#: The weights, and beside them their SHA-256 as ``sha256sum`` writes and checks it.
WEIGHTS = Path(__file__).with_name("digits.safetensors")

#: Label smoothing under which ``benchmarks/train_classifier.py`` trains.
SMOOTHING = 0.05

#: Images classified at once: few enough to stay in the processor's cache, twice as fast as 500.
CHUNK = 64


#: Data sets that the shipped classifier knows.
DIGITS = ("mini", "mnist")


def knows(dataset: Dataset) -> bool:
    """Whether the shipped classifier was made for images such as these: 28 x 28 digits."""
    return (
        dataset.name in DIGITS
        and len(dataset.class_names) == 10
        and dataset.image_shape == (1, 28, 28)
    )


def digit_classifier(path: Path = WEIGHTS) -> DigitClassifier:
    """Return the shipped classifier in evaluation mode, on the CPU.

    Raises
    ------
    StoreError
        If the weights or their hash are missing, or the two do not fit.

    Examples
    --------
    >>> digit_classifier().training
    False
    """
    hash_path = path.with_suffix(".sha256")
    try:
        content = path.read_bytes()
        wanted = hash_path.read_text(encoding="ascii").split()[:1]
    except (OSError, ValueError) as cause:
        reason = getattr(cause, "strerror", None) or "not text"
        name = getattr(cause, "filename", None) or hash_path
        raise StoreError(f"{name}: cannot be read ({reason}); install gaborkit again") from cause
    digest = hashlib.sha256(content).hexdigest()
    if wanted != [digest]:
        raise StoreError(
            f"{path}: its SHA-256 is {digest[:12]}..., not the one in {hash_path.name}: the file "
            "is damaged; install gaborkit again"
        )
    # On the meta device no random numbers are drawn for weights that are replaced at once.
    with torch.device("meta"):
        network = DigitClassifier()
    try:
        network.load_state_dict(safetensors.torch.load(content), assign=True)
    except (safetensors.SafetensorError, RuntimeError) as cause:
        raise StoreError(
            f"{path}: these are not the weights of a digit classifier; install gaborkit again"
        ) from cause
    return network.eval().requires_grad_(False)


def write_hash(path: Path = WEIGHTS) -> Path:
    """Write the SHA-256 of the weights beside them; returns where.

    For whoever trains the classifier anew; the same as ``sha256sum digits.safetensors >
    digits.sha256`` in their folder.
    """
    target = path.with_suffix(".sha256")
    line = f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
    with atomic_write(target, StoreError) as temporary:
        temporary.write_text(line, encoding="ascii")
    return target


class Judgement(NamedTuple):
    """What the classifier makes of N images.

    Attributes
    ----------
    features : float64 tensor (N, 64)
    probabilities : float64 tensor (N, 10)
    """

    features: Tensor
    probabilities: Tensor

    @property
    def classes(self) -> Tensor:
        """Most probable class of each image, int64 (N,)."""
        return self.probabilities.argmax(1)


@torch.no_grad()
def judge(images: Tensor, classifier: DigitClassifier, smoothing: float = SMOOTHING) -> Judgement:
    """Features and class probabilities of digits, on the CPU.

    Trained on smoothed labels, the network gives q = (1 - s) p + s / 10 for probabilities p of the
    classes. This is undone, or no digit would be certain and the Inception Score of real digits
    far from 10.

    Parameters
    ----------
    images : uint8 or float tensor (N, 1, 28, 28)
        Floats in [0, 1].
    classifier : DigitClassifier
        In evaluation mode; :func:`digit_classifier` gives it.
    smoothing : float
        s, in [0, 1).

    Raises
    ------
    ModelError
        If the shape is not that of digits.

    Examples
    --------
    >>> judge(torch.zeros(3, 1, 28, 28), digit_classifier()).features.shape
    torch.Size([3, 64])
    """
    if images.ndim != 4 or tuple(images.shape[1:]) != (1, 28, 28):
        raise ModelError(
            f"images of shape {tuple(images.shape)} are not digits, which are (N, 1, 28, 28); "
            "there is no classifier for others"
        )
    device = next(classifier.parameters()).device
    features, probabilities = [], []
    for chunk in images.split(CHUNK):
        outputs = classifier.features(to_floats(chunk).to(device))  # (B, 64)
        features.append(outputs.double().cpu())
        smoothed = classifier.head(outputs).double().softmax(1).cpu()  # (B, 10)
        # The largest is 1/10 or more, so something is always left.
        clear = (smoothed - smoothing / smoothed.shape[1]).clamp(min=0)
        probabilities.append(clear / clear.sum(1, keepdim=True))
    return Judgement(torch.cat(features), torch.cat(probabilities))


def features_of(images: Tensor, classifier: DigitClassifier) -> Tensor:
    """Features, float64 (N, 64), of digits: those of :func:`judge`."""
    return judge(images, classifier).features
