"""Files for the fuzzer of commands: valid ones of every format, and what becomes of them."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np

import gaborkit as gk
from gaborkit.features import write_table

State = dict[str, tuple[int, int, int]]

#: What a value in JSON becomes.
NODES = (
    *(None, True, -1, 0, 10**18, 10**40, 1e308, -0.5, "", "x" * 5000, [], {}, [[]], {"a": 1}, "é"),
    *([1] * 3000, "../../x", 3.5, 65536),
)
#: What a header of npy becomes.
HEADERS = (
    *(
        "(-1, 5)",
        "(0, 0)",
        "(1000000000, 1000000000)",
        "(5,)",
        "()",
        "(2, 2, 2, 2, 2)",
        "(True, 3)",
    ),
    *("'<f8'", "'<M8[s]'", "'|O'", "[('a', '<i4'), ('b', '<f8')]", "'<c16'", "'|S5'", "'<U3'"),
)


#: What is no regular file where an output is to be written.
OUTPUTS = ("out/pipe.png", "out/loop.png", "out/dangling.tif", "out/folder.png", "out/folder.npy")


def outputs(folder: Path) -> dict[Path, bytes]:
    """What is there before a command writes: files with their content, and no regular files."""
    (folder / "out").mkdir(parents=True)
    os.mkfifo(folder / OUTPUTS[0])
    (folder / OUTPUTS[1]).symlink_to("loop.png")
    (folder / OUTPUTS[2]).symlink_to("nothing.tif")
    for name in OUTPUTS[3:]:
        (folder / name).mkdir()
    old = {folder / "out" / f"old{suffix}": b"old" for suffix in (".png", ".npy", ".csv")}
    for path, content in old.items():
        path.write_bytes(content)
    return old


def corpus(folder: Path, run: Path | None = None) -> dict[str, list[str]]:
    """Write valid files, and those that no command should take; their paths by kind."""
    folder.mkdir()
    noise = np.random.default_rng(0)
    grey = noise.integers(0, 256, (24, 30), np.uint8)
    made: dict[str, list[str]] = {name: [] for name in ("picture", "store", "run", "table")}

    def add(kind: str, name: str) -> Path:
        made.setdefault(kind, []).append(str(folder / name))
        return folder / name

    for suffix in ("png", "jpg", "webp", "tif", "npy", "npz"):
        gk.write_image(add("picture", f"grey.{suffix}"), grey)
    gk.write_image(add("picture", "colour.png"), noise.integers(0, 256, (24, 30, 3), np.uint8))
    gk.write_image(add("picture", "floats.tif"), noise.normal(size=(2, 24, 30)).astype(np.float32))
    gk.write_image(add("picture", "deep.png"), grey.astype(np.uint16) * 257)
    gk.write_image(add("picture", "strokes.png"), (grey > 200).astype(np.uint8) * (1 + grey % 2))
    np.save(add("picture", "complex.npy"), np.ones((24, 30), np.complex64))
    gk.GaborBank.grid(2, 2).save(add("bank", "bank.json"))
    gk.GaborBank.preset("kovesi", scales=1, orientations=2).save(add("bank", "log.json"))
    rows = [(f"{name}.png", noise.normal(size=3)) for name in "abcd"]
    for suffix in ("csv", "npz", "parquet"):
        write_table(add("table", f"table.{suffix}"), rows, ["p", "q", "r"])
    for label in "uv":
        for k in range(2):
            (folder / "classes" / label).mkdir(parents=True, exist_ok=True)
            gk.write_image(folder / "classes" / label / f"{k}.png", np.roll(grey, k))
    add("folder", "classes")
    add("folder", "classes/u")
    made["model"] = []
    _train(folder, made)
    gk.filter_large(gk.GaborKernel(sigma=2), grey, add("store", "store.zarr"), part="real")
    if run is not None:
        shutil.copytree(run, add("run", "run"))
    _special(folder, add)
    return made


def _train(folder: Path, made: dict[str, list[str]]) -> None:
    from gaborkit.estimators.classifier_store import write_classifier
    from gaborkit.estimators.picture_classifier import train_on_folder
    from gaborkit.features import descriptor

    chosen = descriptor("energy", bank=gk.GaborBank.grid(1, 2))
    for method in ("svm", "affine"):
        trained = train_on_folder(folder / "classes", chosen, method=method, folds=0, jobs=1)
        write_classifier(folder / method, trained)
        made["model"].append(str(folder / method))


def _special(folder: Path, add) -> None:
    """What is no regular file, or a hostile one."""
    os.mkfifo(add("special", "pipe.png"))
    os.mkfifo(add("special", "pipe.json"))
    add("special", "loop.png").symlink_to("loop.png")
    add("special", "loop.json").symlink_to("loop.json")
    add("special", "dangling.tif").symlink_to("nothing.tif")
    add("special", "folder.png").mkdir()
    add("special", "empty.png").touch()
    add("special", "empty.json").touch()
    for name, text in (("lists", "[" * 5000 + "]" * 5000), ("objects", '{"a":' * 5000)):
        add("special", f"{name}.json").write_text(text)
    (folder / os.fsdecode(b"\xff.png")).write_bytes((folder / "grey.png").read_bytes())
    made = add("special", os.fsdecode(b"\xff.png"))
    assert made.exists()


def known_faults(corpus: dict[str, list[str]]) -> list[list[str]]:
    """Command lines that once failed, which every run of the fuzzer begins with."""
    special = {Path(path).name: path for path in corpus["special"]}
    picture, many = corpus["picture"][0], "9" * 23
    cases = [
        ["enhance", picture, "--out", "out/a.png", "--mask", special["loop.png"]],
        ["plot", "bank", "--bank", "grid", "--dpi", "3", "--out", "out/a.png"],
        ["plot", "kernel", "--sigma", "2", "--dpi", "10", "--out", "out/a.png"],
        ["segment", picture, "--seed", "4294967296", "--out", "out/a.png"],
        ["filter", picture, "--sigma", "2", "--memory", "9" * 400, "--out", "out/a.png"],
        ["filter", picture, "--sigma", "2", "--memory", "nanGB", "--out", "out/a.png"],
        ["train", "vae", "--size", "65536", "--out", "out/r"],
        ["bench", "--repeat", "65536"],
        ["fliter"],
        ["filter", "x" * 129_000, "--sigma", "2", "--out", "out/a.png"],
        ["filter", picture, "--sigma", "9" * 129_000, "--out", "out/a.png"],
        ["filter", picture, "--bank", "grid", "--orientations", many, "--out", "out/a.npy"],
        *(
            ["plot", "bank", "--table", "--bank", special[name]]
            for name in ("lists.json", "objects.json", "pipe.json", "loop.json", "empty.json")
        ),
    ]
    for run in corpus["run"]:
        cases += [
            ["evaluate", run, "--seed", many],
            ["sample", run, "--count", many, "--out", "out/a.png"],
        ]
    return cases


def state(folder: Path) -> State:
    """Size, time and number of each file: what changes when one is written."""
    return {
        str(path): (status.st_size, status.st_mtime_ns, status.st_ino)
        for path in folder.rglob("*")
        if not path.is_dir()
        for status in [path.lstat()]
    }


def contents(paths: Iterable[Path]) -> dict[Path, bytes]:
    """What is in files, and in those of folders."""
    return {
        file: file.read_bytes()
        for path in paths
        for file in (path, *path.rglob("*"))
        if file.is_file()
    }


def other(path: Path, content: bytes) -> bool:
    """Whether a file is gone, or holds something else."""
    return not path.is_file() or path.read_bytes() != content


def spelled(path: Path, folder: Path, chance: random.Random) -> str:
    """A name of a file by one of its spellings, among them links in a folder."""
    folder.mkdir(exist_ok=True)
    link = folder / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:12]}{path.suffix}"
    around = link.with_suffix(".folder")
    for old in (link, around):
        old.unlink(missing_ok=True)
    match chance.choice(("plain", "plain", "dots", "relative", "soft", "hard", "around")):
        case "dots":
            return f"{path.parent}/../{path.parent.name}/./{path.name}"
        case "relative":
            return f"../{os.path.relpath(path, folder.parent)}"  # from the folder of a case
        case "soft":
            link.symlink_to(path)
            return str(link)
        case "hard" if path.is_file():
            os.link(path, link)
            return str(link)
        case "around":
            around.symlink_to(path.parent)
            return f"{around}/{path.name}"
    return str(path)


def mutated(path: Path, folder: Path, chance: random.Random) -> str:
    """A damaged copy of a file, or of a folder with one damaged file; its path."""
    if not os.path.lexists(path) or path.is_fifo() or path.is_symlink():
        return str(path)
    shutil.rmtree(folder, ignore_errors=True) if chance.random() < 0.05 else None
    name = hashlib.sha256(str(chance.random()).encode()).hexdigest()[:12]
    target = folder / f"{name}{path.suffix}"
    target.parent.mkdir(exist_ok=True)
    if not path.is_dir():
        target.write_bytes(damaged(path.read_bytes(), path.suffix, chance))
        return str(target)
    shutil.copytree(path, target, dirs_exist_ok=True)
    inside = sorted(x for x in target.rglob("*") if x.is_file() and not x.is_symlink())
    if inside:
        chosen = chance.choice(inside)
        if chance.random() < 0.1:
            chosen.unlink()
        else:
            chosen.write_bytes(damaged(chosen.read_bytes(), chosen.suffix, chance))
    return str(target)


def damaged(content: bytes, suffix: str, chance: random.Random) -> bytes:
    """Other bytes: of JSON mostly by its values, of npy by its header, of others anywhere."""
    if suffix == ".json" and chance.random() < 0.7:
        try:
            return json.dumps(_replaced(json.loads(content), chance)).encode()
        except ValueError:
            pass
    if suffix == ".npy" and chance.random() < 0.6:
        new = chance.choice(HEADERS).encode()
        old = (b"(24, 30)", b"'|u1'", b"'<c8'")
        for part in old[:1] if new.startswith(b"(") else old[1:]:
            content = content.replace(part, new)
        return content
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8))):
        start = chance.randrange(len(data) + 1)
        stop = start + chance.choice((1, 2, 4, 16, 200))
        match chance.choice("fzxcit"):
            case "f" if start < len(data):
                data[start] ^= 1 << chance.randrange(8)
            case "z":
                data[start:stop] = bytes(len(data[start:stop]))
            case "x":
                data[start:stop] = b"\xff" * len(data[start:stop])
            case "c":
                del data[start:]
            case "i":
                data[start:start] = chance.randbytes(chance.choice((1, 4, 64)))
            case _:
                data[start:stop] = chance.randbytes(len(data[start:stop]))
    return bytes(data)


def _replaced(node: object, chance: random.Random) -> object:
    """A JSON value with one of its parts replaced, removed or added."""
    if isinstance(node, dict) and node and chance.random() < 0.9:
        key = chance.choice(sorted(node))
        other = dict(node)
        match chance.random():
            case x if x < 0.1:
                del other[key]
            case x if x < 0.2:
                other["unknown"] = chance.choice(NODES)
            case _:
                other[key] = _replaced(node[key], chance)
        return other
    if isinstance(node, list) and node and chance.random() < 0.8:
        k = chance.randrange(len(node))
        return [*node[:k], _replaced(node[k], chance), *node[k + 1 :]]
    return chance.choice(NODES)
