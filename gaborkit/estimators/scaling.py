"""One scale for all values of a channel, whatever their place in the picture."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from ..errors import FeatureError


class ChannelScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Divide the values of each channel by their largest magnitude or their deviation.

    Scattering coefficients of long paths are small and tell much: this gives every path the same
    weight. Scaling value by value, as ``StandardScaler`` does, would blow up the noise of the
    places where pictures are empty.

    Parameters
    ----------
    places : int
        Values that lie side by side and belong to one channel: of features (C, h, w) of a
        picture, flattened, h * w. With 1, each value is a channel.
    by : {"deviation", "max"}
        The deviation from the channel's mean, or the largest magnitude. A channel in which that is
        0 stays as it is.

    Attributes
    ----------
    scale_ : array (C,)
        What is divided by.

    Raises
    ------
    FeatureError
        If a parameter is out of range, or ``places`` does not divide the features.

    References
    ----------
    Bruna and Mallat (2013), "Invariant scattering convolution networks", IEEE TPAMI 35(8),
    section 4.1, who take the largest magnitude.

    Examples
    --------
    >>> X = np.array([[1.0, 3.0, 100.0, 300.0], [3.0, 1.0, 100.0, 300.0]])
    >>> ChannelScaler(places=2).fit_transform(X)
    array([[1., 3., 1., 3.],
           [3., 1., 1., 3.]])
    """

    scale_: NDArray[Any]

    def __init__(self, places: int = 1, *, by: Literal["deviation", "max"] = "deviation") -> None:
        self.places = places
        self.by = by

    def fit(self, X: ArrayLike, y: Any = None) -> Self:  # noqa: N803
        """Measure the channels of X (N, C * places)."""
        if self.by not in ("deviation", "max"):
            raise FeatureError(f'by={self.by!r} is unknown; choose "deviation" or "max"')
        channels = self._channels(X, reset=True)
        scale = channels.std((0, 2)) if self.by == "deviation" else abs(channels).max((0, 2))
        # Rounding leaves some deviation to a channel of one value.
        floor = 16 * np.finfo(scale.dtype).eps * abs(channels).max((0, 2))
        self.scale_ = np.where(scale > floor, scale, 1).astype(channels.dtype)
        return self

    def transform(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """X (N, C * places), each channel divided by its scale."""
        check_is_fitted(self)
        channels = self._channels(X, reset=False) / self.scale_[:, None]
        return channels.reshape(len(channels), -1)

    def _channels(self, X: ArrayLike, *, reset: bool) -> NDArray[Any]:  # noqa: N803
        values = validate_data(self, X, reset=reset, dtype=[np.float64, np.float32])
        if self.places < 1 or values.shape[1] % self.places:
            raise FeatureError(
                f"places={self.places} does not divide {values.shape[1]} features into channels"
            )
        channels: NDArray[Any] = values.reshape(len(values), -1, self.places)
        return channels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
