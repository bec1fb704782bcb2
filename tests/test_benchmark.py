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
from gaborkit import benchmark
from gaborkit.benchmark import CONTESTANTS, Problem, compare

NAMES = [contestant.name for contestant in CONTESTANTS]


@pytest.fixture(scope="module")
def comparison() -> benchmark.Comparison:
    return compare(2.0, size=48, orientations=4, repeat=2)


def test_every_contestant_is_timed(comparison):
    assert [row.name for row in comparison.rows] == NAMES
    assert comparison.rows[0].ratio == 1.0
    for row in comparison.rows:
        assert row.rounds == 2
        assert row.milliseconds > 0
        assert math.isclose(row.ratio, row.milliseconds / comparison.rows[0].milliseconds)


def test_errors_are_those_of_the_support(comparison):
    for row in comparison.rows:
        small = row.name.startswith("gaborkit") and "3 sigma" not in row.name
        assert row.error < (2e-5 if small else 1e-2), row


@pytest.mark.parametrize("orientations", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("contestant", CONTESTANTS, ids=NAMES)
def test_every_contestant_filters_with_all_orientations(contestant, orientations):
    problem = Problem(1.5, 24, orientations)
    responses = contestant.make(problem)()
    assert responses.shape == (orientations, 24, 24)
    assert responses.dtype == np.complex64
    assert problem.error(responses, contestant.dc_free) < 2e-2


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
    assert problem.kernels.shape == (8, 25, 25)
    assert Problem(1.3, 64, 1).kernels.shape == (1, 9, 9)


def test_a_slow_contestant_is_left_out():
    rows = compare(2.0, size=48, orientations=2, repeat=1, slowest=1e-9).rows
    left = [row.name for row in rows if row.ratio is None]
    assert left == ["gaborkit, direct", "skimage.filters.gabor, K times"]
    assert all(row.note.startswith("left out: ") for row in rows if row.ratio is None)


def test_a_contestant_over_its_budget_runs_once(monkeypatch):
    monkeypatch.setattr(benchmark, "BUDGET", 0.0)
    rows = compare(2.0, size=16, orientations=1, repeat=3).rows
    assert {row.rounds for row in rows} == {1}


@pytest.fixture
def alone(monkeypatch):
    """As if neither OpenCV nor scikit-image were installed."""
    plain = builtins.__import__

    def refuse(name, *arguments, **options):
        if name.partition(".")[0] in ("cv2", "skimage"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return plain(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_libraries_that_are_not_installed_are_said_to_be_so(alone):
    comparison = compare(2.0, size=16, orientations=2, repeat=1)
    missing = [row for row in comparison.rows if row.ratio is None]
    assert [row.note for row in missing] == [
        "not installed: No module named 'cv2'",
        "not installed: No module named 'cv2'",
        "not installed: No module named 'skimage.filters'",
    ]
    line = str(comparison).splitlines()[-1].split(maxsplit=3)
    assert line[:3] == ["-", "-", "-"]
    assert line[3].endswith("(not installed: No module named 'skimage.filters')")


def test_the_table_has_ratios_first(comparison):
    lines = str(comparison).splitlines()
    assert lines[0] == "48 x 48 float32, 4 orientations, sigma 2 px, wavelength 3.56 px"
    assert lines[1].split() == ["x", "gaborkit", "ms", "error"]
    assert lines[2].startswith("      1.00 ")
    assert lines[2].endswith("  gaborkit, auto (" + comparison.rows[0].note + ")")
    assert len(lines) == 2 + len(CONTESTANTS)


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
        return dataclasses.replace(comparison, sigma=options["sigma"])

    monkeypatch.setattr(benchmark, "compare", answer)
    return calls


def test_the_command_prints_and_writes(quick, comparison, tmp_path):
    file = tmp_path / "b.json"
    words = ["bench", "--sigma", "1", "--sigma", "2", "--size", "64", "--orientations", "3"]
    result = CliRunner().invoke(main, [*words, "--repeat", "5", "--json", str(file)])
    assert result.exit_code == 0, result.output
    rest = {"size": 64, "orientations": 3, "repeat": 5}
    assert quick == [{"sigma": 1.0, **rest}, {"sigma": 2.0, **rest}]
    assert f"gaborkit {gk.__version__}, numpy {np.__version__}" in result.stdout
    assert f"\n\n{comparison}\n" in result.stdout
    written = json.loads(file.read_text())
    assert written["machine"]["numpy"] == np.__version__
    assert [one["sigma"] for one in written["comparisons"]] == [1.0, 2.0]
    assert written["comparisons"][1] == json.loads(json.dumps(comparison.to_dict()))


def test_defaults(quick):
    assert CliRunner().invoke(main, ["bench"]).exit_code == 0
    assert quick == [
        {"sigma": sigma, "size": 512, "orientations": 8, "repeat": 7} for sigma in (2.0, 4.0, 8.0)
    ]
    quick.clear()
    assert CliRunner().invoke(main, ["bench", "--quick"]).exit_code == 0
    assert quick == [{"sigma": 2.0, "size": 256, "orientations": 8, "repeat": 3}]


def test_threads_are_reported(quick, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    output = CliRunner().invoke(main, ["bench"]).output
    assert "OMP_NUM_THREADS 3" in output
    assert "OpenCV threads" in output


def test_the_report_without_peers(alone, quick, monkeypatch):
    from importlib import metadata

    def version(name):
        if name in ("scikit-image", "opencv-python-headless"):
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(metadata, "version", version)
    for name in ("OMP", "OPENBLAS", "MKL"):
        monkeypatch.delenv(f"{name}_NUM_THREADS", raising=False)
    output = CliRunner().invoke(main, ["bench"]).output
    assert "scikit-image not installed, opencv-python-headless not installed\n" in output


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--sigma", "0"], 2, "sigma=0 "),
        (["--sigma", "9", "--size", "32"], 2, "sigma=9 is not above 0 and at most"),
        (["--size", "3"], 2, "3 is not in the range"),
        (["--repeat", "0"], 2, "0 is not in the range"),
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
