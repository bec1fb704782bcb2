"""How the pages are built: ``python -m sphinx -W -n docs docs/_build``."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

import gaborkit

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

from gallery_of_examples import copied  # noqa: E402

project = "gaborkit"
author = "the gaborkit maintainers"
version = release = gaborkit.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_click",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_examples"]
templates_path = ["_templates"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
# Words and options keep their quotes and dashes as they are typed.
smartquotes = False

html_math_renderer = "mathml"

html_theme = "pydata_sphinx_theme"
html_title = "gaborkit"
html_theme_options = {
    "navbar_align": "left",
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "header_links_before_dropdown": 6,
}
html_show_sourcelink = False

autodoc_typehints = "none"
autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
# Names of modules that no page is about, and what other libraries call their own.
nitpick_ignore_regex = [("py:.*", r"(~?gaborkit\.)?(?!gaborkit\b).*")]

#: Packages whose names are public, and what a page says of them.
ROOMS = {
    "gaborkit": "Kernels, banks, frames, pictures",
    "gaborkit.filtering": "Filtering",
    "gaborkit.features": "Features",
    "gaborkit.volumes": "Volumes and video",
    "gaborkit.vision": "Recipes",
    "gaborkit.radiomics": "Radiomics",
    "gaborkit.estimators": "Estimators of scikit-learn",
    "gaborkit.nn": "Layers of torch",
    "gaborkit.generative": "Generative models",
    "gaborkit.large": "Pictures larger than memory",
    "gaborkit.plotting": "Figures",
}


def write_reference() -> None:
    """A page for each public package, with a page for each of its names, from its ``__all__``."""
    folder = HERE / "reference" / "python"
    folder.mkdir(exist_ok=True)
    for package, title in ROOMS.items():
        module = importlib.import_module(package)
        names = sorted(
            name
            for name in module.__all__
            if not name.startswith("__") and f"{package}.{name}" not in ROOMS
        )
        lines = [title, "=" * len(title), "", f".. automodule:: {package}", "   :no-members:", ""]
        lines += [f".. currentmodule:: {package}", "", ".. autosummary::", "   :toctree: names"]
        lines += ["", *(f"   {name}" for name in names), ""]
        page = folder / f"{package}.rst"
        text = "\n".join(lines)
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


sphinx_gallery_conf = {
    "examples_dirs": [copied(ROOT / "examples", HERE / "_examples")],
    "gallery_dirs": ["gallery"],
    "filename_pattern": r"/\d\d_",
    "ignore_pattern": r"__init__\.py",
    "image_scrapers": ("gallery_of_examples.pictures",),
    "reset_argv": "gallery_of_examples.arguments",
    "reset_modules": (),
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "plot_gallery": os.environ.get("GABORKIT_GALLERY", "1") == "1",
    "backreferences_dir": None,
}

os.environ.setdefault("MPLBACKEND", "Agg")
warnings.filterwarnings("ignore", category=DeprecationWarning)
write_reference()


def shown_as_code(app: Any, context: Any, lines: list[str]) -> None:
    """What help texts keep as it is, examples and tables, in code blocks: two dashes stay two."""
    kept = [line.startswith("| ") for line in lines]
    text: list[str] = []
    for line, is_kept, before in zip(lines, kept, [False, *kept], strict=False):
        if not is_kept:
            text.append(line)
            continue
        if not before:
            text += ["", ".. code-block:: text", ""]
        text.append("   " + line.removeprefix("| "))
    lines[:] = text


def inline_formula(translator: Any, node: Any) -> None:
    """A formula in a line, as MathML."""
    translator.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def formula(translator: Any, node: Any) -> None:
    """A formula of its own, as MathML."""
    drawn = tex2mathml(node.astext(), as_block=True)
    translator.body.append(f'<div style="overflow-x: auto">{drawn}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """Formulas as MathML, which browsers draw themselves: no page loads anything from elsewhere."""
    app.connect("sphinx-click-process-description", shown_as_code)
    app.add_html_math_renderer("mathml", (inline_formula, None), (formula, None))
