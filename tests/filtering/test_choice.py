"""What ``bank.plan`` prints is what runs: for arrays, tensors, gradients, devices and GPUs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import gaborkit as gk
from gaborkit.filtering.backend import promoted
from gaborkit.filtering.gpu import fused
from gaborkit.filtering.registry import engines
from gaborkit.filtering.sinks import TensorValues
from gaborkit.nn import GaborBank2d

BANKS = {
    "small": gk.GaborBank.grid(1, 2, wavelength=3, sigma=1),
    "article": gk.GaborBank.grid(3, 4),
    "wide": gk.GaborBank.grid(2, 2, wavelength=14, sigma=7),
    "long": gk.GaborBank.grid(1, 3, wavelength=6, sigma=3, gamma=0.5),
    "plain": gk.GaborBank.grid(1, 3, wavelength=6, sigma=3, gamma=2, dc_free=False),
    "log": gk.GaborBank([gk.LogGaborKernel(wavelength=6), gk.LogGaborKernel(wavelength=9)]),
}
SHAPES = [(5, 4), (1, 200), (2, 3, 24, 20)]
DTYPES = ["float32", "float64", "uint8"]
#: Library, whether a gradient is asked for, device; ``gpu`` is a stand-in without memory.
PLACES = [
    ("numpy", False, "cpu"),
    ("torch", False, "cpu"),
    ("torch", True, "cpu"),
    ("torch", False, "gpu"),
]


@pytest.fixture
def ran(monkeypatch):
    """Which engine answered for which kernels: {(backend, engine): keys}."""
    calls: dict[tuple[str, str], set] = {}

    def record(engine):
        usual = engine.run

        def run(batch, steps, sink):
            keys = {batch.kernels[k].canonical()[0] for step in steps for k in step.indices}
            calls.setdefault((engine.backend, engine.name), set()).update(keys)
            if engine.backend != "triton" or batch.image.device.type != "meta":
                usual(batch, steps, sink)
            elif not isinstance(sink, TensorValues):
                for k in (k for step in steps for k in step.indices):
                    sink.take(k, batch.tensor(1)[:, 0])

        monkeypatch.setattr(engine, "run", run)

    for engine in engines():
        record(engine)
    usable = fused.usable
    monkeypatch.setattr(fused, "usable", lambda device: str(device) == "meta" or usable(device))
    return calls


def planned(plan):
    steps: dict[tuple[str, str], set] = {}
    for step in plan.steps:
        keys = {plan.bank[k].canonical()[0] for k in step.indices}
        steps.setdefault((plan.backend, step.engine), set()).update(keys)
    return steps


def image_of(shape, dtype, library, gradient, device):
    values = np.random.default_rng(0).random(shape) * 9
    if library == "numpy":
        return values.astype(dtype)
    image = torch.from_numpy(values).to(getattr(torch, dtype))
    return image.to("meta") if device == "gpu" else image.requires_grad_(gradient)


def places_of(dtype):
    return [place for place in PLACES if not place[1] or dtype.startswith("float")]


def plan_of(bank, image, place, **options):
    library, gradient, device = place
    options |= {"library": library, "requires_grad": gradient}
    return bank.plan(
        image.shape, image.dtype, device="meta" if device == "gpu" else device, **options
    )


@pytest.mark.parametrize("name", BANKS)
def test_filter_runs_what_is_planned(ran, name):
    bank, parts = BANKS[name], itertools.cycle(["complex", "phase", "magnitude"])
    for shape, dtype in itertools.product(SHAPES, DTYPES):
        for place in places_of(dtype):
            image, part = image_of(shape, dtype, *place), next(parts)
            ran.clear()
            bank.filter(image, part=part)
            case = (shape, dtype, place, part)
            assert ran == planned(plan_of(bank, image, place, part=part)), case


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("engine", ["direct", "separable", "pyramid", "fourier"])
def test_a_named_engine_is_planned_where_it_filters_and_refused_where_it_does_not(
    ran, engine, place
):
    """Both succeed with one engine, or both fail with one message."""
    for dtype in ("float32", "float64"):
        for name in ("article", "wide", "long"):
            image, outcomes = image_of((20, 24), dtype, *place), []
            for act in (
                lambda b, i: plan_of(b, i, place, engine=engine),
                lambda b, i: b.filter(i, engine=engine),
            ):
                ran.clear()
                try:
                    plan = act(BANKS[name], image)
                    outcomes.append(ran.copy() or planned(plan))
                except gk.FilterError as error:
                    outcomes.append(str(error))
                except NotImplementedError:  # torch, of a tensor without memory
                    outcomes.append(outcomes[0])
            assert outcomes[0] == outcomes[1], (dtype, name)


@pytest.mark.parametrize("transfer", ["sampled", "analytic"])
@pytest.mark.parametrize("place", PLACES)
def test_either_transfer_function(ran, transfer, place):
    image = image_of((30, 30), "float32", *place)
    BANKS["wide"].filter(image, transfer=transfer)
    assert ran == planned(plan_of(BANKS["wide"], image, place, transfer=transfer))


@pytest.mark.parametrize("place", PLACES[:3])
@pytest.mark.parametrize("name", ["article", "wide", "long"])
def test_summaries_run_what_is_planned(ran, name, place):
    bank, image = BANKS[name], image_of((2, 40, 30), "float32", *place)
    wanted = planned(plan_of(bank, image, place))
    for act in (
        lambda: bank.statistics(image),
        lambda: bank.strongest(image),
        lambda: list(bank.responses(image)),
    ):
        ran.clear()
        act()
        assert ran == wanted


def test_summaries_of_a_gpu_take_its_engines(ran):
    bank, image = BANKS["article"], torch.empty(40, 30, device="meta")
    for act in (bank.statistics, lambda x: list(bank.responses(x)), bank.strongest):
        ran.clear()
        act(image)
        assert ran == planned(bank.plan((40, 30), library="torch", device="meta"))


@pytest.mark.parametrize("learnable", [False, True])
def test_layers_run_what_is_planned(ran, learnable):
    layer = GaborBank2d(BANKS["article"], learnable=learnable)
    layer(torch.rand(1, 1, 20, 30))
    plan = BANKS["article"].plan((20, 30), library="torch", requires_grad=learnable)
    assert set(ran) == set(planned(plan))


def test_learnable_kernels_are_planned_with_gradients():
    bank = gk.GaborBank([gk.GaborKernel(sigma=torch.tensor(3.0, requires_grad=True))])
    assert bank.plan((20, 20), library="torch").backend == "torch"
    with pytest.raises(gk.FilterError, match="learnable kernels filter tensors"):
        bank.plan((20, 20))


def test_a_gpu_is_not_asked_for_derivatives(ran):
    bank, image = BANKS["small"], torch.empty(20, 20, device="meta")
    bank.filter(image)
    assert {backend for backend, _ in ran} == {"triton"}
    ran.clear()
    bank.filter(image.clone().requires_grad_())
    assert {backend for backend, _ in ran} == {"torch"}
    ran.clear()
    with torch.no_grad():
        bank.filter(image.clone().requires_grad_())
    assert {backend for backend, _ in ran} == {"triton"}


def test_the_printed_plan_says_what_runs_it():
    bank = BANKS["small"]
    assert "float32, numpy: about" in str(bank.plan((9, 9)))
    assert "float32, torch by numpy: about" in str(bank.plan((9, 9), library="torch"))
    gradient = bank.plan((9, 9), library="torch", requires_grad=True)
    assert "float32, torch: about" in str(gradient)


@pytest.mark.parametrize(
    ("dtype", "name"),
    [("uint8", "float32"), (torch.bfloat16, "float32"), (torch.int64, "float64"),
     (np.uint16, "float32"), (bool, "float32"), (torch.float16, "float32")],
)  # fmt: skip
def test_plans_of_every_dtype(dtype, name):
    assert promoted(dtype).name == name
    assert BANKS["small"].plan((9, 9), dtype).dtype.name == name


@pytest.mark.parametrize("dtype", [np.complex64, torch.complex128, "S3", object, torch.qint8, 3])
def test_plans_of_dtypes_that_cannot_be_filtered(dtype):
    with pytest.raises(gk.ImageError, match="cannot be filtered; give booleans, integers or"):
        BANKS["small"].plan((9, 9), dtype)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"library": "jax"}, "library='jax' is unknown; choose numpy or torch"),
        ({"library": "torch", "device": "gpu"}, "device='gpu' is not on this machine; cpu is"),
        ({"device": "cuda"}, "an array has no device and no gradient; give library='torch'"),
        ({"requires_grad": True}, "an array has no device and no gradient"),
        ({"transfer": "exact"}, "transfer='exact' is unknown"),
        ({"part": "half"}, "part='half' is unknown"),
        ({"engine": "slow"}, "engine='slow' is unknown"),
        (
            {"library": "torch", "requires_grad": True, "engine": "separable"},
            "engine='separable' is not written for torch with gradients; choose one of auto",
        ),
        ({"transfer": "analytic", "engine": "direct"}, "transfer='analytic' needs engine="),
        (
            {"library": "torch", "transfer": "analytic", "engine": "separable"},
            "transfer='analytic' needs engine='fourier' or 'auto', not 'separable'",
        ),
    ],
)
def test_plans_that_are_refused(options, message):
    with pytest.raises(gk.FilterError, match=message):
        BANKS["small"].plan((9, 9), **options)


def test_without_torch(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(gk.FilterError, match="library='torch' needs torch; pip install torch"):
        BANKS["small"].plan((9, 9), library="torch")
