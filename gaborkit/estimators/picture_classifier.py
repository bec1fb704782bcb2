"""Classify picture files: a descriptor, a scale for its values, and a classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import skimage
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline

from ..errors import FeatureError, StoreError
from ..features import Described, Descriptor, describe_files
from ..io.files import StrPath
from ..io.pictures.folders import warn_of_others
from ..io.pictures.formats import FORMATS, suffix_of
from ..types import Array
from .affine import AffinePCAClassifier
from .scaling import ChannelScaler
from .support import SupportVectorClassifier
from .whitening import WithinClassWhitener


class Method(NamedTuple):
    """How a classifier is made, the arrays it predicts from, and whether features are whitened."""

    make: Callable[[], ClassifierMixin]
    arrays: tuple[str, ...]
    whitened: bool = False


#: Classifiers whose fitted state is a few arrays with a plain meaning. Affine spaces choose their
#: dimension by examples that a whitener would have seen.
METHODS: dict[str, Method] = {
    "svm": Method(
        SupportVectorClassifier,
        ("gamma_", "support_vectors_", "coefficients_", "intercepts_"),
        whitened=True,
    ),
    "affine": Method(AffinePCAClassifier, ("means_", "components_")),
    "linear": Method(lambda: LogisticRegression(max_iter=10_000), ("coef_", "intercept_")),
}

#: Share of the variance in whose directions features are whitened: the rest is rounding.
VARIANCE = 0.9999

Progress = Callable[[int, int, Described], object]


@dataclass(frozen=True)
class Resized(Descriptor):
    """A descriptor of pictures that are first brought to one size, whatever their proportions.

    Parameters
    ----------
    descriptor : Descriptor
    size : int
        Pixels a side.

    Examples
    --------
    >>> from gaborkit.features import Gist
    >>> Resized(Gist(), 64).describe(np.zeros((30, 50))).shape == Gist().describe(
    ...     np.zeros((64, 64))
    ... ).shape
    True
    """

    descriptor: Descriptor
    size: int

    def names(self, shape: tuple[int, int]) -> tuple[str, ...]:
        """Those of pictures of the size."""
        return self.descriptor.names((self.size, self.size))

    def values(self, planes: Array, inside: NDArray[np.bool_] | None = None) -> Array:
        """Values of NumPy pictures (..., H, W), bilinear and without aliasing."""
        shape = (*planes.shape[:-2], self.size, self.size)
        resized = skimage.transform.resize(planes, shape, anti_aliasing=True)
        if inside is None:
            return self.descriptor.values(resized)
        # Of a pixel that is in part inside, the half that is more.
        shares = skimage.transform.resize(inside.astype(float), shape[-2:], anti_aliasing=True)
        return self.descriptor.values(resized, shares >= min(0.5, shares.max()))


class Predicted(NamedTuple):
    """What a picture was taken for, or what was wrong with it.

    Attributes
    ----------
    source : str
    label : str, optional
    scores : array (C,), optional
        One for each class, the largest for ``label``; they compare classes of one picture.
    error : Exception, optional
        Starts with the name of the file.
    """

    source: str
    label: str | None
    scores: NDArray[Any] | None
    error: Exception | None


@dataclass(frozen=True, eq=False)
class Preparation:
    """What is done to features before a classifier sees them.

    Attributes
    ----------
    scale : array (F,)
        That each feature is divided by.
    origin : array (F,), optional
    whitening : array (F, K), optional
        What scaled features, less the origin, are multiplied by.
    """

    scale: NDArray[Any]
    origin: NDArray[Any] | None = None
    whitening: NDArray[Any] | None = None

    def __call__(self, values: NDArray[Any]) -> NDArray[Any]:
        """Features (N, F) made ready, (N, F) or (N, K)."""
        scaled: NDArray[Any] = values / self.scale
        return scaled if self.whitening is None else (scaled - self.origin) @ self.whitening


@dataclass(frozen=True, eq=False)
class PictureClassifier:
    """A fitted classifier of picture files.

    Attributes
    ----------
    descriptor : Descriptor
    size : int, optional
        Pixels a side that pictures are brought to; None leaves them as they are.
    names : tuple of str
        Of the features.
    preparation : Preparation
    method : str
        In :data:`METHODS`.
    classifier : scikit-learn classifier
        Of prepared features; ``classes_`` are names.
    dtypes : tuple of str
        Of the pictures that it learned from, see :class:`Described`.
    """

    descriptor: Descriptor
    size: int | None
    names: tuple[str, ...]
    preparation: Preparation
    method: str
    classifier: Any
    dtypes: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, sorted."""
        return tuple(map(str, self.classifier.classes_))

    def predict(
        self, sources: Iterable[StrPath], *, jobs: int | None = None
    ) -> Iterator[Predicted]:
        """Classify picture files one after the other.

        Yields
        ------
        Predicted
            A picture that cannot be read or described has an error in place of a class.
        """
        descriptor = _sized(self.descriptor, self.size)
        for described in describe_files(descriptor, sources, jobs=jobs, dtypes=self.dtypes):
            if described.features is None:
                yield Predicted(described.source, None, None, described.error)
            elif described.features.names != self.names:
                yield Predicted(described.source, None, None, _unlike(described, len(self.names)))
            else:
                values = self.preparation(described.features.to_numpy()[None])
                scores = self.classifier.decision_function(values)
                if scores.ndim == 1:  # of two classes: how much the second is preferred
                    scores = np.stack([-scores, scores], 1)
                yield Predicted(described.source, self.classes[scores[0].argmax()], scores[0], None)


