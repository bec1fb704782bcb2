"""Drawing from autoregressive models: the naive loop, and the cached one that draws the same.

The naive loop runs the whole network for every value that it draws. The cached one keeps what the
network computed at the locations before (:mod:`.sampling_cache`), and computes one location a step.

Both take a uniform number for each value, drawn beforehand, and turn it into a level by the inverse
of the distribution function. The same numbers give the same images either way, but where one lies
within rounding of a step of the function.

Where all rows are drawn by the same work in the same tensors, on CUDA the drawing of a row is
recorded once, as a graph, and replayed.

References
----------
Ramachandran et al. (2017), "Fast generation for convolutional autoregressive models".
Le Paine et al. (2016), "Fast Wavenet generation algorithm".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from ...errors import ModelError
from ..progress import Progress
from .draws import Adjust, adjusted, draw
from .sampling_cache import Cache

if TYPE_CHECKING:
    from .autoregressive import Autoregressive

Method = Literal["cached", "naive"]

#: Bytes that the caches of the images drawn together may take. Larger batches are drawn in chunks.
CPU_BYTES, CUDA_BYTES = 2**26, 2**30


def chunk_size(model: Autoregressive, labels: Tensor | None, *, pairs: bool = False) -> int:
    """How many images, or pairs of them, are drawn together: as many as memory for caches holds."""
    allowed = CUDA_BYTES if model.device.type == "cuda" else CPU_BYTES
    single = model.cache(1, None if labels is None else labels[:1]).bytes
    return max(1, allowed // (2 * single if pairs else single))


def draw_cached(
    model: Autoregressive,
    features: Tensor,
    noise: Tensor,
    rows: int,
    labels: Tensor | None,
    adjust: Adjust,
    tick: Callable[[], None],
) -> None:
    """Draw the rows from ``rows`` on into features (B, C, H, W), at one location a step."""
    cache = model.cache(len(features), labels)
    if rows:
        cache.take(features[:, :, :rows])
    draw_row: Callable[[], None] = partial(cache.draw_row, adjust)
    if features.is_cuda and cache.replayable:
        draw_row = _recorded(draw_row, cache)
    for row in range(rows, features.shape[2]):
        cache.start_row(row, noise[:, :, row])
        draw_row()
        features[:, :, row] = cache.levels
        tick()


def draw_naively(
    model: Autoregressive,
    features: Tensor,
    noise: Tensor,
    rows: int,
    labels: Tensor | None,
    adjust: Adjust,
    tick: Callable[[], None],
) -> None:
    """As :func:`draw_cached`, by the whole network for each value."""
    channels, height, width = features.shape[1:]
    for row in range(rows, height):
        for column in range(width):
            for channel in range(channels):
                logits = model.logits(features, labels)[:, channel, :, row, column]
                uniform = noise[:, channel, row, column]
                features[:, channel, row, column] = draw(adjust(logits), uniform)
        tick()


METHODS: dict[Method, Callable[..., None]] = {"cached": draw_cached, "naive": draw_naively}


def draw_rows(
    model: Autoregressive,
    features: Tensor,
    rows: int,
    labels: Tensor | None,
    generator: torch.Generator | None,
    *,
    method: Method,
    temperature: float,
    guidance: float,
    noise: Tensor | None,
    progress: Progress | None,
) -> None:
    """Draw the rows from ``rows`` on into features (B, C, H, W), some images at a time.

    In eval mode. See :meth:`.autoregressive.Autoregressive.sample`, of which the options are.

    Raises
    ------
    ModelError
        If the method is unknown, the temperature out of range, or the noise of another shape.
    """
    if method not in METHODS:
        raise ModelError(f"method={method!r} is unknown; choose {', '.join(METHODS)}")
    if not (math.isfinite(temperature) and temperature > 0):
        raise ModelError(f"temperature={temperature} is not positive; 1 draws from the model")
    if noise is None:
        noise = torch.rand(features.shape, generator=generator, device=model.device)
    elif noise.shape != features.shape:
        raise ModelError(
            f"noise of shape {tuple(noise.shape)} does not fit features of shape "
            f"{tuple(features.shape)}; give one number for each value"
        )
    noise = noise.to(model.device)
    missing = features.shape[2] - rows
    if not (len(features) and missing):
        return
    size = chunk_size(model, labels, pairs=guidance != 1)
    total, done = -(-len(features) // size) * missing, 0

    def tick() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    adjust = partial(adjusted, temperature=temperature, guidance=guidance)
    for first in range(0, len(features), size):
        chunk = slice(first, first + size)
        drawn, numbers = features[chunk], noise[chunk]
        chosen = None if labels is None else labels[chunk]
        if guidance != 1:
            assert chosen is not None
            # Each image twice: with its class, and then without one.
            drawn, numbers = drawn.repeat(2, 1, 1, 1), numbers.repeat(2, 1, 1, 1)
            chosen = torch.cat([chosen, torch.full_like(chosen, model.classes)])
        METHODS[method](model, drawn, numbers, rows, chosen, adjust, tick)
        features[chunk] = drawn[: len(features[chunk])]


def _recorded(draw_row: Callable[[], None], cache: Cache) -> Callable[[], None]:
    """The drawing of a row as a CUDA graph; itself where it cannot be recorded."""
    before = [values.clone() for values in cache.state]
    try:
        # A run before, apart, in which kernels are chosen and memory is set up.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            draw_row()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            draw_row()
    except RuntimeError:
        return draw_row
    finally:
        for remembered, values in zip(cache.state, before, strict=True):
            remembered.copy_(values)
    return graph.replay
