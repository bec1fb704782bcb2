"""Volumes with their place in space: read from NIfTI and DICOM series, written as NIfTI."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, PictureError
from ..extras import optional
from .files import StrPath, atomic_write, check_target
from .images import existing_picture, largest_picture, read_image, reading
from .pictures import medical
from .pictures.decoding import quiet, within
from .pictures.folders import warn_of_others
from .pictures.formats import split_page, suffix_of

#: Formats that are written.
NIFTI = (".nii", ".nii.gz")

#: What NIfTI holds on every machine.
STORED = {f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)}
STORED |= {"float32", "float64", "complex64", "complex128"}

#: How far, as a share of a voxel, grids and distances of slices may be from one another.
TOLERANCE = 0.01


@dataclass(frozen=True)
class Volume:
    """Values on a grid in space.

    Parameters
    ----------
    values : array (Z, Y, X)
    affine : float64 array (4, 4)
        From voxel (x, y, z) to millimetres to the right, front and head of a patient, as in NIfTI.

    Raises
    ------
    ImageError
        If the values are not 3-D numbers, or the affine is not one.

    Examples
    --------
    >>> Volume.of(np.zeros((4, 5, 6)), spacing=(2.5, 0.5, 0.5)).spacing
    (2.5, 0.5, 0.5)
    """

    values: NDArray[Any]
    affine: NDArray[np.float64]

    def __post_init__(self) -> None:
        values, affine = np.asarray(self.values), np.asarray(self.affine, dtype=np.float64)
        if values.ndim != 3 or values.dtype.kind not in "buif" or 0 in values.shape:
            raise ImageError(
                f"{values.dtype} values of shape {values.shape} are no volume; (Z, Y, X) works"
            )
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise ImageError(f"an affine of shape {affine.shape} is no finite (4, 4) matrix")
        if abs(np.linalg.det(affine[:3, :3])) == 0:
            raise ImageError("the affine gives voxels no volume; give spacing above 0")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "affine", affine)

    @classmethod
    def of(cls, values: NDArray[Any], spacing: Sequence[float]) -> Volume:
        """A volume whose axes are those of space.

        Parameters
        ----------
        values : array (Z, Y, X)
        spacing : three floats
            Millimetres between voxels along z, y and x.

        Raises
        ------
        ImageError
            If the spacing is not three numbers above 0.
        """
        steps = np.asarray(spacing, dtype=np.float64)
        if steps.shape != (3,) or not (np.isfinite(steps) & (steps > 0)).all():
            raise ImageError(
                f"spacing={spacing!r} is not three distances above 0 along z, y and x; "
                "(2.5, 0.5, 0.5) works"
            )
        return cls(values, np.diag([*steps[::-1], 1.0]))

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres between voxels along z, y and x."""
        x, y, z = (float(step) for step in np.linalg.norm(self.affine[:3, :3], axis=0).round(9))
        return z, y, x

    def with_values(self, values: NDArray[Any]) -> Volume:
        """Other values on the same grid."""
        if values.shape != self.values.shape:
            raise ImageError(
                f"values of shape {values.shape} do not fit a volume of {self.values.shape}"
            )
        return Volume(values, self.affine)

    def check_same_grid(self, other: Volume, name: str = "the mask") -> None:
        """Raise ImageError unless another volume's voxels are where this one's are."""
        if self.values.shape != other.values.shape:
            raise ImageError(
                f"{name} is of {_size(other.values.shape)} voxels, the image of "
                f"{_size(self.values.shape)}; one drawn on the image's own grid works"
            )
        corners = np.array(np.meshgrid(*([0, n - 1] for n in self.values.shape[::-1])))
        corners = np.concatenate([corners.reshape(3, -1), np.ones((1, 8))])
        apart = np.linalg.norm((self.affine - other.affine) @ corners, axis=0).max()
        if apart > TOLERANCE * min(self.spacing):
            own, others = (volume.affine @ corners for volume in (self, other))
            reach = (
                np.abs(own.max(1) - others.max(1)).max(),
                np.abs(own.min(1) - others.min(1)).max(),
            )
            if max(reach) <= TOLERANCE * min(self.spacing):
                raise ImageError(
                    f"{name} is stored along other axes, or the other way along them; one in the "
                    "image's own order works (nibabel.as_closest_canonical brings both to one)"
                )
            raise ImageError(
                f"{name} lies up to {apart:.4g} mm beside the image; one drawn on the image's own "
                "grid works, or resample it to that"
            )


