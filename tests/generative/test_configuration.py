"""Dataclasses to and from JSON: exact, and strict."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from gaborkit.errors import ModelError, StoreError
from gaborkit.generative.configuration import from_dict, to_dict
from gaborkit.generative.training.settings import Training


@dataclass(frozen=True)
class Config:
    sizes: tuple[int, ...]
    kind: Literal["mlp", "conv"] = "mlp"
    rate: float = 0.5
    betas: tuple[float, float] = (0.9, 0.999)
    limit: int | None = None
    flag: bool = False
    extra: dict[str, Any] | None = None


def test_round_trip_through_text():
    config = Config((3, 4), "conv", 1, (0.5, 0.9), 7, True, {"a": [1]})
    assert from_dict(Config, json.loads(json.dumps(to_dict(config)))) == config
    assert from_dict(Training, to_dict(Training(steps=3))) == Training(steps=3)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([1], r"config: \[1\] is not an object"),
        ({"sizes": [1], "depth": 2}, "config: 'depth' is unknown; known are sizes, kind"),
        ({}, "config: sizes is missing"),
        ({"sizes": 3}, r"sizes=3 is not tuple\[int, ...\]"),
        ({"sizes": [1.5]}, "sizes="),
        ({"sizes": [], "kind": "rnn"}, r"kind='rnn' is not Literal\['mlp', 'conv'\]"),
        ({"sizes": [], "rate": "fast"}, "rate='fast' is not float"),
        ({"sizes": [], "rate": True}, "rate=True is not float"),
        ({"sizes": [], "betas": [0.1]}, "betas="),
        ({"sizes": [], "limit": True}, r"limit=True is not int \| None"),
        ({"sizes": [], "flag": 1}, "flag=1 is not bool"),
        ({"sizes": [], "extra": 3}, "extra=3 is not"),
    ],
)
def test_what_does_not_fit_is_an_error(data, message):
    with pytest.raises(ModelError, match=message):
        from_dict(Config, data)


def test_the_error_is_the_caller_s():
    with pytest.raises(StoreError, match=r"run/config.json: \[\] is not an object"):
        from_dict(Config, [], "run/config.json", StoreError)
