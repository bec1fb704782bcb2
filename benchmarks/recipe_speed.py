"""Times of recipes, in `filter`s of their banks and beside their peers': a part of recipes.py."""

from __future__ import annotations

import numpy as np
import skimage.data
from measuring import seconds, table
from skimage.feature import structure_tensor
from skimage.filters import frangi

import gaborkit as gk
from gaborkit.features import (
    Gist,
    Scattering,
    Texture,
    jets,
    local_orientation,
    phase_congruency,
    phase_symmetry,
)
from gaborkit.vision import (
    competitive_code,
    find_defects,
    find_edges,
    find_iris,
    find_vessels,
    segment_textures,
    synthetic_eye,
    synthetic_palm,
)
from gaborkit.vision.fingerprint import (
    enhance_fingerprint,
    find_minutiae,
    synthetic_fingerprint,
)

try:
    import phasepack
except ImportError:
    phasepack = None
try:
    from scattering import kymatio_front_ends

    kymatio_scattering = kymatio_front_ends()[0]
except ImportError:
    kymatio_scattering = None


def speed():
    image = gk.read_image("sample:camera").astype(np.float32)
    print("## Speed\n")
    print(
        "512 x 512, float32: CPU time, and as a multiple of `filter` with the recipe's own bank.\n"
    )
    grid, kovesi = gk.GaborBank.grid(), gk.GaborBank.preset("kovesi")
    manjunath = gk.GaborBank.preset("manjunath")
    gist = Gist()
    rows = []

    def add(name, work, bank=None, asked="", peer=None):
        own = seconds(work)
        times = f"{own / seconds(lambda: bank.filter(image)):.1f}" if bank is not None else ""
        rows.append((name, f"{1000 * own:.0f} ms", times, asked, peer or ""))

    def peer(name, work):
        return f"{name} {1000 * seconds(work, 1):.0f} ms"

    add("filter, 32 kernels", lambda: grid.filter(image))
    add(
        "local_orientation",
        lambda: local_orientation(image, grid),
        grid,
        "at most 3",
        peer("structure tensor", lambda: structure_tensor(image, sigma=2)),
    )
    pack = peer("phasepack", lambda: phasepack.phasecong(image)) if phasepack else ""
    add("phase_congruency", lambda: phase_congruency(image), kovesi, "at most 3", pack)
    pack = peer("phasepack", lambda: phasepack.phasesymmono(image)) if phasepack else ""
    add("phase_symmetry", lambda: phase_symmetry(image), None, "", pack)
    two = gk.GaborBank.grid(scales=2, orientations=8)
    add("find_edges", lambda: find_edges(image, two), two, "at most 3")
    add("Texture", lambda: Texture().describe(image), manjunath, "at most 3")
    add("GIST", lambda: gist.describe(image), grid, "at most 3")
    points = np.random.default_rng(0).uniform(40, 470, (100, 2))
    bob = gk.GaborBank.preset("bob")
    add("100 jets at points", lambda: jets(image, points, bob), bob, "50 ms")
    add("building a frame", lambda: (gk.clear_caches(), grid.frame(image.shape)), None, "100 ms")
    add("the same frame again", lambda: grid.frame(image.shape))
    frame = grid.frame(image.shape)
    add("analysis", lambda: frame.analyze(image), grid, "at most 2")
    coefficients = frame.analyze(image)
    add("synthesis", lambda: frame.synthesize(coefficients), grid, "at most 2")
    add("segment_textures, 3", lambda: segment_textures(image, 3), None, "300 ms")
    brick = gk.read_image("sample:brick").astype(np.float32)
    add("find_defects", lambda: find_defects(brick), None, "300 ms")
    retina = np.asarray(skimage.data.retina()[300:812, 300:812, 1], np.float32)
    vessel_peer = peer("Frangi", lambda: frangi(retina, sigmas=[1, 1.5, 2, 3]))
    add("find_vessels", lambda: find_vessels(retina), None, "", vessel_peer)
    print_ = synthetic_fingerprint((512, 512), kind="whorl")
    add("enhance_fingerprint", lambda: enhance_fingerprint(print_.image))
    enhanced = enhance_fingerprint(print_.image)
    add("find_minutiae", lambda: find_minutiae(enhanced))
    eye = synthetic_eye(0, shape=(480, 640)).image
    add("find_iris, 480 x 640", lambda: find_iris(eye))
    palm = synthetic_palm(0)
    add("competitive_code, 128 x 128", lambda: competitive_code(palm))
    if kymatio_scattering is not None:
        scattering = Scattering(J=4, L=8)
        theirs = kymatio_scattering(J=4, L=8, shape=image.shape)
        row = peer("kymatio, NumPy", lambda: theirs(image))
        add("scattering, J = 4, L = 8", lambda: scattering(image), None, "a sixth of kymatio", row)
    head = ("512 x 512", "CPU", "times `filter`", "asked", "peer")
    table(head, rows)
