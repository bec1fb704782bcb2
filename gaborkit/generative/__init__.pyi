"""What the package offers, for type checkers; the names are imported at first use."""

from .data import Dataset, Split, load_dataset
from .evaluation import evaluate
from .hub import push_to_hub
from .image_model import ImageModel
from .models import MODELS, register
from .models.model import Loss, Model
from .montage import image_grid
from .probing import features_of
from .representation import Coefficients, Gabor, Raw
from .space import Space
from .training.session import Interrupted, Recipe, resume, start
from .training.settings import Training

__all__ = [
    "MODELS",
    "Coefficients",
    "Dataset",
    "Gabor",
    "ImageModel",
    "Interrupted",
    "Loss",
    "Model",
    "Raw",
    "Recipe",
    "Space",
    "Split",
    "Training",
    "evaluate",
    "features_of",
    "image_grid",
    "load_dataset",
    "push_to_hub",
    "register",
    "resume",
    "start",
]
