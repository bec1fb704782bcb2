"""Pictures of any size: what is linear in them is so over the whole range of their numbers."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gaborkit as gk
from gaborkit.filtering.backend import TorchLibrary
from gaborkit.filtering.normalizing import normalized
from gaborkit.nn.channels import real_part_channels

RNG = np.random.default_rng(0)
IMAGE = RNG.random((24, 28)) - 0.2

NARROW = gk.GaborBank(
    [
        *gk.GaborBank.grid(1, 3),
        gk.GaborKernel(sigma=2, gamma=0.5, theta=0.4),
        gk.GaborKernel(sigma=2, wavelength=9, dc_free=False),
        gk.GaborBank.grid(1, 3)[0].rotated(np.pi),
    ]
)
WIDE = gk.GaborBank.grid(1, 2, wavelength=20)

#: Exponents of factors that leave the picture's numbers normal.
EXPONENTS = {np.float32: (-110, 126), np.float64: (-1000, 1022)}

RUNS = [
    (engine, dtype)
    for engine in ("direct", "separable", "pyramid", "fourier", "gradient", "gradient fourier")
    for dtype in EXPONENTS
    if (engine, dtype) != ("pyramid", np.float64)
]


def results(image, engine):
    """Everything that squares: its power of the picture's unit and its values."""
    bank = WIDE if engine == "pyramid" else NARROW
    options = {"engine": engine}
    if engine.startswith("gradient"):
        image = torch.from_numpy(image).requires_grad_()
        options = {"engine": "fourier" if engine.endswith("fourier") else "direct"}
    for part in ("complex", "real", "imag", "magnitude", "energy", "phase"):
        power = {"energy": 2, "phase": 0}.get(part, 1)
        yield part, power, bank.filter(image, part=part, **options)
    for part in ("magnitude", "energy", "real"):
        for name, values in bank.statistics(image, part=part, **options)._asdict().items():
            yield f"{name} of {part}", 2 if part == "energy" else 1, values
    for over in ("all", "orientations"):
        magnitude, index = bank.strongest(image, over=over, **options)
        yield f"strongest of {over}", 1, magnitude
        yield f"index of {over}", 0, index


def numbers(values):
    values = values.detach().numpy() if isinstance(values, torch.Tensor) else values
    return np.stack([values.real, values.imag]) if values.dtype.kind == "c" else values


@functools.cache
def expected_results(engine, dtype):
    found = results(IMAGE.astype(dtype), engine)
    return [(name, power, numbers(values)) for name, power, values in found]


@pytest.mark.parametrize(("engine", "dtype"), RUNS)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_a_power_of_two_times_the_picture(engine, dtype, data):
    exponent = data.draw(st.integers(*EXPONENTS[dtype]))
    image = np.ldexp(IMAGE.astype(dtype), exponent)
    smallest = 32 * float(np.finfo(dtype).smallest_subnormal)
    found = results(image, engine)
    pairs = zip(expected_results(engine, dtype), found, strict=True)
    for (name, power, expected), (_, _, values) in pairs:
        if power == 0 and "index" not in name:  # a phase where there is next to nothing
            continue
        with np.errstate(over="ignore"):
            wanted = np.ldexp(expected, power * exponent) if power else expected
        # Single precision in the sums of a transform, of numbers that are all of one scale.
        np.testing.assert_allclose(numbers(values), wanted, 1e-5, smallest, err_msg=name)


@pytest.mark.parametrize("engine", ["direct", "separable", "fourier"])
@pytest.mark.parametrize("factor", [1e-30, 1e-21, 1e21, 1e30])
def test_magnitudes_are_those_of_the_complex_responses(engine, factor):
    image = (IMAGE * factor).astype(np.float32)
    responses = NARROW.filter(image, engine=engine).astype(np.complex128)
    for tensor in (False, True):
        picture = torch.from_numpy(image).requires_grad_() if tensor else image
        chosen = "auto" if tensor else engine
        magnitude = numbers(NARROW.filter(picture, part="magnitude", engine=chosen))
        mean, deviation = map(numbers, NARROW.statistics(picture, engine=chosen))
        strongest = numbers(NARROW.strongest(picture, over="all", engine=chosen).magnitude)
        options = {"rtol": 1e-3, "atol": 1e-5 * factor}
        np.testing.assert_allclose(magnitude, abs(responses), **options)
        np.testing.assert_allclose(mean, abs(responses).mean((1, 2)), **options)
        np.testing.assert_allclose(deviation, abs(responses).std((1, 2)), **options)
        np.testing.assert_allclose(strongest[0], abs(responses).max(0), **options)


def test_pictures_of_a_batch_have_sizes_of_their_own():
    factors = np.array([1, 1e-30, 0, 1e30, -1e12], np.float32)
    images = factors[:, None, None] * IMAGE.astype(np.float32)
    expected = NARROW.filter(IMAGE.astype(np.float32), part="magnitude")
    for batch in (images, torch.from_numpy(images), torch.from_numpy(images).requires_grad_()):
        found = numbers(NARROW.filter(batch, part="magnitude"))
        for factor, magnitude in zip(factors, found, strict=True):
            wanted = abs(factor) * expected
            np.testing.assert_allclose(magnitude, wanted, rtol=1e-3, atol=1e-5 * abs(factor))


