"""Figures, their tables, and the refusal to compare likelihoods of different protocols."""

from __future__ import annotations

import json

import pytest

from gaborkit.errors import ModelError, StoreError
from gaborkit.generative.metrics import Evaluation, Figure, compare


def evaluation(*figures, notes=()):
    return Evaluation("vae, raw features", "mini", figures, notes)


def likelihood(name="NLL, exact", protocol="exact", domain="8-bit pixels of 10 images"):
    return Figure(name, 0.8, 0.01, "nats", protocol, "lower", domain)


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (Figure("a", 0.12345), "0.1235"),
        (Figure("a", 3.14159, 0.1234, "nats"), "3.142 ± 0.12 nats"),
        (
            Figure("a", 86.764, 0.051, "nats", repeat_error=0.004),
            "86.76 ± 0.051 (± 0.004 over repeats) nats",
        ),
        (Figure("a", 97.5, unit="%"), "97.50%"),
        (Figure("a", 9, unit="of 10"), "9 of 10"),
    ],
)
def test_text_of_a_figure(figure, text):
    assert str(figure) == text


def test_the_table_prints_every_protocol():
    figures = likelihood(protocol="8-bit pixels; exact"), Figure("Recall", 0.5, protocol="k = 3")
    text = str(evaluation(*figures, notes=("a note",)))
    assert "8-bit pixels; exact" in text
    assert "k = 3" in text
    assert text.endswith("\na note")


def test_there_and_back_through_json():
    found = evaluation(likelihood(), Figure("Recall", 0.5), notes=("a note",))
    text = json.dumps(found.to_dict(), allow_nan=False)
    assert Evaluation.from_dict(json.loads(text)) == found


@pytest.mark.parametrize(
    "damage",
    [
        [],
        {},
        {"figures": 3},
        {"model": "a", "data": "b", "figures": [{"name": "x"}], "notes": []},
        {"model": "a", "data": "b", "figures": [{"name": "x", "value": "high"}], "notes": []},
        {"model": "a", "data": 1, "figures": [], "notes": []},
        {"model": "a", "data": "b", "figures": [], "notes": [], "more": 1},
        {"model": "a", "figures": [], "notes": []},
    ],
)
def test_a_damaged_description(damage):
    with pytest.raises(StoreError, match=r"^metrics: ") as error:
        Evaluation.from_dict(damage)
    assert "\n" not in str(error.value)


def test_a_figure_by_its_name():
    assert evaluation(likelihood())["NLL, exact"] == likelihood()
    with pytest.raises(ModelError, match="no figure 'Recall'; there are NLL, exact"):
        _ = evaluation(likelihood())["Recall"]
    with pytest.raises(ModelError, match="there are none"):
        _ = evaluation()["Recall"]


# ---- comparing ----


def test_likelihoods_of_one_protocol_compare():
    text = compare({"a": evaluation(likelihood()), "b": evaluation(likelihood())})
    assert text.splitlines()[0].split() == ["figure", "a", "b"]
    assert text.count("0.8000") == 2


def test_an_exact_likelihood_and_a_bound_of_one_domain_compare():
    text = compare(
        {
            "a": evaluation(likelihood()),
            "b": evaluation(likelihood("NLL, IWAE-50 bound", "50 latent draws")),
        }
    )
    assert "IWAE-50" in text


@pytest.mark.parametrize("name", ["NLL, exact", "NLL, ELBO bound"])
def test_likelihoods_of_different_domains_do_not(name):
    """Neither in one row nor in one table."""
    columns = {
        "a": evaluation(likelihood()),
        "b": evaluation(likelihood(name, domain="Gabor coefficients quantised to 16 levels")),
    }
    with pytest.raises(ModelError, match="different domains do not compare") as error:
        compare(columns)
    message = str(error.value)
    assert "a is of 8-bit pixels of 10 images, b of Gabor coefficients quantised" in message
    assert "\n" not in message
    assert "NLL" not in compare(columns, likelihoods=False)


def test_likelihoods_of_different_protocols_do_not():
    name = "NLL, ELBO bound"
    columns = {
        "a": evaluation(likelihood(name, "mean of 3 draws")),
        "b": evaluation(likelihood(name, "mean of 5 draws")),
    }
    with pytest.raises(ModelError, match="a by mean of 3 draws, b by mean of 5 draws") as error:
        compare(columns)
    assert "\n" not in str(error.value)


def test_other_figures_of_different_protocols_are_left_out_and_said_so():
    columns = {
        "a": evaluation(Figure("Recall", 0.5, protocol="k = 3"), Figure("Density", 0.25)),
        "b": evaluation(Figure("Recall", 0.75, protocol="k = 5")),
    }
    text = compare(columns)
    assert "0.5000" not in text
    assert "0.2500" in text
    assert text.endswith("Recall is left out: its protocols differ")
