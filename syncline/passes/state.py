"""A pass: one walk (or two) over all pages that an upstream has for a source; it outlives the process that began it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from msgspec.structs import replace

from syncline.model.ending import REACHED, End, Ending, Following, Told, conclude
from syncline.model.page import Page
from syncline.model.policies import Mode
from syncline.model.session import is_mostly_rejected

__all__ = [
    "MOST_DOUBLES",
    "PassState",
    "at_end",
    "dumped",
    "ending_of",
    "later",
    "loaded",
    "told_by",
]

_LITTLE = 10
"""A total that is missed by up to this many items, or a tenth, may mean that items moved."""
MOST_DOUBLES = 1_000
"""So many keys are remembered that a list shows more than once."""
_STALE_PAGES = 2
"""So many pages in a row that bring nothing new are no progress."""
_MOVED_TWICE = Ending(
    end=End.CONTRADICTED, reason="the list moved during both walks, and items may have been missed twice"
)
_REPEATED_HOUR = timedelta(hours=1)
_NO_PROGRESS = Ending(end=End.CIRCLES, reason="page after page brings items that came before")


class PassState(msgspec.Struct, frozen=True, kw_only=True):
    """Where a pass stands; kept in `checkpoints.pass_state`, written with every page.

    A field keeps its name there when its attribute is renamed: a pass that an older version began continues.

    Attributes:
        mode: whether it reads all items or those that changed.
        started_at: when it began, by our clock.
        made_for: a digest of what it reads, from where, into which columns; where that changes, the pass begins anew.
        since: in incremental mode, the instant from which changes are asked for.
        walk: 1, or 2 where the list is walked once more.
        resume: where to go on: the last stored page's `resume`.
        ending: how the walk ended; None until then.
        finished: all pages are stored; what is left to do is the deletions of a full pass.
        pages: pages stored, over both walks.
        walk_pages: pages of this walk.
        items: distinct items seen in this pass.
        received: items that came in this walk; one that came twice counts twice.
        page_size: items in a full page, as far as known.
        total: what the upstream last said of how many items there are.
        least: the lowest that it said in this walk.
        most: the highest.
        contiguous_up_to: the last key up to which keys came in rising order.
        ordered: whether all keys so far came in rising order; no longer in the second walk.
        again_to: the last key up to which those of the second walk came in rising order.
        again_ordered: whether all of the second walk did, after a first one that did.
        moved: whether items were seen to move between the pages of this walk.
        slipped: whether a page that moved was not seen to begin where the one before ended.
        fell: whether the total fell in this walk.
        has_seams: whether a page of this walk was not seen to begin where the one before ended.
        doubles: keys that came more than once in this walk.
        known_doubles: those that are known to: they were doubled in the walk before, or in the last pass.
        refused_doubles: keys of which a second item was refused in this pass.
        stale_pages: pages in a row that brought nothing new to this walk.
        unreadable: items whose key could not be read: it is not known what they were, so nothing may be deleted.
        rejected: items that could not be stored.
        newest: the newest change among the items that were decoded.
        is_local: whether that one came without an offset, so that an hour may come twice.
        upstream_at: the upstream's clock at the first page, our own where it told none.
    """

    mode: Mode
    started_at: datetime
    made_for: str = ""
    since: datetime | None = None
    walk: int = 1
    resume: Any = None
    ending: Ending | None = None
    finished: bool = False
    pages: int = 0
    walk_pages: int = 0
    items: int = 0
    received: int = 0
    page_size: int | None = None
    total: int | None = None
    least: int | None = None
    most: int | None = None
    contiguous_up_to: int | str | None = msgspec.field(default=None, name="covered_to")
    ordered: bool = True
    again_to: int | str | None = None
    again_ordered: bool = False
    moved: bool = False
    slipped: bool = False
    fell: bool = False
    has_seams: bool = False
    doubles: tuple[str, ...] = ()
    known_doubles: tuple[str, ...] = ()
    refused_doubles: tuple[str, ...] = ()
    stale_pages: int = 0
    unreadable: int = 0
    rejected: int = 0
    newest: datetime | None = None
    is_local: bool = False
    upstream_at: datetime | None = None

    @property
    def total_pages(self) -> int | None:
        """How many pages the whole pass has, as far as the upstream told."""
        if self.finished:
            return self.pages
        if not self.total or not self.page_size:
            return None
        return max(self.pages, self.walk * -(-self.total // self.page_size))

    @property
    def is_proved(self) -> bool:
        """Whether the pass reached the end of the list, and nothing speaks against it."""
        return self.finished and (self.ending is None or self.ending.is_proved)

    @property
    def is_mostly_rejected(self) -> bool:
        """Whether most of its items could not be stored."""
        return is_mostly_rejected(self.mode, processed=self.items, rejected=self.rejected)

    @property
    def read_to(self) -> datetime | None:
        """When it began, if all that the upstream showed then is stored, but for single rejects; else None."""
        return self.started_at if self.is_proved and not self.is_mostly_rejected else None

    @property
    def moves(self) -> bool:
        """Whether items came, went or changed places in this walk."""
        return self.moved or self.fell or self._unknown_doubles > 0

    def may_have_skipped(self, *, shifting: bool) -> bool:
        """Whether items may have slipped past the reader in this walk, for all that is known.

        Not where the list grew: an item that comes in front of the reader pushes another one over a page's border, so
        that it comes twice. Nor where few items went of a list that cannot shift.
        """
        spread, few = (self.most or 0) - (self.least or 0), max(_LITTLE, self.received // _LITTLE)
        fell = self.fell and (self.has_seams if shifting else spread > few)
        return self.slipped or fell or self._unknown_doubles > (spread if shifting else 0)

    @property
    def _unknown_doubles(self) -> int:
        """How many keys came twice that are not known to."""
        if len(self.doubles) > MOST_DOUBLES:
            return len(self.doubles)
        return len(set(self.doubles).difference(self.known_doubles))

    def refuses_double(self, key: object, *, shifting: bool) -> bool:
        """Whether an item whose key came before in this walk is another one, and no later state of the same."""
        return not shifting or self.walk > 1 or str(key) in self.known_doubles

    def next_cursor(self) -> datetime | None:
        """The newest change up to which the source is surely up to date when this pass has ended.

        A change made while the pass ran may have hit an item behind the walker; so no later than the pass's start. An
        hour less where instants came without an offset: in autumn an hour comes twice. None if no change was seen,
        or where one may have been missed, or where most items were rejected: they fit again when the upstream is
        mended, and an incremental pass would not ask for them again.
        """
        if self.newest is None or self.is_mostly_rejected or not self.is_proved:
            return None
        return self.at_most_start(self.newest) - (_REPEATED_HOUR if self.is_local else timedelta())

    def at_most_start(self, instant: datetime) -> datetime:
        """The instant, or the pass's start by the upstream's clock if that is earlier."""
        return min(instant, self.upstream_at or self.started_at)


def dumped(state: PassState) -> str:
    """The state as JSON."""
    return msgspec.json.encode(state).decode()


def loaded(text: str | None) -> PassState | None:
    """The state that `dumped` wrote; None if there is none."""
    return None if text is None else msgspec.json.decode(text, type=PassState)


def told_by(state: PassState, pages: Sequence[Page], *, shifting: bool) -> PassState:
    """The state after `pages`, as far as they tell of the list: how many came of how many, and whether it moved.

    Past the end some servers say that there are no items at all, so a total counts only beside rows.
    """
    totals = [page.total for page in pages if page.rows and page.total is not None]
    known = [total for total in (state.total, *totals) if total is not None]
    fell = any(after < before for before, after in pairwise(known))
    changed = shifting and len(set(known)) > 1
    follows = pages if state.walk_pages else pages[1:]
    return replace(
        state,
        received=state.received + sum(len(page.rows) for page in pages),
        total=totals[-1] if totals else state.total,
        least=min([*totals, *([] if state.least is None else [state.least])], default=None),
        most=max([*totals, *([] if state.most is None else [state.most])], default=None),
        moved=state.moved or changed or any(page.moved for page in pages),
        slipped=state.slipped or any(page.moved and not (page.joined or page.recounted) for page in pages),
        fell=state.fell or fell,
        has_seams=state.has_seams or any(not page.joined for page in follows),
    )


def ending_of(state: PassState, last: Page) -> Ending:
    """How the walk ended with its `last` page: as the connector says, else as the totals let it be."""
    if last.ending is not None:
        return last.ending
    told = Told(following=Following.NONE, rows=len(last.rows), received=state.received, total=state.least)
    return conclude(told) or REACHED


def at_end(state: PassState, *, shifting: bool, misses_rows: Callable[[], bool]) -> PassState:
    """The state after a page: where the walk ended with it, the pass is finished, or walks once more.

    It walks once more where the list moved, where a total was missed by little, and where rows would be deleted that a
    page's border may have hidden: what two walks have missed is gone. `misses_rows` says whether rows are stored that
    the pass has not seen; it is asked only if that matters.
    """
    if state.ending is None and state.stale_pages >= _STALE_PAGES:
        state = replace(state, ending=_NO_PROGRESS, resume=None)
    if state.ending is None:
        return state
    if state.walk == 1 and _walks_again(state, shifting=shifting, misses_rows=misses_rows):
        return replace(
            state,
            walk=2,
            resume=None,
            ending=None,
            walk_pages=0,
            received=0,
            total=None,
            least=None,
            most=None,
            ordered=False,
            again_to=None,
            again_ordered=state.ordered,
            moved=False,
            slipped=False,
            fell=False,
            has_seams=False,
            doubles=(),
            known_doubles=tuple(sorted({*state.known_doubles, *state.doubles}))[: 2 * MOST_DOUBLES],
            stale_pages=0,
        )
    if state.ending.is_proved and state.walk > 1 and state.may_have_skipped(shifting=shifting):
        state = replace(state, ending=_MOVED_TWICE)
    return replace(state, finished=True)


def _walks_again(state: PassState, *, shifting: bool, misses_rows: Callable[[], bool]) -> bool:
    ending = state.ending or REACHED
    if ending.end in {End.CIRCLES, End.STOPPED}:
        return False
    if state.fell or (shifting and state.moves):
        return True
    if not ending.is_proved:
        off = 0 if state.least is None else state.least - state.received
        return shifting and 0 < off <= max(_LITTLE, state.received // _LITTLE)
    return shifting and state.has_seams and state.mode is Mode.FULL and misses_rows()


def later(cursor: str | None, instant: datetime | None) -> str | None:
    """The later of a stored cursor and an instant; a cursor never goes back."""
    if instant is None or (cursor is not None and datetime.fromisoformat(cursor) >= instant):
        return cursor
    return instant.isoformat()
