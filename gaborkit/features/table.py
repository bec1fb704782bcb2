"""Features: values with a name each, and the tables that other libraries make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FeatureError
from ..filtering.backend import library_of
from ..types import Array

if TYPE_CHECKING:
    import pandas
    import xarray


@dataclass(frozen=True, eq=False)
class Features:
    """Values and their names.

    Parameters
    ----------
    values : array or tensor (..., F) or (..., F, H, W)
        Of a picture as a whole, or of each pixel (maps).
    names : sequence of str
        F of them, all different.
    maps : bool
        Whether there is a value for each pixel.

    Raises
    ------
    FeatureError
        If the names do not fit the values, or one comes twice.

    Examples
    --------
    >>> features = Features(np.array([[1.0, 2.0], [3.0, 4.0]]), ("mean", "deviation"))
    >>> features["mean"]
    array([1., 3.])
    >>> features.shape, len(features)
    ((2, 2), 2)
    """

    values: Array
    names: tuple[str, ...]
    maps: bool = False

    def __init__(self, values: Array, names: Sequence[str], *, maps: bool = False) -> None:
        names, shape = tuple(names), tuple(np.shape(values))
        axis = -3 if maps else -1
        if len(shape) < -axis or shape[axis] != len(names):
            wanted = "(..., F, H, W)" if maps else "(..., F)"
            raise FeatureError(
                f"{len(names)} names do not fit values of shape {shape}, read as {wanted}"
            )
        twice = {name for name in names if names.count(name) > 1} if _repeated(names) else ()
        if twice:
            raise FeatureError(f"the name {min(twice)!r} comes twice; names must differ")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "maps", maps)

    def __len__(self) -> int:
        """Count the features."""
        return len(self.names)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the values."""
        return tuple(self.values.shape)

    def __getitem__(self, name: str) -> Array:
        """Values of one feature, (...) or (..., H, W).

        Raises
        ------
        FeatureError
            If there is none of that name.
        """
        if name not in self.names:
            raise FeatureError(
                f"there is no feature {name!r}; the {len(self)} are {_some(self.names)}"
            )
        index = self.names.index(name)
        return self.values[..., index, :, :] if self.maps else self.values[..., index]

    def __repr__(self) -> str:
        kind = "maps" if self.maps else "values"
        return f"Features({kind} {self.shape}: {_some(self.names)})"

    def to_numpy(self) -> np.ndarray[Any, Any]:
        """The values as an array in memory; a tensor's gradients are left behind."""
        if library_of(self.values).name == "torch":
            array: np.ndarray[Any, Any] = self.values.detach().cpu().numpy()
            return array
        return np.asarray(self.values)

    def to_pandas(self, index: Sequence[Any] | None = None) -> pandas.DataFrame:
        """A table with a column for each feature (needs pandas).

        Parameters
        ----------
        index : sequence, optional
            A label for each picture.

        Returns
        -------
        pandas.DataFrame
            A row for each picture, of which there may be several axes; of maps, a row for each
            pixel, indexed by ``y`` and ``x``, and by the picture in front where there are several.

        Raises
        ------
        FeatureError
            If the index is not as long as there are pictures.

        Examples
        --------
        >>> Features(np.ones((2, 1)), ["mean"]).to_pandas(index=["a.png", "b.png"]).loc["b.png"]
        mean    1.0
        Name: b.png, dtype: float64
        """
        import pandas

        values = self.to_numpy()
        if not self.maps:
            rows = values.reshape(-1, len(self))
            self._check_index(index, len(rows))
            return pandas.DataFrame(rows, index=index, columns=list(self.names))
        height, width = values.shape[-2:]
        pictures = values.reshape(-1, len(self), height, width)
        self._check_index(index, len(pictures))
        levels = {"y": range(height), "x": range(width)}
        if index is not None or values.ndim > 3:
            labels = range(len(pictures)) if index is None else index
            levels = {"picture": labels, **levels}  # type: ignore[dict-item]
        rows = np.moveaxis(pictures, 1, -1).reshape(-1, len(self))
        pixels = pandas.MultiIndex.from_product(list(levels.values()), names=list(levels))
        return pandas.DataFrame(rows, index=pixels, columns=list(self.names))

    def to_xarray(self, index: Sequence[Any] | None = None) -> xarray.DataArray:
        """A labelled array (needs xarray).

        Its dimensions are ``feature``, with the names as coordinates, ``y`` and ``x`` of maps, and
        in front ``picture`` where there is one axis of pictures, or ``axis_0``, ``axis_1``, ...

        Parameters
        ----------
        index : sequence, optional
            A label for each picture along one axis of pictures.

        Raises
        ------
        FeatureError
            If the index does not fit.

        Examples
        --------
        >>> Features(np.ones((3, 2)), ["mean", "deviation"]).to_xarray().sel(feature="mean").shape
        (3,)
        """
        import xarray

        values = self.to_numpy()
        dimensions = ["feature", "y", "x"] if self.maps else ["feature"]
        leading = values.ndim - len(dimensions)
        front = ["picture"] if leading == 1 else [f"axis_{k}" for k in range(leading)]
        coordinates: dict[str, Any] = {"feature": list(self.names)}
        if index is not None:
            if leading != 1:
                raise FeatureError(
                    f"an index labels one axis of pictures, and values of shape {self.shape} have "
                    f"{leading}; leave it out"
                )
            self._check_index(index, len(values))
            coordinates["picture"] = list(index)
        return xarray.DataArray(values, dims=[*front, *dimensions], coords=coordinates)

    def _check_index(self, index: Sequence[Any] | None, count: int) -> None:
        if index is not None and len(index) != count:
            raise FeatureError(f"an index of {len(index)} labels does not fit {count} pictures")


def concatenate(parts: Sequence[Features], prefixes: Sequence[str] | None = None) -> Features:
    """Features of the same pictures side by side.

    Parameters
    ----------
    parts : sequence of Features
        Of one library, alike but for the axis of features.
    prefixes : sequence of str, optional
        Put before the names of each part.

    Raises
    ------
    FeatureError
        If there are none, they do not fit, or two features then share a name.

    Examples
    --------
    >>> one = Features(np.ones((5, 1)), ["mean"])
    >>> concatenate([one, one], ["red ", "green "]).names
    ('red mean', 'green mean')
    """
    if not parts:
        raise FeatureError("there are no features to be put side by side; give at least one")
    axis = -3 if parts[0].maps else -1

    def others(part: Features) -> list[int]:
        shape = list(part.shape)
        del shape[axis]
        return shape

    for part in parts[1:]:
        if part.maps != parts[0].maps or others(part) != others(parts[0]):
            raise FeatureError(
                f"features of shapes {parts[0].shape} and {part.shape} do not fit side by side"
            )
    if prefixes is not None and len(prefixes) != len(parts):
        raise FeatureError(f"{len(prefixes)} prefixes do not fit {len(parts)} features")
    before = [""] * len(parts) if prefixes is None else prefixes
    names = [b + name for b, part in zip(before, parts, strict=True) for name in part.names]
    library = library_of(parts[0].values)
    values = library.concatenate([part.values for part in parts], axis)
    return Features(values, names, maps=parts[0].maps)


def _repeated(names: tuple[str, ...]) -> bool:
    return len(set(names)) < len(names)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:3])}, ... {names[-1]}"
