"""The outline of a JSON text: where its values begin and end, whatever stands in its strings and numbers.

One lone surrogate, one `NaN` or one item that is nested too deeply makes a strict parser refuse the whole body. Here
only brackets, commas, colons and quotes must be right: then each item can be told from its neighbours, and the bad one
is found out when it is decoded on its own. This takes about a hundred times as long as msgspec's splitting, so it comes
after that has failed. Nothing is nested too deeply for it: it keeps its own stack.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import msgspec

__all__ = ["deeper_than", "elements", "keys_of", "values_at"]

_TOKEN = re.compile(rb'[ \t\r\n]*(?:("[^"\\]*(?:\\.[^"\\]*)*")|([{}\[\],:])|([^\s"{}\[\],:]+))', re.DOTALL)
_BLANK = re.compile(rb"[ \t\r\n]*")
_KINDS = ("", '"', "", "v")
"""What kind of token a group of `_TOKEN` is; punctuation is its own kind, `v` a number or a word."""
_START, _END = "start", "end"
_NO_KEY = "\x00"
"""Stands for a list on the way to a value, and for a key that is no valid text; no path contains it."""

_VALUE_GOES_TO = {_START: _END, "[": "[v", "[,": "[v", "{:": "{v"}
"""In which places a value may stand, and the place after it."""
_NEXT = {
    **{(before, kind): after for before, after in _VALUE_GOES_TO.items() for kind in '"v'},
    ("[v", ","): "[,",
    ("{v", ","): "{,",
    ("{", '"'): "{k",
    ("{,", '"'): "{k",
    ("{k", ":"): "{:",
}
"""The place after a token, by the place before it: `{,` is after a comma in an object, `[v` after a list's value."""
_CLOSES = {("[", "]"), ("[v", "]"), ("{", "}"), ("{v", "}")}


@dataclass(slots=True)
class _Step:
    """One token: the places before and after it, how deep it stands, and its bounds."""

    before: str
    after: str
    depth: int
    start: int
    end: int


def elements(content: bytes) -> list[bytes]:
    """The elements of the list that `content` is, each as it was written.

    Raises:
        ValueError: `content` is no list, or cannot be told apart: it is cut, or its brackets and quotes do not match.
    """
    found: list[bytes] = []
    begun = 0
    for step in _steps(content):
        if step.depth == 1 and step.before in {"[", "[,"}:
            begun = step.start
        if step.depth == 1 and step.after == "[v":
            found.append(content[begun : step.end])
        elif step.depth == 0 and step.before == _START and content[step.start : step.start + 1] != b"[":
            message = "the value is no list"
            raise ValueError(message)
    return found


def values_at(content: bytes, paths: Collection[tuple[str, ...]]) -> dict[tuple[str, ...], bytes]:
    """What stands in objects under each of `paths`, as it was written; the last one where a key comes twice.

    Raises:
        ValueError: `content` cannot be told apart.
    """
    found: dict[tuple[str, ...], bytes] = {}
    deepest = max(map(len, paths), default=0)
    keys: list[str] = []
    begun: dict[int, int] = {}
    for step in _steps(content):
        if step.depth > deepest:
            continue
        if step.after in {"{k", "["}:
            keys[step.depth - 1 :] = [_key(content[step.start : step.end]) if step.after == "{k" else _NO_KEY]
        if step.before == "{:":
            begun[step.depth] = step.start
        if step.after == "{v" and (path := tuple(keys[: step.depth])) in paths:
            found[path] = content[begun[step.depth] : step.end]
    return found


def keys_of(content: bytes) -> list[str]:
    """The keys of the object that `content` is.

    Raises:
        ValueError: `content` cannot be told apart.
    """
    keys = (_key(content[step.start : step.end]) for step in _steps(content) if step.depth == 1 and step.after == "{k")
    return list(dict.fromkeys(keys))


def deeper_than(content: bytes, levels: int) -> bool:
    """Whether lists and objects stand more than so many levels deep in each other.

    Raises:
        ValueError: `content` cannot be told apart.
    """
    return any(step.depth > levels for step in _steps(content))


def _steps(content: bytes) -> Iterator[_Step]:
    """The tokens, where only brackets, commas, colons and quotes are right.

    A list or object gives two steps as it opens: one in what holds it, where a value begins, and one inside of it; its
    closing bracket is the end of a value in what holds it.
    """
    place, start, behind = _START, 0, list[str]()
    match = _TOKEN.match
    while token := match(content, start):
        kind = _KINDS[token.lastindex or 0] or token[2].decode()
        begin, end, before = token.start(token.lastindex or 0), token.end(), place
        if kind in "[{" and place in _VALUE_GOES_TO:
            yield _Step(before, "", len(behind), begin, begin)  # a value begins in what holds it
            behind.append(_VALUE_GOES_TO[place])
            before, place = "", kind
        elif (place, kind) in _CLOSES:
            before, place = "", behind.pop()
        elif (after := _NEXT.get((place, kind))) is not None:
            place = after
        else:
            break
        yield _Step(before, place, len(behind), begin, end)
        start = end
    if place != _END or _BLANK.fullmatch(content, start) is None:
        raise ValueError(_complaint(content, start))


def _complaint(content: bytes, place: int) -> str:
    if _BLANK.fullmatch(content, place) is not None:
        return "it ends too early"
    return f"it cannot be told apart from byte {place} on"


def _key(token: bytes) -> str:
    """The key that a token spells."""
    try:
        return msgspec.json.decode(token, type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _NO_KEY
