"""Layers under torch.export, torch.compile and TorchScript."""

from __future__ import annotations

import io
import warnings

import pytest
import torch

import gaborkit as gk


def image(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def convolution(part):
    return gk.nn.GaborConv2d(1, 6, 7, padding="same", padding_mode="reflect", part=part)


def bank(part, learnable=False, boundary="reflect"):
    small = gk.GaborBank.grid(1, 3, wavelength=3, sigma=1)
    return gk.nn.GaborBank2d(small, part, boundary, learnable)


LAYERS = {
    "convolution-real": convolution("real"),
    "convolution-complex": convolution("complex"),
    "convolution-magnitude": convolution("magnitude"),
    "bank-magnitude": bank("magnitude"),
    "bank-complex-learnable": bank("complex", True, "mirror"),
    "bank-phase-constant": bank("phase", False, "constant"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_export(name):
    layer = LAYERS[name]
    batch = torch.export.Dim("batch")
    program = torch.export.export(layer, (image(2, 1, 16, 17),), dynamic_shapes=({0: batch},))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    again = torch.export.load(file).module()
    picture = image(5, 1, 16, 17)
    torch.testing.assert_close(again(picture), layer(picture), rtol=0, atol=1e-5)


def test_an_exported_convolution_takes_any_size():
    layer, dim = LAYERS["convolution-magnitude"], torch.export.Dim.DYNAMIC
    shapes = ({0: dim, 2: dim, 3: dim},)
    program = torch.export.export(layer, (image(2, 1, 16, 17),), dynamic_shapes=shapes)
    picture = image(3, 1, 25, 31)
    torch.testing.assert_close(program.module()(picture), layer(picture))


@pytest.mark.parametrize("name", ["convolution-magnitude", "bank-complex-learnable"])
def test_compile_follows_the_whole_layer_and_learns(name):
    layer = LAYERS[name].train()
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    picture = image(2, 1, 16, 17)
    torch.testing.assert_close(compiled(picture), layer(picture), rtol=0, atol=1e-5)
    layer.zero_grad()
    compiled(picture).square().mean().backward()
    assert layer.kernels.raw_sigma.grad.abs().max() > 0


@pytest.mark.parametrize("name", LAYERS)
def test_trace(name):
    layer = LAYERS[name].eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns that TorchScript is old
        traced = torch.jit.trace(layer, image(2, 1, 16, 17))
        picture = image(5, 1, 16, 17)
        torch.testing.assert_close(traced(picture), layer(picture), rtol=0, atol=1e-5)


def test_script_of_the_plain_convolution():
    layer = LAYERS["convolution-complex"].eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(layer.to_conv2d())
    picture = image(1, 1, 20, 21)
    torch.testing.assert_close(scripted(picture), layer(picture))


def test_an_export_leaves_the_library_as_it_was():
    layer = LAYERS["bank-magnitude"]
    picture = image(1, 1, 16, 17)
    before = layer(picture)
    torch.export.export(layer, (picture,))
    assert torch.equal(layer(picture), before)
    assert torch.equal(layer.bank().filter(picture, part="magnitude")[0], before)


def test_scattering_learns_when_compiled_and_is_exported():
    layer = gk.nn.Scattering2d(gk.features.Scattering(J=1, L=2), (8, 9))
    picture = image(2, 1, 8, 9).requires_grad_()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(picture), layer(picture))
    found, wanted = (torch.autograd.grad(f(picture).sum(), picture) for f in (compiled, layer))
    torch.testing.assert_close(found, wanted)
    program = torch.export.export(layer, (image(2, 1, 8, 9),))
    torch.testing.assert_close(program.module()(picture), layer(picture))


ONNX_LAYERS = {
    "scattering": gk.nn.Scattering2d(gk.features.Scattering(J=2, L=2), (16, 17)),
    **{name: LAYERS[name] for name in ("convolution-magnitude", "bank-complex-learnable")},
}


@pytest.mark.parametrize("name", ONNX_LAYERS)
def test_onnx(name, tmp_path):
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    layer, picture = ONNX_LAYERS[name].eval(), image(2, 1, 16, 17)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about its own functions
        program = torch.onnx.export(layer, (picture,), dynamo=True, verbose=False)
    program.save(tmp_path / "layer.onnx")
    session = runtime.InferenceSession(tmp_path / "layer.onnx")
    (found,) = session.run(None, {session.get_inputs()[0].name: picture.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), layer(picture).detach(), rtol=0, atol=2e-5)
