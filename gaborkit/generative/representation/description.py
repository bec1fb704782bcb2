"""From the description of a representation, which is JSON, to the representation."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ...bank import GaborBank
from ...errors import RepresentationError
from .base import VERSION, Representation
from .coefficients import Coefficients
from .raw import Raw
from .viewed import Gabor

#: Families by the name in their description.
REPRESENTATIONS: dict[str, type[Representation]] = {
    "raw": Raw,
    "gabor": Gabor,
    "coefficients": Coefficients,
}


def representation_from_dict(data: object) -> Representation:
    """Fitted representation from what :meth:`Representation.to_dict` gave.

    Raises
    ------
    RepresentationError
        If the description is damaged, or of a version that this gaborkit does not know.
    """
    try:
        if not isinstance(data, Mapping):
            raise TypeError("it is not an object")
        fields = dict(data)
        version = fields.pop("version")
        if version == 1 and fields.get("name") == "gabor":
            raise RepresentationError(
                "this is a model of Gabor coefficients, from before features='gabor' became a way "
                "to see pixels; train it anew, with --features gabor, or coefficients for as it was"
            )
        if version not in (1, VERSION):
            raise RepresentationError(
                f"this representation is of version {data['version']!r}, and this gaborkit reads "
                f"version {VERSION}; install the gaborkit that wrote it"
            )
        name = fields.pop("name")
        gain = torch.tensor(fields.pop("gain"), dtype=torch.float32)
        offset = torch.tensor(fields.pop("offset"), dtype=torch.float32)
        fields["image_shape"] = tuple(fields["image_shape"])
        if "bank" in fields:
            fields["bank"] = GaborBank.from_dict(fields["bank"])
        representation = REPRESENTATIONS[name](**fields)
    except (KeyError, TypeError, ValueError) as problem:
        if isinstance(problem, RepresentationError):
            raise
        raise RepresentationError(f"the description is damaged: {problem}") from problem
    for values in (gain, offset):
        if tuple(values.shape) != (representation.channels,) or not values.isfinite().all():
            raise RepresentationError(
                f"the description is damaged: {values.numel()} gains or offsets for "
                f"{representation.channels} channels, or not finite"
            )
    representation.gain, representation.offset = gain, offset
    representation.fitted = True
    return representation
