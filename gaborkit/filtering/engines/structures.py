"""What the compiled code shares with Python: structures, as they lie in memory, and functions.

Nothing here imports NumPy, so that a command can tell in no time what there is.
"""

from __future__ import annotations

import ctypes
import functools
import warnings
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import FilterError

# As the enumerations of separable.c.
PARTS = ("complex", "real", "imag", "magnitude", "energy", "split")
USES = ("stored", "summed", "compared")
KINDS = ("halve_rows", "halve_columns", "filter", "twice")


class Bank(ctypes.Structure):
    """Row passes, column passes and mix."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("radius", "row_filters", "products")),
        *((name, ctypes.c_int32) for name in ("row_groups", "column_groups")),
        *((name, ctypes.c_void_p) for name in ("groups", "taps", "starts", "terms")),
        *((name, ctypes.c_void_p) for name in ("weights", "biases")),
    )


class Picture(ctypes.Structure):
    """Images and the sources of their padded rows and columns."""

    _fields_ = (
        ("image", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("image_stride", "stride", "images")),
        *((name, ctypes.c_int64) for name in ("height", "width")),
        *((name, ctypes.c_void_p) for name in ("rows", "columns", "levels")),
    )


class Job(ctypes.Structure):
    """Where responses go."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("outs", "indices", "names")),
        *((name, ctypes.c_int64) for name in ("out_stride", "skipped", "band", "split")),
        ("sums", ctypes.c_void_p),
        ("sums_step", ctypes.c_int64),
        *((name, ctypes.c_int32) for name in ("part", "use", "kernels")),
    )


class Filtering(ctypes.Structure):
    """Work of a stage ``filter``."""

    _fields_ = (("bank", Bank), ("picture", Picture), ("job", Job))


class Halving(ctypes.Structure):
    """Work of the stages ``halve_rows`` and ``halve_columns``."""

    _fields_ = (
        ("picture", Picture),
        *((name, ctypes.c_void_p) for name in ("taps", "between", "out")),
        *((name, ctypes.c_int64) for name in ("rows_out", "columns_out")),
        ("count", ctypes.c_int32),
    )


class Doubling(ctypes.Structure):
    """Work of a stage ``twice``."""

    _fields_ = (
        ("job", Job),
        *((name, ctypes.c_void_p) for name in ("coarse", "taps", "biases")),
        *((name, ctypes.c_int64) for name in ("coarse_height", "coarse_width")),
        *((name, ctypes.c_int64) for name in ("first_row", "first_column", "height", "width")),
        *((name, ctypes.c_int32) for name in ("count", "together")),
    )


