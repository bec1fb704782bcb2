"""What every engine keeps: each check takes an engine, and fails by an assertion.

Run as a script, with TRITON_INTERPRET=1 set before triton is imported: the checks of a GPU's
engines on the CPU, one JSON object of what failed.
"""

from __future__ import annotations

import json
import math
import traceback

import numpy as np
import torch
from reference import convolve, relative_error

import gaborkit as gk
from gaborkit.filtering.backend import NumpyLibrary, library_of
from gaborkit.filtering.engines.base import Step, Work
from gaborkit.filtering.engines.batch import Batch
from gaborkit.filtering.normalizing import UNCHANGED
from gaborkit.filtering.registry import engines
from gaborkit.filtering.sinks import (
    ArgMax,
    Moments,
    TensorArgMax,
    TensorMoments,
    TensorValues,
    Values,
)
from gaborkit.types import BOUNDARIES, PARTS

ROUND = [gk.GaborKernel(wavelength=4, sigma=1.2, theta=t) for t in (0.4, math.pi - 0.4)]
#: Kernels, and the tolerance at which they are taken: short filters where each tap is slow.
SETS = {
    "round": ([*ROUND, ROUND[0].rotated(math.pi).replace(phase=1.0)], 3e-2),
    "plain": ([ROUND[0].replace(dc_free=False, phase=0.3)], 3e-2),
    "long": ([gk.GaborKernel(wavelength=4, sigma=1, gamma=0.6, theta=0.5)], 3e-2),
    "log": ([gk.LogGaborKernel(wavelength=4, theta=0.5)], 0.1),
    "wide": ([gk.GaborKernel(wavelength=20, sigma=10, theta=t) for t in (0.0, 2.0)], 1e-7),
}
SHAPES = {"wide": (9, 14)}
LIMIT = {False: 1e-5, True: 1e-10}

#: Of tensors.
DEVICE = "cpu"

#: Whether the checks are slow: then some of what they look at.
SLOW = False


def work_of(name, double=False, transfer="sampled", images=1):
    kernels, tolerance = SETS[name]
    distinct = list({kernel.canonical()[0]: kernel for kernel in kernels}.values())
    height, width = SHAPES.get(name, (5, 7))
    radius, separable = kernels[0].radius(tolerance), kernels[0].separable
    size = (images, height, width)
    return Work(*size, distinct, radius, separable, double, 1, tolerance, transfer, members=kernels)


def does(engine, transfer="sampled"):
    """Sets of kernels and precisions that an engine does."""
    return [
        (name, double)
        for name in SETS
        for double in (False, True)
        if not engine.refusal(work_of(name, double, transfer))
    ]


def pictures(name, double, count=1):
    shape = (count, *SHAPES.get(name, (5, 7)))
    return np.random.default_rng(0).random(shape).astype(np.float64 if double else np.float32)


def run(engine, name, images, sink_of, boundary="reflect", transfer="sampled", indices=None):
    """What a sink has taken of an engine's responses; ``sink_of`` makes it of a batch."""
    kernels, tolerance = SETS[name]
    on_arrays = engine.backend == "numpy"
    if not on_arrays and not isinstance(images, torch.Tensor):
        images = torch.from_numpy(images).to(DEVICE)
    level = images.mean((1, 2), keepdims=True) * (boundary != "constant")
    library = NumpyLibrary() if on_arrays else library_of(images)
    batch = Batch(library, images, level, kernels, boundary, tolerance, transfer)
    indices = range(len(kernels)) if indices is None else indices
    radius = kernels[0].radius(tolerance)
    sink = sink_of(batch, list(indices))
    engine.run(batch, [Step(engine.name, tuple(indices), radius, radius, {})], sink)
    batch.finish()
    return sink


