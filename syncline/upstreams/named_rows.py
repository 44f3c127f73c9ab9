"""Items that come as lists of values beside one list of column names (Datasette, many exports of SQL)."""

from collections.abc import Sequence
from typing import cast

import msgspec

__all__ = ["as_objects", "column_names"]

_decode_row = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.encode


def column_names(value: object) -> list[str] | None:
    """The names in `value`: a list of texts, or of objects with a `name`; None where it is neither."""
    if not isinstance(value, list):
        return None
    entries = cast("list[object]", value)
    names = [cast("dict[str, object]", entry).get("name") if isinstance(entry, dict) else entry for entry in entries]
    texts = [name for name in names if isinstance(name, str)]
    return texts if len(texts) == len(names) > 0 else None


def as_objects(rows: Sequence[bytes], columns: object) -> list[bytes] | None:
    """Each row as the JSON object that `columns` name the values of, digit for digit; None where they name nothing.

    A row that is no list, or has another number of values, stays as it is: it becomes a reject of its own, and the
    others land.
    """
    names = column_names(columns)
    return None if names is None else [_as_object(row, names) for row in rows]


def _as_object(row: bytes, names: Sequence[str]) -> bytes:
    try:
        values = _decode_row(row)
    except msgspec.MsgspecError:
        return row
    return _encode(dict(zip(names, values, strict=True))) if len(values) == len(names) else row
