"""A step of training by hand: gradients, rates, losses, the held-out images, what is saved."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
from types import SimpleNamespace

import pytest
import torch

from gaborkit.errors import StoreError, TrainingError
from gaborkit.generative.data import Split
from gaborkit.generative.models.gan import GAN, GANConfig
from gaborkit.generative.models.model import Loss
from gaborkit.generative.representation import Raw
from gaborkit.generative.training import checkpoint
from gaborkit.generative.training.batches import Batches, validation_loss
from gaborkit.generative.training.log import Losses
from gaborkit.generative.training.settings import Training
from gaborkit.generative.training.step import EMA, TrainStep

CPU = torch.device("cpu")
PICTURES = torch.arange(7 * 64).reshape(7, 1, 8, 8).mul(37).remainder(256).to(torch.uint8)
IMAGES = Split(PICTURES, None)
TRAINING = Training(
    steps=10, batch_size=3, learning_rate=0.01, betas=(0.8, 0.9), schedule="linear", seed=3
)


def alone(**fields):
    """What a step needs of Accelerate, on one process."""
    return SimpleNamespace(
        **{
            "device": CPU,
            "num_processes": 1,
            "process_index": 0,
            "scaler": None,
            "prepare_model": lambda model: model,
            "backward": lambda loss: loss.backward(),
            "reduce": lambda values, how: values,
            "autocast": torch.no_grad,
        }
        | fields
    )


class Two(torch.nn.Module):
    """Two parts that take turns; the loss reaches both."""

    classes = 0

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.one, self.other = torch.nn.Linear(64, 2), torch.nn.Linear(64, 2)

    @property
    def parts(self):
        return {"one": self.one, "other": self.other}

    def turn(self, step):
        return ("one", "other")[step % 2]

    def check_batch(self, count):
        pass

    def labels_for(self, split):
        return split.labels if self.classes else None

    def forward(self, features, labels, generator, part):
        x = features.flatten(1)
        total = (self.one(x) + self.other(x)).square().mean()
        return Loss(total, {"half": total.detach() / 2})


def train_step_of(**fields):
    raw = Raw((1, 8, 8), "symmetric").fit(PICTURES)
    training = dataclasses.replace(TRAINING, **fields)
    return TrainStep(Two(), raw, IMAGES, training, alone())


# ---- one step ----


@pytest.mark.parametrize(("clip", "decay"), [(0.0, 0.0), (0.02, 0.1), (1e9, 0.0)])
def test_steps_are_those_of_adam_by_hand(clip, decay):
    train_step = train_step_of(clip=clip, weight_decay=decay)
    model = copy.deepcopy(train_step.model)
    optimizers = {
        name: torch.optim.AdamW(
            part.parameters(), betas=(0.8, 0.9), weight_decay=decay, fused=False
        )
        for name, part in model.parts.items()
    }
    for step in range(4):
        part, loss = train_step(step)
        assert part == model.turn(step)
        features, _ = train_step.batches(train_step.order.indices(step), torch.Generator())
        model.zero_grad()
        expected = model(features, None, None, part).total
        torch.testing.assert_close(loss.total, expected)
        expected.backward()
        weights = list(model.parts[part].parameters())
        norm = math.sqrt(sum(float(weight.grad.square().sum()) for weight in weights))
        if clip and norm > clip:
            for weight in weights:
                weight.grad *= clip / norm
        optimizers[part].param_groups[0]["lr"] = 0.01 * (1 - step / 10)
        optimizers[part].step()
        for mine, other in zip(train_step.model.parameters(), model.parameters(), strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-7)
            assert mine.grad is None


def test_what_training_keeps():
    train_step = train_step_of(ema=0.5)
    first = train_step.model.one.weight.detach().clone()
    assert train_step.evaluated is train_step.average.model is not train_step.model
    train_step(0)
    # At step 0 the decay is 1 / 10.
    expected = torch.lerp(first, train_step.model.one.weight, 0.9)
    torch.testing.assert_close(train_step.evaluated.one.weight, expected)
    plain = train_step_of()
    assert plain.average is None
    assert plain.evaluated is plain.model
    assert plain.finite
    for value in (math.nan, math.inf):
        with torch.no_grad():
            plain.model.other.bias[1] = value
        assert not plain.finite


def test_schedules_by_their_formula():
    cosine = Training(steps=10, schedule="cosine", warmup=2)
    expected = [0.5, 1.0, *((1 + math.cos(math.pi * k / 8)) / 2 for k in range(8))]
    assert [cosine.factor(step) for step in range(10)] == pytest.approx(expected)
    linear = Training(steps=4, schedule="linear")
    assert [linear.factor(step) for step in range(4)] == [1, 0.75, 0.5, 0.25]
    constant = Training(steps=4, warmup=4)
    assert [constant.factor(step) for step in range(4)] == [0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("steps", 1, 0),
        ("batch_size", 1, 0),
        ("log_every", 1, 0),
        ("warmup", 0, -1),
        ("checkpoint_every", 0, -1),
        ("clip", 0, -1e-9),
        ("weight_decay", 0, math.inf),
        ("learning_rate", 1e-300, 0),
        ("learning_rate", 1e300, math.inf),
        ("ema", 0, 1),
        ("betas", (0.0, 0.5), (0.5, 1.0)),
        ("seed", 0, -1),
        ("seed", 2**63 - 1, 2**63),
    ],
)
def test_settings_at_their_bounds(name, good, bad):
    assert getattr(Training(**{name: good}), name) == good
    with pytest.raises(TrainingError, match=f"^{name}="):
        Training(**{name: bad})


# ---- losses ----


def test_losses_are_means_until_they_are_taken():
    losses = Losses(alone(), several=True)
    assert losses.fetch() is None
    assert losses.take() == {}
    for step, value in enumerate((1.0, 2.0, 6.0)):
        part = ("one", "other")[step % 2]
        losses.add(step, part, Loss(torch.tensor(value), {"half": torch.tensor(value / 2)}))
    assert losses.sums == {}  # nobody looked
    assert losses.fetch() is None
    assert losses.sums == {"one loss": [7.0, 2], "half": [4.5, 3], "other loss": [2.0, 1]}
    assert losses.fetch() is None  # each is added once
    assert losses.take() == {"one loss": 3.5, "half": 1.5, "other loss": 2.0}
    assert losses.take() == {}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_the_first_loss_that_is_not_finite(value):
    losses = Losses(alone(), several=False)
    for step, total in enumerate((1.0, 2.0, value, value)):
        losses.add(step + 5, "model", Loss(torch.tensor(total), {}))
    assert losses.fetch() == (7, f"the loss is {value}")
    assert losses.sums == {"loss": [3.0, 2]}


# ---- held-out images ----


class Counting(torch.nn.Module):
    """Its loss is the batch's mean of the image's number, and it notes what it is shown."""

    def __init__(self):
        super().__init__()
        self.shown, self.draws = [], []

    def forward(self, features, labels, generator, part):
        assert (part, self.training) == ("model", False)
        assert not torch.is_grad_enabled()
        self.shown.append(labels.tolist())
        self.draws.append(int(torch.randint(2**40, (), generator=generator)))
        return Loss(labels.double().mean(), {})


def counted(rank, world, size=3):
    images = Split(PICTURES, torch.arange(7).square())
    held_out = Batches(images, Raw((1, 8, 8), "symmetric").fit(PICTURES), images.labels, CPU)
    sums = []
    accelerator = alone(
        num_processes=world,
        process_index=rank,
        reduce=lambda values, how: sums.append(values) or values,
    )
    model = Counting().train()
    value = validation_loss(model, held_out, accelerator, part="model", batch_size=size, seed=1)
    return model, value, sums


def test_every_held_out_image_counts_once_whatever_the_batch():
    for size in (1, 3, 7, 10):
        model, value, sums = counted(0, 1, size)
        assert value == pytest.approx(91 / 7, rel=1e-12)
        assert list(itertools.chain(*model.shown)) == [0, 1, 4, 9, 16, 25, 36]
        assert max(map(len, model.shown)) == min(size, 7)
        assert sums == []
    assert counted(0, 1)[0].draws == counted(0, 1)[0].draws


def test_processes_share_the_held_out_images():
    parts = [counted(rank, 2) for rank in (0, 1)]
    assert [model.shown for model, _, _ in parts] == [[[0, 4, 16], [36]], [[1, 9, 25]]]
    assert [sums[0].tolist() for _, _, sums in parts] == [[56, 4], [35, 3]]
    assert parts[0][0].draws[0] != parts[1][0].draws[0]
    # More processes than images: the last has none.
    model, _, sums = counted(7, 8)
    assert model.shown == []
    assert sums[0].tolist() == [0, 0]


def test_running_statistics_are_those_of_the_first_process(monkeypatch):
    raw, sent = Raw((1, 8, 8), "symmetric").fit(PICTURES), []
    monkeypatch.setattr(
        torch.distributed, "broadcast", lambda buffer, source: sent.append((buffer, source))
    )
    held_out = Batches(Split(PICTURES, None), raw, torch.arange(7), CPU)
    model = Counting()
    model.register_buffer("statistics", torch.zeros(2))
    for world in (1, 2):
        assert sent == []
        accelerator = alone(num_processes=world)
        validation_loss(model, held_out, accelerator, part="model", batch_size=4, seed=1)
    ((buffer, source),) = sent
    assert buffer is model.statistics
    assert source == 0


# ---- what is saved ----


def test_all_that_the_next_step_needs_comes_back():
    train_step = train_step_of(ema=0.5)
    for step in range(3):
        train_step(step)
    tensors = {
        name: tensor.clone()
        for name, tensor in checkpoint.training_state(
            train_step.model, train_step.average, train_step.optimizers
        ).items()
    }
    # Two tensors in each of two parts: weights, average, and three states of each.
    assert len(tensors) == 4 + 4 + 3 * 4
    again = train_step_of(ema=0.5)
    checkpoint.restore(tensors, again.model, again.average, again.optimizers)
    for step in (3, 4):
        assert torch.equal(train_step(step)[1].total, again(step)[1].total)
    for mine, other in ((train_step.model, again.model), (train_step.evaluated, again.evaluated)):
        assert torch.equal(mine.one.weight, other.one.weight)
        assert torch.equal(mine.other.weight, other.other.weight)


@pytest.mark.parametrize("state", ["exp_avg", "exp_avg_sq"])
def test_states_of_another_shape(state):
    train_step = train_step_of()
    train_step(0)
    tensors = checkpoint.training_state(train_step.model, None, train_step.optimizers)
    tensors[f"optimizer/one/0/{state}"] = torch.zeros(3, 64)
    with pytest.raises(StoreError, match=f"{state} of tensor 0 of one has another shape"):
        checkpoint.restore(tensors, train_step.model, None, train_step.optimizers)
    with pytest.raises(StoreError, match="does not fit the model"):
        checkpoint.restore({}, train_step.model, None, train_step.optimizers)


def test_an_average_saved_by_a_run_without_one():
    train_step = train_step_of()
    tensors = checkpoint.training_state(train_step.model, None, train_step.optimizers)
    assert all(name.startswith("model/") for name in tensors)
    with pytest.raises(StoreError, match="does not fit the model"):
        checkpoint.restore(tensors, train_step.model, EMA(train_step.model, 0.5), {})


def test_one_image_a_step_without_labels():
    """Batch normalisation of a GAN needs two; a model without classes is given no labels."""
    train_step = train_step_of(batch_size=1)
    assert train_step.order.share == 1
    assert train_step.batches.labels is None


@pytest.mark.parametrize("world", [1, 2])
def test_two_images_are_enough_for_the_statistics_of_a_gan(world):
    def step_of(share):
        raw = Raw((1, 8, 8), "symmetric").fit(PICTURES)
        config = GANConfig(latent=4, generator_hidden=(8,), discriminator_hidden=(8,))
        training = dataclasses.replace(TRAINING, batch_size=share * world)
        processes = alone(num_processes=world)
        return TrainStep(GAN(config, raw.space), raw, IMAGES, training, processes)

    assert step_of(2)(0)[1].total.isfinite()
    with pytest.raises(TrainingError, match=rf"batch_size={world}: a batch of 1 image has no"):
        step_of(1)
