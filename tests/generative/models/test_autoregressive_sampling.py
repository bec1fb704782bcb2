"""Cached sampling against the naive loop, completion, and what is refused."""

from typing import get_args

import pytest
import torch
from autoregressive_for_tests import KINDS, VIEW, fitting, make

from gaborkit.errors import ModelError
from gaborkit.generative.models import sampling
from gaborkit.generative.models.draws import adjusted, draw

#: Shape, levels, classes and fields that every kind is drawn with.
EVERY = [
    ((1, 7, 6), 16, 0, {}),
    ((3, 5, 6), 5, 3, {"position": False}),
    ((2, 1, 5), 4, 0, {}),
    ((1, 5, 1), 16, 3, {"class_position": True}),
    ((2, 6, 5), 4, 3, {"view": VIEW, "class_dropout": 0.2, "guidance": 2.0}),
    ((1, 4, 5), 7, 0, {"ordinal": False}),
]
CASES = [
    *[(kind, *case) for kind in KINDS for case in EVERY if fitting(kind, case[-1])],
    ("pixelcnn", (1, 6, 7), 2, 3, {"layers": 0, "first_size": 7}),
    ("pixelcnn", (3, 5, 6), 5, 3, {"size": 5}),
    ("pixelcnn", (2, 6, 5), 4, 3, {"view": VIEW, "layers": 0}),
    ("gated-pixelcnn", (1, 6, 7), 2, 3, {"dilations": (1, 3, 2)}),
    ("gated-pixelcnn", (3, 5, 6), 5, 3, {"size": 5, "dilations": (2,)}),
    ("gated-pixelcnn", (3, 5, 6), 5, 3, {"class_dropout": 0.2, "guidance": 0.5}),
]


def noise_for(model, count, seed=0):
    return torch.rand(count, *model.space.shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("kind", "shape", "levels", "classes", "fields"), CASES)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_cached_equals_naive(kind, shape, levels, classes, fields, count, temperature):
    model, _, labels = make(kind, shape, levels, classes, **fields)
    chosen = None if labels is None else labels[:count]
    drawn = [
        model.sample(
            count, chosen, torch.Generator().manual_seed(1), method=m, temperature=temperature
        )
        for m in ("cached", "naive")
    ]
    assert drawn[0].shape == (count, *shape)
    assert drawn[0].dtype == torch.int64
    assert torch.equal(*drawn)
    # Sharpened, or in few values, the level that these weights prefer may be the only one.
    assert len(drawn[0].unique()) > 1 or temperature < 1 or drawn[0].numel() < 40


@pytest.mark.parametrize(("kind", "shape", "levels", "classes", "fields"), CASES)
def test_completion(kind, shape, levels, classes, fields):
    model, features, labels = make(kind, shape, levels, classes, **fields)
    noise = noise_for(model, 3)
    whole = model.sample(3, labels, noise=noise)
    for rows in range(shape[1] + 1):
        # What was drawn, given back: the rest is drawn as before.
        assert torch.equal(model.complete(whole, rows, labels, noise=noise), whole)
        found = model.complete(features, rows, labels, noise=noise)
        assert torch.equal(found[:, :, :rows], features[:, :, :rows])
        naive = model.complete(features, rows, labels, noise=noise, method="naive")
        assert torch.equal(found, naive)


def test_completion_ignores_what_is_below():
    model, features, _ = make("pixelcnn", (1, 6, 5))
    noise = noise_for(model, 3)
    other = features.clone()
    other[:, :, 2:] = 3 - other[:, :, 2:]
    kept = features.clone()
    found = [model.complete(x, 2, noise=noise) for x in (features, other)]
    assert torch.equal(*found)
    assert torch.equal(features, kept)


@pytest.mark.parametrize("kind", KINDS)
def test_draws_follow_the_model(kind):
    # All images of two locations and three levels, against their exact probabilities.
    model, _, _ = make(kind, (1, 1, 2), levels=3)
    pairs = torch.cartesian_prod(torch.arange(3), torch.arange(3)).view(9, 1, 1, 2)
    wanted = model.log_likelihood(pairs).exp()
    drawn = model.sample(20000, generator=torch.Generator().manual_seed(0)).view(-1, 2)
    found = torch.bincount(3 * drawn[:, 0] + drawn[:, 1], minlength=9) / 20000
    assert (found - wanted).abs().max() < 0.015


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("guidance", [0.0, 1.0, 3.0])
def test_guided_draws_follow_both_distributions(kind, guidance):
    # p(a) p(b | a) of logits without a class + guidance * (those with - those without).
    model, _, _ = make(
        *(kind, (1, 1, 2)),
        levels=3,
        classes=2,
        class_dropout=0.2,
        class_position=True,
    )
    pairs = torch.cartesian_prod(torch.arange(3), torch.arange(3)).view(9, 1, 1, 2)
    told, untold = (model.logits(pairs, torch.full((9,), label)).detach() for label in (1, 2))
    logits = untold + guidance * (told - untold)  # (9, 1, 3, 1, 2)
    chances = logits.softmax(2).gather(2, pairs[:, :, None]).flatten(1).prod(1)
    ones = torch.ones(20000, dtype=torch.int64)
    drawn = model.sample(20000, ones, torch.Generator().manual_seed(0), guidance=guidance)
    drawn = drawn.view(-1, 2)
    shares = torch.bincount(3 * drawn[:, 0] + drawn[:, 1], minlength=9) / 20000
    assert chances.sum() == pytest.approx(1, abs=1e-5)
    assert (shares - chances).abs().max() < 0.015


