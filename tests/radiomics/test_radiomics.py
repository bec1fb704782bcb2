"""Radiomics against IBSI's consensus values, against sums by hand, and its refusals."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from commands_for_tests import run as run_command

import gaborkit as gk
from gaborkit.errors import FeatureError, FilterError, ImageError, KernelError
from gaborkit.features import read_table
from gaborkit.radiomics import (
    INTENSITY_STATISTICS,
    GaborResponse,
    intensity_statistics,
    prepare,
    radiomics,
)

#: IBSI's digital phantom (4 slices of 4 x 5 voxels) and its mask.
PHANTOM = ("14411146114164144641", "14411116111131144611", "14411111111191111611")
PHANTOM = np.array([list(map(int, s)) for s in (*PHANTOM, "14411111111111111611")])
MASK = ("11111111111111111111", "11111111110111111111", "11100111111101111111")
MASK = np.array([list(map(int, s)) for s in (*MASK, "11100111111111111111")])

#: IBSI's consensus of phase 1 on the digital phantom, to the digits that it prints.
CONSENSUS = {
    "stat_mean": 2.15,
    "stat_var": 3.05,
    "stat_skew": 1.08,
    "stat_kurt": -0.355,
    "stat_median": 1,
    "stat_min": 1,
    "stat_p10": 1,
    "stat_p90": 4,
    "stat_max": 6,
    "stat_iqr": 3,
    "stat_range": 5,
    "stat_mad": 1.55,
    "stat_rmad": 1.11,
    "stat_medad": 1.15,
    "stat_cov": 0.812,
    "stat_qcod": 0.6,
    "stat_energy": 567,
    "stat_rms": 2.77,
}

#: Voxels (z, y, x) of IBSI's reference maps 4.A.1 and 4.A.2, of the impulse at (31, 31, 31).
MAPS = {
    (31, 31, 31): (255.0, 255.0),
    (31, 33, 32): (230.796, 79.878),
    (31, 28, 36): (215.103, 56.477),
    (31, 40, 31): (68.375, 67.639),
    (31, 31, 24): (166.087, 95.285),
    (25, 31, 31): (0.0, 110.384),
    (31, 20, 25): (11.052, 16.371),
    (38, 31, 29): (0.0, 45.567),
}

RNG = np.random.default_rng(0)
VOLUME = gk.Volume.of(RNG.random((7, 30, 34)) * 100, (3, 1, 1))
REGION = VOLUME.with_values(RNG.random((7, 30, 34)) > 0.6)


# ---- statistics ----


def test_the_consensus_of_the_digital_phantom():
    figures = intensity_statistics(PHANTOM[MASK != 0])
    assert list(figures) == list(INTENSITY_STATISTICS) == list(CONSENSUS)
    for name, value in CONSENSUS.items():
        assert float(f"{figures[name]:.3g}") == value, name


def test_constants_and_what_has_no_statistics():
    figures = intensity_statistics(np.full(9, 4))
    assert [figures[k] for k in ("stat_skew", "stat_kurt", "stat_qcod")] == [0, 0, 0]
    for value, count in ((0.1, 7), (1000 / 3, 1000), (-0.1, 20)):  # whose mean rounds
        figures = intensity_statistics(np.full(count, value))
        assert [figures[k] for k in ("stat_var", "stat_skew", "stat_kurt")] == [0, 0, 0]
    assert np.isnan(intensity_statistics(np.zeros(3))["stat_cov"])
    assert np.isnan(intensity_statistics(np.array([-1, 1]))["stat_qcod"])
    with pytest.raises(FeatureError, match="no voxels"):
        intensity_statistics(np.zeros(0))
    with pytest.raises(FeatureError, match="NaN"):
        intensity_statistics(np.array([1, np.nan]))


def test_nan_of_a_mask_is_outside_and_a_spline_meets_none():
    volume = gk.Volume.of(PHANTOM.reshape(4, 4, 5).astype(float), (2, 2, 2))
    inside = MASK.reshape(4, 4, 5)
    holes = volume.with_values(np.where(inside, 1.0, np.nan))
    expected = radiomics(volume, volume.with_values(inside)).to_numpy()
    np.testing.assert_array_equal(radiomics(volume, holes).to_numpy(), expected)
    _, region = prepare(volume, holes)
    np.testing.assert_array_equal(region.values, inside != 0)
    holed = volume.with_values(np.where(inside, volume.values, np.nan))
    with pytest.raises(ImageError, match="6 of 80 values are NaN or infinite"):
        prepare(holed, volume.with_values(inside), spacing=1)


def test_voxels_too_coarse_for_a_wave_are_told():
    response = GaborResponse(5, 2)  # of pixels of no size yet
    response.bank(1.0)  # IBSI's own
    with pytest.warns(gk.SamplingWarning, match="a wavelength of 1 pixels is below 2"):
        response(gk.Volume.of(np.ones((1, 20, 20)), (2, 2, 2)))


# ---- response maps ----


def test_reference_maps_of_an_impulse():
    values = np.zeros((64, 64, 64), np.uint8)
    values[31, 31, 31] = 255
    volume = gk.Volume.of(values, (2, 2, 2))
    wanted = np.zeros(values.shape, bool)
    for place in MAPS:
        wanted[place] = True
    fields = {"sigma": 10, "wavelength": 4, "gamma": 0.5, "boundary": "constant"}
    maps = (
        GaborResponse(theta=math.pi / 3, **fields)(volume, wanted).values,
        GaborResponse(step=math.pi / 4, planes="orthogonal", **fields)(volume, wanted).values,
    )
    for place, references in MAPS.items():
        for response, reference in zip(maps, references, strict=True):
            assert response[place] == pytest.approx(reference, abs=1e-3)


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("planes", ["slice", "orthogonal"])
def test_maps_are_their_sums(planes, pooling):
    """IBSI's kernel, in each plane, over mirrored outsides, voxel by voxel."""
    values = RNG.random((13, 14, 15))
    volume = gk.Volume.of(values, (0.5, 0.5, 0.5))
    response = GaborResponse(1, 2.5, 1.5, 0.3, math.pi / 2, planes, pooling)
    reach, found = 9, response(volume).values
    padded = np.pad(values, reach, mode="symmetric")
    k2, k1 = np.mgrid[-reach : reach + 1, -reach : reach + 1] * 0.5
    for place in ((0, 0, 0), (6, 7, 7), (12, 3, 14)):
        z, y, x = (p + reach for p in place)
        around = [slice(p - reach, p + reach + 1) for p in (z, y, x)]
        cuts = [padded[z, around[1], around[2]]]
        if planes == "orthogonal":
            cuts += [padded[around[0], y, around[2]], padded[around[0], around[1], x]]
        means = []
        for cut in cuts:
            moduli = []
            for theta in 0.3 + math.pi / 2 * np.arange(4):
                along = k1 * math.cos(theta) + k2 * math.sin(theta)
                across = -k1 * math.sin(theta) + k2 * math.cos(theta)
                kernel = np.exp(-(along**2 + 1.5**2 * across**2) / 2 + 2j * np.pi * along / 2.5)
                moduli.append(abs((cut[::-1, ::-1] * kernel).sum()))
            means.append(np.mean(moduli) if pooling == "mean" else np.max(moduli))
        assert found[place] == pytest.approx(np.mean(means), rel=1e-3)


