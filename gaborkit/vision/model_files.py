"""Models of pixels in files: an npz of numbers and one text, no pickle."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FeatureError, GaborkitError
from ..io import strict_json
from ..io.files import StrPath, atomic_write, check_suffix


def write_model(
    path: StrPath, kind: str, version: int, settings: Mapping[str, Any], arrays: Mapping[str, Any]
) -> None:
    """Write settings as JSON and arrays into one npz, whole or not at all.

    Raises
    ------
    FeatureError
        If the suffix is another than .npz, or the file cannot be written.
    """
    check_suffix(path, ".npz", FeatureError)
    text = json.dumps({"gaborkit": kind, "version": version, **settings})
    with atomic_write(path, FeatureError) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, model=np.array(text), **arrays)


def read_model(
    path: StrPath, kind: str, version: int, names: Iterable[str], noun: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings and the named arrays that :func:`write_model` wrote.

    Parameters
    ----------
    noun : str
        What the file holds and who writes it, for messages: ``of scribbles; X.save writes one``.

    Raises
    ------
    FeatureError
        If the file is missing, damaged, of another version or something else.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            settings = strict_json.parse(str(stored["model"]))
            if settings["gaborkit"] != kind:
                raise ValueError(f"a model of {settings['gaborkit']}")
            if settings["version"] != version:
                raise FeatureError(
                    f"{path}: version {settings['version']!r} is not {version}, the one that this "
                    "gaborkit reads; update gaborkit"
                )
            arrays = {name: stored[name] for name in names}
    except OSError as error:
        raise FeatureError(f"{path}: {error.strerror or error}") from error
    except GaborkitError:
        raise
    except (ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise FeatureError(f"{path}: is damaged or no model {noun}") from error
    return settings, arrays
