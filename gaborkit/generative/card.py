"""The model card: what a model is, how it was made, and how well it does, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Data sets by their names on the Hub; a folder of pictures has none there.
DATA_SETS = {
    **dict.fromkeys(("mini", "stacked", "mnist"), "ylecun/mnist"),
    "fashion": "zalando-datasets/fashion_mnist",
    "kmnist": "kmnist",
}


def card(
    described: Mapping[str, Any],
    metrics: Mapping[str, Any],
    grid: bool,
    call: str = "sample(16)",
    *,
    name: str = "this folder",
    licence: str = "unknown",
) -> str:
    """Text of a model folder's README, which is also its page on the Hub.

    Parameters
    ----------
    described : mapping
        ``config.json``, less its format.
    metrics : mapping
        ``metrics.json``.
    grid : bool
        Whether there is a ``samples.png``.
    call : str
        What gives images.
    name : str
        Where the model is read from.
    licence : str
        By its identifier on the Hub.
    """
    provenance = described["provenance"]
    recipe = provenance.get("recipe")
    recipe = recipe if isinstance(recipe, Mapping) else {}
    # A folder is told by its name: where it lay is nobody's business.
    features, data = recipe.get("features", "its"), data_name(recipe, provenance)
    task = "unconditional-image-generation" if call.startswith("sample") else "image-to-image"
    data_set = DATA_SETS.get(str(recipe.get("data")))
    lines = [
        "---",
        "library_name: gaborkit",
        f"license: {licence}",
        f"pipeline_tag: {task}",
        *([f"datasets: [{data_set}]"] if data_set else []),
        f"tags: [image-generation, gabor, {described['model']}]",
        "---",
        "",
        f"# {described['model']} of {features} features, trained on {data}",
        "",
    ]
    if grid:
        lines += ["![Samples](samples.png)", ""]
    lines += [
        "```python",
        "from gaborkit.generative import ImageModel",
        "",
        f'images = ImageModel.from_pretrained("{name}").{call}',
        "```",
        "",
    ]
    for title, values in (
        ("Data", provenance.get("data")),
        ("Model", {**described["config"], "classes": described["classes"]}),
        ("Training", provenance.get("training")),
        ("Measured in training", metrics.get("training")),
    ):
        if values:
            lines += [f"## {title}", "", *_table(values), ""]
    figures = metrics.get("figures")
    if isinstance(figures, list) and figures:
        lines += ["## Evaluation", "", "| figure | value | protocol |", "| --- | --- | --- |"]
        lines += [_row(figure) for figure in figures if isinstance(figure, Mapping)]
        lines += [""]
    lines += [f"Made by gaborkit {provenance.get('gaborkit', '')}".rstrip() + ".", ""]
    return "\n".join(lines)


def _table(values: object) -> list[str]:
    if not isinstance(values, Mapping):
        return [_cell(values)]
    rows = [f"| {_cell(name)} | {_cell(value)} |" for name, value in values.items()]
    return ["| | |", "| --- | --- |", *rows]


def _row(figure: Mapping[str, Any]) -> str:
    value = _cell(figure.get("value"))
    if figure.get("standard_error") is not None:
        value += f" ± {_cell(figure['standard_error'])}"
    if figure.get("unit"):
        value += f" {_cell(figure['unit'])}"
    return f"| {_cell(figure.get('name'))} | {value} | {_cell(figure.get('protocol'))} |"


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{_cell(key)}: {_cell(entry)}" for key, entry in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_cell, value))
    text = f"{value:.6g}" if isinstance(value, float) else "" if value is None else str(value)
    return " ".join(text.replace("|", "\\|").split())


def data_name(recipe: Mapping[str, Any], provenance: Mapping[str, Any]) -> str:
    """Of what the recipe names, or of the data set that was handed in."""
    named = recipe.get("data")
    if named is None:
        # "NAME: 4,500 training, ..."
        return str(provenance.get("data", "unnamed data")).rpartition(": ")[0] or "unnamed data"
    return Path(str(named)).name
