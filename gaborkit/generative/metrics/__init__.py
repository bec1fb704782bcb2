"""Measures of generated images and of likelihoods: pure functions, each with its source.

Examples
--------
>>> import torch
>>> from gaborkit.generative import metrics
>>> metrics.count_modes(metrics.class_histogram(torch.tensor([1, 1, 7])))
2
"""

from .classifier import DigitClassifier
from .collapse import Collapse, CollapseWatch
from .embedding import scattering_embedding
from .figures import Evaluation, Figure, compare
from .likelihood import Domain, likelihood_domain, likelihood_figures
from .modes import class_histogram, count_modes, histogram_divergence
from .neighbours import (
    DensityCoverage,
    PrecisionRecall,
    density_coverage,
    duplicates_share,
    nearest_distances,
    precision_recall,
)
from .quality import frechet_distance, gaussian_frechet_distance, inception_score
from .sets import set_figures
from .shipped import Judgement, digit_classifier, judge
from .stacked import mode_figures, modes_of
from .train_on_samples import train_on_synthetic

__all__ = [
    "Collapse",
    "CollapseWatch",
    "DensityCoverage",
    "DigitClassifier",
    "Domain",
    "Evaluation",
    "Figure",
    "Judgement",
    "PrecisionRecall",
    "class_histogram",
    "compare",
    "count_modes",
    "density_coverage",
    "digit_classifier",
    "duplicates_share",
    "frechet_distance",
    "gaussian_frechet_distance",
    "histogram_divergence",
    "inception_score",
    "judge",
    "likelihood_domain",
    "likelihood_figures",
    "mode_figures",
    "modes_of",
    "nearest_distances",
    "precision_recall",
    "scattering_embedding",
    "set_figures",
    "train_on_synthetic",
]
