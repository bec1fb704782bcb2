"""Classifiers of picture files: trained on folders, written, read, and refused where damaged."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from estimators_for_tests import Rows, grating, write_gratings
from numpy.testing import assert_allclose, assert_array_equal

import gaborkit as gk
from gaborkit.estimators.classifier_store import read_classifier, write_classifier
from gaborkit.estimators.picture_classifier import METHODS, train_on_folder
from gaborkit.features import Texture

TEXTURE = Texture(gk.GaborBank.grid(2, 4))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    write_gratings(folder)
    return folder


@pytest.fixture
def model(pictures, tmp_path):
    write_classifier(tmp_path / "model", train_on_folder(pictures, TEXTURE, folds=0))
    return tmp_path / "model"


def scores(classifier, sources):
    return np.stack([found.scores for found in classifier.predict(sources)])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("classes", [("across", "down"), ("across", "down", "fine")])
def test_what_is_read_predicts_the_same(method, classes, tmp_path):
    write_gratings(tmp_path / "in", classes=classes)
    trained = train_on_folder(tmp_path / "in", TEXTURE, method=method)
    assert trained.accuracy == 1
    assert trained.counts == dict.fromkeys(classes, 5)
    assert_array_equal(trained.confusion, 5 * np.eye(len(classes)))
    write_classifier(tmp_path / "model", trained)
    read = read_classifier(tmp_path / "model")
    assert read.classes == classes
    sources = sorted((tmp_path / "in").rglob("*.png"))
    found = scores(read, sources)
    assert_array_equal(found, scores(trained.model, sources))
    assert [one.label for one in read.predict(sources)] == [path.parent.name for path in sources]
    assert_array_equal(found.argmax(1), np.repeat(range(len(classes)), 5))


def test_pictures_whose_features_depend_on_their_size(pictures, tmp_path):
    large = tmp_path / "down" / "large.png"
    write_gratings(tmp_path, count=2, classes=("across", "down"))
    gk.write_image(large, grating("down", 9, side=40))
    (found,) = train_on_folder(pictures, Rows(), folds=0).model.predict([large])
    assert found.label is None
    message = r"large.png: its 40 features are not the 24 of the other pictures; a size brings all"
    assert re.search(message, str(found.error))
    with pytest.raises(gk.FeatureError, match=message):
        train_on_folder(tmp_path, Rows())
    model = train_on_folder(tmp_path, Rows(), size=12, folds=0).model
    assert len(model.names) == 12
    (found,) = model.predict([large])
    assert found.label == "down"


def test_the_size_is_written_and_read(pictures, tmp_path):
    sized = train_on_folder(pictures, TEXTURE, size=32, folds=0)
    write_classifier(tmp_path / "model", sized)
    gk.write_image(tmp_path / "large.png", grating("down", 9, side=40))
    assert_array_equal(
        scores(read_classifier(tmp_path / "model"), [tmp_path / "large.png"]),
        scores(sized.model, [tmp_path / "large.png"]),
    )


def test_bad_pictures_are_left_out_and_named(tmp_path):
    write_gratings(tmp_path / "in", count=3)
    (tmp_path / "in" / "down" / "bad.png").write_text("bad")
    (tmp_path / "in" / "down" / ".hidden.png").write_text("bad")
    (tmp_path / "in" / "down" / "notes.txt").write_text("no picture")
    seen = []
    gk.write_image(tmp_path / "in" / "loose.png", np.zeros((8, 8), np.uint8))
    with (
        pytest.warns(gk.FolderWarning, match=r"\(down/notes.txt\); .* copies saved as .png or"),
        pytest.warns(gk.FolderWarning, match=r"\(loose.png\); .* each in a subfolder named after"),
    ):
        trained = train_on_folder(
            tmp_path / "in", TEXTURE, progress=lambda *now: seen.append(now[:2])
        )
    assert [Path(one.source).name for one in trained.failed] == ["bad.png"]
    assert trained.folds == 3
    assert seen == [(k, 10) for k in range(1, 11)]
    bad, good = trained.model.predict(
        [tmp_path / "in" / "down" / "bad.png", tmp_path / "in" / "down" / "0.png"]
    )
    assert bad.label is None
    assert "bad.png" in str(bad.error)
    assert good.label == "down"


def test_pictures_of_another_dtype_are_named(model, pictures, tmp_path):
    picture = gk.read_image(pictures / "down" / "0.png").astype(np.uint16) * 257
    gk.write_image(tmp_path / "deep.tif", picture)
    match = "deep.tif is of uint16, other pictures of uint8: values are compared as they are"
    with pytest.warns(gk.FolderWarning, match=match):
        list(read_classifier(model).predict([tmp_path / "deep.tif"]))
    sources = sorted(pictures.rglob("*.png"))
    assert len(list(read_classifier(model).predict(sources))) == len(sources)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "forest"}, "method='forest' is unknown; choose one of svm, affine, linear"),
        ({"size": 0}, "size=0 is out of range"),
        ({"folds": -1}, "folds=-1 is out of range"),
        ({"folds": 1}, "folds=1 leaves nothing to learn from"),
    ],
)
def test_options_out_of_range(pictures, options, message):
    with pytest.raises(gk.FeatureError, match=message):
        train_on_folder(pictures, TEXTURE, **options)


def test_folders_without_classes(tmp_path):
    with pytest.raises(gk.StoreError, match="cannot be read"):
        train_on_folder(tmp_path / "missing", TEXTURE)
    with pytest.raises(gk.FeatureError, match="has pictures of 0 classes"):
        train_on_folder(tmp_path, TEXTURE)
    write_gratings(tmp_path, classes=("down",))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_text("bad")
    with pytest.raises(gk.FeatureError, match=r"of 1 classes .* the first error is .*a\.png"):
        train_on_folder(tmp_path, TEXTURE)


def test_support_vectors_are_of_features_whitened_within_the_classes(pictures):
    trained = train_on_folder(pictures, TEXTURE, folds=0)
    files = sorted(pictures.rglob("*.png"))
    values = np.stack([TEXTURE.describe(gk.read_image(path)).to_numpy() for path in files])
    prepared = trained.model.preparation(values)
    labels = np.repeat(range(3), 5)
    within = prepared - np.stack([prepared[labels == k].mean(0) for k in range(3)])[labels]
    assert prepared.shape[1] < values.shape[1]
    # Drawn halfway to their mean, no direction's variance is above 2.
    variances = np.linalg.eigvalsh(within.T @ within / len(within))
    assert variances.max() < 2
    found = trained.model.classifier.decision_function(prepared)
    assert_allclose(found, scores(trained.model, files), rtol=1e-5)
    plain = train_on_folder(pictures, TEXTURE, method="linear", folds=0).model.preparation
    assert_allclose(plain(values), values / values.std(0), rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_pictures_of_which_all_but_one_are_alike(tmp_path, method):
    for name, seed in (("a/0.png", 0), ("a/1.png", 0), ("b/0.png", 0), ("b/1.png", 1)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        gk.write_image(tmp_path / name, grating("down", seed))
    trained = train_on_folder(tmp_path, TEXTURE, method=method)
    (found,) = trained.model.predict([tmp_path / "b" / "1.png"])
    assert found.label == "b"
    assert trained.confusion.sum() == 4


@pytest.mark.parametrize("method", METHODS)
def test_pictures_that_are_all_alike(tmp_path, method):
    for name in ("a/0.png", "a/1.png", "b/0.png", "b/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        gk.write_image(tmp_path / name, grating("down", 0))
    with pytest.raises(gk.FeatureError, match="the features of all pictures are equal; give other"):
        train_on_folder(tmp_path, TEXTURE, method=method)


def test_a_class_of_one_picture_cannot_be_cross_validated(tmp_path):
    write_gratings(tmp_path, count=1)
    trained = train_on_folder(tmp_path, TEXTURE)
    assert (trained.folds, trained.confusion, trained.accuracy) == (0, None, None)


# ---- damaged models ----


def changed(model, **values):
    path = model / "classifier.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format": "gaborkit model"}, "describes no classifier"),
        ({"version": 3}, "is of version 3, and this gaborkit reads 2"),
        ({"descriptor": "haralick"}, "its descriptor is damaged"),
        ({"parameters": 3}, "its descriptor is damaged"),
        ({"parameters": {"bank": {}}}, "its descriptor is damaged"),
        ({"parameters": {"boundary": 3}}, "its descriptor is damaged"),
        ({"classifier": "forest"}, "classifier 'forest' is unknown"),
        ({"classifier": []}, r"classifier \[\] is unknown"),
        ({"classifier": "affine"}, "arrays.npz: is missing or damaged"),
        ({"size": -3}, "size -3 is no size"),
        ({"size": True}, "size True is no size"),
        ({"names": "abc"}, "its names are no list"),
        ({"names": ["a", "a"]}, "its names are no list of different"),
        ({"names": ["a"]}, "does not fit 3 classes and 1 features"),
        ({"classes": ["a", 3]}, "its classes are no list"),
        ({"classes": ["a"]}, "names fewer than two classes"),
        ({"classes": ["a", "b"]}, "does not fit 2 classes"),
    ],
)
def test_descriptions_that_are_not_believed(model, values, message):
    changed(model, **values)
    with pytest.raises(gk.StoreError, match=message):
        read_classifier(model)


def rewritten(model, **arrays):
    with np.load(model / "arrays.npz") as stored:
        np.savez(model / "arrays.npz", **{**dict(stored), **arrays})


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"scale": np.ones(3)}, r"scale is of shape \(3,\)"),
        ({"scale": np.full(16, np.nan)}, "scale holds values that are not finite"),
        ({"scale": np.array(["a"] * 16)}, "scale claims"),
        ({"scale": np.array([{}] * 16, object)}, "scale claims"),
        ({"origin": np.ones(3)}, r"origin is of shape \(3,\)"),
        ({"whitening": np.ones((3, 5))}, r"whitening is of shape \(3, 5\)"),
        ({"whitening": np.ones(16)}, r"whitening is of shape \(16,\)"),
        ({"whitening": np.ones((16, 3))}, "support_vectors is of shape"),
        ({"support_vectors": np.ones((3, 5))}, "support_vectors is of shape"),
        ({"coefficients": np.ones((3, 1))}, "coefficients is of shape"),
        ({"intercepts": np.ones(4)}, "intercepts is of shape"),
        ({"gamma": np.ones(1)}, "gamma is of shape"),
    ],
)
def test_arrays_that_are_not_believed(model, arrays, message):
    rewritten(model, **arrays)
    with pytest.raises(gk.StoreError, match=message):
        read_classifier(model)


def test_a_whitening_that_leaves_nothing(model):
    with np.load(model / "arrays.npz") as stored:
        support = np.zeros((len(stored["support_vectors"]), 0))
    rewritten(model, whitening=np.zeros((16, 0)), support_vectors=support)
    with pytest.raises(gk.StoreError, match="whitening leaves no features; give an intact model"):
        read_classifier(model)


def test_an_array_that_claims_more_than_there_is(model):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    member = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(model / "arrays.npz", "w") as archive:
        archive.writestr("scale.npy", member)
    with pytest.raises(gk.StoreError, match="scale claims"):
        read_classifier(model)


def test_files_of_other_kinds(model, tmp_path):
    with pytest.raises(gk.StoreError, match="does not exist; give the folder"):
        read_classifier(tmp_path)
    whole = (model / "arrays.npz").read_bytes()
    with np.load(model / "arrays.npz") as stored:
        arrays = dict(stored)
    np.savez_compressed(model / "arrays.npz", **arrays)
    with pytest.raises(gk.StoreError, match="is compressed"):
        read_classifier(model)
    for content in (b"", b"PK", whole[: len(whole) // 2], whole[:-30]):
        (model / "arrays.npz").write_bytes(content)
        with pytest.raises(gk.StoreError, match="is missing or damaged"):
            read_classifier(model)
    (model / "arrays.npz").unlink()
    with pytest.raises(gk.StoreError, match="is missing or damaged"):
        read_classifier(model)
    for content in ("", "[]", "{", "[" * 100_000):
        (model / "classifier.json").write_text(content)
        with pytest.raises(gk.StoreError, match=r"is not JSON|holds list"):
            read_classifier(model)


def test_a_description_that_is_too_large(model, monkeypatch):
    monkeypatch.setattr("gaborkit.estimators.classifier_store.JSON_LIMIT", 10)
    with pytest.raises(gk.StoreError, match="more than any description"):
        read_classifier(model)


def test_a_model_is_replaced_whole_or_not_at_all(model, pictures, monkeypatch):
    affine = train_on_folder(pictures, TEXTURE, method="affine", folds=0)
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr("os.access", lambda path, mode: False)
        with pytest.raises(gk.StoreError, match="read-only"):
            write_classifier(model, affine)
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before
    write_classifier(model, affine)
    assert read_classifier(model).method == "affine"
    assert len(list(model.iterdir())) == 2


def test_folders_that_cannot_be_made(pictures, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(gk.StoreError, match="no such folder can be made"):
        write_classifier(tmp_path / "file" / "model", train_on_folder(pictures, TEXTURE, folds=0))
