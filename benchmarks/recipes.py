"""Recipes on data made here, their figures beside their peers', and their times in `filter`s.

``python benchmarks/recipes.py [PART...]`` prints benchmarks/recipes.md: CPU time in one thread, the
least of some runs. Vessels, eyes, palms and prints are generated: their truth is known, and they
are no photographs.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import platform
import sys
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from matplotlib.colors import hsv_to_rgb
from measuring import seconds, table
from recipe_speed import speed
from skimage.filters import frangi, sato
from skimage.registration import optical_flow_ilk, optical_flow_tvl1

import gaborkit as gk
from gaborkit.features import (
    decidability,
    hamming_distance,
)
from gaborkit.vision import (
    angular_distance,
    competitive_code,
    draw_iris,
    eye_code,
    field_of_view,
    find_iris,
    find_vessels,
    fit_vessels,
    optical_flow,
    palm_region,
    synthetic_eye,
    synthetic_hand,
    synthetic_palm,
    synthetic_vessels,
)
from gaborkit.vision.error_rates import area_under_roc, equal_error_rate
from gaborkit.vision.fingerprint import (
    FingerprintEnhancement,
    degrade_fingerprint,
    draw_minutiae,
    enhance_fingerprint,
    find_minutiae,
    synthetic_fingerprint,
)
from gaborkit.vision.polylines import draw_polyline
from gaborkit.vision.synthetic import sand

# ---- figures ----


def resized(plane, scale):
    size = tuple(round(n * scale) for n in plane.shape[::-1])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(plane.astype(np.float32), size, interpolation=method)


def prints():
    print("## Fingerprints\n")
    print(
        "Six generated prints of 400 x 320, as they are and spoiled (dry, wet, noise, scratches):"
    )
    print("least overlap of the mask with that of the print's own size, and minutiae against those")
    print("of the ridges that were drawn (within a ridge's distance and 45 degrees).\n")
    damages = {
        "none": {},
        "noise 0.3": {"noise": 0.3},
        "dry, noise, scratches": {"noise": 0.2, "moisture": -0.7, "scratches": 8},
        "wet, noise, blur": {"noise": 0.15, "moisture": 0.7, "blur": 1},
    }
    rows = []
    truths = [
        synthetic_fingerprint((400, 320), kind=kind, seed=seed)
        for kind in ("arch", "loop", "whorl")
        for seed in (10, 11)
    ]
    for name, damage in damages.items():
        overlaps, recalled, right = {s: [] for s in (0.4, 0.7, 1.4, 2)}, [], []
        for truth in truths:
            image = degrade_fingerprint(truth.image, seed=0, **damage) if damage else truth.image
            own = enhance_fingerprint(image)
            for scale, values in overlaps.items():
                mask = enhance_fingerprint(resized(image, scale)).mask
                same = resized(own.mask, scale) > 0.5
                values.append((mask & same).sum() / (mask | same).sum())
            drawn = FingerprintEnhancement(
                np.where(truth.ridges, -1, 1) * truth.mask.astype("f4"),
                truth.ridges,
                truth.mask,
                truth.orientation,
                truth.frequency,
                np.ones(truth.mask.shape, "f4"),
            )
            one, other = find_minutiae(drawn), find_minutiae(own)
            apart = np.hypot(*(one.position[:, None] - other.position).transpose(2, 0, 1))
            turn = np.angle(np.exp(1j * (one.angle[:, None] - other.angle)))
            same = (apart < 9) & (abs(turn) < np.pi / 4)
            recalled.append(same.any(1).mean())
            right.append(same.any(0).mean())
        shares = [f"{min(values):.1%}" for values in overlaps.values()]
        rows.append((name, *shares, f"{np.mean(recalled):.2f}", f"{np.mean(right):.2f}"))
    head = ("damage", "0.4 times", "0.7", "1.4", "2", "minutiae recalled", "and right")
    table(head, rows)


def vessels():
    print("## Vessels\n")
    print("Ten generated trees of 400 x 400 (seeds 1000 to 1009; the models learn from six")
    print("others): area under the ROC curve in the field of view, mean and deviation.")
    print("Frangi and Sato with sigmas 1, 1.5, 2 and 3.\n")
    train = [synthetic_vessels(seed=seed) for seed in range(6)]
    parts = [list(part) for part in zip(*train, strict=True)]
    models = {m: fit_vessels(*parts, method=m) for m in ("line", "gabor", "both")}
    scores = {}
    for seed in range(1000, 1010):
        image, truth, field = synthetic_vessels(seed=seed)
        filled = np.where(field, image, image[field].mean())
        sigmas = [1, 1.5, 2, 3]
        answers = {
            "Frangi (scikit-image)": frangi(filled, sigmas=sigmas, black_ridges=True),
            "Sato (scikit-image)": sato(filled, sigmas=sigmas, black_ridges=True),
            "Gabor (Soares et al.), none": find_vessels(image, mask=field, method="gabor").score,
            "lines (Nguyen et al.), none": find_vessels(image, mask=field, method="line").score,
            "both, none": find_vessels(image, mask=field).score,
            "Gabor, by examples": models["gabor"].predict(image, mask=field).score,
            "lines, by examples": models["line"].predict(image, mask=field).score,
            "both, by examples": models["both"].predict(image, mask=field).score,
        }
        for name, score in answers.items():
            scores.setdefault(name, []).append(area_under_roc(score[field], truth[field]))
    rows = [(name, f"{np.mean(v):.4f}", f"{np.std(v):.4f}") for name, v in scores.items()]
    table(("method, examples", "AUC", "deviation"), rows)


def persons(title, text, make, compare, count=20):
    codes = [[make(person, k) for person in range(count)] for k in range(2)]
    distances = np.array([[compare(a, b) for b in codes[1]] for a in codes[0]])
    same, different = np.diag(distances), distances[~np.eye(count, dtype=bool)]
    print(f"## {title}\n\n{text}\n")
    table(
        ("same", "different", "d'", "equal error rate"),
        [
            (
                f"{same.mean():.3f} +- {same.std():.3f}, at most {same.max():.3f}",
                f"{different.mean():.3f} +- {different.std():.3f}, at least {different.min():.3f}",
                f"{decidability(same, different):.1f}",
                f"{100 * equal_error_rate(same, different):.2f} %",
            )
        ],
    )


def boundaries():
    errors = []
    for person in range(20):
        eye = synthetic_eye(person, 7)
        limits = find_iris(eye.image)
        errors.append(
            [
                np.abs(np.subtract(limits.pupil, eye.pupil)).max(),
                np.abs(np.subtract(limits.iris, eye.iris)).max(),
                1 - (limits.mask & eye.mask).sum() / (limits.mask | eye.mask).sum(),
            ]
        )
    middle, most = np.median(errors, 0), np.max(errors, 0)
    print("Boundaries, median and largest error over 20 eyes of 240 x 320: pupil")
    print(
        f"{middle[0]:.2f} and {most[0]:.2f} pixels, iris {middle[1]:.2f} and {most[1]:.2f}; what is"
    )
    print(f"seen differs in {middle[2]:.1%} and {most[2]:.1%} of the union.\n")


def flow():
    print("## Flow\n")
    print(
        "Noise of 160 x 160 turned by 2.9 degrees and enlarged by 4 %, up to 6 pixels: median and"
    )
    print("ninth decile of the end-point error, 12 pixels from the border, and CPU time.\n")
    from scipy.ndimage import map_coordinates

    image = sand((160, 160), 9)
    y, x = np.mgrid[:160, :160] - 79.5
    true_x, true_y = 0.04 * x - 0.05 * y, 0.05 * x + 0.04 * y
    inverse = np.linalg.inv([[1.04, -0.05], [0.05, 1.04]])
    back = np.stack([inverse[1, 0] * x + inverse[1, 1] * y, inverse[0, 0] * x + inverse[0, 1] * y])
    second = map_coordinates(image, back + 79.5, order=3, mode="reflect")
    inner = (slice(12, -12), slice(12, -12))
    one, other = (np.asarray(p, np.float32) for p in (image, second))
    ways = {
        "gaborkit": lambda: tuple(optical_flow(one, other)[:2]),
        "TV-L1 (scikit-image)": lambda: optical_flow_tvl1(one, other)[::-1],
        "iterative Lucas-Kanade (scikit-image)": lambda: optical_flow_ilk(one, other)[::-1],
    }
    rows = []
    for name, way in ways.items():
        found_x, found_y = way()
        error = np.hypot(found_x - true_x, found_y - true_y)[inner]
        rows.append(
            (name, f"{np.median(error):.3f}", f"{np.quantile(error, 0.9):.3f}",
             f"{seconds(way, 1):.2f} s")
        )  # fmt: skip
    table(("method", "median", "ninth decile", "CPU"), rows)


# ---- the picture ----


def picture():
    """Minutiae of a spoiled print, vessels of a photograph, an eye, a palm's code."""
    side = 320
    truth = synthetic_fingerprint((400, 320), kind="whorl", seed=1)
    spoiled = degrade_fingerprint(truth.image, noise=0.2, moisture=-0.5, scratches=10, seed=0)
    minutiae = find_minutiae(enhance_fingerprint(spoiled))
    retina = skimage.data.retina()
    field = field_of_view(retina)
    found = find_vessels(retina[..., 1], mask=field, width=17)
    eye = synthetic_eye(6, 1).image
    hand = synthetic_hand(2, turn=10).image
    region = palm_region(hand)
    draw_polyline(hand, np.concatenate([region.corners, region.corners[:1]]), 3, 1.0)
    index = competitive_code(region.image, step=(1, 1)).index
    code = hsv_to_rgb(np.stack([index / 6, *np.ones((2, *index.shape))], -1))
    panels = [
        draw_minutiae(spoiled, minutiae),
        retina,
        np.dstack([255 * found.mask.astype(np.uint8)] * 3),
        draw_iris(eye, find_iris(eye)),
        *(np.dstack([np.rint(255 * p).astype(np.uint8)] * 3) for p in (hand, region.image)),
        np.rint(255 * code).astype(np.uint8),
    ]
    sized = [
        cv2.resize(p, (round(p.shape[1] * side / len(p)), side), interpolation=cv2.INTER_AREA)
        for p in panels
    ]
    rows = [np.concatenate(sized[:4], 1), np.concatenate(sized[4:], 1)]
    width = max(row.shape[1] for row in rows)
    padded = [
        np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255)
        for row in rows
    ]
    gk.write_image(Path(__file__).with_name("recipes.png"), np.concatenate(padded))


