"""No command writes over what it reads, whatever the spelling; no suffix says another format."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest
import torch
from click.testing import Result
from commands_for_tests import ONE, run
from gaborkit_cli.file_paths import Paths, paths
from gaborkit_cli.generating import dataset_of
from gaborkit_cli.main import main
from gaborkit_cli.model_images import write_pictures
from gaborkit_cli.options.path_arguments import Input, Output

import gaborkit as gk

#: Options whose values are words, never paths.
WORDS = {"--set", "--device", "--scheduler", "--memory", "--preset", "--noise"}


def commands(command: click.Command = main, *names: str) -> Iterator[tuple[str, ...]]:
    """Names of every command that does something."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            member = command.get_command(click.Context(command), name)
            assert member is not None
            yield from commands(member, *names, name)
    else:
        yield names


def parameters(names: tuple[str, ...]) -> list[click.Parameter]:
    command: click.Command = main
    for name in names:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)  # type: ignore[assignment]
    return command.params


ALL = list(commands())
PAIRS = [
    (names, source, target)
    for names in ALL
    for source in parameters(names)
    for target in parameters(names)
    if isinstance(source.type, Input) and isinstance(target.type, Output)
]
FILES = [
    pair
    for pair in PAIRS
    if pair[2].type.suffixes and not pair[1].type.folder  # type: ignore[attr-defined]
]
WHOLE = [
    pair
    for pair in PAIRS
    if pair[1].type.whole and pair[2].type.suffixes  # type: ignore[attr-defined]
]
CLOSED = [pair for pair in PAIRS if pair[1].type.closed]  # type: ignore[attr-defined]


def named(pair: tuple[tuple[str, ...], click.Parameter, click.Parameter]) -> str:
    names, source, target = pair
    return "-".join([*names, str(source.name), str(target.name)])


def arguments(names: tuple[str, ...], values: dict[str | None, str]) -> list[str]:
    """A command line with these values, and something for what else the command needs."""
    words, options = list(names), []
    for param in parameters(names):
        value = values.get(param.name)
        if value is None and param.required:
            kind = param.type
            value = f"other{kind.suffixes[0]}" if isinstance(kind, Output) else "sample:brick"
        if value is None:
            continue
        if isinstance(param, click.Argument):
            words.append(value)
        else:
            options += [param.opts[0], value]
    return [*words, *options]


def refused(result: Result, text: str) -> None:
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert text in result.stderr
    assert result.stderr.count("\n") == 1


def test_every_path_has_a_type():
    for names in ALL:
        for param in parameters(names):
            if isinstance(param.type, click.types.StringParamType):
                assert param.opts[0] in WORDS, (names, param.opts)
    written = {names for names, _, _ in PAIRS}
    assert {names for names in ALL if names not in written} == {
        ("plot", "kernel"),
        ("bench",),
        ("compare",),
        ("explore",),
        ("palm",),
        ("stimulus",),
        ("runs",),
        ("evaluate",),
        ("push",),
        ("man",),
    }
    assert len(FILES) > 25
    assert len(WHOLE) == 11
    assert len(CLOSED) == 5


@pytest.mark.parametrize("pair", FILES, ids=named)
def test_no_output_is_an_input(pair, empty_folder):
    names, source, target = pair
    kind = target.type
    Path("sub").mkdir()
    suffix = kind.suffixes[-1 if kind.suffixes[-1] != ".zarr" else 0]
    original = Path(f"in{suffix}")
    original.write_text("dear")
    Path(f"soft{suffix}").symlink_to(original)
    os.link(original, f"hard{suffix}")
    spellings = (
        *(original, f"./{original}", f"sub/../{original}", original.resolve()),
        *(f"soft{suffix}", f"hard{suffix}"),
    )
    for spelling in spellings:
        values = {source.name: str(original), target.name: str(spelling)}
        refused(run(*arguments(names, values)), f"would be written over the input {original}")
    # The description beside the output is an input, or the one beside an input is the output.
    beside = Path(f"new{suffix}.json")
    beside.write_text("dear")
    values = {source.name: str(beside), target.name: f"new{suffix}"}
    refused(run(*arguments(names, values)), f"would be written over the input {beside}")
    assert {path.name for path in empty_folder.iterdir()} == {
        *("sub", f"in{suffix}", f"soft{suffix}", f"hard{suffix}", f"new{suffix}.json")
    }
    assert original.read_text() == beside.read_text() == "dear"


@pytest.mark.parametrize("pair", WHOLE, ids=named)
def test_no_file_of_a_model_that_is_read_is_replaced(pair, empty_folder):
    names, source, target = pair
    suffix = target.type.suffixes[0]
    Path("whole/deep").mkdir(parents=True)
    Path("link").symlink_to("whole")
    old = Path(f"whole/deep/old{suffix}")
    old.write_text("dear")
    beside = Path(f"whole/new{suffix}.json")
    beside.write_text("dear")
    for folder in ("whole", "link", "./whole/deep/.."):
        for file in ("whole/deep/old", "link/deep/../deep/old", "whole/new"):
            values = {source.name: folder, target.name: f"{file}{suffix}"}
            text = f"would be written over a file of the input {folder}"
            refused(run(*arguments(names, values)), text)
        values = {source.name: folder, target.name: f"whole/free{suffix}"}
        assert "would be written" not in run(*arguments(names, values)).output
    assert old.read_text() == beside.read_text() == "dear"


