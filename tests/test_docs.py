"""What the pages in docs/ show runs, and names commands and options that exist."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from gaborkit_cli.main import main

DOCS = Path(__file__).parent.parent / "docs"
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if "_build" not in path.parts]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def names(path):
    return path.relative_to(DOCS).with_suffix("").as_posix()


def blocks(path, language):
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "pycon")], ids=names)
def test_examples_of_a_page_run_one_after_the_other(page):
    text = "\n\n".join(blocks(page, "pycon"))
    test = doctest.DocTestParser().get_doctest(text, {}, names(page), str(page), 0)
    report = []
    failed, tried = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append)
    assert tried
    assert not failed, "".join(report)


COMMANDS = sorted(
    {
        line.strip()
        for page in PAGES
        for line in [
            *(line for block in blocks(page, "sh") for line in block.splitlines()),
            *re.findall(r"`(gaborkit [^`]+)`", page.read_text(encoding="utf-8")),
        ]
        if line.startswith("gaborkit ") and "..." not in line
    }
)


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_of_pages_have_these_options(line):
    command, context = main, click.Context(main, info_name="gaborkit")
    words = shlex.split(line)[1:]
    if words[0] == "--import":
        words = words[2:]
    while isinstance(command, click.Group):
        command = command.get_command(context, words.pop(0))
        assert command is not None, line
    known = {
        name
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }
    assert {word for word in words if word.startswith("--")} <= {*known, "--help"}


def test_the_site_is_built_without_a_warning(tmp_path):
    pytest.importorskip("sphinx_gallery", reason="needs sphinx-gallery")
    environment = {**os.environ, "GABORKIT_GALLERY": "0", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "-q", "--keep-going", DOCS]
    built = subprocess.run(
        [*command, tmp_path / "site"], capture_output=True, text=True, env=environment
    )
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "site/reference/names/gaborkit.GaborBank.html").exists() or list(
        (tmp_path / "site").rglob("gaborkit.GaborBank.html")
    )