def values(engine, name, images, part="complex", **options):
    """A part of responses (B, K, H, W), an array or, of torch, a tensor."""

    def sink_of(batch, indices):
        if engine.backend == "numpy":
            return Values(part, dict(zip(indices, batch.arrays(len(indices), part), strict=True)))
        out = batch.tensor(len(indices), part) if engine.backend == "triton" else None
        return TensorValues(part, indices, UNCHANGED, out)

    sink = run(engine, name, images, sink_of, **options)
    return np.stack(list(sink.outs.values()), 1) if engine.backend == "numpy" else sink.result()


def arrays(engine, *args, **options):
    """The same, as an array."""
    return np.asarray(torch.as_tensor(values(engine, *args, **options)).detach().cpu())


# ---- the contract ----


def says_what_it_is(engine):
    assert engine.name.isidentifier()
    assert engine.name != "auto"
    assert engine.backend in ("numpy", "torch", "triton")


def does_something_and_refuses_the_rest_in_one_line(engine):
    assert does(engine)
    for name in SETS:
        for double in (False, True):
            for transfer in ("sampled", "analytic"):
                refusal = engine.refusal(work_of(name, double, transfer))
                assert isinstance(refusal, str)
                assert "\n" not in refusal
                assert not refusal or engine.name in refusal


def costs_time_and_memory(engine):
    for name, double in does(engine):
        one, many = (engine.cost(work_of(name, double, images=count)) for count in (1, 1000))
        assert 0 < one.later <= one.first < math.inf
        assert one.later < many.later
        assert one.nbytes >= 0
        assert one.search >= 0
        assert isinstance(engine.details(SETS[name][0], SETS[name][1], double), str)


def equals_direct_convolution_on_every_boundary(engine):
    first = does(engine)[0][0]
    for name, double in does(engine):
        kernels, tolerance = SETS[name]
        image = pictures(name, double)
        for boundary in BOUNDARIES if name == first and not SLOW else BOUNDARIES[:1]:
            found = arrays(engine, name, image, boundary=boundary)[0]
            assert found.dtype == (np.complex128 if double else np.complex64)
            for k, kernel in enumerate(kernels):
                expected = convolve(image[0].astype(float), kernel, boundary, tolerance)
                error = relative_error(found[k], expected, kernel, image[0])
                # Engines for wide kernels stand for all of them, also for what samples leave out.
                limit = LIMIT[double] + (1e-5 + tolerance if name == "wide" else 0)
                assert error <= limit, (name, boundary)


def stores_every_part(engine):
    name, double = does(engine)[0]
    image = pictures(name, double, 1 if SLOW else 2)
    whole = arrays(engine, name, image)
    parts = {
        "complex": whole,
        "real": whole.real,
        "imag": whole.imag,
        "magnitude": abs(whole),
        "energy": abs(whole) ** 2,
        "phase": np.angle(whole),
    }
    assert set(parts) == set(PARTS)
    for part, wanted in [*parts.items()][:: 2 if SLOW else 1]:
        found = arrays(engine, name, image, part)
        if part == "phase":
            found, wanted = (abs(whole) * np.exp(1j * values) for values in (found, wanted))
        np.testing.assert_allclose(found, wanted, rtol=0, atol=3e-6, err_msg=part)


def serves_every_sink(engine):
    name, double = does(engine)[0]
    image = pictures(name, double, 1 if SLOW else 2)
    whole = abs(arrays(engine, name, image))
    count, on_arrays = whole.shape[1], engine.backend == "numpy"

    def moments(batch, indices):
        return Moments("magnitude", len(image), count) if on_arrays else TensorMoments("magnitude")

    mean, deviation = run(engine, name, image, moments).result(whole[0, 0].size)
    mean, deviation = (torch.as_tensor(moment).cpu().numpy() for moment in (mean, deviation))
    np.testing.assert_allclose(mean, whole.mean((2, 3)), rtol=1e-5)
    np.testing.assert_allclose(deviation, whole.std((2, 3)), rtol=1e-4)
    groups = [0] * count

    def strongest(batch, indices):
        if on_arrays:
            return ArgMax(groups, image.shape, image.dtype)
        return TensorArgMax(groups)

    magnitude, index = run(engine, name, image, strongest).result()
    magnitude, index = (torch.as_tensor(one).cpu().numpy() for one in (magnitude, index))
    np.testing.assert_allclose(magnitude[:, 0], whole.max(1), rtol=1e-5, atol=1e-6)
    chosen = np.take_along_axis(whole, index.astype(int), 1)
    np.testing.assert_allclose(chosen[:, 0], whole.max(1), rtol=1e-5, atol=1e-6)


