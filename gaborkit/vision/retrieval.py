"""Texture retrieval: which pictures of a collection look like this one (Manjunath and Ma, 1996)."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import __version__
from ..errors import FeatureError
from ..features.base import Descriptor
from ..features.descriptors import from_dict, to_dict
from ..features.file_features import Colour, Described, describe_files
from ..features.table import Features
from ..features.table_files import read_table, write_table
from ..features.texture import Texture, texture_distances
from ..io.files import StrPath
from ..types import Array, RealArray
from ..whole_numbers import is_whole

#: Deviation of a feature, as a share of its largest value, below which pictures do not differ.
ROUNDING = 1e-6


class Match(NamedTuple):
    """A picture that was found.

    Attributes
    ----------
    picture : str
        Its name.
    distance : float
        Sum over the features of their differences, each in its deviations over the collection.
    """

    picture: str
    distance: float


class TextureIndex:
    """Names of pictures and their features, to be searched.

    Its file is a table of features, and any table that ``gaborkit features`` has written can be
    searched.

    Parameters
    ----------
    descriptor : Descriptor, optional
        What pictures are described by; :class:`~gaborkit.features.Texture` by default.
    colour : {"luminance", "channels"}
        What is described of colour picture files.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> index = TextureIndex()
    >>> for k in range(3):
    ...     index.add(f"noise {k}", rng.random((64, 64)))
    ...     index.add(f"stripes {k}", np.sin(rng.random() + np.arange(64)) * np.ones((64, 1)))
    >>> [match.picture[:-2] for match in index.search("stripes 0", 3)]
    ['stripes', 'stripes', 'stripes']
    """

    descriptor: Texture | Descriptor

    def __init__(
        self, descriptor: Descriptor | None = None, *, colour: Colour = "luminance"
    ) -> None:
        self.descriptor = Texture() if descriptor is None else descriptor
        self.colour = colour
        self._rows: dict[str, RealArray] = {}
        self._columns: tuple[str, ...] | None = None
        self._dtypes: set[str] = set()  # of files

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self._rows)

    def __contains__(self, picture: str) -> bool:
        return picture in self._rows

    @property
    def pictures(self) -> tuple[str, ...]:
        """Names, in the order in which they were added."""
        return tuple(self._rows)

    @property
    def values(self) -> RealArray:
        """Features (M, F) of the pictures.

        Raises
        ------
        FeatureError
            If there are none.
        """
        if not self._rows:
            raise FeatureError("the index is empty; add pictures first")
        return np.stack(list(self._rows.values()))

    # ---- pictures in ----

    def add(
        self, picture: str, image: Array | Features, *, channel_axis: int | None = None
    ) -> None:
        """Describe an image and keep its features under a name; an older one is replaced.

        Raises
        ------
        ImageError
            As :meth:`GaborBank.filter`.
        FeatureError
            If its features are not those of the other pictures.
        """
        self._rows[picture] = self._checked(self._described(image, channel_axis))

    def add_files(
        self, sources: Iterable[StrPath], *, jobs: int | None = None
    ) -> Generator[Described, None, None]:
        """Add picture files by their paths, several at a time.

        Yields
        ------
        Described
            Each as it comes; one that cannot be read has an error, and is left out.
        """
        for described in self._files(sources, jobs):
            if described.features is not None:
                try:
                    self.add(described.source, described.features)
                    self._dtypes.add(described.dtype)
                except FeatureError as error:
                    wrong = FeatureError(f"{described.source}: {error}")
                    described = Described(described.source, None, wrong)
            yield described

    # ---- search ----

    def search(
        self,
        query: str | Array | Features,
        count: int | None = None,
        *,
        channel_axis: int | None = None,
    ) -> list[Match]:
        """The most similar pictures, the nearest first.

        Parameters
        ----------
        query : str, array, tensor or Features
            A picture of the index by its name, an image, features, or else a file, as
            :func:`gaborkit.read_image` takes it.
        count : int, optional
            How many; all by default.
        channel_axis : int, optional
            Axis of an image's colour.

        Raises
        ------
        PictureError
            If a file cannot be read.
        FeatureError
            If the index is empty, the features are not those of its pictures, or ``count`` is no
            count.

        References
        ----------
        Manjunath and Ma (1996), "Texture features for browsing and retrieval of image data", IEEE
        TPAMI 18(8), 837-842, equations 9 and 10.
        """
        if count is not None and not is_whole(count, 1):
            raise FeatureError(f"count={count!r} is not a whole number of 1 or more")
        database = self.values
        if isinstance(query, str) and query in self._rows:
            wanted = self._rows[query]
        elif isinstance(query, str):
            (found,) = self._files([query], 1)
            if found.features is None:
                assert found.error is not None
                raise found.error
            wanted = self._checked(found.features)
        else:
            wanted = self._checked(self._described(query, channel_axis))
        distances = texture_distances(wanted, database, _deviation(database))
        order = np.argsort(distances, kind="stable")[:count]
        names = self.pictures
        return [Match(names[k], float(distances[k])) for k in order]

    # ---- files ----

    def save(self, path: StrPath) -> None:
        """Write the index as a table of features: .npz, .csv or .parquet.

        Raises
        ------
        FeatureError
            If the index is empty, or the file cannot be written.
        """
        values = self.values
        write_table(
            path,
            self._rows.items(),
            self._columns or (),
            dtype=values.dtype.name,
            description={
                "gaborkit": __version__,
                **to_dict(self.descriptor),
                "colour": self.colour,
                "dtypes": sorted(self._dtypes),
            },
        )

    @classmethod
    def load(cls, path: StrPath) -> Self:
        """Read an index, or a table of ``gaborkit features``.

        Raises
        ------
        FeatureError
            If the file is missing, damaged or something else, or does not say by what the pictures
            were described.
        """
        pictures, features, description = read_table(path)
        if "descriptor" not in description:
            raise FeatureError(
                f"{path}: does not say by what its pictures were described; write it again with "
                "TextureIndex.save or gaborkit features"
            )
        index = cls(from_dict(description), colour=description.get("colour", "luminance"))
        index._columns = features.names
        dtypes = description.get("dtypes", [])  # a table of features does not say them
        if not isinstance(dtypes, list) or not all(isinstance(dtype, str) for dtype in dtypes):
            raise FeatureError(f"{path}: its dtypes are no list of names; give an intact index")
        index._dtypes = set(dtypes)
        index._rows = dict(zip(pictures, features.to_numpy(), strict=True))
        return index

    def _files(self, sources: Iterable[StrPath], jobs: int | None) -> Iterator[Described]:
        options: dict[str, Any] = {"colour": self.colour, "jobs": jobs, "dtypes": self._dtypes}
        return describe_files(self.descriptor, sources, **options)

    def _described(self, image: Array | Features, channel_axis: int | None) -> Features:
        if isinstance(image, Features):
            return image
        return self.descriptor.describe(image, channel_axis=channel_axis)

    def _checked(self, features: Features) -> RealArray:
        """The values of one picture, of the same features as the others."""
        values = features.to_numpy()
        if values.ndim != 1:
            raise FeatureError(f"features of shape {values.shape} are not of one picture")
        if self._columns is None:
            self._columns = features.names
        if features.names != self._columns:
            raise FeatureError(
                f"its {len(features)} features are not the {len(self._columns)} of the index; the "
                "same number of channels would work"
            )
        return values


def retrieval_rate(values: ArrayLike, groups: Sequence[Any] | NDArray[Any]) -> float:
    """Average share of a picture's own group among the pictures that are nearest to it.

    Each picture is asked for in turn; of a group of n, the n - 1 nearest others count.

    Parameters
    ----------
    values : array (M, F)
        Features.
    groups : sequence of M
        Which texture each picture is of.

    Raises
    ------
    FeatureError
        If the numbers differ, or a group has one picture only.

    References
    ----------
    Manjunath and Ma (1996), section IV: 16 tiles of a texture, of which 15 are to be found.

    Examples
    --------
    >>> retrieval_rate([[0.0], [0.1], [5.0], [5.3]], ["a", "a", "b", "b"])
    1.0
    """
    table, members = np.asarray(values), np.asarray(groups)
    if table.ndim != 2 or len(table) != len(members):
        raise FeatureError(f"{len(members)} groups do not fit features of shape {table.shape}")
    _, kinds, sizes = np.unique(members, return_inverse=True, return_counts=True)
    if sizes.size == 0 or sizes.min() < 2:
        raise FeatureError("a group of one picture finds no other; give at least two of each")
    distances = texture_distances(table, table, _deviation(table))
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")
    shares = [np.mean(kinds[order[k, : sizes[kind] - 1]] == kind) for k, kind in enumerate(kinds)]
    return float(np.mean(shares))


def _deviation(values: RealArray) -> RealArray:
    """Of each feature; 1 where all pictures are alike, which leaves nothing to measure by."""
    spread = values.std(0)
    # What only rounding tells apart is the same.
    spread = np.where(spread > ROUNDING * np.abs(values).max(0), spread, 0)
    return spread if spread.any() else np.ones(values.shape[1])
