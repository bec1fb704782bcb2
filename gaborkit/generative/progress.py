"""How work in progress is reported."""

from __future__ import annotations

from collections.abc import Callable

#: Called with how much is done and how much there is in all: images, bytes of a download.
Progress = Callable[[int, int], None]

#: Called with steps done, steps in all, and the last losses in words.
Steps = Callable[[int, int, str], None]
