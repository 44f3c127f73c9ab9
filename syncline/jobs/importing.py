"""Accounts from a file: CSV or JSON lines, read line by line, stored slice by slice, each bad line named.

A line has `external_id`, and may have `user_id`, `source` and settings: in JSON as an object `settings`, in CSV as one
column each, whose cells are JSON or plain text. What was stored stays stored where the import ends early, and the same
file again adds only what is missing.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any

from syncline.errors import FieldError, SynclineError
from syncline.jobs import registration
from syncline.jobs.registration import Imported
from syncline.kernel_settings import AccountsSettings
from syncline.model.account_kind import COMMON_SETTINGS
from syncline.model.source import Source, named
from syncline.store.accounts import NewAccount
from syncline.store.engine import Store

__all__ = ["BadLine", "Import", "Line", "parsed", "store_all"]

_SLICE = 1_000
"""Accounts of one transaction."""
_LONGEST = 65_536
"""Characters of a line."""
_OWN = ("external_id", "user_id", "source", "settings")
_FIRST_LINE = 1


@dataclass(frozen=True, kw_only=True)
class Line:
    """An account that a line names.

    Attributes:
        number: the line's, from 1 on; of a row of CSV that has several lines, the last one's.
        account: what is wanted.
    """

    number: int
    account: NewAccount


@dataclass(frozen=True, kw_only=True)
class BadLine:
    """A line that names no account which can be.

    Attributes:
        number: the line's, from 1 on.
        reason: what is wrong, in a sentence.
    """

    number: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Import:
    """How the lines of a file are to be read.

    Attributes:
        sources: those to which accounts may be added.
        limits: what may be set.
        source: the source of lines that name none.
        user_id: the user of lines that name none.
        is_csv: whether they are CSV with a header; else each is a JSON object.
    """

    sources: tuple[Source, ...]
    limits: AccountsSettings
    source: str | None = None
    user_id: str | None = None
    is_csv: bool = True


def parsed(lines: Iterable[bytes], how: Import) -> Iterator[Line | BadLine]:
    """What each line says; empty ones are passed over.

    Raises:
        FieldError: the header of CSV has a column that is unknown, or lacks `external_id`.
    """
    rows = _csv_rows(lines, how) if how.is_csv else _json_rows(lines)
    for number, row in rows:
        try:
            yield Line(number=number, account=_account(row() if callable(row) else row, how))
        except SynclineError as error:
            yield BadLine(number=number, reason=str(error))


def store_all(
    store: Store,
    read: Iterable[Line | BadLine],
    *,
    actor: str,
    complain: Callable[[BadLine], None],
    told: Callable[[Imported, int], None],
) -> tuple[Imported, int]:
    """Store all good lines, 1,000 in a transaction; returns what came of them, and how many were bad.

    `complain` is called with each bad line, `told` after each slice with what is done so far.
    """
    done, bad = Imported(), 0
    lines = iter(read)
    while some := list(islice(lines, _SLICE)):
        for one in some:
            if isinstance(one, BadLine):
                bad += 1
                complain(one)
        good = [one.account for one in some if isinstance(one, Line)]
        if good:
            done += registration.register_many(store, good, actor=actor)
        told(done, bad)
    return done, bad


_Row = Mapping[str, Any] | Callable[[], Mapping[str, Any]]


def _json_rows(lines: Iterable[bytes]) -> Iterator[tuple[int, _Row]]:
    for number, line in enumerate(lines, start=_FIRST_LINE):
        text = line.decode("utf-8-sig" if number == _FIRST_LINE else "utf-8", errors="replace")
        if text.strip():
            yield number, lambda text=text: _object(text)


def _object(text: str) -> Mapping[str, Any]:
    if len(text) > _LONGEST:
        raise SynclineError(f"is longer than {_LONGEST:,} characters")
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise SynclineError("is no JSON") from None
    if not isinstance(found, dict):
        raise SynclineError('is no JSON object, as {"external_id": "…", "user_id": "…"}')
    _refuse_unknown(found, _OWN)  # pyright: ignore[reportUnknownArgumentType] - JSON is untyped
    return found  # pyright: ignore[reportUnknownVariableType] - the same


def _csv_rows(lines: Iterable[bytes], how: Import) -> Iterator[tuple[int, _Row]]:
    texts = (line.decode("utf-8-sig" if not number else "utf-8", errors="replace") for number, line in enumerate(lines))
    reader = csv.reader(texts)
    header = [name.strip() for name in next(reader, list[str]())]
    settings = {name for one in how.sources if one.accounts is not None for name in one.accounts.known_settings}
    _refuse_unknown(header, (*_OWN[:3], *(settings or COMMON_SETTINGS)))
    if "external_id" not in header:
        raise FieldError("line 1", "the header must name the columns, one of them external_id")
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, lambda error=error: _raise(f"is no CSV: {error}")
            continue
        if row:
            yield reader.line_num, lambda row=row: _columns(header, row)


def _raise(reason: str) -> Mapping[str, Any]:
    raise SynclineError(reason)


def _columns(header: list[str], row: list[str]) -> Mapping[str, Any]:
    if len(row) != len(header):
        raise SynclineError(f"has {len(row)} columns, and the header {len(header)}")
    cells = {name: cell.strip() for name, cell in zip(header, row, strict=True) if cell.strip()}
    own: dict[str, Any] = {name: cell for name, cell in cells.items() if name in _OWN}
    return own | {"settings": {name: _cell(cell) for name, cell in cells.items() if name not in _OWN}}


def _cell(text: str) -> object:
    """A setting as CSV has it: JSON, or text such as a time zone's name."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _account(row: Mapping[str, Any], how: Import) -> NewAccount:
    name = _text(row, "source", how.source)
    source = named(how.sources, name)
    if source is None:
        there = ", ".join(one.name for one in how.sources) or "none"
        raise FieldError("source", f"no source with accounts is named {name!r}; there are: {there}")
    settings: Any = row.get("settings") or {}
    if not isinstance(settings, dict):
        raise FieldError("settings", "must be an object")
    return registration.wanted(
        source,
        user_id=_text(row, "user_id", how.user_id),
        external_id=_text(row, "external_id", None),
        settings=settings,  # pyright: ignore[reportUnknownArgumentType] - its names and values are checked there
        limits=how.limits,
    )


def _text(row: Mapping[str, Any], name: str, default: str | None) -> str:
    found = row.get(name, default)
    if found is None:
        option = "" if name == "external_id" else f", and no --{name.removesuffix('_id')} says which"
        raise FieldError(name, f"is missing{option}")
    if not isinstance(found, str) or not found.isprintable() or "\ufffd" in found:
        raise FieldError(name, "must be text in UTF-8, without control characters")
    return found


def _refuse_unknown(names: Iterable[str], known: Iterable[str]) -> None:
    there = sorted(known)
    for name in names:
        if name not in there:
            nearest = get_close_matches(name.lower(), there, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"there are: {', '.join(there)}"
            raise FieldError(name or "line 1", f"is no column; {hint}")
