"""How far work is: a bar on a terminal, and elsewhere a line now and then."""

from __future__ import annotations

import io
import re
import sys
import time

import pytest
from gaborkit_cli import progress
from gaborkit_cli.progress import followed, meter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def stderr(monkeypatch):
    def replace(stream):
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return replace


def test_a_terminal_gets_a_bar_for_each_part_of_the_work(stderr):
    seen = stderr(Terminal())
    with meter("training") as show:
        for done in (1, 2):
            show(done, 2, "data")
        for done in range(5, 8):  # goes on after step 4
            show(done, 7, "loss 0.5")
    bars = [line for line in re.split(r"[\r\n]", seen.getvalue()) if "training" in line]
    assert any("2/2" in line and "data" in line for line in bars)
    assert "7/7" in bars[-1]
    assert "loss 0.5" in bars[-1]


@pytest.mark.parametrize(("wanted", "shown"), [(None, False), (True, True), (False, False)])
def test_a_single_item_has_a_bar_only_where_asked_for(stderr, wanted, shown):
    seen = stderr(Terminal())
    with meter("tiles", wanted) as show:
        show(1, 1)
    assert ("1/1" in seen.getvalue()) == shown


def test_elsewhere_a_line_for_each_item_where_asked_for(stderr):
    seen = stderr(io.StringIO())
    assert list(followed("ab", 2, "filtering", str.upper, True)) == ["a", "b"]
    assert seen.getvalue() == "[1/2] A\n[2/2] B\n"


@pytest.mark.parametrize("wanted", [None, False])
def test_elsewhere_nothing_of_what_is_short(stderr, wanted):
    seen = stderr(io.StringIO())
    assert list(followed("ab", 2, "filtering", str.upper, wanted)) == ["a", "b"]
    assert seen.getvalue() == ""


def test_elsewhere_a_line_now_and_then_also_while_the_work_is_silent(stderr, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0.02)
    seen = stderr(io.StringIO())
    with meter("training") as show:
        _until(seen, 1)
        show(1200, 5000, "loss 0.123")
        _until(seen, 3)
    lines = seen.getvalue().splitlines()
    assert re.fullmatch(r"training: \d+ s", lines[0])
    assert re.fullmatch(r"training: 1,200 of 5,000, loss 0.123, \d+ s", lines[-1])
    time.sleep(0.1)
    assert seen.getvalue().splitlines() == lines  # it has ended


def test_a_closed_stream_ends_no_work(stderr, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0.01)
    seen = stderr(io.StringIO())
    with meter("training") as show:
        seen.close()
        time.sleep(0.1)
        show(1, 2)


def _until(seen: io.StringIO, lines: int) -> None:
    for _ in range(1000):
        if seen.getvalue().count("\n") >= lines:
            return
        time.sleep(0.01)
    raise AssertionError(seen.getvalue())
