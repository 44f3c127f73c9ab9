"""How a walk over an upstream's pages ends: one pure decision for all kinds of paging; deletions go by nothing else.

An end is believed only where nothing that the upstream said speaks against it. What may speak against it is collected
in `Told`, an answer at a time; `conclude` says whether the walk goes on, and if not, how it ended.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

__all__ = ["CONFIRMED_HOLES", "REACHED", "End", "Ending", "Following", "Told", "conclude"]

_EMPTY_PAGES = 100
"""So many empty pages in a row, each naming a next one, are a server that never ends (X leaves out hidden rows)."""
_HOLES = 3
"""So many empty pages in a row are asked past where a total or `more` says that rows follow."""
CONFIRMED_HOLES = _HOLES + 1
"""So many stand for an empty page behind which it is no use to ask: the total ends before it, or it was refused."""


class End(StrEnum):
    """How a walk ended."""

    REACHED = "reached"
    """All that is listed was read, and nothing speaks against it: what was not seen is gone."""
    STOPPED = "stopped"
    """It was broken off; what lies behind is not known."""
    CIRCLES = "circles"
    """The upstream gave pages that it had given before."""
    CONTRADICTED = "contradicted"
    """It ended, but the upstream's own words say that there is more."""


class Ending(Struct, frozen=True, kw_only=True):
    """The end of a walk.

    Attributes:
        end: how it ended.
        reason: what speaks against it, as a clause; empty where nothing does.
    """

    end: End = End.REACHED
    reason: str = ""

    @property
    def is_proved(self) -> bool:
        """Whether what was not seen is gone."""
        return self.end is End.REACHED


REACHED = Ending()


class Following(StrEnum):
    """What an answer says of the page behind it."""

    COUNTED = "counted"
    """Nothing: pages are counted, and one can always ask for the next."""
    NAMED = "named"
    """It names the next page: by a cursor, a link, or its last key."""
    NONE = "none"
    """It names none, where others did or by saying null."""
    UNSAID = "unsaid"
    """It names none, and no answer of the walk had the declared path at all: it may be the wrong path."""


class Told(Struct, frozen=True, kw_only=True):
    """What the answers of one walk have said, up to the newest.

    Attributes:
        following: what the newest says of the page behind it.
        rows: how many rows the newest has.
        received: how many rows came in all, without those that came again.
        total: the lowest number of all items that an answer with rows named; None where none did.
        more: whether the newest says that there is more; None where it says nothing.
        repeats: whether the newest is a page that came before.
        is_short: whether it has fewer rows than were asked for.
        is_behind_full: whether the page before an empty one was full: then it may as well be a hole as the end.
        empty_pages: how many answers in a row have no rows, the newest included.
        objection: what speaks against any end of the walk, though it goes on.
        next_at: where the next page should be named, for the reason.
        more_at: where it should say whether there is more.
    """

    following: Following
    rows: int
    received: int
    total: int | None = None
    more: bool | None = None
    repeats: bool = False
    is_short: bool = False
    is_behind_full: bool = False
    empty_pages: int = 0
    objection: str | None = None
    next_at: str | None = None
    more_at: str | None = None

    @property
    def reaches_total(self) -> bool:
        """Whether as many items came as the upstream counts."""
        return self.total is not None and self.received >= self.total

    @property
    def matches_total(self) -> bool:
        """Whether just as many items came as the upstream counts: where more did, its total is capped, or wrong."""
        return self.received == self.total


def conclude(told: Told) -> Ending | None:
    """How the walk ended with the newest answer; None: it goes on."""
    if told.repeats:
        return _repeated(told)
    if told.following is Following.NAMED and told.more is not False:
        return _circles(f"{told.empty_pages} pages in a row were empty") if told.empty_pages > _EMPTY_PAGES else None
    if told.following is Following.COUNTED and not _stops_counting(told):
        return None
    objection = _objection(told)
    return REACHED if objection is None else Ending(end=End.CONTRADICTED, reason=objection)


def _repeated(told: Told) -> Ending:
    """A page that came before: the end where the total is reached, else no progress."""
    if told.reaches_total and told.more is not True and told.objection is None:
        return REACHED
    return _circles("it gives pages again that came before")


def _stops_counting(told: Told) -> bool:
    """Whether it is no use to ask for the page with the next number.

    A full page is never the last, whatever the total: totals are capped, and one that was exceeded confirms nothing.
    An empty page is the last, unless the upstream says that rows follow: then some more are asked for.
    """
    if told.rows:
        return told.more is False or (told.more is None and told.is_short and told.matches_total)
    if _objection(told) is not None:
        return told.empty_pages > _HOLES
    is_confirmed = told.more is False or told.matches_total or not told.is_behind_full
    return is_confirmed or told.empty_pages > 1


def _objection(told: Told) -> str | None:
    """What the upstream said against an end here; None where it said nothing."""
    if told.objection is not None:
        return told.objection
    if told.more is True:
        return f"it says that there is more ({told.more_at}), but there is no next page"
    if told.total is not None and told.received < told.total:
        return f"{told.received} items came, but it counts {told.total}"
    confirmed = told.more is False or told.reaches_total or told.is_short
    if told.following is Following.UNSAID and not confirmed:
        return f"none of its pages has {told.next_at!r}, where the next one should be named"
    return None


def _circles(reason: str) -> Ending:
    return Ending(end=End.CIRCLES, reason=reason)