def read_volume(
    source: StrPath, *, spacing: Sequence[float] | None = None, max_pixels: int | None = None
) -> Volume:
    """Read a volume with its place in space.

    Parameters
    ----------
    source : path
        A NIfTI file, a folder that holds one DICOM series, a DICOM file of several frames, or any
        picture of pages, such as TIFF or npy. ``"NAME[k]"`` is volume k of a 4-D NIfTI file.
    spacing : three floats, optional
        Millimetres along z, y and x, instead of the file's; needed for files that say none.
    max_pixels : int, optional
        As of :func:`read_image`.

    Returns
    -------
    Volume
        Values of the file's meaning, (Z, Y, X); of a series the slices lie in the order of space.

    Raises
    ------
    PictureError
        If it cannot be read, is no volume, says no spacing, or is a series with gaps, slices of
        several kinds, or several series.
    ImageError
        If ``spacing`` is not three distances.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_volume(f"{folder}/a.nii.gz", Volume.of(np.eye(4)[None], (3, 1, 1)))
    ...     again = read_volume(f"{folder}/a.nii.gz")
    >>> again.values.shape, again.spacing
    ((1, 4, 4), (3.0, 1.0, 1.0))
    """
    name, number = split_page(source)
    limit = largest_picture(max_pixels)
    with reading(name):
        path = Path(name)
        scan = _read_series(path, limit) if path.is_dir() else _read_file(name, limit)
        values, affine = _one_volume(scan, number), scan.affine
        if affine is None and spacing is None:
            raise PictureError(
                "says no distance between voxels; NIfTI and DICOM do, or "
                "gaborkit.read_volume(..., spacing=(z, y, x)) in mm"
            )
    if affine is None or spacing is not None:
        return Volume.of(values, spacing or ())
    return Volume(values, affine)


def write_volume(path: StrPath, volume: Volume) -> None:
    """Write a volume as NIfTI, whole or not at all.

    Parameters
    ----------
    path : path
        ``.nii`` or ``.nii.gz``.
    volume : Volume
        Booleans are written as 0 and 1 (uint8), float16 as float32; others as they are.

    Raises
    ------
    PictureError
        If the suffix is another, nibabel is not installed, or the file cannot be written.
    """
    if suffix_of(path) not in NIFTI:
        raise PictureError(f"{os.fspath(path)}: volumes are written as .nii or .nii.gz")
    nibabel = optional("nibabel", PictureError)
    check_target(path)
    values = volume.values
    kind = {"bool": "uint8", "float16": "float32"}.get(values.dtype.name, values.dtype.name)
    if kind not in STORED:
        raise ImageError(f"{path}: NIfTI holds no {kind}; astype(numpy.float64) works")
    values = values.astype(kind)
    image = nibabel.Nifti1Image(values.T, volume.affine, dtype=values.dtype)
    image.header.set_xyzt_units("mm")
    packed = suffix_of(path) == ".nii.gz"
    with atomic_write(path) as temporary:
        data = image.to_bytes()
        Path(temporary).write_bytes(gzip.compress(data, 6, mtime=0) if packed else data)


def _read_file(name: str, limit: int) -> medical.Scan:
    path = existing_picture(name)
    with path.open("rb") as stream:
        head = stream.read(352)
        stream.seek(0)
        check_size = within(limit, path.stat().st_size)
        with quiet():
            if medical.is_dicom(head):
                return _stacked([medical.read_dicom(stream)], check_size)
            if medical.is_nifti(head):
                return medical.read_nifti(stream, check_size)
    values = read_image(path, max_pixels=limit)
    return medical.Scan(values, None, values.ndim > 2 and values.shape[-1] <= 4)


