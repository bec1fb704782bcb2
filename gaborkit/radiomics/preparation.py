"""Volumes and masks made ready: resampled, rounded, resegmented, in IBSI's order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import FeatureError, ImageError
from ..filtering.regions import is_inside
from ..io.resampling import resample
from ..io.volumes import Volume


def prepare(
    volume: Volume,
    mask: Volume,
    *,
    spacing: float | Sequence[float] | None = None,
    order: int = 3,
    rounded: bool = False,
    limits: tuple[float, float] | None = None,
) -> tuple[Volume, Volume]:
    """A volume and its region on the grid and in the range that are described.

    Parameters
    ----------
    volume, mask : Volume
        On one grid; what is not 0 is inside.
    spacing : float or three floats, optional
        Millimetres of the new grid, which has the old one's centre; the mask is interpolated
        linearly, and its half or more is inside.
    order : {1, 2, 3}
        Of the spline that interpolates values: linear or cubic.
    rounded : bool
        Round what is interpolated to whole numbers, as of CT.
    limits : (low, high), optional
        Voxels of other values are left out of the region (resegmentation).

    Returns
    -------
    volume, mask : Volume
        float and bool.

    Raises
    ------
    ImageError
        If the grids are not one, or the spacing is not a distance.
    FeatureError
        If the limits are no range, or the region is left without a voxel.

    References
    ----------
    Zwanenburg et al. (2016), arXiv 1612.07003, sections 2.4 and 2.5.

    Examples
    --------
    >>> volume = Volume.of(np.arange(64.0).reshape(4, 4, 4), (2, 1, 1))
    >>> inside = volume.with_values(volume.values > 20)
    >>> image, region = prepare(volume, inside, spacing=1, limits=(0, 50))
    >>> image.values.shape, image.spacing, bool(region.values.any())
    ((8, 4, 4), (1.0, 1.0, 1.0), True)
    """
    volume.check_same_grid(mask)
    values, inside = volume.values, is_inside(mask.values)
    affine = volume.affine
    if spacing is not None:
        if np.shape(spacing) not in ((), (3,)):
            raise ImageError(f"spacing={spacing!r} is neither one distance nor three; give 1.0")
        steps = [float(step) for step in np.broadcast_to(spacing, (3,))]
        shares = inside.astype(np.float64)
        values = resample(values.astype(np.float64), volume.spacing, steps, order=order)
        inside = resample(shares, volume.spacing, steps, order=1) >= 0.5 - 1e-9
        ratio = (np.asarray(steps) / volume.spacing)[::-1]
        first = (
            np.array(volume.values.shape[::-1]) - 1 - ratio * (np.array(values.shape[::-1]) - 1)
        ) / 2
        affine = affine @ np.block([[np.diag(ratio), first[:, None]], [np.zeros((1, 3)), 1.0]])
        if rounded:
            values = np.rint(values)
    if limits is not None:
        low, high = limits
        if not low < high:
            raise FeatureError(f"limits={limits!r} are no range; give the lower one first")
        inside = inside & (values >= low) & (values <= high)
    if not inside.any():
        raise FeatureError("the mask leaves no voxel of the volume; choose a wider mask or range")
    return Volume(values, affine), Volume(inside, affine)
