"""A pass: one walk (or two) over all pages that an upstream has for a source; it outlives the process that began it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from syncline.model.policies import Mode

if TYPE_CHECKING:
    from syncline.model.records import CheckpointRow
    from syncline.model.source import Source

__all__ = ["PassState", "dumped", "later", "loaded", "mode_due", "walked"]

_LITTLE = 10
"""A total that differs from what came by up to this many items, or a tenth, means that items moved."""


class PassState(msgspec.Struct, frozen=True, kw_only=True):
    """Where a pass stands; kept in `checkpoints.pass_state`, written with every page.

    Attributes:
        mode: whether it reads all items or those that changed.
        started_at: when it began, by our clock.
        since: in incremental mode, the instant from which changes are asked for.
        walk: 1, or 2 where the list was seen to move and is walked once more.
        resume: where to go on: the last stored page's `resume`.
        finished: all pages are stored; what is left to do is the deletions of a full pass.
        pages: pages stored, over both walks.
        items: distinct items seen in this pass.
        page_size: items in a full page, as far as known.
        total: what the upstream last said of how many items there are.
        covered_to: the last key up to which keys came in rising order.
        ordered: whether all keys so far came in rising order.
        moved: whether items were seen to move between the pages of this walk; in the second one that means that some
            may have been missed twice, so nothing may be deleted and the cursor must stay.
        unreadable: items whose key could not be read: it is not known what they were, so nothing may be deleted.
        rejected: items that could not be stored.
        newest: the newest change among the items that were decoded.
        upstream_at: the upstream's clock at the first page, our own where it told none.
    """

    mode: Mode
    started_at: datetime
    since: datetime | None = None
    walk: int = 1
    resume: Any = None
    finished: bool = False
    pages: int = 0
    items: int = 0
    page_size: int | None = None
    total: int | None = None
    covered_to: int | str | None = None
    ordered: bool = True
    moved: bool = False
    unreadable: int = 0
    rejected: int = 0
    newest: datetime | None = None
    upstream_at: datetime | None = None

    @property
    def total_pages(self) -> int | None:
        """How many pages the whole pass has, as far as the upstream told."""
        if self.finished:
            return self.pages
        if not self.total or not self.page_size:
            return None
        return max(self.pages, self.walk * -(-self.total // self.page_size))

    def next_cursor(self) -> datetime | None:
        """The newest change up to which the source is surely in step when this pass has ended.

        A change made while the pass ran may have hit an item behind the walker; so no later than the pass's start. None
        where no change was seen, or where one may have been missed.
        """
        return None if self.newest is None or self.unsure else self.at_most_start(self.newest)

    @property
    def unsure(self) -> bool:
        """Whether items may have been missed by both walks."""
        return self.walk > 1 and self.moved

    def at_most_start(self, instant: datetime) -> datetime:
        """The instant, or the pass's start by the upstream's clock where that is earlier."""
        return min(instant, self.upstream_at or self.started_at)


def dumped(state: PassState) -> str:
    """The state as JSON."""
    return msgspec.json.encode(state).decode()


def loaded(text: str | None) -> PassState | None:
    """The state that `dumped` wrote; None where there is none."""
    return None if text is None else msgspec.json.decode(text, type=PassState)


def walked(source: Source, state: PassState) -> PassState:
    """The state after a page: where it was the last one, the pass is finished, or walks once more where items moved."""
    if state.resume is not None:
        return state
    if state.walk > 1 or not source.pages.shifting:
        return msgspec.structs.replace(state, finished=True)
    off = 0 if state.total is None else abs(state.items - state.total)
    if state.moved or 0 < off <= max(_LITTLE, state.items // _LITTLE):
        return msgspec.structs.replace(state, walk=2, ordered=False, moved=False, total=None)
    return msgspec.structs.replace(state, finished=True)


def mode_due(source: Source, row: CheckpointRow | None, asked: Mode, now: datetime) -> Mode:
    """How much the next pass is to read: all where that is asked for, begun, due, or all that the upstream can do."""
    if row is None or asked is Mode.FULL or not source.pages.incremental:
        return Mode.FULL
    unfinished = loaded(row.pass_state)
    if unfinished is not None and unfinished.mode is Mode.FULL:
        return Mode.FULL
    every = source.deletes.full_pass_every_seconds
    if row.full_pass_at is None or row.cursor is None:
        return Mode.FULL
    due = every is not None and now - row.full_pass_at >= timedelta(seconds=every)
    return Mode.FULL if due else Mode.INCREMENTAL


def later(cursor: str | None, instant: datetime | None) -> str | None:
    """The later of a stored cursor and an instant; a cursor never goes back."""
    if instant is None or (cursor is not None and datetime.fromisoformat(cursor) >= instant):
        return cursor
    return instant.isoformat()
