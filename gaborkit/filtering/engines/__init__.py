"""Engines: ways to convolve pictures with kernels. Each gives the same result.

:mod:`.base` says what one is, ``registry`` lists them.
"""
