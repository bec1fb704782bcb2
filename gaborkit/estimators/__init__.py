"""Gabor features and classifiers for scikit-learn (``pip install "gaborkit[learn]"``)."""

from __future__ import annotations

from .affine import AffinePCAClassifier
from .features import GaborFeatures
from .scaling import ChannelScaler
from .support import SupportVectorClassifier
from .whitening import WithinClassWhitener

__all__ = [
    "AffinePCAClassifier",
    "ChannelScaler",
    "GaborFeatures",
    "SupportVectorClassifier",
    "WithinClassWhitener",
]
