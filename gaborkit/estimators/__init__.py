"""Gabor features and classifiers for scikit-learn."""
