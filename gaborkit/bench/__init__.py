"""Measuring: gaborkit beside the libraries that are installed.

``contestants`` are gaborkit's engines and what SciPy and OpenCV offer, ``peers`` other libraries;
``compare`` times them all on one problem.
"""