def test_pictures_beside_a_model(empty_folder):
    """A new name in the folder of a run is harmless; what is there stays."""
    Path("run/old").mkdir(parents=True)
    Path("run/old/1.png").write_text("dear")
    images = torch.zeros(2, 1, 4, 4)
    with click.Context(main):
        paths().read("run", whole=True)
        paths().write("run/old", "--out", folder=True)
        with pytest.raises(click.UsageError, match=r"1\.png would be written over a file of the"):
            write_pictures(Path("run/old"), images, None)
        write_pictures(Path("run/new"), images, None)
    assert [str(path) for path in sorted(Path().rglob("*.png"))] == [
        *("run/new/0.png", "run/new/1.png", "run/old/1.png")
    ]
    assert Path("run/old/1.png").read_text() == "dear"


@pytest.mark.parametrize("pair", CLOSED, ids=named)
def test_nothing_is_written_into_data_that_is_read(pair, empty_folder):
    names, source, target = pair
    suffix = (*target.type.suffixes, "")[0]
    Path("whole/deep").mkdir(parents=True)
    Path("link").symlink_to("whole")
    Path(f"whole/old{suffix}").write_text("dear")
    for folder in ("whole", "link", "./whole/deep/.."):
        for file in ("whole/new", "link/deep/x", *(["whole/old"] if suffix else [])):
            values = {source.name: folder, target.name: f"{file}{suffix}"}
            refused(run(*arguments(names, values)), f"would be written into the input {folder}")
    assert Path(f"whole/old{suffix}").read_text() == "dear"


@pytest.mark.parametrize(
    ("names", "target"),
    [
        (names, param)
        for names in ALL
        for param in parameters(names)
        if isinstance(param.type, Output) and param.type.suffixes
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else value.name,
)
def test_a_suffix_of_another_format_is_refused(names, target, empty_folder):
    for name in ("a.xyz", "a.json" if names != ("bench",) else "a.csv", "a.png.txt"):
        result = run(*arguments(names, {target.name: name}))
        refused(result, f"{target.opts[0]} {name}: {Path(name).suffix} is unknown: give .")
    assert list(empty_folder.iterdir()) == []


def test_outputs_are_not_each_other(folder, unchanged):
    for other in ("o.png", "./o.png", folder / "o.png"):
        result = run("segment", "grey.png", "--out", "o.png", "--overlay", other)
        refused(result, f"--out and --overlay would both write {other}")


@pytest.mark.usefixtures("unchanged")
def test_pictures_of_a_folder_are_inputs(folder):
    for command in (["filter", ".", *ONE, "--out", "./"], ["enhance", "../{}", "--out", "."]):
        result = run(*(part.replace("{}", folder.name) for part in command))
        refused(result, "would be written over the input")
    refused(
        run("enhance", ".", "--out", "o", "--mask", "./"), "--mask colour.png would be written over"
    )
    refused(run("plot", "responses", "a.png", "--bank", "b.json", "--out", "b.json"), ".json is")


def test_inputs_within_a_zarr_store_that_is_replaced(empty_folder):
    pytest.importorskip("zarr", reason="needs zarr")
    gk.large.filter_large(gk.GaborKernel(sigma=2), np.ones((20, 20)), "s.zarr")
    refused(run("filter", "s.zarr/0", *ONE, "--out", "s.zarr"), "over the input s.zarr/0")
    refused(run("filter", "s.zarr", *ONE, "--out", "s.zarr"), "over the input s.zarr")
    kept = "over a file of the input s.zarr"
    Path("s.zarr/b.npy").write_text("dear")
    refused(run("filter", "s.zarr", *ONE, "--out", "s.zarr/b.npy"), kept)
    assert run("filter", "s.zarr", *ONE, "--out", "s.zarr/c.npy").exit_code == 0


def test_the_pictures_of_a_model_are_inputs(folder):
    """Nobody names them: the model does."""
    model = SimpleNamespace(provenance={"recipe": {"data": str(folder)}})
    with click.Context(main):
        paths().write("grey.png", "--out")
        with pytest.raises(click.UsageError, match="would be written into the input"):
            dataset_of(model)  # type: ignore[arg-type]


def test_a_page_stands_for_its_file(folder):
    for first, second in (("read", "write"), ("write", "read")):
        record = Paths()
        call = {
            "read": lambda record=record: record.read("grey.png[0]"),
            "write": lambda record=record: record.write("./grey.png", "--out"),
        }
        call[first]()
        with pytest.raises(click.UsageError, match=r"grey\.png would be written over the input"):
            call[second]()
    refused(run("orient", "grey.png[0]", "--out", "grey.png"), "over the input grey.png")
    record.write("grey.png[0]", "--out")  # a name of its own


def test_a_folder_that_is_not_there_hides_no_input(folder):
    gk.write_image("a.png", np.zeros((9, 9), np.uint8))
    before = Path("a.png").read_bytes()
    result = run("filter", "a.png", *ONE, "--out", "nowhere/../a.png")
    assert result.exit_code == 2
    assert "--out nowhere/../a.png would be written over the input a.png" in result.stderr
    assert Path("a.png").read_bytes() == before


def test_order_does_not_matter(folder):
    for first, second in (("read", "write"), ("write", "read")):
        record = Paths()
        call = {
            "read": lambda record=record: record.read("grey.png"),
            "write": lambda record=record: record.write("./grey.png", "--out"),
        }
        call[first]()
        with pytest.raises(click.UsageError, match=r"--out \./grey\.png would be written over"):
            call[second]()


def test_paths_that_no_system_has(folder):
    record = Paths()
    for path in ("\0", "x" * 5000, "~"):
        record.read(path)
        record.write(f"{path}.png", "--out")