@pytest.mark.parametrize("boundary", ["reflect", "constant", "wrap"])
@pytest.mark.parametrize("planes", ["slice", "orthogonal"])
def test_a_region_alone_has_the_same_responses(planes, boundary):
    cubes = gk.Volume(VOLUME.values, np.eye(4))
    region = np.zeros(VOLUME.values.shape, bool)
    region[2:4, 5:9, 20:24] = RNG.random((2, 4, 4)) > 0.3
    response = GaborResponse(1, 3, step=math.pi / 2, planes=planes, boundary=boundary)
    whole, part = response(cubes).values, response(cubes, region).values
    np.testing.assert_allclose(part[region], whole[region], rtol=1e-10)
    assert (part[~region] == 0).all()
    assert not response(cubes, np.zeros_like(region)).values.any()


def test_odd_numbers_of_angles_go_round_the_whole_circle():
    assert len(GaborResponse(1, 3, step=2 * math.pi / 5).bank(1)) == 5
    assert len(GaborResponse(1, 3, step=math.pi / 8).bank(1)) == 8
    assert len(GaborResponse(1, 3).bank(1)) == 1


# ---- preparation ----


def test_preparation_in_order():
    limited, region = prepare(VOLUME, REGION, limits=(20, 80))
    np.testing.assert_array_equal(limited.values, VOLUME.values)
    inside = (REGION.values != 0) & (VOLUME.values >= 20) & (VOLUME.values <= 80)
    np.testing.assert_array_equal(region.values, inside)
    image, region = prepare(VOLUME, REGION, spacing=1.5, order=1, rounded=True)
    assert (image.spacing, image.values.shape) == ((1.5, 1.5, 1.5), (14, 20, 23))
    assert (image.values == np.rint(image.values)).all()
    assert region.values.dtype == bool
    # The centres of both grids are one place.
    for volume in (VOLUME, image):
        middle = (np.array(volume.values.shape[::-1]) - 1) / 2
        np.testing.assert_allclose(volume.affine @ [*middle, 1], [16.5, 14.5, 9, 1])
    flat = VOLUME.with_values(np.full(VOLUME.values.shape, 7.5))
    np.testing.assert_allclose(prepare(flat, REGION, spacing=(2, 1, 1))[0].values, 7.5)