def eyes():
    persons(
        "Irises",
        "Twenty generated eyes, two photographs each, end to end; turned by up to 6 degrees, lids "
        "over up to a\nquarter, other light, pupils and places.",
        lambda person, k: eye_code(synthetic_eye(person, k).image),
        lambda a, b: hamming_distance(a, b, shifts=8).distance,
    )
    boundaries()


def palms():
    persons(
        "Palmprints",
        "Twenty generated palms, two photographs each, turned by up to 2 degrees and moved by 3 %.",
        lambda person, k: competitive_code(synthetic_palm(person, k)),
        lambda a, b: angular_distance(a, b).distance,
    )
    persons(
        "Palmprints from hands",
        "Twenty generated hands, two photographs each, fingers spread anew, turned by up to 20 "
        "degrees and 0.85 to 1.1\ntimes as large: palms found and cut out by `palm_region`.",
        lambda person, k: competitive_code(palm_region(synthetic_hand(person, k).image).image),
        lambda a, b: angular_distance(a, b).distance,
    )


PARTS = {
    "prints": prints,
    "vessels": vessels,
    "eyes": eyes,
    "palms": palms,
    "flow": flow,
    "speed": speed,
    "picture": picture,
}


if __name__ == "__main__":
    print("# Recipes\n")
    print(
        f"`python benchmarks/recipes.py`, one thread; Python {platform.python_version()}, "
        f"NumPy {np.__version__}, OpenCV {cv2.__version__}, scikit-image {skimage.__version__}."
    )
    print("Data are generated (`gaborkit.vision.synthetic_*`): no photographs, no set that others")
    print("measure on, and so no figures to be compared with theirs.\n")
    chosen = sys.argv[1:]
    for name, part in PARTS.items():
        if not chosen or name in chosen:
            part()
