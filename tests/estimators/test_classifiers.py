"""Affine spaces, support vectors, scales and whitening, against definitions and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.svm import SVC

from gaborkit import FeatureError
from gaborkit.estimators import (
    AffinePCAClassifier,
    ChannelScaler,
    SupportVectorClassifier,
    WithinClassWhitener,
)
from gaborkit.estimators.affine import DIMENSIONS

X, Y = load_digits(return_X_y=True)
TRAIN, TEST = slice(0, 400), slice(400, 700)

# ---- affine spaces ----


@pytest.mark.parametrize("dimension", [0, 1, 7])
@pytest.mark.parametrize("count", [120, 1700])  # fewer and more examples a class than features
def test_distances_are_those_of_principal_components(dimension, count):
    model = AffinePCAClassifier(dimension).fit(X[:count], Y[:count])
    distances = model.distances(X[-50:])
    for c in range(10):
        pca = PCA(max(dimension, 1)).fit(X[:count][Y[:count] == c])
        nearest = pca.inverse_transform(pca.transform(X[-50:])) if dimension else pca.mean_
        assert_allclose(distances[:, c], ((X[-50:] - nearest) ** 2).sum(1), rtol=1e-9)
    assert_array_equal(model.predict(X[-50:]), distances.argmin(1))


@given(st.integers(0, 12), st.integers(1, 30), st.integers(0, 10**6))
def test_components_are_orthonormal_and_examples_of_few_lie_in_their_space(dimension, count, seed):
    rng = np.random.default_rng(seed)
    examples = rng.normal(size=(2 * count, 9)).astype(np.float32)
    model = AffinePCAClassifier(dimension).fit(examples, np.arange(2 * count) % 2)
    kept = min(dimension, count - 1, 8)
    assert model.components_.shape == (2, kept, 9)
    assert model.components_.dtype == np.float32
    for rows in model.components_:
        assert_allclose(rows @ rows.T, np.eye(kept), atol=1e-5)
    if dimension >= count - 1 and count <= 9:  # every example of a class is in its span
        own = model.distances(examples)[np.arange(2 * count), np.arange(2 * count) % 2]
        assert_allclose(own, 0, atol=1e-4)


def test_components_of_a_class_that_varies_less():
    examples = np.zeros((6, 4))
    examples[3:, 0], examples[3:, 1] = [1, 2, 3], 5
    model = AffinePCAClassifier(2).fit(examples, [0] * 3 + [1] * 3)
    assert_array_equal(model.components_[0], 0)
    assert_allclose(abs(model.components_[1]), [[1, 0, 0, 0], [0, 0, 0, 0]], atol=1e-12)


def test_the_dimension_of_least_errors_is_chosen():
    tried = (0, 2, 5, 9, 14)
    model = AffinePCAClassifier(dimensions=tried).fit(X[TRAIN], Y[TRAIN])
    best = np.flatnonzero(model.errors_ == model.errors_.min())
    assert model.dimension_ == tried[best[-1]]
    assert model.dimension_ > 0
    # The same by scikit-learn's own loop, fitting anew for each dimension.
    scores = [cross_val_score(AffinePCAClassifier(d), X[TRAIN], Y[TRAIN], cv=5) for d in tried]
    assert_allclose(model.errors_, 1 - np.mean(scores, 1))
    means = AffinePCAClassifier(0).fit(X[TRAIN], Y[TRAIN])
    assert model.score(X[TEST], Y[TEST]) > means.score(X[TEST], Y[TEST])


def test_examples_that_belong_together_are_left_out_together():
    tried, groups = (0, 5, 14), np.arange(400) // 80
    parts = GroupKFold(5).split(X[TRAIN], Y[TRAIN], groups)
    model = AffinePCAClassifier(dimensions=tried, cv=parts).fit(X[TRAIN], Y[TRAIN])
    scores = [
        cross_val_score(AffinePCAClassifier(d), X[TRAIN], Y[TRAIN], groups=groups, cv=GroupKFold(5))
        for d in tried
    ]
    assert_allclose(model.errors_, 1 - np.mean(scores, 1))
    halves = np.arange(400) < 200
    by_masks, by_places = (
        AffinePCAClassifier(dimensions=tried, cv=cv).fit(X[TRAIN], Y[TRAIN]).errors_
        for cv in (
            [(halves, ~halves)],
            [(np.flatnonzero(halves), np.flatnonzero(~halves))],
        )
    )
    assert_array_equal(by_masks, by_places)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "leaves nothing out"),
        ([(np.arange(100), np.arange(0))], "leaves nothing out"),
        ([(np.flatnonzero(Y[TRAIN] != 3), np.arange(9))], "no example of class 3 to learn from"),
    ],
)
def test_parts_that_nothing_can_be_chosen_by(parts, message):
    with pytest.raises(FeatureError, match=message):
        AffinePCAClassifier(cv=parts).fit(X[TRAIN], Y[TRAIN])


def test_default_dimensions_are_chosen_by_errors_smoothed_over_neighbours():
    model = AffinePCAClassifier().fit(X[TRAIN], Y[TRAIN])
    e = model.errors_
    smooth = [e[max(k - 1, 0)] + 2 * e[k] + e[min(k + 1, len(e) - 1)] for k in range(len(e))]
    best = max(k for k in range(len(e)) if smooth[k] <= min(smooth) + 1e-12)
    largest = np.bincount(Y[TRAIN]).max() - 1
    assert model.dimension_ == min(DIMENSIONS[best], largest)


def test_a_bent_class_has_several_spaces():
    turn = np.random.default_rng(0).uniform(0, np.pi, 400)
    rings = np.stack([np.cos(turn), np.sin(turn)], 1) * np.repeat([1.0, 1.15], 200)[:, None]
    inside = np.repeat([True, False], 200)
    scores = [
        AffinePCAClassifier(1, spaces=spaces).fit(rings, inside).score(rings, inside)
        for spaces in (1, 12)
    ]
    assert scores[0] < 0.8
    assert scores[1] > 0.95


def test_distances_of_several_spaces_are_those_of_the_nearest():
    model = AffinePCAClassifier(3, spaces=2).fit(X[TRAIN], Y[TRAIN])
    assert model.components_.shape == (20, 3, 64)
    each = [
        ((X[TEST] - mean) ** 2).sum(1) - (((X[TEST] - mean) @ rows.T) ** 2).sum(1)
        for mean, rows in zip(model.means_, model.components_, strict=True)
    ]
    nearest = np.min([each[::2], each[1::2]], 0).T
    assert_allclose(model.distances(X[TEST]), nearest)
    chosen = AffinePCAClassifier(dimensions=(2, 6), spaces=2).fit(X[TRAIN], Y[TRAIN])
    assert chosen.errors_.max() < 0.2


@pytest.mark.parametrize("spaces", [1, 2])
def test_distances_of_fewer_dimensions(spaces):
    model = AffinePCAClassifier(9, spaces=spaces).fit(X[TRAIN], Y[TRAIN])
    tried = (0, 4, 9, 20)
    distances = model.distances(X[TEST], tried)
    for dimension, found in zip(tried, distances, strict=True):
        own = AffinePCAClassifier(min(dimension, 9), spaces=spaces).fit(X[TRAIN], Y[TRAIN])
        assert_allclose(found, own.distances(X[TEST]), atol=1e-9)
    assert model.distances(X[TEST], ()).shape == (0, 300, 10)
    with pytest.raises(FeatureError, match=r"dimensions \(3, -1\) are below 0"):
        model.distances(X[TEST], (3, -1))


def test_more_spaces_than_examples():
    examples = np.array([[0.0, 0.0], [0.0, 0.0], [3.0, 0.0], [4.0, 0.0]])
    model = AffinePCAClassifier(1, spaces=3).fit(examples, [0, 0, 1, 1])
    assert model.means_.shape == (6, 2)
    assert_array_equal(model.predict(examples), [0, 0, 1, 1])


def test_a_single_example_of_a_class_leaves_the_mean():
    model = AffinePCAClassifier().fit([[0.0, 1.0], [0.0, 2.0], [5.0, 5.0]], ["a", "a", "b"])
    assert model.components_.shape == (2, 1, 2)
    assert_array_equal(model.components_[1], 0)
    assert_array_equal(model.predict([[0.0, 9.0], [4.0, 4.0]]), ["a", "b"])


def test_two_classes_have_one_decision():
    own = Y[TRAIN] < 2
    model = AffinePCAClassifier(3).fit(X[TRAIN][own], Y[TRAIN][own])
    decision = model.decision_function(X[TEST])
    assert decision.shape == (300,)
    assert_array_equal(decision > 0, model.predict(X[TEST]) == 1)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dimension": -1}, r"dimensions \(-1,\) are none, or below 0"),
        ({"dimensions": ()}, r"dimensions \(\) are none"),
        ({"cv": 1}, "cv=1 folds are too few"),
        ({"spaces": 0}, "spaces=0 are too few"),
    ],
)
def test_affine_parameters_out_of_range(parameters, message):
    with pytest.raises(FeatureError, match=message):
        AffinePCAClassifier(**parameters).fit(X[TRAIN], Y[TRAIN])


# ---- support vectors ----


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize(("penalty", "gamma"), [(1.0, None), (10.0, 0.001)])
def test_support_vectors_are_those_of_libsvm(classes, penalty, gamma):
    own = Y[TRAIN] < classes
    examples, labels = X[TRAIN][own], Y[TRAIN][own]
    reference = SVC(C=penalty, gamma="scale" if gamma is None else gamma).fit(examples, labels)
    model = SupportVectorClassifier(penalty, gamma=gamma).fit(examples, labels)
    assert_allclose(model.gamma_, reference._gamma)
    assert_array_equal(model.support_, np.sort(reference.support_))
    assert_array_equal(model.support_vectors_, examples[model.support_])
    # libsvm stops at a tolerance of 1e-3, within which a vote may go either way.
    test = X[TEST][Y[TEST] < classes]
    apart = abs(model.decision_function(test) - reference.decision_function(test))
    assert np.mean(apart > 5e-3) < 0.01
    assert np.mean(model.predict(test) == reference.predict(test)) > 0.99


@pytest.mark.parametrize("working", [2, 10, 40])
def test_machines_of_a_part_of_the_examples_are_those_of_all(working, monkeypatch):
    whole = SupportVectorClassifier().fit(X[TRAIN], Y[TRAIN])
    monkeypatch.setattr("gaborkit.estimators.support.WORKING", working)
    part = SupportVectorClassifier().fit(X[TRAIN], Y[TRAIN])
    decision = part.decision_function(X[TEST])
    assert np.mean(abs(decision - whole.decision_function(X[TEST])) > 5e-3) < 0.01
    # libsvm's tolerance decides on a few.
    assert abs(len(part.support_vectors_) - len(whole.support_vectors_)) < 10


def test_single_precision_is_kept_and_close():
    double = SupportVectorClassifier().fit(X[TRAIN], Y[TRAIN])
    single = SupportVectorClassifier().fit(X[TRAIN].astype(np.float32), Y[TRAIN])
    assert single.support_vectors_.dtype == single.coefficients_.dtype == np.float32
    decision = single.decision_function(X[TEST].astype(np.float32))
    assert np.mean(abs(decision - double.decision_function(X[TEST])) > 5e-3) < 0.01


@pytest.mark.parametrize(
    ("parameters", "labels", "message"),
    [
        ({"C": 0}, Y[TRAIN], "C=0 is out of range"),
        ({"gamma": -1}, Y[TRAIN], "gamma=-1 is out of range"),
        ({}, np.ones(400), "all examples are of one class, 1.0; give two"),
    ],
)
def test_support_vectors_of_what_does_not_fit(parameters, labels, message):
    with pytest.raises(FeatureError, match=message):
        SupportVectorClassifier(**parameters).fit(X[TRAIN], labels)


# ---- scales ----


@pytest.mark.parametrize("by", ["deviation", "max"])
def test_channels_have_one_scale_each(by):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20, 3, 4)) * np.array([1.0, 10.0, 0.1])[:, None] + 2
    scaled = ChannelScaler(4, by=by).fit_transform(values.reshape(20, 12)).reshape(20, 3, 4)
    measure = scaled.std((0, 2)) if by == "deviation" else abs(scaled).max((0, 2))
    assert_allclose(measure, 1)
    ratio = scaled / values
    assert_allclose(ratio, np.broadcast_to(ratio[:1, :, :1], ratio.shape))


def test_a_channel_without_deviation_stays():
    values = np.full((7, 2), 0.1, np.float32)
    values[:, 1] = 0
    assert_array_equal(ChannelScaler().fit_transform(values), values)
    assert_array_equal(ChannelScaler(by="max").fit_transform(values), [[1, 0]] * 7)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"by": "mean"}, "by='mean' is unknown"),
        ({"places": 5}, "places=5 does not divide 64 features"),
        ({"places": 0}, "places=0 does not divide"),
    ],
)
def test_scales_out_of_range(parameters, message):
    with pytest.raises(FeatureError, match=message):
        ChannelScaler(**parameters).fit(X)


# ---- whitening ----


def within(values, labels):
    """Covariance within classes."""
    means = np.stack([values[labels == label].mean(0) for label in range(10)])
    return np.cov((values - means[labels]).T, bias=True)


@given(st.floats(0.01, 1), st.floats(0.1, 100))
def test_covariance_within_classes_is_drawn_to_the_identity(shrinkage, unit):
    values = unit * X[TRAIN]
    before = within(values, Y[TRAIN])
    after = within(WithinClassWhitener(shrinkage).fit_transform(values, Y[TRAIN]), Y[TRAIN])
    mean = before.trace() / 64
    # The same directions, of variance v / ((1 - shrinkage) v + shrinkage mean).
    variances = np.linalg.eigvalsh(before).clip(0)
    expected = variances / ((1 - shrinkage) * variances + shrinkage * mean)
    assert_allclose(np.linalg.eigvalsh(after), expected, atol=1e-9)


def test_whitening_that_is_shrunk_wholly_keeps_every_proportion():
    whitener = WithinClassWhitener(1.0).fit(X[TRAIN], Y[TRAIN])
    assert_allclose(whitener.whitening_, np.eye(64) * whitener.whitening_[0, 0], atol=1e-12)
    assert within(whitener.transform(X[TRAIN]), Y[TRAIN]).trace() == pytest.approx(64)


def test_whitening_makes_up_for_a_linear_map():
    rng = np.random.default_rng(0)
    mixed = X[TRAIN][:, 20:30] @ rng.normal(size=(10, 10))
    white = [
        WithinClassWhitener(1e-12).fit_transform(values, Y[TRAIN])
        for values in (X[TRAIN][:, 20:30], mixed)
    ]
    distances = [((rows[:, None] - rows) ** 2).sum(-1) for rows in white]
    assert_allclose(*distances, rtol=1e-4, atol=1e-6)


def test_whitening_helps_where_classes_vary_more_than_they_differ():
    rng = np.random.default_rng(0)
    labels = np.arange(600) % 2
    values = rng.normal(size=(600, 2)) * [10, 0.1] + labels[:, None] * [0, 0.5]
    values = values @ [[0.8, -0.6], [0.6, 0.8]]
    kept = slice(0, 100)
    whitener = WithinClassWhitener(1e-3).fit(values[kept], labels[kept])
    scores = [
        SupportVectorClassifier(10, gamma=0.5).fit(rows[kept], labels[kept]).score(rows, labels)
        for rows in (values, whitener.transform(values))
    ]
    assert scores[0] < 0.9
    assert scores[1] > 0.97


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_classes_of_one_example_leave_everything(precision):
    values = np.eye(3, dtype=precision)
    white = WithinClassWhitener().fit_transform(values, [0, 1, 2])
    assert_array_equal(white, values)
    assert white.dtype == precision


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("unit", [1e-15, 1.0, 1e15])
def test_classes_of_equal_examples_leave_everything(precision, unit):
    rng = np.random.default_rng(0)
    values = np.repeat(unit * (rng.normal(size=(3, 10)) + 5), 3, 0).astype(precision)
    white = WithinClassWhitener().fit_transform(values, np.repeat(range(3), 3))
    assert_allclose(white, values, rtol=1e-6)


def test_a_constant_feature_has_no_variance_in_single_precision():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20_000, 2)).astype(np.float32)
    values[:, 1] = 100.1
    whitener = WithinClassWhitener(1e-3).fit(values, np.arange(20_000) % 2)
    variance = values[:, 0].astype(np.float64).var()
    assert_allclose(whitener.whitening_[1, 1], (1e-3 * variance / 2) ** -0.5, rtol=1e-3)


@pytest.mark.parametrize("shrinkage", [0, -1, 1.1, float("nan")])
def test_shrinkage_out_of_range(shrinkage):
    with pytest.raises(FeatureError, match=f"shrinkage={shrinkage} is out of range"):
        WithinClassWhitener(shrinkage).fit(X[TRAIN], Y[TRAIN])
