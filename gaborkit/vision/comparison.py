"""How alike two pictures are, by several measures of Gabor responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np

from ..bank import GaborBank
from ..errors import FeatureError
from ..features.base import Descriptor
from ..features.checks import check_choice
from ..features.codes import hamming_distance, phase_code
from ..features.gist import Gist
from ..features.jet_similarity import magnitude_similarity, phase_similarity
from ..features.plane import plane_of
from ..features.texture import Texture
from ..filtering.backend import library_of
from ..types import Array, ComplexArray, RealArray

Comparer = Literal["texture", "gist", "jets", "codes"]

#: Those that compare place by place, and so need pictures of one size.
BY_PLACE = ("jets", "codes")

# Pixels between the points at which jets and codes are taken.
_SPACING = 8


def compare_pictures(
    first: Array,
    second: Array,
    by: Sequence[Comparer] | None = None,
    *,
    channel_axis: int | None = None,
) -> dict[str, float]:
    """Compare two pictures by texture, scene, jets and phase codes.

    Parameters
    ----------
    first, second : real array (H, W)
        Of any contrast and, for texture and gist, of any size.
    by : sequence of {"texture", "gist", "jets", "codes"}, optional
        All that fit the pictures' sizes by default.
    channel_axis : int, optional
        Axis of colour, whose luminance is taken.

    Returns
    -------
    dict of float
        In this order, as far as asked for:

        - ``texture_distance``: of the means and deviations of :class:`Texture`, each difference as
          a share of the sum, on average; 0 to 1.
        - ``gist_distance``: of :class:`Gist`, ``|a - b| / (|a| + |b|)``; 0 to 1.
        - ``jets_magnitude``, ``jets_phase``, ``jets_moved``: similarities of jets of the bank
          ``bob`` every 8 pixels, without phase, with phase, and with the estimated displacement
          left out; averages weighted by the jets' lengths; at most 1, and 0 of blank pictures.
        - ``codes_distance``: share of differing bits of :func:`phase_code`, 0 to 1, and 1/2 for
          pictures that have nothing to do with each other.

    Raises
    ------
    ImageError
        As :meth:`GaborBank.filter`; and if a picture is not (H, W).
    FeatureError
        If a measure is unknown, or a picture of the wrong size.

    References
    ----------
    Manjunath and Ma (1996), Oliva and Torralba (2001), Wiskott et al. (1997), Daugman (1993): see
    the functions named above.

    Examples
    --------
    >>> image = np.random.default_rng(0).random((64, 64))
    >>> {name: round(value, 2) for name, value in compare_pictures(image, 3 * image).items()}
    {'texture_distance': 0.5, 'gist_distance': 0.0, 'jets_magnitude': 1.0, 'jets_phase': 1.0, \
'jets_moved': 1.0, 'codes_distance': 0.0}
    """
    pictures = [_checked(picture, channel_axis) for picture in (first, second)]
    alike = pictures[0].shape == pictures[1].shape
    if by is None:
        chosen: Sequence[str] = [m for m in get_args(Comparer) if alike or m not in BY_PLACE]
    else:
        if isinstance(by, str) or not by:
            raise FeatureError(f'by={by!r} is no list of measures; give ["texture"] for example')
        for measure in by:
            check_choice("by", measure, Comparer)
            if measure in BY_PLACE and not alike:
                raise FeatureError(
                    f"{measure} compare place by place, and pictures of {pictures[0].shape} and "
                    f"{pictures[1].shape} pixels differ in size; resize one, or compare by texture "
                    "or gist"
                )
        chosen = by
    measured: dict[str, float] = {}
    if "texture" in chosen:
        one, other = _described(pictures, Texture())
        total = abs(one) + abs(other)
        measured["texture_distance"] = float(np.mean(abs(one - other) / (total + (total == 0))))
    if "gist" in chosen:
        one, other = _described(pictures, Gist())
        norm = float(np.linalg.norm(one) + np.linalg.norm(other))
        measured["gist_distance"] = float(np.linalg.norm(one - other)) / (norm or 1.0)
    if "jets" in chosen:
        measured.update(_by_jets(pictures))
    if "codes" in chosen:
        rows, columns = pictures[0].shape
        step = min(rows, _SPACING), min(columns, _SPACING)
        codes = [phase_code(picture, step=step) for picture in pictures]
        measured["codes_distance"] = hamming_distance(*codes).distance
    return measured


def _by_jets(pictures: Sequence[RealArray]) -> dict[str, float]:
    bank = GaborBank.preset("bob")
    # Similarities are of any contrast: jets of an ordinary length have products without overflow.
    largest = (float(np.abs(picture).max()) or 1.0 for picture in pictures)
    one, other = (
        _jets_everywhere(picture / size, bank)
        for picture, size in zip(pictures, largest, strict=True)
    )
    # Where there is nothing, phases are rounding: such jets are short.
    weight = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    total = float(weight.sum()) or 1.0
    similarities = {
        "jets_magnitude": magnitude_similarity(one, other),
        "jets_phase": phase_similarity(one, other, bank),
        "jets_moved": phase_similarity(one, other, bank, displacement="estimate"),
    }
    return {name: float((weight * s).sum()) / total for name, s in similarities.items()}


def _jets_everywhere(picture: RealArray, bank: GaborBank) -> ComplexArray:
    """Jets (P, K) on a lattice, a response at a time."""
    places = tuple(slice(min(size - 1, _SPACING) // 2, None, _SPACING) for size in picture.shape)
    # Copies, so that the responses need not stay.
    return np.stack([r[places].ravel().copy() for r in bank.responses(picture)], -1)


def _described(pictures: Sequence[RealArray], by: Descriptor) -> list[RealArray]:
    return [by.describe(picture).to_numpy().astype(float) for picture in pictures]


def _checked(picture: Any, channel_axis: int | None) -> RealArray:
    if library_of(picture).name == "torch":
        raise FeatureError("arrays are compared; give tensor.numpy(force=True)")
    return plane_of(picture, channel_axis)
