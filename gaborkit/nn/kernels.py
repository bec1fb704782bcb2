"""Gabor kernels whose parameters torch learns, each within the range that makes sense."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from ..bank import GaborBank
from ..errors import AngleWarning, LayerError, SamplingWarning
from ..kernels.formula import Parameters, amplitude, samples
from ..kernels.gabor import GaborKernel
from ..kernels.parameters import number
from ..types import NORMS, Norm

#: What a kernel can learn.
LEARNABLE = ("wavelength", "theta", "sigma", "gamma", "phase")


@dataclass(frozen=True)
class Range:
    """A learned number kept between two bounds by a sigmoid of its logarithm.

    In the middle of the range, a step of the raw number is as large a step of the logarithm: a
    learning rate means a relative change, whatever the range.

    Examples
    --------
    >>> wavelength = Range(2, 8)
    >>> wavelength.value(wavelength.raw(torch.tensor(5.0)))
    tensor(5.)
    """

    low: float
    high: float

    def value(self, raw: Tensor) -> Tensor:
        """The number within the bounds."""
        span = math.log(self.high / self.low)
        return self.low * torch.exp(span * torch.sigmoid(raw * 4 / span))

    def raw(self, value: Tensor) -> Tensor:
        """The inverse; a number on a bound is moved inside by a ten-thousandth of the range."""
        span = math.log(self.high / self.low)
        share = (torch.log(value / self.low) / span).clamp(1e-4, 1 - 1e-4)
        return torch.logit(share) * span / 4


class GaborKernels(nn.Module):
    """K complex Gabor kernels in a window, with parameters that stay in range while they learn.

    ``wavelength`` lies between 2 pixels and twice the window, ``sigma`` between half a pixel and
    half the window, ``gamma`` between 1/8 and 8; ``theta`` and ``phase`` may be any angle. The
    window's larger side counts. Sampled kernels have a sum of zero whatever the parameters, unless
    ``dc_free`` is False: C is solved for on the grid, as :meth:`GaborKernel.sample` does.

    Parameters
    ----------
    bank : GaborBank
        Where learning starts: Gabor kernels of one norm, all DC-free or none. Their ``scale`` is
        kept and not learned.
    size : (int, int)
        Height and width of the window in pixels, 3 or more.
    learnable : bool or iterable of str
        Which of ``wavelength``, ``theta``, ``sigma``, ``gamma`` and ``phase`` are parameters of
        the module; the others are buffers. True is all of them.

    Raises
    ------
    LayerError
        If kernels do not fit together, or lie out of range.

    Examples
    --------
    >>> kernels = GaborKernels(GaborBank.grid(scales=1, orientations=4), (9, 9))
    >>> kernels.sample().shape
    torch.Size([4, 2, 9, 9])
    >>> print(kernels.bank().labels[1])
    4 px, 45°
    """

    learnable: tuple[str, ...]
    ranges: dict[str, Range]
    dc_free: bool
    scale: Tensor

    def __init__(
        self,
        bank: GaborBank,
        size: tuple[int, int],
        *,
        learnable: bool | Iterable[str] = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.size = size
        self.learnable = names_of(learnable)
        extent = max(size)
        self.ranges = {
            "wavelength": Range(2, 2 * extent),
            "sigma": Range(0.5, extent / 2),
            "gamma": Range(1 / 8, 8),
        }
        self.norm, self.dc_free = _shared(bank)
        for name in LEARNABLE:
            empty = torch.empty(len(bank), device=device, dtype=dtype)
            if name in self.learnable:
                self.register_parameter(f"raw_{name}", nn.Parameter(empty))
            else:
                self.register_buffer(f"raw_{name}", empty)
        self.register_buffer("scale", torch.empty(len(bank), device=device, dtype=dtype))
        self.assign(bank)

    def __len__(self) -> int:
        return len(self.scale)

    @torch.no_grad()
    def assign(self, bank: GaborBank) -> Self:
        """Take over the parameters of a bank of as many kernels, of this norm.

        Raises
        ------
        LayerError
            As for the constructor.
        """
        if len(bank) != len(self):
            raise LayerError(f"a bank of {len(bank)} kernels does not fill {len(self)}")
        if _shared(bank) != (self.norm, self.dc_free):
            raise LayerError(
                f"the bank has {_described(*_shared(bank))}, these kernels "
                f"{_described(self.norm, self.dc_free)}; make new ones"
            )
        parameters = {name: [number(getattr(k, name)) for k in bank] for name in Parameters._fields}
        for name in ("wavelength", "sigma"):  # in pixels
            parameters[name] = [
                v * s for v, s in zip(parameters[name], parameters["scale"], strict=True)
            ]
        for name, bounds in self.ranges.items():
            for k, value in enumerate(parameters[name]):
                # Rounding may take a number on a bound to either side.
                if not bounds.low * (1 - 1e-6) <= value <= bounds.high * (1 + 1e-6):
                    raise LayerError(
                        f"kernel {k}: {name} {value:.4g} is not between {bounds.low:.4g} and "
                        f"{bounds.high:.4g}, which a window of {self.size[0]} x {self.size[1]} "
                        "pixels allows; change the kernel or the window"
                    )
        for name in LEARNABLE:
            raw = torch.from_numpy(np.array(parameters[name]))
            raw = self.ranges[name].raw(raw) if name in self.ranges else raw
            getattr(self, f"raw_{name}").copy_(raw)
        self.scale.copy_(torch.from_numpy(np.array(parameters["scale"])))
        return self

    def tensors(self) -> list[Tensor]:
        """Raw numbers and scales (K,) that the kernels are made of, as the module has them now.

        By name: replicas and parametrized modules have others than ``parameters()`` says.
        """
        return [*(getattr(self, f"raw_{name}") for name in LEARNABLE), self.scale]

    def values(self) -> Parameters:
        """The kernels' parameters (K,), in single precision or better, with gradients."""
        raw = {name: _single(getattr(self, f"raw_{name}")) for name in LEARNABLE}
        value = {
            name: self.ranges[name].value(tensor) if name in self.ranges else tensor
            for name, tensor in raw.items()
        }
        scale = _single(self.scale)
        value["wavelength"], value["sigma"] = value["wavelength"] / scale, value["sigma"] / scale
        return Parameters(**value, scale=scale)

    def parts(self) -> tuple[Tensor, Tensor]:
        """Real and imaginary parts (K, h, w), origin in the middle of the window.

        One without the other passes its gradient alone.
        """
        p = Parameters(*(value[:, None, None] for value in self.values()))
        y, x = (
            torch.arange(size, device=p.scale.device, dtype=p.scale.dtype) - (size - 1) / 2
            for size in self.size
        )
        real, imag = samples(torch, p, y[:, None], x[None, :], self.dc_free)
        height = amplitude(torch, p, self.norm, self.dc_free)
        return height * real, height * imag

    def sample(self) -> Tensor:
        """Both parts side by side, (K, 2, h, w)."""
        return torch.stack(self.parts(), 1)

    def forward(self) -> Tensor:
        """The same as :meth:`sample`."""
        return self.sample()

    def bank(self) -> GaborBank:
        """The kernels as they are now: to plot, to filter with, to save as JSON.

        Their samples are cut by a tolerance and not by the window.
        """
        return self._bank(torch.stack(self.values()).detach().T.tolist())  # one wait for a GPU

    def learning_bank(self) -> GaborBank:
        """The same with tensors for parameters: filtering with it passes gradients."""
        return self._bank(list(zip(*(value.unbind() for value in self.values()), strict=True)))

    def readable(self) -> bool:
        """Whether the parameters have values to look at: not as shapes alone, nor under vmap."""
        try:
            torch.stack(self.tensors()).detach().sum().item()
        except RuntimeError:
            return False
        return True

    def _bank(self, values: Iterable[Sequence[float | Tensor]]) -> GaborBank:
        with warnings.catch_warnings():
            # A range is no promise of good sampling, and training must not stop for a warning.
            warnings.simplefilter("ignore", SamplingWarning)
            warnings.simplefilter("ignore", AngleWarning)  # a learned phase may go round
            return GaborBank(
                GaborKernel(
                    **dict(zip(Parameters._fields, entry, strict=True)),  # type: ignore[arg-type]
                    dc_free=self.dc_free,
                    norm=self.norm,
                )
                for entry in values
            )

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        learned = ", ".join(self.learnable) or "nothing"
        size = f"{self.size[0]}x{self.size[1]}"
        return f"{len(self)}, size={size}, {_described(self.norm, self.dc_free)}, learns {learned}"


