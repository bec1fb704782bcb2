"""The filter bank: an ordered tuple of kernels, its constructors, table and file.

A bank only says *which* kernels; how they are applied lies in ``filtering`` and below, whose
functions are its methods.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Self, overload

import numpy as np

from .errors import BankError, GaborkitError, closest
from .filtering.filter import filter_bank, iterate_bank
from .filtering.planner import plan_bank
from .filtering.reductions import bank_statistics, strongest_kernel
from .frame import frame_bank
from .io import strict_json
from .io.files import atomic_write, check_suffix
from .kernels.base import Kernel
from .kernels.gabor import GaborKernel
from .kernels.log_gabor import LogGaborKernel
from .kernels.parameters import number
from .kernels.presets import PRESETS
from .notebook import Pixels, page, sheet, signed_colours
from .types import ComplexArray, RealArray
from .whole_numbers import is_whole

#: Families of kernel by the name that a saved bank calls them.
FAMILIES: dict[str, type[GaborKernel] | type[LogGaborKernel]] = {
    "gabor": GaborKernel,
    "log-gabor": LogGaborKernel,
}

FILE_VERSION = 1

#: Kernels that a notebook shows at most.
MOST_SHOWN = 96

#: Kernels of a bank at most: what 16 bits can number.
MOST = 2**15 - 1


@dataclass(frozen=True, init=False, repr=False)
class GaborBank:
    """An ordered bank of kernels, of one family or several.

    Parameters
    ----------
    kernels : iterable of Kernel
        At least one.

    Raises
    ------
    BankError
        If there is no kernel, more than 32,767, or something else among them.

    Examples
    --------
    >>> bank = GaborBank.grid(scales=2, orientations=4)
    >>> len(bank), bank.labels[1]
    (8, '4 px, 45°')
    >>> print(bank[:2].table())
      k  family  wavelength  frequency  theta  radius
                         px   cycle/px    deg      px
      0  gabor            4       0.25      0      11
      1  gabor            4       0.25     45      11
    """

    kernels: tuple[Kernel, ...]

    def __init__(self, kernels: Iterable[Kernel]) -> None:
        if isinstance(kernels, Kernel):
            raise BankError("a bank takes a list of kernels; give [kernel]")
        # Of a number from a file or a command, so many would be made that it never ends.
        kernels = tuple(itertools.islice(kernels, MOST + 1))
        if len(kernels) > MOST:
            raise BankError(f"a bank of more than {MOST:,} kernels is no bank; give fewer")
        if not kernels:
            raise BankError("a bank of no kernels filters nothing; give at least one GaborKernel")
        for kernel in kernels:
            if not isinstance(kernel, Kernel):
                raise BankError(
                    f"{kernel!r} is not a kernel; give GaborKernel or LogGaborKernel objects"
                )
        object.__setattr__(self, "kernels", kernels)

    # ---- constructors ----

    @classmethod
    def grid(
        cls,
        scales: int = 4,
        orientations: int = 8,
        *,
        wavelength: float = 4.0,
        bandwidth: float = 1.0,
        sigma: float | None = None,
        a: float = 2.0,
        **fields: Any,
    ) -> Self:
        """Dilations a**j of one mother, times rotations over the half circle.

        Parameters
        ----------
        scales, orientations : int
            How many of each. Kernel ``j * orientations + i`` is dilated by ``a**j`` and turned by
            ``i * pi / orientations``: the other half circle holds only complex conjugates.
        wavelength : float
            Of the mother, in pixels: the finest scale. The default, 4 pixels, keeps the upper
            half-response frequency of a one-octave kernel at 1/3 cycle per pixel, well under the
            grid's 1/2.
        bandwidth : float
            Octaves; sets ``sigma`` where that is None.
        sigma : float, optional
            Standard deviation of the mother's envelope, in pixels.
        a : float
            Dilation from one scale to the next, above 1.
        **fields
            ``theta`` (of the first orientation), ``gamma``, ``phase``, ``dc_free``, ``norm``.

        Raises
        ------
        BankError
            If a count is below 1 or ``a`` is not above 1.
        KernelError
            If a kernel parameter is out of range.

        Examples
        --------
        >>> bank = GaborBank.grid(scales=3, orientations=6, wavelength=3)
        >>> [round(1 / k.frequency) for k in bank[::6]]
        [3, 6, 12]
        """
        for name, count in (("scales", scales), ("orientations", orientations)):
            if not is_whole(count, 1):
                raise BankError(f"{name}={count!r} is not a whole number of 1 or more")
        if not (isinstance(a, (int, float, np.number)) and math.isfinite(a) and a > 1):
            raise BankError(f"a={a!r} does not dilate; give a number above 1, such as 2")
        if sigma is None:
            mother = GaborKernel.from_bandwidth(
                wavelength=wavelength, bandwidth=bandwidth, **fields
            )
        else:
            mother = GaborKernel(wavelength=wavelength, sigma=sigma, **fields)
        return cls(
            mother.scaled(a, j).rotated(i * math.pi / orientations)
            for j in range(scales)
            for i in range(orientations)
        )

    @classmethod
    def preset(cls, name: str, **parameters: Any) -> Self:
        """A published bank: ``article``, ``manjunath``, ``kymatio``, ``bob`` or ``kovesi``.

        Parameters
        ----------
        name : str
            See :mod:`gaborkit.kernels.presets` for each bank's source and parameters.
        **parameters
            Passed to the preset.

        Raises
        ------
        BankError
            If the name or a parameter is unknown.

        Examples
        --------
        >>> len(GaborBank.preset("manjunath")), len(GaborBank.preset("kymatio", J=3, L=6))
        (24, 18)
        """
        if name not in PRESETS:
            raise BankError(
                f"preset {name!r} is unknown; choose one of {', '.join(PRESETS)}"
                f"{closest(str(name), PRESETS)}"
            )
        try:
            return cls(PRESETS[name](**parameters))
        except TypeError as error:
            raise BankError(f"preset {name!r}: {error}") from None

    def scaled(self, a: float, j: float = 1) -> Self:
        """The bank with every kernel dilated by ``a**j``.

        So a bank of lengths in millimetres becomes one of pixels ``d`` millimetres apart by
        ``bank.scaled(1 / d)``.

        Raises
        ------
        KernelError
            If a kernel is then out of range.

        Examples
        --------
        >>> round(1 / GaborBank.grid(1, 4, wavelength=4).scaled(1 / 0.5)[0].frequency, 9)
        8.0
        """
        return type(self)(kernel.scaled(a, j) for kernel in self.kernels)

    # ---- a sequence of kernels ----

    def __len__(self) -> int:
        return len(self.kernels)

    def __add__(self, other: GaborBank) -> Self:
        """The kernels of both banks, in order.

        Examples
        --------
        >>> len(GaborBank.grid(2, 4) + GaborBank.preset("manjunath"))
        32
        """
        if not isinstance(other, GaborBank):
            return NotImplemented
        return type(self)((*self.kernels, *other.kernels))

    def __iter__(self) -> Iterator[Kernel]:
        return iter(self.kernels)

    @overload
    def __getitem__(self, index: int) -> Kernel: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Kernel | Self:
        chosen = self.kernels[index]
        return type(self)(chosen) if isinstance(chosen, tuple) else chosen

    def __repr__(self) -> str:
        lengths = [1 / kernel.frequency for kernel in self.kernels]
        angles = {round(math.degrees(number(kernel.theta)) % 180, 3) for kernel in self.kernels}
        kernels = f"{len(self)} kernel{'s' * (len(self) > 1)}"
        directions = f"{len(angles)} direction{'s' * (len(angles) > 1)}"
        span = f"{min(lengths):.4g}"
        if f"{max(lengths):.4g}" != span:
            span += f" to {max(lengths):.4g}"
        return f"GaborBank({kernels}, {span} px, {directions})"

    def thumbnail(self) -> Pixels:
        """Real parts of the first kernels as a small picture, uint8 (H, W, 3)."""
        each = sum(kernel.frequency == self.kernels[0].frequency for kernel in self.kernels)
        cells = [signed_colours(k.thumbnail(16).real) for k in self.kernels[:MOST_SHOWN]]
        return sheet(cells, min(each, 12) if each > 1 else 8)

    def _repr_html_(self) -> str:
        more = f"\nand {len(self) - MOST_SHOWN} more" if len(self) > MOST_SHOWN else ""
        text = f"{self!r}\n{self[:MOST_SHOWN].table()}{more}"
        return page(text, self.thumbnail(), f"Real parts of {self!r}", 2)

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of each channel: wavelength in pixels and theta in degrees."""
        return tuple(kernel.label for kernel in self.kernels)

    def table(self) -> str:
        """A line a kernel, with units, for printing."""
        rows = [
            ("k", "family", "wavelength", "frequency", "theta", "radius"),
            ("", "", "px", "cycle/px", "deg", "px"),
        ]
        for k, kernel in enumerate(self.kernels):
            family, frequency = kernel.to_dict()["family"], kernel.frequency
            theta = round(math.degrees(number(kernel.theta)), 2)
            figures = (f"{1 / frequency:.4g}", f"{frequency:.4g}", f"{theta:g}")
            rows.append((str(k), family, *figures, str(kernel.radius())))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = (
            "  ".join(
                cell.ljust(width) if column == 1 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        )
        return "\n".join(f"  {line}" for line in lines)

    def transfer(self, fy: RealArray, fx: RealArray, *, sampled: bool = False) -> ComplexArray:
        """Transfer functions of all kernels, complex128 (K, ...); see :meth:`Kernel.transfer`."""
        return np.stack([kernel.transfer(fy, fx, sampled=sampled) for kernel in self.kernels])

    # ---- files ----

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready description."""
        kernels = [kernel.to_dict() for kernel in self.kernels]
        return {"gaborkit": "bank", "version": FILE_VERSION, "kernels": kernels}

    @classmethod
    def from_dict(cls, description: Any) -> Self:
        """The bank that :meth:`to_dict` described.

        Raises
        ------
        BankError
            If the description is not one of a bank, or of a newer version.
        """
        if not isinstance(description, dict) or description.get("gaborkit") != "bank":
            raise BankError('this is no gaborkit bank: it lacks {"gaborkit": "bank"}')
        if description.get("version") != FILE_VERSION:
            raise BankError(
                f"bank version {description.get('version')!r} is not {FILE_VERSION}, "
                "the one that this gaborkit reads; update gaborkit"
            )
        entries = description.get("kernels")
        if not isinstance(entries, list):
            raise BankError("the bank's 'kernels' is not a list")
        return cls(_kernel_from_dict(k, entry) for k, entry in enumerate(entries))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the bank as JSON; a failed write leaves an older file as it was.

        Raises
        ------
        BankError
            If the suffix is another than .json.
        PictureError
            If the file cannot be written.
        """
        check_suffix(path, ".json", BankError)
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False)
        with atomic_write(path) as temporary:
            Path(temporary).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a bank that :meth:`save` wrote.

        Raises
        ------
        BankError
            If the file is missing, is not JSON, or does not describe a bank.

        Examples
        --------
        >>> import tempfile
        >>> bank = GaborBank.preset("article")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     bank.save(f"{folder}/bank.json")
        ...     GaborBank.load(f"{folder}/bank.json") == bank
        True
        """
        description = strict_json.read(path, BankError, "GaborBank.save writes a bank")
        try:
            return cls.from_dict(description)
        except GaborkitError as error:
            raise BankError(f"{path}: {error}") from None

    # ---- filtering and frames: these functions take the bank as their first argument ----

    filter = filter_bank
    responses = iterate_bank
    statistics = bank_statistics
    strongest = strongest_kernel
    plan = plan_bank
    frame = frame_bank


def _kernel_from_dict(k: int, entry: Any) -> Kernel:
    if not isinstance(entry, dict):
        raise BankError(f"kernel {k} is {entry!r:.60}, not a JSON object")
    fields = dict(entry)
    family = fields.pop("family", None)
    if not isinstance(family, str) or family not in FAMILIES:
        raise BankError(
            f"kernel {k}: family {family!r:.60} is unknown; known: {', '.join(FAMILIES)}"
        )
    try:
        return FAMILIES[family](**fields)
    except (TypeError, GaborkitError) as error:
        raise BankError(f"kernel {k}: {error}") from None
