"""``gaborkit runs``: a table of what has been trained."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from gaborkit.errors import GaborkitError, StoreError
from gaborkit.io.tables import counted, table

from ..errors import debug_option, reason, report
from ..options.path_arguments import Input
from ..options.sections import Command

COLUMNS = ("run", "model", "features", "data", "steps", "parameters", "state")


@click.command("runs", cls=Command)
@click.argument("folder", type=Input(folder=True), metavar="[FOLDER]", default="runs")
@debug_option
def command(folder: str) -> None:
    """Print a table of the runs in FOLDER, runs/ if left out.

    For each: its model, features and data, steps done, weights, the main figures of the last
    evaluation (or the loss on held-out images), and whether it is finished or can be resumed.

    \b
    Examples:
      gaborkit runs
      gaborkit runs experiments/october
    """  # noqa: D301
    parent = Path(folder)
    try:
        folders = sorted(path for path in parent.iterdir() if (path / "config.json").exists())
        if (parent / "config.json").exists():
            folders = [parent]
    except FileNotFoundError:
        raise StoreError(
            f"{folder}: there is no such folder; gaborkit train makes runs/, or name another"
        ) from None
    if not folders:
        click.echo(f"{folder}: no runs yet; gaborkit train vae makes one")
        return
    rows, damaged = [], []
    for path in folders:
        try:
            rows.append(_row(path))
        except GaborkitError as error:
            damaged.append(reason(error))
    if rows:
        click.echo("\n".join(_lines(rows)))
    for text in damaged:
        report(text)
    if damaged:
        raise click.ClickException(
            f"{len(damaged)} of {counted(len(folders), 'run')} could not be read"
        )


def _row(run: Path) -> tuple[str, ...]:

    from gaborkit.generative import store
    from gaborkit.generative.card import data_name

    described, metrics = store.read_config(run), store.read_metrics(run)
    provenance = described["provenance"]
    recipe = _object(provenance, "recipe")
    try:
        figures, (done, state) = _figures(metrics), _state(run, provenance, metrics)
        steps = f"{done:,}"
    except (GaborkitError, LookupError, TypeError, ValueError, AttributeError) as cause:
        raise StoreError(f"{run}: its metrics.json or config.json is damaged ({cause})") from cause
    return (
        run.name or str(run),
        described["model"] + (f", {described['classes']} classes" if described["classes"] else ""),
        str(recipe.get("features", "?")),
        data_name(recipe, provenance),
        steps,
        _parameters(run, described),
        state,
        figures,
    )


def _state(run: Path, provenance: Mapping[str, Any], metrics: Mapping[str, Any]) -> tuple[int, str]:
    """Steps done, and whether there are more to do."""
    training = _object(provenance, "training")
    wanted, done = (_steps(run, part) for part in (training, _object(metrics, "training")))
    names = (re.fullmatch(r"step-(\d+)", path.stem) for path in (run / "checkpoints").glob("*"))
    saved = max((int(name[1]) for name in names if name), default=0)
    if (run / "model.safetensors").exists() and saved <= done:
        if done == wanted or not saved:
            return done, "finished"
        if training.get("patience"):
            return done, "finished, stopped early"
    if not saved:
        return 0, "nothing saved yet"
    return saved, f"resumable at step {saved:,} of {wanted:,}"


def _steps(run: Path, training: Mapping[str, Any]) -> int:

    steps = training.get("steps", 0)
    if type(steps) is not int:
        raise StoreError(
            f"{run}: steps={steps!r:.60} is no number of steps; evaluate or train anew"
        )
    return steps


def _parameters(run: Path, described: Mapping[str, Any]) -> str:
    """How many weights there are."""
    import torch

    from gaborkit.generative import store

    space = store.read_representation(run).space
    with torch.device("meta"):  # which allocates nothing
        model = store.build(run, described, space)
    return f"{sum(parameter.numel() for parameter in model.parameters()):,}"


def _figures(metrics: Mapping[str, Any]) -> str:
    """A likelihood and a distance, where they were measured; else the loss of held-out images."""
    from gaborkit.generative.evaluation import Evaluation

    chosen = []
    if "figures" in metrics:
        entries = ("model", "data", "figures", "notes")
        figures = Evaluation.from_dict({k: metrics[k] for k in entries if k in metrics}).figures
        # The last likelihood is the tightest bound.
        chosen = [figure for figure in figures if figure.domain is not None][-1:]
        chosen += [figure for figure in figures if figure.name == "Fréchet distance"]
    if chosen:
        return "; ".join(f"{figure.name} {figure}" for figure in chosen)
    loss = _object(metrics, "training").get("validation loss")
    return f"validation loss {loss:.5g}" if isinstance(loss, float) else ""


def _object(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def _lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Tables that fit the terminal: what there is, and how good it is."""
    right = [COLUMNS.index(name) for name in ("steps", "parameters")]
    yield from table([COLUMNS, *(row[:-1] for row in rows)], right=right)
    measured = [(row[0], row[-1]) for row in rows if row[-1]]
    if measured:
        yield ""
        yield from table([("run", "figures"), *measured])
