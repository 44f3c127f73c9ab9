"""Pulling: the pages of a source, from where its checkpoint stands to the end of the pass."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from syncline.errors import CursorExpiredError, RateLimitedError
from syncline.model.page import Ask, Page
from syncline.model.policies import Mode
from syncline.model.session import Tally
from syncline.passes.commit import Committed, PageWriter
from syncline.passes.reader import batches
from syncline.passes.state import PassState, dumped, loaded
from syncline.passes.waiting import Waiting
from syncline.store import checkpoints, sessions
from syncline.store.pass_keys import PassKeys

if TYPE_CHECKING:
    from syncline.model.page import Transport
    from syncline.model.source import Source
    from syncline.store.engine import Store

__all__ = ["Progress", "pull"]

_ROWS_A_COMMIT = 5_000
"""Pages that are there at the same time share a transaction up to this many items."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a pass has come: pages stored, pages in all where that is known, distinct items."""

    pages: int
    total_pages: int | None
    items: int

    @property
    def percent(self) -> float:
        """How far it is, 0 to 100; 0 where the upstream does not say how much there is."""
        return min(100.0, 100 * self.pages / self.total_pages) if self.total_pages else 0.0

    @property
    def sentence(self) -> str:
        """How far it is, in words."""
        total = f" of {self.total_pages}" if self.total_pages else ""
        return f"page {self.pages}{total}, {self.items} items"


@dataclass(kw_only=True)
class _Pull:
    """One session's pull; `sleep` waits for so many seconds, `on_page` hears of each commit."""

    store: Store
    source: Source
    transport: Transport
    session_id: str
    mode: Mode
    account_id: str | None = None
    on_page: Callable[[Progress], Awaitable[None]] | None = None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    tally: Tally = field(default_factory=Tally)

    @property
    def _waiting(self) -> Waiting:
        return Waiting(store=self.store, service=self.source, account_id=self.account_id, sleep=self.sleep)

    async def run(self) -> Tally:
        """Go on at the checkpoint until all pages are stored; returns what this call added.

        Raises:
            UpstreamError: the upstream failed; what came before is stored, and the next call goes on there.
            DeferredError: a hold or a rate limit lasts longer than the source's patience.
            SessionLostError: the session was closed or taken over.
        """
        writer = PageWriter(self.store, self.source, account_id=self.account_id, session_id=self.session_id)
        state = self._begun()
        limited, stored_pages, begun_again = 0, 0, False
        while not state.finished:
            try:
                state = await self._walk(writer, state)
            except RateLimitedError as error:
                limited = limited + 1 if self.tally.pages == stored_pages else 1
                stored_pages = self.tally.pages
                await self._waiting.for_limit(error, limited)
            except CursorExpiredError:
                state = self._stored() or state  # the walk may have come a long way since it began
                if state.mode is Mode.FULL and (state.resume is None or begun_again):
                    raise
                begun_again = state.mode is Mode.FULL
                state = self._begin(Mode.FULL)
            state = self._stored() or state
        return self.tally

    async def _walk(self, writer: PageWriter, state: PassState) -> PassState:
        """Read and store pages until the walk ends or a hold stands in the way."""
        ask = Ask(mode=state.mode, updated_since=state.since, resume=state.resume)
        pages = self.source.pages(self.transport, ask)
        stored = False
        async with aclosing(batches(pages, rows=_ROWS_A_COMMIT)) as arriving:
            async for batch in arriving:
                committed = await self._commit(writer, state, batch)
                state, stored = committed.state, True
                if committed.hold is not None and not state.finished:
                    break
        if not stored:
            state = (await self._commit(writer, state, [Page(rows=())])).state
        if not state.finished:
            await self._waiting.for_holds()
        return state

    async def _commit(self, writer: PageWriter, state: PassState, batch: list[Page]) -> Committed:
        """Commit beside the fetching where the database is another process, in line where it is ours."""
        if self.store.is_sqlite:
            committed = writer.commit(state, batch)
            await asyncio.sleep(0)
        else:
            committed = await asyncio.to_thread(writer.commit, state, batch)
        self.tally += committed.tally
        if self.on_page is not None:
            done = committed.state
            await self.on_page(Progress(pages=done.pages, total_pages=done.total_pages, items=done.items))
        return committed

    def _stored(self) -> PassState | None:
        with self.store.read() as connection:
            row = checkpoints.read(connection, self.source.name, self.account_id)
        return None if row is None else loaded(row.pass_state)

    def _begun(self) -> PassState:
        """The unfinished pass, if it reads enough for this session; else a new one."""
        state = self._stored()
        if state is not None and (state.mode is Mode.FULL or self.mode is Mode.INCREMENTAL):
            return state
        return self._begin(self.mode)

    def _begin(self, mode: Mode) -> PassState:
        """Begin a pass: incremental where there is a cursor, else full; a session that was lost begins none."""
        now = self.store.clock.now()
        with self.store.write() as connection:
            row = checkpoints.read(connection, self.source.name, self.account_id)
            cursor = None if row is None else row.cursor
            state = _first_state(self.source, mode, cursor, now)
            PassKeys(self.source.name, self.account_id).clear(connection)
            sessions.advance(connection, self.session_id, Tally())
            checkpoints.write(
                connection,
                self.source.name,
                self.account_id,
                cursor=cursor,
                full_pass_at=None if row is None else row.full_pass_at,
                pass_state=dumped(state),
                now=now,
            )
        return state


def _first_state(source: Source, mode: Mode, cursor: str | None, now: datetime) -> PassState:
    if mode is Mode.FULL or cursor is None or not source.pages.incremental:
        return PassState(mode=Mode.FULL, started_at=now)
    since = datetime.fromisoformat(cursor) - timedelta(seconds=source.lag_seconds)
    return PassState(mode=Mode.INCREMENTAL, started_at=now, since=since, ordered=False)


async def pull(
    store: Store,
    source: Source,
    transport: Transport,
    session_id: str,
    *,
    mode: Mode,
    account_id: str | None = None,
    on_page: Callable[[Progress], Awaitable[None]] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Tally:
    """Pull `source` for the session that holds its lease; see `_Pull.run`."""
    return await _Pull(
        store=store,
        source=source,
        transport=transport,
        session_id=session_id,
        mode=mode,
        account_id=account_id,
        on_page=on_page,
        sleep=sleep,
    ).run()
