"""What a kernel is: its formula, families, parameters and their limits, and published banks.

::

    parameters, validation                    numbers, and what is allowed
    frequency_response, formula, hermite      psi in closed form, and as a sum of separable terms
    conventions/                              other libraries' parameters
    base, gabor, log_gabor                    what every kernel offers, and two families
    presets                                   which are published together
"""
