"""The Gabor kernel in the conventions of the article and of other libraries.

One origin a file. Every ``from_*`` takes the origin's own argument names, and every ``to_*`` gives
them back: ``from_x(**kernel.to_x())`` is the same function, with ``scale`` folded into the other
fields. What an origin cannot express raises; nothing is approximated.
"""

from .article import Article
from .bandwidth import sigma_of
from .bob import Bob
from .kymatio import Kymatio
from .matlab import Matlab
from .opencv import OpenCV
from .scikit_image import ScikitImage

__all__ = ["Conventions", "sigma_of"]


class Conventions(Article, ScikitImage, OpenCV, Matlab, Kymatio, Bob):
    """Constructors and descriptions of a Gabor kernel in other conventions.

    A part of :class:`gaborkit.GaborKernel`, which brings the fields.
    """
