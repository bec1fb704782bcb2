"""The one reader of JSON: what it takes, and the bounds of what it refuses."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaborkit import GaborBank
from gaborkit.errors import BankError, StoreError
from gaborkit.estimators.classifier_store import read_classifier
from gaborkit.generative.strict import read_json
from gaborkit.io import strict_json

LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text()
LEAVES |= st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(LEAVES, lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=20)


@given(VALUES, st.booleans())
def test_what_python_writes_is_read(value, ascii_only):
    assert strict_json.parse(json.dumps(value, ensure_ascii=ascii_only)) == value


def test_brackets_within_strings_are_no_depth():
    text = json.dumps(['"[' * 500, "\\", "[" * 500, '\\"' * 99 + "{" * 99])
    assert strict_json.parse(text) == json.loads(text)


@pytest.mark.parametrize("depth", [1, strict_json.DEEPEST])
def test_as_deep_as_is_allowed(depth):
    assert strict_json.parse("[" * depth + "]" * depth) == json.loads("[" * depth + "]" * depth)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * 65 + "]" * 65, "nested more than 64 deep"),
        ('{"a":' * 5000, "nested more than 64 deep"),
        ("[" * 10**6, "nested more than 64 deep"),
        ('"' + '\\"' * 10**5 + "[" * 100, "Unterminated string"),
        ("9" * 21, "more than 64 bits"),
        ("-" + "9" * 5000, "more than 64 bits"),
        ("1e999", "not a finite number"),
        ("NaN", "NaN is not JSON"),
        ("-Infinity", "-Infinity is not JSON"),
        ("", "Expecting value"),
        ("{}{}", "Extra data"),
    ],
    ids=range(11),
)
def test_what_is_refused(text, problem):
    with pytest.raises(ValueError, match=problem):
        strict_json.parse(text)


def test_infinity_where_it_is_asked_for():
    assert strict_json.parse("[Infinity, 1e999]", finite=False) == [float("inf")] * 2


def special(folder: Path) -> list[Path]:
    """What no reader takes: missing, a folder, a pipe, a loop of links, too deep, too large."""
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "deep").write_text("[" * 5000 + "]" * 5000)
    (folder / "bytes").write_bytes(b"\xff\xfe{}")
    with (folder / "large").open("wb") as file:
        file.truncate(10**9)  # sparse
    return [
        folder / name
        for name in ("missing", "folder", "pipe", "loop", "deep", "bytes", "large", "x" * 300)
    ]


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_every_reader_refuses_what_is_no_file_of_its_own(tmp_path):
    for path in special(tmp_path):
        for read, error in (
            (GaborBank.load, BankError),
            (read_json, StoreError),
            (lambda x: strict_json.read_object(x, StoreError), StoreError),
        ):
            with pytest.raises(error) as caught:
                read(path)
            assert str(caught.value).startswith(f"{path}: ")
        model = tmp_path / f"model of {path.name:.9}"
        model.mkdir()
        if os.path.lexists(path):
            (model / "classifier.json").symlink_to(path)
        with pytest.raises(StoreError):
            read_classifier(model)


def test_an_object_is_one(tmp_path):
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(StoreError, match=r"a.json: holds list, not an object"):
        strict_json.read_object(tmp_path / "a.json", StoreError)


def test_a_bank_of_a_number_of_kernels_that_is_no_bank():
    with pytest.raises(BankError, match="more than 32,767 kernels"):
        GaborBank.grid(1, 10**12)
    entry = GaborBank.grid(1, 1).to_dict()
    entry["kernels"] *= 120_000
    with pytest.raises(BankError, match="more than 32,767 kernels"):
        GaborBank.from_dict(entry)
