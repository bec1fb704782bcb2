"""Recipes and models on the page are those of the library and of the commands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from commands_for_tests import run
from gaborkit_cli.commands.edges import INKS
from gaborkit_cli.explore.desk import Desk
from gaborkit_cli.explore.strokes import Stroke, Strokes, paint
from gaborkit_cli.explore.tabs import TABS
from hypothesis import given
from hypothesis import strategies as st
from showing_for_tests import both, content_of, pixels, run_command, run_python, show

import gaborkit as gk
from gaborkit.vision import find_defects, find_edges
from gaborkit.vision.fingerprint import synthetic_fingerprint
from gaborkit.vision.synthetic import weave

LINES = "1:4,4,20,5;2:40,30,44,36"


@pytest.fixture
def pictures(empty_folder):
    """Two textures, cloth, and a print."""
    y, x = np.mgrid[:48, :64]
    waves = np.where(x < 32, np.sin(1.6 * x), np.sin(0.8 * y))
    noise = np.random.default_rng(0).normal(size=waves.shape)
    gk.write_image("two.png", np.rint(128 + 60 * waves + 10 * noise).astype(np.uint8))
    cloth = weave((128, 128))
    cloth[50:74, 50:74] = cloth[50:74, 50:74].mean()  # worn off
    gk.write_image("cloth.png", np.rint(255 * _scaled(cloth)).astype(np.uint8))
    ridges = synthetic_fingerprint((96, 96), seed=0).image
    gk.write_image("print.png", np.rint(255 * _scaled(ridges)).astype(np.uint8))
    return empty_folder


def _scaled(values):
    return (values - values.min()) / np.ptp(values)


@pytest.mark.parametrize(
    ("recipe", "picture", "texts"),
    [
        ("segment", "two.png", {"count": "2"}),
        ("segment", "two.png", {"strokes": LINES, "width": "3"}),
        ("orient", "two.png", {"wavelength": "5", "method": "energy"}),
        ("edges", "print.png", {"by": "energy", "low": "0.15", "high": "0.3"}),
        ("defects", "cloth.png", {"false_alarms": "0.2"}),
        ("enhance", "print.png", {"ridges": "light", "thin": "1"}),
        ("enhance", "print.png", {}),
    ],
)
def test_a_recipe_is_what_python_and_command_write(pictures, recipe, picture, texts):
    answer = show("recipes", Desk(picture), recipe=recipe, **texts)
    for name, address in answer["files"].items():
        Path(name).write_bytes(content_of(address))
    _, [(by_python, by_command)] = both(answer, f"{recipe}.png")
    np.testing.assert_array_equal(by_python, by_command)
    shown = pixels(answer["panels"][1])
    np.testing.assert_array_equal(
        shown, by_command.astype(np.uint8) * (255 if by_command.dtype == bool else 1)
    )
    assert np.ptp(shown) > 0


def test_strokes_teach_the_textures_that_they_are_on(pictures):
    answer = show("recipes", Desk("two.png"), recipe="segment", strokes=LINES, width="3")
    panel = answer["panels"][0]
    assert panel["draw"] == "strokes"
    assert len(panel["pens"]) == 4
    painted = pixels(answer["titles"]["Textures"])
    for pen, half in enumerate((painted[:, :24], painted[:, 40:])):
        colour = panel["pens"][pen].removeprefix("rgb(").removesuffix(")").split()
        assert np.mean((half == np.array(colour, int)).all(-1)) > 0.9


@pytest.mark.parametrize("measure", ["energy", "congruency"])
def test_thresholds_that_move_find_the_edges_of_the_whole_recipe(pictures, measure):
    desk = Desk("print.png")
    inks = np.array(INKS, np.uint8)
    for low, high in ((0.05, 0.3), (0.2, 0.2), (0.4, 0.6)):
        texts = {"recipe": "edges", "by": measure, "low": str(low), "high": str(high)}
        shown = pixels(show("recipes", desk, **texts)["panels"][1])
        expected = find_edges(gk.read_image("print.png"), measure=measure, low=low, high=high)
        np.testing.assert_array_equal(shown, inks[expected.kind])
    with pytest.raises(gk.FeatureError, match=r"low 0\.5 is above high 0\.2"):
        show("recipes", desk, recipe="edges", low="0.5")


def test_false_alarms_that_move_find_the_defects_of_the_whole_recipe(pictures):
    cloth, sound = gk.read_image("cloth.png"), np.rint(99 * _scaled(weave((128, 128))))
    for reference in (None, sound):
        first = find_defects(cloth, reference)
        for probability in (0.001, 0.3):
            moved = first.with_false_alarms(probability)
            whole = find_defects(cloth, reference, false_alarms=probability)
            assert moved.threshold == whole.threshold
            np.testing.assert_array_equal(moved.mask, whole.mask)
    with pytest.raises(gk.FeatureError, match=r"false_alarms=1\.5 is no probability"):
        first.with_false_alarms(1.5)


def test_a_desk_does_the_same_work_once_and_forgets_the_oldest(pictures):
    desk, calls = Desk("two.png"), []
    image = desk.plane("two.png")

    def work(image, k):
        calls.append(k)
        return k

    for k in (0, 0, 1, 2, 1, 3, 4, 1, 0):
        assert desk.once(work, image, k) == k
    assert calls == [0, 1, 2, 3, 4, 0]
    desk.once(work, image.copy(), 0)
    assert len(calls) == 7


@pytest.mark.parametrize(
    ("picture", "texts", "words"),
    [
        ("sample:camera", {"recipe": "segment", "count": "2"}, "Preview at 1/11 of the size"),
        (
            "sample:camera",
            {"recipe": "segment", "strokes": "1:60,40,140,60;2:60,400,200,440"},
            "Preview at 1/11 of the size",
        ),
        ("sample:coins", {"recipe": "orient"}, "Preview of the middle"),
    ],
)
def test_a_preview_shows_less_and_says_so(picture, texts, words):
    desk = Desk()
    quick = TABS["recipes"].answer({"picture": picture, **texts}, desk, preview=True)
    assert quick["preview"].startswith(words)
    assert quick["python"] == quick["command"] == ""
    source, result = quick["panels"]
    assert result["legend"] == quick["preview"]
    assert (result["height"], result["width"]) == (source["height"], source["width"])
    assert len(np.unique(pixels(result).reshape(-1, 3), axis=0)) > 1
    if texts["recipe"] == "orient":  # in its middle the preview is the whole
        whole = TABS["recipes"].answer({"picture": picture, **texts}, desk)
        height, width = source["height"] // 2, source["width"] // 2
        window = np.s_[height - 8 : height + 8, width - 8 : width + 8]
        shown, expected = (pixels(one["panels"][1])[window] for one in (quick, whole))
        assert abs(shown.astype(int) - expected).mean() < 8
        assert whole["preview"] == ""


@pytest.mark.parametrize(
    ("tab", "texts"),
    [
        ("kernel", {}),
        ("recipes", {"recipe": "edges"}),
        ("recipes", {"recipe": "orient", "picture": "two.png"}),
        ("recipes", {"recipe": "segment", "strokes": "2:4,4"}),
    ],
)
def test_what_is_quick_is_shown_whole_at_once(pictures, tab, texts):
    answer = TABS[tab].answer(texts, Desk("two.png"), preview=True)
    assert answer["preview"] == ""
    assert answer["python"] or answer["notes"]


def test_strokes_of_one_pen_ask_for_another(pictures):
    answer = show("recipes", Desk("two.png"), recipe="segment", strokes="2:4,4")
    assert answer["notes"] == ["paint another texture with another pen"]
    assert [panel["draw"] for panel in answer["panels"]] == ["strokes"]
    assert answer["python"] == answer["command"] == ""


STROKES = Strokes(name="strokes", label="", default=())


@given(
    st.lists(
        st.builds(
            Stroke,
            st.integers(1, 4),
            st.lists(st.tuples(st.integers(0, 99999), st.integers(0, 99999)), min_size=1).map(
                tuple
            ),
        ),
        max_size=5,
    ).map(tuple)
)
def test_strokes_are_texts_and_back(strokes):
    assert STROKES.parse(STROKES.text(strokes)) == strokes


@pytest.mark.parametrize(
    "text", ["1:3", "5:1,1", "0:1,1", "x", "1:1,-1", "1:1,1;", "1:1,1e3", "1:999999,1", ";" * 999]
)
def test_what_is_no_stroke_is_refused(text):
    with pytest.raises(Exception, match=r"strokes .*: give "):
        STROKES.parse(text)


def test_a_stroke_covers_its_width():
    painted = paint([Stroke(3, ((10, 20), (30, 20)))], (40, 50), 5)
    rows, columns = np.nonzero(painted == 3)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (18, 22, 8, 32)
    dot = paint([Stroke(1, ((5, 6),))], (12, 12), 3)
    assert np.argwhere(dot).mean(0).tolist() == [6, 5]
    assert 5 <= dot.sum() <= 9


# ---- models ----


@pytest.fixture
def desk(empty_folder, request):
    """A desk with the runs that a test names."""
    Path("runs").mkdir()
    for name in request.param:
        Path("runs", name).symlink_to(request.getfixturevalue(name))
    return Desk()


@pytest.mark.parametrize(
    ("desk", "texts"),
    [
        (["vae_run"], {"at": "1,-0.5"}),
        (["conditional_run"], {"label": "3"}),
        (["vae_run"], {"view": "a way between two", "a": "3", "b": "8"}),
        (["conditional_run"], {"view": "a way between two"}),
    ],
    indirect=["desk"],
)
def test_latents_are_those_of_python_and_command(desk, texts):
    answer = show("latent", desk, **texts)
    name = "interpolation.png" if "view" in texts else "latent.png"
    _, [(by_python, by_command)] = both(answer, name)
    np.testing.assert_array_equal(by_python, by_command)
    np.testing.assert_array_equal(pixels(answer["panels"][0]), by_command)


@pytest.mark.parametrize("desk", [["pixelcnn_run"]], indirect=True)
def test_a_drawing_is_completed_as_by_python_and_command(desk):
    answer = show("latent", desk, strokes="1:30,30,120,60", draws="2", seed="5", label="7")
    Path("drawing.png").write_bytes(content_of(answer["files"]["drawing.png"]))
    drawing = gk.read_image("drawing.png")
    assert drawing.shape == (16, 16)
    assert drawing[:8].max() == 255
    run_python(answer)
    row = gk.read_image("completed.png")
    np.testing.assert_array_equal(pixels(answer["titles"]["Completed"]), row)
    run_command(answer)
    # The same three pictures, in a column instead of a row.
    column = gk.read_image("completed.png")
    for k in range(3):
        start = 2 + k * (16 * 4 + 2)
        np.testing.assert_array_equal(
            column[start : start + 64, 2:66], row[2:66, start : start + 64]
        )


@pytest.mark.parametrize("desk", [["pixelcnn_run"]], indirect=True)
def test_while_a_slider_moves_a_drawing_is_not_completed(desk):
    texts = {"strokes": "1:30,30,120,60", "draws": "2", "width": "30"}
    quick = TABS["latent"].answer(texts, desk, preview=True)
    assert quick["preview"] == "Preview without completions; they follow."
    whole = TABS["latent"].answer(texts, desk)
    assert whole["preview"] == ""
    sheets, (before, after) = zip(*(answer["panels"] for answer in (quick, whole)), strict=True)
    assert sheets[0] == sheets[1]
    before, after = pixels(before), pixels(after)
    assert before.shape == after.shape
    # The drawing is there as a whole; of what is to be completed, the upper half.
    np.testing.assert_array_equal(before[:, :68], after[:, :68])
    np.testing.assert_array_equal(before[:34], after[:34])
    assert not before[34:66, 68:132].any()


@pytest.mark.parametrize("desk", [["vae_run"]], indirect=True)
def test_what_a_model_decodes_has_no_preview(desk):
    for texts in ({}, {"view": "a way between two"}):
        assert TABS["latent"].answer(texts, desk, preview=True)["preview"] == ""


@pytest.mark.parametrize("desk", [["vae_run", "conditional_run", "pixelcnn_run"]], indirect=True)
def test_each_model_has_its_own_controls(desk):
    def names(run, **texts):
        answer = show("latent", desk, run=f"runs/{run}", **texts)
        return answer["python"]

    assert "runs/vae_run" in names("vae_run")
    assert "image_at(model, [0,0], 0)" in names("conditional_run")
    assert "complete(" in names("pixelcnn_run")
    with pytest.raises(Exception, match="view a completed drawing: give one of one picture"):
        names("vae_run", view="a completed drawing")
    with pytest.raises(Exception, match="at 1,2,3: give at most 2 numbers from -4 to 4"):
        names("vae_run", at="1,2,3")
    with pytest.raises(Exception, match="runs/other: give one of"):
        names("other")


def test_without_a_model_the_page_says_how_to_make_one(empty_folder):
    with pytest.raises(Exception, match=r"no trained model in runs/: gaborkit train vae"):
        show("latent")


def test_a_damaged_run_is_no_model_of_the_page(empty_folder):
    Path("runs/broken").mkdir(parents=True)
    Path("runs/broken/config.json").write_text("{")
    with pytest.raises(Exception, match="no trained model"):
        show("latent")


def test_the_picture_of_one_point(vae_run, empty_folder):
    from gaborkit.generative import ImageModel, latent

    model = ImageModel.from_pretrained(vae_run, device="cpu")
    whole = latent.traverse(model, np.zeros((1, 8, 8), np.float32), [0], 2.0, steps=3)
    assert latent.image_at(model, [0.5]).shape == whole.shape[2:]
    mean, deviation = model.model.latent_spread()
    here = (mean + deviation * torch.tensor([0.5, -1]))[None]
    np.testing.assert_allclose(
        latent.image_at(model, [0.5, -1]), latent.images_of(model, here)[0], atol=1e-6
    )
    for wrong in ([0, 0, 0], [float("nan")]):
        with pytest.raises(gk.ModelError, match="give up to 2 finite numbers"):
            latent.image_at(model, wrong)
    assert "give up to 2 finite numbers" in run("latent", vae_run, "--at=1,2,3").stderr
    assert "no finite numbers with commas" in run("latent", vae_run, "--at=1,x").stderr
    refused = run("latent", vae_run, "--at=1", "--manifold").stderr
    assert "--manifold and --at are different drawings" in refused
    assert (
        "pictures of --at are written as .png"
        in run("latent", vae_run, "--at=1", "--out", "a.svg").stderr
    )