def test_draws_go_by_the_configuration_s_guidance():
    model, _, labels = make("gated-pixelcnn", (1, 4, 4), classes=3, class_dropout=0.2, guidance=4.0)
    noise = noise_for(model, 3)
    drawn = model.sample(3, labels, noise=noise)
    assert torch.equal(drawn, model.sample(3, labels, noise=noise, guidance=4.0))
    assert not torch.equal(drawn, model.sample(3, labels, noise=noise, guidance=1.0))
    # Without classes there is nothing to go by.
    model, _, _ = make("gated-pixelcnn", (1, 4, 4), class_dropout=0.2, guidance=4.0)
    assert torch.equal(model.sample(3, noise=noise), model.sample(3, noise=noise, guidance=1.0))


def test_draw_inverts_the_distribution_function():
    probabilities = torch.tensor([0.0, 0.25, 0.0, 0.75, 0.0])
    uniform = torch.tensor([0.0, 0.2499, 0.25, 0.5, 1 - 2**-24])
    logits = probabilities.log().expand(5, 5)
    assert draw(logits, uniform).tolist() == [1, 1, 3, 3, 3]
    # Temperature 1/2 squares the probabilities: 1/10 and 9/10.
    assert draw(adjusted(logits, 0.5), uniform).tolist() == [1, 3, 3, 3, 3]


def test_the_noise_is_the_generator_s():
    model, _, _ = make("gated-pixelcnn", (1, 4, 4))
    state = torch.get_rng_state()
    drawn = model.sample(2, generator=torch.Generator().manual_seed(7))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(drawn, model.sample(2, noise=noise_for(model, 2, seed=7)))


@pytest.mark.parametrize("method", ["cached", "naive"])
def test_chunks_do_not_change_the_draws(method, monkeypatch):
    model, _, labels = make("pixelcnn", (2, 4, 5), classes=3)
    noise = noise_for(model, 3)
    whole = model.sample(3, labels, noise=noise, method=method)
    one = model.cache(1, labels[:1]).bytes
    monkeypatch.setattr(sampling, "CPU_BYTES", 2 * one)
    assert sampling.chunk_size(model, labels) == 2
    calls = []
    found = model.sample(
        3, labels, None, lambda *call: calls.append(call), noise=noise, method=method
    )
    assert torch.equal(found, whole)
    # Two chunks of four rows.
    assert calls == [(done, 8) for done in range(1, 9)]
    monkeypatch.setattr(sampling, "CPU_BYTES", 1)
    assert sampling.chunk_size(model, labels) == 1


@pytest.mark.parametrize("method", ["cached", "naive"])
def test_chunks_of_pairs(method, monkeypatch):
    model, _, labels = make("gated-pixelcnn", (2, 4, 5), classes=3, class_dropout=0.1, guidance=3.0)
    noise = noise_for(model, 3)
    whole = model.sample(3, labels, noise=noise, method=method)
    monkeypatch.setattr(sampling, "CPU_BYTES", 4 * model.cache(1, labels[:1]).bytes)
    assert sampling.chunk_size(model, labels, pairs=True) == 2
    assert torch.equal(model.sample(3, labels, noise=noise, method=method), whole)


def test_progress_of_a_completion_counts_the_rows_that_are_drawn():
    model, features, _ = make("gated-pixelcnn", (1, 5, 4))
    calls = []
    model.complete(features, 3, progress=lambda *call: calls.append(call))
    assert calls == [(1, 2), (2, 2)]


@pytest.mark.parametrize("method", ["cached", "naive"])
def test_every_part_returns_to_its_mode(method):
    model, _, _ = make("pixelcnn", (1, 4, 4))
    model.train()
    norms = [layer.norm for layer in model.masked]
    norms[0].eval()
    averages = [norm.running_mean.clone() for norm in norms]
    model.sample(2, method=method)
    model.log_likelihood(torch.zeros(1, 1, 4, 4, dtype=torch.int64))
    assert model.training
    assert [norm.training for norm in norms] == [False, True, True]
    for norm, average in zip(norms, averages, strict=True):
        assert torch.equal(norm.running_mean, average)


def test_modes_return_after_an_error():
    model, _, _ = make("pixelcnn", (1, 4, 4))
    model.train()

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.sample(1, progress=stop)
    assert model.training


