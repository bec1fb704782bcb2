"""What a tab shows for some texts, and what its Python and its command make."""

from __future__ import annotations

import base64
import contextlib
import io
import shlex
from pathlib import Path

import numpy as np
from commands_for_tests import run
from gaborkit_cli.explore.desk import Desk
from gaborkit_cli.explore.tabs import TABS
from PIL import Image


def show(tab, desk=None, **texts):
    """The answer of a tab, whose panels are known by their titles too."""
    answer = TABS[tab].answer(texts, Desk() if desk is None else desk)
    answer["titles"] = {panel["title"]: panel for panel in answer["panels"]}
    return answer


def content_of(address):
    """Bytes that an address holds."""
    kind, _, text = address.partition(",")
    assert kind == "data:image/png;base64"
    return base64.b64decode(text)


def pixels(panel):
    """Values of a panel's picture: places in its palette, if it has one."""
    return np.array(Image.open(io.BytesIO(content_of(panel["source"]))))


def run_python(answer):
    """Names that the Python of an answer leaves behind, and what it prints."""
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(answer["python"], "python", "exec"), names)
    return names | {"printed": printed.getvalue()}


def run_command(answer):
    """Run the command of an answer, of which each line is one."""
    for line in answer["command"].splitlines():
        program, *words = shlex.split(line)
        assert program == "gaborkit"
        result = run(*words)
        assert result.exit_code == 0, result.output


def both(answer, *names):
    """Pictures that the Python of an answer writes, and those that its command does."""

    def read():
        return [np.array(Image.open(name)) for name in names]

    made = run_python(answer)
    by_python = read()
    for name in names:
        Path(name).unlink()
    run_command(answer)
    return made, list(zip(by_python, read(), strict=True))
