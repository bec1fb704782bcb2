"""Decode NIfTI (by nibabel) and DICOM (by pydicom): values, and where they lie in the patient.

Values are those that the file means: what is stored times the file's own slope, plus its
intercept. Where both are whole numbers, integers stay integers.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import PictureError
from ...extras import optional

#: Millimetres of NIfTI's units of length; files that name none are in millimetres.
MILLIMETRES = {"unknown": 1.0, "mm": 1.0, "meter": 1000.0, "micron": 0.001}

#: From a patient's left, back and head, as in DICOM, to right, front and head, as in NIfTI.
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


class Scan(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    values : array (..., Z, Y, X) or (..., Z, Y, X, 3)
    affine : float64 array (4, 4), optional
        From voxel (x, y, z) to millimetres to the right, front and head.
    colour : bool
        Whether the last axis is that of red, green and blue.
    """

    values: NDArray[Any]
    affine: NDArray[np.float64] | None
    colour: bool = False


def is_dicom(head: bytes) -> bool:
    """Whether a file that begins so is one of DICOM's part 10."""
    return head[128:132] == b"DICM"


def is_nifti(head: bytes) -> bool:
    """Whether a file that begins so is NIfTI in one file, plain or compressed by gzip."""
    return head.startswith(b"\x1f\x8b") or head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0"


def decode_nifti(
    stream: IO[bytes], check_size: Callable[[int], None], number: int | None
) -> NDArray[Any]:
    """Pages (..., H, W[, 3]) of a NIfTI file: rows along its y, columns along its x."""
    return _page(read_nifti(stream, check_size), number)


def decode_dicom(
    stream: IO[bytes], check_size: Callable[[int], None], number: int | None
) -> NDArray[Any]:
    """The picture (H, W[, 3]) of a DICOM file, or its frames (frames, H, W[, 3])."""
    dataset = read_dicom(stream)
    return _page(Scan(dicom_values(dataset, check_size), None, is_coloured(dataset)), number)


def _page(scan: Scan, number: int | None) -> NDArray[Any]:
    values = scan.values
    pages = values.reshape(-1, *values.shape[-3 if scan.colour else -2 :])
    if number is None:
        return pages[0] if len(pages) == 1 else values
    if number >= len(pages):
        raise PictureError(f"has {len(pages)} pages; their numbers are 0 to {len(pages) - 1}")
    return pages[number]


# ---- NIfTI ----


def read_nifti(stream: IO[bytes], check_size: Callable[[int], None]) -> Scan:
    """Values and place of a NIfTI file.

    Raises
    ------
    PictureError
        If nibabel is not installed, or the file is gzip of something else.
    """
    image = _opened(stream)
    check_size(math.prod(map(int, image.shape)))
    values = np.asanyarray(image.dataobj)
    colour = values.dtype.names is not None
    if values.dtype.names:  # red, green, blue (, alpha)
        channels = np.dtype(values.dtype[0])
        values = values.view((channels, len(values.dtype.names)))
        values = np.moveaxis(values, -1, 0)
    return Scan(values.T, _affine(image), colour)


def nifti_spacing(stream: IO[bytes]) -> tuple[float, float]:
    """Millimetres from row to row and from column to column of a NIfTI file."""
    column, row, _ = np.linalg.norm(_affine(_opened(stream))[:3, :3], axis=0)
    return float(row), float(column)


def _opened(stream: IO[bytes]) -> Any:
    """NIfTI, plain or compressed, whose values are not read yet."""
    nibabel = optional("nibabel", PictureError)
    start = stream.read(2)
    stream.seek(0)
    opened: Any = gzip.GzipFile(fileobj=stream) if start == b"\x1f\x8b" else stream
    head = opened.read(348)
    opened.seek(0)
    if not is_nifti(head) or head.startswith(b"\x1f\x8b"):
        raise PictureError("is compressed by gzip, and no NIfTI inside; gunzip it first")
    kind = nibabel.Nifti2Image if head[4:8] == b"n+2\0" else nibabel.Nifti1Image
    return kind.from_stream(opened)


def _affine(image: Any) -> NDArray[np.float64]:
    affine = np.array(image.affine, dtype=np.float64)
    affine[:3] *= MILLIMETRES.get(image.header.get_xyzt_units()[0], 1.0)
    return affine


# ---- DICOM ----


def read_dicom(stream: IO[bytes], *, pixels: bool = True) -> Any:
    """The data set of a DICOM file, of which pixels are decoded later.

    Raises
    ------
    PictureError
        If pydicom is not installed, or the file holds no picture.
    """
    pydicom = optional("pydicom", PictureError)
    dataset = pydicom.dcmread(stream, stop_before_pixels=not pixels)
    if "Rows" not in dataset or (pixels and "PixelData" not in dataset):
        kind = getattr(getattr(dataset, "file_meta", None), "MediaStorageSOPClassUID", "")
        raise PictureError(
            f"is DICOM without a picture ({getattr(kind, 'name', '') or 'of no known kind'}); "
            "files of CT, MR, PET, X-ray and the like work"
        )
    return dataset