def test_samples_are_ordinary_tensors():
    model, _, _ = make("gated-pixelcnn", (1, 4, 4))
    drawn = model.sample(2)
    assert not drawn.is_inference()
    model.train()(drawn, None, torch.Generator(), "model").total.backward()


def test_none_at_all():
    model, features, _ = make("pixelcnn", (1, 4, 4))
    assert model.sample(0).shape == (0, 1, 4, 4)
    assert model.complete(features[:0], 2).shape == (0, 1, 4, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_drawing_a_row_computes_where_it_did_before(kind):
    # What a CUDA graph needs: tensors that stay where they are.
    model, _, _ = make(kind, (2, 5, 4))
    with torch.inference_mode():
        cache = model.cache(3, None)
        tensors = [cache.noise, cache.levels, cache.position, *cache.state, *cache.workspace]
        start = [tensor.data_ptr() for tensor in tensors]
        assert cache.bytes > 0
        for row in range(3):
            cache.start_row(row, torch.rand_like(cache.noise))
            cache.draw_row(lambda logits: logits)
            tensors = [cache.noise, cache.levels, cache.position, *cache.state, *cache.workspace]
            assert [tensor.data_ptr() for tensor in tensors] == start


def test_drawing_goes_on_where_a_row_cannot_be_recorded(monkeypatch):
    model, _, _ = make("pixelcnn", (1, 4, 4))
    cache = model.cache(2, None)
    start = [history.values.clone() for history in cache.histories]

    def refuse():
        cache.histories[0].values.add_(1)
        raise RuntimeError("no CUDA")

    monkeypatch.setattr(torch.cuda, "Stream", refuse)
    row = object()
    assert sampling._recorded(row, cache) is row
    for history, values in zip(cache.histories, start, strict=True):
        assert torch.equal(history.values, values)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize(("kind", "shape", "levels", "classes", "fields"), CASES)
def test_cuda_graphs_equal_the_naive_loop(kind, shape, levels, classes, fields):
    model, features, labels = make(kind, shape, levels, classes, **fields)
    model = model.cuda()
    noise = noise_for(model, 3)
    for rows in (0, shape[1] // 2):
        found, naive = (
            model.complete(features, rows, labels, noise=noise, method=method)
            for method in ("cached", "naive")
        )
        assert torch.equal(found, naive)


NOISE = torch.zeros(1, 1, 4, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": -1}, "count=-1 is no number of images; give 0 or more"),
        ({"method": "fast"}, "method='fast' is unknown; choose cached, naive"),
        ({"temperature": 0.0}, r"temperature=0.0 is not positive; 1 draws from the model"),
        ({"temperature": float("nan")}, "temperature=nan is not positive"),
        ({"guidance": -1.0}, "guidance=-1.0 is out of range; give 0 or more, where 1 draws from"),
        ({"guidance": float("inf")}, "guidance=inf is out of range"),
        ({"guidance": 2.0}, "guidance=2.0 needs a model trained with classes and with class_drop"),
        ({"noise": NOISE[0]}, r"noise of shape \(1, 4, 4\) does not fit features of shape"),
        ({"labels": torch.tensor([0])}, "trained without classes"),
    ],
)
def test_sample_refuses(arguments, message):
    model, _, _ = make("pixelcnn", (1, 4, 4))
    with pytest.raises(ModelError, match=message):
        model.sample(**({"count": 1} | arguments))


@pytest.mark.parametrize(
    ("features", "rows", "message"),
    [
        (NOISE.long(), -1, "rows=-1 cannot be kept of 4; give 0 to 4"),
        (NOISE.long(), 5, "rows=5 cannot be kept of 4; give 0 to 4"),
        (NOISE[:, :, :3].long(), 1, r"shape \(1, 1, 3, 4\) do not fit a plain.*of \(B, 1, 4, 4\)"),
        (NOISE, 1, "dtype torch.float32 are not levels; give int64"),
        (NOISE.long() + 4, 1, "features from 4 to 4 are not all levels from 0 to 3"),
        (NOISE.long() - 1, 1, "features from -1 to -1 are not all levels from 0 to 3"),
    ],
)
def test_complete_refuses(features, rows, message):
    model, _, _ = make("pixelcnn", (1, 4, 4))
    with pytest.raises(ModelError, match=message.replace("plain.*", "pixelcnn ")):
        model.complete(features, rows)
    if "rows=" not in message:
        with pytest.raises(ModelError, match=message.replace("plain.*", "pixelcnn ")):
            model.log_likelihood(features)


def test_a_conditional_model_needs_labels_that_fit():
    model, features, labels = make("gated-pixelcnn", (1, 4, 4), classes=3)
    with pytest.raises(ModelError, match="say which of its 3 classes"):
        model.sample(3)
    with pytest.raises(ModelError, match=r"guidance=2.0 needs a model trained with classes"):
        model.sample(3, labels, guidance=2.0)
    with pytest.raises(ModelError, match="class 3 is not one of 0 to 2"):
        model.complete(features, 1, labels + 1)
    assert get_args(sampling.Method) == tuple(sampling.METHODS)
