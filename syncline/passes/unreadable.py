"""What can still be said of an item that a strict parser refuses: why, and which one it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from syncline.upstreams import outline

__all__ = ["MOST_LEVELS", "UNREADABLE", "is_nested_too_deeply", "only", "why"]

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises for an item that is no JSON, is not UTF-8, is nested too deeply, or does not fit."""
MOST_LEVELS = 500
"""So deep may lists and objects be nested in a column of JSON: Python reads no more than about 900 levels back."""
_DEEP = f"it is nested more than {MOST_LEVELS} levels deep"
_LONE_SURROGATE = re.compile(
    rb"\\(?:\\|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_NO_NUMBER = re.compile(rb"[\[:,]\s*(-?(?:NaN|Infinity))\b")


def why(error: Exception, raw: bytes) -> str:
    """The reason for which the item `raw` was refused, in words that say more than a parser's."""
    if isinstance(error, RecursionError):
        return _DEEP
    if isinstance(error, msgspec.ValidationError) or not isinstance(error, msgspec.DecodeError):
        return str(error)
    lone = next((found[1] for found in _LONE_SURROGATE.finditer(raw) if found[1]), None)
    if lone is not None:
        return f"a text contains \\{lone.decode()}, which is half of a character: it was cut in the middle of one"
    if (word := _NO_NUMBER.search(raw)) is not None:
        return f"{word[1].decode()} is no number in JSON"
    return str(error)


def only(raw: bytes, path: Sequence[str]) -> bytes | None:
    """The item with nothing in it but what stands at `path`; None where that cannot be told apart, or is not there."""
    try:
        found = outline.values_at(raw, {tuple(path)}).get(tuple(path))
    except ValueError:
        return None
    if found is None:
        return None
    before = b"".join(b"{" + msgspec.json.encode(key) + b":" for key in path)
    return before + found + b"}" * len(path)


def is_nested_too_deeply(raw: bytes) -> str | None:
    """Says so where the item has more than `MOST_LEVELS` levels below itself; None where it has not."""
    if raw.count(b"[") + raw.count(b"{") <= MOST_LEVELS:
        return None
    return _DEEP if outline.deeper_than(raw, MOST_LEVELS) else None