def test_iteration_and_what_is_written_into():
    image = (IMAGE * 1e-30).astype(np.float32)
    expected = NARROW.filter(image, part="magnitude")
    assert expected.any()
    out = np.empty(expected.shape, np.float64)
    NARROW.filter(image, part="magnitude", out=out)
    np.testing.assert_allclose(out, expected, rtol=1e-6)
    tensor = torch.from_numpy(image).requires_grad_()
    for picture in (image, tensor):
        for wanted, found in zip(
            expected, NARROW.responses(picture, part="magnitude"), strict=True
        ):
            np.testing.assert_allclose(numbers(found), wanted, rtol=1e-3, atol=1e-36)
    shared = np.full((1, 5, 5), 1e-30, np.float32)
    with pytest.raises(gk.FilterError, match="out shares memory with the image"):
        NARROW[:1].filter(shared[0], part="real", out=shared)


@pytest.mark.parametrize("exponent", [-100, -60, 0, 60, 100])
def test_gradients_at_any_size(exponent):
    def gradient(image, part):
        tensor = torch.from_numpy(image).requires_grad_()
        NARROW.filter(tensor, part=part, engine="fourier").abs().mean().backward()
        return tensor.grad.numpy()

    image = IMAGE.astype(np.float32)
    for part, power in (("magnitude", 0), ("complex", 0), ("energy", 1)):
        if 2 * power * exponent in range(-150, 100):
            found = gradient(np.ldexp(image, exponent), part)
            expected = np.ldexp(gradient(image, part), power * exponent)
            largest = abs(expected).max()
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * largest)


def test_tensors_whose_values_nobody_may_look_at():
    """Mapped by torch.func, or on a device without values; ordinary ones are scaled by 1."""
    images = torch.from_numpy(np.stack([IMAGE, 1e-200 * IMAGE, 0 * IMAGE, 1e300 * IMAGE]))

    def back_and_forth(image):
        scaled, found = normalized(TorchLibrary(image), image[None], NARROW.kernels, True)
        return scaled[0], found.restored(scaled, "real")[0]

    scaled, restored = torch.func.vmap(back_and_forth)(images)
    assert torch.equal(restored, images)
    assert torch.equal(scaled[0], images[0])
    assert (scaled[[1, 3]].abs().amax((1, 2)).log2().abs() < 250).all()
    assert back_and_forth(images[0].to("meta"))[1].shape == IMAGE.shape


@pytest.mark.parametrize("size", [1e-150, 1e150])
@pytest.mark.parametrize("gamma", [1, 0.5])
def test_kernels_of_any_amplitude(size, gamma):
    """The article's rule makes them as large and as small as its mother is narrow and wide."""
    kernel = gk.GaborKernel(
        sigma=3 * size, wavelength=6 * size, scale=1 / size, gamma=gamma, norm="article"
    )
    ordinary = gk.GaborKernel(sigma=3, wavelength=6, gamma=gamma)
    bank = gk.GaborBank([kernel, kernel.rotated(1)])
    expected = gk.GaborBank([ordinary, ordinary.rotated(1)]).filter(IMAGE, part="magnitude")
    amplitude = float(kernel.amplitude() / ordinary.amplitude())
    assert not 1e-170 < amplitude < 1e170
    for engine in ("direct", "separable", "fourier"):
        found = bank.filter(IMAGE, part="magnitude", engine=engine) / amplitude
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        mean = bank.statistics(IMAGE, engine=engine).mean / amplitude
        np.testing.assert_allclose(mean, expected.mean((1, 2)), rtol=1e-9)
        strongest = bank.strongest(IMAGE, over="all", engine=engine).magnitude[0] / amplitude
        np.testing.assert_allclose(strongest, expected.max(0), rtol=1e-9)


def test_a_weak_kernel_beside_a_strong_one():
    """Their filters are shared; the weak one's are not left out."""
    size = 2.0**-20
    strong = gk.GaborKernel(sigma=3, wavelength=6, norm="article")
    weak = gk.GaborKernel(sigma=3 / size, wavelength=6 / size, scale=size, norm="article")
    both = gk.GaborBank([strong, weak])
    found = both.filter(IMAGE, engine="separable")
    amplitude = float(weak.amplitude() / strong.amplitude())
    np.testing.assert_allclose(found[1] / amplitude, found[0], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("factor", [2.0**-90, 2.0**90])
def test_features_that_do_not_depend_on_the_size(factor):
    image = IMAGE.astype(np.float32)
    bank = gk.GaborBank.grid(2, 4)
    shares = gk.features.Energy(bank, normalise="sum")
    jets = [gk.features.jets(picture, [(10, 12), (14, 9)]) for picture in (image, factor * image)]
    for found, expected in (
        (shares.describe(factor * image).values, shares.describe(image).values),
        (
            gk.features.local_frequency(bank.filter(factor * image), bank).along,
            gk.features.local_frequency(bank.filter(image), bank).along,
        ),
        (
            gk.features.local_orientation(factor * image).angle,
            gk.features.local_orientation(image).angle,
        ),
        *(
            (similarity(jets[1][0], jets[1][1]), similarity(jets[0][0], jets[0][1]))
            for similarity in (
                gk.features.magnitude_similarity,
                gk.features.phase_similarity,
                gk.features.jet_displacement,
            )
        ),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("factor", [2.0**-90, 2.0**90])
def test_layers_at_any_size(factor):
    pairs = torch.randn(2, 3, 2, 5, 6, generator=torch.Generator().manual_seed(0))
    pairs[0, 0] = 0
    gradients = []
    for scale in (1, factor):
        scaled = (scale * pairs).requires_grad_()
        magnitude = real_part_channels(scaled, "magnitude")
        expected = torch.complex(*(scale * pairs).unbind(-3)).abs()
        torch.testing.assert_close(magnitude, expected, rtol=1e-6, atol=0)
        magnitude.mean().backward()
        gradients.append(scaled.grad)
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-5, atol=0)
