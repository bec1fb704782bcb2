"""Links between pages lead to files and headings that exist; others are whole addresses.

What other hosts answer is not asked: tests run without a network.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "benchmarks").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in page.parts),
]


def text_of(page: Path) -> str:
    """A page without what is code in it."""
    text = re.sub(r"^( *)(```+).*?^\1\2 *$", "", page.read_text("utf-8"), flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "code", text)


def links(page: Path) -> list[str]:
    return [
        *re.findall(r"\]\(<?([^)\s>]+)>?\)", text_of(page)),
        *re.findall(r"<(https?:[^>\s]*)>", text_of(page)),
        *re.findall(r"^:link: (\S+)$", page.read_text("utf-8"), flags=re.M),
    ]


def anchors(page: Path) -> set[str]:
    """The names by which GitHub and myst know a page's headings."""
    titles = re.findall(r"^#+ +(.+?) *$", page.read_text("utf-8"), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def fault(page: Path, link: str) -> str | None:
    """What is wrong with a link, if anything is."""
    parts = urlsplit(link)
    if parts.scheme:
        whole = parts.scheme in ("http", "https") and "." in parts.netloc
        return None if whole or parts.scheme == "mailto" else "is no whole address"
    target = page.parent / parts.path if parts.path else page
    # Pages of the site name each other without a suffix; the gallery is made with the site.
    made = ROOT / "docs" / "gallery"
    if made in target.resolve().parents:
        target = ROOT / "examples" / (target.stem + ".py")
        return None if target.exists() or target.stem == "index" else "is no example"
    if not target.exists() and not target.suffix:
        target = next((target.with_suffix(end) for end in (".md", ".rst")), target)
    if not target.exists():
        return "leads to no file"
    if parts.fragment and parts.fragment not in anchors(target):
        return "leads to no heading"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_of_a_page_lead_somewhere(page):
    faults = {link: fault(page, link) for link in links(page)}
    assert not {link: reason for link, reason in faults.items() if reason}


def test_faults_are_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Two words\n\n[a](b.md) [b](#two-words) [c](#three) [d](https://nowhere)\n")
    assert [fault(page, link) for link in links(page)] == [
        "leads to no file",
        None,
        "leads to no heading",
        "is no whole address",
    ]
