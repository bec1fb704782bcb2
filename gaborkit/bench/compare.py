"""Time of gaborkit on this machine beside other libraries, and the error of each.

Every contestant filters one picture of white noise, float32 (size, size), with round Gabor kernels
of one octave, norm ``l1``, boundary ``reflect``. gaborkit does all of its work within the time
measured; :mod:`gaborkit.bench.peers` says what the others do.

The error is that of the kernel with the largest one, relative, in L2, against convolution in double
precision with kernels that leave out 1e-12 of their envelope's mass: DC-free ones for DC-free
contestants, plain ones for the others.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..errors import BankError
from ..io.tables import fold
from ..types import Engine
from .contestants import Contestant, Problem, Run
from .peers import PEERS

#: Seconds that one contestant may take in all before it sits out the remaining rounds.
BUDGET = 2.0

#: Seconds before each run in which threads of the one before stop to spin.
SETTLE = 0.005

#: What the second column counts in.
COPY = "copying the output"


@dataclass(frozen=True)
class Row:
    """What one contestant did.

    Attributes
    ----------
    name, note : str
        Library and function; what it chose, or why it did not run.
    dc_free : bool
        Whether its kernels have the DC-removal term.
    ratio, copies : float or None
        Its time as a multiple of the first row's, and of copying the output into an existing
        array; None if either did not run.
    milliseconds : float or None
        Median over its rounds.
    rounds : int
        How often it ran, after one run that is not counted.
    error : float or None
        See the module; None for those with other kernels or none.
    """

    name: str
    dc_free: bool
    ratio: float | None = None
    copies: float | None = None
    milliseconds: float | None = None
    rounds: int = 0
    error: float | None = None
    note: str = ""

    def __str__(self) -> str:
        figures = "".join(
            f"{'-' if value is None else format(value, how):>{width}}"
            for value, how, width in (
                (self.ratio, ".2f", 10),
                (self.copies, ".2f", 8),
                (self.milliseconds, ".2f", 10),
                (self.error, ".1e", 10),
            )
        )
        return f"{figures}  {self.name}" + (f" ({self.note})" if self.note else "")


@dataclass(frozen=True)
class Comparison:
    """Contestants on one problem; printing it gives a table, ratios first."""

    size: int
    sigmas: tuple[float, ...]
    wavelength: float
    orientations: int
    means: bool
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready description."""
        return asdict(self)

    def __str__(self) -> str:
        scales = f"{len(self.sigmas)} scales x " if len(self.sigmas) > 1 else ""
        sigmas = ", ".join(f"{sigma:g}" for sigma in self.sigmas)
        result = "mean magnitudes" if self.means else "complex responses"
        lines = [
            f"{self.size} x {self.size} float32, {scales}{self.orientations} orientations, "
            f"sigma {sigmas} px, {result}",
            f"{'x gaborkit':>10}{'x copy':>8}{'ms':>10}{'error':>10}",
        ]
        # Below the first letter of a name.
        return "\n".join([*map(fold, lines), *(fold(str(row), 40) for row in self.rows)])


def _gaborkit(engine: Engine) -> Contestant:
    def make(problem: Problem) -> Run:
        if problem.means:
            return lambda: problem.bank.statistics(problem.image, engine=engine).mean
        return lambda: problem.bank.filter(problem.image, engine=engine)

    def steps(problem: Problem) -> Any:
        return problem.bank.plan(problem.image.shape).steps

    def chosen(problem: Problem) -> str:
        return ", ".join(dict.fromkeys(step.engine for step in steps(problem)))

    return Contestant(
        f"gaborkit, {engine}",
        make,
        dc_free=True,
        fits=lambda problem: (
            engine == "auto" or all(engine in step.milliseconds for step in steps(problem))
        ),
        note=chosen if engine == "auto" else lambda problem: "",
    )


def _into_out(problem: Problem) -> Run:
    out = np.empty(problem.shape, np.complex64)
    return lambda: problem.bank.filter(problem.image, out=out)


def _copy(problem: Problem) -> Run:
    source, out = np.ones(problem.shape, np.complex64), np.empty(problem.shape, np.complex64)

    def run() -> Any:
        np.copyto(out, source)
        return out

    return run


def _new_copy(problem: Problem) -> Run:
    source = np.ones(problem.shape, np.complex64)
    return lambda: source.copy()


def _complex(problem: Problem) -> bool:
    return not problem.means


