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
    columns, rows = (_functions(math.sqrt(part) * shrunk * line, terms) for part in (c, a))
    return weights, columns, rows


def round_factors(
    deviation: float, theta: float, frequency: float, radius: int, dc_free: bool
) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """Weights, columns and rows of a wave of phase 0 under a round Gaussian: one or two."""
    line = np.arange(-radius, radius + 1.0)
    gauss = np.exp(-(line**2) / (2 * deviation**2))
    turn = 2j * math.pi * frequency * line
    column = gauss * np.exp(turn * math.sin(theta))
    row = gauss * np.exp(turn * math.cos(theta))
    if not dc_free:
        return np.ones(1, complex), column[None], row[None]
    dc = column.sum() * row.sum() / gauss.sum() ** 2
    return np.array([1, -dc]), np.stack([column, gauss + 0j]), np.stack([row, gauss + 0j])


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
    line = np.arange(-radius, radius + 1.0)
    wave = 2 * math.pi * frequency * np.array([math.sin(quarter), math.cos(quarter)])
    terms = max(1, math.ceil(needed))
    values, columns, rows = factors(envelope, wave, line, terms, dc_free)
    if cos < 0:
        rows = rows[:, ::-1]
    if sin < 0:
        columns = columns[:, ::-1]
    return values, columns, rows


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
            halves.append(_compressed(mine, other, -1 if parity else 1))
    values, ups, lines = (np.concatenate(part) for part in zip(*halves, strict=True))
    return values, ups, lines


def _compressed(
    columns: ComplexArray, rows: RealArray, sign: int
) -> tuple[RealArray, ComplexArray, RealArray]:
    """Singular values, columns and rows of the sum of outer(column, row); rows even (1) or odd."""
    stacked = np.concatenate([columns.real, columns.imag], axis=1)
    up, down = np.linalg.qr(stacked.T)
    left, right = np.linalg.qr(rows.T)
    first, values, last = np.linalg.svd(down @ right.T, full_matrices=False)
    ups, across = (up @ first).T, last @ left.T
    size = columns.shape[1]
    across = (across + sign * across[:, ::-1]) / 2
    return values, ups[:, :size] + 1j * ups[:, size:], across


def _functions(u: RealArray, terms: int) -> RealArray:
    """Hermite functions h_0 .. h_{terms - 1} (terms, n), by their recurrence in three terms."""
    found = np.empty((terms, len(u)))
    found[0] = math.pi**-0.25 * np.exp(-(u**2) / 2)
    if terms > 1:
        found[1] = math.sqrt(2) * u * found[0]
    for n in range(2, terms):
        found[n] = math.sqrt(2 / n) * u * found[n - 1] - math.sqrt((n - 1) / n) * found[n - 2]
    return found
