"""The file of a new source, as Python that `ruff format` would leave as it is."""

from __future__ import annotations

import re
import textwrap
from dataclasses import fields
from typing import Any

from deployments.new_source.draft import Draft, Shared
from deployments.new_source.imports_text import import_blocks, upstream_name
from deployments.new_source.python_text import (
    WIDTH,
    Group,
    Value,
    call,
    lay_out,
    literal,
    mapping,
    pairs,
    unambiguous,
    width,
)
from deployments.new_source.table_text import table_lines
from syncline.model.upstream import Auth
from syncline.settings import base_url_setting
from syncline.upstreams.auth import credential_settings
from syncline.upstreams.guess import Guess
from syncline.upstreams.paging import Paging

__all__ = ["module_text"]

_SIMPLE_PLACE = re.compile(r"[A-Za-z0-9._~:/-]{1,80}")


def module_text(draft: Draft) -> str:
    """The whole file."""
    parts = [[_title(draft)], *import_blocks(draft), [_exported(draft)], _upstream(draft)]
    head = "\n\n".join("\n".join(part) for part in parts if part)
    rest = ["\n".join(lines) for lines in (table_lines(draft), _source(draft), _flow(draft))]
    text = "\n\n\n".join([head, *rest])
    return "\n".join(map(_excused, text.split("\n"))) + "\n"


def _title(draft: Draft) -> str:
    what = draft.names.source.replace("_", " ").capitalize()
    if draft.place is None:
        return f'"""{what}: a source to be described, as docs/add-a-source.md says."""'
    lists = f": what {draft.place} lists" if _SIMPLE_PLACE.fullmatch(draft.place) else ""
    return f'"""{what}{lists}."""'


def _exported(draft: Draft) -> str:
    own = [] if isinstance(draft.upstream, Shared) else [upstream_name(draft)]
    names = [draft.names.constant, *own, draft.names.row, draft.names.flow]
    listed = Group(opening="[", closing="]", parts=tuple((literal(name), "") for name in names))
    return "\n".join(lay_out("__all__ = ", listed))


def _upstream(draft: Draft) -> list[str]:
    """The upstream's declaration, with the settings that it reads."""
    upstream = draft.upstream
    if isinstance(upstream, Shared):
        return []
    arguments: dict[str, Value] = {"name": literal(upstream.name)}
    if upstream.auth is not Auth.NONE:
        arguments["auth"] = f"Auth.{upstream.auth.name}"
    if upstream.auth in {Auth.HEADER, Auth.QUERY}:
        arguments["auth_name"] = literal(upstream.auth_name)
    settings = [base_url_setting(upstream.name), *credential_settings(upstream)]
    return [
        f"# Where it is{' and how it knows us' if len(settings) > 1 else ''}, in the environment or in .env:",
        *(f"#   {setting}=…" for setting in settings),
        *lay_out(f"{upstream_name(draft)} = ", call("Upstream", arguments)),
    ]


def _source(draft: Draft) -> list[str]:
    names, guess, upstream = draft.names, draft.guess, draft.upstream
    by_source = isinstance(upstream, Shared) and upstream.by_source
    arguments: dict[str, Value] = {
        "name": literal(names.source),
        "upstream": f"{upstream_name(draft)}.upstream" if by_source else upstream_name(draft),
        "dataset": _dataset(draft),
        "retry": "Retry(attempts=3, delays_seconds=(5, 10, 20))",
    }
    return [*_doubts(guess), *lay_out(f"{names.constant} = ", call("Source", arguments, exploded=True))]


def _dataset(draft: Draft) -> Value:
    guess = draft.guess
    arguments: dict[str, Value] = {"pages": _pages(guess, hints=draft.place is None), "table": draft.names.row}
    if guess.updated_field is not None and guess.updated_since is not None:
        arguments["updated_field"] = literal(guess.updated_field)
    elif guess.updated_field is not None:
        arguments[f'# updated_field="{guess.updated_field}",  # together with `updated_since` above'] = ""
    return call("Dataset", arguments, exploded=True)


def _doubts(guess: Guess) -> list[str]:
    """What could not be proved, as comments for the reader who edits the file."""
    if not guess.doubts:
        return []
    lines = ["# Not proved when `syncline new` looked at the API; mend what is wrong, then delete these lines:"]
    for doubt in guess.doubts:
        lines += textwrap.wrap(unambiguous(doubt), WIDTH - 10, initial_indent="# - ", subsequent_indent="#   ")
    return lines


def _pages(guess: Guess, *, hints: bool) -> Value:
    arguments: dict[str, Value] = {"path": literal(guess.path)}
    if guess.items or hints:
        arguments["items"] = literal(guess.items)
    if guess.names_at is not None:
        arguments["columns"] = literal(guess.names_at)
    if hints:
        arguments["# or Offset, Cursor, Link, Keyset, Range, OnePage, from the same module"] = ""
    arguments["paging"] = _paging(guess.paging)
    if guess.updated_since is not None:
        arguments["updated_since"] = literal(guess.updated_since)
    elif guess.updated_field is not None or hints:
        arguments[
            '# updated_since="…",  # the parameter that asks for changes since an instant, if the API has one'
        ] = ""
    if guess.total is not None:
        arguments["total"] = literal(guess.total)
    if guess.params:
        once = dict(guess.params)
        arguments["params"] = mapping(once) if len(once) == len(guess.params) else pairs(guess.params)
    return call("RestPages", arguments, exploded=True)


def _paging(paging: Paging) -> Value:
    """The paging, with its parameters in sight; what is usual besides is left out."""
    declared: Any = paging
    values = {field.name: (getattr(declared, field.name), field.default) for field in fields(declared)}
    shown = {name: value for name, (value, usual) in values.items() if value != usual or _is_parameter(name, value)}
    return call(type(paging).__name__, {name: _plain(value) for name, value in shown.items()})


def _is_parameter(name: str, value: object) -> bool:
    return value is not None and not isinstance(value, bool) and name not in {"first", "header"}


def _plain(value: object) -> str:
    return literal(value) if isinstance(value, str) else repr(value)


def _flow(draft: Draft) -> list[str]:
    names = draft.names
    return [
        f"@sync_flow({names.constant})",
        f"async def {names.flow}(mode: Mode = Mode.INCREMENTAL, *, force: bool = False) -> Tally:",
        f'    """Bring the table `{names.table}` in step with its upstream."""',
        f"    await admit({names.constant}, mode)",
        f"    tally = await pull({names.constant}, mode)",
        f"    return tally + await prune({names.constant}, mode, force=force)",
    ]


def _excused(line: str) -> str:
    """A line that cannot be broken is let pass by the lint.

    It lets one pass by itself that has no space, or ends with an address that begins in time; an excuse that it does
    not need is a fault as well.
    """
    words = line.split()
    passes = len(words) <= 1 or ("://" in words[-1] and width(line) - width(words[-1]) <= WIDTH)
    return line if width(line) <= WIDTH or passes else f"{line}  # noqa: E501 - a text of the API's own"
