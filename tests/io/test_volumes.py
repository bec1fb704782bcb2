"""NIfTI and DICOM: values, pages, place in space; series that are whole; volumes written."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from dicom_for_tests import write_slice
from pydicom.dataset import Dataset
from pydicom.uid import JPEGLSLossless

import gaborkit as gk
from gaborkit.errors import FolderWarning, ImageError, PictureError

RNG = np.random.default_rng(0)


def refused(source, **keywords):
    with pytest.raises(PictureError) as caught:
        gk.read_volume(source, **keywords)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---- NIfTI ----


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
def test_nifti_as_nibabel_reads_it(tmp_path, suffix, kind, dtype):
    values = (RNG.random((7, 6, 5)) * 100).astype(dtype)
    affine = np.array([[0, -0.5, 0, 9], [0.75, 0, 0, -3], [0, 0, 2.5, 1], [0, 0, 0, 1]])
    path = tmp_path / f"a{suffix}"
    nibabel.save(kind(values, affine), path)
    pages = gk.read_image(path)
    assert (pages.dtype, pages.shape) == (values.dtype, (5, 6, 7))
    np.testing.assert_array_equal(pages, values.T)
    np.testing.assert_array_equal(gk.read_image(f"{path}[3]"), values[:, :, 3].T)
    volume = gk.read_volume(path)
    np.testing.assert_array_equal(volume.values, values.T)
    np.testing.assert_allclose(volume.affine, affine)
    assert volume.spacing == (2.5, 0.5, 0.75)


def test_nifti_scaled_in_microns_in_colour_and_of_four_axes(tmp_path):
    path = tmp_path / "a.nii"
    stored = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    image = nibabel.Nifti1Image(stored, np.diag([500, 500, 1000, 1]))
    image.header.set_slope_inter(2, -1024)
    image.header.set_xyzt_units("micron")
    image.to_filename(path)
    data = bytearray(path.read_bytes())
    header = nibabel.Nifti1Header(bytes(data[:348]))
    header["scl_slope"], header["scl_inter"] = 2, -1024
    data[:348] = header.binaryblock
    data[-48:] = stored.T.tobytes()
    path.write_bytes(data)
    volume = gk.read_volume(path)
    np.testing.assert_allclose(volume.values, stored.T * 2.0 - 1024)
    assert volume.spacing == (1, 0.5, 0.5)

    colour = np.zeros((4, 3, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    colour["G"] = 7
    nibabel.save(nibabel.Nifti1Image(colour, np.eye(4)), path)
    assert gk.read_image(path).shape == (2, 3, 4, 3)
    assert gk.read_image(f"{path}[1]")[0, 0].tolist() == [0, 7, 0]
    assert "in colour" in refused(path)

    several = RNG.random((5, 4, 3, 2))
    nibabel.save(nibabel.Nifti1Image(several, np.eye(4)), path)
    assert "holds 2 volumes; NAME[0]" in refused(path)
    assert "holds 2 volumes" in refused(f"{path}[2]")
    np.testing.assert_array_equal(gk.read_volume(f"{path}[1]").values, several[..., 1].T)


def test_damaged_nifti(tmp_path):
    path = tmp_path / "a.nii.gz"
    nibabel.save(nibabel.Nifti1Image(RNG.random((9, 8, 7)), np.eye(4)), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    for read in (gk.read_image, gk.read_volume):
        with pytest.raises(PictureError, match="damaged or truncated"):
            read(path)
    path.write_bytes(gzip.compress(b"no picture" * 50))
    with pytest.raises(PictureError, match="no NIfTI inside"):
        gk.read_image(path)
    nibabel.save(nibabel.Nifti1Image(np.zeros((99, 99, 99)), np.eye(4)), path)
    with pytest.raises(PictureError, match="declares 970299 pixels"):
        gk.read_image(path, max_pixels=10**5)
    (tmp_path / "b.nii.gz").write_bytes(whole)
    with pytest.raises(PictureError, match="has 7 pages; their numbers are 0 to 6"):
        gk.read_image(tmp_path / "b.nii.gz[7]")


# ---- DICOM ----


def test_a_series_is_sorted_by_place(tmp_path):
    values = (RNG.random((4, 6, 5)) * 4095).astype(np.uint16)
    for name, z in (("x", 3), ("b.dcm", 0), ("c.dcm", 2), ("a.dcm", 1)):
        tags = {"bits": 12, "RescaleSlope": 1, "RescaleIntercept": -1024}
        write_slice(tmp_path / name, values[z], 1.5 * z - 40, **tags)
    volume = gk.read_volume(tmp_path)
    assert (volume.values.dtype, volume.spacing) == (np.int16, (1.5, 0.5, 0.75))
    np.testing.assert_array_equal(volume.values, values.astype(int) - 1024)
    # Left and back are negative in NIfTI's space.
    np.testing.assert_allclose(volume.affine[:, 3], [10, 20, -40, 1])
    np.testing.assert_allclose(np.diag(volume.affine), [-0.75, -0.5, 1.5, 1])
    np.testing.assert_array_equal(gk.read_image(tmp_path / "a.dcm"), values[1].astype(int) - 1024)
    (tmp_path / "notes.txt").write_text("seen")
    with pytest.warns(FolderWarning, match=r"1 file is not taken \(notes.txt\)"):
        gk.read_volume(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"z": 9.0}, "1 to 7 mm apart: one is missing"),
        ({"z": 1.0}, "0 to 1 mm apart: one is missing, or twice"),
        ({"spacing": (0.5, 0.5)}, "several sizes, spacings or directions"),
        ({"uid": "9.9"}, "holds 2 series (3 of 1.2.3, 1 of 9.9); a folder for each"),
        ({"z": None}, "says where 3 of its 4 slices lie"),
    ],
)
def test_series_that_are_not_whole(tmp_path, change, message):
    values = np.zeros((6, 5), np.int16)
    for z in range(3):
        write_slice(tmp_path / f"{z}.dcm", values, float(z))
    write_slice(tmp_path / "3.dcm", values, **{"z": 3.0, **change})
    assert message in refused(tmp_path)


def test_slope_that_is_no_whole_number_gives_floats(tmp_path):
    values = np.arange(30, dtype=np.uint16).reshape(5, 6)
    write_slice(tmp_path / "a.dcm", values, 0, RescaleSlope="0.5", RescaleIntercept="1")
    np.testing.assert_allclose(gk.read_image(tmp_path / "a.dcm"), values * 0.5 + 1)


def test_frames_of_one_file(tmp_path):
    path = tmp_path / "a.dcm"
    values = RNG.integers(0, 99, (3, 4, 5)).astype(np.int16)
    write_slice(path, values, None, NumberOfFrames=3)
    np.testing.assert_array_equal(gk.read_image(f"{path}[1]"), values[1])
    assert "says no distance between voxels" in refused(path)
    assert gk.read_volume(path, spacing=(2, 1, 1)).spacing == (2, 1, 1)
    measures, orientation = Dataset(), Dataset()
    measures.PixelSpacing = [0.5, 0.75]
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared = Dataset()
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    frames = []
    for z in (4.0, 2.0, 0.0):
        position, frame = Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, z]
        frame.PlanePositionSequence = [position]
        frames.append(frame)
    write_slice(
        path,
        values,
        None,
        NumberOfFrames=3,
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=frames,
    )
    volume = gk.read_volume(path)
    assert volume.spacing == (2, 0.5, 0.75)
    np.testing.assert_array_equal(volume.values, values[::-1])


@pytest.mark.parametrize(
    ("lines", "dtype"),
    [
        ([(2, -1024)], np.int32),
        ([(1, 0)], np.int16),
        ([(2, 0), (1, -7), (3, 1)], np.int32),
        ([(0.5, 1), (2, 0), (1, 0)], np.float64),
        ([(1e20, 0)], np.float64),
        ([(-1, 0)], np.int32),
    ],
)
def test_frames_say_what_their_values_mean(tmp_path, lines, dtype):
    path = tmp_path / "a.dcm"
    values = RNG.integers(-99, 99, (3, 4, 5)).astype(np.int16)
    groups = []
    for slope, intercept in lines:
        meaning, group = Dataset(), Dataset()
        meaning.RescaleSlope, meaning.RescaleIntercept = str(slope), str(intercept)
        group.PixelValueTransformationSequence = [meaning]
        groups.append(group)
    name = f"{'Shared' if len(lines) == 1 else 'PerFrame'}FunctionalGroupsSequence"
    write_slice(path, values, None, NumberOfFrames=3, **{name: groups})
    slopes, intercepts = np.array(lines).T[..., None, None]
    found = gk.read_image(path)
    np.testing.assert_array_equal(found, values * slopes + intercepts)
    np.testing.assert_array_equal(gk.read_image(f"{path}[1]"), found[1])
    np.testing.assert_array_equal(gk.read_volume(path, spacing=(1, 1, 1)).values, found)
    assert found.dtype == dtype
    if len(lines) > 1:
        write_slice(path, values, None, NumberOfFrames=3, **{name: groups[:2]})
        assert "has 3 frames and rescale slopes for 2" in refused(path)


def test_of_one_slice_the_file_says_how_thick(tmp_path):
    values = np.zeros((6, 5), np.int16)
    write_slice(tmp_path / "a.dcm", values, 0.0, SliceThickness="5")
    assert gk.read_volume(tmp_path).spacing == (5, 0.5, 0.75)
    write_slice(tmp_path / "a.dcm", values, 0.0)
    assert gk.read_volume(tmp_path).spacing == (0.75, 0.5, 0.75)
    measures, frame = Dataset(), Dataset()
    measures.SliceThickness = "4"
    frame.PixelMeasuresSequence = [measures]
    write_slice(tmp_path / "a.dcm", values, 0.0, PerFrameFunctionalGroupsSequence=[frame])
    assert gk.read_volume(tmp_path).spacing[0] == 4


def test_a_grid_of_doses_is_in_gray(tmp_path):
    values = RNG.integers(0, 99, (4, 5)).astype(np.uint16)
    write_slice(tmp_path / "a.dcm", values, 0.0, DoseGridScaling="0.001")
    np.testing.assert_allclose(gk.read_image(tmp_path / "a.dcm"), values * 0.001)
    doses = RNG.integers(0, 99, (3, 4, 5)).astype(np.uint16)
    tags = {"NumberOfFrames": 3, "GridFrameOffsetVector": [0, 2.5, 5]}
    write_slice(tmp_path / "a.dcm", doses, -7.0, DoseGridScaling="0.001", **tags)
    volume = gk.read_volume(tmp_path / "a.dcm")
    np.testing.assert_allclose(volume.values, doses * 0.001)
    assert volume.spacing == (2.5, 0.5, 0.75)
    assert volume.affine[2, 3] == -7


def test_a_negative_slope_has_room_for_all_that_it_means(tmp_path):
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    write_slice(tmp_path / "a.dcm", values, 0, bits=8, RescaleSlope="-1", RescaleIntercept="256")
    np.testing.assert_array_equal(gk.read_image(tmp_path / "a.dcm"), 256 - values.astype(int))


def test_dicom_that_holds_no_picture_and_what_cannot_be_decompressed(tmp_path):
    path = tmp_path / "a.dcm"
    values = np.zeros((6, 5), np.int16)
    write_slice(path, values, 0.0)
    dataset = pydicom.dcmread(path)
    del dataset.PixelData
    dataset.save_as(path)
    assert "is DICOM without a picture (CT Image Storage)" in refused(path)
    assert "holds no DICOM picture" in refused(tmp_path)
    write_slice(path, values, 0.0, syntax=JPEGLSLossless)
    assert "compressed as JPEG-LS Lossless" in refused(path)
    assert "pylibjpeg" in refused(path)


def test_palettes_and_colours_of_dicom(tmp_path):
    path = tmp_path / "a.dcm"
    values = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    write_slice(
        path, values[None], 0.0, SamplesPerPixel=3, PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
    )  # fmt: skip
    np.testing.assert_array_equal(gk.read_image(path), values)
    assert "in colour" in refused(path)
    indices = np.arange(6, dtype=np.uint8).reshape(2, 3)
    tables = {
        f"{colour}PaletteColorLookupTable{what}": value
        for place, colour in enumerate(("Red", "Green", "Blue"))
        for what, value in (
            ("Descriptor", [6, 0, 8]),
            ("Data", bytes(range(10 * place, 10 * place + 6))),
        )
    }
    write_slice(path, indices, 0.0, PhotometricInterpretation="PALETTE COLOR", **tables)
    assert gk.read_image(path)[1, 2].tolist() == [5, 15, 25]


def test_modality_tables(tmp_path):
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [4, 0, 16], "US"
    table.LUTData = np.array([5, 50, 500, 5000], np.uint16).tobytes()
    table["LUTData"].VR = "OW"
    values = np.array([[0, 1], [2, 3]], np.uint8)
    write_slice(tmp_path / "a.dcm", values, 0.0, ModalityLUTSequence=[table])
    assert gk.read_image(tmp_path / "a.dcm").tolist() == [[5, 50], [500, 5000]]


# ---- volumes ----


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".NII.GZ"])
@pytest.mark.parametrize("dtype", ["bool", "u1", "i2", "i8", "f2", "f4", "f8"])
def test_volumes_come_back(tmp_path, suffix, dtype):
    values = (RNG.random((3, 4, 5)) * 9).astype(dtype)
    volume = gk.Volume.of(values, (3, 0.5, 0.25))
    path = tmp_path / f"a{suffix}"
    gk.write_volume(path, volume)
    again = gk.read_volume(path)
    np.testing.assert_array_equal(again.values, values)
    again.check_same_grid(volume)
    assert again.values.dtype == {"bool": np.uint8, "f2": np.float32}.get(dtype, np.dtype(dtype))


def test_stacks_of_pages_take_spacing(tmp_path):
    gk.write_image(tmp_path / "a.tif", RNG.random((5, 6, 7)).astype(np.float32))
    assert "spacing=(z, y, x)" in refused(tmp_path / "a.tif")
    volume = gk.read_volume(tmp_path / "a.tif", spacing=(2, 1, 1))
    assert (volume.values.shape, volume.spacing) == ((5, 6, 7), (2, 1, 1))


@pytest.mark.parametrize("spacing", [(1, 1), (1, 0, 1), (1, -1, 1), (1, np.nan, 1), "abc", 1])
def test_spacing_that_is_none(spacing):
    with pytest.raises((ImageError, ValueError), match=r"spacing|could not convert"):
        gk.Volume.of(np.zeros((2, 2, 2)), spacing)


def test_what_is_no_volume():
    with pytest.raises(ImageError, match="are no volume"):
        gk.Volume(np.zeros((2, 2)), np.eye(4))
    with pytest.raises(ImageError, match="no finite"):
        gk.Volume(np.zeros((2, 2, 2)), np.eye(3))
    with pytest.raises(ImageError, match="no volume; give spacing"):
        gk.Volume(np.zeros((2, 2, 2)), np.diag([1, 0, 1, 1]))
    volume = gk.Volume.of(np.zeros((2, 3, 4)), (1, 1, 1))
    with pytest.raises(ImageError, match="do not fit"):
        volume.with_values(np.zeros((2, 2, 2)))
    with pytest.raises(ImageError, match="the mask is of 2 x 3 x 5 voxels"):
        volume.check_same_grid(gk.Volume.of(np.zeros((2, 3, 5)), (1, 1, 1)))
    with pytest.raises(ImageError, match=r"the mask lies up to .* mm beside the image"):
        volume.check_same_grid(gk.Volume.of(np.zeros((2, 3, 4)), (1, 1, 1.01)))
    flipped = volume.affine @ np.diag([-1, 1, 1, 1])
    flipped[0, 3] = 3
    with pytest.raises(ImageError, match="the mask is stored along other axes, or the other way"):
        volume.check_same_grid(gk.Volume(volume.values, flipped))


def test_volumes_are_written_as_nifti_alone(tmp_path):
    with pytest.raises(PictureError, match=r"written as .nii"):
        gk.write_volume(tmp_path / "a.tif", gk.Volume.of(np.zeros((2, 2, 2)), (1, 1, 1)))
    if np.finfo(np.longdouble).bits > 64:
        long = gk.Volume(np.zeros((2, 2, 2), np.longdouble), np.eye(4))
        with pytest.raises(ImageError, match=r"a.nii: NIfTI holds no float\d+; astype"):
            gk.write_volume(tmp_path / "a.nii", long)
    assert not list(Path(tmp_path).iterdir())
