"""Numbers that a text column takes: those that no column of numbers holds exactly, and whole numbers as keys."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from syncline.model.page import RawItem

__all__ = ["quoted"]

_WHOLE = re.compile(rb"-?\d+")
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_BITS_64 = 1 << 63
_EXACT_DIGITS = 15
"""What a double, SQLite's only number with a point, gives back exactly."""
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def quoted(raw: RawItem, texts: Mapping[str, bool]) -> bytes | None:
    """The item with such numbers as text, digit for digit; None where it has none.

    Only asked for items that did not fit: most have none, and pay nothing.

    Args:
        raw: the item.
        texts: the fields of text columns, by their name in the item, and whether each is the key.

    Raises:
        msgspec.MsgspecError: it is no object.
    """
    values = _decode(raw)
    found = {
        name: bytes(values[name]) for name, is_key in texts.items() if name in values and _fits(values[name], is_key)
    }
    if not found:
        return None
    return msgspec.json.encode(values | {name: msgspec.Raw(b'"%b"' % token) for name, token in found.items()})


def _fits(value: msgspec.Raw, is_key: bool) -> bool:  # noqa: FBT001 - what `texts` says of the field
    token = bytes(value)
    if _WHOLE.fullmatch(token):
        return is_key or not -_BITS_64 <= int(token) < _BITS_64
    digits = token.lstrip(b"-").replace(b".", b"").lstrip(b"0")
    return not is_key and _NUMBER.fullmatch(token) is not None and len(digits) > _EXACT_DIGITS
