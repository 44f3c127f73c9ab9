"""Checking entries: each batch is looked up, and what that tells is stored with the session's counters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from syncline.contests import entries as stored
from syncline.contests.entries import Found
from syncline.contests.tables import Entry, EntryStatus
from syncline.contests.verdicts import decide
from syncline.contests.x.lookup import LookedUp, lookup
from syncline.errors import RateLimitedError
from syncline.model.page import Transport
from syncline.model.session import Tally
from syncline.model.source import Source
from syncline.passes.waiting import Waiting
from syncline.store import heartbeats, rejects, sessions
from syncline.store.engine import Store

__all__ = ["Checks"]


@dataclass(kw_only=True)
class Checks:
    """The checks of one session.

    Attributes:
        store: the database.
        source: whose session it is; its patience is how long a hold or a rate limit is waited for in place.
        transport: X's client; each request is paid from X's budget.
        session_id: the session, which holds the source's lease.
        final: whether entries are checked for their round's snapshot.
        sleep: waits for so many seconds.
        tally: what was counted so far.
        unclear: the entries for which X answered something unknown, with its words.
    """

    store: Store
    source: Source
    transport: Transport
    session_id: str
    final: bool = False
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    tally: Tally = field(default_factory=Tally)
    unclear: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self._rejects = rejects.SourceRejects(source=self.source.name, account_id=None, session_id=self.session_id)

    async def check(self, batch: Sequence[Entry], *, batches_left: int = 0) -> Sequence[Found]:
        """Look a batch up and store what became of its entries; at most 100, and none take no request.

        Of a tweet that is gone the entry stays, but not what it said.

        Raises:
            UpstreamError: X failed; nothing of this batch was stored.
            DeferredError: a hold, a rate limit or the budget lasts longer than the source's patience.
            SessionLostError: the session was closed or taken over; nothing was stored.
        """
        if not batch:
            return ()
        looked_up = await self._looked_up([entry.tweet_id for entry in batch])
        return await asyncio.to_thread(self._store_found, batch, looked_up, batches_left)

    async def _looked_up(self, ids: Sequence[str]) -> LookedUp:
        waiting = Waiting(store=self.store, source=self.source, sleep=self.sleep)
        limited = 0
        while True:
            await waiting.for_holds()
            try:
                return await lookup(self.transport, ids)
            except RateLimitedError as error:
                limited += 1
                await waiting.backoff_for(error, limited)

    def _store_found(self, batch: Sequence[Entry], looked_up: LookedUp, batches_left: int) -> Sequence[Found]:
        now = self.store.clock.now()
        found = decide(batch, looked_up, now)
        tally = _counted(batch, found)
        refused = [(tweet_id, said, b"") for tweet_id, said in looked_up.unclear.items()]
        pages = self.tally.pages + 1

        def work(connection: Connection) -> None:
            stored.record(connection, found, now=now, final=self.final)
            stored.forget_tweets(connection, [one.tweet_id for one in found if one.status is EntryStatus.DELETED])
            stored.note_look(connection, list(looked_up.unclear), now=now)
            self._rejects.add(connection, refused, now)
            self._rejects.forget(connection, [one.tweet_id for one in found])
            sessions.advance(connection, self.session_id, tally, pages_left=batches_left)

        self.store.transact(work)
        heartbeats.note(self.store, partial(heartbeats.beat, source=self.source.name, page=pages, now=now))
        self.tally += tally
        self.unclear |= looked_up.unclear
        return found


def _counted(batch: Sequence[Entry], found: Sequence[Found]) -> Tally:
    """One batch: entries that are newly gone count as deleted, those that changed otherwise as updated."""
    before = {entry.tweet_id: entry.status for entry in batch}
    changed = [one for one in found if one.status is not before[one.tweet_id]]
    deleted = sum(one.status is EntryStatus.DELETED for one in changed)
    return Tally(
        pages=1,
        requests=1,
        processed=len(batch),
        updated=len(changed) - deleted,
        deleted=deleted,
        unchanged=len(found) - len(changed),
        rejected=len(batch) - len(found),
    )
