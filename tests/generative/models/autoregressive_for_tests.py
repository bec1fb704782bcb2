"""Small autoregressive models of every kind, and what theory says that they see."""

import itertools

import torch

import gaborkit as gk
from gaborkit.generative.models import MODELS
from gaborkit.generative.space import Space
from gaborkit.generative.view import View

WINDOWS = {"hidden": 8, "position": True, "first_size": 5, "size": 3}

#: Every kind of the family: the model's name, and what makes one small.
KINDS = {
    "pixelcnn": ("pixelcnn", {"channels": 12, "layers": 2, **WINDOWS}),
    "pixelcnn-mixture": (
        "pixelcnn",
        {"channels": 12, "layers": 2, "likelihood": "mixture", "mixtures": 3, **WINDOWS},
    ),
    "gated-pixelcnn": ("gated-pixelcnn", {"channels": 8, "dilations": (1, 2), **WINDOWS}),
    "pixelrnn-row": ("pixelrnn", {"channels": 4, "layers": 2, "lstm": "row", **WINDOWS}),
    "pixelrnn-diagonal": ("pixelrnn", {"channels": 4, "layers": 2, **WINDOWS}),
    "pixelsnail": (
        "pixelsnail",
        {"channels": 6, "blocks": 2, "residuals": 1, "heads": 2, "key_width": 2, "value_width": 3}
        | {"dropout": 0.0, **WINDOWS},
    ),
    "imagegpt": ("imagegpt", {"channels": 8, "layers": 2, "heads": 2, "hidden": 8}),
}

#: What makes the windows of some see little.
NARROW = {
    "pixelcnn": {"layers": 0},
    "gated-pixelcnn": {"dilations": (1,)},
}

#: Those whose networks are as their names say, whatever the head.
NETWORKS = [kind for kind in KINDS if not kind.endswith("-mixture")]


def fitting(kind, fields):
    """Whether a kind can be made with fields of :func:`make`."""
    return fields.get("ordinal", True) or not kind.endswith("-mixture")


def build(kind, space, classes=0, **fields):
    """A small model, as it starts."""
    name, small = KINDS[kind]
    model = MODELS[name]
    return model(model.Config(levels=space.levels, **(small | fields)), space, classes)


#: Of kernels of two radii.
VIEW = View(gk.GaborBank.grid(scales=2, orientations=2, wavelength=3), (), ())


def make(kind, shape, levels=4, classes=0, seed=0, view=None, ordinal=True, **fields):
    """A model with weights away from their start, its running averages too, and labels for 3."""
    torch.manual_seed(seed)
    space = Space(*shape, "levels", levels, view, ordinal)
    model = build(kind, space, classes, **fields)
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
    shape = model.space.shape
    depends = torch.zeros(shape, dtype=torch.bool)
    for trial in range(trials):
        generator = torch.Generator().manual_seed(trial)
        values = torch.rand(1, *shape, generator=generator, dtype=torch.float64) * 2 - 1
        seen = values
        if model.embedding is not None:
            levels = torch.randint(model.space.levels, (1, *shape), generator=generator)
            seen = model.seen(levels).detach().requires_grad_()
        values.requires_grad_()
        chosen = None if labels is None else labels[:1]
        logits = model.logits_of_seen(seen, values, chosen)[0, channel, :, row, column]
        weights = torch.randn(len(logits), generator=generator, dtype=torch.float64)
        inputs = [values] if seen is values else [values, seen]
        for gradient in torch.autograd.grad(logits @ weights, inputs, allow_unused=True):
            if gradient is not None:  # a vector for each channel
                depends |= (gradient[0].unflatten(0, (shape[0], -1)) != 0).any(1)
    return depends


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
