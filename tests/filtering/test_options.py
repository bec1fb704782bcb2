"""The options of filtering: said once, the same by default wherever they are asked for."""

from __future__ import annotations

import inspect
from dataclasses import fields

import numpy as np
import pytest

import gaborkit as gk
from gaborkit import filtering, frame
from gaborkit.filtering import planner, reductions
from gaborkit.filtering.options import FilterOptions

FUNCTIONS = {
    "filter": filtering.filter_bank,
    "responses": filtering.iterate_bank,
    "statistics": reductions.bank_statistics,
    "strongest": reductions.strongest_kernel,
    "plan": planner.plan_bank,
    "frame": frame.frame_bank,
}

#: Defaults that differ, and why: there is no mean of a complex number's phase; files hold reals.
OTHERWISE = {("statistics", "part"): "magnitude", ("filter_large", "part"): "magnitude"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_method_of_a_bank_is_the_function(name):
    assert getattr(gk.GaborBank, name) is FUNCTIONS[name]


@pytest.mark.parametrize(
    ("name", "function"),
    [
        *FUNCTIONS.items(),
        ("Kernel.filter", gk.Kernel.filter),
        ("filter_large", gk.filter_large),
        ("filter_dask", gk.filter_dask),
    ],
)
def test_defaults_are_those_of_the_options(name, function):
    parameters = inspect.signature(function).parameters
    options = [field for field in fields(FilterOptions) if field.name in parameters]
    assert options
    for field in options:
        default = OTHERWISE.get((name, field.name), field.default)
        assert parameters[field.name].default == default, field.name


@pytest.mark.parametrize(
    ("option", "error", "message"),
    [
        ({"part": "size"}, gk.FilterError, "part='size' is unknown; choose one of complex, real"),
        ({"boundary": "zero"}, gk.FilterError, "boundary='zero' is unknown; choose one of reflect"),
        ({"engine": "fast"}, gk.FilterError, "engine='fast' is unknown; choose one of auto"),
        ({"transfer": "own"}, gk.FilterError, "transfer='own' is unknown; choose one of sampled"),
        ({"tolerance": 2}, gk.KernelError, "tolerance=2 is not between 0 and 1"),
    ],
)
def test_an_unknown_choice(option, error, message):
    with pytest.raises(error, match=message):
        FilterOptions(**option)
    bank, image = gk.GaborBank.grid(1, 1), np.zeros((9, 9))
    with pytest.raises(error, match=message):
        bank.filter(image, **option)
    with pytest.raises(error, match=message):
        bank.responses(image, **option)


def test_filter_dask_of_another_array():
    with pytest.raises(gk.FilterError, match=r"ndarray is not a dask array; GaborBank\.filter"):
        gk.filter_dask(gk.GaborBank.grid(1, 1), np.zeros((9, 9)))


def test_a_dask_array_takes_no_transfer():
    array = pytest.importorskip("dask.array", reason="needs dask").zeros((40, 40))
    bank = gk.GaborBank.grid(1, 1)
    for method in (bank.filter, bank.responses):
        with pytest.raises(gk.FilterError, match="dask array takes n"):
            method(array, transfer="analytic")
