"""Training: processes, early stopping, losses and weights that are not finite."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import sys
import threading
from types import SimpleNamespace

import pytest
import torch
from processes_for_tests import assert_equal_runs, last, recipe, resume, rows, start

import gaborkit as gk
from gaborkit.errors import TrainingError
from gaborkit.generative.image_model import ImageModel
from gaborkit.generative.models import MODELS
from gaborkit.generative.training import checkpoint, processes, session, trainer
from gaborkit.generative.training.processes import Interrupted, StopSignal
from gaborkit.generative.training.trainer import Trainer


@pytest.fixture
def at_step(monkeypatch):
    """Do something at the end of a step."""

    def arrange(step, action):
        update = Trainer._update

        def changed(self, number):
            update(self, number)
            if number == step:
                action(self)

        monkeypatch.setattr(Trainer, "_update", changed)

    return arrange


# ---- what a run leaves ----


def test_a_run(tmp_path):
    said = []
    out = tmp_path / "run"
    trained = start(recipe("gan", steps=9, sample_every=3, ema=0.5), out, say=said.append)
    assert [line.split(":")[0] for line in said[:3]] == ["data", "features", "model"]
    assert "step 3: mode collapse: " in "".join(said)
    assert gk.read_image(out / "samples.png").size > 0
    names = [path.name for path in sorted((out / "samples").iterdir())]
    assert names == ["step-00000003.png", "step-00000006.png"]
    # Samples are drawn by the average, and it is what is stored.
    tensors, _ = last(out)
    weights = trained.model.state_dict()
    assert all(torch.equal(weights[name], tensors[f"average/{name}"]) for name in weights)
    assert any(not torch.equal(weights[name], tensors[f"model/{name}"]) for name in weights)
    again = ImageModel.from_pretrained(out, "cpu")
    assert torch.equal(again.sample(4, seed=1), trained.sample(4, seed=1))
    assert again.provenance["metrics"]["training"]["steps"] == 9
    digest = recipe("gan").dataset().digest()
    assert again.provenance["data digest"] == trained.provenance["data digest"] == digest
    assert json.loads((out / "config.json").read_text())["provenance"]["recipe"]["model"] == "gan"


def test_classes_and_bfloat16_and_tensorboard(tmp_path):
    run = recipe("vae", steps=3, classes=True, precision="bf16", tensorboard=True, ema=0.5)
    trained = start(run, tmp_path / "run")
    assert trained.sample(2, classes=[3, 4]).isfinite().all()
    assert {tensor.dtype for tensor in trained.model.state_dict().values()} == {torch.float32}
    assert list((tmp_path / "run/tensorboard").iterdir())


def test_the_average_has_a_forward_of_its_own(tmp_path):
    """Accelerate gives a model in mixed precision a forward that a copy would share."""
    run = recipe("vae", steps=2, precision="bf16", ema=0.5)
    trained = start(run, tmp_path / "run")
    assert "forward" not in vars(trained.model)


def test_epochs(tmp_path):
    run = recipe("vae", limit=20)
    fields = {name: value for name, value in run.training.items() if name != "steps"}
    start(dataclasses.replace(run, epochs=2, training=fields), tmp_path / "run")
    assert last(tmp_path / "run")[1]["step"] == 5  # 40 images in batches of 8


def test_progress_tells_steps_and_losses(tmp_path):
    calls = []
    start(recipe("vae", steps=3), tmp_path / "run", progress=lambda *call: calls.append(call))
    assert [call[:2] for call in calls if call[1] == 3] == [(1, 3), (2, 3), (3, 3)]
    assert calls[-1][2].startswith("loss ")


@pytest.mark.filterwarnings("ignore")  # torch's own, of torch
@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("g++"), reason="no C++ compiler")
def test_compiled(tmp_path):
    run = recipe("vae", steps=3)
    plain = start(run, tmp_path / "plain").model.state_dict()
    compiled = start(recipe("vae", steps=3, compile=True), tmp_path / "run").model.state_dict()
    assert compiled.keys() == plain.keys()
    for name, tensor in plain.items():
        torch.testing.assert_close(compiled[name], tensor, atol=1e-4, rtol=1e-3)


# ---- the watch on mode collapse ----


def test_samples_of_the_last_step_are_judged(tmp_path):
    said = []
    start(recipe("gan", steps=2), tmp_path / "run", say=said.append)
    assert [line for line in said if line.startswith("step 2: mode collapse: ")]


def test_images_that_the_classifier_does_not_know_are_watched_too(tmp_path):
    said = []
    run = dataclasses.replace(recipe("gan", steps=2, sample_every=1), size=12)
    start(run, tmp_path / "run", say=said.append)
    assert "samples are near-identical to another" in said[-1]


@pytest.mark.parametrize("model", ["gan", "dcgan"])
def test_presets_of_models_that_can_collapse_look_ten_times(model):
    for name, features in MODELS[model].presets:
        training = session.Recipe(model, features, name).settings()
        assert training.sample_every == training.steps // 10


# ---- interruption ----


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_the_run_goes_on_as_if_nothing_was(number, at_step, tmp_path):
    run = recipe("vae", ema=0.5)
    start(run, tmp_path / "whole")
    at_step(6, lambda trainer: signal.raise_signal(number) if trainer.step == 6 else None)
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match="stopped after step 7, which is saved") as stop:
        start(run, tmp_path / "broken")
    assert (stop.value.run, stop.value.step) == (tmp_path / "broken", 7)
    assert signal.getsignal(number) is before
    resume(tmp_path / "broken")
    assert_equal_runs(tmp_path / "whole", tmp_path / "broken")


def test_the_second_ctrl_c_aborts_at_once(monkeypatch):
    with StopSignal() as asked:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)  # at once: the launcher passes on what was sent already
        assert asked.requested
        monkeypatch.setattr(processes, "TOGETHER", -1.0)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_no_handlers_outside_the_main_thread(tmp_path):
    before, found = signal.getsignal(signal.SIGINT), []

    def work():
        with StopSignal():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [before]


# ---- early stopping ----


def test_early_stopping_keeps_the_best_weights(tmp_path, monkeypatch):
    said, losses = [], iter([5.0, 3.0, 4.0, 4.0, 1.0])
    validate = Trainer._validate

    def steered(self):
        value = next(losses)
        forward = self.evaluated.forward
        self.evaluated.forward = lambda *a: forward(*a)._replace(total=torch.tensor(value))
        try:
            return validate(self)
        finally:
            del self.evaluated.forward

    monkeypatch.setattr(Trainer, "_validate", steered)
    run = recipe("vae", steps=40, validate_every=2, patience=2)
    trained = start(run, tmp_path / "run", say=said.append)
    tensors, state = last(tmp_path / "run")
    assert (state["step"], state["best"], state["stale"]) == (8, 3.0, 2)
    assert "stopped early after step 8: 2 validations brought nothing better" in said[-1]
    kept = trained.model.state_dict()
    assert any(not torch.equal(kept[name], tensors[f"model/{name}"]) for name in kept)
    best, about = checkpoint.read(tmp_path / "run/checkpoints/best.safetensors")
    assert about["step"] == 4
    assert all(torch.equal(kept[name], best[name]) for name in kept)
    resume(tmp_path / "run")
    assert last(tmp_path / "run")[1]["step"] == 8


def test_validation_is_logged_when_due(tmp_path):
    start(recipe("vae", steps=4, validate_every=2), tmp_path / "run")
    table = rows(tmp_path / "run")
    column = table[0].index("validation loss")
    assert [row[0] for row in table[1:] if row[column]] == ["2", "4"]


def test_the_rates_of_the_steps_are_logged(monkeypatch, tmp_path):
    used, update = [], Trainer._update

    def record(self, number):
        update(self, number)
        (optimizer,) = self.train_step.optimizers.values()
        used.append(optimizer.param_groups[0]["lr"])
        assert self.held_out.labels is None  # a model without classes wants none

    monkeypatch.setattr(Trainer, "_update", record)
    run = recipe("vae", steps=4, schedule="linear", warmup=2, learning_rate=0.02, log_every=1)
    start(run, tmp_path / "run")
    table = rows(tmp_path / "run")
    column = table[0].index("learning rate")
    assert used == pytest.approx([0.01, 0.02, 0.02, 0.01])
    assert [float(row[column]) for row in table[1:]] == pytest.approx(used)


@pytest.mark.parametrize(("asked", "others"), [(True, 0), (False, 1), (False, 0)])
def test_processes_agree_to_stop_together(asked, others):
    """Every tenth step: a process that stopped by itself would leave the others waiting."""
    accelerator = SimpleNamespace(device="cpu", reduce=lambda asking, how: asking + others)
    several = SimpleNamespace(world=2, step=0, accelerator=accelerator)
    for several.step in range(1, 31):
        stops = Trainer._agree(several, asked)
        assert stops == (several.step % 10 == 0 and (asked or others > 0))
    assert Trainer._agree(SimpleNamespace(world=1), asked) == asked


# ---- losses that are not finite ----


def test_a_loss_that_is_not_finite_names_its_step(at_step, tmp_path):
    def spoil(trainer):
        with torch.no_grad():
            next(trainer.model.parameters()).fill_(torch.nan)

    at_step(6, spoil)
    with pytest.raises(
        TrainingError, match=r"the loss is nan at step 8; train anew with a learning_rate b"
    ):
        start(recipe("vae", log_every=12), tmp_path / "run")
    assert last(tmp_path / "run")[1]["step"] == 5


def test_a_validation_loss_that_is_not_finite(monkeypatch, tmp_path):
    monkeypatch.setattr(trainer, "validation_loss", lambda *a, **k: float("nan"))
    with pytest.raises(
        TrainingError, match=r"the validation loss is nan at step 6; train anew with a learn"
    ):
        start(recipe("vae", validate_every=6), tmp_path / "run")
    assert last(tmp_path / "run")[1]["step"] == 5


def test_a_weight_that_is_not_finite_is_not_saved(at_step, tmp_path):
    def spoil(trainer):
        with torch.no_grad():
            next(trainer.model.parameters()).fill_(torch.inf)

    at_step(9, spoil)
    with pytest.raises(TrainingError, match=r"a weight is not finite at step 10; .* or clip=1"):
        start(recipe("vae"), tmp_path / "run")
    assert last(tmp_path / "run")[1]["step"] == 5


def test_settings_of_a_launcher_are_not_those_of_the_run(tmp_path, monkeypatch):
    start(recipe("vae"), tmp_path / "alone")
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    monkeypatch.setenv("ACCELERATE_DYNAMO_BACKEND", "INDUCTOR")
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4")
    start(recipe("vae"), tmp_path / "launched")
    assert_equal_runs(tmp_path / "alone", tmp_path / "launched")
