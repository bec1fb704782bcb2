"""What a layer makes from its tensors, kept until a value in one of them changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

from ..filtering.backend import followed

Value = TypeVar("Value")
Content = tuple[tuple[torch.dtype, bytes], ...]


class ContentCache(Generic[Value]):
    """A value made from tensors, made again only when one of them holds something else.

    Contents are compared, so that it does not matter how they changed: through ``tensor.data``,
    through NumPy, or as other tensors under the same name. Nothing is kept where a gradient is to
    reach the tensors, where torch traces or transforms them, or on a GPU, which would have to be
    waited for: there the value is made each time. Copies of a layer start empty.

    Examples
    --------
    >>> cache, weight = ContentCache(), torch.ones(2)
    >>> first = cache.get([weight], lambda: weight * 2)
    >>> cache.get([weight], lambda: weight * 2) is first
    True
    >>> weight.numpy()[:] = 2
    >>> cache.get([weight], lambda: weight * 2)
    tensor([4., 4.])
    """

    def __init__(self) -> None:
        self._entry: tuple[Content, Value] | None = None

    def get(self, tensors: Sequence[Tensor], make: Callable[[], Value]) -> Value:
        """``make()``, or what it returned for tensors of the same content."""
        content = _content(tensors)
        if content is None:
            return make()
        entry = self._entry  # read once: threads may share a layer
        if entry is not None and entry[0] == content:
            return entry[1]
        # Tensors of inference mode would be of no use to a gradient of the input later.
        with torch.inference_mode(False), torch.no_grad():
            value = make()
        self._entry = content, value
        return value

    def __deepcopy__(self, memo: object) -> ContentCache[Value]:
        return ContentCache()

    def __reduce__(self) -> tuple[type[ContentCache[Value]], tuple[()]]:
        return ContentCache, ()


def _content(tensors: Sequence[Tensor]) -> Content | None:
    """Dtype and bytes of each tensor; None where they are not to be looked at."""
    if any(tensor.device.type != "cpu" or followed(tensor) for tensor in tensors):
        return None
    return tuple(
        (tensor.dtype, tensor.detach().contiguous().view(torch.uint8).numpy().tobytes())
        for tensor in tensors
    )
