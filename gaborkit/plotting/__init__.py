"""Figures of kernels, banks, spectra and responses: matplotlib, without pyplot or a display.

Every function returns a :class:`matplotlib.figure.Figure` and changes no setting of matplotlib;
:func:`save_figure` writes it.

Examples
--------
>>> import gaborkit as gk
>>> figure = gk.plotting.plot_coverage(gk.GaborBank.preset("kymatio", J=2, L=4))
>>> figure.axes[0].get_xlabel()
'fx (cycles/px)'
"""

from .coverage import littlewood_paley, plot_coverage
from .gallery import plot_bank
from .learning import plot_learning
from .orientation_hues import orientation_colours, orientation_wheel, plot_orientation
from .responses import plot_responses
from .saving import save_figure
from .surfaces import plot_kernel

__all__ = [
    "littlewood_paley",
    "orientation_colours",
    "orientation_wheel",
    "plot_bank",
    "plot_coverage",
    "plot_kernel",
    "plot_learning",
    "plot_orientation",
    "plot_responses",
    "save_figure",
]
