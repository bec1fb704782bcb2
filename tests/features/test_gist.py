"""GIST against the formulas of its authors' program, written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image

import gaborkit as gk
from gaborkit.features import Gist
from gaborkit.features.gist import _square, even_contrast

rng = np.random.default_rng(0)
CAMERA = gk.read_image("sample:camera").astype(float)


def symmetric(image, height, width, top=0, left=0):
    """Mirrored up to a size, by indices."""

    def fold(i, n):
        i = i % (2 * n)
        return i if i < n else 2 * n - 1 - i

    rows = [fold(i - top, image.shape[0]) for i in range(height)]
    columns = [fold(j - left, image.shape[1]) for j in range(width)]
    return image[np.ix_(rows, columns)]


def centred(n):
    """Frequencies in cycles per picture, zero in the middle, as the program lays them out."""
    return np.meshgrid(np.arange(-n / 2, n / 2), np.arange(-n / 2, n / 2))


def filtered(image, transfer):
    return np.fft.ifft2(np.fft.fft2(image) * np.fft.fftshift(transfer))


def prefiltered(image, cutoff):
    low, high = image.min(), image.max()
    logarithm = np.log(255 * (image - low) / (high - low) + 1)
    side = image.shape[0] + 10
    padded = symmetric(logarithm, side, side, 5, 5)
    fx, fy = centred(side)
    gaussian = np.exp(-(fx**2 + fy**2) / (cutoff / math.sqrt(math.log(2))) ** 2)
    whitened = padded - filtered(padded, gaussian).real
    deviation = np.sqrt(abs(filtered(whitened**2, gaussian)))
    return (whitened / (0.2 + deviation))[5:-5, 5:-5]


def reference(image, orientations, blocks, cutoff):
    """GIST of a square picture of an even number of pixels a side."""
    if cutoff:
        image = prefiltered(image, cutoff)
    n, values = len(image) + 64, []
    padded = symmetric(image, n, n, 32, 32)
    fx, fy = centred(n)
    for scale, count in enumerate(orientations):
        for j in range(count):
            ratio = np.sqrt(fx**2 + fy**2) / n / (0.3 / 1.85**scale)
            angle = np.angle(fx + 1j * fy) + j * math.pi / count
            angle = np.where(angle > math.pi, angle - 2 * math.pi, angle)
            width = 16 * count**2 / 32**2
            transfer = np.exp(-10 * 0.35 * (ratio - 1) ** 2 - 2 * width * math.pi * angle**2)
            magnitude = abs(filtered(padded, transfer))[32:-32, 32:-32]
            edges = np.fix(np.linspace(0, len(image), blocks + 1)).astype(int)
            values += [
                magnitude[edges[r] : edges[r + 1], edges[c] : edges[c + 1]].mean()
                for c in range(blocks)
                for r in range(blocks)
            ]
    return np.array(values)


@pytest.mark.parametrize("orientations", [(8, 8, 4), (8, 8, 8, 8), (3,)])
@pytest.mark.parametrize(("blocks", "contrast"), [(4, 4.0), (3, 2.0), (1, 0)])
def test_gist_equals_its_authors_formulas(orientations, blocks, contrast):
    image = CAMERA[100:196, 200:296]
    gist = Gist(orientations, blocks, size=None, contrast=contrast)
    expected = reference(image, orientations, blocks, contrast)
    features = gist.describe(image)
    assert len(features) == sum(orientations) * blocks**2
    np.testing.assert_allclose(features.values, expected, rtol=1e-9)
    single = gist.values(image.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, rtol=1e-3, atol=1e-5 * expected.max())


def test_evening_out_contrast():
    np.testing.assert_allclose(
        even_contrast(CAMERA[:64, :64], 3.0), prefiltered(CAMERA[:64, :64], 3.0), atol=1e-12
    )
    uneven = rng.random((100, 60)) * np.linspace(0.05, 1, 60)
    even = even_contrast(uneven)
    assert even.shape == (100, 60)
    left, right = even[:, :20].std(), even[:, -20:].std()
    assert 0.6 < left / right < 1.6 < 3 < uneven[:, -20:].std() / uneven[:, :20].std()


def test_sizes_for_grey_and_colour():
    colour = rng.integers(0, 256, (50, 70, 3), np.uint8)
    gist = Gist()
    features = gist.describe(colour, channel_axis=-1)
    assert features.shape == (960,)
    green = gist.describe(colour[..., 1])
    np.testing.assert_allclose(features.values[320:640], green.values, rtol=1e-5)
    assert Gist((8, 8, 8, 8)).describe(colour[..., 1]).shape == (512,)
    assert gist.describe(np.stack([colour[..., 1]] * 2)).shape == (2, 320)


def test_names_tell_the_filter_and_the_block():
    """A grating in one corner is found under its name."""
    y, x = np.mgrid[:256, :256]
    theta = math.radians(135)
    grating = np.cos(2 * math.pi * (x * math.cos(theta) + y * math.sin(theta)) / 6.167)
    image = np.where((x < 64) & (y >= 192), 100 + 50 * grating, 100)
    features = Gist(contrast=0).describe(image)
    assert features.names[features.values.argmax()] == "6.167 px, 135°, row 3, column 0"


@pytest.mark.parametrize(
    ("shape", "size"), [((70, 70), 40), ((40, 40), 70), ((60, 97), 41), ((97, 60), 64)]
)
def test_the_square_is_that_of_pillow_and_torch(shape, size):
    image = rng.random(shape).astype(np.float32)
    height, width = (max(size, round(n * size / min(shape))) for n in shape)
    top, left = (height - size) // 2, (width - size) // 2
    found = _square(gk.filtering.backend.library_of(image), image[None], size)[0]
    pillow = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(found, pillow[top : top + size, left : left + size], atol=1e-6)
    tensor = torch.nn.functional.interpolate(
        torch.from_numpy(image)[None, None].double(),
        (height, width),
        mode="bilinear",
        antialias=True,
    )
    np.testing.assert_allclose(found, tensor[0, 0, top : top + size, left : left + size], atol=1e-6)


def test_tensors_equal_arrays_and_pass_gradients():
    image = CAMERA[:80, :100]
    gist = Gist(size=32, blocks=2)
    tensor = torch.tensor(image, requires_grad=True)
    found = gist.values(tensor)
    np.testing.assert_allclose(found.detach(), gist.values(image), rtol=1e-9)
    small = Gist((2,), blocks=1, size=None)
    picture = torch.tensor(rng.random((6, 8)), requires_grad=True)
    assert torch.autograd.gradcheck(small.values, picture)


@pytest.mark.parametrize("value", [0.0, 7.1])
@pytest.mark.parametrize("make", [np.full, torch.full])
def test_a_constant_picture(make, value):
    image = make((40, 50), value)
    if make is torch.full:
        image.requires_grad_()
    values = Gist(size=32).values(image)
    np.testing.assert_allclose(
        np.asarray(values.detach() if make is torch.full else values), 0, atol=1e-6
    )
    if make is torch.full:
        values.sum().backward()
        assert torch.isfinite(image.grad).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"orientations": ()},
            r"orientations=\(\) are no numbers of orientations; try \(8, 8, 4\)",
        ),
        ({"orientations": (8, 0)}, r"orientations=\(8, 0\) are no"),
        ({"orientations": 8}, "orientations=8 are no numbers"),
        ({"blocks": 0}, "blocks=0 is not a whole number of 1 or more"),
        ({"size": 2.5}, "size=2.5 is not a whole number of 2 or more"),
        ({"size": 3}, "size=3 pixels are fewer than blocks=4"),
        ({"contrast": -1}, "contrast=-1 is no frequency in cycles per picture"),
        ({"contrast": "high"}, "contrast='high' is no frequency"),
    ],
)
def test_parameters_out_of_range(parameters, message):
    with pytest.raises(gk.FeatureError, match=message):
        Gist(**parameters)


def test_pictures_that_do_not_fit():
    with pytest.raises(gk.FeatureError, match="a picture of 3 x 9 pixels has no 4 x 4 blocks"):
        Gist(size=None).describe(np.ones((3, 9)))
    with pytest.raises(gk.ImageError, match="1 of 81 pixels are NaN"):
        Gist().describe(np.where(np.eye(9, k=8), np.nan, 1))
