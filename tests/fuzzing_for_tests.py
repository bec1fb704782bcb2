"""A fuzzer of the commands: options from the tree of commands, files from valid ones.

``python tests/fuzzing_for_tests.py --seed 1 --seconds 300`` runs it for longer than the tests do,
seconds of one processor; ``--cases`` counts instead. Every case is a function of the seed and of
its number. A command line that is refused is mended by what the message says and tried again, so
that most reach the work. The fuzzer prints what failed, then how many cases it tried; a
case fails if

- it ends by anything but an exit code of 0, 1 or 2, or takes seconds of a processor,
- an error is not one short line on stderr, or is called unexpected,
- a file that it read is changed, or one that it could not write, or a temporary file is left.

Some cases name an input as the output, by one of its spellings: it has to stay as it is.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import importlib
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import fuzzed_files_for_tests as files
from click.testing import CliRunner
from gaborkit_cli.main import main
from gaborkit_cli.options.arguments import (
    Choice,
    Classes,
    FilePath,
    Number,
    Output,
    Picture,
    Run,
    Setting,
    Whole,
)
from runs_for_tests import TINY

#: Seconds of all processors, seconds of the clock, with which others may stop a process, and bytes
#: beyond what is used at the start.
PROCESSOR, CLOCK, MEMORY = 15, 600, 3 * 1024**3
#: Characters of a line on stderr.
LONGEST = 2000

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
SMALL = {**TINY, "ae": TINY["vae"], "gated-pixelcnn": TINY["pixelcnn"]}
#: Commands that are long without their options of SHORT.
LONG = ("bench", "train", "evaluate")
#: How often a command line that is refused is mended.
MENDED = 4
#: Long by what they are, or on other machines.
LEFT_OUT = {"--scheduler", "--compile", "--tensorboard", "--debug", "--help"}
#: Share of cases that write to what they read.
ONTO_INPUT = 0.1
#: Outputs of several pictures are written as far as they go.
SEVERAL = {"filter", "enhance", "features", "retrieve", "classify predict"}


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


class Hang(BaseException):
    """A case took too long."""


class Fuzzer:
    """Makes cases and judges them, in a folder of its own.

    Attributes
    ----------
    corpus : dict
        Valid files by their kind; see :func:`fuzzed_files_for_tests.corpus`.
    """

    def __init__(self, folder: Path, seed: int, run: Path | None = None) -> None:
        self.folder, self.seed = folder, seed
        self.corpus = files.corpus(folder / "corpus", run)
        self.commands = list(leaves())
        self.code: object = None  # of the last command line
        self.stderr = ""
        self.failures: list[tuple[list[str], str]] = []
        self.tried = self.known = 0
        self.codes: dict[object, int] = {}
        self.suffixes: list[str] = []

    # ---- making a case ----

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

    def mended(self, words: list[str]) -> list[str] | None:
        """The command line without what the last message on stderr refuses, if it says so."""
        message = self.stderr.split("; see ")[0]
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

    # ---- judging it ----

    def judge(self, words: list[str]) -> str | None:
        """Run a case in an empty folder; what is wrong with it."""
        place = self.folder / "case"
        shutil.rmtree(place, ignore_errors=True)
        old = files.outputs(place)
        before = files.state(self.folder / "corpus")
        inputs = files.contents(path for word in words if (path := existing(word)) is not None)
        os.chdir(place)
        started = time.process_time()
        self.code, self.stderr = None, ""
        self._arm()
        try:
            result = CliRunner().invoke(main, words)
        except Hang:
            where = traceback.extract_tb(sys.exc_info()[2])
            lines = " < ".join(f"{Path(x.filename).name}:{x.lineno}" for x in reversed(where[-6:]))
            return f"takes more than {time.process_time() - started:.0f} s ({lines})"
        finally:
            self._disarm()
        self.code, self.stderr = result.exit_code, result.stderr
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            return f"raises {result.exception!r:.500}"
        return (
            self._complaint(result.exit_code, result.stderr)
            or self._damage(words, result.exit_code, old, place)
            or self._changes(words, before, inputs)
        )

    def _complaint(self, code: object, stderr: str) -> str | None:
        lines = stderr.splitlines()
        if code not in (0, 1, 2):
            return f"exit code {code}: {stderr[-500:]}"
        if "unexpectedly" in stderr or "Traceback" in stderr:
            return f"unexpected: {stderr[-700:]}"
        if any(len(line) > LONGEST for line in lines) or len(stderr) > 10 * LONGEST:
            return f"says too much, {len(stderr)} characters: {stderr[:300]}"
        if (code == 0) == any(line.startswith("error: ") for line in lines):
            return f"exit code {code}, and says {stderr[-300:]!r}"
        if code == 2 and len([line for line in lines if not line.startswith("warning: ")]) != 1:
            return f"more than a line: {stderr[-500:]}"
        return None

    def _damage(
        self, words: list[str], code: object, old: dict[Path, bytes], place: Path
    ) -> str | None:
        left = [path for path in self.folder.rglob(".gaborkit-*") if "mutants" not in path.parts]
        if left:
            return f"leaves {left[0]}"
        several = words[0] in SEVERAL or " ".join(words[:2]) in SEVERAL
        if code != 0 and not several:
            for path, content in old.items():
                if path.read_bytes() != content:
                    return f"fails, and has written {path.name}"
        return None

    def _changes(
        self, words: list[str], before: files.State, inputs: dict[Path, bytes]
    ) -> str | None:
        writes = words[0] in ("evaluate", "train")  # into the run itself
        after = files.state(self.folder / "corpus")
        changed = [path for path in {**before, **after} if before.get(path) != after.get(path)]
        changed += [str(path) for path, content in inputs.items() if files.other(path, content)]
        # A damaged copy of a run may be written into as well.
        own = [path for path in changed if writes and ("/run/" in path or "/mutants/" in path)]
        changed = [path for path in changed if path not in own]
        return f"changes {changed[0]}" if changed else None

    def _arm(self) -> None:
        def stop(number: int, frame: object) -> None:
            raise Hang

        for timer, number, seconds in (
            (signal.ITIMER_PROF, signal.SIGPROF, PROCESSOR),
            (signal.ITIMER_REAL, signal.SIGALRM, CLOCK),
        ):
            signal.signal(number, stop)
            # Again and again: a handler of everything may have caught the first.
            signal.setitimer(timer, seconds, 1)
        # Where even that does not come through, as within compiled code.
        faulthandler.dump_traceback_later(4 * CLOCK, exit=True)

    def _disarm(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()

    def run(self, cases: int, seconds: float, say: Callable[..., None] = print) -> None:
        """Judge cases until there are enough of them, or so much of a processor's time is used."""
        end = time.process_time() + seconds
        seeds = files.known_faults(self.corpus)
        self.known = len(seeds)
        for number in range(len(seeds) + cases):
            if time.process_time() > end:
                break
            words: list[str] | None = seeds[number] if number < len(seeds) else self.case(number)
            for _ in range(1 + MENDED):
                if words is not None:  # those that once failed are tried as they are
                    words = self._judged(number, words, say)
            self.codes[self.code] = self.codes.get(self.code, 0) + 1

    def _judged(self, number: int, words: list[str], say: Callable[..., None]) -> list[str] | None:
        """Judge a command line and say what is wrong; the one to try next."""
        (self.folder / "last.json").write_text(json.dumps(words))
        self.tried += 1
        problem = self.judge(words)
        if problem is None:
            return self.mended(words) if self.code == 2 and number >= self.known else None
        self.failures.append((words, problem))
        line = json.dumps([word if len(word) < 200 else f"{word[:60]}..." for word in words])
        say(f"FAILED {number}: {line}\n    {problem}", flush=True)
        return None


def arguments() -> argparse.Namespace:
    """Of the script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=10**9)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--run", type=Path, help="A trained model to start from.")
    return parser.parse_args()


def fuzz() -> int:
    """Run the fuzzer; the number of failures."""
    asked = arguments()
    # Large libraries before memory is limited, of which they reserve much.
    importlib.import_module("cv2")
    if asked.run is not None:
        import torch

        torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        fuzzer = Fuzzer(Path(folder).resolve(), asked.seed, asked.run)
        print(f"seed {asked.seed}", flush=True)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
        fuzzer.run(asked.cases, asked.seconds)
        os.chdir("/")
    codes = sorted(fuzzer.codes.items(), key=str)
    ends = ", ".join(f"{count} ended with {code}" for code, count in codes)
    print(
        f"seed {asked.seed}: {fuzzer.tried} command lines tried, {len(fuzzer.failures)} failed; "
        f"of {sum(fuzzer.codes.values())} cases {ends}; {time.process_time():.0f} s of CPU"
    )
    return len(fuzzer.failures)


if __name__ == "__main__":
    sys.exit(min(fuzz(), 1))
