"""Gabor layers for torch networks."""
