"""Looks at an unknown JSON API, and guesses how it is read."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from syncline.errors import RejectedError
from syncline.model.page import Transport
from syncline.upstreams.columns_guess import guess_columns, guess_key, guess_updated
from syncline.upstreams.guess import ColumnGuess, Guess
from syncline.upstreams.landmarks import find_total
from syncline.upstreams.paging import Cursor, Keyset, Link, Offset, PageNumber, Paging, Range
from syncline.upstreams.paging_guess import PAGING_PARAMETERS, guess_paging
from syncline.upstreams.trials import Look, Trials, query_of

__all__ = ["probe"]

_TOTAL_HEADERS = ("X-Total-Count", "X-Total", "X-WP-Total", "Total-Count")
_SINCE = ("updated_since", "updated_after", "modified_since", "updatedSince", "since")
_FAR_AHEAD = "2999-01-01T00:00:00Z"
_LONG_AGO = "1980-01-01T00:00:00Z"


async def probe(transport: Transport, url: str) -> Guess:
    """Guess from the answer at `url` (relative to the upstream's base, or absolute) and a few more.

    Raises:
        UpstreamError: it cannot be had, is no JSON, or holds no list of objects.
    """
    given = {name: value for name, value in query_of(url).items() if name not in PAGING_PARAMETERS}
    path = url.partition("?")[0].partition("#")[0]
    trials = Trials(transport=transport, path=path, params=given)
    first = await trials.first()
    if first.items is None or not first.rows:
        raise RejectedError(_nothing(path, first), upstream=transport.name)
    total = find_total(first.marks, _totals_in(first), len(first.rows))
    key = guess_key(guess_columns(first.rows), first.rows)
    wire_key = None if key is None else key.alias or key.name
    paging = await guess_paging(trials, first, key=wire_key, has_total=total is not None)
    return await _concluded(trials, first, paging, total)


async def _concluded(trials: Trials, first: Look, paging: Paging, total: tuple[str, int] | None) -> Guess:
    columns = guess_columns(trials.rows)
    key, updated = guess_key(columns, trials.rows), guess_updated(columns)
    since = None if updated is None else await _since_parameter(trials, first)
    return Guess(
        path=urlsplit(trials.path).path if "://" not in trials.path else trials.path,
        params=trials.params,
        items=first.items or "",
        columns=columns,
        key=None if key is None else key.name,
        paging=paging,
        total=None if total is None else total[0],
        updated_field=None if updated is None else updated.name,
        updated_since=since,
        seen=len(trials.rows),
        total_items=None if total is None else total[1],
        said=(
            _said_of_items(first, total),
            _said_of_key(key),
            _said_of_paging(paging),
            _said_of_changes(updated, since),
            _said_of_columns(columns),
        ),
    )


async def _since_parameter(trials: Trials, first: Look) -> str | None:
    """The parameter that leaves out what did not change since an instant; all are tried at once first.

    Since long ago everything must have changed: an API that takes an unknown parameter for a filter answers nothing.
    """
    if not _is_empty(await trials.ask(dict.fromkeys(_SINCE, _FAR_AHEAD)), first):
        return None
    for name in _SINCE:
        if _is_empty(await trials.ask({name: _FAR_AHEAD}), first):
            before = await trials.ask({name: _LONG_AGO})
            return name if before is not None and before.rows else None
    return None


def _is_empty(look: Look | None, first: Look) -> bool:
    return look is not None and look.items == first.items and not look.rows


def _totals_in(first: Look) -> Mapping[str, str | None]:
    return {name: first.answer.headers.get(name) for name in _TOTAL_HEADERS}


def _nothing(path: str, first: Look) -> str:
    if first.items is not None:
        return f"{path} answers an empty list: there is nothing to guess from"
    keys = [mark.path for mark in first.marks if len(mark.keys) == 1]
    return f"{path} answers no list of objects; it has {', '.join(keys[:20]) or 'no keys'}"


def _said_of_items(first: Look, total: tuple[str, int] | None) -> str:
    place = f"at `{first.items}`" if first.items else "as the whole body"
    if total is None:
        return f"{len(first.rows)} items {place}; the API does not say how many there are in all"
    return f"{len(first.rows)} of {total[1]} items {place}; the total stands at `{total[0]}`"


def _said_of_key(key: ColumnGuess | None) -> str:
    if key is None:
        return "no field tells the items apart: name the key yourself"
    return f"key `{key.alias or key.name}` ({key.type})"


def _said_of_paging(paging: Paging) -> str:
    match paging:
        case PageNumber():
            said = f"pages by number, with {_names(paging.page, paging.size)}, from {paging.first} on"
        case Offset():
            said = f"pages by offset, with {_names(paging.offset, paging.limit)}"
        case Cursor():
            said = f"pages by cursor: `{paging.cursor_at}` of the body goes into `{paging.param}`"
        case Link():
            said = f"pages by link, from {'the Link header' if paging.next_at is None else f'`{paging.next_at}`'}"
        case Keyset():
            said = f"pages by key: `{paging.param}` takes the last `{paging.key}`"
        case Range():
            said = f"pages by range, with the header `Range: {paging.unit}=…`"
        case _:
            said = "no paging found: the one answer is taken for everything"
    return said


def _names(*parameters: str | None) -> str:
    return " and ".join(f"`{name}`" for name in parameters if name is not None)


def _said_of_changes(updated: ColumnGuess | None, since: str | None) -> str:
    if updated is None:
        return "no field says when an item changed: every pass reads everything"
    told = f"`{updated.alias or updated.name}` says when an item changed"
    return f"{told}, and `{since}` asks for changes only" if since else f"{told}, but no parameter asks for changes"


def _said_of_columns(columns: tuple[ColumnGuess, ...]) -> str:
    nested = [column.name for column in columns if column.type == "Any"]
    kept = f", {len(nested)} of them kept as JSON ({', '.join(nested)})" if nested else ""
    return f"{len(columns)} columns{kept}"
