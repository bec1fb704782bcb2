"""Likelihoods that add up to 1, weights that only the optimizer changes, presets, refusals."""

import dataclasses
import math

import pytest
import torch
from autoregressive_for_tests import KINDS, NARROW, build, make

from gaborkit.errors import ModelError
from gaborkit.generative.models import MODELS
from gaborkit.generative.models.autoregressive import Autoregressive
from gaborkit.generative.models.gated_pixelcnn import GatedPixelCNN, GatedPixelCNNConfig
from gaborkit.generative.models.imagegpt import ImageGPTConfig
from gaborkit.generative.models.pixelcnn import PixelCNN, PixelCNNConfig
from gaborkit.generative.models.pixelsnail import PixelSNAILConfig
from gaborkit.generative.space import Space
from gaborkit.generative.training.settings import Training

NAMES = [name for name, model in MODELS.items() if issubclass(model, Autoregressive)]


def all_images(shape, levels):
    grids = torch.meshgrid(*[torch.arange(levels)] * math.prod(shape), indexing="ij")
    return torch.stack(grids, -1).reshape(-1, *shape)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", [0, 2])
@pytest.mark.parametrize(
    ("shape", "levels"), [((2, 2, 2), 2), ((1, 2, 2), 4), ((3, 1, 2), 3), ((1, 3, 3), 2)]
)
def test_probabilities_of_all_images_add_up_to_one(kind, classes, shape, levels):
    model, _, _ = make(kind, shape, levels, classes)
    images = all_images(shape, levels)
    assert len(images) == levels ** math.prod(shape)
    totals = []
    for label in range(max(classes, 1)):
        labels = torch.full((len(images),), label) if classes else None
        likelihood = model.double().log_likelihood(images, labels).detach().exp()
        totals.append(float(likelihood.sum()))
        assert likelihood.max() > 1.5 / len(images)  # not the uniform distribution
    assert totals == pytest.approx([1.0] * len(totals), abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_classes_matter(kind):
    model, features, labels = make(kind, (1, 5, 5), classes=3)
    first = model.log_likelihood(features, labels)
    assert (first - model.log_likelihood(features, (labels + 1) % 3)).abs().min() > 1e-4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 6, 5), (3, 4, 4)])
@pytest.mark.parametrize("classes", [0, 3])
def test_loss_is_the_negative_log_likelihood(kind, shape, classes):
    model, features, labels = make(kind, shape, classes=classes)
    loss = model(features, labels, torch.Generator(), "model")
    exact = model.log_likelihood(features, labels)
    assert exact.shape == (3,)
    torch.testing.assert_close(loss.total, -exact.mean())
    bits = -exact.mean() / (math.prod(shape) * math.log(2))
    torch.testing.assert_close(loss.figures["bits_per_dimension"], bits.detach())
    # From the logits, by the definition.
    chances = model.logits(features, labels).log_softmax(2)
    terms = chances.gather(2, features[:, :, None]).sum((1, 2, 3, 4))
    torch.testing.assert_close(terms, exact)
    # All weights of the model are trained, which distributed training relies on.
    loss.total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_optimizer_changes_weights(kind):
    model, features, labels = make(kind, (2, 5, 5), classes=3)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def use():
        model(features, labels, torch.Generator(), "model").total.backward()
        model.sample(2, labels[:2])
        model.complete(features, 2, labels)
        model.log_likelihood(features, labels)

    for _ in range(3):
        kept = {name: weight.detach().clone() for name, weight in model.named_parameters()}
        use()
        for name, weight in model.named_parameters():
            assert torch.equal(weight, kept[name])
        optimizer.step()
        assert not any(torch.equal(w, kept[name]) for name, w in model.named_parameters())
    # Trained, it is causal still.
    changed = features.clone()
    changed[:, :, 3:] = 3 - changed[:, :, 3:]
    first, second = (model.logits(x, labels)[..., :3, :] for x in (features, changed))
    assert torch.equal(first, second)


@pytest.mark.parametrize("kind", KINDS)
def test_learns_two_images_by_heart(kind):
    torch.manual_seed(0)
    model = build(kind, Space(1, 6, 6, "levels", 3))
    images = torch.randint(0, 3, (2, 1, 6, 6), generator=torch.Generator().manual_seed(3))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    model.train()
    for _ in range(200):
        loss = model(images.repeat(4, 1, 1, 1), None, torch.Generator(), "model").total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # log 2 nats say which of the two it is; no model can do better.
    assert math.log(2) - 1e-3 < -float(model.log_likelihood(images).detach().mean()) < 1.5
    drawn = model.sample(8, generator=torch.Generator().manual_seed(0))
    known = (drawn[:, None] == images).flatten(2).all(2).any(1)
    assert known.sum() >= 5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 6, 6), (3, 4, 4)])
