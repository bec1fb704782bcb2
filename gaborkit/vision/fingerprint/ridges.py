"""The distance of ridges in a whole print, whatever its scale: the peaks of spectra of tiles."""

from __future__ import annotations

import math

import numpy as np
import scipy

from ...types import Array, RealArray
from ..sparse_resampling import correlated
from .picture import check_wavelengths, normalize

#: Side of a tile in pixels of its level, and tiles along each axis of a level at most.
TILE, MOST_TILES = 32, 12

#: Weights of the blur before every other pixel is taken (Burt and Adelson, 1983).
HALVING = np.array((1, 4, 6, 4, 1)) / 16

#: Cycles in a tile between which a peak counts: fewer are shades, more are blurred by halving.
CYCLES = (3.5, 12.5)

#: Share of a tile's energy that a peak of noise may have.
NOISE_SHARE = 0.2

#: Share of the energy of the picture's pixels that a level must keep in a tile.
LEAST_ENERGY = 0.05

#: Neighbouring peaks, in octaves, that support each other.
OCTAVES = 0.25


def ridge_spacing(image: Array, *, wavelengths: tuple[float, float] | None = None) -> float:
    """Usual distance from ridge to ridge, of any size, as far as the picture shows ridges.

    The spectrum of each tile of a pyramid of the picture has a peak where there are ridges. Peaks
    vote for their wavelength with the share of the tile's energy that they hold; the answer is the
    median of the votes around the wavelength that gets most of them.

    Parameters
    ----------
    image : real array (H, W)
    wavelengths : (float, float), optional
        Limits of the answer, in pixels; the shortest of all is 2.6.

    Returns
    -------
    float
        Pixels; 0 if there are no ridges, or they are not repeated within a tile of 32 pixels.

    Raises
    ------
    ImageError
        As :func:`normalize`.
    FeatureError
        If the limits are not two growing numbers from 2 on.

    References
    ----------
    Chikkerur, Cartwright and Govindaraju (2007), "Fingerprint enhancement using STFT analysis",
    Pattern Recognition 40(1), 198-211: the frequency of ridges from the spectra of tiles.

    Examples
    --------
    >>> y, x = np.mgrid[:200, :200]
    >>> round(ridge_spacing(np.cos(2 * np.pi / 21 * (x * np.cos(0.5) + y * np.sin(0.5)))), 1)
    21.0
    """
    shortest, longest = (0, math.inf) if wavelengths is None else check_wavelengths(wavelengths)
    level = normalize(image).astype(np.float32)
    square = level**2
    octaves, votes = [], []
    scale = 1
    while min(level.shape) >= TILE:
        wavelength, share = _peaks(_tiles(level), _tiles(square))
        wavelength *= scale
        inside = (wavelength >= shortest) & (wavelength <= longest)
        octaves.append(np.log2(wavelength[inside]))
        votes.append(share[inside] / share.size)
        level, square = (correlated(part, HALVING, HALVING, step=2) for part in (level, square))
        scale *= 2
    return _mode(np.concatenate(octaves), np.concatenate(votes)) if octaves else 0.0


def _tiles(level: RealArray) -> RealArray:
    """Tiles that cover a plane, or are spread over it, (N, TILE, TILE)."""
    rows, columns = (
        np.linspace(0, n - TILE, min(MOST_TILES, 2 * n // TILE - 1)).astype(int)
        for n in level.shape
    )
    windows = np.lib.stride_tricks.sliding_window_view(level, (TILE, TILE))
    return windows[np.ix_(rows, columns)].reshape(-1, TILE, TILE)


def _peaks(tiles: RealArray, squares: RealArray) -> tuple[RealArray, RealArray]:
    """Wavelength of the largest peak of each tile, and its share of the energy beyond noise's.

    ``squares`` are those of the picture's own pixels, averaged over a level's. A tile that keeps
    next to nothing of their energy shows what was too fine for its level, at a false wavelength.
    """
    hann = np.hanning(TILE + 1)[:-1].astype(np.float32)
    weights = hann * hann[:, None]
    mean = tiles.mean((1, 2), keepdims=True)
    power = np.abs(scipy.fft.fft2((tiles - mean) * weights)) ** 2
    cycles = scipy.fft.fftfreq(TILE, 1 / TILE)
    radius = np.hypot(cycles, cycles[:, None])
    within = (radius >= CYCLES[0]) & (radius <= CYCLES[1])
    row, column = np.divmod(np.where(within, power, 0).reshape(len(tiles), -1).argmax(1), TILE)
    # The window spreads a peak over three by three bins, whose centre of mass tells fractions.
    steps = np.arange(-1, 2)
    rows = (row[:, None, None] + steps[:, None]) % TILE
    columns = (column[:, None, None] + steps) % TILE
    near = power[np.arange(len(tiles))[:, None, None], rows, columns]
    energy, total = near.sum((1, 2)), power.sum((1, 2))
    original = TILE**2 * ((squares - mean**2) * weights**2).sum((1, 2))
    y, x = ((near * cycles[index]).sum((1, 2)) for index in (rows, columns))
    rounding = np.finfo(np.float32).eps * TILE**4
    known = (energy > 0) & (total > np.maximum(rounding, LEAST_ENERGY * original))
    # A real picture has each peak twice.
    share = np.divide(2 * energy, total, out=np.zeros_like(total), where=known)
    wavelength = TILE * np.divide(energy, np.hypot(x, y), out=np.ones_like(total), where=known)
    return wavelength, np.maximum(share - NOISE_SHARE, 0)


def _mode(octaves: RealArray, votes: RealArray) -> float:
    """Two to the median of the values around the one that others support most; 0 without votes."""
    if not votes.any():
        return 0.0
    near = np.abs(octaves[:, None] - octaves) < OCTAVES
    best = near[(near @ votes * (votes > 0)).argmax()]
    order = np.argsort(octaves[best])
    values, weights = octaves[best][order], votes[best][order]
    return float(2 ** values[np.searchsorted(weights.cumsum(), weights.sum() / 2)])
