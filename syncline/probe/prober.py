"""Asks an unknown API and compares its answers: a parameter counts only if it changes the answer."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import cast
from urllib.parse import parse_qsl, urljoin, urlsplit

import msgspec

from syncline.errors import BudgetSpentError, RateLimitedError, UnavailableError, UpstreamError
from syncline.model.page import Answer, Request, Transport
from syncline.probe.body_scan import (
    Item,
    Items,
    Mark,
    find_cursors,
    find_items,
    find_links,
    find_more,
    items_at,
    scan,
)
from syncline.probe.columns import guess_columns, guess_key
from syncline.upstreams.reader import next_link
from syncline.upstreams.rest import with_repeated

__all__ = ["Look", "Prober", "Sample", "parsed", "query_of"]

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(order="sorted").encode
_NEXT_HEADERS = ("Next-Page", "X-Next-Page-Url", "X-Next-Link")


@dataclass(frozen=True, kw_only=True)
class Look:
    """One answer, looked at.

    Attributes:
        items: where the list is; None if there is none.
        marks: the values around it.
        link: the absolute URL of the next page in a header.
        header: that header.
        key: the field that tells the items apart, where one does: others may change from look to look.
    """

    answer: Answer
    items: Items | None
    marks: Sequence[Mark]
    url: str
    link: str | None
    header: str = "Link"
    key: str | None = None

    @property
    def rows(self) -> Sequence[Item]:
        """The items, parsed; numbers with a point as Decimal."""
        return () if self.items is None else self.items.rows

    @property
    def ids(self) -> Sequence[object]:
        """What tells the items apart, in their order: their keys, or all of them."""
        return self.rows if self.key is None else [row.get(self.key) for row in self.rows]

    def differs(self, other: "Look") -> bool:
        """Whether this is another page than `other`: it has items, and none of them stands there."""
        there = other.ids
        return bool(self.rows) and all(one not in there for one in self.ids)

    @property
    def goes_on(self) -> bool:
        """Whether it says that there are more pages."""
        more = find_more(self.marks)
        told = [self.link, find_links(self.marks), find_cursors(self.marks), more is not None and more.value]
        return any(told)


class Sample:
    """All items that were seen: each once, or as often as one answer had it."""

    def __init__(self) -> None:
        self.rows: list[Item] = []
        self._times: Counter[bytes] = Counter()

    def add(self, rows: Sequence[Item]) -> int:
        """Take in the items of one answer; returns how many were new."""
        before, here = len(self.rows), Counter[bytes]()
        for row in rows:
            print_ = _encode(row)
            here[print_] += 1
            if here[print_] > self._times[print_]:
                self._times[print_] = here[print_]
                self.rows.append(row)
        return len(self.rows) - before


@dataclass(kw_only=True)
class Prober:
    """Asks an undocumented API, a bounded number of times.

    Attributes:
        path: what is looked at, without its query.
        fixed: parameters of each request that are not paging.
        start: parameters that ask for the first page, where the API only pages if it is asked to.
        most: how many requests it may take.
        is_limited: whether it asked us to slow down: it is not asked further.
        sample: the items seen so far.
        answers: the items of each answer that was one.
        like: where the list is looked for.
        key: the field by which items are compared; None: whole items are.
        plain: the answer without paging parameters.
    """

    transport: Transport
    path: str
    fixed: Sequence[tuple[str, str]]
    start: Mapping[str, str] = field(default_factory=dict[str, str])
    most: int = 24
    requests: int = 0
    is_limited: bool = False
    sample: Sample = field(default_factory=Sample)
    answers: list[Sequence[Item]] = field(default_factory=list[Sequence[Item]])
    like: Items | None = None
    key: str | None = None
    plain: Look = field(init=False)

    async def first(self, given: Mapping[str, str]) -> Look:
        """The first page; `given` are the paging parameters of the URL, set to the list's beginning.

        The API's own way is looked at as well: where that shows no pages, `given` are sent from now on.

        Raises:
            UpstreamError: it cannot be had, or is no JSON.
        """
        self.plain = await self._first()
        asked = await self._try(self.path, dict(given), None) if given else None
        if asked is not None and asked.rows and _pages_if_asked(asked, self.plain):
            self.start = given
            return self._begin(asked)
        return self._begin(self.plain)

    def without_start(self) -> Look:
        """Begin anew with the API's own first answer, if none of its pages could be told."""
        self.start = {}
        return self._begin(self.plain)

    def _begin(self, look: Look) -> Look:
        self.like, self.sample, self.answers = look.items, Sample(), [look.rows]
        self.sample.add(look.rows)
        key = guess_key(guess_columns(look.rows), look.rows)
        self.key = None if key is None else key.field
        return replace(look, key=self.key)

    async def ask(self, params: Mapping[str, str], headers: dict[str, str] | None = None) -> Look | None:
        """The page that `params` ask for; None if the API will not have them."""
        return await self._try(self.path, {**self.start, **params}, headers)

    async def follow(self, link: str) -> Look | None:
        """The page at `link`."""
        return await self._try(link, None, None)

    async def _first(self) -> Look:
        self.requests += 1
        path, params = with_repeated(self.path, self.fixed)
        answer = await self.transport.send(Request(path=path, params=params))
        try:
            return _look(answer, None)
        except ValueError as error:
            name = self.transport.name
            raise UnavailableError(f"{self.path} answers no JSON ({error})", upstream=name) from None

    async def _try(self, path: str, params: dict[str, str] | None, headers: dict[str, str] | None) -> Look | None:
        if self.is_limited or self.requests >= self.most:
            return None
        self.requests += 1
        if params is not None:
            path, fixed = with_repeated(path, self.fixed)
            params = {**fixed, **params}
        try:
            request = Request(path=path, params=params or {}, headers=headers or {})
            look = _look(await self.transport.send(request), self.like)
        except (RateLimitedError, BudgetSpentError):
            self.is_limited = True
            return None
        except (UpstreamError, ValueError):
            return None
        self.sample.add(look.rows)
        self.answers.append(look.rows)
        return replace(look, key=self.key)


def _pages_if_asked(asked: Look, plain: Look) -> bool:
    """Whether the API only pages if it is asked to: without that it gave more, and no sign of further pages."""
    return not plain.goes_on and len(plain.rows) > len(asked.rows)


def _look(answer: Answer, like: Items | None) -> Look:
    body, url = parsed(answer.content), answer.url
    link, header = next_link(answer.headers.get("link") or ""), "Link"
    other = next((name for name in _NEXT_HEADERS if answer.headers.get(name)), None)
    if link is None and other is not None:
        link, header = answer.headers.get(other), other
    return Look(
        answer=answer,
        items=find_items(body, urlsplit(url).path.rpartition("/")[2]) if like is None else items_at(body, like),
        marks=list(scan(body)),
        url=url,
        link=None if link is None else urljoin(url, link),
        header=header,
    )


def parsed(content: bytes) -> object:
    """JSON with its numbers exact.

    Raises:
        ValueError: it is no JSON.
    """
    return cast("object", _decode(content.removeprefix(b"\xef\xbb\xbf")))


def query_of(url: str) -> dict[str, str]:
    """The query parameters of `url`."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
