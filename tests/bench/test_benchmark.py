"""The benchmark measures what it says: all contestants compute the same thing."""

from __future__ import annotations

import builtins
import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from gaborkit_cli.main import main
from scipy import ndimage

import gaborkit as gk
from gaborkit.bench import compare as benchmark
from gaborkit.bench.compare import CONTESTANTS, COPY, compare
from gaborkit.bench.contestants import Problem, Result

NAMES = [contestant.name for contestant in CONTESTANTS]

#: Recursive filters are off by some percent.
LOOSE = "diplib.Gabor2D, recursive, K times"


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    """Tables whose rows are lines."""
    monkeypatch.setenv("COLUMNS", "250")


@pytest.fixture(scope="module")
def comparison() -> benchmark.Comparison:
    return compare(2.0, size=48, orientations=4, repeat=2)


def test_every_contestant_that_is_installed_is_timed(comparison):
    fitting = [c.name for c in CONTESTANTS if c.fits(Problem(2.0, 48, 4))]
    assert [row.name for row in comparison.rows] == fitting
    assert comparison.rows[0].ratio == 1.0
    copy = next(row for row in comparison.rows if row.name == COPY)
    timed = [row for row in comparison.rows if row.ratio is not None]
    assert len(timed) >= 6
    for row in comparison.rows:
        assert row in timed or row.note.startswith(("not installed: ", "does not import: ")), row
    for row in timed:
        assert row.rounds == 2
        assert row.milliseconds > 0
        assert math.isclose(row.ratio, row.milliseconds / comparison.rows[0].milliseconds)
        assert math.isclose(row.copies, row.milliseconds / copy.milliseconds)


def test_errors_are_those_of_the_support(comparison):
    for row in comparison.rows:
        if row.error is not None and row.name != LOOSE:
            assert row.error < (2e-5 if row.name.startswith("gaborkit") else 2e-2), row


