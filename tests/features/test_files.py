"""Features of picture files: in order, several at a time, into tables, and on after a stop."""

from __future__ import annotations

import csv
import json
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import gaborkit as gk
from gaborkit import features
from gaborkit.features import (
    Descriptor,
    Energy,
    Texture,
    describe_file,
    describe_files,
    extract_features,
    read_table,
)
from gaborkit.features.descriptors import from_dict, to_dict
from gaborkit.io import journal

rng = np.random.default_rng(0)
BANK = gk.GaborBank.grid(1, 3)
TEXTURE = Texture(BANK)


@dataclass(frozen=True)
class Mean(Descriptor):
    """Cheap, with as many values as the picture has rows."""

    gain: float = 1.0

    def names(self, shape):
        return tuple(f"row {y}" for y in range(shape[0]))

    def values(self, planes):
        return self.gain * planes.mean(-1)


@pytest.fixture
def pictures(empty_folder):
    """Twelve pictures, of which one is damaged and one missing."""
    names = [f"p{k:02}.png" for k in range(12)]
    for name in names:
        gk.write_image(name, rng.integers(0, 256, (20, 24), np.uint8))
    Path("p03.png").write_bytes(b"not a picture")
    Path("p07.png").unlink()
    return names


BAD = ("p03.png", "p07.png")


# ---- one picture ----


def test_luminance_and_channels(empty_folder):
    colour = rng.integers(0, 256, (20, 24, 4), np.uint8)
    gk.write_image("colour.png", colour)
    gk.write_image("alpha.png", colour[..., :2])
    one = describe_file(TEXTURE, "colour.png")
    np.testing.assert_array_equal(one.values, TEXTURE.describe(gk.luminance(colour)).values)
    three = describe_file(TEXTURE, "colour.png", colour="channels")
    expected = TEXTURE.describe(colour[..., :3], channel_axis=-1)
    np.testing.assert_array_equal(three.values, expected.values)
    grey = describe_file(TEXTURE, "alpha.png", colour="channels")
    assert grey.names == three.names
    np.testing.assert_array_equal(
        grey["c2 mean 4 px, 60°"], TEXTURE.describe(colour[..., 0])["mean 4 px, 60°"]
    )
    assert describe_file(TEXTURE, "alpha.png").shape == (6,)


def test_what_is_no_picture_to_be_described(empty_folder):
    np.save("stack.npy", np.ones((5, 9, 9)))
    with pytest.raises(gk.FeatureError, match=r"stack.npy: an array of shape \(5, 9, 9\) is a st"):
        describe_file(TEXTURE, "stack.npy")
    np.save("holes.npy", np.full((9, 9), np.nan))
    with pytest.raises(gk.ImageError, match=r"holes.npy: 81 of 81 pixels are NaN"):
        describe_file(TEXTURE, "holes.npy")
    with pytest.raises(gk.FeatureError, match="colour='grey' is unknown"):
        describe_file(TEXTURE, "stack.npy", colour="grey")


class Greedy(Mean):
    def values(self, planes):
        raise MemoryError


def test_a_picture_too_large_for_memory(pictures):
    found = list(describe_files(Greedy(), pictures[:2]))
    assert str(found[1].error).startswith("p01.png: there is not enough memory to describe it")


# ---- many ----


@pytest.mark.parametrize("jobs", [None, 1, 3])
def test_pictures_come_in_order_and_errors_with_them(pictures, jobs):
    found = list(describe_files(TEXTURE, pictures, jobs=jobs))
    assert [one.source for one in found] == pictures
    for one in found:
        if one.source in BAD:
            assert one.features is None
            assert str(one.error).startswith(f"{one.source}: ")
        else:
            np.testing.assert_allclose(
                one.features.values, describe_file(TEXTURE, one.source).values, rtol=1e-5
            )


def test_each_other_dtype_is_named_once(empty_folder):
    types = ["uint8", "uint16", "float32", "float64", "uint16", "bool"]
    names = [f"{k}.npy" for k in range(len(types))]
    for name, dtype in zip(names, types, strict=True):
        np.save(name, rng.integers(0, 2, (9, 9)).astype(dtype))
    with pytest.warns(gk.FolderWarning) as said:
        found = list(describe_files(Mean(), names))
    assert [one.dtype for one in found] == ["uint8", "uint16", "float", "float", "uint16", "bool"]
    assert [str(one.message).split(":")[0] for one in said] == [
        "1.npy is of uint16, other pictures of uint8",
        "2.npy is of float, other pictures of uint16, uint8",
        "5.npy is of bool, other pictures of float, uint16, uint8",
    ]
    assert [one.dtype for one in describe_files(Mean(), ["missing.png", "0.npy"])] == ["", "uint8"]


