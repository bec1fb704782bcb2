"""Small PixelCNNs of every kind, and what theory says that they see."""

import itertools

import torch

import gaborkit as gk
from gaborkit.generative.models.gated_pixelcnn import GatedPixelCNN, GatedPixelCNNConfig
from gaborkit.generative.models.pixelcnn import PixelCNN, PixelCNNConfig
from gaborkit.generative.space import Space
from gaborkit.generative.view import View


def plain(space, classes=0, **fields):
    fields = {"channels": 12, "layers": 2, "first_size": 5, "size": 3} | fields
    fields = {"hidden": 8, "position": True} | fields
    return PixelCNN(PixelCNNConfig(levels=space.levels, **fields), space, classes)


def gated(space, classes=0, **fields):
    fields = {"channels": 8, "dilations": (1, 2), "first_size": 5, "size": 3} | fields
    fields = {"hidden": 8, "position": True} | fields
    return GatedPixelCNN(GatedPixelCNNConfig(levels=space.levels, **fields), space, classes)


KINDS = {"plain": plain, "gated": gated}


#: Of kernels of two radii.
VIEW = View(gk.GaborBank.grid(scales=2, orientations=2, wavelength=3), (), ())


def make(kind, shape, levels=4, classes=0, seed=0, view=None, **fields):
    """A model with weights away from their start, its running averages too, and labels for 3."""
    torch.manual_seed(seed)
    space = Space(*shape, "levels", levels, view)
    model = KINDS[kind](space, classes, **fields)
    labels = torch.arange(3) % classes if classes else None
    features = torch.randint(0, levels, (3, *shape))
    model.train()
    model(features, labels, torch.Generator(), "model")  # moves the averages of batch norm
    with torch.no_grad():
        for parameter in filter(lambda p: p.requires_grad, model.parameters()):
            # Biases of locations start at 0.
            deviation = parameter.std(correction=0) if parameter.any() else 0.5
            parameter.add_(torch.randn_like(parameter) * deviation).mul_(1.5)
    return model.eval(), features, labels


def influence(model, location, channel, labels=None, trials=8):
    """(C, H, W) bool: which values the logits at a location and channel depend on."""
    model = model.double()
    row, column = location
    found = torch.zeros(model.space.shape, dtype=torch.bool)
    for trial in range(trials):
        generator = torch.Generator().manual_seed(trial)
        values = torch.rand(1, *model.space.shape, generator=generator, dtype=torch.float64) * 2 - 1
        values.requires_grad_()
        chosen = None if labels is None else labels[:1]
        logits = model.logits_of_values(values, chosen)[0, channel, :, row, column]
        weights = torch.randn(len(logits), generator=generator, dtype=torch.float64)
        (gradient,) = torch.autograd.grad(logits @ weights, values)
        found |= gradient[0] != 0
    return found


def before(shape, location, channel):
    """(C, H, W) bool: values that come before in raster order, then by channel."""
    _, height, width = shape
    row, column = location
    at = torch.arange(height)[:, None] * width + torch.arange(width)
    here = row * width + column
    channels = torch.arange(shape[0])[:, None, None]
    return (at < here) | ((at == here) & (channels < channel))


def minkowski(*windows):
    """All sums of one offset (rows, columns) from each window."""
    sums = {(0, 0)}
    for window in windows:
        sums = {(a + c, b + d) for (a, b), (c, d) in itertools.product(sums, window)}
    return sums


def raster(size, centre):
    """Offsets of a raster window."""
    half = size // 2
    offsets = itertools.product(range(-half, 1), range(-half, half + 1))
    return [(a, b) for a, b in offsets if (a, b) < (0, centre)]


def seen(shape, location, offsets):
    """(H, W) bool: the offsets from a location that are inside."""
    mask = torch.zeros(shape[1:], dtype=torch.bool)
    for a, b in offsets:
        if 0 <= location[0] + a < shape[1] and 0 <= location[1] + b < shape[2]:
            mask[location[0] + a, location[1] + b] = True
    return mask
