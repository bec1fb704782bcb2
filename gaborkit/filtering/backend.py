"""The few verbs that filtering needs of an array library, for NumPy and for torch.

The type of the image picks the library; torch is looked up among the imported modules, never
imported.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from ..errors import ImageError
from ..types import Array


class Library(Protocol):
    """Verbs of one array library, bound to the device of the image that picked it."""

    name: ClassVar[str]
    device: Any

    def promote(self, image: Array) -> Array:
        """The image in a floating dtype that is filtered; integers keep their values."""

    def check_finite(self, image: Array, unit: str = "pixels") -> None:
        """Raise ImageError for NaN and infinity, where looking for them costs no more than time."""

    def double(self, image: Array) -> bool:
        """Whether the image has double precision."""

    def constant(self, values: Array, double: bool, real: bool = False) -> Array:
        """``values`` on the image's device, complex or real, in double or single precision."""

    def fft(self, array: Array, size: int, axis: int) -> Array:
        """Discrete Fourier transform along an axis, padded with zeros to ``size``."""

    def ifft(self, array: Array, axis: int) -> Array:
        """Inverse of :meth:`fft`."""

    def fast_size(self, size: int) -> int:
        """A size at least as large whose transform is fast."""

    def take(self, array: Array, index: np.ndarray[Any, Any], axis: int) -> Array:
        """Elements along an axis."""

    def pad_zeros(self, image: Array, margin: int) -> Array:
        """Zeros around the two last axes."""

    def stack(self, arrays: list[Array], axis: int) -> Array:
        """Arrays joined along a new axis."""

    def concatenate(self, arrays: list[Array], axis: int) -> Array:
        """Arrays joined along an axis that they have."""

    def moveaxis(self, array: Array, source: int, destination: int) -> Array:
        """An axis moved."""


@dataclass
class NumpyLibrary:
    """NumPy arrays, with SciPy's transforms."""

    name: ClassVar[str] = "numpy"

    workers: int = -1  # threads of a transform; -1 for one a core
    device: Any = None

    def promote(self, image: Array) -> Array:
        if type(image) is not np.ndarray or image.dtype.kind not in "biuf":
            image = as_array(image)
        return image.astype(promoted(image.dtype), copy=False)

    def check_finite(self, image: Array, unit: str = "pixels") -> None:
        wrong = image.size - np.count_nonzero(np.isfinite(image))
        if wrong:
            advice = "replace them, with numpy.nan_to_num or skimage.restoration.inpaint_biharmonic"
            if wrong == image.size:
                advice = "nothing is left to look at: see how the picture was made or read"
            raise ImageError(f"{wrong} of {image.size} {unit} are NaN or infinite; {advice}")

    def double(self, image: Array) -> bool:
        return bool(image.dtype == np.float64)

    def constant(self, values: Array, double: bool, real: bool = False) -> Array:
        if real:
            return np.asarray(values, np.float64 if double else np.float32)
        return np.asarray(values, np.complex128 if double else np.complex64)

    def fft(self, array: Array, size: int, axis: int) -> Array:
        import scipy.fft

        return scipy.fft.fft(array, size, axis, workers=self.workers)

    def ifft(self, array: Array, axis: int) -> Array:
        import scipy.fft

        return scipy.fft.ifft(array, axis=axis, workers=self.workers, overwrite_x=True)

    def hfft(self, array: Array, size: int, axis: int) -> Array:
        """Real transform of a line that is the conjugate of its mirror image, from its half."""
        import scipy.fft

        return scipy.fft.hfft(array, size, axis, workers=self.workers)

    def fast_size(self, size: int) -> int:
        import scipy.fft

        return int(scipy.fft.next_fast_len(size))

    def take(self, array: Array, index: np.ndarray[Any, Any], axis: int) -> Array:
        return np.take(array, index, axis)

    def pad_zeros(self, image: Array, margin: int) -> Array:
        return np.pad(image, [(0, 0)] * (image.ndim - 2) + [(margin, margin)] * 2)

    def stack(self, arrays: list[Array], axis: int) -> Array:
        return np.stack(arrays, axis)

    def concatenate(self, arrays: list[Array], axis: int) -> Array:
        return np.concatenate(arrays, axis)

    def moveaxis(self, array: Array, source: int, destination: int) -> Array:
        return np.moveaxis(array, source, destination)


