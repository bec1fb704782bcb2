"""Writing: what a format refuses, where nothing can be written, and whole files or none."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from pictures_for_tests import assert_same, names_in, picture, write_refused

from gaborkit.errors import GaborkitError, KernelError, PictureError
from gaborkit.io.files import atomic_write, check_target
from gaborkit.io.images import read_image, write_image


@pytest.mark.parametrize(
    ("suffix", "array", "words"),
    [
        (".png", np.zeros((4, 4), "f4"), ["PNG", "float32", ".tif", "scale"]),
        (".png", np.zeros((4, 4), "i8"), ["int64", "uint8"]),
        (".jpg", np.zeros((4, 4), "u2"), ["JPEG", "uint16"]),
        (".jpg", np.zeros((4, 4), "?"), ["JPEG", "bool"]),
        (".webp", np.zeros((4, 4), "f8"), ["WebP", "float64"]),
        (".jpeg", np.zeros((4, 4, 4), "u1"), ["1 | 3)", "(4, 4, 4)"]),
        (".jpeg", np.zeros((4, 4, 2), "u1"), ["(4, 4, 2)"]),
        (".png", np.zeros((6, 5, 7), "u1"), ["(6, 5, 7)", ".tif for pages"]),
        (".png", np.zeros(4, "u1"), ["(4,)"]),
        (".png", np.zeros((0, 4), "u1"), ["(0, 4)"]),
        (".tif", np.zeros(4, "f4"), ["(4,)"]),
        (".tif", np.zeros((0, 4), "f4"), ["(0, 4)"]),
        (".png", np.zeros((4, 4), "c8"), ["complex64", ".npz", "magnitude"]),
        (".tif", np.zeros((4, 4), "c16"), ["complex128", ".npy", "phase"]),
        (".jpg", np.zeros((4, 4), "c16"), ["complex128"]),
        (".npy", np.zeros((4, 4), object), ["object"]),
        (".npz", np.array([["a"]]), ["<U1"]),
        (".png", "a string", ["<U8"]),
        (".bmp", np.zeros((4, 4), "u1"), ["BMP is read, not written '.bmp'", ".png"]),
        ("", np.zeros((4, 4), "u1"), ["unknown suffix"]),
    ],
)
def test_write_refuses(tmp_path: Path, suffix: str, array: object, words: list[str]) -> None:
    write_refused(tmp_path / f"a{suffix}", array, *words)


def test_wide_floats_go_to_npy_alone(tmp_path: Path) -> None:
    if np.dtype("longdouble").itemsize <= 8:
        pytest.skip("long double is double here")
    array = picture("f8").astype("longdouble")
    write_refused(tmp_path / "a.tif", array, str(array.dtype), "float64")
    write_image(tmp_path / "a.npy", array)
    assert_same(read_image(tmp_path / "a.npy"), array)


def test_encoder_limits_are_reported(tmp_path: Path) -> None:
    write_refused(tmp_path / "a.webp", np.zeros((1, 16_384), "u1"), "cannot be written as WebP")


# Where writing is refused


def test_missing_folder_is_not_created(tmp_path: Path) -> None:
    write_refused(tmp_path / "no" / "a.png", picture("u1"), "does not exist", "create it")
    write_refused(tmp_path / "no" / "a.png", picture("u1"), "does not exist", metadata={})
    assert not (tmp_path / "no").exists()


def test_folder_as_target(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    write_refused(tmp_path / "a.png", picture("u1"), "is a folder")


def test_read_only_target_and_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    write_image(path, picture("u1"))
    with monkeypatch.context() as patch:
        # By a patch and not by chmod alone: root may write anything.
        patch.setattr(os, "access", lambda *args: False)
        write_refused(path, picture("u1"), "read-only")

    def denied(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied", "secret-temporary-name")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "touch", denied)
        write_refused(tmp_path / "b.png", picture("u1"), "cannot be written (Permission denied)")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_read_only_folder_for_real(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        write_refused(tmp_path / "b.png", picture("u1"), "Permission denied")
    finally:
        tmp_path.chmod(0o700)


def test_odd_names(tmp_path: Path) -> None:
    write_refused(f"{tmp_path}/nul\0.png", picture("u1"), "cannot be written")
    write_refused(tmp_path / ("x" * 300 + ".png"), picture("u1"), "name too long")
    longest = tmp_path / ("x" * 251 + ".png")
    write_image(longest, picture("u1"))
    assert longest.exists()
    loop = tmp_path / "loop.png"
    loop.symlink_to(loop)
    with pytest.raises(PictureError, match=r"loop\.png: .*give another file name"):
        write_image(loop, picture("u1"))


def test_link_survives_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "a.png", tmp_path / "link.png"
    write_image(target, picture("u1"))
    link.symlink_to(target)
    array = picture("u1")
    write_image(link, array)
    assert link.is_symlink()
    assert_same(read_image(target), array)


def test_mode_follows_the_umask_or_the_old_file(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_image(tmp_path / "a.png", picture("u1"))
    finally:
        os.umask(old)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o640
    (tmp_path / "a.png").chmod(0o604)
    write_image(tmp_path / "a.png", picture("u1"))
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o604


# Atomicity


class BoomError(Exception):
    """What no code catches by name."""


def boom(*args: object, **kwargs: object) -> None:
    raise BoomError("in the\nmiddle")


@pytest.mark.parametrize(
    ("suffix", "dtype", "channels", "target"),
    [
        (".png", "u1", 0, "PIL.Image.Image.save"),
        (".png", "u2", 3, "imagecodecs.png_encode"),
        (".jpg", "u1", 0, "PIL.Image.Image.save"),
        (".webp", "u1", 3, "PIL.Image.Image.save"),
        (".tif", "f4", 0, "tifffile.imwrite"),
        (".npy", "c8", 0, "numpy.save"),
        (".npz", "c8", 0, "numpy.savez"),
    ],
)
@pytest.mark.parametrize("metadata", [None, {"a": 2}])
def test_failing_encoder_leaves_the_old_pair(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    dtype: str,
    channels: int,
    target: str,
    metadata: dict[str, object] | None,
) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, picture(dtype, channels), {"a": 1})
    monkeypatch.setattr(target, boom)
    write_refused(
        path, picture(dtype, channels), "cannot be written", "in the middle", metadata=metadata
    )
    write_refused(tmp_path / f"new{suffix}", picture(dtype, channels), metadata=metadata)


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_failing_system_call_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "a.png"
    write_image(path, picture("u1"))

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    write_refused(path, picture("u1"), "No space left on device")


def test_interrupt_leaves_the_old_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    write_image(path, picture("f4"), {"a": 1})
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}

    def interrupted(name: Path, *args: object, **kwargs: object) -> None:
        Path(name).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(tifffile, "imwrite", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_image(path, picture("f4"), {"a": 2})
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_writing_over_the_input(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    array = picture("u1")
    write_image(path, array)
    write_image(path, read_image(path)[::-1])
    assert_same(read_image(path), array[::-1])
    write_refused(path, read_image(path) / 2, "float64")


def test_atomic_write(tmp_path: Path) -> None:
    path = tmp_path / "note.TXT"
    with atomic_write(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".TXT"
        temporary.write_text("one")
        assert not path.exists()
    assert path.read_text() == "one"
    with pytest.raises(BoomError), atomic_write(path):
        boom()
    assert path.read_text() == "one"
    assert names_in(tmp_path) == ["note.TXT"]
    with pytest.raises(KernelError, match="does not exist"), atomic_write("no/a", KernelError):
        pass
    with pytest.raises(GaborkitError, match="is a folder"):
        check_target(tmp_path, GaborkitError)