def test_features_that_are_not_finite_are_none(empty_folder):
    np.save("large.npy", rng.random((40, 44), np.float32) * np.float32(1e30))
    with np.errstate(over="ignore"):
        (found,) = describe_files(Energy(), ["large.npy"], jobs=1)
    assert "large.npy: its features are not finite: values of up to 1e+30" in str(found.error)


def test_few_pictures_are_read_ahead(empty_folder):
    gk.write_image("a.png", np.eye(9, dtype=np.uint8))
    taken, most, running = [], 0, 0
    lock = threading.Lock()

    def sources():
        for k in range(40):
            taken.append(k)
            yield "a.png"

    class Counting(Mean):
        def values(self, planes):
            nonlocal most, running
            with lock:
                running += 1
                most = max(most, running)
            found = planes.mean(-1)
            with lock:
                running -= 1
            return found

    found = describe_files(Counting(), sources(), jobs=3)
    assert taken == []
    next(found)
    assert len(taken) <= 6
    found.close()
    assert len(taken) <= 6
    assert most <= 3


@pytest.mark.parametrize("jobs", [0, -1, 1.5])
def test_jobs_out_of_range(jobs):
    with pytest.raises(gk.FeatureError, match=f"jobs={jobs} is not a whole number of 1 or more"):
        describe_files(TEXTURE, [], jobs=jobs)


# ---- extraction ----


def test_parquet_without_pyarrow(pictures, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ModuleNotFoundError, match="pyarrow"):
        extract_features(Mean(), pictures, "t.parquet")
    assert not list(Path().glob("t.parquet*"))


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".parquet"])
def test_a_table_of_pictures(pictures, suffix):
    seen = []
    done = extract_features(
        TEXTURE,
        [*pictures, "p00.png"],
        f"t{suffix}",
        progress=lambda number, total, one: seen.append((number, total, one.source)),
    )
    assert (done.pictures, done.features, done.resumed) == (10, 6, 0)
    assert tuple(one.source for one in done.failed) == BAD
    assert seen == [(k + 1, 12, name) for k, name in enumerate(pictures)]
    table = read_table(f"t{suffix}")
    assert table.pictures == tuple(name for name in pictures if name not in BAD)
    for name, values in zip(table.pictures, table.features.values, strict=True):
        np.testing.assert_allclose(values, describe_file(TEXTURE, name).values, rtol=1e-5)
    assert from_dict(table.description) == TEXTURE
    assert table.description["failed"].keys() == set(BAD)
    assert not Path(f"t{suffix}.partial").exists()


def stopped_after(count, descriptor, pictures, out, **options):
    """A run that Ctrl-C stops."""

    def progress(number, total, one):
        if number == count:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract_features(descriptor, pictures, out, progress=progress, **options)
    assert not Path(out).exists()