def filters_batches_of_any_size(engine):
    name, double = does(engine)[0]
    images = pictures(name, double, 2 if SLOW else 3)
    whole = arrays(engine, name, images)
    alone = arrays(engine, name, images[1:2].copy())
    np.testing.assert_allclose(whole[1:2], alone, rtol=0, atol=2e-6)
    for part in ("complex", "magnitude"):
        assert arrays(engine, name, images[:0], part).shape == (0, *whole.shape[1:])


def filters_some_of_a_bank(engine):
    name, double = does(engine)[0]
    images, last = pictures(name, double), len(SETS[name][0]) - 1
    whole = arrays(engine, name, images)
    some = arrays(engine, name, images, indices=[last])
    np.testing.assert_allclose(some[:, 0], whole[:, last], rtol=0, atol=2e-6)


def leaves_its_input_alone(engine):
    name, double = does(engine)[0]
    images = pictures(name, double)
    before = images.copy()
    values(engine, name, images)
    np.testing.assert_array_equal(images, before)


def multiplies_by_the_closed_form_or_refuses(engine):
    for name, double in does(engine, "analytic"):
        if name == "log":  # ripples beyond any support
            continue
        kernels, image = SETS[name][0], pictures(name, double)
        found = arrays(engine, name, image, transfer="analytic", boundary="wrap")[0]
        for k, kernel in enumerate(kernels):
            expected = convolve(image[0].astype(float), kernel, "wrap", 1e-9)
            error = relative_error(found[k], expected, kernel, image[0])
            # What lies beyond the margin, which is that of the tolerance.
            assert error <= (0.1 if SETS[name][1] > 1e-3 else 1e-4), name


def passes_gradients_if_torch_follows_it(engine):
    if engine.backend != "torch":
        return
    for name, double in does(engine):
        if not double:
            continue
        image = torch.from_numpy(pictures(name, True)).to(DEVICE).requires_grad_()
        assert torch.autograd.gradcheck(
            lambda x, name=name: torch.view_as_real(values(engine, name, x)), image, fast_mode=True
        )


CONTRACT = [
    says_what_it_is,
    does_something_and_refuses_the_rest_in_one_line,
    costs_time_and_memory,
    equals_direct_convolution_on_every_boundary,
    stores_every_part,
    serves_every_sink,
    filters_batches_of_any_size,
    filters_some_of_a_bank,
    leaves_its_input_alone,
    multiplies_by_the_closed_form_or_refuses,
    passes_gradients_if_torch_follows_it,
]

#: Those that a GPU's programs keep in the interpreter too; the others take a minute there.
CHECKS_OF_PROGRAMS = [
    check
    for check in CONTRACT
    if check
    not in (
        filters_some_of_a_bank,
        leaves_its_input_alone,
        multiplies_by_the_closed_form_or_refuses,
    )
]


def main():
    """Of each engine of a GPU and each check, what went wrong; nothing if all is well."""
    global SLOW
    torch.set_num_threads(1)
    SLOW = True
    for name in ("plain", "long", "log"):  # as triton_for_tests.py has them, each of slow programs
        del SETS[name]
    SETS["round"] = ROUND[:1], 3e-2
    SETS["wide"] = SETS["wide"][0][:1], 1e-4
    failures = {}
    for engine in engines():
        if engine.backend != "triton":
            continue
        for check in CHECKS_OF_PROGRAMS:
            try:
                check(engine)
                failures[f"{engine.name} {check.__name__}"] = ""
            except Exception:
                failures[f"{engine.name} {check.__name__}"] = traceback.format_exc()
    print(json.dumps(failures))


if __name__ == "__main__":
    main()
