"""Reads one dataset's answers: asks, splits, and picks out what paging needs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn
from urllib.parse import urljoin

from syncline.errors import RejectedError, UnavailableError
from syncline.model.page import Answer, Headers, Json, Transport
from syncline.upstreams.envelope import Envelope, NoListError, Opened
from syncline.upstreams.limits import http_date

__all__ = ["Fetched", "Reader", "next_link"]

_NO_CONTENT = 204
_PAST_THE_END = frozenset({404, 416})
_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w!#$&+.^`|~*-]+(?:\s*=\s*(?:"[^"]*"|[^\s",;<]*))?)*)')
_NEXT = re.compile(r';\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\b)', re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """One answer, split.

    Attributes:
        rows: the items, raw.
        values: what stood at the paths that the paging reads.
        total: how many items there are in all, where the answer says so.
        link: where the `Link` header says that the next page is; relative links are resolved.
        url: where the answer came from.
        status: 200, or 206 for a range.
        content_range: the header of that name.
        headers: all headers of the answer; None where there was none.
    """

    rows: list[bytes]
    values: Mapping[str, Json] = field(default_factory=dict[str, Json])
    total: int | None = None
    link: str | None = None
    url: str = ""
    status: int = 200
    content_range: str | None = None
    answered_at: datetime | None = None
    headers: Headers | None = None

    def truth(self, path: str | None) -> bool | None:
        """Whether the value at `path` is true, or a link, or a number above 0; None where the body lacks it."""
        if path is None or path not in self.values:
            return None
        return bool(self.values[path])


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Asks for one dataset.

    Attributes:
        path: relative to the upstream's base URL.
        params: query parameters of each request.
        total: dotted path, or header, of the number of items.
        ahead: how many requests may be under way at once.
    """

    transport: Transport
    path: str
    params: Mapping[str, str]
    envelope: Envelope
    total: str | None
    ahead: int

    async def get(self, params: Mapping[str, str], headers: dict[str, str] | None = None) -> Fetched:
        """What the path answers to `params`, added to the fixed ones."""
        answer = await self.transport.get(self.path, params={**self.params, **params}, headers=headers)
        return self._fetched(answer)

    async def get_past_the_end(self, params: Mapping[str, str], *, known: Mapping[str, str]) -> Fetched:
        """As `get`, but a 404 or 416 is an empty page, provided that the `known` page can still be had."""
        try:
            return await self.get(params)
        except RejectedError as error:
            if error.status not in _PAST_THE_END:
                raise
        await self.get(known)
        return Fetched(rows=[])

    async def follow(self, link: str) -> Fetched:
        """What `link` answers, which carries all parameters itself."""
        return self._fetched(await self.transport.get(link))

    def reject(self, problem: str) -> NoReturn:
        """Refuse to go on: the declaration does not fit the upstream.

        Raises:
            RejectedError: always.
        """
        raise RejectedError(f"{self.path}: {problem}", upstream=self.name)

    @property
    def name(self) -> str:
        """The upstream, as errors call it."""
        return self.transport.name

    def _fetched(self, answer: Answer) -> Fetched:
        opened = self._opened(answer)
        url = answer.url
        link = next_link(answer.headers.get("link") or "")
        return Fetched(
            rows=opened.rows,
            values=opened.values,
            total=self._total(answer, opened),
            link=None if link is None else urljoin(url, link),
            url=url,
            status=answer.status_code,
            content_range=answer.headers.get("content-range"),
            answered_at=http_date(answer.headers.get("date")),
            headers=answer.headers,
        )

    def _opened(self, answer: Answer) -> Opened:
        if answer.status_code == _NO_CONTENT:
            return Opened(rows=[])
        try:
            return self.envelope.open(answer.content)
        except NoListError as error:
            self.reject(str(error))
        except ValueError as error:
            message = f"{self.name} answered {self.path} with a body that is cut or no JSON ({error})"
            raise UnavailableError(message, upstream=self.name, status=answer.status_code) from None

    def _total(self, answer: Answer, opened: Opened) -> int | None:
        if self.total is None:
            return None
        told = answer.headers.get(self.total) if "-" in self.total else opened.values.get(self.total)
        digits = re.fullmatch(r"\d{1,18}", str(told))
        return int(digits[0]) if digits else None


def next_link(header: str) -> str | None:
    """The target of `rel="next"` in a `Link` header (RFC 8288, section 3)."""
    for target, parameters in _LINK.findall(header):
        if _NEXT.search(parameters):
            return str(target)
    return None