class TorchLibrary:
    """Torch tensors on the image's own device, with gradients."""

    name: ClassVar[str] = "torch"

    def __init__(self, image: Array) -> None:
        self.torch: Any = sys.modules["torch"]
        self.device: Any = image.device

    def promote(self, image: Array) -> Array:
        return image.to(getattr(self.torch, promoted(image.dtype).name))

    def check_finite(self, image: Array, unit: str = "pixels") -> None:
        pass  # an answer would stall a GPU

    def double(self, image: Array) -> bool:
        return bool(image.dtype == self.torch.float64)

    def constant(self, values: Array, double: bool, real: bool = False) -> Array:
        kind = ("float64" if double else "float32") if real else f"complex{128 if double else 64}"
        return put(values, self.device, kind)

    def fft(self, array: Array, size: int, axis: int) -> Array:
        return torch_transform(self.torch.fft.fft, array, size, axis)

    def ifft(self, array: Array, axis: int) -> Array:
        return torch_transform(self.torch.fft.ifft, array, dim=axis)

    def fast_size(self, size: int) -> int:
        return fast_size(size)

    def take(self, array: Array, index: np.ndarray[Any, Any], axis: int) -> Array:
        return array.index_select(axis, put(index, self.device, "int64"))

    def pad_zeros(self, image: Array, margin: int) -> Array:
        return self.torch.nn.functional.pad(image, (margin,) * 4)

    def stack(self, arrays: list[Array], axis: int) -> Array:
        return self.torch.stack(arrays, axis)

    def concatenate(self, arrays: list[Array], axis: int) -> Array:
        return self.torch.cat(arrays, axis)

    def moveaxis(self, array: Array, source: int, destination: int) -> Array:
        return array.movedim(source, destination)


def torch_transform(
    transform: Callable[..., Array], array: Array, *args: Any, **kwargs: Any
) -> Array:
    """A transform of images (..., H, W), also of none, which some builds of oneMKL refuse."""
    if 0 not in array.shape:
        return transform(array, *args, **kwargs)
    added = [pad for size in reversed(array.shape) for pad in (0, int(size == 0))]
    filled = transform(sys.modules["torch"].nn.functional.pad(array, added), *args, **kwargs)
    return filled[tuple(slice(0) if size == 0 else slice(None) for size in array.shape)]


def check_unmasked(image: Any) -> None:
    """Raise ImageError for a masked array with something masked: the rest would lose its mask."""
    masked = sys.modules.get("numpy.ma")  # slow to import, and needed to make a masked array
    if masked and isinstance(image, masked.MaskedArray) and masked.is_masked(image):
        raise ImageError(
            f"{np.count_nonzero(masked.getmaskarray(image))} pixels are masked; "
            "fill them first, with image.filled(value) for example"
        )


def is_dask(image: Any) -> bool:
    """Whether an image is a Dask array, which stays one where blocks can be worked on.

    Raises
    ------
    ImageError
        If its shape is not known.
    """
    dask = sys.modules.get("dask.array")
    if dask is None or not isinstance(image, dask.Array):
        return False
    if any(size != size for size in image.shape):  # NaN
        raise ImageError(
            f"a Dask array of shape {image.shape} has chunks of unknown size; "
            "array.compute_chunk_sizes() finds them"
        )
    return True


def as_array(image: Any) -> np.ndarray[Any, Any]:
    """What NumPy makes of an image, such as Pillow's or lists of numbers.

    Raises
    ------
    ImageError
        If it is a path, nothing, or images of several shapes; if it is masked, or a Dask array.

    Examples
    --------
    >>> as_array("a.png")
    Traceback (most recent call last):
    gaborkit.errors.ImageError: 'a.png' is a path, no image; give gaborkit.read_image('a.png')
    """
    check_unmasked(image)
    if is_dask(image):
        raise ImageError(
            "a Dask array would be loaded as a whole here; give array.compute() (filter, "
            "responses, statistics, strongest, luminance and filter_large take it by blocks)"
        )
    members = image if isinstance(image, (list, tuple)) else [image]
    _check_images(members)
    try:
        array = np.asarray(image)
    except ValueError as cause:  # lists within it differ in length
        shapes = [getattr(member, "shape", None) for member in members]
        told = f" {shapes[0]} and {shapes[-1]}" if shapes[0] != shapes[-1] else "s that differ"
        raise ImageError(
            f"images of shape{told} are no array; give them one by one, or bring them to one size"
        ) from cause
    if array.dtype.kind in "OSU":
        _check_images(member for member in array.flat if not _is_number(member))
    return array