def test_a_stopped_run_goes_on(pictures, monkeypatch):
    extract_features(TEXTURE, pictures, "whole.csv")
    stopped_after(6, TEXTURE, pictures, "t.csv")
    described = []
    monkeypatch.setattr(
        features.file_features,
        "read_image",
        lambda source: described.append(source) or gk.read_image(source),
    )
    done = extract_features(TEXTURE, pictures, "t.csv", resume=True)
    assert (done.pictures, done.resumed) == (10, 5)
    assert sorted(described) == ["p03.png", *pictures[6:]]  # the damaged one is tried again
    assert Path("t.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_a_picture_that_was_mended_takes_its_place(pictures):
    stopped_after(6, TEXTURE, pictures, "t.csv", jobs=1)
    gk.write_image("p03.png", rng.integers(0, 256, (20, 24), np.uint8))
    extract_features(TEXTURE, pictures, "t.csv", resume=True)
    assert read_table("t.csv").pictures == tuple(name for name in pictures if name != "p07.png")


def test_a_line_that_was_cut_off_is_done_again(pictures):
    extract_features(TEXTURE, pictures, "whole.csv")
    stopped_after(6, TEXTURE, pictures, "t.csv")
    partial = Path("t.csv.partial")
    content = partial.read_bytes()
    for lost in (1, 20, len(content.splitlines(keepends=True)[-1]) + 1):
        partial.write_bytes(content[:-lost])
        extract_features(TEXTURE, pictures, "t.csv", resume=True)
        assert Path("t.csv").read_bytes() == Path("whole.csv").read_bytes()
        Path("t.csv").unlink()


def test_nothing_is_lost_by_a_careless_second_run(pictures):
    stopped_after(6, TEXTURE, pictures, "t.csv")
    content = Path("t.csv.partial").read_bytes()
    with pytest.raises(gk.FeatureError, match=r"t.csv.partial: was left by a run that was stopped"):
        extract_features(TEXTURE, pictures, "t.csv")
    with pytest.raises(gk.FeatureError, match="by a run with another descriptor, parameters; rep"):
        extract_features(Energy(BANK), pictures, "t.csv", resume=True)
    with pytest.raises(gk.FeatureError, match="by a run with another colour"):
        extract_features(TEXTURE, pictures, "t.csv", resume=True, colour="channels")
    assert Path("t.csv.partial").read_bytes() == content


@pytest.mark.parametrize("content", [b"x\n", b"[]\n", b'{"run": {}}\n{"names": 3}\n', b"{}\n{}\n"])
def test_a_damaged_store(pictures, content):
    Path("t.csv.partial").write_bytes(content)
    with pytest.raises(gk.FeatureError, match=r"t.csv.partial: is damaged; delete it to start"):
        extract_features(TEXTURE, pictures, "t.csv", resume=True)


def test_a_store_without_rows_is_started_again(pictures):
    stopped_after(1, TEXTURE, ["p03.png", "p00.png"], "t.csv", jobs=1)
    head = journal.decode(Path("t.csv.partial").read_bytes().splitlines(keepends=True)[0])
    assert head["run"]["descriptor"] == "texture"
    assert extract_features(Mean(), pictures, "t.csv").pictures == 10


def test_pictures_of_other_features_have_no_row(pictures):
    gk.write_image("p05.png", np.eye(30, dtype=np.uint8))
    done = extract_features(Mean(2.0), pictures, "t.csv")
    assert [one.source for one in done.failed] == ["p03.png", "p05.png", "p07.png"]
    assert str(done.failed[1].error).startswith(
        "p05.png: its 30 features are not the 20 of the pictures before; the same size"
    )
    with Path("t.csv").open() as stream:
        assert len(list(csv.reader(stream))) == 10
    description = json.loads(Path("t.csv.json").read_text())
    assert description["descriptor"] == "Mean"
    assert description["parameters"] == {"gain": 2.0}


def test_the_most_precise_picture_decides(pictures):
    deep = rng.random((20, 24))
    np.save("deep.npy", deep)
    with pytest.warns(
        gk.FolderWarning, match=r"deep.npy is of float, other pictures of uint8: val"
    ):
        extract_features(Mean(), ["p00.png", "deep.npy", "p01.png"], "t.csv")
    found = read_table("t.csv").features.values
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found[1], deep.mean(-1))


def test_where_all_pictures_fail(pictures):
    Path("t.csv").write_text("old")
    done = extract_features(TEXTURE, BAD, "t.csv")
    assert done.pictures == 0
    assert len(done.failed) == 2
    assert Path("t.csv").read_text() == "old"
    assert not Path("t.csv.partial").exists()


@pytest.mark.parametrize(
    ("sources", "out", "message"),
    [
        (["p00.png"], "t.xlsx", "t.xlsx: unknown suffix '.xlsx'; .csv, .npz, .parquet work"),
        (["p00.png", "a.npz"], "a.npz", "a.npz: is one of the pictures"),
        ([], "t.csv", "there are no pictures to describe"),
        (["p00.png"], "missing/t.csv", "missing/t.csv: the folder missing does not exist"),
    ],
)
def test_targets_that_do_not_work(pictures, sources, out, message):
    before = sorted(Path().iterdir())
    with pytest.raises(gk.FeatureError, match=message):
        extract_features(TEXTURE, sources, out)
    assert sorted(Path().iterdir()) == before


def test_a_store_in_a_folder_that_cannot_be_written(pictures, monkeypatch):
    Path("t.csv.partial").mkdir()
    with pytest.raises(gk.FeatureError, match=r"t.csv.partial: is a folder"):
        extract_features(TEXTURE, pictures, "t.csv")


# ---- descriptions ----


@pytest.mark.parametrize("name", ["texture", "energy", "invariant", "spectrum", "gist"])
def test_descriptors_come_back_from_json(name):
    made = features.descriptor(name)
    assert from_dict(json.loads(json.dumps(to_dict(made)))) == made


@pytest.mark.parametrize("description", [3, {}, {"descriptor": "texture"}])
def test_what_describes_no_descriptor(description):
    with pytest.raises(gk.FeatureError, match="this describes no descriptor"):
        from_dict(description)


def test_a_description_of_something_unknown():
    with pytest.raises(gk.FeatureError, match="descriptor 'Mean' is unknown"):
        from_dict(to_dict(Mean()))
    with pytest.raises(gk.BankError, match="this is no gaborkit bank"):
        from_dict({"descriptor": "texture", "parameters": {"bank": {}}})
