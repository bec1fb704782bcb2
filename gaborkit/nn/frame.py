"""The tight Gabor frame as a layer: images to real channels, and channels to images."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from ..bank import GaborBank
from ..errors import LayerError
from ..filtering.backend import full_precision, torch_transform
from ..frame import GaborFrame
from ..whole_numbers import is_whole
from .kernels import GaborKernels


class GaborFrame2d(nn.Module):
    """Coefficients of a tight frame as real channels, and images of such channels.

    A bank, a low-pass and a high-pass on the torus, as in :class:`~gaborkit.GaborFrame` with
    ``tight=True, highpass=True``: real and imaginary part of each kernel's response side by side,
    then the low-pass, then the high-pass. :meth:`synthesize` is the adjoint of :meth:`analyze`, and
    its inverse.

    Parameters
    ----------
    bank : GaborBank
    shape : (H, W)
        Of the images.
    learnable : bool
        Whether the kernels' parameters are learned, from those of the bank on. The low-pass and the
        high-pass go with them, so that the frame stays tight at every step; the window of the
        low-pass stays that of the bank.
    dtype : torch.dtype, optional
        float64 for double precision.

    Raises
    ------
    FrameError
        If the bank makes no frame for the shape.
    LayerError
        If learnable kernels lie out of range: see :class:`~gaborkit.nn.GaborKernels`.

    References
    ----------
    Mallat (2009), "A Wavelet Tour of Signal Processing", 3rd edition, section 5.1.

    Examples
    --------
    >>> frame = GaborFrame2d(GaborBank.grid(scales=2, orientations=4), (28, 28))
    >>> images = torch.rand(5, 1, 28, 28)
    >>> channels = frame.analyze(images)
    >>> channels.shape
    torch.Size([5, 18, 28, 28])
    >>> bool(torch.allclose(frame.synthesize(channels), images, atol=1e-5))
    True
    """

    shape: tuple[int, int]
    learnable: bool
    labels: tuple[str, ...]
    kernels: GaborKernels
    pairs: Tensor
    full: Tensor
    window: Tensor

    def __init__(
        self,
        bank: GaborBank,
        shape: tuple[int, int],
        *,
        learnable: bool = False,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        frame = GaborFrame(bank, shape, tight=True, highpass=True)
        self.shape, self.learnable = frame.shape, learnable
        self.labels = (
            *(f"{label}, {part}" for label in bank.labels for part in ("real", "imag")),
            *frame.labels[len(bank) :],
        )
        self._fixed = bank
        double, transfers = dtype == torch.float64, frame.transfers()
        if learnable:
            size = 2 * max(kernel.radius() for kernel in bank) + 1
            self.kernels = GaborKernels(bank, (size, size), dtype=dtype)
            # Share of what the kernels leave that goes to the low-pass, at half of the frequencies.
            low, high = (transfer.real**2 for transfer in transfers[len(bank) :])
            share = low / np.maximum(low + high, np.finfo(float).tiny)
            self._hold("window", share[:, : shape[1] // 2 + 1], double)
        else:
            spectra = np.stack(_real_parts(transfers, len(bank)))
            half = spectra[..., : shape[1] // 2 + 1]
            self._hold("pairs", np.stack([half.real, half.imag], -1), double)
            full = np.stack(transfers)
            self._hold("full", np.stack([full.real, full.imag], -1), double)

    def _hold(self, name: str, values: np.ndarray, double: bool) -> None:
        # Complex buffers would lose their imaginary part when the module is cast.
        tensor = torch.from_numpy(values.astype(np.float64 if double else np.float32))
        self.register_buffer(name, tensor.to(torch.get_default_device()), persistent=False)

    def __len__(self) -> int:
        """Count the channels of one image channel."""
        return len(self.labels)

    def bank(self) -> GaborBank:
        """The kernels as they are now."""
        return self.kernels.bank() if self.learnable else self._fixed

    def spectra(self) -> Tensor:
        """Half of the transform of each channel's real filter, complex (K, H, W // 2 + 1)."""
        return self._learned() if self.learnable else torch.view_as_complex(self.pairs)

    def transfers(self) -> Tensor:
        """Transform of each kernel as it is now, the low-pass and the high-pass, (K + 2, H, W)."""
        if not self.learnable:
            return torch.view_as_complex(self.full)
        # Of real filters the other half is the mirrored one, conjugated.
        half, width = self.spectra(), self.shape[1]
        other = half[..., 1 : (width + 1) // 2].flip(-2, -1).roll(1, -2).conj()
        whole = torch.cat([half, other], -1)
        real, imaginary = whole[:-2].unflatten(0, (-1, 2)).unbind(1)
        return torch.cat([real + 1j * imaginary, whole[-2:]])

    def _learned(self) -> Tensor:
        """Spectra of the kernels as they are, completed to a tight frame."""
        samples = self.kernels.sample()  # (K, 2, h, w)
        height, width = self.shape
        rows, columns = (
            _circle(n, size) for n, size in zip(samples.shape[2:], self.shape, strict=True)
        )
        wrapped = samples.new_zeros(*samples.shape[:2], height, width).index_put(
            (
                torch.arange(len(samples))[:, None, None, None],
                torch.arange(2)[:, None, None],
                rows[:, None],
                columns,
            ),
            samples,
            accumulate=True,
        )
        spectra = torch.fft.rfft2(wrapped).flatten(0, 1)  # (2 K, H, W // 2 + 1)
        power = spectra.real.square() + spectra.imag.square()
        total = power.sum(0)
        full = total.max()
        rest = (full - total).clamp(min=0)
        # The root has no slope at 0.
        ends = [(rest * share + 1e-12 * full).sqrt() for share in (self.window, 1 - self.window)]
        completed = torch.cat([spectra, torch.stack(ends).to(spectra.dtype)])
        coverage = (completed.real.square() + completed.imag.square()).sum(0)
        return completed / coverage.sqrt()

    def forward(self, images: Tensor) -> Tensor:
        """As :meth:`analyze`."""
        return self.analyze(images)

    def analyze(self, images: Tensor) -> Tensor:
        """Channels (N, C * K, H, W) of images (N, C, H, W), those of one image channel together.

        Raises
        ------
        LayerError
            If the images do not fit.
        """
        self._check(images)
        with full_precision(images.device):
            values = images.to(self._real_dtype)
            transforms = torch_transform(torch.fft.rfft2, values)[..., None, :, :] * self.spectra()
            channels = torch_transform(torch.fft.irfft2, transforms, s=self.shape)
        return channels.flatten(-4, -3)

    def respond(self, images: Tensor, stride: int = 1, channels: slice = slice(-2)) -> Tensor:
        """Complex responses (N, C, K, h, w) of the kernels, at every ``stride``-th pixel.

        What is left out is not computed where ``stride`` divides both sides of the images: the
        spectra are folded first.

        Parameters
        ----------
        images : tensor (N, C, H, W)
        stride : int
            Positive.
        channels : slice
            Of the kernels, the low-pass and the high-pass, in this order; by default the kernels.

        Raises
        ------
        LayerError
            If the images or the stride do not fit.

        Examples
        --------
        >>> frame = GaborFrame2d(GaborBank.grid(scales=2, orientations=4), (28, 28))
        >>> frame.respond(torch.rand(5, 1, 28, 28), stride=2).shape
        torch.Size([5, 1, 8, 14, 14])
        """
        self._check(images)
        _check_stride(stride)
        transfers = self.transfers()[channels]
        with full_precision(images.device):
            values = images.to(self._real_dtype)
            transforms = torch_transform(torch.fft.fft2, values)[..., None, :, :] * transfers
            if any(size % stride for size in self.shape):
                responses = torch_transform(torch.fft.ifft2, transforms)
                return cast(Tensor, responses[..., ::stride, ::stride])
            for axis, size in zip((-2, -1), self.shape, strict=True):
                # Added one by one, which is many times faster than a sum over an axis.
                first, *others = transforms.split(size // stride, axis)
                transforms = sum(others, first)
            return cast(Tensor, torch_transform(torch.fft.ifft2, transforms / stride**2))

    def draw(self, responses: Tensor, stride: int = 1, channels: slice = slice(-2)) -> Tensor:
        """Images (N, C, H, W) of responses (N, C, K, h, w): the adjoint of :meth:`respond`.

        Parameters
        ----------
        responses : tensor (N, C, K, h, w)
            Complex, or real.
        stride, channels
            As of :meth:`respond`.

        Raises
        ------
        LayerError
            If the responses or the stride do not fit.

        Examples
        --------
        >>> frame = GaborFrame2d(GaborBank.grid(scales=2, orientations=4), (28, 28))
        >>> frame.draw(torch.rand(5, 1, 8, 14, 14), stride=2).shape
        torch.Size([5, 1, 28, 28])
        """
        _check_stride(stride)
        transfers = self.transfers()[channels]
        wanted = (len(transfers), *(-(-size // stride) for size in self.shape))
        if responses.ndim != 5 or tuple(responses.shape[2:]) != wanted:
            raise LayerError(
                f"responses of shape {tuple(responses.shape)} do not fit this frame of "
                f"(N, C, {', '.join(map(str, wanted))}) at stride={stride}"
            )
        with full_precision(responses.device):
            values = responses.to(transfers.dtype if responses.is_complex() else self._real_dtype)
            if any(size % stride for size in self.shape):
                full = values.new_zeros(*values.shape[:3], *self.shape)
                full[..., ::stride, ::stride] = values
                transforms = torch_transform(torch.fft.fft2, full)
            else:
                transforms = torch_transform(torch.fft.fft2, values)
                transforms = transforms.repeat(1, 1, 1, stride, stride)
            total = (transforms * transfers.conj()).sum(2)
            return cast(Tensor, torch_transform(torch.fft.ifft2, total).real)

    def synthesize(self, channels: Tensor) -> Tensor:
        """Images (N, C, H, W) of channels (N, C * K, H, W): the inverse of :meth:`analyze`.

        Channels that no image has are projected, in least squares.

        Raises
        ------
        LayerError
            If the channels do not fit.
        """
        self._check(channels)
        if channels.shape[-3] % len(self):
            raise LayerError(
                f"{channels.shape[-3]} channels are no multiple of the frame's {len(self)}"
            )
        with full_precision(channels.device):
            values = channels.to(self._real_dtype).unflatten(-3, (-1, len(self)))
            transforms = torch_transform(torch.fft.rfft2, values)
            total = (transforms * self.spectra().conj()).sum(-3)
            return cast(Tensor, torch_transform(torch.fft.irfft2, total, s=self.shape))

    @property
    def _real_dtype(self) -> torch.dtype:
        held = self.window if self.learnable else self.pairs
        return torch.float64 if held.dtype == torch.float64 else torch.float32

    def _check(self, values: Tensor) -> None:
        if values.ndim not in (3, 4) or tuple(values.shape[-2:]) != self.shape:
            height, width = self.shape
            raise LayerError(
                f"an input of shape {tuple(values.shape)} does not fit this frame; "
                f"(N, C, {height}, {width}) or (C, {height}, {width}) works"
            )

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return f"{len(self._fixed)} kernels, shape={self.shape}, learnable={self.learnable}"


def _check_stride(stride: int) -> None:
    if not is_whole(stride, 1):
        raise LayerError(f"stride={stride!r} is no distance of pixels; give 1, 2, ...")


def _circle(count: int, size: int) -> Tensor:
    """Where each of ``count`` samples around the origin lies on a circle of ``size``."""
    return (torch.arange(count) - count // 2) % size


def _real_parts(transfers: list[np.ndarray], kernels: int) -> list[np.ndarray]:
    """Transforms of the real and imaginary parts of kernels; what follows the kernels is real."""
    parts = []
    for transfer in transfers[:kernels]:
        mirrored = np.roll(transfer[::-1, ::-1], (1, 1), (0, 1)).conj()
        parts += [(transfer + mirrored) / 2, (transfer - mirrored) / 2j]
    return [*parts, *transfers[kernels:]]