#: The first one is what the others are compared with.
CONTESTANTS = (
    _gaborkit("auto"),
    Contestant("gaborkit, auto, into an existing array", _into_out, dc_free=True, fits=_complex),
    _gaborkit("separable"),
    _gaborkit("pyramid"),
    _gaborkit("fourier"),
    Contestant(COPY, _copy, comparable=False, fits=_complex),
    Contestant("copying into a new array", _new_copy, comparable=False, fits=_complex),
    *PEERS,
)


def compare(
    sigma: float = 4.0,
    *,
    size: int = 512,
    orientations: int = 8,
    scales: int = 1,
    means: bool = False,
    repeat: int = 7,
    slowest: float = 5.0,
    contestants: Sequence[Contestant] = CONTESTANTS,
) -> Comparison:
    """Time gaborkit's engines and the libraries that are installed.

    After one run that is not counted, all contestants run once in each round, in an order drawn
    anew, so that what else the machine does hits all of them alike. Threads are left as they are.

    Parameters
    ----------
    sigma : float
        Deviation of the finest kernels in pixels; the wavelength is that of one octave.
    size : int
        Side of the picture.
    orientations, scales : int
        Kernels; each further scale doubles sigma.
    means : bool
        Ask for the mean magnitude of each response in place of the complex responses.
    repeat : int
        Rounds.
    slowest : float
        Seconds; contestants expected to take longer for one run are left out.
    contestants : sequence of Contestant
        The first one is what the others are compared with.

    Returns
    -------
    Comparison
        The first row is ``bank.filter`` as users get it: engine ``auto``, DC-free.

    Raises
    ------
    BankError
        If a number is out of range.

    Examples
    --------
    >>> comparison = compare(sigma=2, size=32, orientations=2, repeat=1)
    >>> comparison.rows[0].ratio
    1.0
    """
    if repeat < 1 or size < 1:
        raise BankError(f"repeat={repeat} and size={size}: both are 1 or more")
    if not 0 < sigma <= size / 4:
        raise BankError(f"sigma={sigma:g} is not above 0 and at most size / 4, here {size / 4:g}")
    problem = Problem(sigma, size, orientations, scales, means)
    rows = []
    running: dict[int, tuple[Run, int]] = {}
    for contestant in contestants:
        if not contestant.fits(problem):
            continue
        row = Row(contestant.name, contestant.dc_free)
        expected = contestant.seconds(problem)
        try:
            run = contestant.make(problem)
        except ModuleNotFoundError as missing:
            rows.append(replace(row, note=f"not installed: {missing}"))
            continue
        except ImportError as broken:
            reason = str(broken).split(" (")[0]  # without the place of the file
            rows.append(replace(row, note=f"does not import: {reason}"))
            continue
        if expected > slowest:
            rows.append(replace(row, note=f"left out: would take about {expected:.0f} s"))
            continue
        started = time.perf_counter()
        result = run()
        rounds = int(BUDGET / (time.perf_counter() - started + SETTLE))
        running[len(rows)] = run, min(repeat, max(1, rounds))
        error = problem.error(result, contestant.dc_free) if contestant.comparable else None
        rows.append(replace(row, error=error, note=contestant.note(problem)))
        del result
    return Comparison(
        size,
        tuple(problem.sigmas),
        problem.wavelength,
        orientations,
        means,
        tuple(_timed(rows, running, repeat)),
    )


def _timed(rows: list[Row], running: dict[int, tuple[Run, int]], repeat: int) -> list[Row]:
    """Rows with their times, over rounds in which everyone runs once."""
    seconds: dict[int, list[float]] = {index: [] for index in running}
    order, shuffle = list(running.items()), random.Random(0).shuffle
    for number in range(repeat):
        shuffle(order)  # so that nobody always comes after the same one
        for index, (run, rounds) in order:
            if number < rounds:
                time.sleep(SETTLE)
                started = time.perf_counter()
                run()
                seconds[index].append(time.perf_counter() - started)
    medians = {index: statistics.median(times) for index, times in seconds.items()}
    copy = next((medians[index] for index in medians if rows[index].name == COPY), None)
    for index, median in medians.items():
        rows[index] = replace(
            rows[index],
            ratio=median / medians[0],
            copies=median / copy if copy else None,
            milliseconds=1e3 * median,
            rounds=len(seconds[index]),
        )
    return rows
