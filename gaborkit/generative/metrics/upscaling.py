"""How like its original a picture is that was made smaller and large again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from ...io.tables import counted
from ..data import Split
from ..pixels import enlarged, shrunk, to_floats
from ..progress import Progress
from .figures import Figure

if TYPE_CHECKING:
    from ..image_model import ImageModel

#: Side of the window of the structural similarity, pixels.
WINDOW = 7


def there_and_back(
    image_model: ImageModel, pictures: Split, progress: Progress | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures made smaller, then larger: bicubic, and by the model; and the originals.

    Returns
    -------
    three float32 tensors (N, colours, h, w)
        In [0, 1].
    """
    model = image_model.model
    factor, originals = model.config.factor, to_floats(pictures.images)
    small = shrunk(originals, factor)
    labels = pictures.labels if model.classes else None
    return enlarged(small, factor), image_model.upscale(small, labels, progress=progress), originals


def before_and_after(image_model: ImageModel, pictures: Split) -> Tensor:
    """Pictures (3 N, colours, h, w): made smaller (nearest), what the model makes of them, they."""
    _, upscaled, originals = there_and_back(image_model, pictures)
    factor = image_model.model.config.factor
    small = shrunk(originals, factor)
    squares = small.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    return torch.cat([squares, upscaled, originals])


def likeness_figures(drawn: Tensor, originals: Tensor, suffix: str = "") -> list[Figure]:
    """Peak signal-to-noise ratio and structural similarity, means over pictures.

    Parameters
    ----------
    drawn, originals : float tensor (N, colours, h, w)
        In [0, 1].
    suffix : str
        Behind each name.

    References
    ----------
    Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli (2004), Image Quality Assessment: From
    Error Visibility to Structural Similarity, eq. 13.

    Examples
    --------
    >>> images = torch.rand(2, 1, 8, 8) / 2
    >>> for figure in likeness_figures(images + 0.1, images):
    ...     print(figure.name, "20" if figure.name == "PSNR" else figure.value < 1)
    PSNR 20
    SSIM True
    """
    pairs = [(a.numpy(), b.numpy()) for a, b in zip(drawn, originals, strict=True)]
    # Where nothing differs the ratio has no bound: 8 bits tell no error below.
    least = 1 / (255**2 * 12)
    ratios = [
        peak_signal_noise_ratio(b, a, data_range=1)
        if np.square(a - b).mean() > least
        else -10 * np.log10(least)
        for a, b in pairs
    ]
    many = f"{counted(len(pairs), 'test picture')}, made smaller and large again, all colours"
    values = {"PSNR": (ratios, "dB", many)}
    if min(drawn.shape[2:]) >= WINDOW:
        likeness = [
            structural_similarity(a, b, win_size=WINDOW, data_range=1, channel_axis=0)
            for a, b in pairs
        ]
        values["SSIM"] = likeness, "", f"{many}, windows of {WINDOW} x {WINDOW}"
    return [
        Figure(
            name + suffix,
            float(np.mean(numbers)),
            float(np.std(numbers) / len(numbers) ** 0.5),
            unit,
            protocol,
            "higher",
        )
        for name, (numbers, unit, protocol) in values.items()
    ]
