"""The tweets that mention a user, newest first, as pages.

A pass asks for all that is newer than `since_id`, and follows `next_token` from page to page. It goes backwards: what
is written while it runs, or while it is interrupted, lies before its first page, where it does not look. That is for
the next pass, whose `since_id` is made of the newest mention of this one. A pass that was interrupted goes on with
`until_id`, the oldest mention that is stored: tweets that come or go in front of it move nothing behind it, and it does
not grow old as a token may. So no mention is lost, and none comes twice.

X shows some mentions minutes after they were written, behind others that it showed before. A request costs the same
whether it brings one tweet or a hundred, so each pass asks for what is up to `look_back_seconds` older than it needs,
and ends with the page that reaches back to what it needs.
"""

import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

import msgspec

from syncline.contests.x.answers import HIDDEN, NOT_FOUND, Body, is_unknown, read_body, tweet_id
from syncline.contests.x.ids import first_id
from syncline.errors import ConfigurationError, CursorExpiredError, RefusedError, RejectedError, UnavailableError
from syncline.model.page import Ask, Page, Request, Transport
from syncline.upstreams.limits import http_date
from syncline.upstreams.walk import Ahead, stream

__all__ = ["MENTIONS_PATH", "Mentions"]

MENTIONS_PATH = r"/2/users/[0-9]+/mentions$"
"""Finds the path of a page of mentions: for the `Budget` that pays for it."""
_SIZES = (5, 100)
"""The smallest and the largest page that X makes."""
_EMPTY_PAGES = 100
"""X leaves out what is hidden after it has counted, so pages may be empty; so many in a row never end."""


@dataclass(frozen=True, kw_only=True)
class Mentions:
    """The tweets that mention one user; a `syncline.model.page.Pages`.

    In incremental mode `updated_since` becomes a `since_id`. Ids are "snowflakes": with the milliseconds since X's
    epoch in the upper bits, `(ms - 1288834974657) << 22` is the lowest id of a millisecond; as X answers with what is
    above `since_id`, one less is asked with. X writes `created_at` cut to the second, so that a cursor made of it is
    early by up to a second, never late.

    X shows about the newest 800 mentions and no older ones. What a full pass does not see is therefore not gone: a
    source of mentions deletes nothing for it (`Deletes(never=True, full_pass_every_seconds=None)`).

    Attributes:
        user_id: the user's id, a decimal number; or what reads it (from the settings) when a pass begins.
        page_size: how many tweets are asked for at once, 5 to 100.
        look_back_seconds: how far behind `updated_since` it looks for tweets that X shows late, as far as that takes no
            further request.
        fields: what is asked for beside id and text.
    """

    user_id: str | Callable[[], str]
    page_size: int = 100
    look_back_seconds: float = 21_600
    fields: tuple[str, ...] = ("author_id", "created_at")

    def __post_init__(self) -> None:
        """Refuse a size that X refuses."""
        if not _SIZES[0] <= self.page_size <= _SIZES[1]:
            raise ConfigurationError(f"Mentions.page_size must lie in 5 to 100, but is {self.page_size}")

    def __call__(self, transport: Transport, ask: Ask) -> AsyncGenerator[Page, None]:
        """Yield the pages that `ask` wants, the next one under way while one is worked on.

        Raises:
            ConfigurationError: the user's id is no number.
            CursorExpiredError: the checkpoint is that of something else.
        """
        user_id = self.user_id if isinstance(self.user_id, str) else self.user_id()
        if not re.fullmatch(r"[0-9]{1,19}", user_id):
            raise ConfigurationError(f"the id of a user of X is a decimal number, but not {user_id!r}")
        place = _place(ask, transport.name)
        needed = 0 if ask.updated_since is None else first_id(ask.updated_since) - 1
        back = timedelta(seconds=self.look_back_seconds)
        since = 0 if ask.updated_since is None else first_id(ask.updated_since - back) - 1
        params = {"max_results": str(self.page_size), "tweet.fields": ",".join(self.fields)}
        params |= {"since_id": str(since)} if since > 0 else {}
        params |= {"until_id": place.before} if place.before is not None else {}
        return stream(_Backwards(transport, user_id, params, place, needed=needed))

    @property
    def incremental(self) -> bool:
        """Always: X can tell what is new."""
        return True

    @property
    def shifting(self) -> bool:
        """Never: places are ids."""
        return False