def test_features_are_those_of_the_region_alone():
    response = GaborResponse(2, 4, step=math.pi / 4)
    features = radiomics(VOLUME, REGION, [response])
    inside = REGION.values != 0
    for prefix, values in (("original", VOLUME.values), (response.label, response(VOLUME).values)):
        for name, value in intensity_statistics(values[inside]).items():
            assert features[f"{prefix} {name}"] == pytest.approx(value, rel=1e-10)


@pytest.mark.parametrize(
    ("work", "error", "message"),
    [
        (lambda: GaborResponse(2, 4, planes="xy"), FeatureError, "planes='xy' is unknown"),
        (lambda: GaborResponse(2, 4, pooling="sum"), FeatureError, "pooling='sum' is unknown"),
        (lambda: GaborResponse(2, 4, step=1), FeatureError, "do not divide the circle"),
        (lambda: GaborResponse(2, 4, step=-1), FeatureError, "do not divide the circle"),
        (lambda: GaborResponse(0, 4), KernelError, "sigma=0"),
        (lambda: GaborResponse(2, 4, boundary="zero"), FilterError, "boundary='zero'"),
        (
            lambda: GaborResponse(2, 4, planes="orthogonal")(VOLUME),
            ImageError,
            "voxels of 3 x 1 x 1 mm are not of equal sides",
        ),
        (
            lambda: GaborResponse(2, 4)(gk.Volume.of(VOLUME.values, (3, 1, 0.8))),
            ImageError,
            "voxels of 1 x 0.8 mm are not of equal sides",
        ),
        (
            lambda: GaborResponse(2, 4)(VOLUME.with_values(VOLUME.values * np.nan)),
            ImageError,
            "voxels are NaN or infinite",
        ),
        (
            lambda: prepare(VOLUME, REGION, spacing=(1, 2)),
            ImageError,
            "is neither one distance nor",
        ),
        (lambda: prepare(VOLUME, REGION, limits=(5, 5)), FeatureError, "are no range"),
        (lambda: prepare(VOLUME, REGION, limits=(200, 300)), FeatureError, "leaves no voxel"),
        (
            lambda: prepare(VOLUME, gk.Volume.of(REGION.values, (3, 1, 2))),
            ImageError,
            "mm beside the image",
        ),
    ],
)
def test_refusals(work, error, message):
    with pytest.raises(error, match=message):
        work()


