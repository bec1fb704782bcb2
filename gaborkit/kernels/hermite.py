"""A turned Gaussian as a sum of outer products, in closed form: Mehler's formula.

An elongated envelope whose axes lie askew to the grid is no outer product. With Hermite functions
h_n, orthonormal over the real line, and x and y scaled to u and v::

    exp(-(a x^2 + 2 b x y + c y^2) / 2) = sqrt(pi (1 - t^2)) sum over n of t^n h_n(u) h_n(v)
    2 t / (1 + t^2) = -b / sqrt(a c)

So its singular values fall like |t|^n, and how many matter is known before any is computed.

References
----------
Mehler (1866), "Ueber die Entwicklung einer Function von beliebig vielen Variablen nach
Laplaceschen Functionen hoeherer Ordnung", J. reine angew. Math. 66, 161-176.
"""

from __future__ import annotations

import math

import numpy as np

from ..caches import lru_cache
from ..types import ComplexArray, RealArray


def form(deviation: float, gamma: float, theta: float) -> tuple[float, float, float]:
    """A, b and c of a Gabor kernel's envelope, whose deviation across is ``deviation / gamma``.

    Examples
    --------
    >>> form(0.5, 0.5, 0.0)
    (4.0, 0.0, 1.0)
    """
    cos, sin = math.cos(theta), math.sin(theta)
    narrow = deviation**-2
    wide = gamma**2 * narrow
    return (
        narrow * cos**2 + wide * sin**2,
        (narrow - wide) * sin * cos,
        narrow * sin**2 + wide * cos**2,
    )


def ratio(a: float, b: float, c: float) -> float:
    """T of the formula, between -1 and 1, for the quadratic form a x^2 + 2 b x y + c y^2.

    Examples
    --------
    >>> round(ratio(5, -3, 5), 12)
    0.333333333333
    """
    slope = b / math.sqrt(a * c)
    return -slope / (1 + math.sqrt(max(1 - slope * slope, 0.0)))


def count(t: float, accuracy: float) -> float:
    """Terms beyond which less than ``accuracy`` of the L2 norm lies; infinite if it never does.

    Examples
    --------
    >>> count(1 / 3, 1e-6) / math.log(1e6, 3)
    1.0
    """
    if abs(t) < accuracy:
        return 1.0
    return math.log(accuracy) / math.log(abs(t)) if abs(t) < 1 else math.inf


def expansion(
    a: float, b: float, c: float, line: RealArray, terms: int
) -> tuple[RealArray, RealArray, RealArray]:
    """The first terms of the Gaussian on a grid.

    Parameters
    ----------
    a, b, c : float
        Of the quadratic form.
    line : array (n,)
        Positions along both axes.
    terms : int

    Returns
    -------
    weights : array (T,)
    columns, rows : arrays (T, n)
        Of which each is even or odd as its place is.

    Examples
    --------
    >>> line = np.arange(-9, 10.0)
    >>> weights, columns, rows = expansion(0.5, 0.3, 0.5, line, 40)
    >>> x, y = line[None, :], line[:, None]
    >>> wanted = np.exp(-(0.5 * x**2 + 0.6 * x * y + 0.5 * y**2) / 2)
    >>> bool(abs((columns.T * weights) @ rows - wanted).max() < 1e-14)
    True
    """
    t = ratio(a, b, c)
    shrunk = math.sqrt((1 - t * t) / (1 + t * t))
    weights = math.sqrt(math.pi * (1 - t * t)) * t ** np.arange(terms)
    sides = shrunk * np.sqrt([c, a])
    both = _functions(sides[:, None] * line, terms)
    return weights, both[:, 0], both[:, 1]


def round_factors(
    deviation: RealArray, theta: RealArray, frequency: RealArray, radius: int, dc_free: bool
) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """Waves of phase 0 under round Gaussians, of one or two terms each.

    Parameters
    ----------
    deviation, theta, frequency : arrays (K,)

    Returns
    -------
    weights : array (K, T)
    columns, rows : arrays (K, T, 2 radius + 1)
        The wave, then the Gaussian that takes off its sum.
    """
    line = np.arange(-radius, radius + 1.0)
    gauss = np.exp(-(line**2) / (2 * deviation[:, None] ** 2))
    turns = 2 * math.pi * frequency * np.stack([np.sin(theta), np.cos(theta)])
    waves = gauss * np.exp(1j * turns[:, :, None] * line)  # (2, K, n)
    if not dc_free:
        return np.ones((len(theta), 1), complex), waves[0][:, None], waves[1][:, None]
    dc = waves.sum(2).prod(0) / gauss.sum(1) ** 2
    weights = np.stack([np.ones_like(dc), -dc], axis=1)
    columns, rows = (np.stack([wave, gauss + 0j], axis=1) for wave in waves)
    return weights, columns, rows


