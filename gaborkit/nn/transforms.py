"""A bank as a transform of torchvision's second version (needs torchvision)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import PIL.Image
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from ..bank import GaborBank
from ..errors import LayerError
from ..types import Boundary, Part
from .bank import GaborBank2d


class GaborTransform(v2.Transform):  # type: ignore[misc]  # torchvision has no types
    """Responses to a bank in place of the picture: (..., C, H, W) to (..., C * K, H, W) floats.

    Pictures are tensors, ``tv_tensors.Image`` and ``Video`` (which stay what they are, so that
    later transforms turn and crop them along with boxes and masks) and PIL images (which become
    ``tv_tensors.Image``). Labels, boxes and masks pass through, and so do plain tensors beside a
    picture, by torchvision's own rules. Integers are promoted to float and not rescaled:
    ``v2.ToDtype(torch.float32, scale=True)`` before it does that.

    Parameters
    ----------
    bank : GaborBank
        K kernels.
    part, boundary
        As for :class:`GaborBank2d`: channel ``c * K + k`` is kernel k in colour c.

    Raises
    ------
    LayerError
        If an option is unknown, or a picture has no channels, or a palette.

    Examples
    --------
    >>> bank = GaborBank.grid(scales=2, orientations=4)
    >>> transform = v2.Compose([v2.CenterCrop(32), GaborTransform(bank)])
    >>> picture = tv_tensors.Image(torch.zeros(3, 40, 40, dtype=torch.uint8))
    >>> features, label = transform(picture, 7)
    >>> type(features).__name__, tuple(features.shape), features.dtype, label
    ('Image', (24, 32, 32), torch.float32, 7)
    """

    layer: GaborBank2d

    _transformed_types: ClassVar[tuple[type | Callable[[Any], bool], ...]] = (
        v2.functional.is_pure_tensor,
        tv_tensors.Image,
        tv_tensors.Video,
        PIL.Image.Image,
    )

    def __init__(
        self, bank: GaborBank, part: Part = "magnitude", boundary: Boundary = "reflect"
    ) -> None:
        super().__init__()
        self.layer = GaborBank2d(bank, part, boundary)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Tensor:
        """Responses to one picture of a sample."""
        if isinstance(inpt, PIL.Image.Image):
            if inpt.mode == "P":
                raise LayerError(
                    "the colours of a picture of mode 'P' are numbers in a palette; "
                    "give picture.convert('RGB')"
                )
            inpt = tv_tensors.Image(functional.pil_to_tensor(inpt))
        plain = inpt.as_subclass(torch.Tensor)
        if plain.ndim < 3:
            raise LayerError(
                f"a picture of shape {tuple(plain.shape)} has no channels; (..., C, H, W) works"
            )
        batch = self.layer(plain.reshape(-1, *plain.shape[-3:]))
        answer: Tensor = batch.reshape(*plain.shape[:-3], *batch.shape[-3:])
        return answer if type(inpt) is torch.Tensor else tv_tensors.wrap(answer, like=inpt)
