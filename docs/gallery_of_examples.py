"""How the gallery runs the scripts in examples/ and shows the pictures that they write."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from sphinx_gallery.scrapers import figure_rst

#: Where scripts write; each picture is moved to the page of its script.
WRITTEN = tempfile.mkdtemp()


def copied(examples: Path, folder: Path) -> str:
    """The scripts in a folder of their own: the gallery would take folders beside them for more."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in (*examples.glob("*.py"), examples / "GALLERY_HEADER.rst"):
        shutil.copy2(path, folder)
    return str(folder)


def arguments(gallery_conf: object, script_vars: object) -> list[str]:
    """What a script finds in ``sys.argv``."""
    return [WRITTEN]


def pictures(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """The pictures that a part of a script wrote, for its page."""
    shown = []
    paths = block_vars["image_path_iterator"]
    for file in sorted(Path(WRITTEN).glob("*.png")):
        path = next(paths)
        shutil.move(file, path)
        shown.append(path)
    return figure_rst(shown, gallery_conf["src_dir"])
