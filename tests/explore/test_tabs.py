"""What tabs show is what the library makes, and so do the Python and the command beside it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gaborkit_cli.explore import bank_tab, responses_tab
from gaborkit_cli.explore.desk import Desk
from gaborkit_cli.options.kernels import BANKS
from gaborkit_cli.quantization import quantize
from showing_for_tests import both, pixels, run_command, run_python, show

import gaborkit as gk
from gaborkit.plotting import littlewood_paley
from gaborkit.plotting.colours import phase_colours


@pytest.fixture
def drawn(monkeypatch, empty_folder):
    """What is asked to be drawn, and the file that it is to be in; nothing is."""
    asked = []
    for name in ("plot_kernel", "plot_coverage"):
        monkeypatch.setattr(gk.plotting, name, lambda what, **options: asked.append(what))
    monkeypatch.setattr(
        gk.plotting, "save_figure", lambda figure, path, dpi: asked.append(str(path))
    )
    return asked


def test_drawings_of_python_and_command_are_the_same(empty_folder, coarse):
    for tab, texts, name in (
        ("kernel", {"sigma": "2"}, "kernel.png"),
        ("bank", {"scales": "2", "orientations": "2"}, "coverage.png"),
    ):
        _, [(by_python, by_command)] = both(show(tab, **texts), name)
        np.testing.assert_array_equal(by_python, by_command)


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"wavelength": "6.5", "theta": "-72", "sigma": "2.3", "gamma": "0.5", "phase": "90"},
        {"scale": "2", "dc_free": "0", "norm": "peak", "surface": "imaginary part"},
    ],
)
def test_a_kernel_is_what_its_python_and_its_command_make(drawn, texts):
    answer = show("kernel", **texts)
    made = run_python(answer)
    run_command(answer)
    samples, kernel = made["samples"], made["kernel"]
    assert drawn == [kernel, "kernel.png"] * 2
    limit = abs(samples).max()
    for title, values in (("Real part", samples.real), ("Imaginary part", samples.imag)):
        stored, _ = quantize(values, "real", limits=(-limit, limit))
        np.testing.assert_array_equal(pixels(answer["titles"][title]), stored)
    line = np.linspace(-0.5, 0.5, 129)
    spectrum = abs(kernel.transfer(line[:, None], line[None, :]))
    np.testing.assert_array_equal(
        pixels(answer["titles"]["Spectrum"]), quantize(spectrum, "magnitude")[0]
    )


def test_a_surface_is_the_kernels_formula(folder):
    panel = show("kernel", gamma="2", surface="magnitude")["titles"]["Surface: magnitude"]
    kernel = gk.GaborKernel(wavelength=8, theta=math.radians(30), sigma=4, gamma=2)
    line = np.linspace(-panel["extent"], panel["extent"], len(panel["heights"]))
    heights = abs(kernel.evaluate(line[:, None], line[None, :]))
    np.testing.assert_allclose(panel["heights"], heights, atol=5.1e-4 * heights.max())


def test_of_a_large_kernel_every_nth_pixel_is_shown():
    answer = show("kernel", wavelength="64", sigma="32", scale="4", gamma="0.25")
    assert pixels(answer["titles"]["Real part"]).shape[0] <= 321
    assert "th pixel" in answer["titles"]["Real part"]["legend"]


def test_what_the_library_warns_of_is_a_note():
    (note,) = show("kernel", wavelength="2", scale="0.5")["notes"]
    assert "wavelength" in note


@pytest.mark.parametrize("bank", BANKS)
def test_a_bank_is_what_its_python_makes(bank):
    answer = show("bank", bank=bank, scales="3", orientations="5")
    made = run_python(answer | {"python": answer["python"].partition("figure")[0]})["bank"]
    line = np.linspace(-0.5, 0.5, bank_tab.FREQUENCIES)
    total = littlewood_paley(made, line[:, None], line[None, :])
    shown = pixels(answer["titles"]["Littlewood-Paley sum"]).astype(int)
    assert abs(shown - quantize(total, "magnitude")[0]).max() <= 1
    assert answer["titles"][f"{len(made)} kernels"]["rows"][-1][-1] == str(made[-1].radius())
    contours = answer["titles"]["Half-peak contours"]["curves"]
    for kernel, curve in zip(made, contours, strict=True):
        fx, fy = np.array(curve["points"]).T
        peak = abs(kernel.transfer(*kernel_peak(kernel)))
        half = abs(kernel.transfer(fy, fx)) / peak
        np.testing.assert_allclose(half, 0.5, atol=0.02)


def kernel_peak(kernel):
    """(fy, fx) at which a kernel answers most, by search along its direction."""
    radius = np.linspace(0, 0.6, 2001)
    fy, fx = radius * math.sin(kernel.theta), radius * math.cos(kernel.theta)
    most = abs(kernel.transfer(fy, fx)).argmax()
    return fy[most], fx[most]


@pytest.mark.parametrize(
    "texts",
    [
        {"bank": "grid", "scales": "2", "orientations": "3", "wavelength": "5", "gamma": "0.5"},
        {"bank": "article", "scales": "2", "orientations": "2", "sigma": "1.5"},
        {"bank": "bob", "scales": "2", "orientations": "2"},
    ],
)
def test_a_bank_is_what_its_command_draws(drawn, texts):
    answer = show("bank", **texts)
    made = run_python(answer)
    run_command(answer)
    assert drawn == [made["bank"], "coverage.png"] * 2
    assert made["printed"].rstrip() == made["bank"].table()


@pytest.mark.parametrize("picture", ["grey.png", "colour.png", "sample:coins"])
def test_responses_are_what_python_and_command_make(folder, picture):
    desk = Desk("colour.png")
    desk.hand_over("grey.png", (folder / "grey.png").read_bytes())
    texts = {"picture": picture, "wavelength": "5", "gamma": "0.7", "at": "3,50"}
    answer = show("responses", desk, orientations="4", scales="2", **texts)
    made = run_python(answer)
    run_command(answer)
    magnitude = pixels(answer["titles"]["Magnitude"])
    np.testing.assert_array_equal(magnitude, gk.read_image("magnitude.png"))
    np.testing.assert_array_equal(magnitude, quantize(made["magnitude"], "magnitude")[0])
    polar = answer["titles"]["At y = 3, x = 50"]
    values = np.ravel([series["values"] for series in polar["series"]])
    np.testing.assert_allclose(values, made["answers"], atol=3e-4 * made["answers"].max())
    turns = np.array([*polar["angles"]] * 2)
    degrees = [math.degrees(kernel.theta) for kernel in made["bank"]]
    np.testing.assert_allclose(turns, degrees)


@pytest.mark.parametrize("gamma", [0.6, 1, 2])  # 0.6 reaches further than the picture
@pytest.mark.parametrize("at", [(0, 0), (39, 51), (20, 5)])
def test_answers_at_a_pixel_are_those_of_the_filter(at, gamma):
    image = np.random.default_rng(1).random((40, 52))
    bank = gk.GaborBank.grid(3, 3, gamma=gamma, phase=0.4)
    responses = bank.filter(image)
    answers = responses_tab.responses_at(bank, image, *at)
    expected = responses[:, at[0], at[1]]
    np.testing.assert_allclose(answers, expected, atol=2e-5 * abs(responses).max())


def test_hues_are_those_of_plots():
    response = np.exp(1j * np.linspace(-np.pi, np.pi, 400)) * np.linspace(0, 1, 400)
    palette = np.frombuffer(responses_tab.hues(), np.uint8).reshape(-1, 3)
    colours = palette[responses_tab.hues_of(response[None], 1.0)[0]].astype(int)
    expected = phase_colours(np.angle(response), abs(response))[:, :3]
    assert abs(colours - expected).max() <= 40  # half a step of strength, or of phase
    assert abs(colours - expected).mean() <= 5


@pytest.mark.parametrize(
    ("tab", "texts", "message"),
    [
        ("kernel", {"sigma": "-1"}, "sigma -1: give a number from 0.5 to 32"),
        ("kernel", {"sigma": "nan"}, "sigma nan: give a number from 0.5 to 32"),
        ("kernel", {"norm": "l3"}, "norm l3: give one of l1"),
        ("kernel", {"dc_free": "yes"}, "dc_free yes: give 0 or 1"),
        ("kernel", {"colour": "1"}, "colour: there is no such control here"),
        ("bank", {"scales": "2.5"}, "scales 2.5: give a whole number from 2 to 8"),
        ("responses", {"at": "a,b"}, "at a,b: give Y,X in pixels"),
        ("responses", {"at": "3,900"}, "has no pixel y = 3, x = 900; it is 512 high"),
        ("responses", {"picture": "../etc/passwd"}, "is not here; drop the file on the page"),
    ],
)
def test_what_a_text_does_not_say_is_refused_in_a_line(tab, texts, message):
    with pytest.raises((gk.GaborkitError, Exception), match=message) as caught:
        show(tab, **texts)
    assert type(caught.value).__name__ in ("UsageError", "ImageError")


def test_a_control_that_does_not_apply_does_not_count():
    texts = {"bank": "bob", "scales": "2", "orientations": "2"}
    assert show("bank", **texts, wavelength="9") == show("bank", **texts)
