"""Time of gaborkit on this machine beside other libraries, and the error of each.

Every contestant makes the same thing of one picture of white noise, float32 (size, size): the
complex64 responses (K, size, size) to K orientations of a round Gabor kernel of one octave, norm
``l1``, boundary ``reflect``. gaborkit does all of its work within the time measured. Of the
others, kernels and their spectra are made before, where the library lets them be made apart.
Their kernels have radius 3 sigma and, as these libraries have none, no DC-removal term.

The error is that of the K responses together, relative, in L2, against convolution in double
precision with kernels that leave out 1e-12 of their envelope's mass: DC-free ones for DC-free
contestants, plain ones for the others.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np

from .bank import GaborBank
from .conventions import sigma_of
from .errors import BankError
from .kernel import TOLERANCE
from .types import ComplexArray, Engine, RealArray

#: Seconds that one contestant may take in all before it sits out the remaining rounds.
BUDGET = 4.0

#: Share of the envelope's mass outside the kernels that errors are measured against.
REFERENCE_TOLERANCE = 1e-12

#: The tolerance that makes gaborkit's kernels as small as those of its peers: radius 3 sigma.
THREE_SIGMA = 4.0004 * NormalDist().cdf(-3)

Run = Callable[[], ComplexArray]


@dataclass(frozen=True)
class Row:
    """What one contestant did.

    Attributes
    ----------
    name, note : str
        Library and function; what it chose, or why it did not run.
    dc_free : bool
        Whether its kernels have the DC-removal term.
    ratio : float or None
        Its time as a multiple of the first row's; None if it did not run.
    milliseconds : float or None
        Median over its rounds.
    rounds : int
        How often it ran, after one run that is not counted.
    error : float or None
        See the module.
    """

    name: str
    dc_free: bool
    ratio: float | None = None
    milliseconds: float | None = None
    rounds: int = 0
    error: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """Contestants on one problem; printing it gives a table, ratios first."""

    size: int
    sigma: float
    wavelength: float
    orientations: int
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready description."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [
            f"{self.size} x {self.size} float32, {self.orientations} orientations, "
            f"sigma {self.sigma:g} px, wavelength {self.wavelength:.3g} px",
            f"{'x gaborkit':>10}{'ms':>10}{'error':>10}",
        ]
        for row in self.rows:
            figures = f"{'-':>10}{'-':>10}{'-':>10}"
            if row.ratio is not None:
                figures = f"{row.ratio:10.2f}{row.milliseconds:10.2f}{row.error:10.1e}"
            lines.append(f"{figures}  {row.name}" + (f" ({row.note})" if row.note else ""))
        return "\n".join(lines)


def compare(
    sigma: float = 4.0,
    *,
    size: int = 512,
    orientations: int = 8,
    repeat: int = 7,
    slowest: float = 5.0,
) -> Comparison:
    """Time gaborkit's engines and the libraries that are installed.

    After one run that is not counted, all contestants run once in each round, so that what else
    the machine does hits all of them alike. Threads are left as they are.

    Parameters
    ----------
    sigma : float
        Deviation of the kernels in pixels; the wavelength is that of one octave.
    size : int
        Side of the picture.
    orientations : int
        How many kernels.
    repeat : int
        Rounds.
    slowest : float
        Seconds; contestants expected to take longer for one run are left out.

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
    problem = Problem(sigma, size, orientations)
    rows = []
    running: dict[int, tuple[Run, int]] = {}
    for place, contestant in enumerate(CONTESTANTS):
        row = Row(contestant.name, contestant.dc_free)
        expected = contestant.seconds(problem)
        try:
            run = contestant.make(problem)
        except ImportError as missing:
            rows.append(replace(row, note=f"not installed: {missing}"))
            continue
        if expected > slowest:
            rows.append(replace(row, note=f"left out: would take about {expected:.0f} s"))
            continue
        started = time.perf_counter()
        responses = run()
        rounds = int(BUDGET / max(time.perf_counter() - started, 1e-6))
        running[place] = run, min(repeat, max(1, rounds))
        error = problem.error(responses, contestant.dc_free)
        rows.append(replace(row, error=error, note=contestant.note(problem)))

    seconds: dict[int, list[float]] = {place: [] for place in running}
    for number in range(repeat):
        for place, (run, rounds) in running.items():
            if number < rounds:
                started = time.perf_counter()
                run()
                seconds[place].append(time.perf_counter() - started)
    for place, times in seconds.items():
        median = statistics.median(times)
        rows[place] = replace(
            rows[place],
            ratio=median / statistics.median(seconds[0]),
            milliseconds=1e3 * median,
            rounds=len(times),
        )
    return Comparison(size, sigma, problem.wavelength, orientations, tuple(rows))