def _read_series(folder: Path, limit: int) -> medical.Scan:
    """The one series of a folder."""
    series: dict[str, list[Any]] = {}
    others = []
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        with path.open("rb") as stream, quiet():
            head = stream.read(132)
            stream.seek(0)
            if path.name.startswith(".") or not medical.is_dicom(head):
                others.append(path)
                continue
            try:
                dataset = medical.read_dicom(stream)
            except PictureError:
                others.append(path)
                continue
            series.setdefault(str(dataset.get("SeriesInstanceUID", "")), []).append(dataset)
    if not series:
        raise PictureError("holds no DICOM picture; give the folder of one series, or a file")
    if len(series) > 1:
        kinds = ", ".join(
            f"{len(one)} of {one[0].get('SeriesDescription', '') or uid}"
            for uid, one in list(series.items())[:4]
        )
        raise PictureError(f"holds {len(series)} series ({kinds}); a folder for each of them works")
    warn_of_others(folder, others, ["DICOM pictures"])
    (slices,) = series.values()
    check_size = within(limit, sum(len(one.PixelData) for one in slices))
    check_size(sum(int(one.Rows) * int(one.Columns) for one in slices))
    with quiet():
        return _stacked(slices, check_size)


def _stacked(datasets: list[Any], check_size: Callable[[int], None]) -> medical.Scan:
    """Slices of DICOM files in the order of space, with the affine of the whole."""
    planes: list[NDArray[Any]] = []
    affines: list[NDArray[np.float64]] = []
    for dataset in datasets:
        if medical.is_coloured(dataset):
            raise PictureError("is in colour, and no volume; read_image reads its pictures")
        values = medical.dicom_values(dataset, check_size)
        planes.extend(values.reshape(-1, *values.shape[-2:]))
        affines += medical.dicom_affines(dataset) or []
    if not affines:
        return medical.Scan(np.stack(planes), None)
    if len(planes) != len(affines):
        raise PictureError(
            f"says where {len(affines)} of its {len(planes)} slices lie; give a stack as .tif"
        )
    first = affines[0]
    for plane, affine in zip(planes, affines, strict=True):
        if plane.shape != planes[0].shape or not np.allclose(affine[:3, :2], first[:3, :2]):
            raise PictureError(
                "has slices of several sizes, spacings or directions (such as a scout view); "
                "a folder for each kind works"
            )
    normal = np.cross(first[:3, 0], first[:3, 1])
    normal /= np.linalg.norm(normal)
    heights = np.array([affine[:3, 3] @ normal for affine in affines])
    order = np.argsort(heights, kind="stable")
    steps = np.diff(heights[order])
    if len(steps) and (steps.min() <= 0 or np.ptp(steps) > TOLERANCE * steps.min()):
        raise PictureError(
            f"has slices {steps.min():.4g} to {steps.max():.4g} mm apart: one is missing, or twice "
            "there (several times or echoes are several series); equal distances work"
        )
    affine = affines[order[0]].copy()
    # Of one slice the file may say how thick it is.
    thickness = steps.mean() if len(steps) else medical.dicom_thickness(datasets[0])
    thickness = thickness or np.linalg.norm(first[:3, 0])
    affine[:3, 2] = normal * thickness
    if len(steps):
        last = affines[order[-1]]
        affine[:3, 2] = (last[:3, 3] - affine[:3, 3]) / len(steps)
    values = np.stack([planes[index] for index in order])
    return medical.Scan(values, affine)


def _one_volume(scan: medical.Scan, number: int | None) -> NDArray[Any]:
    values = scan.values
    if scan.colour:
        raise PictureError("is in colour, and no volume; one grey value a voxel works")
    if values.ndim == 2:
        values = values[None]
    volumes = values.reshape(-1, *values.shape[-3:])
    if number is None and len(volumes) == 1:
        return volumes[0]
    if number is None or number >= len(volumes):
        raise PictureError(
            f"holds {len(volumes)} volume{'s' * (len(volumes) > 1)}; NAME[0] reads the first"
        )
    return volumes[number]


def _size(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
