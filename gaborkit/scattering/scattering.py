"""The scattering transform of pictures: its parameters, its paths, and what they are called."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Self

from ..bank import GaborBank
from ..caches import lru_cache
from ..errors import FeatureError, KernelError
from ..features.checks import check_choice
from ..features.table import Features
from ..filtering.backend import library_of
from ..filtering.padding import check_boundary
from ..filtering.run import with_leading_channels
from ..kernels.conventions.arguments import whole
from ..kernels.gabor import GaborKernel
from ..types import Array, ArrayT, Boundary, RealArray
from .axes import LOWPASS, Axis, centred_axis, kymatio_axis
from .filters import Filters, build, energy, filling, lowpass_energy
from .paths import STEP, Path, Scale, paths_of, places_of, scales_of, table_of
from .transform import scatter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Convention = Literal["gaborkit", "kymatio"]

#: kymatio divides by 2 * 3.1415 for 2 pi.
KYMATIO_GAIN = math.pi / 3.1415


@dataclass(frozen=True)
class Scattering:
    """Scattering transform of order 0, 1 and 2, decimated, for pictures of any size.

    With a Gaussian low-pass phi of deviation ``0.4 * 2**J`` pixels and wavelets psi::

        S0 = x * phi,   S1 = |x * psi_1| * phi,   S2 = ||x * psi_1| * psi_2| * phi

    where psi_2 has a lower frequency than psi_1: other paths hold next to nothing. Moduli are
    computed at every ``2**j``-th pixel for wavelengths from ``8/3 * 2**j`` pixels on.

    Parameters
    ----------
    J : int
        Octaves of the default bank; coefficients stand for cells of ``2**J`` by ``2**J`` pixels.
    L : int
        Orientations of the default bank.
    order : {0, 1, 2}
        The highest.
    bank : GaborBank, optional
        Wavelets that answer nothing to a constant. The default are the Morlet wavelets of the
        article: wavelength ``8/3 * 2**j``, sigma 0.3 wavelengths, gamma ``4 / L``
        (at most 1), theta ``i pi / L``.
    tight : bool
        Scale the transfer functions by one factor of frequency, so that wavelets and low-pass
        together keep the energy of every wave: the transform then expands no difference
        between pictures. Gaps of a bank, where it answers with less than a thousandth of its
        largest energy, are not filled. Otherwise the wavelets are used as they are.
    oversampling : int
        Compute and sample everything on grids ``2**oversampling`` times as fine, as far as there
        are pixels: less aliasing, and more coefficients.
    boundary : {"reflect", "mirror", "nearest", "constant", "wrap"}
        What lies outside the picture, in SciPy's words: at least ``2**J`` pixels of it are added.
        With ``wrap``, none, where both sides are multiples of ``2**J``.
    cells : int, optional
        Average over ``cells`` by ``cells`` equal parts of the picture instead of the low-pass:
        1 for the means of the whole.
    convention : {"gaborkit", "kymatio"}
        ``gaborkit`` samples at the centres of cells that together are centred on the picture, and
        of which the last may be cut; see :meth:`kymatio` for the other.

    Raises
    ------
    FeatureError
        If a parameter is out of range, or a wavelet answers to a constant or is learnable.
    FilterError
        If the boundary is unknown.

    References
    ----------
    Bruna and Mallat (2013), "Invariant scattering convolution networks", IEEE TPAMI 35(8),
    1872-1886.

    Examples
    --------
    >>> import numpy as np
    >>> scattering = Scattering(J=3, L=6)
    >>> images = np.random.default_rng(0).random((10, 28, 28), np.float32)
    >>> scattering(images).shape
    (10, 127, 4, 4)
    >>> [path.name for path in scattering.paths[::18]][:3]
    ['order 0', '10.67 px, 150°', '2.667 px, 30° → 5.333 px, 150°']
    """

    J: int = 3
    L: int = 8
    order: int = 2
    bank: GaborBank | None = None
    tight: bool = field(default=True, kw_only=True)
    oversampling: int = field(default=0, kw_only=True)
    boundary: Boundary = field(default="reflect", kw_only=True)
    cells: int | None = field(default=None, kw_only=True)
    convention: Convention = field(default="gaborkit", kw_only=True)

    def __post_init__(self) -> None:
        ranges = {"J": (1, 16), "L": (1, 1000), "order": (0, 2), "oversampling": (0, self.J)}
        if self.cells is not None:
            ranges["cells"] = (1, 1000)
        for name, (least, most) in ranges.items():
            try:
                object.__setattr__(self, name, whole(name, getattr(self, name), least, most))
            except KernelError as error:
                raise FeatureError(str(error)) from None
        if self.bank is not None and not isinstance(self.bank, GaborBank):
            raise FeatureError(f"bank={self.bank!r} is no GaborBank; leave it out for the default")
        check_choice("convention", self.convention, Convention)
        check_boundary(self.boundary)
        for kernel in self.bank or ():
            if kernel.learnable:
                raise FeatureError(f"the wavelet {kernel.label} is learnable; give it floats")
            if not kernel.is_dc_free:
                raise FeatureError(
                    f"the wavelet {kernel.label} answers to a constant; use dc_free=True"
                )

    @classmethod
    def kymatio(cls, J: int, L: int = 8, max_order: int = 2) -> Self:  # noqa: N803
        """Scattering that equals kymatio's ``Scattering2D(J, shape, L, max_order)``.

        The same wavelets, low-pass, padding (``mirror`` in SciPy's words), decimation, order of
        coefficients and sampling, at every ``2**J``-th pixel of the padded picture; any shape.

        Raises
        ------
        FeatureError
            If a parameter is out of range; later, for pictures smaller than ``2**J`` pixels.

        References
        ----------
        Andreux et al. (2020), "Kymatio: scattering transforms in Python", JMLR 21(60), 1-6.

        Examples
        --------
        >>> import numpy as np
        >>> Scattering.kymatio(J=2, L=8)(np.ones((48, 64))).shape
        (81, 12, 16)
        """
        default = cls(J, L, max_order)
        bank = GaborBank.preset("kymatio", J=default.J, L=default.L)
        return cls(J, L, max_order, bank, tight=False, boundary="mirror", convention="kymatio")

    # ---- wavelets and paths ----

    @functools.cached_property
    def wavelets(self) -> GaborBank:
        """The bank, default or given."""
        if self.bank is not None:
            return self.bank
        return GaborBank(
            GaborKernel(
                wavelength=STEP,
                theta=i * math.pi / self.L,
                sigma=0.3 * STEP,
                gamma=min(1.0, 4 / self.L),
                scale=2.0**j,
            )
            for j in range(self.J)
            for i in range(self.L)
        )

    @functools.cached_property
    def scales(self) -> tuple[Scale, ...]:
        """The wavelets by frequency, from the highest to the lowest."""
        return scales_of(self.wavelets, self.J, self.oversampling)

    @functools.cached_property
    def places(self) -> dict[tuple[int, ...], int]:
        """Place of each path among the coefficients, by the places of its wavelets."""
        return places_of(self.scales, self.order)

    @functools.cached_property
    def paths(self) -> tuple[Path, ...]:
        """One for each coefficient: order 0, order 1 by wavelet, order 2 by the first of them."""
        return tuple(paths_of(self.wavelets, self.places))

    def table(self) -> str:
        """A line a coefficient, for printing.

        Examples
        --------
        >>> print(Scattering(J=2, L=2).table())
          c  order  path
          0      0  order 0
          1      1  2.667 px, 0°
          2      1  2.667 px, 90°
          3      1  5.333 px, 0°
          4      1  5.333 px, 90°
          5      2  2.667 px, 0° → 5.333 px, 0°
          6      2  2.667 px, 0° → 5.333 px, 90°
          7      2  2.667 px, 90° → 5.333 px, 0°
          8      2  2.667 px, 90° → 5.333 px, 90°
        """
        return table_of(self.paths)

    # ---- the transform ----

    def __call__(self, image: ArrayT, *, channel_axis: int | None = None) -> ArrayT:
        """As :meth:`transform`."""
        return self.transform(image, channel_axis=channel_axis)

    def transform(self, image: ArrayT, *, channel_axis: int | None = None) -> ArrayT:
        """Coefficients of one picture or many.

        Parameters
        ----------
        image : real array or tensor (..., H, W)
            Integers are promoted as by :meth:`GaborBank.filter`; a tensor stays on its device and
            passes gradients.
        channel_axis : int, optional
            Axis of colour, which moves in front of the coefficients.

        Returns
        -------
        array or tensor (..., C, h, w)
            Of the image's precision, in the order of :attr:`paths`; h is H / 2**J, rounded up
            (kymatio: down). With ``oversampling`` 2**(J - oversampling) takes the place of 2**J,
            with ``cells`` h and w are that number.

        Raises
        ------
        ImageError
            As :meth:`GaborBank.filter`.
        FeatureError
            If a picture has fewer than ``2**J`` pixels along a side, in kymatio's convention.
        """
        library = library_of(image)
        planes = with_leading_channels(library, library.promote(image), channel_axis)
        library.check_finite(planes)
        leading, shape = tuple(planes.shape[:-2]), tuple(planes.shape[-2:])
        filters = self.filters(shape, library.double(planes))
        coefficients = scatter(planes.reshape(-1, *shape), filters, self.boundary, self.places)
        return coefficients.reshape(*leading, *coefficients.shape[1:])

    def describe(self, image: Array, *, channel_axis: int | None = None) -> Features:
        """Coefficients with their names; maps (..., C, h, w), or values where ``cells`` is 1.

        With ``channel_axis`` the channels lie side by side, named ``c0 ...``, ``c1 ...``.

        Examples
        --------
        >>> import numpy as np
        >>> features = Scattering(J=2, L=4, cells=1).describe(np.eye(20))
        >>> features.shape, features.names[1]
        ((25,), '2.667 px, 0°')
        """
        coefficients = self.transform(image, channel_axis=channel_axis)
        names = [path.name for path in self.paths]
        if channel_axis is not None:
            channels = coefficients.shape[-4]
            coefficients = coefficients.reshape(
                *coefficients.shape[:-4], -1, *coefficients.shape[-2:]
            )
            names = [f"c{c} {name}" for c in range(channels) for name in names]
        if self.cells == 1:
            return Features(coefficients[..., 0, 0], names)
        return Features(coefficients, names, maps=True)

    def plot(
        self,
        coefficients: Array,
        *,
        pictures: Sequence[Array] | None = None,
        labels: Sequence[str] | None = None,
    ) -> Figure:
        """Draw coefficients as discs, one row a picture, one disc an order.

        Rings stand for wavelengths, the longest at the centre, and sectors for directions. A cell
        of the disc of order 2 shows the wavelets that follow: rings for their wavelengths, sectors
        for their directions, from 0 on.

        Parameters
        ----------
        coefficients : array or tensor (C, h, w) or (N, C, h, w)
            Of this transform; drawn are their means.
        pictures : sequence of arrays, optional
            N of them, drawn in front of the discs.
        labels : sequence of str, optional
            A name for each row.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        FeatureError
            If the bank is no grid of scales and orientations, or something does not fit.

        References
        ----------
        Bruna and Mallat (2013), "Invariant scattering convolution networks", IEEE TPAMI 35(8),
        1872-1886, figures 3 and 5.

        Examples
        --------
        >>> import numpy as np
        >>> scattering = Scattering(J=3, L=4)
        >>> figure = scattering.plot(scattering(np.eye(32)))
        >>> [axes.get_title() for axes in figure.axes if axes.get_title()]
        ['order 1', 'order 2']
        """
        from .drawing import plot_scattering  # which loads matplotlib

        return plot_scattering(self, coefficients, pictures=pictures, labels=labels)

    def filters(self, shape: tuple[int, int], double: bool = False) -> Filters:
        """What pictures of a shape are multiplied with; the last eight are kept."""
        return make_filters(self, (int(shape[0]), int(shape[1])), bool(double))

    def coverage(self, shape: tuple[int, int]) -> RealArray:
        """Factor by which wavelets and low-pass multiply the energy of each wave.

        The Littlewood-Paley sum ``|phi|^2 + 1/2 sum (|psi(f)|^2 + |psi(-f)|^2)`` on the torus
        of the padded picture, float64, frequencies in the order of ``numpy.fft``.

        Examples
        --------
        >>> import numpy as np
        >>> bool(np.allclose(Scattering(J=3).coverage((32, 48)), 1))
        True
        """
        rows, columns = _axes(self, shape)
        torus, deviation = (rows.padded, columns.padded), LOWPASS * 2**self.J
        wavelets = energy(self.wavelets, self.scales, torus, True)
        if self.tight:
            wavelets *= filling(self.wavelets, self.scales, torus, deviation, True) ** 2
        return _gain(self) ** 2 * (wavelets + lowpass_energy(torus, deviation))


@lru_cache(maxsize=8)
def make_filters(plan: Scattering, shape: tuple[int, int], double: bool) -> Filters:
    """See :meth:`Scattering.filters`."""
    return build(
        plan.wavelets,
        plan.scales,
        _axes(plan, shape),
        LOWPASS * 2**plan.J,
        order=plan.order,
        tight=plan.tight,
        cells=plan.cells,
        gain=_gain(plan),
        double=double,
    )


def _gain(plan: Scattering) -> float:
    return KYMATIO_GAIN if plan.convention == "kymatio" else 1.0


def _axes(plan: Scattering, shape: tuple[int, int]) -> tuple[Axis, Axis]:
    step = 2 ** (plan.J - plan.oversampling)
    if plan.convention == "kymatio":
        if min(shape) < 2**plan.J:
            raise FeatureError(
                f"pictures of {shape[0]} x {shape[1]} pixels are smaller than 2**J = {2**plan.J}, "
                "which kymatio does not take; use a smaller J, or Scattering(J)"
            )
        return kymatio_axis(shape[0], plan.J, step), kymatio_axis(shape[1], plan.J, step)
    wrap = plan.boundary == "wrap" and all(size % 2**plan.J == 0 for size in shape)
    height, width = (centred_axis(size, plan.J, step, wrap=wrap) for size in shape)
    return height, width
