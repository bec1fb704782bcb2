"""Kernels in space as a layer: parity with the filter of arrays, gradients, precisions, errors."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

import gaborkit as gk
from gaborkit.nn import GaborBank3d
from gaborkit.volumes import GaborKernel3D, directions, filter_volume

KERNELS = [
    *(GaborKernel3D.along(v, wavelength=4, sigma=1.2, phase=0.3) for v in directions(3)),
    GaborKernel3D(wavelength=5, sigma=1.5, gamma=0.8, theta=0.4, elevation=0.5),
]
VOLUMES = np.random.default_rng(0).random((2, 2, 7, 9, 10))
SHARE = 1e-3


@pytest.mark.parametrize("boundary", ["reflect", "mirror", "nearest", "constant", "wrap"])
@pytest.mark.parametrize("part", ["complex", "magnitude", "real", "imag", "energy", "phase"])
def test_channels_are_responses_of_the_volume_filter(part, boundary):
    layer = GaborBank3d(KERNELS, part, boundary, tolerance=SHARE)
    found = layer(torch.from_numpy(VOLUMES))
    expected = np.stack(
        [
            [
                filter_volume(KERNELS, one, part=part, boundary=boundary, tolerance=SHARE)
                for one in channels
            ]
            for channels in VOLUMES
        ]
    )
    if part == "complex":
        expected = np.stack([expected.real, expected.imag], 3)
    expected = expected.reshape(2, -1, *VOLUMES.shape[-3:])
    assert found.shape == expected.shape
    apart = found.numpy() - expected
    if part == "phase":
        apart = (apart + np.pi) % (2 * np.pi) - np.pi
    assert abs(apart).max() < 1e-9
    np.testing.assert_allclose(layer(torch.from_numpy(VOLUMES[0])), found[0], atol=1e-12)


def test_single_and_half_precision_and_whole_numbers():
    layer = GaborBank3d(KERNELS, tolerance=SHARE)
    exact = layer(torch.from_numpy(VOLUMES))
    for dtype, limit in ((torch.float32, 1e-5), (torch.bfloat16, 2e-2), (torch.float16, 2e-3)):
        found = layer(torch.from_numpy(VOLUMES).to(dtype))
        assert found.dtype == dtype
        assert (found - exact).norm() < limit * exact.norm()
    numbers = torch.from_numpy((100 * VOLUMES).astype(np.uint8))
    torch.testing.assert_close(layer(numbers), layer(numbers.float()))
    constant = layer(torch.full((1, 5, 5, 5), 1e6))
    assert constant.abs().max() < 1e-1


def test_gradients_and_spacing():
    spacing = (2.0, 1.0, 0.5)
    kernel = GaborKernel3D(wavelength=6, sigma=1.5)
    layer = GaborBank3d(kernel, "complex", spacing=spacing, tolerance=1e-2)
    volume = torch.from_numpy(VOLUMES[:1, :1, :3, :4, :5]).requires_grad_()
    assert torch.autograd.gradcheck(layer, volume)
    energy = GaborBank3d(kernel, "magnitude", spacing=spacing, tolerance=1e-2)
    assert torch.autograd.gradcheck(energy, volume)
    expected = filter_volume(kernel, VOLUMES[0, 0], spacing=spacing, tolerance=1e-2)
    found = layer(torch.from_numpy(VOLUMES[:1, :1]))[0]
    np.testing.assert_allclose(found, [expected.real, expected.imag], atol=1e-10)
    flat = torch.zeros(1, 1, 4, 4, 4, requires_grad=True)
    energy(flat).sum().backward()
    assert torch.isfinite(flat.grad).all()


def test_a_volume_of_another_size_a_copy_and_a_network():
    layer = GaborBank3d(KERNELS[:2], tolerance=SHARE)
    first = layer(torch.rand(1, 1, 6, 6, 6, generator=torch.Generator().manual_seed(0)))
    assert layer(torch.rand(1, 1, 9, 5, 8)).shape == (1, 2, 9, 5, 8)
    same = torch.rand(1, 1, 6, 6, 6, generator=torch.Generator().manual_seed(0))
    for other in (layer, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), layer.double()):
        torch.testing.assert_close(other(same), first)
    network = torch.nn.Sequential(layer, torch.nn.Conv3d(2, 1, 3))
    assert not layer.state_dict()
    assert "2 kernels, part='magnitude'" in repr(network)
    few = GaborBank3d(KERNELS[:1], tolerance=SHARE)
    few._spectra([4000, 300, 300], torch.device("cpu"), True)  # nothing is made, or kept
    assert few._kept is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GaborBank3d([]), "no kernels filter nothing"),
        (lambda: GaborBank3d([gk.GaborKernel(sigma=2)]), "is no GaborKernel3D"),
        (lambda: GaborBank3d(KERNELS, "odd"), "part='odd' is unknown"),
        (lambda: GaborBank3d(KERNELS, boundary="odd"), "boundary='odd'"),
        (lambda: GaborBank3d(KERNELS, spacing=(1, 2)), r"spacing=\(1, 2\) is not three"),
        (lambda: GaborBank3d(KERNELS, spacing="mm"), "spacing='mm' is not three"),
        (lambda: GaborBank3d(KERNELS, spacing=(1, 0, 1)), "is not three distances above 0"),
        (lambda: GaborBank3d(KERNELS)(torch.zeros(5, 5, 5)), r"shape \(5, 5, 5\)"),
        (lambda: GaborBank3d(KERNELS)(torch.zeros(1, 0, 5, 5)), "does not fit"),
        (lambda: GaborBank3d(KERNELS)(torch.zeros(1, 5, 5, 5) * 1j), "complex64 does not fit"),
    ],
)
def test_what_does_not_fit(call, message):
    with pytest.raises(gk.LayerError, match=message):
        call()
