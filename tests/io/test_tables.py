"""Tables and lines that fit a terminal."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaborkit import GaborBank
from gaborkit.io.tables import fold, table

WORDS = st.text("abc", min_size=1, max_size=7)
CELLS = st.lists(WORDS, max_size=15).map(" ".join)


@given(st.lists(st.tuples(CELLS, CELLS, st.integers(0, 10**6).map(str)), min_size=1))
def test_nothing_is_lost_and_every_line_fits(rows):
    lines = table(rows, right=[2], indent=2)
    assert max(map(len, lines)) <= 80
    for column in range(3):
        cells = " ".join(row[column] for row in rows).split()
        assert Counter(cells) <= Counter(" ".join(lines).split())
    assert sum(map(len, "".join("".join(row) for row in rows).split())) == sum(
        map(len, "".join(lines).split())
    )


@given(CELLS)
def test_folding_loses_nothing(text):
    folded = fold(text)
    assert folded.split() == text.split()
    assert max(map(len, folded.split("\n"))) <= 80


@pytest.mark.parametrize(("columns", "widest"), [(None, 80), ("60", 60), ("200", 200), ("1", 40)])
def test_columns_of_the_environment(monkeypatch, columns, widest):
    if columns is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", columns)
    lines = fold("word " * 100).split("\n")
    assert widest - 5 < max(map(len, lines)) <= widest


def test_a_table_is_left_alone_where_it_fits():
    rows = [("run", "steps"), ("a", "12")]
    assert table(rows, right=[1]) == ["run  steps", "a       12"]


def test_banks_and_plans_fit():
    bank = GaborBank.preset("manjunath")
    for text in (bank.table(), str(bank.plan((2000, 2000))), str(bank.plan((64, 64), "float64"))):
        assert max(map(len, text.split("\n"))) <= 80