def _is_number(value: Any) -> bool:
    """Whether it is one, or a text of one or of nothing, which is no path."""
    try:
        float(value)
    except (TypeError, ValueError):
        return isinstance(value, (str, bytes)) and not value
    return True


def _check_images(members: Iterable[Any]) -> None:
    for member in members:
        if isinstance(member, (str, bytes, os.PathLike)):
            path = os.fspath(member)
            # NumPy's texts have a representation of their own.
            path = repr(str(path) if isinstance(path, str) else bytes(path))[:100]
            raise ImageError(f"{path} is a path, no image; give gaborkit.read_image({path})")
        if member is None:
            raise ImageError("None is no image; give an array (..., H, W)")


def promoted(dtype: Any) -> np.dtype[np.floating[Any]]:
    """Precision in which pixels of a dtype, NumPy's or torch's, are filtered.

    float32 holds integers of 8 and 16 bits exactly; wider ones become float64.

    Raises
    ------
    ImageError
        If they cannot be.

    Examples
    --------
    >>> promoted("uint16").name, promoted(np.int32).name
    ('float32', 'float64')
    """
    if isinstance(dtype, np.dtype) and dtype.isnative and dtype.char in "fd":
        return dtype  # as most are: names of dtypes cost more than all else here
    name = str(dtype).removeprefix("torch.")
    if name.startswith(("bfloat", "float8")):  # of torch, unknown to NumPy
        return np.dtype(np.float32)
    try:
        real = np.dtype(dtype if name == str(dtype) else name)
    except TypeError:  # quantized ones of torch, and what is no dtype
        real = np.dtype(object)
    if real.kind not in "biuf" or real.itemsize > 8:
        raise ImageError(
            f"dtype {name} cannot be filtered; give booleans, integers or floats of at "
            "most 64 bits (the real and imaginary part of a complex image one by one)"
        )
    return np.result_type(real, np.float32)


def followed(image: Array) -> bool:
    """Whether torch has to see what is done to a tensor: it derives, maps or traces it."""
    torch = sys.modules["torch"]
    if image.requires_grad and torch.is_grad_enabled():
        return True
    if traced():
        return True
    if torch.autograd.forward_ad.unpack_dual(image).tangent is not None:
        return True
    try:  # within torch.func, a tensor has no memory
        if image.device.type == "cpu":
            image.detach().numpy()
        elif not image.is_meta:
            image.data_ptr()
    except RuntimeError:
        return True
    except TypeError:  # of a dtype that NumPy lacks
        return False
    return False


def put(values: Array, device: Any, dtype: str) -> Array:
    """Values as a tensor on a device; a GPU is not waited for."""
    torch = sys.modules["torch"]
    # The driver takes its copy of ordinary memory before the call returns.
    waiting = device.type != "cuda"
    if not isinstance(values, torch.Tensor):
        values = torch.as_tensor(values, device="cpu")  # and not on torch's default device
    return values.to(device, getattr(torch, dtype), non_blocking=not waiting)


def traced() -> bool:
    """Whether a compiler or tracer of torch looks on, and has to see operations of torch alone."""
    torch = sys.modules["torch"]
    return bool(torch.compiler.is_compiling() or torch.jit.is_tracing())


def full_precision(device: Any) -> contextlib.AbstractContextManager[object]:
    """Where ``torch.autocast`` is on, a context in which it is off: responses keep their digits."""
    torch = sys.modules["torch"]
    # The compiler of torch before 2.9 does not trace the question, and compiles for what has it.
    known = torch.compiler.is_compiling() or torch.amp.is_autocast_available(device.type)
    if known and torch.is_autocast_enabled(device.type):
        off: contextlib.AbstractContextManager[object] = torch.autocast(device.type, enabled=False)
        return off
    return contextlib.nullcontext()


def fast_size(size: int) -> int:
    """The next product of 2, 3 and 5, whose transform is fast in MKL, pocketfft and cuFFT alike."""
    while True:
        rest = size
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return size
        size += 1


def library_of(image: Array) -> Library:
    """The library that filters ``image``: torch for a tensor, NumPy for all else."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(image, torch.Tensor):
        return TorchLibrary(image)
    return NumpyLibrary()
