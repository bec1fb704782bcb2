"""Command lines for the fuzzer: options from the tree of commands, values by their types."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import click
import fuzzed_files_for_tests as files
from gaborkit_cli.main import main
from gaborkit_cli.options.arguments import Choice, Classes, Number, Setting, Whole
from gaborkit_cli.options.path_arguments import FilePath, Output, Picture, Run
from runs_for_tests import TINY

HUGE = "9" * 23
TEXTS = (
    "",
    " ",
    "-",
    "--",
    "0",
    "nan",
    "x" * 130_000,
    "a\nb",
    "a\x1b[31m",
    "é" * 200,
    HUGE,
    "[[]]",
)
NUMBERS = (
    *(
        "nan",
        "inf",
        "-inf",
        "1e308",
        "-1e308",
        "1e-308",
        "-0.0",
        "0",
        "1e5",
        "0x10",
        "1_0",
        "",
        "٣",
    ),
    *(HUGE, "9" * 400, "9" * 5000, "1e9999", "-1", "3", "0.5", "2.5", "100", "1e-3", "1000"),
)
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".npy", ".npz", ".zarr", ".csv"),
    *(".parquet", ".json", ".gif", ".svg", ".pdf", "", "/", ".txt", ".PNG"),
)
SETTINGS = (
    *("latent=2", "pooling=max", "normalise=log", "orientations=[8,8]", "blocks=0", "size=1e9"),
    *("=", "a", "a=", "latent=-1", f"latent={HUGE}", "hidden=" + "[" * 3000, "hidden=[1e400]"),
    *(
        "hidden={}",
        "latent=null",
        "order=2",
        "J=99",
        "scales=[]",
        "dropout=NaN",
        "layers=100000000",
    ),
)
#: What keeps a valid case short, unless the option is there already.
SHORT = {
    "bench": {"--size": "32", "--repeat": "1", "--sigma": "2", "--orientations": "1"},
    "train": {"--limit": "20", "--batch-size": "2", "--size": "8", "--steps": "1"},
    "evaluate": {
        **{"--samples": "10", "--test-images": "2", "--repeats": "1"},
        "--importance-samples": "2",
    },
    "sample": {"--count": "3"},
    "complete": {"--count": "2", "--draws": "1"},
    "latent": {"--count": "3"},
}
#: Settings of a model that make it small.
SMALL = TINY
#: Commands that are long without their options of SHORT.
LONG = ("bench", "train", "evaluate")
#: It serves until it is interrupted; explore/test_server.py throws what is hostile at it.
ENDLESS = ("explore",)
#: Long by what they are, or on other machines.
LEFT_OUT = {"--scheduler", "--compile", "--tensorboard", "--debug", "--help"}
#: Share of cases that write to what they read.
ONTO_INPUT = 0.1


def existing(word: str) -> Path | None:
    """The file or folder that a word names, with an option before it or not."""
    path = Path(word.partition("=")[2] if word.startswith("--") else word)
    try:
        return path if path.is_absolute() and (path.is_file() or path.is_dir()) else None
    except (OSError, ValueError):  # too long, or no name of a file
        return None


def leaves(
    command: click.Command = main, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that is no group, with the words that call it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from leaves(command.get_command(context, name), (*path, name))


class CommandLines:
    """Makes command lines, each a function of a seed and of its number.

    Attributes
    ----------
    corpus : dict
        Valid files by their kind; see :func:`fuzzed_files_for_tests.corpus`.
    """

    def __init__(self, folder: Path, seed: int, corpus: dict[str, list[str]]) -> None:
        self.folder, self.seed, self.corpus = folder, seed, corpus
        self.commands = [leaf for leaf in leaves() if leaf[0] != ENDLESS]
        self.suffixes: list[str] = []

    def case(self, number: int) -> list[str]:
        """Command line of a case."""
        chance = random.Random(f"{self.seed} {number}")
        path, command = chance.choice(self.commands)
        # Suffixes that the help speaks of are those that work, mostly.
        self.suffixes = re.findall(r"(?<=[ (])\.[a-z]+\b", command.help or "") or [".png"]
        hostile = chance.choice((0.0, 0.1, 0.3))
        words: list[str] = []
        given: set[str] = set()
        options = [x for x in command.params if isinstance(x, click.Option)]
        share = 2.5 / max(len(options), 1)
        for option in options:
            name = option.opts[0]
            likely = share / 2 if option.type.name in ("float", "integer range") else share
            if name in LEFT_OUT or not (option.required or chance.random() < likely):
                continue
            for _ in range(chance.choice((1, 1, 2)) if option.multiple else 1):
                given.add(name)
                if option.is_flag:
                    words.append(chance.choice((*option.opts, *option.secondary_opts)))
                    continue
                values = [self.value(option, chance, hostile) for _ in range(option.nargs)]
                # Joined, so that a value which begins with a dash is one.
                words += [f"{name}={values[0]}"] if len(values) == 1 else [name, *values]
        kernels = {"--sigma", "--bandwidth"}
        if kernels < {x.opts[0] for x in options} and not given & {*kernels, "--bank", "--article"}:
            words.append("--sigma=2")
        short = SHORT.get(path[0], {})
        for name, value in short.items():
            if name not in given and not (name == "--steps" and "--epochs" in given):
                words.append(f"{name}={value}")
        for argument in command.params:
            if isinstance(argument, click.Argument):
                count = argument.nargs if argument.nargs > 0 else chance.choice((1, 1, 1, 1, 2, 3))
                if argument.required or chance.random() < (0.9 if path == ("train",) else 0.5):
                    words += [self.value(argument, chance, hostile) for _ in range(count)]
        if path == ("train",):
            words += SMALL.get(words[-1], [])
        if chance.random() < hostile / 3:
            words.insert(chance.randrange(len(words) + 1), chance.choice(TEXTS))
        if chance.random() < ONTO_INPUT:
            words = self.onto_input(words, command, chance)
        return [*path, *words]

    def onto_input(
        self, words: list[str], command: click.Command, chance: random.Random
    ) -> list[str]:
        """The command line with one of its inputs, or what lies in or beside it, as an output."""
        inputs = [path for word in words if (path := existing(word)) is not None]
        outputs = [param.opts[0] for param in command.params if isinstance(param.type, Output)]
        if not inputs or not outputs:
            return words
        source, option = chance.choice(inputs), chance.choice(outputs)
        inside = sorted(path for path in source.rglob("*") if path.is_file())
        if inside and chance.random() < 0.7:
            source = chance.choice(inside)
        target = files.spelled(source, self.folder / "links", chance)
        others = [word for word in words if not word.startswith(f"{option}=")]
        return [f"{option}={target}", *others]

    def value(self, param: click.Parameter, chance: random.Random, hostile: float) -> str:
        """A value by the type of a parameter, valid or hostile."""
        bad, kind = chance.random() < hostile, param.type
        match kind:
            case Choice():
                return chance.choice(TEXTS if bad else [str(x) for x in kind.choices])
            case Whole():
                if bad:
                    more = (str((kind.min or 0) - 1), str((kind.max or 0) + 1))
                    return chance.choice((*NUMBERS, *more))
                least = kind.min or 0
                return str(min(chance.choice((least, least, least + 1, least + 3)), kind.max or 0))
            case Number():
                if bad:
                    return chance.choice(NUMBERS)
                low, high = max(kind.least, kind.above, 0.5), min(kind.most, kind.below, 12)
                return f"{chance.uniform(min(low, 0.9 * high), high):.3g}"
            case Classes():
                return chance.choice(
                    ("0-999999", "5-2", "1,,2", *TEXTS) if bad else ("0", "0-1", "0,1")
                )
            case Setting():
                return chance.choice((*SETTINGS, *TEXTS) if bad else SETTINGS[:4])
            case FilePath():
                return self.path(param, kind, chance, bad)
            case _:
                words = getattr(kind, "words", ())
                return chance.choice((*TEXTS, *NUMBERS) if bad or not words else words)

    def path(self, param: click.Parameter, kind: FilePath, chance: random.Random, bad: bool) -> str:
        """A file or folder that is read, or one to be written."""
        corpus = self.corpus
        if param.name in ("out", "outs", "mask", "orientation", "frequency", "score", "overlay"):
            if bad:
                return chance.choice((*files.OUTPUTS, "no/such/a.png", "n" * 300, *TEXTS))
            suffix = chance.choice(self.suffixes if chance.random() < 0.8 else SUFFIXES)
            return f"out/{chance.choice(('new', 'new', 'old'))}{suffix}"
        if param.name in ("save", "json_file"):
            return f"out/new{chance.choice(SUFFIXES)}"
        if bad and chance.random() < 0.4:
            return chance.choice((*corpus["special"], "none.png", "sample:camra", *TEXTS))
        if isinstance(kind, Picture):
            kinds = ("picture", "picture", "picture", "store", "folder", "table")
            chosen = chance.choice((*corpus[chance.choice(kinds)], "sample:brick"))
            if "0" in corpus and chance.random() < 0.1:
                chosen = "0"
            if chosen.startswith("sample:") and not bad:
                chosen = corpus["picture"][0]  # a larger one takes longer
        elif isinstance(kind, Run):
            chosen = chance.choice((*corpus["run"], "none")[: len(corpus["run"]) or 1])
        elif kind.folder:
            chosen = chance.choice((*corpus["folder"], *corpus["model"], *kind.words))
        else:
            chosen = chance.choice((*corpus["bank"], *kind.words))
        if bad or chance.random() < 0.15:
            return files.mutated(Path(chosen), self.folder / "mutants", chance)
        return chosen

    def mended(self, words: list[str], stderr: str) -> list[str] | None:
        """The command line without what a message on stderr refuses, if it says so."""
        message = stderr.split("; see ")[0]
        named = re.findall(r"(?<![^\s'])--[a-z-]+", message)
        if extra := re.search(r"unexpected extra arguments? \(([^ )]+)", message):
            return [word for word in words if word != extra[1]]
        for k in reversed(range(len(words))):
            name = words[k].partition("=")[0]
            if name not in named:
                continue
            if name != "--out":
                values = 0 if "=" in words[k] else self.values(words, name)
                short = SHORT.get(words[0], {}).get(name)
                other = [] if short is None or "does not go" in message else [f"{name}={short}"]
                if words[k : k + 1] != other:
                    return [*words[:k], *other, *words[k + 1 + values :]]
                return [*words[:k], *words[k + 1 :]] if words[0] not in LONG else None
            suffix = re.search(r"(?<=give )\.[a-z]+|/$", message)
            if suffix is not None and words[k] != f"--out=out/new{suffix[0]}":
                return [*words[:k], f"--out=out/new{suffix[0]}", *words[k + 1 :]]
        return None

    def values(self, words: list[str], name: str) -> int:
        """How many words an option takes after its name."""
        for path, command in self.commands:
            if path == tuple(words[: len(path)]):
                for option in command.params:
                    if isinstance(option, click.Option) and name in option.opts:
                        return 0 if option.is_flag else option.nargs
        return 0
