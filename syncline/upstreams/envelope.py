"""Splits a JSON body into its items, each still as raw bytes, and the few values around them.

Items are not decoded: splitting 100,000 takes 0.03 s, decoding them ten times that, and most are unchanged.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias, cast

import msgspec

from syncline.model.page import Json
from syncline.upstreams.named_rows import as_objects

__all__ = ["Envelope", "NoListError", "Opened", "dotted_keys", "value_at"]

_ABSENT = msgspec.Raw(b"")
_SELECTOR = re.compile(r"\[(\w+)=([^\]]*)\]")
_Opener: TypeAlias = "Callable[[bytes], Opened]"


class NoListError(ValueError):
    """The body is JSON, but has no list of items where it should; says what is there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A body, opened.

    Attributes:
        rows: the items, raw, in their order.
        values: what stood at the other paths that were asked for; paths that the body lacks are not in it.
    """

    rows: list[bytes]
    values: Mapping[str, Json] = field(default_factory=dict[str, Json])


@dataclass(frozen=True, kw_only=True)
class Envelope:
    r"""Where things stand in a body, as dotted paths.

    A dot within a key is written `\.`; a path that begins with `@` is one key (OData: `@odata.nextLink`). Of a list of
    objects, `links[rel=next].href` reads the first whose `rel` is `next`.

    Attributes:
        items: the list of items; "" where the body itself is the list.
        others: values to read besides.
        columns: the list of column names, where the items are lists of values in that order; None: they are objects.
    """

    items: str
    others: tuple[str, ...] = ()
    columns: str | None = None

    def open(self, content: bytes) -> Opened:
        """Split `content`.

        Raises:
            NoListError: there is no list at `items`.
            ValueError: `content` is no JSON.
        """
        body = content.removeprefix(b"\xef\xbb\xbf")
        others = self.others if self.columns is None else (*self.others, self.columns)
        try:
            opened = _opener(self.items, others)(body)
        except msgspec.ValidationError:
            raise NoListError(_what_is_there(self.items, msgspec.json.decode(body))) from None
        if self.columns is None:
            return opened
        rows = as_objects(opened.rows, opened.values.get(self.columns))
        if rows is None:
            raise NoListError(f"no list of column names at {self.columns!r}; change `columns`")
        return Opened(rows=rows, values=opened.values)


def dotted_keys(path: str) -> tuple[str, ...]:
    """The keys of a dotted path, outermost first."""
    if not path or path.startswith("@"):
        return (path,) if path else ()
    keys = (part for key in re.split(r"(?<!\\)\.", path) for part in re.split(r"(?<!\\)(?=\[\w+=[^\]]*\]$)", key))
    return tuple(key.replace("\\.", ".").replace("\\[", "[") for key in keys if key)


def value_at(body: object, keys: Sequence[str]) -> object:
    """What stands in parsed JSON under `keys`; None where there is nothing."""
    for key in keys:
        if isinstance(body, list):
            body = _selected(cast("list[object]", body), key)
        elif isinstance(body, Mapping):
            body = cast("Mapping[str, object]", body).get(key)
        else:
            return None
    return body


def _selected(entries: list[object], selector: str) -> object:
    """The first object of a list that `[name=value]` is true of."""
    wanted = _SELECTOR.fullmatch(selector)
    if wanted is None:
        return None
    name, value = wanted.groups()
    objects = [cast("Mapping[str, object]", entry) for entry in entries if isinstance(entry, Mapping)]
    return next((entry for entry in objects if str(entry.get(name)) == value), None)


@cache
def _opener(items: str, others: tuple[str, ...]) -> _Opener:
    """A function that opens bodies of this shape: a decoder for the keys that lead to the list, the rest kept raw."""
    keys = dotted_keys(items)
    branches = {path: _branching(keys, dotted_keys(path)) for path in others}
    besides = {branch[:2] for branch in branches.values() if branch[0] < len(keys) and branch[1] != keys[branch[0]]}
    fields = {place: f"value_{number}" for number, place in enumerate(sorted(besides))}
    decode = msgspec.json.Decoder(_shape(keys, fields)).decode

    def open_body(content: bytes) -> Opened:
        levels: list[Any] = [decode(content)]
        for _ in keys:
            levels.append(levels[-1].inner)
        values: dict[str, Json] = {}
        for path, (depth, key, rest) in branches.items():
            raw = getattr(levels[depth], fields.get((depth, key), ""), _ABSENT)
            if raw != _ABSENT:
                values[path] = cast("Json", value_at(msgspec.json.decode(raw), rest))
        return Opened(rows=list(map(bytes, levels[-1] or ())), values=values)

    return open_body


def _branching(keys: tuple[str, ...], other: tuple[str, ...]) -> tuple[int, str, tuple[str, ...]]:
    """Where the way to another value leaves the way to the list: at which depth, by which key, and on by which."""
    depth = 0
    while depth < min(len(keys), len(other)) - 1 and keys[depth] == other[depth]:
        depth += 1
    return depth, other[depth], other[depth + 1 :]


def _shape(keys: tuple[str, ...], fields: Mapping[tuple[int, str], str]) -> Any:  # noqa: ANN401 - a type made at run time
    """Structs within structs along `keys`; the list is the innermost `inner`, the `fields` beside it stay raw."""
    shape: Any = list[msgspec.Raw] | None if keys else list[msgspec.Raw]
    for depth in reversed(range(len(keys))):
        here = {name: key for (at, key), name in fields.items() if at == depth}
        members = [("inner", shape), *((name, msgspec.Raw, _ABSENT) for name in here)]
        shape = msgspec.defstruct(f"Level{depth}", members, rename={"inner": keys[depth], **here})
    return shape


def _what_is_there(items: str, body: object) -> str:
    keys = dotted_keys(items)
    place = f"at {items!r}" if keys else "as the body"
    if not isinstance(body, Mapping):
        return f"no list {place}: the body is {_kind(body)}; change `items`"
    there = list(cast("Mapping[str, object]", body))[:20]
    found = value_at(cast("object", body), keys)
    stands = f" ({items!r} is {_kind(found)})" if keys and found is not None else ""
    return f"no list {place}{stands}: the body has keys {', '.join(there) or 'none'}; change `items`"


def _kind(value: object) -> str:
    names = {"dict": "an object", "list": "a list", "str": "text", "bool": "true or false", "NoneType": "null"}
    return names.get(type(value).__name__, "a number")