class Problem:
    """The picture, the kernels, and the responses that errors are measured against."""

    def __init__(self, sigma: float, size: int, orientations: int) -> None:
        self.sigma, self.wavelength = sigma, sigma / sigma_of(1, 1)
        self.image = np.random.default_rng(0).standard_normal((size, size), np.float32)
        self.radius = math.ceil(3 * sigma)
        self.bank, self.plain = (
            GaborBank.grid(
                1, orientations, wavelength=self.wavelength, sigma=sigma, dc_free=dc_free
            )
            for dc_free in (True, False)
        )
        self.out_shape = (orientations, size, size)

    @property
    def thetas(self) -> list[float]:
        """Direction of each kernel."""
        return [kernel.theta for kernel in self.bank]

    @cached_property
    def kernels(self) -> ComplexArray:
        """Plain kernels of radius 3 sigma, complex128 (K, h, w)."""
        return np.stack([kernel.sample(THREE_SIGMA) for kernel in self.plain])

    @cached_property
    def _references(self) -> dict[bool, ComplexArray]:
        return {True: self._exact(self.bank), False: self._exact(self.plain)}

    def _exact(self, bank: GaborBank) -> ComplexArray:
        from scipy.signal import fftconvolve

        samples = [kernel.sample(REFERENCE_TOLERANCE) for kernel in bank]
        padded = np.pad(self.image.astype(float), len(samples[0]) // 2, "symmetric")
        return np.stack([fftconvolve(padded, sample, "valid") for sample in samples])

    def error(self, responses: ComplexArray, dc_free: bool) -> float:
        """Relative error in L2."""
        exact = self._references[dc_free]
        return float(np.linalg.norm(responses - exact) / np.linalg.norm(exact))


@dataclass(frozen=True)
class Contestant:
    """A way to filter: ``make`` imports what it takes and prepares a run."""

    name: str
    make: Callable[[Problem], Run]
    dc_free: bool = False
    seconds: Callable[[Problem], float] = lambda problem: 0.0
    note: Callable[[Problem], str] = lambda problem: ""


def _gaborkit(
    engine: Engine, name: str = "", dc_free: bool = True, tolerance: float = TOLERANCE
) -> Contestant:
    def plan(problem: Problem) -> Any:
        bank = problem.bank if dc_free else problem.plain
        return bank.plan(problem.image.shape, engine=engine, tolerance=tolerance)

    def make(problem: Problem) -> Run:
        bank = problem.bank if dc_free else problem.plain
        return lambda: bank.filter(problem.image, engine=engine, tolerance=tolerance)

    return Contestant(
        f"gaborkit, {engine}{name}",
        make,
        dc_free,
        seconds=lambda problem: plan(problem).milliseconds / 1e3 if engine == "direct" else 0.0,
        note=lambda problem: plan(problem).steps[0].engine if engine == "auto" else "",
    )


def _skimage(problem: Problem) -> Run:
    from skimage.filters import gabor

    def run() -> ComplexArray:
        out = np.empty(problem.out_shape, np.complex64)
        for k, theta in enumerate(problem.thetas):
            out[k].real, out[k].imag = gabor(
                problem.image,
                1 / problem.wavelength,
                theta,
                sigma_x=problem.sigma,
                sigma_y=problem.sigma,
                n_stds=3,
                mode="reflect",
            )
        return out

    return run


def _skimage_seconds(problem: Problem) -> float:
    # SciPy's direct convolution takes about 0.75 ns for a multiplication.
    taps = (2 * problem.radius + 1) ** 2
    return 0.75e-9 * 2 * len(problem.bank) * taps * problem.image.size


def _filter2d(problem: Problem) -> Run:
    import cv2

    # filter2D correlates: kernels are turned by half a circle.
    turned = problem.kernels[:, ::-1, ::-1].astype(np.complex64)
    parts = [(np.ascontiguousarray(k.real), np.ascontiguousarray(k.imag)) for k in turned]

    def correlate(kernel: RealArray) -> Any:
        return cv2.filter2D(problem.image, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT)

    def run() -> ComplexArray:
        out = np.empty(problem.out_shape, np.complex64)
        for k, (real, imag) in enumerate(parts):
            out[k].real, out[k].imag = correlate(real), correlate(imag)
        return out

    return run


def _separable_filter2d(problem: Problem) -> Run:
    import cv2

    line = np.arange(-problem.radius, problem.radius + 1.0)
    gauss = np.exp(-(line**2) / (2 * problem.sigma**2)) / math.sqrt(2 * math.pi) / problem.sigma
    thetas = problem.thetas

    def convolve(column: RealArray, row: RealArray) -> Any:
        turned = row[::-1], column[::-1]  # sepFilter2D correlates
        return cv2.sepFilter2D(problem.image, cv2.CV_32F, *turned, borderType=cv2.BORDER_REFLECT)

    def run() -> ComplexArray:
        out = np.empty(problem.out_shape, np.complex64)
        turn = 2 * math.pi / problem.wavelength * line
        for k in range(len(thetas) // 2 + 1):
            row = gauss * np.exp(1j * turn * math.cos(thetas[k]))
            column = gauss * np.exp(1j * turn * math.sin(thetas[k]))
            real, imag = convolve(column.real, row.real), convolve(column.real, row.imag)
            if k == 0:  # no sine along y
                out[k].real, out[k].imag = real, imag
                continue
            sine = convolve(column.imag, row.real)
            if 2 * k == len(thetas):  # no sine along x
                out[k].real, out[k].imag = real, sine
                continue
            sines = convolve(column.imag, row.imag)
            out[k].real, out[k].imag = real - sines, imag + sine
            # pi - theta: the sine along x changes its sign.
            out[-k].real, out[-k].imag = real + sines, sine - imag
        return out

    return run


def _shared_fft(problem: Problem) -> Run:
    import scipy.fft

    height, width = problem.image.shape
    margin = problem.radius
    size = [scipy.fft.next_fast_len(side + 2 * margin) for side in (height, width)]
    spectra = scipy.fft.fft2(problem.kernels.astype(np.complex64), size, workers=-1)

    def run() -> ComplexArray:
        out = np.empty(problem.out_shape, np.complex64)
        padded = np.pad(problem.image, margin, "symmetric")
        transformed = scipy.fft.fft2(padded, size, workers=-1)
        for k, spectrum in enumerate(spectra):
            response = scipy.fft.ifft2(transformed * spectrum, workers=-1, overwrite_x=True)
            out[k] = response[2 * margin : 2 * margin + height, 2 * margin : 2 * margin + width]
        return out

    return run


#: The first one is what the others are compared with.
CONTESTANTS = (
    _gaborkit("auto"),
    _gaborkit("auto", ", plain", dc_free=False),
    _gaborkit("auto", ", plain, radius 3 sigma", dc_free=False, tolerance=THREE_SIGMA),
    _gaborkit("separable"),
    _gaborkit("fourier"),
    _gaborkit("direct"),
    Contestant("cv2.sepFilter2D, theta and pi - theta shared", _separable_filter2d),
    Contestant("scipy.fft, one forward, K inverse", _shared_fft),
    Contestant("cv2.filter2D, 2 K real filters", _filter2d),
    Contestant("skimage.filters.gabor, K times", _skimage, seconds=_skimage_seconds),
)