# ---- the command ----


@pytest.fixture
def scans(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gk.write_volume("scan.nii.gz", VOLUME)
    gk.write_volume("tumour.nii.gz", REGION.with_values(REGION.values * np.uint8(2)))


def run(*arguments):
    return run_command("radiomics", *arguments)


@pytest.mark.usefixtures("scans")
def test_the_command():
    line = ("scan.nii.gz", "--mask", "tumour.nii.gz", "--sigma", 2, "--wavelength", 4)
    options = ("--gamma", 1, "--theta-step", 45, "--range", 20, 80, "--label", 2)
    result = run(*line, *options, "--out", "f.csv", "--map", "map.nii.gz")
    assert (result.exit_code, result.stderr) == (0, "")
    image, region = prepare(VOLUME, REGION, limits=(20, 80))
    response = GaborResponse(2, 4, step=math.pi / 4)
    expected = radiomics(image, region, [response])
    assert result.stdout == f"f.csv: 36 features of {int(region.values.sum())} voxels\n"
    table = read_table("f.csv")
    assert table.features.names == expected.names
    np.testing.assert_allclose(table.features.values[0], expected.values)
    np.testing.assert_allclose(gk.read_volume("map.nii.gz").values, response(image).values)
    result = run(*line, "--sigma", 3, "--spacing", 1.5, "--round", "--out", "g.npz", "--json")
    assert result.exit_code == 0
    assert len(read_table("g.npz").features) == 54
    assert '"spacing": [1.5, 1.5, 1.5]' in result.stdout


@pytest.mark.usefixtures("scans")
@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--label", 3), 1, "tumour.nii.gz: no voxel is 3"),
        (("--theta-step", 50), 2, "do not divide the circle"),
        (("--planes", "orthogonal"), 1, "voxels of 3 x 1 x 1 mm are not of equal sides"),
        (("--range", 900, 1000), 1, "the mask leaves no voxel"),
        (("--sigma", 3, "--sigma", 4, "--map", "m.nii"), 2, "--map holds one response"),
        (("--map", "m.tif"), 2, ".tif is unknown: give .nii, .nii.gz"),
        (("--mask", "other.nii"), 1, "the mask is of 7 x 30 x 33 voxels"),
        (("--mask", "stack.tif"), 1, "says no distance between voxels"),
    ],
)
def test_the_command_on_what_does_not_fit(options, code, message):
    gk.write_volume("other.nii", gk.Volume.of(REGION.values[..., 1:], (3, 1, 1)))
    gk.write_image("stack.tif", REGION.values)
    result = run("scan.nii.gz", "--mask", "tumour.nii.gz", *options, "--out", "f.csv")
    assert (result.exit_code, message in result.stderr.replace("\n", " ")) == (code, True), (
        result.stderr
    )
    assert not Path("f.csv").exists()


CASES = "Image,Mask,Label\nscan.nii.gz,parts.nii.gz,1\nscan.nii.gz,parts.nii.gz,2\n"


@pytest.fixture
def cohort(scans):
    parts = REGION.values.astype(np.int16)
    parts[:, 15:] *= 2
    Path("cohort").mkdir()
    gk.write_volume("cohort/scan.nii.gz", VOLUME)
    gk.write_volume("cohort/parts.nii.gz", VOLUME.with_values(parts))
    return parts


