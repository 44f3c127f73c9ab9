"""Reads one dataset's answers: asks, splits, and picks out what paging needs.

An answer that carries an error is a failed page, whatever its status: its list, or the lack of one, says nothing of
what there is. The same goes for an answer without the list.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn, cast
from urllib.parse import urljoin

import msgspec
from xxhash import xxh3_64_intdigest

from syncline.errors import RejectedError, UnavailableError
from syncline.model.page import Answer, Headers, Json, Request, Transport
from syncline.model.places import dotted_keys
from syncline.upstreams.envelope import Envelope, NoListError, Opened
from syncline.upstreams.limits import http_date

__all__ = ["Fetched", "Reader", "failure_paths", "next_link"]

_NO_CONTENT = 204
_PAST_THE_END = frozenset({400, 404, 416, 422})
"""What servers say of a page after the last one; WordPress says 400."""
_QUOTED_LENGTH = 200
_HARMLESS = frozenset({"", "0", "none", "null", "no", "false", "ok", "success"})
"""What APIs write if there is no error."""
_FALSE = frozenset({"", "false", "0", "no", "n", "f", "off", "none", "null"})
"""How false is written as text."""
_COMPLAINTS = ("error", "errors", "message", "detail", "title", "code")
_MARKS = ("success", "ok")
"""Members that are false where an answer is a failure."""
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
        is_null: whether null stood where the list should be.
        refused: why there is no such page, if that may mean that it lies after the end; it has no rows.
        headers: all headers of the answer; None if there was none.
    """

    rows: list[bytes]
    values: Mapping[str, Json] = field(default_factory=dict[str, Json])
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    total: int | None = None
    link: str | None = None
    url: str = ""
    status: int = 200
    content_range: str | None = None
    answered_at: datetime | None = None
    is_null: bool = False
    refused: RejectedError | None = None
    headers: Headers | None = None

    def truth(self, path: str | None) -> bool | None:
        """Whether the value at `path` is true, or a link, or a number above 0; None if the body lacks it.

        Text counts as what it says: "false" and "0" are false.

        A path that begins with `!` is of a value that says the opposite (`!done`).
        """
        name, negated = _positive(path)
        value = self.values.get(name)
        if value is None and (negated or name not in self.values):
            return None
        is_true = value.strip().lower() not in _FALSE if isinstance(value, str) else bool(value)
        return is_true is not negated

    @property
    def digest(self) -> int:
        """A hash of the rows."""
        return xxh3_64_intdigest(b"\n".join(self.rows))


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Asks for one dataset.

    Attributes:
        path: relative to the upstream's base URL.
        params: query parameters of each request.
        total: dotted path, or header, of the number of items.
        failures: dotted paths of what stands in an answer only if it is an error.
        ahead: how many requests may be under way at once.
    """

    transport: Transport
    path: str
    params: Mapping[str, str]
    envelope: Envelope
    total: str | None
    ahead: int
    failures: tuple[str, ...] = ()

    async def get(self, params: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Fetched:
        """The answer at the path to `params`, added to the fixed ones."""
        request = Request(path=self.path, params={**self.params, **params}, headers=headers or {})
        return self._fetched(await self.transport.send(request))

    async def get_past_the_end(self, params: Mapping[str, str]) -> Fetched:
        """As `get`, but a refusal that may mean "behind the end" is an empty page that says so."""
        try:
            return await self.get(params)
        except RejectedError as error:
            if error.status not in _PAST_THE_END:
                raise
            return Fetched(rows=[], refused=error)

    async def follow(self, link: str) -> Fetched:
        """The answer at `link`, which has all parameters in it."""
        return self._fetched(await self.transport.send(Request(path=link)))

    def reject(self, problem: str) -> NoReturn:
        """Fail the page as the declaration's fault, so that it is not asked for again.

        Raises:
            RejectedError: always.
        """
        raise RejectedError(f"{self.path}: {problem}", upstream=self.name)

    def fail(self, problem: str, *, status: int | None = None) -> NoReturn:
        """Fail the page as the upstream's fault, so that it is asked for again.

        Raises:
            UnavailableError: always.
        """
        raise UnavailableError(f"{self.name} failed at {self.path}: {problem}", upstream=self.name, status=status)

    @property
    def name(self) -> str:
        """The upstream, as errors call it."""
        return self.transport.name

    def _fetched(self, answer: Answer) -> Fetched:
        opened = self._opened(answer)
        self._check(opened, answer)
        url = answer.url
        link = next_link(answer.headers.get("link") or "")
        return Fetched(
            rows=opened.rows,
            values=opened.values,
            texts=opened.texts,
            is_null=opened.is_null,
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
            self.fail(f"{error}{_complaint(answer.content)}", status=answer.status_code)
        except ValueError as error:
            message = f"{self.name} answered {self.path} with a body that is cut or no JSON ({error})"
            raise UnavailableError(message, upstream=self.name, status=answer.status_code) from None

    def _check(self, opened: Opened, answer: Answer) -> None:
        """Refuse an answer with an error in it."""
        for path in self.failures:
            if path not in opened.values:
                continue
            value, last = opened.values[path], path.rpartition(".")[2]
            if value is False if last in _MARKS else _is_error(value):
                said = " ".join(opened.texts[path].split())[:_QUOTED_LENGTH]
                self.fail(f"a success with {path!r} in it: {said}", status=answer.status_code)

    def _total(self, answer: Answer, opened: Opened) -> int | None:
        if self.total is None:
            return None
        told = answer.headers.get(self.total) if "-" in self.total else opened.values.get(self.total)
        if isinstance(told, dict | list):
            self.reject(f"the total at {self.total!r} is no number but {opened.texts[self.total][:80]}; change `total`")
        digits = re.fullmatch(r"\s*(\d{1,18})(?:\.0*)?\s*", str(told))  # some write 40.0
        return int(digits[1]) if digits else None


def failure_paths(items: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Where an answer may carry an error: beside the list, and beside each object that leads to it."""
    keys = dotted_keys(items)
    above = [".".join(key.replace(".", "\\.") for key in keys[:depth]) for depth in range(len(keys))]
    paths = [f"{place}.{name}" if place else name for place in above for name in (*names, *_MARKS)]
    return tuple(path for path in paths if dotted_keys(path) != keys[: len(dotted_keys(path))]) if names else ()


def _positive(path: str | None) -> tuple[str, bool]:
    """The path without its `!`, and whether it had one."""
    return (path or "").removeprefix("!"), (path or "").startswith("!")


def _is_error(value: Json) -> bool:
    """Whether what stands under `error` tells of one."""
    return value.strip().lower() not in _HARMLESS if isinstance(value, str) else bool(value)


def _complaint(content: bytes) -> str:
    """The members of a body without the list that describe an error; all else is left out of the message."""
    body: object = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    if not isinstance(body, Mapping):
        return ""
    members = cast("Mapping[str, object]", body)
    told = {name: members[name] for name in _COMPLAINTS if members.get(name)}
    return f"; it says {msgspec.json.encode(told).decode()[:_QUOTED_LENGTH]}" if told else ""


def next_link(header: str) -> str | None:
    """The target of `rel="next"` in a `Link` header (RFC 8288, section 3)."""
    for target, parameters in _LINK.findall(header):
        if _NEXT.search(parameters):
            return str(target)
    return None
