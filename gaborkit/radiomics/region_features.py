"""Radiomics features of a region: statistics of its values, and of its Gabor responses."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..features.table import Features
from ..filtering.regions import is_inside
from ..io.volumes import Volume
from .intensity import intensity_statistics
from .response import GaborResponse


def radiomics(volume: Volume, mask: Volume, responses: Iterable[GaborResponse] = ()) -> Features:
    """Intensity statistics of a region, of the volume itself and of response maps.

    Parameters
    ----------
    volume, mask : Volume
        On one grid, as :func:`prepare` makes them; what is not 0 is inside. Kernels see the whole
        volume, as IBSI has it; statistics are of the region alone.
    responses : iterable of GaborResponse

    Returns
    -------
    Features
        float64 (18 * (1 + responses),), named ``original stat_mean`` and on, then by the label of
        each response.

    Raises
    ------
    ImageError
        If the grids are not one, or do not fit a response.
    FeatureError
        If the region has no voxel.

    Examples
    --------
    >>> volume = Volume.of(np.random.default_rng(0).random((4, 30, 30)), (3, 1, 1))
    >>> region = volume.with_values(volume.values > 0.5)
    >>> features = radiomics(volume, region, [GaborResponse(3, 6)])
    >>> len(features), features.names[18]
    (36, 'gabor slice 3 mm, 6 mm, gamma 1 theta 0° mean stat_mean')
    """
    volume.check_same_grid(mask)
    inside = is_inside(mask.values)
    named = {
        f"original {name}": value
        for name, value in intensity_statistics(volume.values[inside]).items()
    }
    for response in responses:
        answered = response(volume, inside).values[inside]
        named |= {
            f"{response.label} {name}": value
            for name, value in intensity_statistics(answered).items()
        }
    return Features(np.array(list(named.values())), list(named))
