"""Lines of JSON that a long run appends to a file, each with its checksum, to go on from later."""

from __future__ import annotations

import json
import zlib
from typing import Any

from .strict_json import parse


def encode(entry: object) -> bytes:
    r"""A line: what JSON makes of the entry, a tab, and the CRC-32 of that.

    Examples
    --------
    >>> encode([1, None])
    b'[1, null]\tb7646c1c\n'
    """
    text = json.dumps(entry).encode()
    return b"%s\t%08x\n" % (text, zlib.crc32(text))


def decode(line: bytes) -> Any:
    """What :func:`encode` made a line of.

    Raises
    ------
    ValueError
        If the line is another one.
    """
    text, _, _ = line.rpartition(b"\t")
    if line != b"%s\t%08x\n" % (text, zlib.crc32(text)):
        raise ValueError("its checksum is another one")
    return parse(text.decode(), finite=False)