def test_likelihood_is_in_float32_under_autocast(kind, shape):
    model, features, _ = make(kind, shape)
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(features, None, torch.Generator(), "model")
    assert loss.total.dtype == torch.float32
    exact = -model.log_likelihood(features).mean()
    torch.testing.assert_close(loss.total, exact, rtol=0.05, atol=0.05)


def test_every_model_of_the_family_is_tried():
    assert {name for name, _ in KINDS.values()} == set(NAMES)
    assert (MODELS["pixelcnn"], MODELS["gated-pixelcnn"]) == (PixelCNN, GatedPixelCNN)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("preset", ["small", "article", "large"])
@pytest.mark.parametrize("features", ["raw", "gabor", "coefficients"])
def test_presets(name, preset, features):
    config, training = MODELS[name].preset(preset, features)
    assert isinstance(config, MODELS[name].Config)
    Training(**training)
    channels = 18 if features == "coefficients" else 1
    model = MODELS[name](config, Space(channels, 28, 28, "levels", config.levels), 10)
    assert MODELS[name].scaling(config) == "levels"
    assert model.has_validation_loss
    # A change of the settings stays with the caller.
    training["steps"] = 0
    assert MODELS[name].preset(preset, features)[1]["steps"] > 0


def test_the_article_s_recipe():
    config, training = PixelCNN.preset("article", "raw")
    assert (training["batch_size"], Training(**training).learning_rate) == (128, 1e-3)
    model = PixelCNN(config, Space(1, 28, 28, "levels", 256))
    convolutions = [layer.convolution for layer in model.masked]
    norms = [layer.norm for layer in model.masked]
    shapes = [tuple(layer.weight.shape) for layer in convolutions]
    # 7x7: 24 weights before the centre, and the centre.
    assert shapes == [(64, 1, 24)] + [(64, 64, 25)] * 7
    assert all(layer.bias is None for layer in convolutions)
    assert [type(norm).__name__ for norm in norms] == ["BatchNorm2d"] * 8
    assert tuple(model.head.output.weight.shape) == (256, 64, 1, 1)


def test_the_large_model_has_about_a_million_weights():
    config, _ = GatedPixelCNN.preset("large", "raw")
    model = GatedPixelCNN(config, Space(1, 28, 28, "levels", 256))
    assert 0.8e6 < sum(weight.numel() for weight in model.parameters()) < 1.2e6


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wanted", [("huge", "raw"), ("small", "fourier")])
def test_unknown_presets(name, wanted):
    with pytest.raises(ModelError, match=f"{name} has no preset '{wanted[0]}' for '{wanted[1]}'"):
        MODELS[name].preset(*wanted)


@pytest.mark.parametrize(
    ("config", "fields", "message"),
    [
        (PixelCNNConfig, {"channels": 0}, "channels=0 is too few; give 1 or more"),
        (PixelCNNConfig, {"layers": -1}, "layers=-1 is too few; give 0 or more"),
        (PixelCNNConfig, {"hidden": 0}, "hidden=0 is too few"),
        (PixelCNNConfig, {"levels": 1}, "levels=1 is too few; give 2 or more"),
        (PixelCNNConfig, {"size": 4}, "size=4 has no centre"),
        (PixelCNNConfig, {"first_size": 1}, "first_size=1 has no centre"),
        (PixelCNNConfig, {"class_dropout": 1.0}, r"class_dropout=1.0 is no share; give \[0, 1\)"),
        (GatedPixelCNNConfig, {"class_dropout": -0.1}, "class_dropout=-0.1 is no share"),
        (PixelCNNConfig, {"guidance": -1.0}, "guidance=-1.0 is out of range; give 0 or more"),
        (GatedPixelCNNConfig, {"guidance": 2.0}, "guidance=2.0 goes by what a model draws without"),
        (GatedPixelCNNConfig, {"channels": 0}, "channels=0 is too few"),
        (GatedPixelCNNConfig, {"size": 2}, "size=2 has no centre"),
        (GatedPixelCNNConfig, {"dilations": ()}, r"dilations=\(\) are not one for each layer"),
        (GatedPixelCNNConfig, {"dilations": (1, 0)}, r"dilations=\(1, 0\) are not one"),
        (PixelCNNConfig, {"likelihood": "normal"}, "likelihood='normal' is unknown; choose cat"),
        (PixelCNNConfig, {"mixtures": 0}, "mixtures=0 is too few"),
        (ImageGPTConfig, {"heads": 3}, "channels=512 cannot be shared out to heads=3"),
        (ImageGPTConfig, {"dropout": 1.0}, "dropout=1.0 is no share"),
        (PixelSNAILConfig, {"blocks": 0}, "blocks=0 is too few"),
        (PixelSNAILConfig, {"dropout": -0.5}, "dropout=-0.5 is no share"),
    ],
)
def test_configurations_out_of_range(config, fields, message):
    with pytest.raises(ModelError, match=message):
        dataclasses.replace(config(), **fields)


