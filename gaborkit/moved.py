"""Modules that moved: their old paths go on for one release, and say the new ones."""

from __future__ import annotations

import importlib
import sys
import warnings
from importlib.machinery import ModuleSpec
from types import ModuleType

#: New paths below gaborkit by the old ones; what lies below a package moved with it.
MOVED = {
    "kernel": "kernels.base",
    "gabor": "kernels.gabor",
    "log_gabor": "kernels.log_gabor",
    "formula": "kernels.formula",
    "transfer": "kernels.frequency_response",
    "parameters": "kernels.parameters",
    "ranges": "kernels.validation",
    "hermite": "kernels.hermite",
    "presets": "kernels.presets",
    "conventions": "kernels.conventions",
    "images": "io.images",
    "pictures": "io.pictures",
    "files": "io.files",
    "locks": "io.locks",
    "journal": "io.journal",
    "strict_json": "io.strict_json",
    "tables": "io.tables",
    "contestants": "bench.contestants",
    "peers": "bench.peers",
    "benchmark": "bench.compare",
    "arrays": "filtering.backend",
    "boundary": "filtering.padding",
    "normalizing": "filtering.normalizing",
    "parts": "filtering.parts",
    "sinks": "filtering.sinks",
    "costs": "filtering.costs",
    "planning": "filtering.planner",
    "responding": "filtering.run",
    "summaries": "filtering.reductions",
    "filter_options": "filtering.options",
    "dask_arrays": "filtering.dask_arrays",
    "engines": "filtering.engines",
    "engines.keeping": "caches",
    "engines.convolution": "filtering.engines.torch_direct",
    "engines.cuda": "filtering.gpu.engine",
    "engines.fused": "filtering.gpu.fused",
    "engines.decimated": "filtering.gpu.decimated",
    "engines.triton_kernels": "filtering.gpu.triton_kernels",
    "features.scattering": "scattering",
    "features.scattering.grid": "scattering.axes",
    "features.descriptor": "features.base",
    "generative.training.average": "generative.training.step",
    "generative.training.learner": "generative.training.step",
    "generative.training.losses": "generative.training.log",
    "generative.training.validation": "generative.training.batches",
    "generative.training.snapshot": "generative.training.checkpoint",
    "generative.training.interruption": "generative.training.processes",
    "generative.training.folder": "generative.training.run_folder",
    "features.choices": "features.checks",
    "features.files": "features.file_features",
    "features.grid": "features.bank_grid",
    "features.registry": "features.descriptors",
    "features.store": "features.row_store",
    "large.filtering": "large.tiled_filtering",
    "large.raw": "large.uncompressed",
    "large.tiff": "large.tiff_regions",
    "vision.fingerprint.filtering": "vision.fingerprint.tuned_filter",
    "vision.fingerprint.orientation": "vision.fingerprint.ridge_orientation",
    "vision.fingerprint.synthetic": "vision.fingerprint.synthetic_prints",
    "plotting.orientation": "plotting.orientation_hues",
    "generative.grid": "generative.montage",
    "io.pictures.pixels": "io.pictures.expansion",
    "generative.training.run": "generative.training.run_folder",
    "filtering.engines.sampling": "filtering.engines.samples",
    "estimators.store": "estimators.classifier_store",
    "estimators.pictures": "estimators.picture_classifier",
    "generative.metrics.synthetic": "generative.metrics.train_on_samples",
    "nn.kept": "nn.content_cache",
    "generative.representation.gabor": "generative.representation.viewed",
}


def new_path(name: str) -> str | None:
    """The path that a module has now, or None if it has not moved.

    Examples
    --------
    >>> new_path("gaborkit.pictures.tiff"), new_path("gaborkit.frame")
    ('gaborkit.io.pictures.tiff', None)
    """
    package, _, path = name.partition(".")
    if package != __package__:
        return None
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        old = ".".join(parts[:length])
        if old in MOVED:
            return ".".join([package, MOVED[old], *parts[length:]])
    return None


class Finder:
    """Imports a module by its old path: the new one itself, with a DeprecationWarning."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """What stands for a module that moved."""
        return ModuleSpec(name, Finder) if new_path(name) else None  # type: ignore[arg-type]

    @staticmethod
    def create_module(spec: ModuleSpec) -> None:
        """A module that is replaced at once."""

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        """Put the module under its new path in its place."""
        new = new_path(module.__name__) or ""
        text = f"{module.__name__} is {new} now; the old path goes with the next release"
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        sys.modules[module.__name__] = importlib.import_module(new)


def install() -> None:
    """Look for old paths first: below a package that moved, the files are found by both."""
    if not any(finder is Finder for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder)