def gabor_factors(
    deviation: float,
    gamma: float,
    theta: float,
    frequency: float,
    radius: int,
    accuracy: float,
    dc_free: bool,
) -> tuple[RealArray, ComplexArray, RealArray] | None:
    """What :func:`factors` finds for a Gabor kernel; None where its samples are fewer.

    Kernels at theta and pi - theta are mirror images, and so are their factors, exactly.
    """
    cos, sin = math.cos(theta), math.sin(theta)
    quarter = round(math.atan2(abs(sin), abs(cos)), 14)
    envelope = form(deviation, gamma, quarter)
    needed = count(ratio(*envelope), accuracy / 100)
    if 3 * needed > 2 * radius:
        return None
    values, columns, rows = _turned_factors(
        envelope, frequency, quarter, radius, max(1, math.ceil(needed)), dc_free
    )
    if cos < 0:
        rows = rows[:, ::-1]
    if sin < 0:
        columns = columns[:, ::-1]
    return values, columns, rows


@lru_cache(maxsize=4)
def _turned_factors(
    envelope: tuple[float, float, float],
    frequency: float,
    theta: float,
    radius: int,
    terms: int,
    dc_free: bool,
) -> tuple[RealArray, ComplexArray, RealArray]:
    """What :func:`factors` finds, kept for the mirror image that often comes next."""
    line = np.arange(-radius, radius + 1.0)
    wave = 2 * math.pi * frequency * np.array([math.sin(theta), math.cos(theta)])
    return factors(envelope, wave, line, terms, dc_free)


def factors(
    envelope: tuple[float, float, float],
    wave: RealArray,
    line: RealArray,
    terms: int,
    dc_free: bool,
) -> tuple[RealArray, ComplexArray, RealArray]:
    """A wave of phase 0 under the Gaussian, by as few terms as its singular values allow.

    Parameters
    ----------
    envelope : (float, float, float)
        A, b and c.
    wave : array (2,)
        Radians a pixel along y and x.
    line : array (n,)
        Positions along both axes, from -radius to radius.
    terms : int
        Of the Gaussian.
    dc_free : bool
        Whether a multiple of the Gaussian is taken off, so that the sum is zero.

    Returns
    -------
    values : array (T,)
        Singular values.
    columns, rows : complex and real arrays (T, n)
        Orthonormal; every row is even or odd.
    """
    weights, columns, rows = expansion(*envelope, line, terms)
    waves = weights[:, None] * columns * np.exp(1j * wave[0] * line)
    across = wave[1] * line
    left, right = [waves, 1j * waves], [rows * np.cos(across), rows * np.sin(across)]
    if dc_free:
        full = waves.sum(1) @ (right[0] + 1j * right[1]).sum(1)
        dc = full / ((weights * columns.sum(1)) @ rows.sum(1))
        left.append(-dc * weights[:, None] * columns)
        right.append(rows)
    odd = np.arange(terms) % 2 == 1
    halves = []
    for parity in (False, True):
        # The sine is odd: it turns even rows into odd ones.
        chosen = [odd == (parity ^ (part == 1)) for part in range(len(left))]
        mine, other = (
            np.concatenate([half[which] for half, which in zip(side, chosen, strict=True)])
            for side in (left, right)
        )
        if len(mine):
            halves.append(_compressed(mine, other, parity))
    values, ups, lines = (np.concatenate(part) for part in zip(*halves, strict=True))
    return values, ups, lines


def _compressed(
    columns: ComplexArray, rows: RealArray, odd: bool
) -> tuple[RealArray, ComplexArray, RealArray]:
    """Singular values, columns and rows of the sum of outer(column, row).

    Rows and real parts of columns are ``odd`` or even, imaginary parts the other: the right halves
    say all.
    """
    radius = rows.shape[1] // 2
    stacked = np.concatenate([_half(columns.real, odd), _half(columns.imag, not odd)], axis=1)
    up, down = np.linalg.qr(stacked.T)
    left, right = np.linalg.qr(_half(rows, odd).T)
    first, values, last = np.linalg.svd(down @ right.T, full_matrices=False)
    ups, size = (up @ first).T, radius + (not odd)
    columns = _whole(ups[:, :size], odd) + 1j * _whole(ups[:, size:], not odd)
    return values, columns, _whole(last @ left.T, odd)


def _half(lines: RealArray, odd: bool) -> RealArray:
    """Even or odd lines (T, 2 r + 1) in an orthonormal basis of such: (T, r + 1) or (T, r)."""
    radius = lines.shape[1] // 2
    wings = math.sqrt(2) * lines[:, radius + 1 :]
    return wings if odd else np.concatenate([lines[:, radius, None], wings], axis=1)


def _whole(half: RealArray, odd: bool) -> RealArray:
    """The inverse of :func:`_half`."""
    wings = half[:, not odd :] / math.sqrt(2)
    centre = np.zeros((len(half), 1)) if odd else half[:, :1]
    return np.concatenate([-wings[:, ::-1] if odd else wings[:, ::-1], centre, wings], axis=1)


def _functions(u: RealArray, terms: int) -> RealArray:
    """Hermite functions h_0 .. h_{terms - 1} (terms, ...), by their recurrence in three terms."""
    functions = np.empty((terms, *u.shape))
    functions[0] = math.pi**-0.25 * np.exp(-(u**2) / 2)
    if terms > 1:
        functions[1] = math.sqrt(2) * u * functions[0]
    for n in range(2, terms):
        functions[n] = (
            math.sqrt(2 / n) * u * functions[n - 1] - math.sqrt((n - 1) / n) * functions[n - 2]
        )
    return functions