@pytest.mark.parametrize("means", [False, True])
@pytest.mark.parametrize("orientations", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("contestant", CONTESTANTS, ids=NAMES)
def test_every_contestant_filters_with_all_kernels(contestant, orientations, means):
    problem = Problem(1.5, 24, orientations, 2, means)
    if not contestant.fits(problem):
        pytest.skip("does not do this problem")
    try:
        run = contestant.make(problem)
    except ImportError as missing:
        pytest.skip(str(missing))
    result = run()
    assert result.shape == ((2 * orientations,) if means else (2 * orientations, 24, 24))
    if not means:
        assert result.dtype == np.complex64
    if contestant.comparable:
        bound = 0.6 if contestant.name == LOOSE else 5e-2
        assert problem.error(result, contestant.dc_free) < bound


def test_who_does_what():
    complex_only = {c.name for c in CONTESTANTS if c.fits(Problem(2.0, 48, 2)) and "copy" in c.name}
    assert complex_only == {"copying the output", "copying into a new array"}
    means = [c.name for c in CONTESTANTS if c.fits(Problem(2.0, 48, 2, means=True))]
    assert not complex_only & set(means)
    assert "kymatio, first layer, its own kernels" in means
    wide = [c.name for c in CONTESTANTS if c.fits(Problem(16.0, 64, 2))]
    assert ("gaborkit, pyramid" in wide, "gaborkit, pyramid" in means) == (True, False)


def test_the_pyramid_is_timed_for_wide_kernels():
    comparison = compare(12.0, size=64, orientations=2, repeat=1, contestants=CONTESTANTS[:4])
    assert comparison.rows[-1].name == "gaborkit, pyramid"
    assert comparison.rows[-1].error < 1e-4
    assert comparison.rows[-1].copies is None  # nothing was copied


def test_errors_of_a_large_picture_are_those_of_its_corner(monkeypatch):
    whole = Problem(1.5, 40, 3)
    result = CONTESTANTS[0].make(whole)()
    assert whole.error(result, True) < 1e-5
    monkeypatch.setattr("gaborkit.bench.contestants.CORNER", 16)
    corner = Problem(1.5, 40, 3)
    assert corner.error(result, True) < 1e-5
    result[:, 20:, 20:] = 0
    assert corner.error(result, True) < 1e-5
    result[1, 0, 0] += 1
    assert corner.error(result, True) > 1e-2


def test_the_error_is_that_of_the_worst_kernel():
    problem = Problem(1.5, 24, 3)
    result = CONTESTANTS[0].make(problem)()
    result[2] = 0
    assert problem.error(result, True) == 1
    means = Problem(1.5, 24, 3, means=True)
    found = CONTESTANTS[0].make(means)()
    found[1] *= 1.25
    assert math.isclose(means.error(found, True), 0.25, rel_tol=1e-3)


def test_responses_and_parts_are_collected_alike():
    rng = np.random.default_rng(0)
    response = (rng.random((8, 8)) + 1j * rng.random((8, 8))).astype(np.complex64)
    pytest.importorskip("cv2", reason="needs cv2")
    for means in (False, True):
        whole, parts = (Result(Problem(1.5, 8, 1, means=means)) for _ in range(2))
        whole.put(0, response)
        parts.put_parts(0, response.real.copy(), response.imag.copy())
        np.testing.assert_allclose(whole.array, parts.array, rtol=1e-6)


@pytest.mark.parametrize("dc_free", [True, False])
def test_the_reference_is_direct_convolution_in_double(dc_free):
    problem = Problem(1.5, 24, 3)
    image = problem.image.astype(float)
    kernels = problem.bank if dc_free else problem.plain
    exact = np.empty((3, 24, 24), complex)
    for k, kernel in enumerate(kernels):
        sample = kernel.sample(1e-13)
        exact[k].real = ndimage.convolve(image, sample.real, mode="reflect")
        exact[k].imag = ndimage.convolve(image, sample.imag, mode="reflect")
    assert problem.error(exact, dc_free) < 1e-10
    assert problem.error(0 * exact, dc_free) == 1


def test_the_kernels_have_one_octave_and_those_of_peers_radius_three_sigma():
    problem = Problem(4.0, 64, 8)
    assert all(math.isclose(kernel.bandwidth, 1) for kernel in problem.bank)
    assert math.isclose(1 / problem.bank[0].frequency, problem.wavelength)
    assert problem.kernels(0).shape == (8, 25, 25)
    assert Problem(1.3, 64, 1).kernels(0).shape == (1, 9, 9)
    assert Problem(1.2, 64, 2, scales=3).kernels(2).shape == (2, 31, 31)


def test_a_slow_contestant_is_left_out():
    rows = compare(2.0, size=48, orientations=2, repeat=1, slowest=1e-9).rows
    left = [row.name for row in rows if row.note.startswith("left out")]
    assert left == ["cv2.filter2D, 2 K real filters", "skimage.filters.gabor, K times"]


def test_a_contestant_over_its_budget_runs_once(monkeypatch):
    monkeypatch.setattr(benchmark, "BUDGET", 0.0)
    rows = compare(2.0, size=16, orientations=1, repeat=3).rows
    assert {row.rounds for row in rows if row.ratio is not None} == {1}


@pytest.fixture
def alone(monkeypatch):
    """As if OpenCV, scikit-image and DIPlib were not installed."""
    plain = builtins.__import__

    def refuse(name, *arguments, **options):
        if name.partition(".")[0] in ("cv2", "skimage", "diplib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return plain(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_libraries_that_are_not_installed_are_said_to_be_so(alone):
    comparison = compare(2.0, size=16, orientations=2, repeat=1)
    missing = [row for row in comparison.rows if row.ratio is None]
    assert [row.note for row in missing] == [
        "not installed: No module named 'cv2'",
        "not installed: No module named 'cv2'",
        "not installed: No module named 'diplib'",
        "not installed: No module named 'skimage.filters'",
    ]
    line = str(comparison).splitlines()[-1].split(maxsplit=4)
    assert line[:4] == ["-", "-", "-", "-"]
    assert line[4].endswith("(not installed: No module named 'skimage.filters')")


def test_a_library_that_is_broken_is_said_to_be_so():
    def make(problem):
        raise ImportError("cannot import name 'sph_harm'")

    broken = dataclasses.replace(CONTESTANTS[-1], make=make)
    rows = compare(2.0, size=16, repeat=1, contestants=[CONTESTANTS[0], broken]).rows
    assert rows[1].note == "does not import: cannot import name 'sph_harm'"


def test_what_takes_long_is_left_out():
    slow = dataclasses.replace(CONTESTANTS[0], seconds=lambda problem: 8.0)
    rows = compare(2.0, size=16, repeat=1, contestants=[CONTESTANTS[0], slow]).rows
    assert (rows[1].ratio, rows[1].note) == (None, "left out: would take about 8 s")


def test_the_table_has_ratios_first(comparison):
    lines = str(comparison).splitlines()
    assert lines[0] == "48 x 48 float32, 4 orientations, sigma 2 px, complex responses"
    assert lines[1].split() == ["x", "gaborkit", "x", "copy", "ms", "error"]
    assert lines[2].startswith("      1.00 ")
    assert lines[2].endswith("  gaborkit, auto (" + comparison.rows[0].note + ")")
    assert len(lines) == 2 + len(comparison.rows)
    many = dataclasses.replace(comparison, sigmas=(2.0, 4.0), means=True)
    assert str(many).splitlines()[0] == (
        "48 x 48 float32, 2 scales x 4 orientations, sigma 2, 4 px, mean magnitudes"
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"repeat": 0}, "repeat=0 and size=48"),
        ({"size": 0}, "size=0"),
        ({"sigma": 20.0}, "sigma=20 is not above 0 and at most size / 4, here 12"),
        ({"sigma": math.nan}, "sigma=nan"),
        ({"sigma": 0.0}, "sigma=0 "),
        ({"orientations": 0}, "orientations=0"),
    ],
)
def test_numbers_out_of_range(options, text):
    with pytest.raises(gk.GaborkitError) as caught:
        compare(**{"sigma": 2.0, "size": 48, **options})
    assert text in str(caught.value)


