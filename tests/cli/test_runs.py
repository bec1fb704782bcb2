"""``gaborkit evaluate`` and ``gaborkit runs``."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from pathlib import Path

import pytest
from commands_for_tests import examples, run
from gaborkit_cli.commands.evaluate import FEWEST

from gaborkit.generative import ImageModel, evaluation, load_dataset

pytestmark = pytest.mark.usefixtures("empty_folder")

QUICK = ["--samples", 12, "--importance-samples", 2, "--repeats", 2, "--test-images", 20]


def evaluated(folder: Path) -> str:
    result = run("evaluate", folder, *QUICK, "--seed", 1, "--device", "cpu")
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


@pytest.fixture
def copied(vae_run):
    """A run that a test may change."""
    return Path(shutil.copytree(vae_run, "runs/vae"))


def change(path: Path, **entries: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def rows(*arguments: object) -> list[list[str]]:
    result = run("runs", *arguments)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    lines = result.stdout.partition("\n\n")[0].splitlines()  # figures are in a table below
    return [re.split(r" {2,}", line) for line in lines]


def figures_of(name: str) -> str:
    """What the table of figures says of a run, in one line."""
    below = run("runs").stdout.partition("\n\n")[2]
    assert max(map(len, below.splitlines())) <= 80
    cells = [line.split("  ", 1) for line in below.splitlines()[1:]]
    first = [cell[0] for cell in cells].index(name)
    several = [cells[first], *itertools.takewhile(lambda cell: not cell[0], cells[first + 1 :])]
    return " ".join(" ".join(cell[1].split()) for cell in several)


# ---- evaluate ----


def test_the_table_is_the_librarys_and_is_kept(copied):
    before = json.loads((copied / "metrics.json").read_text())
    text = evaluated(copied)
    expected = evaluation.evaluate(
        ImageModel.from_pretrained(copied, "cpu"),
        load_dataset("mini", size=8, limit=40),
        samples=12,
        importance_samples=2,
        repeats=2,
        test_images=20,
        seed=1,
    )
    assert text == f"{expected}\n{copied / 'metrics.json'}: these figures\n"
    stored = json.loads((copied / "metrics.json").read_text())
    assert stored["training"] == before["training"]
    found = {key: stored[key] for key in ("model", "data", "figures", "notes")}
    assert evaluation.Evaluation.from_dict(found) == expected
    assert all(figure.protocol for figure in expected.figures)


def test_the_command_takes_as_few_samples_as_the_library():
    assert FEWEST == evaluation.FEWEST


@pytest.mark.parametrize("example", examples("evaluate"))
def test_examples_are_understood(example, vae_run, monkeypatch):
    asked = []

    def evaluate(model, dataset, **options):
        asked.append(options)
        return evaluation.Evaluation("vae", "mini", ())

    monkeypatch.setattr(evaluation, "evaluate", evaluate)
    for name in ("vae-gabor-mini", "digits"):
        shutil.copytree(vae_run, Path("runs", name))
    result = run(*example.split()[1:])
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert asked[0]["seed"] == 0
    assert asked[0].get("samples", 10000) == 10000


# ---- runs ----


def test_a_table_of_runs(copied, gan_run):
    shutil.copytree(gan_run, "runs/gan")
    Path("runs/notes").mkdir()
    Path("runs/notes.txt").write_text("dear diary")
    parameters = {
        name: sum(
            weight.numel()
            for weight in ImageModel.from_pretrained(f"runs/{name}", "cpu").model.parameters()
        )
        for name in ("gan", "vae")
    }
    head, gan, vae = rows()
    assert head == [
        *["run", "model", "features", "data"],
        *["steps", "parameters", "state"],
    ]
    assert gan == ["gan", "gan", "raw", "mini", "2", f"{parameters['gan']:,}", "finished"]
    assert vae[:6] == ["vae", "vae", "raw", "mini", "2", f"{parameters['vae']:,}"]
    assert vae[6] == "finished"
    assert figures_of("vae").startswith("validation loss ")


def test_a_run_by_itself_and_with_classes(conditional_run):
    _, row, *_ = rows(conditional_run)
    assert row[1].startswith("vae, 10")


def test_the_figures_of_an_evaluation(copied):
    figure = evaluation.Figure
    figures = (
        figure("Round-trip PSNR", 30.0),
        figure("NLL, ELBO bound", 99.5, unit="nats", domain="pixels"),
        figure("NLL, IWAE-50 bound", 97.25, unit="nats", domain="pixels"),
        figure("Fréchet distance", 12.5),
    )
    found = evaluation.Evaluation("vae, raw features", "mini", figures)
    change(copied / "metrics.json", **found.to_dict())
    assert figures_of("vae") == f"NLL, IWAE-50 bound {figures[2]}; Fréchet distance {figures[3]}"
    change(copied / "metrics.json", figures=found.to_dict()["figures"][:1])
    assert figures_of("vae").startswith("validation loss ")


def test_states(copied):
    checkpoint = copied / "checkpoints" / "step-00000003.safetensors"
    provenance = json.loads((copied / "config.json").read_text())["provenance"]
    provenance["training"]["steps"] = 1200
    change(copied / "config.json", provenance=provenance)
    assert rows()[1][-1] == "resumable at step 2 of 1,200"
    checkpoint.write_bytes(b"")
    assert rows()[1][-1] == "resumable at step 3 of 1,200"
    checkpoint.unlink()
    provenance["training"].update(patience=1, validate_every=1)
    change(copied / "config.json", provenance=provenance)
    assert rows()[1][-1] == "finished, stopped early"
    (copied / "model.safetensors").unlink()
    assert rows()[1][-1] == "resumable at step 2 of 1,200"
    shutil.rmtree(copied / "checkpoints")
    assert rows()[1][-1] == "nothing saved yet"


def test_no_runs_yet():
    Path("runs").mkdir()
    result = run("runs")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "runs: no runs yet; gaborkit train vae makes one\n"


@pytest.mark.parametrize("folder", ["runs", "elsewhere"])
def test_a_folder_that_is_not_there(folder):
    result = run("runs", *([] if folder == "runs" else [folder]))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error: {folder}: there is no such folder")
    assert result.stderr.count("\n") == 1


def test_a_folder_that_is_a_file():
    Path("notes").write_text("dear diary")
    result = run("runs", "notes")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: notes: Not a directory\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [("config.json", "{"), ("config.json", "[]"), ("metrics.json", "7"), ("metrics.json", "{")],
)
def test_a_damaged_run_does_not_hide_the_others(copied, name, content):
    other = Path(shutil.copytree(copied, "runs/other"))
    (other / name).write_text(content)
    result = run("runs")
    assert result.exit_code == 1
    assert [line.split()[0] for line in result.stdout.splitlines() if line] == [
        *("run", "vae", "run", "vae")
    ]
    first, last = result.stderr.splitlines()
    assert first.startswith(f"error: runs/other/{name}: ")
    assert last == "error: 1 of 2 runs could not be read"


@pytest.mark.parametrize(
    "entries",
    [
        {"figures": "many"},
        {"figures": [{"name": 3}], "model": "vae", "data": "mini", "notes": []},
        {"figures": []},
        {"training": []},
        {"training": {"steps": "many", "validation loss": [1]}},
        {"training": {"steps": {}}},
    ],
)
def test_metrics_of_another_make_are_no_traceback(copied, entries):
    change(copied / "metrics.json", **entries)
    result = run("runs")
    assert result.exit_code in (0, 1)
    assert "unexpectedly" not in result.stderr
    assert "1 of 1 run" in result.stderr or not result.stderr
