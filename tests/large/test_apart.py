"""Nothing is written over, or around, what is read."""

from __future__ import annotations

import numpy as np
import pytest
from large_for_tests import BANK, GREY

import gaborkit as gk
from gaborkit.large import filter_large


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("role", ["source", "mask"])
@pytest.mark.parametrize(
    ("out", "where"),
    [("st.zarr", "around"), ("st.zarr/raw", "over")],
)
def test_no_store_is_written_over_what_is_read_of_it(tmp_path, out, where, role, named):
    zarr = pytest.importorskip("zarr")
    zarr.open_group(str(tmp_path / "st.zarr"), mode="w")
    for name in ("raw", "other"):
        array = zarr.open_array(
            str(tmp_path / "st.zarr" / name), mode="w", shape=GREY.shape, dtype=GREY.dtype
        )
        array[:] = GREY
    path = tmp_path / "st.zarr" / "raw"
    read = path if named else zarr.open_array(str(path), mode="r")
    source, options = (read, {}) if role == "source" else (GREY, {"mask": read})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(gk.PictureError, match=f"would be written {where} the {role}; give anoth"):
        filter_large(BANK, source, tmp_path / out, **options)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_memory_map_is_not_written_over(tmp_path):
    np.save(tmp_path / "a.npy", GREY)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    for source in (mapped, mapped[:50], mapped[::2].T):
        with pytest.raises(gk.PictureError, match="would be written over the source"):
            filter_large(BANK, source, tmp_path / "a.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), GREY)
    np.save(tmp_path / "a.npy", np.asfortranarray(GREY))
    with pytest.raises(gk.PictureError, match="would be written over the source"):
        filter_large(BANK, np.load(tmp_path / "a.npy", mmap_mode="r"), tmp_path / "a.npy")


def test_an_array_of_a_store_is_not_written_over(tmp_path):
    zarr = pytest.importorskip("zarr")
    array = zarr.open_array(
        str(tmp_path / "st.zarr" / "a.zarr"), mode="w", shape=GREY.shape, dtype=GREY.dtype
    )
    array[:] = GREY
    zarr.open_group(str(tmp_path / "st.zarr"), mode="a")
    member = zarr.open_group(str(tmp_path / "st.zarr"), mode="r")["a.zarr"]
    with pytest.raises(gk.PictureError, match="would be written over the source"):
        filter_large(BANK, member, tmp_path / "st.zarr" / "a.zarr")
    np.testing.assert_array_equal(member[:], GREY)


def test_the_store_of_a_dask_array_is_not_written_over(tmp_path):
    zarr, da = pytest.importorskip("zarr"), pytest.importorskip("dask.array")
    array = zarr.open_array(
        str(tmp_path / "a.zarr"), mode="w", shape=GREY.shape, dtype=GREY.dtype, chunks=(20, 20)
    )
    array[:] = GREY
    for source in (da.from_zarr(str(tmp_path / "a.zarr")), da.from_zarr(array)[::2] + 1):
        with pytest.raises(gk.PictureError, match=r"a\.zarr would be written over the source"):
            filter_large(BANK, source, tmp_path / "a.zarr")
    np.testing.assert_array_equal(array[:], GREY)
