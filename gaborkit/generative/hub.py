"""Models on the Hugging Face Hub: a model folder sent there, and fetched by its name.

Only the files of a model folder are fetched, JSON and safetensors: what else lies beside them, such
as pickles, is not asked for, and what is fetched is read as warily as any other folder. Nothing
here reads or prints a token; ``hf auth login`` or ``HF_TOKEN`` says it to huggingface_hub.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from .. import __version__
from ..errors import StoreError
from ..extras import optional
from ..io.files import StrPath
from .card import card
from .store import CODER, HEAD, drawing_call, read_config, read_metrics

#: Files of a model, beside its card and the grid of samples.
NEEDED = ("config.json", "representation.json", "model.safetensors")
FILES = (*NEEDED, "metrics.json")
FETCHED = (*FILES, *(f"{CODER}/{name}" for name in FILES))

#: OWNER/NAME as the Hub has them.
REPOSITORY = r"[A-Za-z0-9][\w.-]*/[\w.-]+"
SCHEME = "hf://"

#: Identifiers of licences, as the Hub lists them: mit, cc-by-sa-4.0.
LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]{0,60}")


@dataclass(frozen=True)
class Address:
    """A repository of the Hub, at a revision: a branch, a tag or a commit; or the newest."""

    repository: str
    revision: str | None = None

    @classmethod
    def of(cls, name: StrPath) -> Self | None:
        """What ``hf://OWNER/NAME@REVISION`` says, or ``OWNER/NAME``; None of a path.

        Without ``hf://`` it is a path if there is a folder OWNER here: a slip of the pen sends
        nobody to the network.

        Raises
        ------
        StoreError
            If ``hf://`` is followed by something else.

        Examples
        --------
        >>> Address.of("hf://user/digits@v1"), Address.of("user/digits"), Address.of("runs/a/b")
        (Address(repository='user/digits', revision='v1'),
         Address(repository='user/digits', revision=None), None)
        """
        if not isinstance(name, str):
            return None
        parsed = re.fullmatch(rf"(?:{SCHEME})?({REPOSITORY})(?:@([\w./-]+))?", name, re.ASCII)
        if name.startswith(SCHEME):
            if parsed is None:
                raise StoreError(f"{name!r} is no model of the Hub; hf://OWNER/NAME works")
            return cls(parsed[1], parsed[2])
        if parsed is None or os.path.lexists(name) or os.path.lexists(name.split("/")[0]):
            return None
        return cls(parsed[1], parsed[2])


def fetch(address: Address) -> Path:
    """Folder of a model of the Hub, in the cache of huggingface_hub (its ``HF_HOME``).

    What is there already is not fetched again, and does where the Hub cannot be reached.

    Raises
    ------
    StoreError
        If huggingface_hub is not installed, there is no such repository or revision, it holds no
        model of gaborkit, or it cannot be reached.
    """
    api = _api()
    with _explained(address.repository, address.revision):
        folder = api.snapshot_download(
            address.repository, revision=address.revision, allow_patterns=list(FETCHED)
        )
    folder = Path(folder)
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise StoreError(
            f"{address.repository}: holds no model that gaborkit reads: it lacks "
            f"{', '.join(missing)}; other files, such as pickles, are not fetched"
        )
    return folder


def push_to_hub(
    folder: StrPath, repository: str, *, licence: str = "unknown", private: bool = False
) -> str:
    """Send the model of a folder to the Hub, with a card of its own.

    What is sent: weights, descriptions, figures, the grid of samples; no checkpoint, log or picture
    of the data. Of paths in its recipe only the last name is sent.

    Parameters
    ----------
    folder : path
        A model folder or a finished run.
    repository : str
        ``OWNER/NAME``; it is made if it is not there.
    licence : str
        Identifier that the card says, as the Hub lists them: ``mit``, ``cc-by-sa-4.0``.
    private : bool
        Whether a repository that is made is private.

    Returns
    -------
    str
        Address of the commit.

    Raises
    ------
    StoreError
        If the folder holds no model, the name or the licence is none, huggingface_hub is not
        installed, or the Hub refuses or cannot be reached.

    Examples
    --------
    >>> push_to_hub("runs/vae", "digits")
    Traceback (most recent call last):
    ...
    gaborkit.errors.StoreError: repository='digits' is no name on the Hub; OWNER/NAME works
    """
    if re.fullmatch(REPOSITORY, repository, re.ASCII) is None:
        raise StoreError(f"repository={repository!r} is no name on the Hub; OWNER/NAME works")
    if LICENCE.fullmatch(licence) is None:
        raise StoreError(
            f"licence={licence!r:.60} is no identifier of one; mit, apache-2.0 or cc-by-4.0 works"
        )
    contents = _contents(Path(folder), repository, licence)
    api = _api()
    from huggingface_hub import CommitOperationAdd

    operations = [CommitOperationAdd(name, content) for name, content in contents.items()]
    with _explained(repository, None):
        api.create_repo(repository, private=private, exist_ok=True)
        commit = api.create_commit(
            repository, operations, commit_message=f"Model of gaborkit {__version__}"
        )
    return str(commit.commit_url)


def _contents(folder: Path, repository: str, licence: str) -> dict[str, bytes | str]:
    """What is sent by the names that it has there: bytes, or the path of a file."""
    described = _without_paths(read_config(folder))
    grid = folder / "samples.png"
    text = card(
        described,
        read_metrics(folder),
        grid.is_file(),
        drawing_call(described),
        name=repository,
        licence=licence,
    )
    contents: dict[str, bytes | str] = {"README.md": text.encode()}
    if grid.is_file():
        contents[grid.name] = str(grid)
    for inner in ("", *([f"{CODER}/"] if (folder / CODER).is_dir() else [])):
        config = {**HEAD, **_without_paths(read_config(folder / inner))}
        contents[f"{inner}config.json"] = (json.dumps(config, indent=2) + "\n").encode()
        for name in FILES[1:]:
            path = folder / inner / name
            if path.is_file():
                contents[inner + name] = str(path)
            elif name in NEEDED:
                raise StoreError(f"{path}: does not exist; give the folder of a trained model")
    return contents


def _without_paths(described: Mapping[str, Any]) -> dict[str, Any]:
    """``config.json`` whose recipe says of folders their names, not where they lay."""
    provenance = dict(described["provenance"])
    recipe = provenance.get("recipe")
    if isinstance(recipe, Mapping):
        provenance["recipe"] = {
            name: Path(value).name if isinstance(value, str) and name in PATHS else value
            for name, value in recipe.items()
        }
    return {**described, "provenance": provenance}


#: Entries of a recipe that may be paths.
PATHS = ("data", "data_dir", "init", "codes")


def _api() -> Any:
    hub = optional("huggingface_hub", StoreError)
    return hub.HfApi(library_name="gaborkit", library_version=__version__)


@contextlib.contextmanager
def _explained(repository: str, revision: str | None) -> Iterator[None]:
    """Say in one line what the Hub refused: its own messages are many, with addresses in them."""
    from huggingface_hub import errors

    advice = "log in by hf auth login if it is private or not yours"
    try:
        yield
    except errors.RevisionNotFoundError as cause:
        raise StoreError(f"{repository}: has no revision {revision!r} on the Hub") from cause
    except errors.GatedRepoError as cause:
        raise StoreError(f"{repository}: its page asks for an agreement first; {advice}") from cause
    except errors.RepositoryNotFoundError as cause:
        raise StoreError(f"{repository}: is neither here nor on the Hub; {advice}") from cause
    except errors.HFValidationError as cause:
        raise StoreError(f"{repository}: is no name on the Hub; OWNER/NAME works") from cause
    except (OSError, *errors.HfHubHTTPError.__bases__) as cause:
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status in (401, 403):
            raise StoreError(f"{repository}: the Hub does not allow it; {advice}") from cause
        if status is not None:
            raise StoreError(f"{repository}: the Hub answers with error {status}") from cause
        raise StoreError(
            f"{repository}: the Hub cannot be reached ({type(cause).__name__}), and it is not in "
            "the cache; give a folder, or try again later"
        ) from cause