class Stage(ctypes.Structure):
    """Pieces of work that threads take, once the stages at the places ``after`` are done."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("kind", "waits")),
        *((name, ctypes.c_int64) for name in ("pieces", "next", "done")),
        *((name, ctypes.c_void_p) for name in ("after", "work")),
    )


class Transform(ctypes.Structure):
    """A size, its factors and the roots of unity, or a chirp and a longer transform."""

    _fields_ = (
        ("size", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("factors", "roots", "longer", "chirp", "response")),
    )


class Lowpass(ctypes.Structure):
    """A matrix, and where its rows matter."""

    _fields_ = (
        ("outputs", ctypes.c_int64),
        ("values", ctypes.c_void_p),
        ("ranges", ctypes.c_void_p),
    )


class ScatteringStep(ctypes.Structure):
    """A step of a scattering transform."""

    _fields_ = (
        *((name, Transform) for name in ("down", "across")),
        *((name, Lowpass) for name in ("low_down", "low_across")),
        *((name, ctypes.c_int64) for name in ("finer_height", "finer_width", "tiles")),
        *((name, ctypes.c_void_p) for name in ("places", "ranges", "values", "channels")),
        ("seconds", ctypes.c_void_p),
        *((name, ctypes.c_int32) for name in ("members", "second_count", "is_first")),
    )


class Gathering(ctypes.Structure):
    """Transfer functions of kernels on a torus."""

    _fields_ = (
        *((name, Transform) for name in ("down", "across")),
        *((name, ctypes.c_void_p) for name in ("columns", "rows", "arcs", "gauss", "weights")),
        ("stride", ctypes.c_int64),
        *((name, ctypes.c_int32) for name in ("kernel_count", "gaussian_count")),
    )


#: Whose sizes are compared with those of the compiled code.
STRUCTURES = (
    *(Bank, Picture, Job, Filtering, Halving, Doubling, Stage),
    *(Transform, Lowpass, ScatteringStep, Gathering),
)

_POINTER, _COUNT = ctypes.c_void_p, ctypes.c_int64

_QUADRATURE = (_POINTER, *2 * (_COUNT,), _POINTER, *3 * (_COUNT,), _POINTER)

#: Functions that work at each pixel, by their precision, with their arguments.
PIXELWISE: dict[str, tuple[Any, ...]] = {
    "angles_float": (*2 * (_POINTER,), *2 * (_COUNT,), _POINTER),
    "double_angles_float": (_POINTER, *4 * (_COUNT,), *2 * (_POINTER,), ctypes.c_float, _POINTER),
    "add_quadrature_float": _QUADRATURE,
    "add_quadrature_double": _QUADRATURE,
}

#: Functions of InLanes, with their results and arguments.
IN_LANES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "scatter_pictures": (
        None,
        (_POINTER, ctypes.c_int32, *2 * (_POINTER, _COUNT), _COUNT, *2 * (_POINTER,)),
    ),
    "scatter_step": (None, (*5 * (_POINTER,), *2 * (ctypes.c_int32,))),
    "scatter_memory": (_COUNT, (_POINTER,)),
    "scatter_spectra": (_COUNT, (_POINTER,)),
    "gather": (None, (*4 * (_POINTER,), *2 * (ctypes.c_int32,))),
    "gather_memory": (_COUNT, (_POINTER, *2 * (ctypes.c_int32,))),
}


class InLanes(NamedTuple):
    """Compiled functions that transform eight lines side by side, in one precision.

    Attributes
    ----------
    scatter_pictures : function
        All steps of a scattering transform of some pictures.
    scatter_step : function
        A step of one picture, or of a part of the step's members.
    scatter_memory, scatter_spectra : function
        Bytes that a step works in, and of the spectra of moduli that it leaves for the next.
    gather : function
        The sum over kernels of the conjugate transfer function times the channel's transform.
    gather_memory : function
        Bytes that it works in.
    """

    scatter_pictures: Any
    scatter_step: Any
    scatter_memory: Any
    scatter_spectra: Any
    gather: Any
    gather_memory: Any


class Performers(NamedTuple):
    """The compiled functions, for the widest registers that the processor has.

    Attributes
    ----------
    by_dtype : dict of str to function
        Of each precision; empty if there is no compiled code.
    state : str
        What there is, or why there is nothing, in a few words.
    pixelwise : dict of str to function
        What works at each pixel, by the names of PIXELWISE; empty if there is no compiled code.
    in_lanes : dict of str to InLanes
        Of each precision; empty if there is no compiled code.
    """

    by_dtype: dict[str, Any]
    state: str
    pixelwise: dict[str, Any] = {}  # noqa: RUF012
    in_lanes: dict[str, InLanes] = {}  # noqa: RUF012


def available_here() -> bool:
    """Whether the compiled code is installed and runs on this machine."""
    return bool(performers().by_dtype)


@functools.cache
def performers() -> Performers:
    """The compiled code; a file that does not fit is not used, and a warning says so."""
    state = "not compiled here"
    for path in sorted(Path(__file__).parent.glob("_separable.*")):
        try:
            return _loaded(path)
        except OSError:
            state = f"{path.name} is of another kind of machine, or damaged"
        except (AttributeError, ValueError):
            state = f"{path.name} is of another version of gaborkit, or damaged"
        message = f"{state}; slower engines filter instead; install gaborkit again"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    return Performers({}, state)


def _loaded(path: Path) -> Performers:
    """The functions of a file; OSError, AttributeError or ValueError if it does not fit."""
    library = ctypes.CDLL(str(path))
    width = library.vector_bytes()
    sizes = (ctypes.c_int64 * len(STRUCTURES)).in_dll(library, f"structure_sizes_{width}")
    if list(sizes) != [ctypes.sizeof(structure) for structure in STRUCTURES]:
        raise AttributeError("structures of other sizes")
    by_dtype, in_lanes = {}, {}
    for dtype, precision in (("float32", "float"), ("float64", "double")):
        perform = getattr(library, f"perform_{precision}_{width}")
        perform.argtypes = (ctypes.c_void_p, *3 * (ctypes.c_int32,), ctypes.c_void_p)
        perform.restype = ctypes.c_int
        by_dtype[dtype] = perform
        functions = {name: getattr(library, f"{name}_{precision}_{width}") for name in IN_LANES}
        for name, function in functions.items():
            function.restype, function.argtypes = IN_LANES[name]
        in_lanes[dtype] = InLanes(**functions)
    pixelwise = {}
    for name, arguments in PIXELWISE.items():
        pixelwise[name] = getattr(library, f"{name}_{width}")
        pixelwise[name].argtypes, pixelwise[name].restype = arguments, None
    return Performers(by_dtype, f"compiled, registers of {8 * width} bits", pixelwise, in_lanes)


def missing() -> str:
    """Why the compiled engines cannot run, as the line of an error."""
    return (
        f"engine='separable' and 'pyramid' cannot run ({performers().state}); install gaborkit "
        "with pip on a platform that Zig compiles for, or choose engine='fourier'"
    )


def performer(dtype: str) -> Any:
    """The compiled function of a precision, ``float32`` or ``float64``.

    Raises
    ------
    FilterError
        If there is no compiled code.
    """
    by_dtype = performers().by_dtype
    if not by_dtype:
        raise FilterError(missing())
    return by_dtype[dtype]
