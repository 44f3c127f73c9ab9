"""The imports of a new source's file, in the order that the lint wants."""

from __future__ import annotations

from collections.abc import Iterable

from deployments.new_source.draft import Draft, Shared
from deployments.new_source.python_text import WIDTH
from deployments.new_source.table_text import column_type, python_type
from syncline.model.upstream import Auth

__all__ = ["import_blocks", "table_imports", "upstream_name"]

_STANDARD = {"Decimal": "decimal", "Any": "typing", "datetime": "datetime", "date": "datetime"}
_ALWAYS = (
    *(("syncline", name) for name in ("Dataset", "Item", "Mode", "RestPages", "Retry", "Source", "Tally")),
    *(("tasks", name) for name in ("admit", "prune", "pull", "sync_flow")),
)


def import_blocks(draft: Draft) -> list[list[str]]:
    """The lines by group: Python's own, other people's, ours."""
    paging = ("syncline", type(draft.guess.paging).__name__)
    return _blocks(draft, [*_ALWAYS, *_columns(draft), paging, *_upstream(draft)])


def table_imports(draft: Draft) -> list[str]:
    """The lines that the table's class alone needs."""
    own = [("syncline", "Item"), *_columns(draft)]
    return [line for block in _blocks(draft, own) for line in block]


def _blocks(draft: Draft, own: list[tuple[str, str]]) -> list[list[str]]:
    kinds = {python_type(draft, column) for column in draft.guess.columns}
    standard = [(_STANDARD[kind], kind) for kind in kinds if kind in _STANDARD]
    return [_lines(standard), ["from sqlmodel import Field"], _lines(own)]


def _columns(draft: Draft) -> list[tuple[str, str]]:
    types = {column_type(draft, column) for column in draft.guess.columns} - {None}
    return [("syncline", str(name).partition("(")[0]) for name in types]


def upstream_name(draft: Draft) -> str:
    """What the upstream is called in the file."""
    own = f"{draft.names.constant}_API"
    if isinstance(draft.upstream, Shared) and draft.upstream.constant != draft.names.constant:
        return draft.upstream.constant
    return own


def _upstream(draft: Draft) -> list[tuple[str, str]]:
    if isinstance(draft.upstream, Shared):
        name, constant = upstream_name(draft), draft.upstream.constant
        return [(draft.upstream.module, constant if name == constant else f"{constant} as {name}")]
    wanted = ["Upstream"] if draft.upstream.auth is Auth.NONE else ["Auth", "Upstream"]
    return [("syncline", name) for name in wanted]


def _lines(wanted: Iterable[tuple[str, str]]) -> list[str]:
    pairs = set(wanted)
    modules = sorted({module for module, _ in pairs})
    return [line for module in modules for line in _line(module, sorted(n for m, n in pairs if m == module))]


def _line(module: str, names: list[str]) -> list[str]:
    """One line, or a line for each name where that is too long."""
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= WIDTH:
        return [line]
    return [f"from {module} import (", *(f"    {name}," for name in names), ")"]