@pytest.mark.parametrize("name", NAMES)
def test_spaces_and_labels_that_do_not_fit(name):
    model = MODELS[name]
    config = model.Config(levels=4)
    with pytest.raises(ModelError, match=f"{name} of 4 levels cannot model features of 16"):
        model(config, Space(1, 4, 4, "levels", 16))
    with pytest.raises(ModelError, match="scaled as 'levels', not 'unit'"):
        model(config, Space(1, 4, 4, "unit"))
    features = torch.zeros(1, 1, 4, 4, dtype=torch.int64)
    with pytest.raises(ModelError, match="say which of its 3 classes"):
        model(config, Space(1, 4, 4, "levels", 4), 3)(features, None, torch.Generator(), "model")
    with pytest.raises(ModelError, match="trained without classes"):
        model(config, Space(1, 4, 4, "levels", 4)).log_likelihood(features, torch.tensor([0]))


@pytest.mark.parametrize("kind", NARROW)
def test_a_network_with_positions_knows_how_far_down_it_is(kind):
    # Stripes that end in the ninth row: no window reaches from there to the border.
    def stripes(count):
        images = torch.zeros(count, 1, 12, 6, dtype=torch.int64)
        columns = torch.randint(6, (count,), generator=generator)
        images[torch.arange(count), 0, :8, columns] = 1
        return images

    inks, nats = {}, {}
    for position in (False, True):
        torch.manual_seed(0)
        generator = torch.Generator().manual_seed(0)
        space = Space(1, 12, 6, "levels", 2)
        model = build(kind, space, first_size=3, position=position, **NARROW[kind]).train()
        optimizer = torch.optim.Adam(model.parameters(), 1e-2)
        for _ in range(300):
            optimizer.zero_grad()
            model(stripes(16), None, generator, "model").total.backward()
            optimizer.step()
        inks[position] = model.sample(200, generator=generator)[:, 0, 8:].double().mean().item()
        nats[position] = -model.log_likelihood(stripes(200)).mean().item()
    assert inks[True] < 0.005 < 0.02 < inks[False]
    # All that is random is the column.
    assert nats[True] < math.log(6) + 1 < nats[False] - 1


@pytest.mark.parametrize("kind", NARROW)
def test_a_network_with_class_positions_knows_where_each_class_lies(kind):
    # A picture for each class, of dots at random: no window says where one is to come.
    images = torch.randint(0, 2, (20, 1, 9, 9), generator=torch.Generator().manual_seed(1))
    labels = torch.arange(20)
    shares = {}
    for class_position in (False, True):
        torch.manual_seed(0)
        model = build(
            *(kind, Space(1, 9, 9, "levels", 2), 20),
            first_size=3,
            class_position=class_position,
            **NARROW[kind],
        ).train()
        optimizer = torch.optim.Adam(model.parameters(), 3e-2)
        for _ in range(30):
            optimizer.zero_grad()
            model(images, labels, torch.Generator(), "model").total.backward()
            optimizer.step()
        drawn = model.sample(20, labels, torch.Generator().manual_seed(0))
        shares[class_position] = (drawn == images).double().mean().item()
    assert shares[False] < 0.7 < 0.95 < shares[True]


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_hides_labels_in_training_only(kind):
    model, features, labels = make(kind, (1, 5, 5), classes=3, class_dropout=0.5)
    features, labels = features.repeat(40, 1, 1, 1), labels.repeat(40)
    model.eval()
    told = -model.log_likelihood(features, labels).mean()
    losses = [
        model(features, labels, torch.Generator().manual_seed(seed), "model").total
        for seed in (0, 1)
    ]
    torch.testing.assert_close(losses, [told, told])
    seen = []
    model._nats = lambda features, labels, generator: (
        seen.append(labels) or torch.zeros(len(labels))
    )
    model.train()
    kept = labels.clone()
    for seed in (0, 0, 1):
        model(features, labels, torch.Generator().manual_seed(seed), "model")
    assert torch.equal(labels, kept)
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])
    hidden = seen[0] == 3
    assert torch.equal(seen[0][~hidden], labels[~hidden])
    assert 0.3 < hidden.double().mean() < 0.7
