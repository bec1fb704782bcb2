"""Luminance of colour arrays and tensors."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.color
from pictures_for_tests import RNG, picture

from gaborkit.errors import ImageError
from gaborkit.io.images import luminance


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_luminance_is_that_of_skimage(dtype: str) -> None:
    colour = RNG.random((9, 11, 3)).astype(dtype)
    expected = skimage.color.rgb2gray(colour)
    actual = luminance(colour)
    assert actual.dtype == expected.dtype
    np.testing.assert_allclose(actual, expected, rtol=8 * np.finfo(dtype).eps)
    for axis in (0, 1, 2, -3, -2, -1):
        moved = np.moveaxis(colour, -1, axis)
        np.testing.assert_array_equal(luminance(moved, channel_axis=axis), actual)


def test_luminance_never_rescales_and_ignores_alpha() -> None:
    for dtype, floating in [("u1", "f4"), ("u2", "f4"), ("i2", "f4"), ("i4", "f8"), ("?", "f4")]:
        colour = picture(dtype, 4)
        grey = luminance(colour)
        assert grey.dtype == floating
        expected = colour[..., :3].astype("f8") @ (0.2125, 0.7154, 0.0721)
        np.testing.assert_allclose(grey, expected, rtol=0, atol=np.abs(expected).max() * 1e-6)
        np.testing.assert_array_equal(grey, luminance(colour[..., :3]))
    for channels in (1, 2):
        array = picture("u2", channels)
        np.testing.assert_array_equal(luminance(array), array[..., 0])
        assert luminance(array).dtype == np.float32
    batch = RNG.random((2, 3, 5, 7))
    assert luminance(batch, channel_axis=1).shape == (2, 5, 7)


def test_luminance_leaves_its_input_alone() -> None:
    array = np.ones((3, 3, 1))
    luminance(array)[...] = 5
    assert (array == 1).all()


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((5, 7), -1), ((5, 7, 5), -1), ((5, 7, 0), -1), ((5, 7, 3), 3), ((5, 7, 3), -4), ((), 0)],
)
def test_luminance_refuses(shape: tuple[int, ...], axis: int) -> None:
    with pytest.raises(ImageError, match="channel_axis"):
        luminance(np.zeros(shape), channel_axis=axis)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_luminance_of_tensors(channels: int) -> None:
    torch = pytest.importorskip("torch", reason="needs torch")
    for dtype in ("u1", "u2", "i2", "f4", "f8"):
        array = picture(dtype, channels)
        tensor = luminance(torch.from_numpy(array))
        assert isinstance(tensor, torch.Tensor)
        assert tensor.is_floating_point()
        np.testing.assert_allclose(tensor.numpy(), luminance(array), rtol=1e-5, atol=1e-4)
    planes = torch.rand(2, channels, 5, 7, dtype=torch.float64, requires_grad=True)
    grey = luminance(planes, channel_axis=1)
    assert grey.shape == (2, 5, 7)
    assert grey.dtype == torch.float64
    grey.sum().backward()
    weights = [0.2125, 0.7154, 0.0721, 0.0] if channels > 2 else [1.0, 0.0]
    expected = torch.tensor(weights[:channels], dtype=torch.float64)
    torch.testing.assert_close(planes.grad[0, :, 0, 0], expected)
