"""Features of a layer, averaged over locations, and a linear probe of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from gaborkit.errors import ModelError, RepresentationError
from gaborkit.generative import MODELS, ImageModel, Raw, features_of
from gaborkit.generative.models.autoregressive import Autoregressive
from gaborkit.generative.models.vae import VAE, VAEConfig

SHAPE = (1, 8, 8)
NAMES = [name for name, model in MODELS.items() if issubclass(model, Autoregressive)]


def bars(count=60):
    """Bars across and upright, and which of them: uint8."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, count)
    images = np.zeros((count, 1, 8, 8), np.uint8)
    for image, label, at in zip(images[:, 0], labels, rng.integers(0, 8, count), strict=True):
        image[(at, slice(None)) if label else (slice(None), at)] = 255
    return images, labels


def made(name, classes=0, **fields):
    torch.manual_seed(0)
    raw = Raw(SHAPE, "levels", levels=4).fit(torch.zeros(1, *SHAPE))
    kind = MODELS[name]
    return ImageModel(kind(kind.Config(levels=4, channels=16, **fields), raw.space, classes), raw)


@pytest.mark.parametrize("name", NAMES)
def test_features_of_every_autoregressive_model_in_a_pipeline(name):
    images, labels = bars()
    model = made(name, **({"layers": 2} if name == "imagegpt" else {}))
    transform = FunctionTransformer(features_of, kw_args={"model": model})
    pipeline = make_pipeline(transform, LogisticRegression(C=1e4, max_iter=2000))
    pipeline.fit(images[:40], labels[:40])
    assert pipeline.score(images[:40], labels[:40]) > 0.55
    features = features_of(torch.from_numpy(images), model, layer=-1)
    trunk = model.model.layers_of(model.representation.encode(torch.from_numpy(images[:7])))[-1]
    assert (features.shape, features.dtype) == ((60, trunk.shape[1]), np.float32)
    np.testing.assert_allclose(features[:7], trunk.mean((2, 3)).detach(), rtol=1e-4, atol=1e-6)


def test_layers_differ_and_progress_is_told():
    images, _ = bars(40)
    model, calls = made("imagegpt", layers=2), []
    layers = [features_of(images, model, layer=k) for k in range(3)]
    assert not np.allclose(layers[0], layers[1])
    middle = features_of(images, model, progress=lambda *call: calls.append(call))
    np.testing.assert_array_equal(middle, layers[1])
    assert calls == [(32, 40), (40, 40)]


def test_a_conditional_model_is_not_told_the_class():
    images, _ = bars(4)
    model = made("imagegpt", classes=3, layers=1, class_dropout=0.1)
    levels = model.representation.encode(torch.from_numpy(images))
    untold = model.model.network(
        *(model.model.seen(levels), model.model.values(levels), torch.full((4,), 3))
    )[-1]
    np.testing.assert_allclose(
        features_of(images, model, layer=-1), untold.mean((2, 3)).detach(), rtol=1e-5
    )
    with pytest.raises(ModelError, match="say which of its 3 classes"):
        features_of(images, made("imagegpt", classes=3, layers=1))


def test_what_has_no_features_is_refused():
    images, _ = bars(2)
    raw = Raw(SHAPE).fit(torch.zeros(1, *SHAPE))
    with pytest.raises(ModelError, match="vae has no features of locations"):
        features_of(images, ImageModel(VAE(VAEConfig(), raw.space), raw))
    with pytest.raises(ModelError, match="layer=9 is none of this imagegpt; give 0 to 2"):
        features_of(images, made("imagegpt", layers=2), layer=9)
    with pytest.raises(ModelError, match="there are no images"):
        features_of(images[:0], made("imagegpt", layers=1))
    with pytest.raises(RepresentationError, match="do not fit"):
        features_of(images[:, :, 1:], made("imagegpt", layers=1))