def check_norm(norm: str) -> Norm:
    """Raise LayerError for an unknown amplitude rule."""
    if norm not in NORMS:
        raise LayerError(f"norm={norm!r} is unknown; choose one of {', '.join(NORMS)}")
    return cast(Norm, norm)


def names_of(
    learnable: bool | Iterable[str], known: tuple[str, ...] = LEARNABLE
) -> tuple[str, ...]:
    """Parameters that learn, in their order; raises LayerError for one that is not known."""
    if isinstance(learnable, bool):
        return known if learnable else ()
    names = [learnable] if isinstance(learnable, str) else list(learnable)
    for name in names:
        if name not in known:
            raise LayerError(
                f"learnable={name!r} is no parameter of a kernel; choose among "
                f"{', '.join(known)}, or True or False"
            )
    return tuple(name for name in known if name in names)


def _shared(bank: GaborBank) -> tuple[Norm, bool]:
    """Norm and DC removal that all kernels of a bank have."""
    kinds = set()
    for k, kernel in enumerate(bank):
        if not isinstance(kernel, GaborKernel):
            raise LayerError(
                f"kernel {k} is a {type(kernel).__name__}; only a GaborKernel has parameters "
                "that a layer learns"
            )
        kinds.add((kernel.norm, kernel.dc_free))
    if len(kinds) > 1:
        raise LayerError(
            f"the bank mixes {' and '.join(sorted(_described(*kind) for kind in kinds))}; "
            "give kernels of one kind"
        )
    return kinds.pop()


def _described(norm: str, dc_free: bool) -> str:
    return f"norm={norm!r}, dc_free={dc_free}"


def _single(tensor: Tensor) -> Tensor:
    """Half precision is too coarse to take sums of zero in."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()
