"""Where in an upstream's item each column of a table is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from sqlalchemy import JSON

from syncline.errors import ConfigurationError
from syncline.model.items import PARTITIONS, Item, partition_columns, table_of

__all__ = ["Paths", "check_paths", "dotted_keys", "path_of"]

Paths: TypeAlias = "Mapping[str, str]"
"""Where a field stands in the upstream's item, as a dotted path, if not under its own name."""


def dotted_keys(path: str) -> tuple[str, ...]:
    """The keys of a dotted path, outermost first."""
    if not path or path.startswith("@"):
        return (path,) if path else ()
    keys = (part for key in re.split(r"(?<!\\)\.", path) for part in re.split(r"(?<!\\)(?=\[\w+=[^\]]*\]$)", key))
    return tuple(key.replace("\\.", ".").replace("\\[", "[") for key in keys if key)


def path_of(item: type[Item], name: str, paths: Paths) -> tuple[str, ...]:
    """Where the field stands in the upstream's JSON, the outermost key first."""
    path, alias = paths.get(name), item.model_fields[name].alias
    return dotted_keys(path) if path else (name if alias is None else alias,)


def check_paths(item: type[Item], paths: Paths, *, source: str) -> None:
    """`paths` say where fields stand in the items of `source`: each must be one that upstreams fill, at its own place.

    A column may be read from within what another column holds, if that keeps whatever JSON is there.

    Raises:
        ConfigurationError: there is no such field, or two fields cannot both be read; the message names them.
    """
    fillable = [name for name in item.model_fields if name not in {*PARTITIONS, item.rest}]
    for name, path in paths.items():
        if name not in fillable:
            there = f"the table {table_of(item).name} has {', '.join(fillable)}"
            raise ConfigurationError(f"source {source!r}: there is no field {name!r} to read into; {there}")
        if path and not dotted_keys(path):
            raise ConfigurationError(f"source {source!r}: the place of {name!r} in `fields`, {path!r}, names no key")
    read = [name for name in item.model_fields if name not in {*partition_columns(item), item.rest}]
    _check_pairs(item, {name: path_of(item, name, paths) for name in read}, source)


def _check_pairs(item: type[Item], places: Mapping[str, tuple[str, ...]], source: str) -> None:
    """Refuse two fields at one place, and one within another that does not keep JSON."""
    taken: dict[tuple[str, ...], str] = {}
    for name, path in places.items():
        if path in taken:
            both = f"{taken[path]} and {name} are both read from {'.'.join(path)!r}"
            raise ConfigurationError(f"source {source!r}: {both}; name another place for one of them in `fields`")
        taken[path] = name
    for name, path in places.items():
        holders = [taken[path[:end]] for end in range(1, len(path)) if path[:end] in taken]
        outer = next((one for one in holders if not isinstance(table_of(item).c[one].type, JSON)), None)
        if outer is not None:
            within = f"{name} is read from {'.'.join(path)!r}, within what {outer} holds, which is no JSON"
            remedy = f"give {outer} sa_type=JsonColumn, or name another place for one of them in `fields`"
            raise ConfigurationError(f"source {source!r}: {within}; {remedy}")