def test_a_table_of_cases(cohort):
    Path("cohort/cases.csv").write_text(CASES, encoding="utf-8")
    words = ("--sigma", 2, "--wavelength", 4, "--gamma", 1, "--theta-step", "none")
    result = run("cohort/cases.csv", *words, "--out", "f.csv", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    said = json.loads(result.stdout)
    rows = read_table("f.csv")
    assert rows.pictures == tuple(f"cohort/scan.nii.gz#{label}" for label in (1, 2))
    for label, values, numbers in zip((1, 2), rows.features.values, said["features"], strict=True):
        region = VOLUME.with_values(cohort == label)
        expected = radiomics(VOLUME, region, [GaborResponse(2, 4)])
        np.testing.assert_allclose(values, expected.values)
        assert list(numbers) == list(expected.names)
    assert [case["label"] for case in said["cases"]] == [1, 2]
    # What fails is named, and the others are there.
    more = CASES + "scan.nii.gz,parts.nii.gz,3.0\nnone.nii,parts.nii.gz,1\n"
    Path("cohort/cases.csv").write_text(more, encoding="utf-8")
    result = run("cohort/cases.csv", *words, "--out", "g.csv")
    assert result.exit_code == 1
    assert "cohort/parts.nii.gz: no voxel is 3; another label works" in result.stderr
    assert "cohort/none.nii: there is no such file" in result.stderr
    assert result.stderr.endswith("error: 2 of 4 cases could not be described\n")
    np.testing.assert_array_equal(read_table("g.csv").features.values, rows.features.values)
    more = "mask,note,image\nparts.nii.gz,x,scan.nii.gz\n,,\nother.nii.gz,,scan.nii.gz\n"
    Path("cohort/cases.csv").write_text(more, encoding="utf-8-sig")
    Path("cohort/other.nii.gz").write_bytes(Path("cohort/parts.nii.gz").read_bytes())
    assert run("cohort/cases.csv", "--out", "i.csv").exit_code == 0
    assert read_table("i.csv").pictures == ("cohort/parts.nii.gz", "cohort/other.nii.gz")
    Path("cohort/cases.csv").write_text("image,mask\nscan.nii.gz,parts.nii.gz\n", encoding="utf-8")
    assert run("cohort/cases.csv", "--out", "h.csv").stdout == "h.csv: 36 features of 1 case\n"
    assert read_table("h.csv").pictures == ("cohort/scan.nii.gz",)


@pytest.mark.usefixtures("cohort")
@pytest.mark.parametrize(
    ("text", "words", "code", "message"),
    [
        (CASES, ("--mask", "tumour.nii.gz"), 2, "--mask tumour.nii.gz is of one image, and cases"),
        (CASES, ("--label", 1), 2, "--label 1 is of one image"),
        (CASES, ("--map", "m.nii"), 2, "--map m.nii is of one image"),
        ("", (), 1, "cases.csv: has no columns image and mask"),
        ("image,mask\n", (), 1, "holds no case; a line for each"),
        ("image,region\na,b\n", (), 1, "has no columns image and mask"),
        ("image,mask,label\n\n\na,b,x\n", (), 1, "line 4 names no image, mask and whole label"),
        ("image,mask,label\na,b,0\n", (), 1, "line 2 names no image, mask and whole label"),
        ("image,mask\na,\n", (), 1, "line 2 names no image, mask"),
        ("image,mask\na,b\na,c\na,b\n", (), 1, "cases.csv: line 4 is there before"),
        ("image,mask\na,b,c\n", (), 1, "line 2 names no image, mask"),
        ("image,mask\na\0b,c\n", (), 1, "1 of 1 cases could not be described"),
        ("image,mask\nnone.nii,b\n", (), 1, "1 of 1 cases could not be described"),
    ],
)
def test_tables_that_do_not_fit(text, words, code, message):
    Path("cases.csv").write_text(text, encoding="utf-8")
    result = run("cases.csv", *words, "--out", "f.csv")
    assert (result.exit_code, message in result.stderr.replace("\n", " ")) == (code, True), (
        result.stderr
    )
    assert not Path("f.csv").exists()


@pytest.mark.usefixtures("scans")
def test_an_image_needs_a_region():
    result = run("scan.nii.gz", "--out", "f.csv")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "there is no region of scan.nii.gz: give --mask" in result.stderr