def dicom_values(dataset: Any, check_size: Callable[[int], None]) -> NDArray[Any]:
    """Values (H, W[, 3]) or (frames, H, W[, 3]), by the file's slope and intercept.

    Raises
    ------
    PictureError
        If pydicom lacks what decodes the file's compression.
    """
    pixels = optional("pydicom.pixels", PictureError)
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    check_size(frames * int(dataset.Rows) * int(dataset.Columns))
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        values: NDArray[Any] = dataset.pixel_array
    except (NotImplementedError, RuntimeError, AttributeError) as cause:
        if not syntax.is_compressed:
            raise
        raise PictureError(
            f"is compressed as {syntax.name}, which is not decoded "
            f"({' '.join(str(cause).split()):.100}); pip install pylibjpeg[all] brings decoders"
        ) from cause
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        return np.asarray(pixels.apply_color_lut(values, dataset))
    if "ModalityLUTSequence" in dataset:
        return np.asarray(pixels.apply_modality_lut(values, dataset))
    rescales = np.array(_rescales(dataset))
    if (rescales == rescales[0]).all():
        rescales = rescales[:1]
    elif len(rescales) != frames:
        raise PictureError(
            f"has {frames} frames and rescale slopes for {len(rescales)}; an intact copy works"
        )
    if (rescales == (1, 0)).all():
        return values
    slopes, intercepts = (column.reshape(-1, *(values.ndim - 1) * [1]) for column in rescales.T)
    bits = int(dataset.BitsStored)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if values.dtype.kind == "i" else (0, 2**bits)
    ends = [slope * end + intercept for slope, intercept in rescales for end in (low, high - 1)]
    if (rescales % 1).any() or max(map(abs, ends)) > 2**62:
        return np.asarray(values * slopes + intercepts)
    # Integers for all that so many bits may mean, whatever this picture holds of it.
    dtype = next(
        kind
        for kind in (np.uint8, np.int16, np.uint16, np.int32, np.int64)
        if np.iinfo(kind).min <= min(ends) and max(ends) <= np.iinfo(kind).max
    )
    whole = values.astype(np.int64) * slopes.astype(np.int64) + intercepts.astype(np.int64)
    return np.asarray(whole.astype(dtype))


def _rescales(dataset: Any) -> list[tuple[float, float]]:
    """Slope and intercept of what each frame's stored values mean, or of all frames' together.

    A grid of doses has a slope alone, to gray.
    """
    if dataset.get("DoseGridScaling"):
        return [(float(dataset.DoseGridScaling), 0.0)]
    shared = _groups(dataset, "SharedFunctionalGroupsSequence")
    rescales = []
    for frame in _groups(dataset, "PerFrameFunctionalGroupsSequence") or [dataset]:
        sources = [frame, *shared, dataset]
        slope, intercept = (
            _value(sources, name, "PixelValueTransformationSequence")
            for name in ("RescaleSlope", "RescaleIntercept")
        )
        rescales.append((float(slope or 1), float(intercept or 0)))
    return rescales


def is_coloured(dataset: Any) -> bool:
    """Whether the values of a DICOM file have an axis of colours."""
    palette = dataset.get("PhotometricInterpretation") == "PALETTE COLOR"
    return palette or int(dataset.get("SamplesPerPixel", 1)) > 1


def dicom_spacing(dataset: Any) -> tuple[float, float] | None:
    """Millimetres from row to row and from column to column of a DICOM file."""
    sources = [dataset, *_groups(dataset, "SharedFunctionalGroupsSequence")]
    for name in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        spacing = _value(sources, name, "PixelMeasuresSequence")
        if spacing:
            return float(spacing[0]), float(spacing[1])
    return None


def dicom_thickness(dataset: Any) -> float | None:
    """Millimetres through a slice of a DICOM file."""
    groups = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
    sources = [dataset, *(group for name in groups for group in _groups(dataset, name))]
    thickness = _value(sources, "SliceThickness", "PixelMeasuresSequence")
    return float(thickness) if thickness else None


def dicom_affines(dataset: Any) -> list[NDArray[np.float64]] | None:
    """Affine (4, 4) of each frame, its third column of length 0; None without geometry."""
    shared = _groups(dataset, "SharedFunctionalGroupsSequence")
    frames = _groups(dataset, "PerFrameFunctionalGroupsSequence") or [dataset]
    affines = []
    # A grid of doses says how far its planes are from the first.
    offsets = np.array(dataset.get("GridFrameOffsetVector") or [0.0], dtype=float)
    for frame in frames:
        sources = [frame, *shared, dataset]
        position = _value(sources, "ImagePositionPatient", "PlanePositionSequence")
        axes = _value(sources, "ImageOrientationPatient", "PlaneOrientationSequence")
        spacing = _value(sources, "PixelSpacing", "PixelMeasuresSequence")
        if position is None or axes is None or spacing is None:
            return None
        rows, columns = map(float, spacing)
        affine = np.eye(4)
        affine[:3, 0] = np.array(axes[:3], dtype=float) * columns
        affine[:3, 1] = np.array(axes[3:], dtype=float) * rows
        affine[:3, 2] = 0
        normal = np.cross(affine[:3, 0], affine[:3, 1]) / (rows * columns)
        for offset in offsets - offsets[0]:
            affine[:3, 3] = np.array(position, dtype=float) + offset * normal
            affines.append(LPS_TO_RAS @ affine)
    return affines


def _groups(dataset: Any, name: str) -> list[Any]:
    return list(dataset.get(name) or [])


def _value(sources: list[Any], name: str, group: str) -> Any:
    """An attribute of the first data set that has it, itself or in a functional group."""
    for source in sources:
        for holder in (source, *_groups(source, group)):
            if holder.get(name) is not None:
                return holder.get(name)
    return None
