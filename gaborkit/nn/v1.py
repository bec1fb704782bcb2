"""A front end like the primary visual cortex: fixed Gabor cells, simple and complex, and noise."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..bank import GaborBank
from ..errors import LayerError
from ..kernels.gabor import GaborKernel
from ..whole_numbers import is_whole

V1Noise = Literal["none", "gaussian", "neuronal"]

#: Level and scale of neuronal noise: spikes of a window of 25 ms (VOneNet, appendix B).
LEVEL, SCALE = 0.07, 0.35

#: Median and spread, in octaves, of cells' preferred frequencies, in cycles per degree (De Valois,
#: Albrecht and Thorell, 1982, figure 7, fovea), and of their deviations in periods.
FREQUENCY, PERIODS = (3.0, 1.0), (0.4, 0.5)

#: Share of kernels' envelopes that their windows leave out, the finest wavelength in pixels, and
#: the lowest frequency in cycles per degree: both keep windows small.
CUT, SHORTEST, LOWEST = 1e-2, 3.0, 1.4


class V1(nn.Module):
    """Fixed cells in front of a network: (N, C, H, W) to (N, simple + complex, H / s, W / s).

    Each cell sees one channel through a Gabor kernel. A simple cell keeps what is positive; a
    complex cell has the magnitude of a quadrature pair, over the root of two. In training, noise
    whose variance is the response's makes them as unreliable as neurons are. Nothing learns here;
    a convolution of one pixel behind it (VOneNet's bottleneck) takes the channels on.

    Parameters
    ----------
    simple, complex : int
        Cells of each kind, one of them 1 or more.
    channels : int
        Of the pictures.
    degrees : float
        Of visual angle that a picture is wide; with ``size`` it says what a cycle per degree is.
    size : int
        Pixels that it is wide.
    stride : int
        Pixels from one response to the next.
    noise : {"none", "gaussian", "neuronal"}
        ``gaussian`` has a variance of 1 for all.
    gain : float
        Of the responses: VOneNet scales them so that a typical one makes some spikes.
    seed : int
        Of the cells: theta and phase are uniform, frequency and width log-normal.

    Raises
    ------
    LayerError
        If a parameter is out of range, or the input has other channels.

    Notes
    -----
    The distributions are log-normal ones of the same physiology, not VOneNet's histograms, and
    kernels answer nothing to a constant, as ours do: no weights of VOneNet fit.

    References
    ----------
    Dapello, Marques, Schrimpf, Geiger, Cox and DiCarlo (2020), "Simulating a primary visual cortex
    at the front of CNNs improves robustness to image perturbations", NeurIPS 33, section 3.
    De Valois, Albrecht and Thorell (1982), "Spatial frequency selectivity of cells in macaque
    visual cortex", Vision Research 22(5), 545-559.
    Ringach (2002), "Spatial structure and symmetry of simple-cell receptive fields in macaque
    primary visual cortex", Journal of Neurophysiology 88(1), 455-463.

    Examples
    --------
    >>> front = V1(simple=8, complex=8, size=64, degrees=2, noise="none")
    >>> front(torch.rand(2, 3, 64, 64)).shape
    torch.Size([2, 16, 16, 16])
    """

    real: Tensor
    imag: Tensor
    channel: Tensor
    simple: int
    complex: int
    channels: int
    stride: int
    noise: V1Noise
    gain: float
    bank: GaborBank

    def __init__(
        self,
        simple: int = 256,
        complex: int = 256,  # noqa: A002 - the cells' name
        *,
        channels: int = 3,
        degrees: float = 8.0,
        size: int = 224,
        stride: int = 4,
        noise: V1Noise = "neuronal",
        gain: float = 25.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("simple", simple, 0),
            ("complex", complex, 0),
            ("simple + complex", simple + complex, 1),
            ("channels", channels, 1),
            ("size", size, 8),
            ("stride", stride, 1),
            ("seed", seed, 0),
        ):
            if not is_whole(value, least):
                raise LayerError(f"{name}={value!r} is no whole number of {least} or more")
        for name, number in (("degrees", degrees), ("gain", gain)):
            if not 0 < number < math.inf:
                raise LayerError(f"{name}={number!r} is not above 0")
        if noise not in get_args(V1Noise):
            raise LayerError(f"noise={noise!r} is unknown; {', '.join(get_args(V1Noise))} work")
        self.simple, self.complex, self.channels = simple, complex, channels
        self.stride, self.noise, self.gain = stride, noise, gain
        rng = np.random.default_rng(seed)
        self.bank = _cells(rng, simple + complex, size / degrees)
        radius = max(kernel.radius(CUT) for kernel in self.bank)
        weights = np.zeros((len(self.bank), 2 * radius + 1, 2 * radius + 1), np.complex64)
        for weight, kernel in zip(weights, self.bank, strict=True):
            samples = kernel.sample(CUT)
            rows, columns = (radius - n // 2 for n in samples.shape)
            # Correlation with the turned kernel is convolution with the kernel.
            weight[rows : rows + samples.shape[0], columns : columns + samples.shape[1]] = samples[
                ::-1, ::-1
            ]
        self.register_buffer("real", torch.from_numpy(weights.real.copy())[:, None])
        self.register_buffer("imag", torch.from_numpy(weights.imag.copy())[:, None])
        drawn = rng.integers(0, channels, len(self.bank))
        self.register_buffer("channel", torch.from_numpy(drawn))

    def forward(self, images: Tensor) -> Tensor:
        """Respond to pictures (N, C, H, W)."""
        if images.ndim != 4 or images.shape[1] != self.channels:
            raise LayerError(
                f"pictures of shape {tuple(images.shape)} are not (N, {self.channels}, H, W)"
            )
        seen = images[:, self.channel]
        margin = self.real.shape[-1] // 2
        seen = functional.pad(seen, [margin] * 4)
        real = functional.conv2d(seen, self.real, stride=self.stride, groups=seen.shape[1])
        parts = [functional.relu(real[:, : self.simple])]
        if self.complex:
            pair = seen[:, self.simple :]
            imag = functional.conv2d(
                pair, self.imag[self.simple :], stride=self.stride, groups=self.complex
            )
            energy = real[:, self.simple :] ** 2 + imag**2
            parts.append((energy + 1e-12).sqrt() / math.sqrt(2))
        return functional.relu(self._noisy(self.gain * torch.cat(parts, 1)))

    def _noisy(self, responses: Tensor) -> Tensor:
        """Responses with noise, while the module trains."""
        if self.noise == "none" or not self.training:
            return responses
        drawn = torch.randn_like(responses)
        if self.noise == "gaussian":
            return responses + drawn
        spikes = SCALE * responses + LEVEL
        return (spikes + drawn * (functional.relu(spikes) + 1e-6).sqrt() - LEVEL) / SCALE

    def extra_repr(self) -> str:
        """What the printed layer says."""
        return (
            f"simple={self.simple}, complex={self.complex}, channels={self.channels}, "
            f"stride={self.stride}, noise={self.noise!r}"
        )


def _cells(rng: np.random.Generator, count: int, pixels: float) -> GaborBank:
    """Kernels of so many cells, of pictures with so many pixels in a degree."""
    theta, phase = rng.uniform(0, math.pi, count), rng.uniform(0, 2 * math.pi, count)
    frequency = FREQUENCY[0] * 2 ** rng.normal(0, FREQUENCY[1], count)
    wavelength = (pixels / frequency).clip(SHORTEST, max(SHORTEST, pixels / LOWEST))
    across, along = (
        (PERIODS[0] * 2 ** rng.normal(0, PERIODS[1], count)).clip(0.15, 0.6) for _ in range(2)
    )
    return GaborBank(
        GaborKernel(
            wavelength=float(w),
            theta=float(t),
            phase=float(p),
            sigma=float(w * a),
            gamma=float(a / b),
        )
        for w, t, p, a, b in zip(wavelength, theta, phase, across, along, strict=True)
    )
