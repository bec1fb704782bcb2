"""Folders of pictures, and how pictures become squares of one size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from data_for_tests import refused, write_pictures
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gaborkit.errors import FolderWarning
from gaborkit.generative.data import Dataset, Split, load_dataset
from gaborkit.generative.data.folder import _parts
from gaborkit.generative.data.resizing import coloured, fitted
from gaborkit.io.images import luminance, write_image


def everything(dataset: Dataset) -> torch.Tensor:
    """All images, in the order of their first value."""
    images = torch.cat([dataset.train.images, dataset.validation.images, dataset.test.images])
    return images[images[:, 0, 0, 0].argsort()]


def test_unlabelled(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", 20)
    (tmp_path / "pictures" / "notes.txt").write_text("passed over")
    (tmp_path / "pictures" / ".hidden.png").write_text("passed over")
    seen: list[tuple[int, int]] = []
    np.save(tmp_path / "pictures" / "a.npy", np.zeros((3, 3)))
    (tmp_path / "pictures" / "00.png.json").write_text("{}")  # a description
    said = r"pictures: 2 files are not taken \(a.npy, notes.txt\); .png, .*, so copies saved"
    with pytest.warns(FolderWarning, match=said):
        load_dataset(tmp_path / "pictures")
    (tmp_path / "pictures" / "a.npy").unlink()
    (tmp_path / "pictures" / "notes.txt").unlink()
    dataset = load_dataset(tmp_path / "pictures", progress=lambda *done: seen.append(done))
    assert dataset.name == "pictures/"
    assert dataset.describe().endswith(" test images, 1 x 28 x 28, unlabelled")
    assert len(everything(dataset)) == 20
    assert dataset.train.labels is None
    assert seen == [(done, 20) for done in range(1, 21)]


def test_classes(tmp_path: Path) -> None:
    write_pictures(tmp_path / "b", 30)
    write_pictures(tmp_path / "a" / "deeper", 10)
    write_pictures(tmp_path / ".cache", 10)
    write_pictures(tmp_path / "a" / ".ipynb_checkpoints", 10)
    (tmp_path / "empty").mkdir()
    with pytest.warns(FolderWarning, match="empty holds no picture: no class"):
        dataset = load_dataset(str(tmp_path), size=5)
    (tmp_path / "empty").rmdir()
    assert dataset.class_names == ("a", "b")
    parts = (dataset.train, dataset.validation, dataset.test)
    assert sum(part.labels.bincount(minlength=2) for part in parts).tolist() == [10, 30]
    assert len(dataset.train) > 25
    assert dataset.image_shape == (1, 5, 5)
    few = load_dataset(tmp_path, size=5, limit=10)
    assert few.train.labels.bincount().tolist() == [5, 5]
    assert torch.equal(few.test.images, dataset.test.images)


def test_three_pictures_are_enough(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    dataset = load_dataset(tmp_path)
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [1, 1, 1]


def test_splits_do_not_depend_on_the_seed(tmp_path: Path) -> None:
    write_pictures(tmp_path, 30)
    one, other = load_dataset(tmp_path, seed=1), load_dataset(tmp_path, seed=2)
    assert torch.equal(one.test.images, other.test.images)
    assert torch.equal(one.train.images, other.train.images)


def values(split: Split) -> set[int]:
    return set(split.images[:, 0, 0, 0].tolist())


def test_pictures_that_are_added_move_no_others(tmp_path: Path) -> None:
    for value in range(80):
        write_image(tmp_path / f"{value}.png", np.full((8, 8), value, np.uint8))
    before = load_dataset(tmp_path)
    for value in range(80, 200):
        write_image(tmp_path / f"0{value}.png", np.full((8, 8), value, np.uint8))
    (tmp_path / "7.png").rename(tmp_path / "seven.png")
    after = load_dataset(tmp_path)
    for name in ("train", "validation", "test"):
        old, new = values(getattr(before, name)), values(getattr(after, name))
        assert old <= new
        assert len(old) >= 3
    # A tenth of 200, within three deviations.
    assert abs(len(after.test) - 20) < 13
    assert abs(len(after.validation) - 20) < 13


def test_copies_of_a_picture_stay_together(tmp_path: Path) -> None:
    for value in range(60):
        for name in ("one", "other"):
            write_image(tmp_path / f"{name}{value}.png", np.full((8, 8), value, np.uint8))
    dataset = load_dataset(tmp_path)
    train, validation, test = map(values, (dataset.train, dataset.validation, dataset.test))
    assert not train & validation
    assert not train & test
    assert not validation & test


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=3, max_size=40))
def test_every_picture_is_in_one_split(places: list[float]) -> None:
    parts = _parts(places, ["test", "validation"])
    train, validation, test = (parts[name] for name in ("train", "validation", "test"))
    assert min(map(len, (train, validation, test))) > 0
    assert torch.cat([train, validation, test]).sort().values.tolist() == list(range(len(places)))
    lowest = [sorted(places[k] for k in part) for part in (test, validation, train)]
    assert lowest[0][-1] <= lowest[1][0]
    assert lowest[1][-1] <= lowest[2][0]


def test_a_folder_named_like_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "mini", 3)
    assert load_dataset("./mini").name == "mini/"
    assert load_dataset("mini").name == "mini"


def test_colour_decides_by_itself(tmp_path: Path) -> None:
    write_pictures(tmp_path, 6)
    # Stored in colour, yet grey; an opacity is no colour.
    write_image(tmp_path / "grey.png", np.full((8, 8, 3), 7, np.uint8))
    write_image(
        tmp_path / "opacity.png", np.dstack([np.full((8, 8), v, np.uint8) for v in (7, 99)])
    )
    assert load_dataset(tmp_path).image_shape == (1, 28, 28)
    assert load_dataset(tmp_path, colour=True).image_shape == (3, 28, 28)
    write_pictures(tmp_path, 3, channels=3)
    dataset = load_dataset(tmp_path, size=12)
    assert dataset.image_shape == (3, 12, 12)
    assert load_dataset(tmp_path, colour=False).image_shape == (1, 28, 28)


def test_colours_keep_their_order(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (9, 9, 4), np.uint8)
    for name in "abc":
        write_image(tmp_path / f"{name}.png", picture)
    images = everything(load_dataset(tmp_path, size=9))
    assert torch.equal(images[0], torch.from_numpy(picture[..., :3].transpose(2, 0, 1).copy()))
    grey = everything(load_dataset(tmp_path, size=9, colour=False))
    np.testing.assert_array_equal(grey[0, 0].numpy(), np.rint(luminance(picture)))


def test_depths(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", np.full((4, 4), 100 * 257, np.uint16))
    write_image(tmp_path / "b.tif", np.full((4, 4), 100 / 255, np.float32))
    write_image(tmp_path / "c.webp", np.full((4, 4), 100, np.uint8))
    write_image(tmp_path / "d.tiff", np.full((4, 4, 3), 100 / 255))
    assert (everything(load_dataset(tmp_path)) == 100).all()
    Image.new("1", (4, 4), 1).save(tmp_path / "e.png")
    assert everything(load_dataset(tmp_path))[-1].unique().tolist() == [255]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pictures_with_nan_or_infinity(tmp_path: Path, value: float) -> None:
    write_pictures(tmp_path, 3)
    write_image(tmp_path / "x.tif", np.full((4, 4), value))
    refused(lambda: load_dataset(tmp_path), "x.tif", "holds NaN or infinity", "floats from 0 to 1")


@pytest.mark.parametrize("values", [np.full((4, 4), 2.0), np.full((4, 4), -1, np.int16)])
def test_values_of_no_known_range(tmp_path: Path, values: np.ndarray) -> None:
    write_pictures(tmp_path, 3)
    write_image(tmp_path / "x.tif", values)
    refused(lambda: load_dataset(tmp_path), "x.tif", str(values.dtype), "floats from 0 to 1")


def test_pages(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    write_image(tmp_path / "x.tif", np.zeros((3, 6, 7), np.uint8))
    refused(lambda: load_dataset(tmp_path), "x.tif", "several pages", "(3, 6, 7)")


def test_broken_pictures_are_named(tmp_path: Path) -> None:
    write_pictures(tmp_path, 12)
    whole = (tmp_path / "03.png").read_bytes()
    for content in (b"", b"text", whole[: len(whole) // 2]):
        (tmp_path / "03.png").write_bytes(content)
        refused(lambda: load_dataset(tmp_path), str(tmp_path / "03.png"))


def test_folders_without_enough_pictures(tmp_path: Path) -> None:
    refused(lambda: load_dataset(tmp_path / "none"), "nor a folder")
    refused(lambda: load_dataset(tmp_path), "no pictures", ".png")
    write_pictures(tmp_path, 1)
    refused(lambda: load_dataset(tmp_path), "one picture")
    write_pictures(tmp_path, 2)
    refused(lambda: load_dataset(tmp_path), "2 pictures", "three or more")
    (tmp_path / "file.png").touch()
    refused(lambda: load_dataset(tmp_path / "file.png"), "nor a folder, but a file")
    refused(lambda: load_dataset(size=2.5), "size=2.5 is no count")


def test_unreadable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    refused(lambda: load_dataset(tmp_path), str(tmp_path), "Permission denied")


def test_classes_that_are_not_clear(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train", 3)
    write_pictures(tmp_path / "apples", 3)
    write_pictures(tmp_path, 1)
    refused(lambda: load_dataset(tmp_path), "00.png", "beside subfolders")
    assert len(load_dataset(tmp_path / "train").train) == 1


@pytest.mark.parametrize(
    ("names", "counts"),
    [
        (("train", "test"), {"train": 18, "validation": 2, "test": 5}),
        (("Training", "val"), {"train": 18, "validation": 5, "test": 2}),
        (("train", "valid", "testing"), {"train": 20, "validation": 5, "test": 6}),
        (("train",), None),
    ],
)
@pytest.mark.parametrize("classes", [(), ("cat", "dog")])
def test_folders_of_splits(
    tmp_path: Path,
    names: tuple[str, ...],
    counts: dict[str, int] | None,
    classes: tuple[str, ...],
) -> None:
    rng = np.random.default_rng(0)
    for name, count in zip(names, (20, 5, 6), strict=False):
        for k in range(count):
            folder = tmp_path / name / (classes[k % 2] if classes else "")
            folder.mkdir(parents=True, exist_ok=True)
            write_image(folder / f"{k}.png", rng.integers(0, 256, (6, 6), np.uint8))
    data = load_dataset(tmp_path)
    found = {split: len(getattr(data, split)) for split in ("train", "validation", "test")}
    assert data.class_names == classes
    if counts is None:
        assert sum(found.values()) == 20
        assert min(found.values()) >= 1
        return
    # What is held out is chosen by content: about a tenth.
    assert sum(found.values()) == sum(counts.values())
    for name in names[1:]:
        split = "test" if name.startswith("test") else "validation"
        assert found[split] == counts[split]
        stored = sorted(path.read_bytes() for path in (tmp_path / name).rglob("*.png"))
        assert len(stored) == found[split]
    images = torch.cat([data.train.images, data.validation.images, data.test.images])
    assert len(images.flatten(1).unique(dim=0)) == sum(counts.values())


def test_splits_that_do_not_fit(tmp_path: Path) -> None:
    write_pictures(tmp_path / "a" / "val", 3)
    write_pictures(tmp_path / "a" / "test", 3)
    refused(lambda: load_dataset(tmp_path / "a"), "test, val are splits", "name it train")
    write_pictures(tmp_path / "b" / "train" / "cat", 3)
    write_pictures(tmp_path / "b" / "test" / "dog", 3)
    refused(lambda: load_dataset(tmp_path / "b"), "has class dog", "have cat")
    write_pictures(tmp_path / "c" / "train" / "cat", 3)
    write_pictures(tmp_path / "c" / "test", 3)
    refused(lambda: load_dataset(tmp_path / "c"), "has no classes", "have cat")
    write_pictures(tmp_path / "d" / "train", 3)
    write_pictures(tmp_path / "d" / "training", 3)
    refused(lambda: load_dataset(tmp_path / "d"), "two are the same split")
    write_pictures(tmp_path / "e" / "train", 2)
    refused(lambda: load_dataset(tmp_path / "e"), "has 2 pictures", "three or more")
    write_pictures(tmp_path / "f" / "train", 3)
    (tmp_path / "f" / "test").mkdir()
    refused(lambda: load_dataset(tmp_path / "f"), "test: has no pictures", "remove the folder")


def test_splits_beside_other_folders(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train", 9)
    write_pictures(tmp_path / "test", 4)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("of no picture")
    with pytest.warns(FolderWarning, match="not taken"):
        assert len(load_dataset(tmp_path).test) == 4  # what holds no picture does not count
    write_pictures(tmp_path / "bus", 9)
    refused(lambda: load_dataset(tmp_path), "has the splits test, train beside bus; move these")
    (tmp_path / "test").rename(tmp_path / "car")
    (tmp_path / "notes" / "a.txt").unlink()
    with pytest.warns(FolderWarning, match="notes holds no picture"):
        assert load_dataset(tmp_path).class_names == ("bus", "car", "train")


# ---- sizes ----


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_constant_pictures_stay_constant(height: int, width: int, size: int) -> None:
    images = torch.full((2, 1, height, width), 77, dtype=torch.uint8)
    for fit in ("crop", "stretch"):
        assert torch.equal(fitted(images, size, fit), torch.full((2, 1, size, size), 77).byte())
    padded = fitted(images, size, "pad")
    assert padded.shape == (2, 1, size, size)
    rows, columns = (padded[0, 0] == 77).nonzero(as_tuple=True)
    inside = padded[0, 0, rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert (inside == 77).all()
    assert max(inside.shape) == size
    assert padded.long().sum() == 2 * 77 * inside.numel()
    # In the middle, within the pixel that does not divide.
    assert abs(int(rows.min()) - (size - 1 - int(rows.max()))) <= 1
    assert abs(int(columns.min()) - (size - 1 - int(columns.max()))) <= 1


def test_same_size_is_exact() -> None:
    images = torch.randint(0, 256, (3, 3, 9, 9), generator=torch.Generator().manual_seed(0)).byte()
    for fit in ("crop", "stretch", "pad"):
        assert torch.equal(fitted(images, 9, fit), images)


@pytest.mark.parametrize("wanted", [(5, 9), (9, 5), (7, 7), (1, 30)])
def test_rectangles(wanted: tuple[int, int]) -> None:
    ramp = torch.arange(200, dtype=torch.uint8).expand(1, 1, 80, 200)
    for fit in ("crop", "stretch", "pad"):
        assert fitted(ramp, wanted, fit).shape[2:] == wanted
        assert fitted(ramp.mT, wanted, fit).shape[2:] == wanted
    # The middle stays in the middle, and proportions as they are: of 80 rows so many columns.
    cropped, columns = fitted(ramp, wanted, "crop")[0, 0].float(), 80 * wanted[1] / wanted[0]
    steps = min(columns, 200) / wanted[1]
    torch.testing.assert_close(cropped.mean(), torch.tensor(99.5), atol=1, rtol=0)
    torch.testing.assert_close(
        cropped[0], 99.5 + steps * (torch.arange(wanted[1]) - (wanted[1] - 1) / 2), atol=3, rtol=0
    )
    assert (fitted(ramp + 1, wanted, "pad") == 0).any()


def test_crop_takes_the_centre() -> None:
    images = torch.arange(45, dtype=torch.uint8).reshape(1, 1, 5, 9)
    assert torch.equal(fitted(images, 5, "crop"), images[..., 2:7])
    assert torch.equal(fitted(images.mT, 5, "crop"), images.mT[..., 2:7, :])


@pytest.mark.parametrize("size", [7, 28, 61])
def test_against_pillow(size: int) -> None:
    # Far from 0 and 255, to which Pillow clips after the rows and again after the columns.
    picture = np.random.default_rng(0).integers(90, 160, (40, 40), np.uint8)
    expected = np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC))
    actual = fitted(torch.from_numpy(picture)[None, None], size, "stretch")[0, 0].numpy()
    # It rounds twice too.
    assert np.abs(actual.astype(int) - expected.astype(int)).max() <= 1


def test_shrinking_does_not_alias() -> None:
    stripes = (torch.arange(120) % 2 * 255).byte().expand(1, 1, 120, 120)
    middle = fitted(stripes, 24, "stretch")[..., 2:-2, 2:-2].int()
    assert (middle - 127).abs().max() < 20


def test_luminance_of_colours() -> None:
    images = torch.tensor([255, 0, 0], dtype=torch.uint8)[None, :, None, None].expand(2, 3, 4, 4)
    assert coloured(images, False).unique().tolist() == [54]
    assert coloured(images, True) is not None
    assert torch.equal(coloured(images, True), images)
