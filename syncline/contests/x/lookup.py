"""Whether tweets are still there, and public: up to 100 of them for one request."""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NoReturn

from syncline.contests.x.answers import NOT_FOUND, Body, is_unknown, read_body, tweet_id
from syncline.errors import RejectedError, UnavailableError
from syncline.model.page import RawItem, Request, Transport

__all__ = ["LOOKUP_PATH", "MOST_IDS", "LookedUp", "lookup"]

LOOKUP_PATH = r"/2/tweets$"
"""Finds the path of a lookup: for the `Budget` that pays for it."""
MOST_IDS = 100
"""So many ids go into one request."""
_PATH = "/2/tweets"
_ID = re.compile(r"[1-9][0-9]{0,18}")
_SHOWN = 5
"""So many ids are named in an error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LookedUp:
    """What became of the tweets that were asked for.

    Each is in exactly one of `present`, `deleted`, `protected`, `unclear`.

    Attributes:
        present: those that are there and public, raw, by id.
        deleted: those that are gone.
        protected: those that are there, but not for us to see: their author is protected, or X withholds them. They
            may come back; nothing of this is a deletion.
        unclear: those with a problem of a kind that is not known here, and what X said of it. Nothing may be concluded
            of them, whatever else X says.
        silent: those of `deleted` of which X said nothing at all, as it does with some that are gone. Where nearly all
            are, or it said nothing of any, it is worth asking again before much is thrown away.
    """

    present: Mapping[str, RawItem] = field(default_factory=dict[str, RawItem])
    deleted: AbstractSet[str] = frozenset()
    protected: AbstractSet[str] = frozenset()
    unclear: Mapping[str, str] = field(default_factory=dict[str, str])
    silent: AbstractSet[str] = frozenset()


async def lookup(
    transport: Transport, ids: Sequence[str], *, fields: Sequence[str] = ("author_id", "created_at")
) -> LookedUp:
    """Ask for tweets by their `ids`, each once, with these `fields` beside id and text; no ids take no request.

    Raises:
        ValueError: there are more than 100 ids, or one is none; nothing was sent.
        RejectedError: the answer is none of X's, or tells of a problem that is not known here and concerns none of
            these tweets. Nothing may be concluded.
        UnavailableError: the answer contradicts itself, or is cut. Nothing may be concluded.
        UpstreamError: X did not answer with success.
    """
    wanted = list(dict.fromkeys(ids))
    wrong = next((one for one in wanted if not _ID.fullmatch(one)), None)
    if len(wanted) > MOST_IDS or wrong is not None:
        said = f"{len(wanted)} ids" if wrong is None else repr(wrong)
        raise ValueError(f"a lookup takes up to {MOST_IDS} ids of tweets, which are decimal numbers, but not {said}")
    if not wanted:
        return LookedUp()
    params = {"ids": ",".join(wanted), "tweet.fields": ",".join(fields)}
    answer = await transport.send(Request(path=_PATH, params=params))
    body = read_body(answer, upstream=transport.name, path=_PATH)
    return _Verdict(upstream=transport.name, wanted=frozenset(wanted)).on(body)


@dataclass(frozen=True, kw_only=True)
class _Verdict:
    """What an answer means for the tweets that were `wanted`."""

    upstream: str
    wanted: frozenset[str]

    def on(self, body: Body) -> LookedUp:
        present, (gone, hidden, unclear) = self._present(body), self._problems(body)
        self._check("says of {} both that they are gone and that we may not see them", gone & hidden)
        self._check("both shows {} and says that they cannot be shown", present.keys() & (gone | hidden))
        self._check("both shows {} and tells of an unknown problem with them", present.keys() & unclear.keys())
        silent = self.wanted - present.keys() - gone - hidden - unclear.keys()
        return LookedUp(
            present=present,
            deleted=(gone | silent) - unclear.keys(),
            protected=hidden - unclear.keys(),
            unclear=unclear,
            silent=silent,
        )

    def _present(self, body: Body) -> dict[str, RawItem]:
        found: dict[str, RawItem] = {}
        for row in body.data or ():
            one = tweet_id(row)
            if one is None:
                self._contradicts("holds a tweet whose id cannot be read")
            self._check("shows {} twice", {one} & found.keys())
            found[one] = bytes(row)
        self._check("shows {}, which were not asked for", found.keys() - self.wanted)
        return found

    def _problems(self, body: Body) -> tuple[set[str], set[str], dict[str, str]]:
        """The tweets that are gone, those that are hidden, and those of which nothing is clear, with what was said.

        X may say so more than once.
        """
        gone: set[str] = set()
        hidden: set[str] = set()
        unclear: dict[str, str] = {}
        for problem in body.problems:
            if not is_unknown(problem):
                (gone if problem.kind in NOT_FOUND else hidden).add(problem.about)
            elif problem.about in self.wanted:
                unclear.setdefault(problem.about, problem.said)
            else:
                message = f"{self.upstream} tells of a problem at {_PATH} that is not known here: {problem.said}"
                raise RejectedError(message, upstream=self.upstream)
        self._check("tells of {}, which were not asked for", (gone | hidden) - self.wanted)
        return gone, hidden, unclear

    def _check(self, said: str, ids: AbstractSet[str]) -> None:
        """Refuse the answer where `said` holds of any ids."""
        if ids:
            shown = sorted(ids)
            more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
            self._contradicts(said.format(f"tweets ({', '.join(shown[:_SHOWN])}{more})"))

    def _contradicts(self, said: str) -> NoReturn:
        message = f"{self.upstream} contradicts itself: its answer to {_PATH} {said}"
        raise UnavailableError(message, upstream=self.upstream)
