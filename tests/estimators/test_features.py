"""GaborFeatures: the library's descriptors in scikit-learn's pipelines."""

from __future__ import annotations

import io

import joblib
import numpy as np
import pytest
from estimators_for_tests import CLASSES, Moments, grating
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import gaborkit as gk
from gaborkit.estimators import AffinePCAClassifier, GaborFeatures
from gaborkit.features import DESCRIPTORS, Texture

rng = np.random.default_rng(0)
PICTURES = rng.random((5, 12, 16))
COLOUR = rng.random((3, 12, 16, 3))
BANK = gk.GaborBank.grid(2, 3)


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_values_and_names_are_those_of_the_descriptor(name):
    pictures = rng.random((2, 32, 32))
    expected = DESCRIPTORS[name]().describe(pictures)
    step = GaborFeatures(name)
    assert_allclose(step.fit_transform(pictures), expected.values, rtol=1e-10, atol=1e-12)
    assert tuple(step.get_feature_names_out()) == expected.names


def test_rows_are_read_as_pictures():
    expected = Texture(BANK).describe(PICTURES).values
    rows = PICTURES.reshape(5, -1)
    step = GaborFeatures(bank=BANK, image_shape=(12, 16)).fit(rows)
    assert_allclose(step.transform(rows), expected)
    assert_allclose(step.transform(PICTURES), expected)
    assert step.n_features_in_ == 12 * 16


def test_rows_of_no_shape_are_squares_or_lines():
    assert GaborFeatures(Moments()).fit(np.ones((2, 25))).image_shape_ == (5, 5)
    assert GaborFeatures(Moments()).fit(np.ones((2, 24))).image_shape_ == (1, 24)


@pytest.mark.parametrize("axis", [-1, 2, -3, 0, 1])
def test_colour_in_any_place(axis):
    expected = Moments().describe(COLOUR, channel_axis=-1)
    pictures = np.moveaxis(COLOUR, -1, axis + 1 if axis >= 0 else axis)
    step = GaborFeatures(Moments(), channel_axis=axis).fit(pictures)
    assert_allclose(step.transform(pictures), expected.values)
    assert tuple(step.get_feature_names_out()) == expected.names
    flat = GaborFeatures(Moments(), image_shape=pictures.shape[1:], channel_axis=axis)
    assert_allclose(flat.fit_transform(pictures.reshape(3, -1)), expected.values)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_precision_is_that_of_the_descriptor(dtype):
    pictures = (200 * PICTURES).astype(dtype)
    expected = Texture().describe(pictures).values
    found = GaborFeatures().fit_transform(pictures)
    assert found.dtype == expected.dtype
    assert_array_equal(found, expected)


@pytest.mark.parametrize("options", [{"batch": 2}, {"n_jobs": 2}, {"n_jobs": 2, "batch": 100}])
def test_batches_and_jobs_change_nothing(options):
    step = GaborFeatures(Moments(), **options)
    with joblib.parallel_config("threading"):
        assert_allclose(step.fit_transform(PICTURES), Moments().describe(PICTURES).values)


def test_clone_and_joblib():
    step = GaborFeatures(bank=BANK, batch=3).fit(PICTURES)
    assert clone(step).get_params() == step.get_params()
    stream = io.BytesIO()
    joblib.dump(step, stream)
    stream.seek(0)
    assert_array_equal(joblib.load(stream).transform(PICTURES), step.transform(PICTURES))


def test_pandas_output_has_the_names():
    frame = GaborFeatures(Moments()).set_output(transform="pandas").fit_transform(PICTURES)
    assert list(frame.columns) == ["mean", "power 2"]


def test_search_over_descriptors_in_a_pipeline():
    pictures = np.stack([grating(name, k) for name in CLASSES for k in range(4)])
    labels = np.repeat(list(CLASSES), 4)
    pipeline = make_pipeline(GaborFeatures(), AffinePCAClassifier(0))
    search = GridSearchCV(pipeline, {"gaborfeatures__features": [Moments(), Texture()]}, cv=2)
    search.fit(pictures.reshape(12, -1), labels)
    assert search.best_params_ == {"gaborfeatures__features": Texture()}
    assert search.best_score_ == 1


@pytest.mark.parametrize(
    ("parameters", "pictures", "message"),
    [
        ({"features": "haralick"}, PICTURES, "descriptor 'haralick' is unknown"),
        ({"features": 3}, PICTURES, "features=3 is neither the name of a descriptor nor one"),
        ({"features": Texture(), "bank": BANK}, PICTURES, "give the descriptor its own bank"),
        ({"batch": 0}, PICTURES, "batch=0 is no count of pictures"),
        ({"image_shape": (3, 3)}, np.ones((2, 10)), r"\(3, 3\) does not fit pictures of 10 values"),
        ({"image_shape": (16, 12)}, PICTURES, r"does not fit pictures of shape \(12, 16\)"),
        ({}, COLOUR, "do not go with channel_axis=None"),
        ({"channel_axis": -1}, PICTURES, "do not go with channel_axis=-1"),
        ({"channel_axis": 3}, COLOUR, "do not go with channel_axis=3"),
    ],
)
def test_what_does_not_fit(parameters, pictures, message):
    with pytest.raises(gk.FeatureError, match=message):
        GaborFeatures(**parameters).fit(pictures)


def test_pictures_of_another_shape():
    step = GaborFeatures(Moments()).fit(PICTURES)
    with pytest.raises(gk.FeatureError, match=r"\(16, 12\) are not of the shape \(12, 16\)"):
        step.transform(PICTURES.swapaxes(1, 2))
