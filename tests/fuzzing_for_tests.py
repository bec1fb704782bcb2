"""A fuzzer of the commands: options from the tree of commands, files from valid ones.

``python tests/fuzzing_for_tests.py --seed 1 --seconds 300`` runs it for longer than the tests do,
seconds of one processor; ``--cases`` counts instead. Every case is a function of the seed and of
its number. A command line that is refused is mended by what the message says and tried again, so
that most reach the work. The fuzzer prints what failed, then how many cases it tried; a
case fails if

- it ends by anything but an exit code of 0, 1 or 2, takes seconds of a processor or gigabytes of
  memory, or ends the process: another goes on after it,
- an error is not one short line on stderr, or is called unexpected,
- a file that it read is changed, or one that it could not write, or a temporary file is left.

Some cases name an input as the output, by one of its spellings: it has to stay as it is.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import fuzzed_files_for_tests as files
from click.testing import CliRunner
from fuzzed_commands_for_tests import CommandLines, existing
from gaborkit_cli.main import main

#: Seconds of all processors, seconds of the clock, with which others may stop a process, and bytes
#: beyond what is used at the start. What libraries and threads only reserve does not count.
PROCESSOR, CLOCK, MEMORY = 15, 600, 3 * 1024**3
#: Characters of a line on stderr.
LONGEST = 2000
#: How often a command line that is refused is mended.
MENDED = 4
#: Outputs of several pictures are written as far as they go.
SEVERAL = {"filter", "enhance", "features", "retrieve", "classify predict", "pixels apply"}


class Hang(BaseException):
    """A case took too long."""


@dataclass
class Tally:
    """How far a fuzzer is, written before each command line, which may be its last."""

    number: int = 0  # of the case
    words: list[str] = field(default_factory=list)
    tried: int = 0
    failed: int = 0
    codes: dict[str, int] = field(default_factory=dict)  # in how many cases each came last

    def write(self, folder: Path) -> None:
        """Beside what the fuzzer writes."""
        (folder / "last.json").write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, folder: Path) -> Tally:
        """What the last command line of a fuzzer left."""
        return cls(**json.loads((folder / "last.json").read_text()))

    def fail(self, problem: str, say: Callable[..., None]) -> None:
        """Count the command line, and say what is wrong with it."""
        self.failed += 1
        short = [word if len(word) < 200 else f"{word[:60]}..." for word in self.words]
        say(f"FAILED {self.number}: {json.dumps(short)}\n    {problem}", flush=True)


class Fuzzer:
    """Makes cases and judges them, in a folder of its own."""

    def __init__(
        self, folder: Path, seed: int, run: Path | None = None, tally: Tally | None = None
    ) -> None:
        self.folder = folder
        self.corpus = files.corpus(folder / "corpus", run)
        self.lines = CommandLines(folder, seed, self.corpus)
        self.tally = tally or Tally()
        self.code: object = None  # of the last command line
        self.stderr = ""

    def judge(self, words: list[str]) -> str | None:
        """Run a case in an empty folder; what is wrong with it."""
        case = self.folder / "case"
        shutil.rmtree(case, ignore_errors=True)
        old = files.outputs(case)
        before = files.state(self.folder / "corpus")
        inputs = files.contents(path for word in words if (path := existing(word)) is not None)
        os.chdir(case)
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
            or self._damage(words, result.exit_code, old)
            or self._changes(words, before, inputs)
        )

    def _complaint(self, code: object, stderr: str) -> str | None:
        lines = stderr.splitlines()
        if code not in (0, 1, 2):
            return f"exit code {code}: {stderr[-500:]}"
        if "unexpectedly" in stderr or "Traceback" in stderr:
            return f"unexpected: {stderr[-700:]}"
        if "enough memory" in stderr:
            return f"asks for more than {MEMORY} bytes: {stderr[-500:].strip()}"
        if any(len(line) > LONGEST for line in lines) or len(stderr) > 10 * LONGEST:
            return f"says too much, {len(stderr)} characters: {stderr[:300]}"
        if (code == 0) == any(line.startswith("error: ") for line in lines):
            return f"exit code {code}, and says {stderr[-300:]!r}"
        if code == 2 and len([line for line in lines if not line.startswith("warning: ")]) != 1:
            return f"more than a line: {stderr[-500:]}"
        return None

    def _damage(self, words: list[str], code: object, old: dict[Path, bytes]) -> str | None:
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
        known = files.known_faults(self.corpus)
        for number in range(self.tally.number, len(known) + cases):
            if time.process_time() > end:
                break
            self.tally.number, self.tally.words = number, []
            self.tally.write(self.folder)
            words = known[number] if number < len(known) else self.lines.case(number)
            for _ in range(1 + MENDED):
                refused = self._judged(words, say)
                # Those that once failed are tried as they are.
                mended = self.lines.mended(words, self.stderr) if refused else None
                if mended is None or number < len(known):
                    break
                words = mended
            self.tally.codes[str(self.code)] = self.tally.codes.get(str(self.code), 0) + 1
        self.tally.write(self.folder)

    def _judged(self, words: list[str], say: Callable[..., None]) -> bool:
        """Judge a command line and say what is wrong; whether it is refused, as it should be."""
        self.tally.words = words
        self.tally.tried += 1
        self.tally.write(self.folder)
        problem = self.judge(words)
        if problem is not None:
            self.tally.fail(problem, say)
        return problem is None and self.code == 2


def arguments() -> argparse.Namespace:
    """Of the script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=10**9)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--run", type=Path, help="A trained model to start from.")
    return parser.parse_args()


def work(folder: Path, asked: argparse.Namespace, tally: Tally, seconds: float) -> None:
    """Judge cases from the one that is next, in a process of limited memory."""
    os.chdir(folder)
    fuzzer = Fuzzer(folder, asked.seed, asked.run, tally)
    status = Path("/proc/self/status").read_text().split()
    used = 1024 * int(status[status.index("VmData:") + 1])
    resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY, resource.RLIM_INFINITY))
    fuzzer.run(asked.cases, seconds)


def fuzz(asked: argparse.Namespace, judge: Callable[..., None] = work) -> Tally:
    """Run the fuzzer; a process that a case ends is a failure, after which another goes on."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    tally, spent = Tally(), 0.0
    while spent < asked.seconds:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve()
            worker = multiprocessing.get_context("fork").Process(
                target=judge, args=(folder, asked, tally, asked.seconds - spent)
            )
            worker.start()
            worker.join()
            tally = Tally.read(folder)
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = usage.ru_utime + usage.ru_stime
        if worker.exitcode == 0:
            break
        tally.fail(f"ends the process, with {worker.exitcode}", print)
        tally.number += 1
    ends = ", ".join(f"{count} ended with {code}" for code, count in sorted(tally.codes.items()))
    print(
        f"seed {asked.seed}: {tally.tried} command lines tried, {tally.failed} failed; "
        f"of {sum(tally.codes.values())} cases {ends}; {spent:.0f} s of CPU"
    )
    return tally


if __name__ == "__main__":
    sys.exit(min(fuzz(arguments()).failed, 1))
