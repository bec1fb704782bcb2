"""Manual pages: one for each command, of what its help says, as roff reads it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import click
import pytest
from commands_for_tests import run
from gaborkit_cli.main import main
from gaborkit_cli.manual import pages

PAGES = pages(main)


def commands(command=main, path=("gaborkit",)):
    """Every command by its words."""
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            yield from commands(command.get_command(click.Context(command), name), (*path, name))


def test_there_is_a_page_of_each_command_with_all_its_options():
    expected = {f"{'-'.join(path)}.1": command for path, command in commands()}
    assert list(PAGES) == list(expected)
    assert {"gaborkit.1", "gaborkit-filter.1", "gaborkit-pixels-train.1"} <= set(PAGES)
    for name, command in expected.items():
        text = PAGES[name].replace("\\-", "-")
        for option in command.params:
            if isinstance(option, click.Option):
                assert all(flag in text for flag in option.opts), (name, option)


def test_the_words_of_help_are_there_and_nothing_is_taken_for_a_command_of_roff():
    text = PAGES["gaborkit-filter.1"]
    assert "\n.SH KERNEL\n" in text
    assert "\n.SH EXAMPLES\n.nf\ngaborkit filter sample:camera" in text
    assert "\n\\&.png .jpg .webp  values as 8 bits" in text
    for page in PAGES.values():
        for line in page.splitlines():
            if line.startswith((".", "'")):
                assert line.split()[0] in {".TH", ".SH", ".PP", ".TP", ".nf", ".fi"}, line
    assert "gaborkit\\-pixels\\-train" in PAGES["gaborkit-pixels.1"]
    assert "\\fBgaborkit\\-pixels\\fR(1)" in PAGES["gaborkit-pixels-train.1"]


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
def test_groff_has_nothing_to_complain_about():
    command = ["groff", "-man", "-Tutf8", "-ww", "-z"]
    result = subprocess.run(
        command, input="\n".join(PAGES.values()), capture_output=True, text=True, check=True
    )
    assert result.stderr == ""


def test_pages_are_written_and_a_file_in_the_way_is_refused(empty_folder):
    result = run("man", "--out", "share/man/man1")
    assert result.output == f"{len(PAGES)} pages in share/man/man1\n"
    written = {path.name: path.read_text(encoding="utf-8") for path in Path("share").rglob("*.1")}
    assert written == PAGES
    Path("taken").touch()
    refused = run("man", "--out", "taken")
    assert refused.exit_code == 2
    assert "taken is an existing file, not a folder" in refused.stderr
