"""``gaborkit plot``: the library's figures in files, and bad input without traces."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from commands_for_tests import GREY
from gaborkit_cli.main import main

import gaborkit as gk

pytestmark = pytest.mark.usefixtures("folder")

BANK = ["--bank", "grid", "--scales", "1", "--orientations", "2"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["plot", *map(str, arguments)])


def saved(figure) -> np.ndarray:
    gk.plotting.save_figure(figure, "expected.png")
    return gk.read_image("expected.png")


def drawn(*arguments: object) -> np.ndarray:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert Path(result.stdout.strip()).is_file()
    return gk.read_image(result.stdout.strip())


def test_a_kernel_in_the_articles_convention(coarse):
    expected = saved(gk.plotting.plot_kernel(gk.GaborKernel.article(sigma=1)))
    assert np.array_equal(drawn("kernel", "--article", "--sigma", 1), expected)
    assert Path("kernel.png").is_file()


def test_a_kernel_with_its_envelope(coarse):
    kernel = gk.GaborKernel(sigma=1, theta=math.pi / 6)
    expected = saved(gk.plotting.plot_kernel(kernel, gaussian=True))
    shown = drawn("kernel", "--sigma", 1, "--theta", 30, "--gaussian", "--out", "k.png")
    assert np.array_equal(shown, expected)


@pytest.mark.parametrize("part", ["real", "phase"])
def test_a_bank(part):
    expected = saved(gk.plotting.plot_bank(gk.GaborBank.grid(1, 2), part=part))
    assert np.array_equal(drawn("bank", *BANK, "--part", part), expected)


def test_a_table():
    result = run("bank", "--bank", "kovesi", "--table")
    assert result.stdout == gk.GaborBank.preset("kovesi").table() + "\n"
    assert not Path("bank.png").exists()


def test_coverage():
    expected = saved(gk.plotting.plot_coverage(gk.GaborBank.grid(1, 2)))
    assert np.array_equal(drawn("coverage", *BANK, "--out", "c.png"), expected)


@pytest.mark.parametrize("common", [False, True])
def test_responses(common):
    bank = gk.GaborBank.grid(1, 2)
    responses = bank.filter(GREY, boundary="wrap")
    figure = gk.plotting.plot_responses(GREY, responses, bank.labels, common_scale=common)
    option = ["--common-scale"] if common else []
    shown = drawn("responses", "grey.png", *BANK, "--boundary", "wrap", *option)
    assert np.array_equal(shown, saved(figure))


def test_responses_to_colour_are_those_to_luminance():
    colour = np.random.default_rng(0).integers(0, 256, (40, 52, 3), np.uint8)
    gk.write_image("colour.png", colour)
    gk.write_image("luminance.npy", gk.luminance(colour))
    shown = drawn("responses", "colour.png", *BANK)
    assert np.array_equal(shown, drawn("responses", "luminance.npy", *BANK, "--out", "o.png"))


def test_dots_per_inch():
    fine, coarse = (drawn("bank", *BANK, "--dpi", dpi).shape for dpi in (100, 50))
    assert abs(fine[0] - 2 * coarse[0]) <= 2


@pytest.mark.parametrize("suffix", [".svg", ".pdf"])
def test_formats(suffix):
    result = run("coverage", *BANK, "--out", f"c{suffix}")
    assert (result.exit_code, result.stdout) == (0, f"c{suffix}\n")
    assert Path(f"c{suffix}").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["kernel"], 2, "a kernel needs --sigma PIXELS or --bandwidth OCTAVES"),
        (["kernel", *BANK], 2, "--bank"),
        (["kernel", "--sigma", "0"], 2, "sigma=0 is not positive"),
        (["bank"], 2, "which kernel?"),
        (["coverage", *BANK, "--dpi", "0"], 2, "0 is not a number of at least 10"),
        (["coverage", *BANK, "--out", "c.bmp"], 2, "--out c.bmp: .bmp is unknown"),
        (["coverage", *BANK, "--out", "no/c.png"], 1, "the folder no does not exist"),
        (["coverage", *BANK, "--out", "."], 2, "."),
        (["bank", "--bank", "grid", "--scales", "10", "--orientations", "16"], 1, "160 kernels"),
        (["responses", "missing.png", *BANK], 1, "missing.png: there is no such file"),
        (["responses", "grey.png", *BANK[:-1], "65"], 1, "grey.png: 65 channels"),
        (["responses", "stack.npy", *BANK], 1, "stack.npy: "),
    ],
)
def test_errors_are_one_line_and_leave_nothing(arguments, code, text, folder):
    gk.write_image("stack.npy", np.ones((5, 20, 24), np.float32))
    before = sorted(folder.rglob("*"))
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert text in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert sorted(folder.rglob("*")) == before


def test_an_existing_figure_survives_an_error():
    Path("coverage.png").write_bytes(b"older")
    assert run("coverage", "--bank", "none").exit_code == 2
    assert Path("coverage.png").read_bytes() == b"older"
