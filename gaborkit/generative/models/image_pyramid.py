"""Pictures as a coarse one and bands of detail: the Laplacian pyramid, and the Gabor frame's."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...bank import GaborBank
from ...errors import GaborkitError, ModelError
from ...nn import GaborFrame2d
from ..view import Shape
from .convolutional import halved

PyramidName = Literal["laplacian", "gabor"]

#: Shortest side of the coarsest picture.
COARSEST = 4

#: Directions and wavelength of the kernels whose bands a level of the Gabor pyramid holds, in
#: pixels of that level.
ORIENTATIONS, WAVELENGTH = 4, 4.0


class Level(nn.Module):
    """Down to half the size, and back up without the detail that is lost.

    ``laplacian``: by the generating kernel (1, 4, 6, 4, 1) / 16 along both axes. ``gabor``: by the
    low-pass of a tight Gabor frame of one scale, and its adjoint, so that the detail is what the
    kernels and the high-pass of that frame hold.

    Parameters
    ----------
    pyramid : str
    shape : (H, W)
        Of the larger picture. The smaller has half of it, rounded up.

    References
    ----------
    P. J. Burt and E. H. Adelson (1983), The Laplacian Pyramid as a Compact Image Code, eq. 1-2.

    Examples
    --------
    >>> level = Level("gabor", (28, 28))
    >>> level.down(torch.ones(1, 1, 28, 28)).shape
    torch.Size([1, 1, 14, 14])
    """

    kernel: Tensor

    def __init__(self, pyramid: PyramidName, shape: tuple[int, int]) -> None:
        super().__init__()
        self.shape = shape
        self.frame: GaborFrame2d | None = None
        if pyramid == "gabor":
            bank = GaborBank.grid(scales=1, orientations=ORIENTATIONS, wavelength=WAVELENGTH)
            self.frame = GaborFrame2d(bank, shape)
        taps = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
        self.register_buffer("kernel", torch.outer(taps, taps)[None, None], persistent=False)

    def down(self, images: Tensor) -> Tensor:
        """Images (B, C, ceil(H / 2), ceil(W / 2)) of images (B, C, H, W)."""
        if self.frame is not None:
            return self.frame.respond(images, 2, slice(-2, -1)).real[:, :, 0]
        return self._blurred(images)[..., ::2, ::2]

    def up(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) of images of half the size; a constant stays what it is."""
        if self.frame is not None:
            return 4 * self.frame.draw(images[:, :, None], 2, slice(-2, -1))
        full = images.new_zeros(*images.shape[:2], *self.shape)
        full[..., ::2, ::2] = images
        # Divided by how much of the kernel meets a value, which at the border is less.
        grid = torch.zeros_like(full[:1, :1])
        grid[..., ::2, ::2] = 1
        return self._spread(full) / self._spread(grid)

    def _blurred(self, images: Tensor) -> Tensor:
        """With edges repeated."""
        return self._convolved(functional.pad(images, (2, 2, 2, 2), mode="replicate"))

    def _spread(self, images: Tensor) -> Tensor:
        return self._convolved(functional.pad(images, (2, 2, 2, 2)))

    def _convolved(self, images: Tensor) -> Tensor:
        single = images.flatten(0, 1)[:, None]
        blurred = functional.conv2d(single, self.kernel.to(images.dtype))
        return blurred.unflatten(0, images.shape[:2])[:, :, 0]


class Pyramid(nn.Module):
    """A picture as its coarsest version and a band for each level; together they are the picture.

    Parameters
    ----------
    pyramid : str
        ``laplacian`` or ``gabor``: see :class:`Level`.
    shape : (C, H, W)
    bands : int
        How often the picture is halved.

    Attributes
    ----------
    shapes : list of (C, h, w)
        From the coarsest version to the picture.

    Raises
    ------
    ModelError
        If the coarsest version would be shorter than 4 pixels, or is too small for the frame.

    Examples
    --------
    >>> pyramid = Pyramid("laplacian", (1, 28, 28), 2)
    >>> pyramid.shapes
    [(1, 7, 7), (1, 14, 14), (1, 28, 28)]
    >>> image = torch.rand(2, 1, 28, 28)
    >>> coarse, below, bands = pyramid.split(image)
    >>> bool(torch.allclose(below[1] + bands[1], image, atol=1e-6))
    True
    """

    shapes: list[Shape]

    def __init__(self, pyramid: PyramidName, shape: Shape, bands: int) -> None:
        super().__init__()
        sizes = halved(*shape[1:], bands)[::-1]
        if min(sizes[0]) < COARSEST:
            raise ModelError(
                f"bands={bands} halve pictures of {shape[1]} x {shape[2]} to {sizes[0][0]} x "
                f"{sizes[0][1]}; fewer, or larger pictures, leave the {COARSEST} pixels a side "
                "that the coarsest needs"
            )
        self.shapes = [(shape[0], *size) for size in sizes]
        try:
            self.levels: nn.ModuleList = nn.ModuleList(Level(pyramid, size) for size in sizes[1:])
        except GaborkitError as problem:
            raise ModelError(f"pyramid={pyramid!r}: {problem}; choose 'laplacian'") from problem

    def coarser(self, images: Tensor) -> list[Tensor]:
        """The picture in all sizes, from the coarsest on."""
        versions = [images]
        for level in reversed(self.levels):
            assert isinstance(level, Level)
            versions.insert(0, level.down(versions[0]))
        return versions

    def up(self, band: int, images: Tensor) -> Tensor:
        """What lies below a band: the version one size coarser, enlarged."""
        level = self.levels[band]
        assert isinstance(level, Level)
        return level.up(images)

    def split(self, images: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """The coarsest version; what lies below each band, and the bands, from coarse to fine."""
        versions = self.coarser(images)
        below = [self.up(band, version) for band, version in enumerate(versions[:-1])]
        bands = [version - low for version, low in zip(versions[1:], below, strict=True)]
        return versions[0], below, bands
