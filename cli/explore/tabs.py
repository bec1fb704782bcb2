"""The tabs of the page, and what each shows for the text of its controls."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import bank_tab, kernel_tab, latent_tab, recipes_tab, responses_tab
from .controls import Control, Values, parse_all
from .desk import Desk
from .panels import Shown


@dataclass(frozen=True)
class Tab:
    """A part of the page.

    Attributes
    ----------
    title, about : str
    controls : callable
        Of what lies on the desk.
    show : callable
        Of the controls' values and the desk.
    preview : callable, optional
        As ``show``, but quick, while a slider moves; None where the whole is as quick.
    """

    title: str
    about: str
    controls: Callable[[Desk], Sequence[Control]]
    show: Callable[[Values, Desk], Shown]
    preview: Callable[[Values, Desk], Shown | None] | None = None

    def answer(
        self, texts: Mapping[str, str], desk: Desk, *, preview: bool = False
    ) -> dict[str, Any]:
        """What is shown, as JSON, with the warnings that came up; a preview if there is one.

        Raises
        ------
        click.UsageError, GaborkitError
            If a value is none, or nothing can be shown for it.
        """
        values = parse_all(self.controls(desk), texts)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            quick = self.preview(values, desk) if preview and self.preview else None
            shown = quick or self.show(values, desk)
        notes = dict.fromkeys(str(one.message) for one in caught)
        return {**shown.to_json(), "notes": list(notes)}


#: By the names in the page's address.
TABS = {
    "kernel": Tab(
        "Kernel",
        "A wave under a Gaussian. Move a slider; turn the surface by dragging or by arrow keys.",
        kernel_tab.controls,
        kernel_tab.show,
    ),
    "bank": Tab(
        "Bank",
        "Many kernels, and which waves of a picture they answer.",
        bank_tab.controls,
        bank_tab.show,
    ),
    "responses": Tab(
        "Responses",
        "Drop a picture on the page, or choose a sample; click on a pixel to ask there.",
        responses_tab.controls,
        responses_tab.show,
    ),
    "recipes": Tab(
        "Recipes",
        "Textures, orientation, edges, defects and fingerprints. For textures, paint on the "
        "picture: a stroke or two of a pen on each.",
        recipes_tab.controls,
        recipes_tab.show,
        recipes_tab.preview,
    ),
    "latent": Tab(
        "Latent",
        "A trained model: the picture of any point of its latent space, ways between two pictures, "
        "or what it makes of the upper half of a drawing.",
        latent_tab.controls,
        latent_tab.show,
        latent_tab.preview,
    ),
}
