"""What the package offers, for type checkers; the names are imported at first use."""

from .intensity import INTENSITY_STATISTICS, intensity_statistics
from .preparation import prepare
from .region_features import radiomics
from .response import GaborResponse

__all__ = [
    "INTENSITY_STATISTICS",
    "GaborResponse",
    "intensity_statistics",
    "prepare",
    "radiomics",
]
