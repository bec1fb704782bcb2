"""Which images a step sees, random numbers, averages, and the log."""

from __future__ import annotations

import csv

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gaborkit.errors import StoreError, TrainingError
from gaborkit.generative.data import Split
from gaborkit.generative.randomness import generator_of, initialised, seed_of
from gaborkit.generative.representation import Coefficients, Raw
from gaborkit.generative.training import batches
from gaborkit.generative.training.batches import Batches, Sampler
from gaborkit.generative.training.log import Log
from gaborkit.generative.training.step import EMA

CPU = torch.device("cpu")

# ---- order ----


@given(st.integers(1, 30), st.integers(1, 4), st.integers(1, 3), st.integers(0, 40))
def test_ranks_share_the_batch_of_one_process(images, share, world, step):
    whole = Sampler(images, share * world, seed=5).indices(step)
    shares = [Sampler(images, share * world, 5, rank, world).indices(step) for rank in range(world)]
    assert torch.equal(torch.cat(shares), whole)
    assert all(len(part) == share for part in shares)


@given(st.integers(1, 30), st.integers(1, 70))
def test_every_epoch_has_every_image_once(images, batch_size):
    order = Sampler(images, batch_size)
    stream = torch.cat([order.indices(step) for step in range(-(-2 * images // batch_size))])
    for epoch in range(2):
        one = stream[epoch * images : (epoch + 1) * images]
        assert sorted(one.tolist()) == list(range(images))


def test_the_order_depends_on_nothing_but_its_arguments():
    fresh = [Sampler(100, 30, seed=1).indices(step) for step in (9, 2)]
    used = Sampler(100, 30, seed=1)
    assert [used.indices(step).tolist() for step in range(10)][9] == fresh[0].tolist()
    assert used.indices(2).tolist() == fresh[1].tolist()
    assert Sampler(100, 30, seed=2).indices(2).tolist() != fresh[1].tolist()
    assert used.indices(0).tolist() != used.indices(4).tolist()


def test_errors_of_order():
    with pytest.raises(TrainingError, match="no images to train on"):
        Sampler(0, 4)
    with pytest.raises(TrainingError, match="batch_size=5 cannot be shared out to 2 processes"):
        Sampler(10, 5, world=2)


# ---- batches ----


def split(count=7):
    images = torch.arange(count * 64, dtype=torch.int64).reshape(count, 1, 8, 8) % 256
    return Split(images.to(torch.uint8), torch.arange(count))


@pytest.mark.parametrize(
    "representation",
    [
        Raw((1, 8, 8), "symmetric"),
        Raw((1, 8, 8), "levels", 256),
        Raw((1, 8, 8), "levels", 1000),
        Coefficients((1, 8, 8), "white", scales=1, orientations=2),
    ],
    ids=["raw", "256 levels", "1000 levels", "gabor"],
)
def test_cached_or_not_features_are_the_same(representation, monkeypatch):
    data = split()
    representation.fit(data.images)
    cached = Batches(data, representation, data.labels, CPU)
    monkeypatch.setattr(batches, "CACHE_LIMIT", 0)
    fresh = Batches(data, representation, data.labels, CPU)
    assert cached.features is not None
    assert fresh.features is None
    indices, generator = torch.tensor([3, 0, 3]), torch.Generator()
    features, labels = cached(indices, generator)
    others, same = fresh(indices, generator)
    torch.testing.assert_close(features, others)
    assert features.dtype == others.dtype == representation.encode(data.images[:1]).dtype
    assert labels.tolist() == same.tolist() == [3, 0, 3]


def test_dynamic_binarization_is_drawn_at_each_step_from_the_generator():
    data = split()
    raw = Raw((1, 8, 8), binarize="dynamic").fit(data.images)
    draw = Batches(data, raw, None, CPU)
    indices = torch.tensor([3])
    one, labels = draw(indices, generator_of(CPU, 1))
    assert labels is None
    assert set(one.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(one, draw(indices, generator_of(CPU, 1))[0])
    assert not torch.equal(one, draw(indices, generator_of(CPU, 2))[0])


# ---- random numbers ----


def test_seeds():
    seeds = {seed_of(0, "step", step, rank) for step in range(100) for rank in range(3)}
    assert len(seeds) == 300
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seed_of("1", 2) != seed_of(1, 2) != seed_of(12)


def test_first_weights_are_a_function_of_the_seed_and_leave_no_trace():
    torch.manual_seed(0)
    wanted = torch.rand(1)
    torch.manual_seed(0)
    with initialised(3):
        one = torch.nn.Linear(4, 4).weight
    assert torch.equal(torch.rand(1), wanted)
    with initialised(3):
        assert torch.equal(torch.nn.Linear(4, 4).weight, one)
    with initialised(4):
        assert not torch.equal(torch.nn.Linear(4, 4).weight, one)


# ---- average ----


class Two(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)

    @property
    def parts(self):
        return {"one": self.one, "other": self.other}


def test_average_follows_the_part_that_changed():
    model = Two()
    average = EMA(model, 0.75)
    first = model.one.weight.detach().clone()
    with torch.no_grad():
        model.one.weight += 1
        model.other.weight += 1
        model.other.running_mean += 2
    average.update("one", step=1000)
    torch.testing.assert_close(average.model.one.weight, first + 0.25)
    assert average.model.other.weight.tolist() == [1, 1]
    assert average.model.other.running_mean.tolist() == [2, 2]
    assert not any(weight.requires_grad for weight in average.model.parameters())


def test_average_forgets_the_first_weights_soon():
    """What is left of them after t steps is the product of the decays (1 + t) / (10 + t)."""
    model = Two()
    with torch.no_grad():
        model.one.weight.fill_(1)
        average = EMA(model, 0.999)
        model.one.weight.fill_(0)
    left = 1.0
    for step in range(8):
        average.update("one", step)
        left *= (1 + step) / (10 + step)
        torch.testing.assert_close(
            average.model.one.weight, torch.full((2, 2), left), atol=0, rtol=1e-4
        )


# ---- log ----


def table(path):
    with path.open(newline="") as stream:
        return list(csv.reader(stream))


def test_a_new_figure_adds_a_column(tmp_path):
    path = tmp_path / "log.csv"
    log = Log(path)
    log.write(1, {"loss": 0.5})
    log.write(2, {"loss": 0.25, "validation loss": 1.0})
    log.write(3, {"loss": 0.125})
    assert table(path) == [
        ["step", "loss", "validation loss"],
        ["1", "0.5", ""],
        ["2", "0.25", "1.0"],
        ["3", "0.125", ""],
    ]


@pytest.mark.parametrize("rest", ["", "4,0", "4,0.1,2\n", "x,0.1\n"])
def test_going_on_drops_later_and_broken_rows(rest, tmp_path):
    path = tmp_path / "log.csv"
    log = Log(path)
    for step in (1, 2, 3):
        log.write(step, {"loss": step / 2})
    with path.open("a") as stream:
        stream.write(rest)
    log = Log(path, done=2)
    log.write(3, {"loss": 9.0})
    assert table(path) == [["step", "loss"], ["1", "0.5"], ["2", "1.0"], ["3", "9.0"]]


def test_tensorboard(tmp_path):
    log = Log(tmp_path / "log.csv", 0, tmp_path / "board")
    log.write(1, {"loss": 0.5})
    log.close()
    (events,) = (tmp_path / "board").iterdir()
    assert events.name.startswith("events.out")


def test_a_log_that_cannot_be_read_or_written(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(b"step,loss\n1,\xff\n")
    with pytest.raises(StoreError, match=r"log.csv: cannot be read"):
        Log(path)
    log = Log(tmp_path / "other.csv")
    log.write(1, {"loss": 1.0})
    (tmp_path / "other.csv").unlink()
    (tmp_path / "other.csv").mkdir()
    with pytest.raises(StoreError, match=r"other.csv: cannot be written"):
        log.write(2, {"loss": 1.0})


def test_tensorboard_goes_on_after_the_step_that_is_kept_and_is_closed(tmp_path, monkeypatch):
    said = []

    class Board:
        def __init__(self, folder, purge_step):
            said.append((folder, purge_step))

        def add_scalar(self, *arguments):
            said.append(arguments)

        def close(self):
            said.append("closed")

    board = pytest.importorskip("torch.utils.tensorboard", reason="needs torch")
    monkeypatch.setattr(board, "SummaryWriter", Board)
    log = Log(tmp_path / "log.csv", 7, tmp_path / "board")
    log.write(8, {"loss": 0.5, "time": 2})
    log.close()
    assert said == [(str(tmp_path / "board"), 8), ("loss", 0.5, 8), ("time", 2, 8), "closed"]
    Log(tmp_path / "other.csv").close()
