"""Engines: ways to convolve a padded image with kernels. Each gives the same result.

An engine is a function ``respond(library, padded, margin, kernels, ..., outs)``. ``padded`` is a
real array (B, H + 2 margin, W + 2 margin) and no kernel's radius exceeds ``margin``; the answer is
a list of complex arrays (B, H, W), a kernel each. NumPy engines write into ``outs`` and return it.
"""
