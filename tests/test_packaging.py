"""What is published holds what it must: the whole source in the sdist, the packages in a wheel."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

import gaborkit as gk

ROOT = Path(__file__).parent.parent

#: Files of the repository that serve only its own upkeep.
UPKEEP = (".ci/", ".github/", ".gitignore", ".pre-commit-config.yaml")


def listed() -> list[str]:
    """Files that the repository holds, by git."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a checkout")
    command = ["git", "ls-files", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    # A file that is gone and not yet committed is no longer part of it.
    return [name for name in names.split("\0") if name and (ROOT / name).exists()]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what the repository holds, and what work leaves beside it."""
    folder = tmp_path_factory.mktemp("checkout")
    leavings = [
        "tests/__pycache__/test_a.cpython-311.pyc",
        "gaborkit/filtering/engines/_separable.so",
    ]
    for name in listed():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    for name in leavings:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def build(folder: Path, *arguments: str) -> None:
    command = [sys.executable, *arguments]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_sdist_holds_the_repository(checkout, tmp_path):
    code = f"from setuptools import build_meta; build_meta.build_sdist({str(tmp_path)!r})"
    build(checkout, "-c", code)
    (archive,) = tmp_path.iterdir()
    with tarfile.open(archive) as stream:
        files = {member.name.split("/", 1)[1] for member in stream if member.isfile()}
    made = {"PKG-INFO", "setup.cfg"}
    files = {name for name in files if name not in made and ".egg-info/" not in name}
    assert files == {name for name in listed() if not name.startswith(UPKEEP)}


def test_a_wheel_holds_the_packages_and_nothing_else(checkout, tmp_path):
    # All but the compiled engine, which takes a compiler and a minute.
    build(checkout, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path))
    files = {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()
    }
    installed = {
        name.replace("cli/", "gaborkit_cli/", 1) if name.startswith("cli/") else name
        for name in listed()
        if name.startswith(("gaborkit/", "cli/")) and not name.endswith((".c", ".h"))
    }
    assert files == installed


def test_entry_points_name_what_is_there():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["scripts"], *project["entry-points"].values()]
    for name, target in ((n, t) for group in groups for n, t in group.items()):
        module, _, attribute = target.partition(":")
        found = importlib.import_module(module)
        file = Path(found.__file__).with_name(attribute)
        assert hasattr(found, attribute) or file.is_file(), f"{name} = {target}"


def test_versions_are_said_alike():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {project['version']}\n" in citation
    assert gk.__version__ == project["version"]
    ruff = next(name for name in project["optional-dependencies"]["test"] if "ruff" in name)
    hooks = ROOT / ".pre-commit-config.yaml"
    if hooks.exists():  # it is not in the sdist
        assert hooks.read_text(encoding="utf-8").count(f'["{ruff}"]') == 2


def test_the_release_tells_of_every_wheel():
    tags = set(re.findall(r'^    "(\w+)": "\w+-\w+-?', (ROOT / "setup.py").read_text(), re.M))
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert tags
    assert tags == set(re.findall(r"`((?:many|musl|mac|win)\w+)`", table))


def test_forges_run_what_everyone_runs():
    workflow = ROOT / ".github/workflows/tests.yml"
    if not workflow.exists():
        pytest.skip("not in the sdist")
    assert ".ci/run ${{ matrix.versions }}" in workflow.read_text(encoding="utf-8")
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
