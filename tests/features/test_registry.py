"""What holds for every descriptor, and descriptors by name."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

import gaborkit as gk
from gaborkit.features import DESCRIPTORS, Descriptor, Texture, descriptor

rng = np.random.default_rng(0)
IMAGE = rng.random((64, 64))


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_every_descriptor(name):
    made = descriptor(name)
    assert isinstance(made, Descriptor)
    assert made == descriptor(name)
    assert hash(made) == hash(descriptor(name))
    features = made.describe(IMAGE)
    assert features.names == made.names(IMAGE.shape)
    assert np.isfinite(features.values).all()
    both = made.describe(np.stack([IMAGE, IMAGE[::-1]]).astype(np.float32))
    assert both.shape == (2, len(features))
    assert both.values.dtype == np.float32
    np.testing.assert_allclose(both.values[0], features.values, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_tensors_equal_arrays_and_pass_gradients(name):
    tensor = torch.tensor(IMAGE, requires_grad=True)
    features = descriptor(name).describe(tensor)
    np.testing.assert_allclose(
        features.to_numpy(), descriptor(name).describe(IMAGE).values, rtol=1e-6, atol=1e-9
    )
    features.values.sum().backward()
    assert torch.isfinite(tensor.grad).all()
    assert tensor.grad.abs().max() > 0


def test_parameters_by_name():
    bank = gk.GaborBank.grid(2, 3)
    assert descriptor("texture", bank=bank) == Texture(bank)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("sift", {}, "descriptor 'sift' is unknown; choose one of texture, energy, invariant"),
        ("texture", {"scales": 3}, "texture has no parameter 'scales'; it takes bank, boundary"),
        ("invariant", {"pooling": "x"}, "pooling='x' is unknown"),
        ("gist", {"blocks": 0}, "blocks=0 is not"),
    ],
)
def test_names_and_parameters_that_are_unknown(name, parameters, message):
    with pytest.raises(gk.FeatureError, match=message):
        descriptor(name, **parameters)


@pytest.mark.parametrize("name", ["texture", "energy", "invariant", "spectrum"])
def test_unknown_boundary(name):
    with pytest.raises(gk.FilterError, match="boundary='black' is unknown"):
        descriptor(name, boundary="black")


def test_importing_features_loads_nothing_heavy():
    code = "import sys, gaborkit.features; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"torch", "cv2", "matplotlib", "skimage", "sklearn", "pandas", "pyarrow", "xarray"}
    assert set(loaded.stdout.split()) & heavy == set()
