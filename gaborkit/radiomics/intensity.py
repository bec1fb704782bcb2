"""The eighteen intensity-based statistics of IBSI.

References
----------
Zwanenburg et al. (2016), "Image biomarker standardisation initiative", arXiv 1612.07003, section
3.3; the names are its tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FeatureError

#: Range of a region's values, as a share of the largest, up to which they are one constant.
ROUNDING = 1e-12

#: What each is, by its tag.
INTENSITY_STATISTICS: Mapping[str, str] = {
    "stat_mean": "mean",
    "stat_var": "variance",
    "stat_skew": "skewness",
    "stat_kurt": "excess kurtosis",
    "stat_median": "median",
    "stat_min": "minimum",
    "stat_p10": "10th percentile",
    "stat_p90": "90th percentile",
    "stat_max": "maximum",
    "stat_iqr": "interquartile range",
    "stat_range": "range",
    "stat_mad": "mean absolute deviation",
    "stat_rmad": "mean absolute deviation between the 10th and 90th percentile",
    "stat_medad": "mean absolute deviation from the median",
    "stat_cov": "deviation over mean",
    "stat_qcod": "quartile coefficient of dispersion",
    "stat_energy": "sum of squares",
    "stat_rms": "root of the mean square",
}


def intensity_statistics(values: NDArray[Any]) -> dict[str, float]:
    """IBSI's statistics of the values of a region.

    Parameters
    ----------
    values : real array
        Of the region's voxels, in any order.

    Returns
    -------
    dict of str to float
        By the tags of :data:`INTENSITY_STATISTICS`. Variances divide by the number of values;
        skewness and kurtosis of a constant are 0, as IBSI has it. A ratio whose divisor is 0 is
        NaN.

    Raises
    ------
    FeatureError
        If there are no values, or some are NaN or infinite.

    Examples
    --------
    >>> figures = intensity_statistics(np.array([1, 1, 4, 6]))
    >>> figures["stat_mean"], figures["stat_median"], figures["stat_energy"]
    (3.0, 2.5, 54.0)
    """
    x = np.asarray(values, dtype=np.float64).ravel()
    if x.size == 0:
        raise FeatureError("a region of no voxels has no statistics; choose a wider mask or range")
    wrong = x.size - np.count_nonzero(np.isfinite(x))
    if wrong:
        raise FeatureError(
            f"{wrong} of {x.size} voxels of the region are NaN or infinite; leave them out of the "
            "mask"
        )
    mean = x.mean()
    # What rounding leaves of a constant would have a skewness.
    centred = x - mean if np.ptp(x) > ROUNDING * np.abs(x).max() else np.zeros_like(x)
    variance = float((centred**2).mean())
    deviation = variance**0.5
    p10, p25, median, p75, p90 = np.percentile(x, [10, 25, 50, 75, 90])
    inner = x[(x >= p10) & (x <= p90)]
    figures = {
        "stat_mean": mean,
        "stat_var": variance,
        "stat_skew": (centred**3).mean() / deviation**3 if deviation else 0.0,
        "stat_kurt": (centred**4).mean() / variance**2 - 3 if variance else 0.0,
        "stat_median": median,
        "stat_min": x.min(),
        "stat_p10": p10,
        "stat_p90": p90,
        "stat_max": x.max(),
        "stat_iqr": p75 - p25,
        "stat_range": np.ptp(x),
        "stat_mad": abs(centred).mean(),
        "stat_rmad": abs(inner - inner.mean()).mean() if inner.size else 0.0,
        "stat_medad": abs(x - median).mean(),
        "stat_cov": deviation / mean if mean else np.nan,
        "stat_qcod": (p75 - p25) / (p75 + p25) if p75 + p25 else np.nan,
        "stat_energy": (x**2).sum(),
        "stat_rms": (x**2).mean() ** 0.5,
    }
    return {name: float(value) for name, value in figures.items()}
