"""Looks at an unknown JSON API, guesses how it is read, and tries its guess out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from syncline.errors import RejectedError
from syncline.model.page import Transport
from syncline.probe.body_scan import Item, find_total
from syncline.probe.columns import guess_columns, guess_key, guess_updated, is_unique
from syncline.probe.findings import doubts, said
from syncline.probe.guess import ColumnGuess, Guess
from syncline.probe.paging import guess_paging, promised_paging, split_query
from syncline.probe.prober import Look, Prober
from syncline.probe.proof import Allowance, Proof, prove
from syncline.upstreams.paging import OnePage, Paging
from syncline.upstreams.rest import RestPages

__all__ = ["probe"]

_TOTAL_HEADERS = (
    "X-Total-Count", "X-Total", "X-WP-Total", "Total-Count", "Total-Records", "Total-Objects",
    "X-Pagination-Total-Count", "X-Pagination-Total",
)  # fmt: skip
_SINCE = ("updated_since", "updated_after", "modified_since", "updatedSince", "since")
_FAR_AHEAD = "2999-01-01T00:00:00Z"
_LONG_AGO = "1980-01-01T00:00:00Z"
_LIMITED = "the API asked to slow down before the look was over: ask again later for a guess that was tried out"


async def probe(transport: Transport, url: str) -> Guess:
    """Guess from the answer at `url` (relative to the upstream's base, or absolute) and a few more.

    Raises:
        UpstreamError: it cannot be had, is no JSON, or holds no list of objects.
    """
    fixed, start = split_query(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    path = url.partition("?")[0].partition("#")[0]
    prober = Prober(transport=transport, path=path, fixed=fixed)
    first = await prober.first(start)
    if first.items is None or not first.rows:
        raise RejectedError(_nothing(path, first), upstream=transport.name)
    return await _Probe(prober=prober, first=first, allowance=Allowance()).guess()


@dataclass(kw_only=True)
class _Probe:
    """One look, from the first page on."""

    prober: Prober
    first: Look
    allowance: Allowance

    async def guess(self) -> Guess:
        proof = await self._proved()
        first, prober, total = self.first, self.prober, self._total() if proof.total_holds else None
        prober.sample.add(proof.rows)
        rows = prober.sample.rows
        columns = self._columns(rows, proof.rows)
        key = guess_key([column for column in columns if not column.doubled], proof.rows or first.rows)
        updated = guess_updated(columns)
        since = None if updated is None else await self._since_parameter()
        seen = len(rows) if key is None else len({str(row.get(key.field)) for row in rows})
        guess = Guess(
            path=urlsplit(prober.path).path if "://" not in prober.path else prober.path,
            params=self._params(proof.paging),
            items="" if first.items is None else first.items.path,
            names_at=None if first.items is None else first.items.names_at,
            columns=columns,
            key=None if key is None else key.name,
            paging=proof.paging,
            total=None if total is None else total[0],
            updated_field=None if updated is None else updated.name,
            updated_since=since,
            seen=seen,
            total_items=None if total is None else total[1],
            is_whole=proof.is_whole,
            sample=tuple(proof.items),
        )
        return replace(guess, said=said(guess, proof), doubts=doubts(guess, proof, first))

    async def _proved(self) -> Proof:
        """The first way of paging that is not refuted; else the one answer, with what speaks against it."""
        rows, given_up = self.first.rows, list[str]()
        async for paging in guess_paging(self.prober, self.first, has_total=self._total() is not None):
            proof = await self._prove(paging)
            if proof.refuted is None:
                return proof
            given_up.append(f"{type(paging).__name__} was tried and given up: {proof.refuted}")
        promised = promised_paging(self.prober, self.first)
        if promised is not None:
            return await self._prove(promised)
        if self.prober.start:
            self.first = self.prober.without_start()
        if self.prober.is_limited:
            return Proof(paging=OnePage(), rows=rows, pages=1, doubts=(_LIMITED,))
        self.allowance.left = max(1, self.allowance.left)
        proof = await self._prove(OnePage())
        return replace(proof, doubts=(*proof.doubts, *given_up), is_whole=proof.is_whole and not given_up)

    async def _prove(self, paging: Paging) -> Proof:
        found, total = self.first.items, self._total()
        pages = RestPages(
            path=self.prober.path,
            items="" if found is None else found.path,
            columns=None if found is None else found.names_at,
            paging=paging,
            total=None if total is None else total[0],
            params=self._params(paging),
        )
        told, allowance, prober = None if total is None else total[1], self.allowance, self.prober
        allowance.left = 0 if prober.is_limited else allowance.left
        proof = await prove(prober.transport, pages, self.first.rows, total=told, allowance=allowance)
        prober.is_limited = prober.is_limited or allowance.is_limited
        return proof

    def _params(self, paging: Paging) -> tuple[tuple[str, str], ...]:
        """What each request repeats; what asks for the first page too, unless the paging sends it by itself."""
        declared: Any = paging
        sent = {getattr(declared, each.name) for each in fields(declared)}
        return (*self.prober.fixed, *(pair for pair in self.prober.start.items() if pair[0] not in sent))

    def _total(self) -> tuple[str, int] | None:
        headers: Mapping[str, str | None] = {name: self.first.answer.headers.get(name) for name in _TOTAL_HEADERS}
        return find_total(self.first.marks, headers, len(self.first.rows))

    def _columns(self, rows: Sequence[Item], walked: Sequence[Item]) -> tuple[ColumnGuess, ...]:
        """The columns; a field that two items of one answer, or of one walk, have in common is no key."""
        groups = [group for group in (*self.prober.answers, walked) if group]
        return tuple(
            replace(column, doubled=not all(is_unique(column, group) for group in groups))
            for column in guess_columns(rows)
        )

    async def _since_parameter(self) -> str | None:
        """The parameter that leaves out what did not change since an instant; all are tried at once first.

        Since long ago everything must have changed: an API that takes an unknown parameter for a filter answers
        nothing.
        """
        prober = self.prober
        if not _is_empty(await prober.ask(dict.fromkeys(_SINCE, _FAR_AHEAD))):
            return None
        for name in _SINCE:
            if _is_empty(await prober.ask({name: _FAR_AHEAD})):
                before = await prober.ask({name: _LONG_AGO})
                return name if before is not None and before.rows else None
        return None


def _is_empty(look: Look | None) -> bool:
    return look is not None and look.items is not None and not look.rows


def _is_map(value: object) -> bool:
    """Whether these are items by key: several objects with the same fields."""
    values = list(cast("Mapping[str, object]", value).values()) if isinstance(value, Mapping) else []
    shapes = {tuple(cast("Mapping[str, object]", one)) if isinstance(one, Mapping) else None for one in values}
    return len(values) > 1 and len(shapes) == 1 and None not in shapes


def _nothing(path: str, first: Look) -> str:
    error = next((mark.value for mark in first.marks if mark.path in {"error", "errors"} and mark.value), None)
    if error is not None:
        return f"{path} answers with an error: {str(error)[:200]}"
    if first.items is not None:
        return f"{path} answers an empty list: there is nothing to guess from"
    by_key = next((mark.path or "the top" for mark in first.marks if _is_map(mark.value)), None)
    if by_key is not None:
        return f"{path} has its items by key, at {by_key}, not in a list: write a connector (docs/add-a-source.md)"
    keys = [mark.path for mark in first.marks if len(mark.keys) == 1]
    return f"{path} answers no list of objects" + (f"; it has {', '.join(keys[:20])}" if keys else "")
