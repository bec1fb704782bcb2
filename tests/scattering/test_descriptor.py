"""Scattering coefficients as features: ratios, logarithms, and a fixed list for any picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gaborkit as gk
from gaborkit.errors import FeatureError
from gaborkit.features import DESCRIPTORS, Scattering, ScatteringDescriptor, descriptor
from gaborkit.features.descriptors import from_dict, to_dict
from gaborkit.scattering import logarithms, normalized


def random(*shape):
    return np.random.default_rng(0).random(shape)


def test_normalized_divides_by_the_first_wavelet_s_coefficient():
    scattering, image = Scattering(3, 2), random(24, 24)
    found = scattering(image)
    ratios = normalized(found, scattering)
    np.testing.assert_array_equal(ratios[:7], found[:7])
    for c, path in enumerate(scattering.paths):
        if path.order == 2:
            parent = found[1 + path.wavelets[0]]
            np.testing.assert_allclose(ratios[c], found[c] / (parent + 1e-6))
    # A stronger picture varies as much.
    stronger = normalized(scattering(1000 * image), scattering)
    np.testing.assert_allclose(stronger[7:], ratios[7:], rtol=1e-3)


def test_logarithms_spare_order_0():
    scattering, image = Scattering(2, 2), random(20, 20) - 0.5
    found = scattering(image)
    logs = logarithms(found, scattering, floor=1e-3)
    np.testing.assert_array_equal(logs[0], found[0])
    np.testing.assert_allclose(logs[1:], np.log(found[1:] + 1e-3))


@pytest.mark.parametrize("function", [normalized, logarithms])
def test_helpers_in_both_libraries_along_any_axis(function):
    scattering = Scattering(2, 2)
    found = scattering(random(3, 20, 20)).astype(np.float32)
    expected = function(found, scattering)
    assert expected.dtype == np.float32
    tensor = function(torch.from_numpy(found), scattering)
    torch.testing.assert_close(tensor, torch.from_numpy(expected))
    last = function(np.moveaxis(found, 1, -1), scattering, axis=-1)
    np.testing.assert_allclose(np.moveaxis(last, -1, 1), expected, rtol=1e-6)
    negative = function(-abs(found), scattering)
    assert np.isfinite(negative).all()


@pytest.mark.parametrize("function", [normalized, logarithms])
def test_helpers_refuse_what_does_not_fit(function):
    scattering = Scattering(2, 2)
    with pytest.raises(FeatureError, match=r"shape \(8, 5, 5\) do not have 9 paths along axis -3"):
        function(np.ones((8, 5, 5)), scattering)
    with pytest.raises(FeatureError, match=r"shape \(9,\) do not have 9 paths along axis -3"):
        function(np.ones(9), scattering)
    with pytest.raises(FeatureError, match=r"floor=0 is not above 0"):
        function(np.ones((9, 5, 5)), scattering, floor=0)


def test_the_descriptor_s_values_are_means():
    image = random(30, 45)
    features = ScatteringDescriptor(J=3, L=4, log=False).describe(image)
    scattering = Scattering(3, 4, cells=1)
    np.testing.assert_array_equal(features.values, scattering(image)[:, 0, 0])
    assert features.names == tuple(path.name for path in scattering.paths)
    assert features["order 0"] == pytest.approx(image.mean())
    # They are close to the means of the coefficients that cover the picture.
    dense = Scattering(3, 4, oversampling=3)(image).mean((1, 2))
    np.testing.assert_allclose(features.values[1:], dense[1:], rtol=0.2)


def test_cells_in_the_order_of_their_names():
    image = random(20, 20)
    features = ScatteringDescriptor(J=2, L=2, cells=2, log=False).describe(image)
    assert features.shape == (36,)
    assert features["order 0, row 1, column 0"] == pytest.approx(image[10:, :10].mean())


def test_as_many_values_for_any_size():
    describe = ScatteringDescriptor(J=3, L=3).describe
    sizes = {describe(random(*shape)).shape for shape in [(1, 1), (8, 9), (40, 25)]}
    assert sizes == {(37,)}


def test_logarithms_of_ratios():
    image = random(24, 24)
    found = ScatteringDescriptor(J=2, L=2, relative=True).describe(image).values
    scattering = Scattering(2, 2, cells=1)
    expected = logarithms(normalized(scattering(image), scattering), scattering)
    np.testing.assert_array_equal(found, expected[:, 0, 0])


def test_textures_of_one_kind_are_near():
    """The two halves of a texture are nearer to each other than to any half of another one."""
    names = ("brick", "grass", "gravel")
    pictures = [gk.read_image(f"sample:{name}")[:256, :256] / 255 for name in names]
    halves = np.stack([half for picture in pictures for half in (picture[:128], picture[128:])])
    values = ScatteringDescriptor(J=4, L=4, relative=True).describe(halves).values[:, 1:]
    distances = np.linalg.norm(values[:, None] - values, axis=-1) + 1e9 * np.eye(6)
    assert distances.argmin(1).tolist() == [1, 0, 3, 2, 5, 4]


def test_the_registry_knows_it():
    assert DESCRIPTORS["scattering"] is ScatteringDescriptor
    bank = gk.GaborBank.grid(scales=2, orientations=2)
    one = descriptor("scattering", bank=bank, J=2)
    assert from_dict(to_dict(one)) == one
    assert from_dict(to_dict(ScatteringDescriptor())) == ScatteringDescriptor()


def test_refusals():
    with pytest.raises(FeatureError, match="J=0 is not a whole number"):
        ScatteringDescriptor(J=0)
    with pytest.raises(FeatureError, match="cells=None makes no means"):
        ScatteringDescriptor(cells=None)
