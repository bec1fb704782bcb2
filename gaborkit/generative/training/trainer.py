"""The training loop, the same for every model, on Hugging Face Accelerate.

What a step does is a function of the weights, the optimizers' state, the seed and the number of the
step. So a run that is continued from a checkpoint goes on bit for bit as it would have: on one
process and on two. With more, the order in which gradients are summed may differ.
"""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from ...errors import StoreError, TrainingError
from ..data import Dataset
from ..models.model import Model
from ..progress import Steps
from ..representation import Representation
from . import checkpoint
from .batches import Batches, validation_loss
from .log import Log, Losses
from .processes import Interrupted, StopSignal, accelerator_for
from .settings import Training
from .step import TrainStep

#: Steps after which several processes agree whether one of them was asked to stop.
AGREE_EVERY = 10


class Trainer:
    """Trains a model and keeps checkpoints, a log and grids in the folder of a run.

    Parameters
    ----------
    model : Model
        Trained in place. Its first weights are the caller's.
    representation : Representation
        Fitted.
    dataset : Dataset
    training : Training
    run : pathlib.Path
        Must exist.
    device : torch.device
        Under a launcher only ``cpu`` or not counts; each process takes the GPU of its rank.
    identity : mapping
        JSON that says which run this is. It is saved with each checkpoint, and a checkpoint of
        another identity is refused.
    progress : callable, optional
        Called after each step, on the main process only; see `Steps`.
    say : callable
        Takes lines of text; called on the main process only.
    on_sample : callable
        Takes the model to draw from and the step; called on the main process only.

    Attributes
    ----------
    evaluated : Model
        What training is for: the average of the weights if there is one, else the weights.
    step : int
        Steps done.
    metrics : dict
        Last validation loss, and seconds spent.
    figures : str
        Last losses, in words.

    Raises
    ------
    TrainingError
        If the settings contradict the model, the device or the launcher.
    """

    model: Model
    training: Training
    run: Path
    identity: dict[str, Any]
    accelerator: Any
    progress: Steps | None
    train_step: TrainStep
    evaluated: Model
    step: int
    best: Any
    stale: int
    seconds: float
    figures: str
    losses: Losses

    def __init__(
        self,
        model: Model,
        representation: Representation,
        dataset: Dataset,
        training: Training,
        *,
        run: Path,
        device: torch.device,
        identity: Mapping[str, Any] | None = None,
        progress: Steps | None = None,
        say: Callable[[str], None] = lambda line: None,
        on_sample: Callable[[Model, int], None] = lambda model, step: None,
    ) -> None:
        self.model, self.training, self.run = model, training, run
        self._folder = run / "checkpoints"
        self._best_path = self._folder / "best.safetensors"
        self.identity = dict(identity or {})
        self.on_sample = on_sample
        self._check(device)
        self.accelerator = accelerator_for(training, device, several=len(model.parts) > 1)
        self.main: bool = self.accelerator.is_main_process
        self.say: Callable[[str], None] = say if self.main else lambda line: None
        self.progress = progress if self.main else None
        self.world: int = self.accelerator.num_processes
        self.train_step = TrainStep(
            model, representation, dataset.train, training, self.accelerator
        )
        self.evaluated = self.train_step.evaluated
        self.held_out: Batches | None = None
        if model.has_validation_loss:
            held_out, device = dataset.validation, self.accelerator.device
            self.held_out = Batches(held_out, representation, model.labels_for(held_out), device)
        self.step, self.best, self.stale = 0, math.inf, 0
        self.seconds, self.figures = 0.0, ""
        self.metrics: dict[str, float] = {}
        self.losses = Losses(self.accelerator, several=len(model.parts) > 1)

    def _check(self, device: torch.device) -> None:
        training, model = self.training, self.model
        if training.patience and not model.has_validation_loss:
            raise TrainingError(
                f"patience={training.patience}: {model.name} has no validation loss to go by; "
                "give steps instead"
            )
        if training.precision == "fp16" and device.type == "cpu":
            raise TrainingError("precision='fp16' needs a GPU; on a CPU choose 'bf16' or 'no'")
        if training.compile and model.compilable is not None:
            raise TrainingError(f"compile=True: {model.compilable}")
        if training.tensorboard:
            # Where it is missing, that is known before a folder is made.
            importlib.import_module("torch.utils.tensorboard")

    # ---- the loop ----

    def train(self) -> None:
        """Do the steps that are left.

        Raises
        ------
        Interrupted
            After SIGINT or SIGTERM, once a checkpoint is saved.
        TrainingError
            If the loss or a weight is no longer finite. The last checkpoint is from before.
        StoreError
            If a file cannot be written.
        """
        training = self.training
        board = self.run / "tensorboard" if training.tensorboard else None
        if self.main:
            self._folder.mkdir(exist_ok=True)
        log = Log(self.run / "log.csv", self.step, board) if self.main else None
        started = time.monotonic() - self.seconds
        self.model.train()
        try:
            with StopSignal() as signal:
                while not self.done:
                    self._update(self.step)
                    self.step += 1
                    stop = self._agree(signal.requested)
                    self.seconds = time.monotonic() - started
                    self._after(log, stop)
                    if self.progress is not None:
                        self.progress(self.step, training.steps, self.figures)
                    if stop and self.step < training.steps:
                        raise Interrupted(self.run, self.step)
        finally:
            if log is not None:
                log.close()
        self.metrics["seconds"] = self.seconds
        if training.patience and self._best_path.exists():
            tensors, _ = checkpoint.read(self._best_path)
            self.evaluated.load_state_dict(tensors)
        self.accelerator.unwrap_model(self.train_step.wrapped, keep_fp32_wrapper=False)
        self.evaluated.eval()

    def _update(self, step: int) -> None:
        self.losses.add(step, *self.train_step(step))

    def _after(self, log: Log | None, stop: bool) -> None:
        """Everything that is not done at each step. The log comes before the checkpoint."""
        training = self.training
        last = self.step == training.steps

        def due(every: int) -> bool:
            return last or (every > 0 and self.step % every == 0)

        figures: dict[str, float] = {}
        if due(training.log_every):
            self._fetch()
            figures = self.losses.take()
            self.figures = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        if due(training.validate_every) and self.held_out is not None:
            figures["validation loss"] = self.metrics["validation loss"] = self._validate()
        if figures and log is not None:
            rate = training.learning_rate * training.factor(self.step - 1)
            log.write(self.step, {"seconds": self.seconds, "learning rate": rate, **figures})
        if due(training.sample_every) and not last and self.main:
            self.on_sample(self.evaluated, self.step)
        if due(training.checkpoint_every) or stop or self._stopped:
            self._fetch()
            self.save()

    @property
    def done(self) -> bool:
        """Whether no step is left."""
        return self.step == self.training.steps or self._stopped

    @property
    def _stopped(self) -> bool:
        return 0 < self.training.patience <= self.stale

    def _agree(self, requested: bool) -> bool:
        """Whether to stop: on several processes, whether any of them was asked to."""
        if self.world == 1:
            return requested
        if self.step % AGREE_EVERY:
            return False
        asked = torch.tensor(float(requested), device=self.accelerator.device)
        return bool(self.accelerator.reduce(asked, "sum") > 0)

    def _fetch(self) -> None:
        broken = self.losses.fetch()
        if broken is not None:
            self._fail(*broken)

    def _fail(self, step: int, problem: str) -> None:
        training = self.training
        advice = f"train anew with a learning_rate below {training.learning_rate:g}"
        advice += "" if training.clip else ", or clip=1"
        saved = checkpoint.newest_step(self._folder)
        earlier = "" if saved is None else f"; the checkpoint of step {saved:,} is from before"
        raise TrainingError(f"{problem} at step {step + 1:,}; {advice}{earlier}")

    def _validate(self) -> float:
        """Loss of the held-out images; the weights are kept aside if they are the best so far."""
        assert self.held_out is not None
        training = self.training
        value = validation_loss(
            self.evaluated,
            self.held_out,
            self.accelerator,
            part=next(iter(self.model.parts)),
            batch_size=self.train_step.order.share,
            seed=training.seed,
        )
        self.model.train()
        if not math.isfinite(value):
            self._fail(self.step - 1, f"the validation loss is {value}")
        if value < self.best:
            self.best, self.stale = value, 0
            if training.patience and self.main:
                checkpoint.write(self._best_path, self.evaluated.state_dict(), {"step": self.step})
        else:
            self.stale += 1
        return value

    # ---- checkpoints ----

    def save(self) -> None:
        """Write a checkpoint; the main process does, all wait.

        Raises
        ------
        TrainingError
            If a weight is not finite, so that no good checkpoint is displaced by a bad one.
        StoreError
            If it cannot be written.
        """
        train_step = self.train_step
        if not train_step.finite:
            self._fail(self.step - 1, "a weight is not finite")
        if self.main:
            state = {
                "identity": self.identity,
                "step": self.step,
                "processes": self.world,
                "best": self.best,
                "stale": self.stale,
                "seconds": self.seconds,
                "sums": self.losses.sums,
                "metrics": self.metrics,
                "scaler": self.accelerator.scaler.state_dict() if self.accelerator.scaler else None,
            }
            self._folder.mkdir(exist_ok=True)
            tensors = checkpoint.training_state(
                train_step.model, train_step.average, train_step.optimizers
            )
            checkpoint.write_step(self._folder, tensors, state)
        self.accelerator.wait_for_everyone()

    def load(self) -> None:
        """Go back to the newest checkpoint that is intact; to the start where there is none.

        Raises
        ------
        StoreError
            If all are damaged, or the checkpoint does not fit this run.
        TrainingError
            If more steps are done than are asked for.
        """
        latest = checkpoint.latest(self._folder, self.say)
        if latest is None:
            return
        tensors, state = latest
        # An option that is newer than the checkpoint has its default, as config.json says.
        for name, saved in state["identity"].items():
            mine = self.identity.get(name)
            if mine != saved:
                raise StoreError(
                    f"{self._folder}: the checkpoint is of another run: {name} was {saved!r:.80} "
                    f"and is {mine!r:.80}; resume with what it was, or start anew"
                )
        if state["step"] > self.training.steps:
            raise TrainingError(
                f"steps={self.training.steps:,}: {self.run} has done {state['step']:,} already; "
                "give more"
            )
        if state["processes"] != self.world:
            self.say(
                f"{self.run} ran on {state['processes']} processes and goes on with {self.world}: "
                "a good run, but not number for number what it would have been"
            )
        train_step = self.train_step
        checkpoint.restore(tensors, train_step.model, train_step.average, train_step.optimizers)
        self.step, self.seconds = state["step"], state["seconds"]
        self.best, self.stale = state["best"], state["stale"]
        self.losses.sums, self.metrics = state["sums"], state["metrics"]
        if self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
