"""An item's shape on the wire as structs: one for the item, and one in it for each level at which a field stands.

What a field holds whole and what others are read from within cannot be of one struct: the item is then decoded once
more, by a struct of the fields that lie within others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from syncline.model.page import RawItem

__all__ = ["REQUIRED", "Rest", "WireField", "reading", "value_of", "wire_struct"]

REQUIRED: Any = object()
"""The default of a field that has none."""


@dataclass(frozen=True, kw_only=True)
class WireField:
    """A field on the wire.

    Attributes:
        name: the column.
        path: where it stands in the item, the outermost key first.
        kind: its type, as msgspec takes it.
        default: what it is where the item lacks it; a `msgspec.field` if that is made anew each time.
    """

    name: str
    path: tuple[str, ...]
    kind: Any
    default: Any = REQUIRED

    @property
    def is_text(self) -> bool:
        """Whether a text is wanted; null or a whole number may be allowed besides."""
        kinds = get_args(self.kind) if get_origin(self.kind) in {Union, UnionType} else (self.kind,)
        plain = {get_args(kind)[0] if get_origin(kind) is Annotated else kind for kind in kinds}
        return str in plain and plain <= {str, int, type(None)}

    @property
    def is_required(self) -> bool:
        """Whether an item without it does not fit."""
        return self.default is REQUIRED

    def made_default(self) -> Any:  # noqa: ANN401 - of any type
        """What the field is where the item lacks it; None if it must be there."""
        make = getattr(self.default, "default_factory", None)
        if self.is_required:
            return None
        return self.default if make is None else make()

    @property
    def declared(self) -> tuple[str, Any] | tuple[str, Any, Any]:
        """As `msgspec.defstruct` takes it."""
        return (self.name, self.kind) if self.is_required else (self.name, self.kind, self.default)


def reading(title: str, fields: list[WireField]) -> tuple[Callable[[RawItem], Any], Callable[[Any], tuple[Any, ...]]]:
    """What decodes an item, and what reads the values of `fields`, in their order, from what it made of it."""
    paths = {field.path for field in fields}
    turns = [sum(field.path[:end] in paths for end in range(1, len(field.path))) for field in fields]
    layers = [[field for field, at in zip(fields, turns, strict=True) if at == turn] for turn in range(max(turns) + 1)]
    decoders = [msgspec.json.Decoder(wire_struct(title, layer)).decode for layer in layers]
    digs = [value_of(field) for field in fields]
    if len(decoders) > 1:
        placed = list(zip(turns, digs, strict=True))
        return (
            lambda raw: tuple(decode(raw) for decode in decoders),
            lambda found: tuple(dig(found[turn]) for turn, dig in placed),
        )
    is_flat = all(len(field.path) == 1 for field in fields)
    return decoders[0], msgspec.structs.astuple if is_flat else lambda found: tuple(dig(found) for dig in digs)


def wire_struct(title: str, fields: list[WireField], depth: int = 0) -> type[Any]:
    """A struct that holds `fields`, in their order; those deeper than `depth` stand in structs within it.

    No two of them stand in the same place, and none within another: `check_paths` and `reading` see to it.
    """
    below: dict[str, list[WireField]] = {}
    for field in fields:
        below.setdefault(field.path[depth], []).append(field)
    declared: list[Any] = []
    names: dict[str, str] = {}
    for key, those in below.items():
        nested = len(those[0].path) > depth + 1
        declared.append(_level(title, those, depth) if nested else those[0].declared)
        names[declared[-1][0]] = key
    made: Any = msgspec.defstruct(f"{title}Wire", declared, rename=names, kw_only=True, gc=False)
    return made


def _level(title: str, fields: list[WireField], depth: int) -> tuple[str, Any] | tuple[str, Any, Any]:
    """The struct that holds `fields` one level deeper; it is there where one of them must be."""
    inner: Any = wire_struct(title, fields, depth + 1)
    name = _level_name(fields[0].path[depth])
    return (name, inner) if any(field.is_required for field in fields) else (name, inner | None, None)


def _level_name(key: str) -> str:
    """A name for what stands under `key`: no column has it, and Python takes it."""
    return f"in__{key.encode().hex()}"


def value_of(field: WireField) -> Callable[[Any], Any]:
    """Reads `field` from the struct that `wire_struct` made; its default where the item lacks a level above it."""
    names = [*map(_level_name, field.path[:-1]), field.name]
    default, make = field.default, getattr(field.default, "default_factory", None)

    def dig(found: Any) -> Any:  # noqa: ANN401 - of any type
        for name in names:
            if found is None:
                return default if make is None else make()
            found = getattr(found, name)
        return found

    return dig


class Rest:
    """Puts what no other column took into the column for the rest."""

    def __init__(self, fields: list[WireField], index: int) -> None:
        """Leave what `fields` take; the column is at `index`."""
        self._paths = [field.path for field in fields]
        self._index = index

    def add(self, values: list[Any], raw: RawItem) -> None:
        """Complete `values` by what is left of the item; None if that is nothing."""
        left: dict[str, Any] = msgspec.json.decode(raw)
        for path in self._paths:
            _take_out(left, path)
        values.insert(self._index, left or None)


def _take_out(left: dict[str, Any], path: tuple[str, ...]) -> None:
    """Remove what stands at `path`, and objects that are empty without it."""
    key, *deeper = path
    if not deeper:
        left.pop(key, None)
    elif isinstance(left.get(key), dict):
        _take_out(left[key], tuple(deeper))
        if not left[key]:
            del left[key]
