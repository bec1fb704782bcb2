"""The constants of the planner's model of times: one table, which ``benchmarks/planner.py`` fits.

Each engine's time is a sum of counts of its work, which the engine counts itself, times these.
"""

from __future__ import annotations

# Nanoseconds for a unit of each engine's work in one thread, fitted to timings of
# benchmarks/planner.py. Double precision takes twice as long by element.
MULTIPLY = 0.036  # one multiplication and addition in a matrix product
UNFOLD = 0.9  # one element copied while unfolding windows
TAP = 0.035  # one pair of taps of a row or column pass, at one pixel
WRITE = 0.19  # one product mixed into a response, at one pixel
HALVE = 1.2  # one pixel of a picture halved
DOUBLE = 1.2  # one response doubled and written, at one pixel
BUTTERFLY = 0.49  # one element of a complex transform, per bit of its size
PRODUCT = 0.2  # one element of a spectrum multiplied by a kernel's, of a kernel's kept
CONVOLUTION = 0.06  # one multiplication and addition in torch's conv2d
SAMPLE = 59.0  # one tap of a kernel sampled
COLUMN = 0.027  # as TAP, of a column pass
SPARSE = 1.3  # as much longer takes a column pass that shares its row pass with one other only
LINE = 0.011e6  # one term of a kernel laid out and compared with others'
SET = 1.7e6  # elongated kernels that are factorized together, beside their terms
WAVES = 0.66e6  # round kernels factorized, beside their terms
FACTOR = 1.3  # the search for terms, per tap of a side and square of their number
KERNEL = 0.02e6  # one round kernel transformed
SPECTRA = 0.48e6  # a block of transforms of kernels made
BLOCK = 0.2e6  # some kernels taken up by the Fourier engine
DIRECT = 0.55e6  # the direct engine called
BEGIN = 0.44e6  # the compiled code called
STAGE = 0.052e6  # one of its stages

#: Calls of one bank that a plan is made for: what the first one prepares is shared among them.
CALLS = 4
