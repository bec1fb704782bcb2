"""Options that make kernels and banks, and those that make none."""

from __future__ import annotations

import re

import numpy as np
import pytest
from commands_for_tests import run
from gaborkit_cli.options import kernels as options

import gaborkit as gk


def kernel_of(**given) -> gk.GaborKernel:
    return options.kernel_from(given)


def test_angles_are_degrees():
    kernel = kernel_of(sigma=4.0, theta=45.0, phase=-90.0)
    assert kernel == gk.GaborKernel(sigma=4, theta=np.pi / 4, phase=-np.pi / 2)


def test_the_default_wavelength_is_two_pi():
    assert kernel_of(sigma=1.0).wavelength == 2 * np.pi
    assert kernel_of(bandwidth=1.0) == gk.GaborKernel.from_bandwidth(wavelength=2 * np.pi)


def test_all_options_of_a_kernel_arrive():
    fields = {"wavelength": 9.0, "sigma": 3.0, "gamma": 0.5, "scale": 2.0, "norm": "gain"}
    fields["dc_free"] = False
    assert kernel_of(**fields) == gk.GaborKernel(**fields)


def test_the_article_has_its_own_convention():
    assert kernel_of(article=True) == gk.GaborKernel.article()
    kernel = kernel_of(article=True, sigma=1.5, theta=30.0, scale=8.0)
    expected = gk.GaborKernel.article(1.5, np.pi / 6, a=2, j=3)
    assert np.allclose(kernel.sample(), expected.sample(), rtol=0, atol=1e-15)


def test_banks():
    assert options.bank_from({"sigma": 2.0}) == gk.GaborBank([gk.GaborKernel(sigma=2)])
    grid = {"bank": "grid", "scales": 2, "orientations": 3, "a": 1.5, "theta": 10.0, "norm": "l2"}
    assert options.bank_from(grid) == gk.GaborBank.grid(
        2, 3, a=1.5, theta=np.radians(10), norm="l2"
    )
    assert options.bank_from({"bank": "kymatio", "scales": 2, "orientations": 6}) == (
        gk.GaborBank.preset("kymatio", J=2, L=6)
    )


def test_a_bank_from_a_file(tmp_path):
    bank = gk.GaborBank.preset("bob")
    bank.save(tmp_path / "bank.json")
    assert options.bank_from({"bank": str(tmp_path / "bank.json")}) == bank
    with pytest.raises(gk.BankError, match="No such file"):
        options.bank_from({"bank": str(tmp_path / "other.json")})


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("", "which kernel? give --sigma PIXELS or --bandwidth OCTAVES for one, --bank for more"),
        ("--theta 3", "a kernel needs --sigma PIXELS or --bandwidth OCTAVES"),
        ("--sigma 1 --bandwidth 1", "--sigma and --bandwidth say the same thing"),
        ("--bank grid --sigma 1 --bandwidth 1", "--sigma and --bandwidth say the same thing"),
        ("--sigma 0", "sigma=0 is not positive"),
        ("--sigma -2", "sigma=-2 is not positive"),
        ("--sigma 1 --theta nan", "nan is not a finite number"),
        ("--sigma inf", "inf is not a finite number"),
        ("--bandwidth 0", "bandwidth=0"),
        ("--article --sigma 0", "sigma=0"),
        ("--article --gamma 1", "--gamma does not go with --article: it takes --sigma, --theta"),
        ("--article --plain", "--plain does not go with --article"),
        ("--article --bank grid", "--article does not go with --bank grid"),
        ("--bank grid --scale 2", "--scale does not go with --bank grid"),
        ("--sigma 1 --scales 2", "--scales needs --bank"),
        ("--sigma 1 --a 2", "--a needs --bank"),
        ("--bank gird", "GaborBank.save wrote; did you mean grid?"),
        ("--bank grid --scales 0", "0 is not a whole number from 1 to 100"),
        ("--bank grid --a 1", "--bank grid: a=1.0"),
        ("--bank manjunath --sigma 1", "--sigma does not go with --bank manjunath: it takes"),
        ("--bank manjunath --dc-free", "--dc-free does not go with --bank manjunath"),
        ("--bank manjunath --scales 1", "--bank manjunath: scales=1"),
        ("--bank b.json --scales 2", "--scales does not go with --bank b.json: it has all"),
    ],
)
def test_options_that_make_no_bank_are_usage_errors(arguments, text):
    result = run("plot", "bank", "--table", *arguments.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert text in result.stderr
    assert result.stderr.count("\n") == 1


def test_angles_are_in_degrees():
    over, usual = (
        run("plot", "bank", "--table", "--sigma", "4", f"--theta={theta}") for theta in (405, 45)
    )
    assert over.stdout == usual.stdout
    radians = {"0.785": 45, "-1.5708": -90, "3.14159": 180, "6.283": 360, "0.2618": 15}
    for given, degrees in radians.items():
        result = run("plot", "bank", "--table", "--sigma", "4", f"--theta={given}")
        assert result.exit_code == 0
        assert result.stderr == (
            f"warning: --theta {given} is in degrees; for so many radians give {degrees}\n"
        )
    for given in ("0", "1", "2", "0.5", "1.5", "3.1", "45", "1e-5", "405", "-1e308"):
        assert run("plot", "bank", "--table", "--sigma", "4", f"--phase={given}").stderr == ""
    for given in ("pi/4", "45deg", "nan"):
        result = run("plot", "bank", "--table", "--sigma", "4", f"--theta={given}")
        assert result.exit_code == 2
        assert "is not a finite number of degrees, such as 45" in result.stderr


def test_a_missing_bank_file_is_no_usage_error():
    result = run("plot", "bank", "--table", "--bank", "none.json")
    assert result.exit_code == 1
    assert result.stderr == (
        "error: none.json: No such file or directory; GaborBank.save writes a bank\n"
    )


def test_a_poorly_sampled_kernel_is_one_line_of_warning():
    result = run("plot", "bank", "--table", "--sigma", "0.3")
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: an envelope of standard deviation 0.3 pixels")
    assert result.stderr.count("\n") == 1
    assert "6.283" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["filter", "a.png", "--sigm", "3", "--out", "o.png"], "--sigma"),
        (["--versoin"], "--version"),
        (["fliter"], "filter"),
        (["plot", "kernl"], "kernel"),
        (["filter", "sample:camra", "--sigma", "2", "--out", "o.png"], "camera"),
        (["filter", "sample:brick", "--bank", "kymatoi", "--out", "o.npz"], "kymatio"),
        (["filter", "sample:brick", "--part", "magnitud", "--out", "o.npz"], "magnitude"),
        (["features", "sample:brick", "--features", "textur"], "texture"),
        (
            ["features", "sample:brick", "--features", "invariant", "--set", "polling=max"],
            "pooling",
        ),
        (["train", "vea"], "vae"),
        (["train", "vae", "--data", "minst"], "mnist"),
        (["train", "vae", "--preset", "artcle"], "article"),
        (["train", "vae", "--set", "latnt=2"], "latent"),
    ],
)
def test_the_word_that_is_most_like_a_wrong_one_is_offered(arguments, meant, empty_folder):
    if arguments[0] == "features":
        arguments = [*arguments, "--out", "o.csv"]
    result = run(*arguments)
    assert result.exit_code in (1, 2)
    assert result.stderr.count("\n") == 1
    # Of several options like it, Click before 8.3 says "Possible options".
    offered = rf"([Dd]id you mean|Possible options).*{meant}"
    assert re.search(offered, result.stderr), result.stderr
