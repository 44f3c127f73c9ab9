"""Compiled statements, kept for all stores of a process."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, MutableMapping
from typing import Any, TypeAlias

from sqlalchemy.util import LRUCache

__all__ = ["COMPILED"]

_KEPT = 1000
"""SQLAlchemy keeps 500 for each engine; a process of ours executes some 300, and its tests have tables of their own."""

Key: TypeAlias = "tuple[Any, ...]"
"""As SQLAlchemy makes it: the dialect, then what tells the statement from others."""


class _Compiled(MutableMapping[Key, Any]):
    """Takes two dialects for one where they write the same: SQLAlchemy makes one for each engine, and compares objects.

    To compile a statement takes some milliseconds, many times what it takes to execute it. What the dialect has learned
    of its server, by whose version it writes, is a part of the key.
    """

    def __init__(self) -> None:
        self._cache: Any = LRUCache[Hashable, Any](_KEPT)

    def __getitem__(self, key: Key) -> Any:  # noqa: ANN401 - SQLAlchemy's compiled statements, of any kind
        return self._cache[_shared(key)]

    def __setitem__(self, key: Key, compiled: Any) -> None:  # noqa: ANN401 - the same
        self._cache[_shared(key)] = compiled

    def __delitem__(self, key: Key) -> None:
        del self._cache[_shared(key)]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._cache)

    def __len__(self) -> int:
        return len(self._cache)


def _shared(key: Key) -> Key:
    dialect, *statement = key
    return (dialect.name, dialect.driver, getattr(dialect, "server_version_info", None), *statement)


COMPILED = _Compiled()
"""What SQLAlchemy's option `compiled_cache` takes."""