# ---- the command ----


@pytest.fixture
def quick(monkeypatch, comparison):
    """Calls of ``compare`` are recorded and answered at once."""
    calls = []

    def answer(**options):
        calls.append(options)
        return dataclasses.replace(comparison, sigmas=(options["sigma"],))

    monkeypatch.setattr(benchmark, "compare", answer)
    return calls


def test_the_command_prints_and_writes(quick, comparison, tmp_path):
    file = tmp_path / "b.json"
    words = ["bench", "--sigma", "1", "--sigma", "2", "--size", "64", "--orientations", "3"]
    result = CliRunner().invoke(main, [*words, "--repeat", "5", "--json", str(file)])
    assert result.exit_code == 0, result.output
    rest = {"size": 64, "orientations": 3, "scales": 1, "means": False, "repeat": 5}
    assert quick == [{"sigma": 1.0, **rest}, {"sigma": 2.0, **rest}]
    assert f"gaborkit {gk.__version__}, numpy {np.__version__}" in result.stdout
    assert f"\n\n{comparison}\n" in result.stdout
    written = json.loads(file.read_text())
    assert written["machine"]["numpy"] == np.__version__
    assert [one["sigmas"] for one in written["comparisons"]] == [[1.0], [2.0]]
    assert written["comparisons"][1] == json.loads(json.dumps(comparison.to_dict()))


def test_defaults(quick):
    assert CliRunner().invoke(main, ["bench"]).exit_code == 0
    bank = {"orientations": 8, "scales": 1, "means": False}
    assert quick == [
        {"sigma": sigma, "size": 512, **bank, "repeat": 7} for sigma in (2.0, 4.0, 8.0)
    ]
    quick.clear()
    arguments = ["bench", "--quick", "--scales", "2", "--means"]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert quick == [{"sigma": 2.0, "size": 256, **bank, "scales": 2, "means": True, "repeat": 3}]


def test_threads_are_reported(quick, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    output = CliRunner().invoke(main, ["bench"]).output
    assert "OMP_NUM_THREADS 3" in output
    assert "OpenCV threads" in output


def test_the_report_without_peers(alone, quick, monkeypatch):
    from importlib import metadata

    def version(name):
        if name == "diplib":
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(metadata, "version", version)
    for name in ("OMP", "OPENBLAS", "MKL"):
        monkeypatch.delenv(f"{name}_NUM_THREADS", raising=False)
    output = CliRunner().invoke(main, ["bench"]).output
    assert "diplib not installed" in output
    assert "OpenCV not installed" in output


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--sigma", "0"], 2, "0 is not a number above 0"),
        (["--sigma", "9", "--size", "32"], 2, "sigma=9 is not above 0 and at most"),
        (["--size", "3"], 2, "3 is not a whole number from 16"),
        (["--repeat", "0"], 2, "0 is not a whole number from 1 to 1,000"),
        (["--quick", "--json", "none/b.json"], 1, "the folder none does not exist"),
    ],
)
def test_errors_of_the_command(arguments, code, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["bench", *arguments])
    assert result.exit_code == code
    assert text in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(Path().iterdir()) == []
