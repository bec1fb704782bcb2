"""Filters small pictures by the GPU's programs in Triton's interpreter, and prints the errors.

Run as a script, with TRITON_INTERPRET=1 set before triton is imported: one JSON object, the error
of each case as a share of the response to white noise.
"""

from __future__ import annotations

import json
import math

import numpy as np
import torch
from reference import convolve

import gaborkit as gk
from gaborkit.filtering.backend import library_of
from gaborkit.filtering.engines.base import Step
from gaborkit.filtering.engines.batch import Batch
from gaborkit.filtering.gpu import decimated, fused
from gaborkit.filtering.registry import engines_of
from gaborkit.filtering.sinks import TensorValues
from gaborkit.types import BOUNDARIES

ROUND = [gk.GaborKernel(wavelength=4, sigma=1.2, theta=i * math.pi / 4) for i in range(4)]
PAIR = [ROUND[3], ROUND[1]]
LONG = [gk.GaborKernel(wavelength=4, sigma=1, gamma=0.6, theta=angle) for angle in (0.5, -0.5)]
TWINS = [*ROUND[1:3], ROUND[1].rotated(math.pi), ROUND[1].replace(phase=1.0)]
PLAIN = [kernel.replace(dc_free=False, phase=0.3) for kernel in ROUND[1:3]]
ARTICLE = [gk.GaborKernel.article(sigma=0.7, theta=angle) for angle in (0.3, math.pi / 2, 2.0)]
#: Of steps 2 and 4 of the coarse grid.
WIDE = [gk.GaborKernel(wavelength=20, sigma=10, theta=angle) for angle in (0.0, 2.0)]
WIDER = [gk.GaborKernel(wavelength=36, sigma=18, theta=0.4, gamma=0.9, phase=1, dc_free=False)]

PARTS = {
    "complex": lambda z: z,
    "real": np.real,
    "imag": np.imag,
    "magnitude": abs,
    "energy": lambda z: abs(z) ** 2,
}
DEVICE = "cpu"

#: Wider than the narrow kernels need.
MARGIN = 6

#: Tolerances: short filters for the interpreter's sake, and the closed form's.
TOLERANCES = {"fused": 3e-2, "decimated": 1e-7}


def picture(*shape):
    return np.random.default_rng(0).random(shape).astype(np.float32)


def answers(engine, kernels, image, boundary="reflect", part="complex"):
    """Responses (B, K, H, W), written into channels other than the kernels' own order."""
    tolerance = TOLERANCES[engine]
    channels = list(range(len(kernels)))[::-1]
    kind = torch.float64 if image.dtype == torch.float64 else torch.float32
    level = image.to(kind).mean((1, 2), keepdim=True) * (boundary != "constant")
    if engine == "fused":
        assert fused.usable(image.device)
    else:
        assert decimated.supports(kernels, double=image.dtype == torch.float64)
    batch = Batch(library_of(image), image, level, kernels, boundary, tolerance)
    out = batch.tensor(len(kernels), part).fill_(math.nan)
    sink = TensorValues(part, channels, batch.normalization, out)
    name = {"fused": "separable", "decimated": "pyramid"}[engine]
    step = Step(name, tuple(range(len(kernels))), kernels[0].radius(tolerance), MARGIN, {})
    engines_of("triton")[name].run(batch, [step], sink)
    return out[:, channels].cpu().numpy()


def error(engine, kernels, image, boundary="reflect", part="complex"):
    """Largest L2 error of a response; of magnitudes and energies, by those of the response."""
    image = torch.as_tensor(image)
    found, tolerance = answers(engine, kernels, image, boundary, part), TOLERANCES[engine]
    errors = []
    for k, kernel in enumerate(kernels):
        for b, plane in enumerate(image.double().cpu().numpy()):
            response = convolve(plane, kernel, boundary, tolerance)
            noise = np.linalg.norm(kernel.sample(tolerance)) * np.linalg.norm(plane)
            typical = max(np.linalg.norm(response), noise)
            if part == "energy":
                typical *= abs(response).max()
            errors.append(np.linalg.norm(found[b, k] - PARTS[part](response)) / typical)
    return float(max(errors))


def cases():
    """Names, and what computes the error."""
    small = picture(1, 5, 7)
    for boundary in BOUNDARIES:
        yield f"fused, {boundary}", lambda b=boundary: error("fused", PAIR, small, b)
    for part in PARTS:
        yield f"fused, {part}", lambda p=part: error("fused", PAIR, small, part=p)
    sets = {"round": ROUND, "long": LONG, "twins": TWINS, "plain": PLAIN, "article": ARTICLE}
    for name, kernels in sets.items():
        yield f"fused, {name}", lambda k=kernels: error("fused", k, small)
    for dtype in ("float16", "bfloat16", "float64", "uint8", "int16"):
        image = (torch.from_numpy(small) * 100).to(getattr(torch, dtype))
        yield f"fused, {dtype}", lambda i=image: error("fused", PAIR[:1], i)
    yield "fused, slabs", slabs
    smooth = picture(1, 21, 34)
    yield "decimated, constant", lambda: error("decimated", WIDE, smooth, "constant")
    yield "decimated, magnitude", lambda: error("decimated", WIDER, smooth, part="magnitude")
    yield "decimated, batches", batches


def slabs():
    """Several slabs of rows, and one picture at a time."""
    before, fused.PASS_BYTES = fused.PASS_BYTES, 1
    try:
        return error("fused", ROUND[:1], picture(2, 30, 3))
    finally:
        fused.PASS_BYTES = before


def batches():
    """Two pictures, one kernel at a time."""
    before, decimated.BATCH_BYTES = decimated.BATCH_BYTES, 1
    try:
        return error("decimated", WIDE, picture(2, 5, 6))
    finally:
        decimated.BATCH_BYTES = before


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps({name: compute() for name, compute in cases()}))
