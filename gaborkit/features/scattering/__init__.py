"""Scattering of order 0, 1 and 2 over a Gabor bank."""