class _Place(msgspec.Struct, kw_only=True):
    """How far a pass has come.

    Attributes:
        before: the oldest mention that was given; None if none was, though pages were.
    """

    before: str | None = None


def _place(ask: Ask, upstream: str) -> _Place:
    if ask.resume is None:
        return _Place()
    try:
        return msgspec.convert(ask.resume, _Place)
    except msgspec.ValidationError:
        raise CursorExpiredError(f"{upstream}: the checkpoint is none of mentions", upstream=upstream) from None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Fetched:
    rows: list[bytes]
    oldest: int | None
    next_token: str | None
    answered_at: datetime | None


class _Backwards:
    """The walk from the newest mention to the oldest that is wanted."""

    def __init__(
        self, transport: Transport, user_id: str, params: dict[str, str], place: _Place, *, needed: int
    ) -> None:
        self.over = False
        self._transport = transport
        self._user_id = user_id
        self._path = f"/2/users/{user_id}/mentions"
        self._params = params
        self._before = place.before
        self._needed = needed
        self._token: str | None = None
        self._empty_pages = 0
        self._ahead = Ahead[_Fetched]()

    async def close(self) -> None:
        await self._ahead.close()

    async def next_page(self) -> Page:
        if not self._ahead:
            self._ahead.add(self._fetch(self._token))
        got = await self._ahead.take()
        self._check_progress(got)
        reaches_back = got.oldest is not None and got.oldest <= self._needed
        self.over, self._token = got.next_token is None or reaches_back, got.next_token
        if not self.over and self._transport.max_in_flight > 1:
            self._ahead.add(self._fetch(self._token))
        if got.oldest is not None:
            self._before = str(got.oldest)
        resume = None if self.over else msgspec.to_builtins(_Place(before=self._before))
        return Page(rows=got.rows, resume=resume, answered_at=got.answered_at)

    async def _fetch(self, token: str | None) -> _Fetched:
        params = self._params if token is None else {**self._params, "pagination_token": token}
        answer = await self._transport.send(Request(path=self._path, params=params))
        body = read_body(answer, upstream=self._transport.name, path=self._path)
        self._check_problems(body)
        rows = body.data or []
        self._check_count(body, len(rows))
        ids = [int(one) for one in map(tweet_id, rows) if one is not None]
        return _Fetched(
            rows=[bytes(row) for row in rows],
            oldest=min(ids, default=None),
            next_token=(body.meta.next_token if body.meta is not None else None) or None,
            answered_at=http_date(answer.headers.get("date")),
        )

    def _check_count(self, body: Body, rows: int) -> None:
        """Refuse a page that says of itself that it has more or fewer tweets, or says nothing and has none."""
        counted = None if body.meta is None else body.meta.result_count
        if body.data is None and body.meta is None:
            told = "no `meta`"
        elif counted not in {None, rows}:
            told = f"a result_count of {counted}"
        else:
            return
        message = f"{self._transport.name} contradicts itself: {self._path} has {rows} tweets and {told}"
        raise UnavailableError(message, upstream=self._transport.name)

    def _check_problems(self, body: Body) -> None:
        """Refuse an answer that is only problems, or that tells of one that may have cost us mentions."""
        for problem in body.problems:
            if is_unknown(problem):
                self._reject(f"tells of a problem that is not known here: {problem.said}")
            if body.data is None and body.meta is None and problem.kind in HIDDEN:
                said = f"does not let us see the mentions of {self._user_id}: {problem.said}"
                raise RefusedError(f"{self._transport.name} {said}", upstream=self._transport.name)
            if body.data is None and body.meta is None and problem.kind in NOT_FOUND:
                self._reject(f"knows no user {self._user_id}: {problem.said}; change the id")

    def _check_progress(self, got: _Fetched) -> None:
        self._empty_pages = 0 if got.rows else self._empty_pages + 1
        token = got.next_token
        if token is not None and (token == self._token or self._empty_pages > _EMPTY_PAGES):
            self._reject(f"does not come to an end with {self._path}: after {self._token!r} it says {token!r} is next")

    def _reject(self, said: str) -> NoReturn:
        raise RejectedError(f"{self._transport.name} {said}", upstream=self._transport.name)
