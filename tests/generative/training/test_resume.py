"""A run that is killed and continued ends as one that is left alone, bit for bit."""

from __future__ import annotations

import contextlib
import math
import random
import resource
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from commands_for_tests import run as command
from processes_for_tests import assert_equal_runs, last, launch, recipe, resume, rows, start

from gaborkit.generative import store
from gaborkit.generative.image_model import ImageModel
from gaborkit.generative.training.batches import Batches, validation_loss
from gaborkit.io.files import remove_stale

KILLED = -signal.SIGKILL

RUNS = {
    "one optimizer": recipe("vae", ema=0.9, representation={"binarize": "dynamic"}, clip=1.0),
    "two optimizers": recipe("gan", ema=0.9, sample_every=4, classes=True),
    "a codebook": replace(recipe("vq-vae", config={"decay": 0.5}), size=8),
    "dropout": replace(recipe("pixelsnail", ema=0.9, classes=True), size=8),
}
CASES = [
    *[(kind, processes) for kind in ("one optimizer", "two optimizers") for processes in (1, 2)],
    *[("a codebook", 1), ("dropout", 1)],
]


@pytest.mark.parametrize(("kind", "processes"), CASES)
def test_killed_at_any_moment_and_continued(kind, processes, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert launch(whole, RUNS[kind], processes=processes, calls=-1) == [0] * processes
    calls = int(Path(f"{whole}.calls").read_text())
    rng = random.Random(f"{kind} {processes}")
    moments = [rng.randrange(calls // 8, calls), rng.randrange(calls // 3)]
    codes, run = [], RUNS[kind]
    for moment in moments:
        victim = rng.randrange(processes)
        codes.append(launch(broken, run, processes=processes, calls=moment, victim=victim)[victim])
        run = None
    assert codes[0] == KILLED
    assert launch(broken, processes=processes) == [0] * processes
    assert_equal_runs(whole, broken)


def test_killed_while_a_checkpoint_is_written(tmp_path, monkeypatch):
    """The temporary file is there, the rename has not happened."""
    run, whole, broken = recipe("vae", ema=0.5), tmp_path / "whole", tmp_path / "broken"
    start(run, whole)
    rename, moves = Path.replace, []

    def die(self, target):
        moves.append(target)
        if Path(target).name == "step-00000010.safetensors":
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", die)
        patch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
        with pytest.raises(KeyboardInterrupt):
            start(run, broken)
    assert len(list(broken.rglob("checkpoints/.gaborkit-*"))) == 1
    assert last(broken)[1]["step"] == 5
    remove_stale.cache_clear()  # as another process
    resume(broken)
    assert_equal_runs(whole, broken)


def test_several_processes_stop_at_the_same_step(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run = recipe("ae", steps=15)
    assert launch(whole, run, processes=2) == [0, 0]
    # A signal to one of them after its fourth step: they agree after the tenth.
    assert launch(broken, run, processes=2, victim=1, terminate=3) == [110, 110]
    assert last(broken)[1]["step"] == 10
    assert launch(broken, processes=2) == [0, 0]
    assert_equal_runs(whole, broken)


def test_two_processes_are_one(tmp_path):
    """Without noise and batch normalisation the mean of two halves is the mean of the whole."""
    one, two = tmp_path / "one", tmp_path / "two"
    run = recipe("ae", learning_rate=0.01, ema=0.5)
    assert launch(two, run, processes=2) == [0, 0]
    start(run, one)
    for name, tensor in last(one)[0].items():
        if "/latent_" in name:
            # Statistics of a batch, which are those of the first process's share.
            assert last(two)[0][name].any()
            continue
        torch.testing.assert_close(last(two)[0][name], tensor, atol=1e-4, rtol=1e-3)
    for row, other in zip(rows(one)[1:], rows(two)[1:], strict=True):
        assert [float(x or 0) for x in row] == pytest.approx([float(x or 0) for x in other], 1e-4)
    said = []
    resume(two, steps=20, say=said.append)
    assert "ran on 2 processes and goes on with 1" in "".join(said)


# ---- in this process ----


def test_more_steps_are_those_of_a_longer_run(tmp_path):
    start(recipe("vae", steps=24), tmp_path / "long")
    start(recipe("vae", steps=12), tmp_path / "short")
    resume(tmp_path / "short", steps=24)
    for name, tensor in last(tmp_path / "long")[0].items():
        assert torch.equal(tensor, last(tmp_path / "short")[0][name]), name


def test_rows_after_the_checkpoint_are_written_once(tmp_path):
    start(recipe("vae", steps=12), tmp_path / "whole")
    start(recipe("vae", steps=12), tmp_path / "broken")
    # As if killed after step 12 was logged, before its checkpoint; with half a row behind it.
    (tmp_path / "broken/checkpoints/step-00000012.safetensors").unlink()
    with (tmp_path / "broken/log.csv").open("a") as stream:
        stream.write("16,0.1")
    resume(tmp_path / "broken")
    assert [row[0] for row in rows(tmp_path / "broken")] == ["step", "4", "8", "12"]
    assert_equal_runs(tmp_path / "whole", tmp_path / "broken")


def test_a_run_that_is_done_stays_as_it_is(tmp_path):
    run, said = tmp_path / "run", []
    trained = start(recipe("vae"), run)
    store.write_metrics(run, {"figures": [{"name": "FID", "value": 3.0}]})
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    found = resume(run, say=said.append)
    assert said[-1] == f"finished already, after step 12; {run} stays as it is"
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert torch.equal(found.sample(3), trained.sample(3))
    # Of the weights after more steps the figures are not true.
    resume(run, steps=15)
    assert store.read_metrics(run).keys() == {"training"}
    assert store.read_metrics(run)["training"]["steps"] == 15


@pytest.mark.parametrize("name", ["model.safetensors", "metrics.json", "samples.png"])
def test_killed_while_the_finished_model_is_written(name, tmp_path):
    start(recipe("vae"), tmp_path / "whole")
    start(recipe("vae"), tmp_path / "broken")
    (tmp_path / "broken" / name).unlink()
    resume(tmp_path / "broken")
    assert_equal_runs(tmp_path / "whole", tmp_path / "broken")
    assert "![Samples]" in (tmp_path / "broken/README.md").read_text()


def test_a_model_that_cannot_be_drawn_from_is_saved_nevertheless(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "gaborkit.generative.training.run_folder.write_image", lambda path, image: 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        start(recipe("vae"), tmp_path / "run")
    assert ImageModel.from_pretrained(tmp_path / "run", "cpu").sample(2).isfinite().all()


def test_fewer_held_out_images_than_processes(tmp_path, monkeypatch):
    """The second and third have none, which adds nothing to the sum."""
    run = recipe("vae")
    trained = start(run, tmp_path / "run")
    images = run.dataset().validation.take(torch.tensor([0]))
    held_out = Batches(images, trained.representation, None, torch.device("cpu"))
    monkeypatch.setattr(torch.distributed, "broadcast", lambda tensor, source: None)
    shares = []
    for rank in range(3):
        accelerator = SimpleNamespace(
            process_index=rank,
            num_processes=3,
            device=torch.device("cpu"),
            autocast=contextlib.nullcontext,
            reduce=lambda total, how: shares.append(total) or total,
        )
        found = validation_loss(
            trained.model, held_out, accelerator, part="model", batch_size=4, seed=0
        )
        assert math.isfinite(found) == (rank == 0)
    assert [float(count) for _, count in shares] == [1, 0, 0]
    assert torch.stack(shares).isfinite().all()


def test_killed_before_the_first_checkpoint(tmp_path, monkeypatch):
    from gaborkit.generative.training.trainer import Trainer

    start(recipe("vae"), tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "save", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            start(recipe("vae"), tmp_path / "broken")
    resume(tmp_path / "broken")
    assert_equal_runs(tmp_path / "whole", tmp_path / "broken")


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path):
    """The next checkpoint does not fit: one line, and what was saved is gone on with."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run = recipe("vae", steps=5, ema=0.5)
    start(run, whole)
    shutil.copytree(whole, broken)
    (path,) = (broken / "checkpoints").iterdir()
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        result = command("train", "--resume", broken, "--steps", 12, "--device", "cpu", "--quiet")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1), result.output
    assert "step-00000010.safetensors: cannot be written (File too large)" in result.stderr
    assert [path.read_bytes() for path in (broken / "checkpoints").iterdir()] == [before]
    for out in (whole, broken):
        resume(out, steps=12)
    assert_equal_runs(whole, broken)
