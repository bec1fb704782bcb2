"""What a layer makes from its tensors, kept until one of them changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import torch
from torch import Tensor

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """A value made from tensors, made again only when one of them has changed.

    Nothing is kept where a gradient is to reach the tensors, or where a compiler looks on: there
    the value is made each time. Copies of a layer start empty.

    Examples
    --------
    >>> kept, weight = Kept(), torch.ones(2)
    >>> first = kept.get([weight], lambda: weight * 2)
    >>> kept.get([weight], lambda: weight * 2) is first
    True
    >>> kept.get([weight.add_(1)], lambda: weight * 2)
    tensor([4., 4.])
    """

    def __init__(self) -> None:
        self._entry: tuple[list[Tensor], list[int], Value] | None = None

    def get(self, tensors: Iterable[Tensor], make: Callable[[], Value]) -> Value:
        """``make()``, or what it returned for the same tensors with the same content.

        A change behind the back of autograd, through ``tensor.data``, goes unnoticed.
        """
        tensors = list(tensors)
        learning = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
        if learning or torch.compiler.is_compiling():
            return make()
        try:
            # A detached tensor shares memory and counter of changes, and holds the memory: no
            # other tensor can take its address.
            now, versions = [tensor.detach() for tensor in tensors], [t._version for t in tensors]
            if self._entry is not None:
                then, kept_versions, value = self._entry
                if versions == kept_versions and all(map(_same_memory, then, now)):
                    return value
        except RuntimeError:  # inference tensors count no changes, those of vmap have no memory
            return make()
        # Tensors of inference mode would be of no use to a gradient of the input later.
        with torch.inference_mode(False), torch.no_grad():
            value = make()
        self._entry = now, versions, value
        return value

    def __deepcopy__(self, memo: object) -> Kept[Value]:
        return Kept()

    def __reduce__(self) -> tuple[type[Kept[Value]], tuple[()]]:
        return Kept, ()


def _same_memory(a: Tensor, b: Tensor) -> bool:
    return a.data_ptr() == b.data_ptr() and a.dtype == b.dtype and a.device == b.device
