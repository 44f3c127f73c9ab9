"""Finds out how an unknown API pages, by asking and comparing: a parameter counts only if it changes the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import cast
from urllib.parse import parse_qsl, urljoin, urlsplit

import msgspec

from syncline.errors import RateLimitedError, UnavailableError, UpstreamError
from syncline.model.page import Answer, Transport
from syncline.upstreams.landmarks import (
    Item,
    Landmark,
    find_cursors,
    find_items,
    find_links,
    find_more,
    landmarks,
)
from syncline.upstreams.reader import next_link

__all__ = ["Look", "Trials", "query_of"]

_decode = msgspec.json.Decoder(float_hook=Decimal).decode


@dataclass(frozen=True, kw_only=True)
class Look:
    """One answer, looked at.

    Attributes:
        items: dotted path of the list; None where there is none.
        rows: the items, parsed; numbers with a point as Decimal.
        marks: the values around them.
        link: the absolute URL of the next page in the Link header.
    """

    answer: Answer
    items: str | None
    rows: Sequence[Item]
    marks: Sequence[Landmark]
    url: str
    link: str | None

    def differs(self, other: "Look") -> bool:
        """Whether this is another page than `other`: no item of it stands there."""
        return all(row not in other.rows for row in self.rows)

    @property
    def goes_on(self) -> bool:
        """Whether it says that there are more pages."""
        more = find_more(self.marks)
        told = [self.link, find_links(self.marks), find_cursors(self.marks), more is not None and more.value]
        return any(told)


@dataclass(kw_only=True)
class Trials:
    """Asks an API that nobody described, a bounded number of times.

    Attributes:
        path: what is looked at, without its query.
        params: fixed parameters.
        most: how many requests it may take.
        rows: all different items seen so far.
    """

    transport: Transport
    path: str
    params: Mapping[str, str]
    most: int = 24
    requests: int = 0
    rows: list[Item] = field(default_factory=list[Item])

    async def first(self) -> Look:
        """The first page.

        Raises:
            UpstreamError: it cannot be had, or is no JSON.
        """
        self.requests += 1
        answer = await self.transport.get(self.path, params=dict(self.params) or None)
        try:
            look = _look(answer)
        except ValueError as error:
            name = self.transport.name
            raise UnavailableError(f"{self.path} answers no JSON ({error})", upstream=name) from None
        self.rows.extend(look.rows)
        return look

    async def ask(self, params: Mapping[str, str], headers: dict[str, str] | None = None) -> Look | None:
        """The page that `params` ask for; None where the API will not have them."""
        return await self._try(self.path, {**self.params, **params}, headers)

    async def follow(self, link: str) -> Look | None:
        """The page at `link`."""
        return await self._try(link, None, None)

    async def _try(self, path: str, params: dict[str, str] | None, headers: dict[str, str] | None) -> Look | None:
        if self.requests >= self.most:
            return None
        self.requests += 1
        try:
            look = _look(await self.transport.get(path, params=params, headers=headers))
        except RateLimitedError:
            self.requests = self.most
            return None
        except (UpstreamError, ValueError):
            return None
        self.rows.extend(row for row in look.rows if row not in self.rows)
        return look


def _look(answer: Answer) -> Look:
    body = cast("object", _decode(answer.content.removeprefix(b"\xef\xbb\xbf")))
    found, url = find_items(body), answer.url
    link = next_link(answer.headers.get("link") or "")
    return Look(
        answer=answer,
        items=None if found is None else found.path,
        rows=[] if found is None else found.rows,
        marks=list(landmarks(body)),
        url=url,
        link=None if link is None else urljoin(url, link),
    )


def query_of(url: str) -> dict[str, str]:
    """The query parameters of `url`."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
