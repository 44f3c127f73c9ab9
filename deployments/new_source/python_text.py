"""Python as `ruff format` would lay it out, for what a generated file needs: literals, and calls that may be long."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["WIDTH", "Group", "Value", "call", "lay_out", "literal", "mapping", "pairs", "unambiguous", "width"]

WIDTH = 120
"""The longest line, in columns."""
_STEP = 4
_PLAIN = re.compile(
    r"[\x20-\x7e\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u0130\u0132-\u017e\u3041-\u309f\u30a1-\u30cd\u30cf-\u30fa"
    r"\u4e00-\u4e35\u4e37-\u4e3e\u4e40-\u9fff\uac00-\ud7a3]"
)
"""Characters that stand in the file as they are; others may look like something else, which the lint refuses."""
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@dataclass(frozen=True, kw_only=True)
class Group:
    """Something in brackets: a call, or a mapping.

    Attributes:
        opening: what stands before the parts, the bracket included.
        closing: the other bracket.
        parts: each part's beginning (`path=`) and its value; a part that begins with `#` is a comment.
        exploded: each part stands on a line of its own, however short.
    """

    opening: str
    closing: str
    parts: tuple[tuple[str, Value], ...]
    exploded: bool = False


Value: TypeAlias = str | Group


def call(function: str, arguments: dict[str, Value], *, exploded: bool = False) -> Group:
    """A call with keyword arguments; one whose name begins with `#` is a comment."""
    parts = tuple((name if name.startswith("#") else f"{name}=", value) for name, value in arguments.items())
    return Group(opening=f"{function}(", closing=")", parts=parts, exploded=exploded)


def mapping(values: dict[str, str]) -> Group:
    """A dictionary of texts."""
    return Group(opening="{", closing="}", parts=tuple((f"{literal(k)}: ", literal(v)) for k, v in values.items()))


def pairs(values: Sequence[tuple[str, str]]) -> Group:
    """A list of pairs of texts."""
    return Group(opening="[", closing="]", parts=tuple(("", f"({literal(k)}, {literal(v)})") for k, v in values))


def literal(text: str) -> str:
    """`text` as a string literal, in the quotes that need fewer escapes."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(f"\\{quote}" if letter == quote else _escaped(letter) for letter in text) + quote


def unambiguous(text: str) -> str:
    """`text` for a comment: on one line, with escapes for what may look like something else."""
    return "".join(map(_escaped, " ".join(text.split()))).replace("\\\\", "\\")


def lay_out(before: str, value: Value, after: str = "", *, indent: int = 0) -> list[str]:
    """The lines of `value` between `before` and `after`."""
    margin = " " * indent
    whole = f"{margin}{before}{_flat(value)}{after}"
    if isinstance(value, str) or not value.parts or (width(whole) <= WIDTH and not _is_exploded(value)):
        return [whole]
    head, tail = f"{margin}{before}{value.opening}", f"{margin}{value.closing}{after}"
    inner = f"{margin}{' ' * _STEP}{_flat_parts(value)}"
    if width(inner) <= WIDTH and not _is_exploded(value):
        return [head, inner, tail]
    lines = [line for name, part in value.parts for line in _part(name, part, indent + _STEP)]
    return [head, *lines, tail]


def width(line: str) -> int:
    """How many columns `line` takes."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


def _part(name: str, value: Value, indent: int) -> list[str]:
    return [" " * indent + name] if name.startswith("#") else lay_out(name, value, ",", indent=indent)


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    return letter if _PLAIN.fullmatch(letter) else ascii(letter)[1:-1]


def _flat(value: Value) -> str:
    return value if isinstance(value, str) else f"{value.opening}{_flat_parts(value)}{value.closing}"


def _flat_parts(group: Group) -> str:
    return ", ".join(f"{name}{_flat(part)}" for name, part in group.parts)


def _is_exploded(group: Group) -> bool:
    return group.exploded or any(isinstance(part, Group) and _is_exploded(part) for _, part in group.parts)
