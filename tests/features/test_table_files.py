"""Tables of features in files: CSV, npz and Parquet, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest

import gaborkit as gk
from gaborkit import features
from gaborkit.features import read_table, write_table

rng = np.random.default_rng(0)


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".parquet"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tables_come_back_the_same(empty_folder, suffix, dtype):
    values = (rng.standard_normal((5, 3)) * 10.0 ** rng.integers(-30, 30, (5, 3))).astype(dtype)
    values[0] = 0, np.nan, -np.inf
    pictures = ["a.png", 'odd, "name".png', "é.png", "e", "folder/f.png"]
    names = ["mean 4 px, 0°", "b", "c"]
    path = f"table{suffix}"
    rows = zip(pictures, values, strict=True)
    write_table(path, rows, names, dtype=dtype, description={"descriptor": "test"})
    table = read_table(path)
    assert table.pictures == tuple(pictures)
    assert table.features.names == tuple(names)
    assert table.features.values.dtype == dtype
    np.testing.assert_array_equal(table.features.values, values)
    assert table.description == {"dtype": dtype, "descriptor": "test"}


def test_other_programs_read_the_tables(empty_folder):
    values = rng.random((4, 2))
    rows = [(f"{k}.png", row) for k, row in enumerate(values)]
    for suffix, read in ((".csv", pandas.read_csv), (".parquet", pandas.read_parquet)):
        write_table(f"t{suffix}", rows, ["a", "b"])
        frame = read(f"t{suffix}")
        assert list(frame.columns) == ["picture", "a", "b"]
        assert frame["picture"].tolist() == [f"{k}.png" for k in range(4)]
        np.testing.assert_allclose(frame[["a", "b"]], values, rtol=1e-15)
    write_table("t.npz", rows, ["a", "b"])
    with np.load("t.npz", allow_pickle=False) as stored:
        np.testing.assert_array_equal(stored["values"], values)


def test_a_table_in_groups_of_rows(empty_folder, monkeypatch):
    monkeypatch.setattr(features.table_files, "ROW_GROUP", 3)
    values = rng.random((8, 2))
    write_table("t.parquet", [(str(k), row) for k, row in enumerate(values)], ["a", "b"])
    np.testing.assert_array_equal(read_table("t.parquet").features.values, values)


def test_a_name_of_odd_bytes(empty_folder):
    for suffix in (".csv", ".npz", ".parquet"):
        write_table(f"t{suffix}", [("\udcff.png", np.ones(1))], ["a"])
        assert read_table(f"t{suffix}").pictures == ("�.png",)


def test_a_table_whose_description_is_lost(empty_folder):
    write_table("t.csv", [("a", np.ones(1))], ["a"], dtype="float32")
    Path("t.csv.json").unlink()
    assert read_table("t.csv").features.values.dtype == np.float64
    assert read_table("t.csv").description == {}


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".parquet"])
def test_tables_that_cannot_be_read(empty_folder, suffix):
    path = Path(f"t{suffix}")
    with pytest.raises(gk.FeatureError, match=f"t{suffix}: No such file|t{suffix}"):
        read_table(path)
    path.write_bytes(b"picture,a\nx.png,red\n")
    with pytest.raises(gk.FeatureError, match=f"t{suffix}: is damaged or no table of features"):
        read_table(path)


def test_an_old_table_stays_where_the_new_one_fails(empty_folder):
    write_table("t.csv", [("a", np.ones(1))], ["a"])
    before = Path("t.csv").read_bytes()

    def rows():
        yield "a", np.zeros(1)
        raise gk.PictureError("stop")

    with pytest.raises(gk.PictureError, match="stop"):
        write_table("t.csv", rows(), ["a"])
    assert Path("t.csv").read_bytes() == before
    assert sorted(path.name for path in Path().iterdir()) == ["t.csv", "t.csv.json"]
