"""The bank: constructors, sequence, table, file."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import gaborkit as gk
from gaborkit.kernels.presets import PRESETS


def test_grid_is_dilations_times_rotations():
    bank = gk.GaborBank.grid(3, 4, wavelength=4, bandwidth=1.2, a=1.5, gamma=0.7, norm="l2")
    mother = gk.GaborKernel.from_bandwidth(wavelength=4, bandwidth=1.2, gamma=0.7, norm="l2")
    assert len(bank) == 12
    for j in range(3):
        for i in range(4):
            assert bank[4 * j + i] == mother.scaled(1.5, j).rotated(i * math.pi / 4)


def test_grid_with_sigma():
    assert gk.GaborBank.grid(1, 1, wavelength=8, sigma=3)[0] == gk.GaborKernel(
        wavelength=8, sigma=3
    )


def test_default_grid_stays_under_nyquist():
    finest = gk.GaborBank.grid()[0]
    assert abs(finest.transfer(0.0, 0.5)) < 0.003 * abs(finest.transfer(0.0, finest.frequency))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scales": 0}, "scales=0 is not a whole number"),
        ({"orientations": 2.5}, "orientations=2.5 is not a whole number"),
        ({"a": 1}, "a=1 does not dilate"),
        ({"a": math.nan}, "a=nan does not dilate"),
    ],
)
def test_invalid_grid(arguments, message):
    with pytest.raises(gk.BankError, match=message):
        gk.GaborBank.grid(**arguments)


def test_an_invalid_kernel_in_a_grid():
    with pytest.raises(gk.KernelError, match="wavelength=-4"):
        gk.GaborBank.grid(wavelength=-4, sigma=2)


def test_no_kernels():
    with pytest.raises(gk.BankError, match="no kernels"):
        gk.GaborBank([])


def test_something_else_among_the_kernels():
    with pytest.raises(gk.BankError, match="3 is not a kernel"):
        gk.GaborBank([gk.GaborKernel(sigma=2), 3])


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_filter(name):
    bank = gk.GaborBank.preset(name)
    found = bank.filter(np.random.default_rng(0).random((32, 33)))
    assert found.shape == (len(bank), 32, 33)


def test_unknown_preset():
    with pytest.raises(gk.BankError, match="preset 'gist' is unknown; choose one of article"):
        gk.GaborBank.preset("gist")


def test_unknown_parameter_of_a_preset():
    with pytest.raises(gk.BankError, match=r"preset 'article': .*unexpected keyword argument 'J'"):
        gk.GaborBank.preset("article", J=3)


def test_sequence():
    bank = gk.GaborBank.grid(2, 3)
    assert list(bank) == list(bank.kernels)
    assert isinstance(bank[1:3], gk.GaborBank)
    assert bank[1:3].kernels == bank.kernels[1:3]
    assert bank == gk.GaborBank(bank)
    assert len({bank, gk.GaborBank(bank)}) == 1


def test_banks_are_joined():
    one, other = gk.GaborBank.grid(1, 2), gk.GaborBank([gk.LogGaborKernel(wavelength=9)])
    both = one + other
    assert list(both) == [*one, *other]
    assert isinstance(both, gk.GaborBank)
    with pytest.raises(TypeError, match="unsupported operand"):
        one + 3


def test_an_empty_slice_is_no_bank():
    with pytest.raises(gk.BankError, match="no kernels"):
        gk.GaborBank.grid(1, 2)[5:]


def test_table_has_a_line_a_kernel_with_units():
    lines = gk.GaborBank.preset("kovesi").table().splitlines()
    assert len(lines) == 2 + 24
    assert lines[0].split() == ["k", "family", "wavelength", "frequency", "theta", "radius"]
    assert lines[1].split() == ["px", "cycle/px", "deg", "px"]
    assert len({len(line) for line in lines}) == 1
    assert lines[2].split()[:4] == ["0", "log-gabor", "3", "0.3333"]


def test_labels_are_distinct():
    bank = gk.GaborBank.grid(4, 8)
    assert len(set(bank.labels)) == 32


def test_transfer_stacks():
    bank = gk.GaborBank.grid(2, 2)
    fy, fx = np.mgrid[-0.5:0.5:9j, -0.5:0.5:8j]
    found = bank.transfer(fy, fx, sampled=True)
    assert found.shape == (4, 9, 8)
    np.testing.assert_array_equal(found[2], bank[2].transfer(fy, fx, sampled=True))


@pytest.mark.parametrize("name", list(PRESETS))
def test_saved_banks_come_back_to_the_bit(name, tmp_path):
    bank = gk.GaborBank.preset(name)
    bank.save(tmp_path / "bank.json")
    assert gk.GaborBank.load(tmp_path / "bank.json") == bank


def test_saving_over_a_folder(tmp_path):
    with pytest.raises(gk.GaborkitError, match="is a folder; give a file name inside it"):
        gk.GaborBank.grid(1, 1).save(tmp_path)


@pytest.mark.parametrize("name", ["bank.txt", "bank.json.png", "bank.v2"])
def test_saving_under_the_suffix_of_another_format(name, tmp_path):
    with pytest.raises(gk.BankError, match=r"is unknown here; give a name in \.json"):
        gk.GaborBank.grid(1, 1).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    gk.GaborBank.grid(1, 1).save(tmp_path / "bank")
    gk.GaborBank.grid(1, 1).save(tmp_path / "bank.JSON")


def damaged(**changes):
    return {**gk.GaborBank.grid(1, 1).to_dict(), **changes}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("\xff", "is not JSON"),
        ("[]", "is no gaborkit bank"),
        (json.dumps({"kernels": []}), "is no gaborkit bank"),
        (json.dumps(damaged(version=2)), "version 2 is not 1"),
        (json.dumps(damaged(kernels=3)), "'kernels' is not a list"),
        (json.dumps(damaged(kernels=[])), "no kernels"),
        (json.dumps(damaged(kernels=[4])), "kernel 0 is 4, not a JSON object"),
        (json.dumps(damaged(kernels=[{"family": "haar"}])), "family 'haar' is unknown"),
        (json.dumps(damaged(kernels=[{"family": []}])), r"family \[\] is unknown"),
        (json.dumps(damaged(kernels=[{"family": "gabor", "sigma": -1}])), "sigma=-1"),
        (json.dumps(damaged(kernels=[{"family": "gabor", "colour": 1}])), "unexpected keyword"),
        (json.dumps(damaged(kernels=[{"family": "gabor"}])), "missing"),
    ],
)
def test_damaged_files(text, message, tmp_path):
    path = tmp_path / "bank.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(gk.BankError, match=message) as caught:
        gk.GaborBank.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(gk.BankError, match="No such file"):
        gk.GaborBank.load(tmp_path / "none.json")
