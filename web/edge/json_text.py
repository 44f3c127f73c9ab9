"""What a JSON body may hold, checked before the app reads it: values that can be computed with and stored."""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, cast

from web.edge.text import is_plain

__all__ = ["problem_of_json"]

_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)
_LONGEST_INTEGER = 20
"""Digits and a sign of the longest number of 64 bits."""
_INTEGERS = range(-(2**63), 2**63)
_LONGEST_NAME = 100
"""Characters of a field's name that an error repeats."""


class _RefusedError(Exception):
    """A value that cannot be computed with or stored; its text names the field."""


@dataclass(frozen=True)
class _Bad:
    """Stands for a number that is refused, until it is known in which field it is."""

    problem: str


def problem_of_json(body: bytes, *, depth: int) -> str | None:
    """What is wrong with `body`; None if nothing is, or where it is no JSON at all, which its reader tells better.

    Args:
        body: the whole of it; empty counts as none.
        depth: how many lists and objects may stand within each other.
    """
    text = _utf_8(body)
    if text is None:
        return "the body is not text in UTF-8"
    if _is_deeper(body, depth):
        return f"the body has more than {depth} lists and objects within each other"
    try:
        found: object = json.loads(text, parse_int=_integer, parse_float=_float, parse_constant=_constant)
    except ValueError:
        return None
    try:
        _check(found, "the body")
    except _RefusedError as error:
        return str(error)
    return None


def _utf_8(body: bytes) -> str | None:
    """The text; None if it is none, or where the app's reader would take it for another encoding than we do."""
    if json.detect_encoding(body) != "utf-8":
        return None
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _is_deeper(body: bytes, depth: int) -> bool:
    """Counted without recursion, before a parser that uses it."""
    open_now = 0
    for token in _TOKENS.finditer(body):
        first = body[token.start()]
        if first in b"[{":
            open_now += 1
            if open_now > depth:
                return True
        elif first in b"]}":
            open_now -= 1
    return False


def _check(value: Any, field: str) -> None:  # noqa: ANN401 - JSON is untyped
    """Refuse what cannot be computed with or stored, wherever it stands below `field`."""
    match value:
        case _Bad(problem):
            raise _RefusedError(f"{field}: {problem}")
        case str():
            if not is_plain(value):
                raise _RefusedError(f"{field}: text must not have a NUL character or half of a surrogate pair")
        case list():
            for item in value:  # pyright: ignore[reportUnknownVariableType] - JSON is untyped
                _check(item, field)
        case dict():
            for key, item in value.items():  # pyright: ignore[reportUnknownVariableType] - the same
                _check(key, field)
                _check(item, _inside(field, cast("str", key)))
        case _:
            pass


def _inside(field: str, key: str) -> str:
    return key[:_LONGEST_NAME] if field == "the body" else f"{field}.{key}"[:_LONGEST_NAME]


def _integer(text: str) -> int | _Bad:
    if len(text) > _LONGEST_INTEGER or int(text) not in _INTEGERS:
        return _Bad("a whole number must have at most 64 bits")
    return int(text)


def _float(text: str) -> float | _Bad:
    value = float(text)
    return value if math.isfinite(value) else _Bad("the number is too large")


def _constant(text: str) -> _Bad:
    return _Bad(f"{text} is not a JSON number")
