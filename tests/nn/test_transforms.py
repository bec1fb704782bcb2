"""GaborTransform among torchvision's transforms; layers without torchvision."""

from __future__ import annotations

import pickle
import subprocess
import sys

import PIL.Image
import pytest
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

import gaborkit as gk

BANK = gk.GaborBank.grid(1, 3, wavelength=4)
PIXELS = torch.randint(
    0, 256, (3, 20, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)


def expected(pixels, part="magnitude"):
    return BANK.filter(pixels, part=part).flatten(-4, -3)


@pytest.mark.parametrize("part", ["magnitude", "real", "phase"])
def test_tensors_images_and_pil_pictures_answer_alike(part):
    transform = gk.nn.GaborTransform(BANK, part)
    picture = PIL.Image.fromarray(PIXELS.permute(1, 2, 0).numpy())
    answers = [transform(PIXELS), transform(tv_tensors.Image(PIXELS)), transform(picture)]
    assert [type(answer) for answer in answers] == [
        torch.Tensor, tv_tensors.Image, tv_tensors.Image
    ]  # fmt: skip
    for answer in answers:
        assert answer.dtype == torch.float32
        assert torch.equal(answer.as_subclass(torch.Tensor), expected(PIXELS, part))


def test_grey_pictures_batches_and_videos():
    transform = gk.nn.GaborTransform(BANK)
    grey = PIL.Image.fromarray(PIXELS[0].numpy())
    assert torch.equal(transform(grey).as_subclass(torch.Tensor), expected(PIXELS[:1]))
    video = transform(tv_tensors.Video(PIXELS.expand(2, 5, 3, 20, 24)))
    assert type(video) is tv_tensors.Video
    assert video.shape == (2, 5, 9, 20, 24)
    # A stack may take another engine: 1e-5 of pictures up to 255.
    torch.testing.assert_close(
        video[1, 4].as_subclass(torch.Tensor), expected(PIXELS), rtol=0, atol=1e-3
    )


def test_the_rest_of_a_sample_passes_through():
    sample = {
        "image": tv_tensors.Image(PIXELS),
        "boxes": tv_tensors.BoundingBoxes([[1, 2, 5, 6]], format="XYXY", canvas_size=(20, 24)),
        "mask": tv_tensors.Mask(PIXELS[:1]),
        "label": torch.tensor(7),
        "name": "digit",
    }
    found = gk.nn.GaborTransform(BANK)(sample)
    assert all(found[key] is sample[key] for key in ("boxes", "mask", "label", "name"))
    assert found["image"].shape == (9, 20, 24)
    features, label = gk.nn.GaborTransform(BANK)(PIXELS, torch.tensor([3]))
    assert features.shape == (9, 20, 24)
    assert label.tolist() == [3]


def test_composes_with_what_comes_before_and_after():
    transform = v2.Compose(
        [
            v2.ToDtype(torch.float32, scale=True),
            gk.nn.GaborTransform(BANK),
            v2.RandomHorizontalFlip(p=1),
        ]
    )
    boxes = tv_tensors.BoundingBoxes([[1, 2, 5, 6]], format="XYXY", canvas_size=(20, 24))
    features, flipped = transform(tv_tensors.Image(PIXELS), boxes)
    torch.testing.assert_close(
        features.as_subclass(torch.Tensor), expected(PIXELS / 255).flip(-1), rtol=1e-5, atol=1e-6
    )
    assert flipped.tolist() == [[19, 2, 23, 6]]


def test_the_workers_of_a_data_loader_are_handed_a_copy():
    again = pickle.loads(pickle.dumps(gk.nn.GaborTransform(BANK)))
    assert torch.equal(again(PIXELS), expected(PIXELS))


def test_errors():
    transform = gk.nn.GaborTransform(BANK)
    with pytest.raises(gk.LayerError, match=r"shape \(20, 24\) has no channels"):
        transform(PIXELS[0])
    palette = PIL.Image.fromarray(PIXELS[0].numpy()).convert("P")
    with pytest.raises(gk.LayerError, match=r"mode 'P' .* give picture.convert\('RGB'\)"):
        transform(palette)
    with pytest.raises(gk.LayerError, match="part='power' is unknown"):
        gk.nn.GaborTransform(BANK, "power")


def test_layers_do_without_torchvision():
    code = (
        "import sys; sys.modules['torchvision'] = None\n"
        "import gaborkit as gk\n"
        "gk.nn.GaborConv2d(1, 2, 3)\n"
        "try: gk.nn.GaborTransform\n"
        "except ImportError: print('only the transform needs it')"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "only the transform needs it\n"
    with pytest.raises(AttributeError, match=r"module 'gaborkit.nn' has no attribute 'Gabor'"):
        _ = gk.nn.Gabor
    for name in gk.nn.__all__:
        assert getattr(gk.nn, name) is not None
