"""
Digits from few examples
========================

Scattering against pixels, by three classifiers. Needs scikit-learn.

Run: ``python examples/15_few_shot_digits.py [FOLDER]``
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import gaborkit as gk
from gaborkit.estimators import (
    AffinePCAClassifier,
    ChannelScaler,
    GaborFeatures,
    SupportVectorClassifier,
    WithinClassWhitener,
)
from gaborkit.features import ScatteringDescriptor

SIZES = (50, 100, 200, 500, 1000)

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

digits = gk.generative.load_dataset("mini")
images, labels = digits.train.images[:1000, 0].numpy(), digits.train.labels[:1000].numpy()
unseen, truth = digits.test.images[:, 0].numpy(), digits.test.labels.numpy()

# %%
# Described once; square roots tame the largest coefficients, scales bring out the smallest.
describe = make_pipeline(
    GaborFeatures(ScatteringDescriptor(J=3, L=6, cells=7, log=False)),
    FunctionTransformer(np.sqrt),
    ChannelScaler(places=7 * 7),
)
coefficients = describe.fit_transform(images / np.float32(255))
other = describe.transform(unseen / np.float32(255))
pixels, other_pixels = (x.reshape(len(x), -1) / 255 for x in (images, unseen))

errors: dict[str, list[float]] = {}
for size in SIZES:
    machine = SupportVectorClassifier()
    # Within the span of the examples, what varies within the classes counts less.
    whitened = make_pipeline(PCA(size - 1), WithinClassWhitener(), machine)
    for name, model, known, asked in (
        ("pixels, SVM", machine, pixels, other_pixels),
        ("scattering, SVM", machine, coefficients, other),
        ("scattering, affine spaces", AffinePCAClassifier(), coefficients, other),
        ("scattering, whitened, SVM", whitened, coefficients, other),
    ):
        found = model.fit(known[:size], labels[:size]).predict(asked)
        errors.setdefault(name, []).append(100 * np.mean(found != truth))
for name, values in errors.items():
    print(f"{name:>26}: " + ", ".join(f"{value:.1f} %" for value in values))

figure = Figure(figsize=(9, 4), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=(1.1, 1))
axes = left.subplots()
for name, values in errors.items():
    axes.plot(SIZES, values, "o-", label=name)
axes.set(xscale="log", yscale="log", xlabel="training digits", ylabel="errors, %")
axes.set_xticks(SIZES, map(str, SIZES))
axes.set_yticks(ticks := (2, 5, 10, 20, 40), map(str, ticks))
axes.minorticks_off()
axes.grid(alpha=0.3)
axes.legend(frameon=False)

misread = np.flatnonzero(found != truth)[:15]
right.suptitle(f"misread after learning from {SIZES[-1]} digits", fontsize=10)
panels = right.subplots(3, 5).flat
for panel in panels:
    panel.axis("off")
for panel, k in zip(right.axes, misread, strict=False):
    panel.imshow(unseen[k], cmap="gray_r")
    panel.set_title(f"{truth[k]} taken for {found[k]}", fontsize=7)
gk.plotting.save_figure(figure, folder / "few_shot_digits.png", dpi=110)