class Trained(NamedTuple):
    """What :func:`train_on_folder` made.

    Attributes
    ----------
    model : PictureClassifier
    counts : dict of str to int
        Pictures of each class that it was fitted to.
    confusion : array (C, C) of int, optional
        In cross-validation: rows are what the pictures are, columns what they were taken for.
    folds : int
        Of the cross-validation; 0 without.
    failed : tuple of Described
        Pictures that were left out, with their errors.
    """

    model: PictureClassifier
    counts: Mapping[str, int]
    confusion: NDArray[np.int64] | None
    folds: int
    failed: tuple[Described, ...]

    @property
    def accuracy(self) -> float | None:
        """Share of right answers in cross-validation."""
        if self.confusion is None:
            return None
        return float(self.confusion.trace() / self.confusion.sum())


def train_on_folder(
    folder: StrPath,
    descriptor: Descriptor,
    *,
    method: str = "svm",
    size: int | None = None,
    folds: int = 5,
    seed: int = 0,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Learn to classify pictures from a folder whose subfolders are the classes.

    Parameters
    ----------
    folder : path
        Pictures may lie deeper than in the subfolders. Hidden files are passed over; a warning
        names other formats, and what lies beside the subfolders.
    descriptor : Descriptor
        Of luminance.
    method : str
        In :data:`METHODS`.
    size : int, optional
        Bring pictures to so many pixels a side, for descriptors whose values depend on the size.
    folds : int
        Of the cross-validation, fewer if a class has fewer pictures; 0 for none.
    seed : int
        Of the choice of folds.
    jobs : int, optional
        Pictures that are described at a time; one for each core by default.
    progress : callable, optional
        Called with the number of pictures done, of all, and the last one.

    Returns
    -------
    Trained

    Raises
    ------
    FeatureError
        If an option is out of range, there are fewer than two classes of pictures that can be read,
        the features of two pictures differ in number, or those of all pictures are equal.
    StoreError
        If the folder cannot be read.
    """
    if method not in METHODS:
        raise FeatureError(f"method={method!r} is unknown; choose one of {', '.join(METHODS)}")
    for name, value, least in (("size", size, 1), ("folds", folds, 0)):
        if value is not None and value < least:
            raise FeatureError(f"{name}={value} is out of range; give {least} or more")
    if folds == 1:
        raise FeatureError("folds=1 leaves nothing to learn from; give 2 or more, or 0 for none")
    labelled = _labelled(Path(folder))
    rows, labels, failed, names = [], [], [], None
    dtypes = set()
    features = describe_files(_sized(descriptor, size), [path for path, _ in labelled], jobs=jobs)
    for number, (described, (_, label)) in enumerate(zip(features, labelled, strict=True), 1):
        if progress is not None:
            progress(number, len(labelled), described)
        if described.features is None:
            failed.append(described)
            continue
        names = names or described.features.names
        if described.features.names != names:
            raise _unlike(described, len(names))
        rows.append(described.features.to_numpy())
        labels.append(label)
        dtypes.add(described.dtype)
    counts = {label: labels.count(label) for label in sorted(set(labels))}
    if names is None or len(counts) < 2:
        why = f"; the first error is {failed[0].error}" if failed else ""
        raise FeatureError(
            f"{folder}: has pictures of {len(counts)} classes that can be described; two or more "
            f"subfolders of pictures work{why}"
        )
    values, members = np.stack(rows), np.array(labels)
    if (values == values[0]).all():
        raise FeatureError(f"{folder}: the features of all pictures are equal; give other features")
    folds = min(folds, *counts.values())
    folds = folds if folds > 1 else 0
    confusion = None
    if folds:
        splits = StratifiedKFold(folds, shuffle=True, random_state=seed % 2**32)
        with np.errstate(invalid="ignore"):  # of components of a fold whose pictures are all equal
            guesses = cross_val_predict(_pipeline(method), values, members, cv=splits)
        confusion = confusion_matrix(members, guesses, labels=list(counts))
    fitted = _pipeline(method).fit(values, members)
    preparation, classifier = _preparation(fitted), fitted["classifier"]
    model = PictureClassifier(
        descriptor, size, names, preparation, method, classifier, tuple(sorted(dtypes))
    )
    return Trained(model, counts, confusion, folds, tuple(failed))


def _pipeline(method: str) -> Pipeline:
    """From features to classes, all of which cross-validation fits anew."""
    make = METHODS[method]
    steps: list[tuple[str, Any]] = [("scaler", ChannelScaler())]
    if make.whitened:
        steps.append(("components", PCA(VARIANCE, svd_solver="full")))
        steps.append(("whitener", WithinClassWhitener()))
    return Pipeline([*steps, ("classifier", make.make())])


def _preparation(fitted: Pipeline) -> Preparation:
    """The steps before the classifier as arrays."""
    scale = fitted["scaler"].scale_
    if "whitener" not in fitted.named_steps:
        return Preparation(scale)
    components, whitener = fitted["components"], fitted["whitener"]
    return Preparation(scale, components.mean_, components.components_.T @ whitener.whitening_)


def _sized(descriptor: Descriptor, size: int | None) -> Descriptor:
    return descriptor if size is None else Resized(descriptor, size)


def _unlike(described: Described, count: int) -> FeatureError:
    features = cast("Any", described.features)
    return FeatureError(
        f"{described.source}: its {len(features)} features are not the {count} of the other "
        "pictures; a size brings all pictures to one"
    )


def _labelled(folder: Path) -> list[tuple[Path, str]]:
    """Pictures with the names of the subfolders that they lie in."""
    try:
        classes = [path for path in sorted(folder.iterdir()) if path.is_dir()]
        files = [
            (path, folder_of_class.name)
            for folder_of_class in classes
            if not folder_of_class.name.startswith(".")
            for path in sorted(folder_of_class.rglob("*"))
            if not path.name.startswith(".") and path.is_file()
        ]
        loose = [path for path in folder.iterdir() if path.is_file()]
    except OSError as cause:
        raise StoreError(f"{folder}: cannot be read ({cause.strerror or cause})") from cause
    labelled = [(path, label) for path, label in files if suffix_of(path) in FORMATS]
    others = {path for path, _ in files} - {path for path, _ in labelled}
    # Of no class is what lies beside the subfolders.
    unlabelled = {path for path in loose if suffix_of(path) in FORMATS}
    taken = [f"subfolder/*{suffix}" for suffix in FORMATS]
    warn_of_others(
        folder, unlabelled, taken, "each in a subfolder named after its class would work"
    )
    warn_of_others(folder, {*loose, *others} - unlabelled, taken)
    return labelled
