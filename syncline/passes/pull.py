"""Pulling: the pages of a source, from where its checkpoint stands to the end of the pass."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, literal, select
from xxhash import xxh3_128_hexdigest

from syncline.admission import refused
from syncline.errors import CursorExpiredError, RateLimitedError, RefusedError, RejectedError, RequestCeilingError
from syncline.model.items import partition_columns, table_of
from syncline.model.page import Ask, Page, Transport
from syncline.model.policies import Mode
from syncline.model.session import Tally
from syncline.model.source import Source
from syncline.passes.codec import codec_of
from syncline.passes.commit import Committed, PageWriter
from syncline.passes.reader import batches
from syncline.passes.requests import Metered, counted
from syncline.passes.state import PassState, dumped, loaded
from syncline.passes.waiting import Waiting
from syncline.store import checkpoints, sessions
from syncline.store.engine import Store
from syncline.store.pass_keys import PassKeys

__all__ = ["Progress", "pull"]

_ROWS_A_COMMIT = 5_000
"""Pages that are there at the same time share a transaction up to this many items."""
_DEAD_CURSOR = frozenset({400, 403, 404, 422})
"""How servers refuse a cursor that they have forgotten, beside 410."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a pass has come: pages stored, pages in all if that is known, distinct items."""

    pages: int
    total_pages: int | None
    items: int

    @property
    def percent(self) -> float:
        """How far it is, 0 to 100; 0 if the upstream does not say how much there is."""
        return min(100.0, 100 * self.pages / self.total_pages) if self.total_pages else 0.0

    @property
    def sentence(self) -> str:
        """How far it is, in words."""
        total = f" of {self.total_pages}" if self.total_pages else ""
        return f"page {self.pages}{total}, {self.items} items"


@dataclass(kw_only=True)
class _Pull:
    """One session's pull; `sleep` waits for so many seconds, `on_page` is called after each commit."""

    store: Store
    source: Source
    transport: Transport
    session_id: str
    mode: Mode
    account_id: str | None = None
    force: bool = False
    on_page: Callable[[Progress], Awaitable[None]] | None = None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    tally: Tally = field(default_factory=Tally)

    @property
    def _waiting(self) -> Waiting:
        return Waiting(store=self.store, source=self.source, account_id=self.account_id, sleep=self.sleep)

    async def run(self) -> Tally:
        """Continue at the checkpoint until all pages are stored; returns what this call added.

        Raises:
            UpstreamError: the upstream failed; what came before is stored, and the next call continues there.
            DeferredError: a hold or a rate limit lasts longer than the source's patience.
            SessionLostError: the session was closed or taken over.
        """
        writer = PageWriter(
            self.store, self.source, account_id=self.account_id, session_id=self.session_id, force=self.force
        )
        state = self._begun()
        limited, stored_pages, begun_again = 0, 0, False
        transport = self._metered()
        while not state.finished:
            pages_before, resumes = self.tally.pages, state.resume is not None
            try:
                state = await self._walk(writer, state, transport)
            except RateLimitedError as error:
                limited = limited + 1 if self.tally.pages == stored_pages else 1
                stored_pages = self.tally.pages
                await self._waiting.backoff_for(error, limited)
            except RequestCeilingError as error:
                with self.store.write() as connection:
                    sessions.note_reason(connection, self.session_id, str(error))
                return self.tally
            except CursorExpiredError:
                state = self._stored() or state  # the walk may have come a long way since it began
                if state.mode is Mode.FULL and (state.resume is None or begun_again):
                    raise
                begun_again = state.mode is Mode.FULL
                state = self._begin(Mode.FULL)
            except (RejectedError, RefusedError) as error:
                is_first = resumes and self.tally.pages == pages_before
                if begun_again or not is_first or error.status not in _DEAD_CURSOR:
                    raise
                begun_again, state = True, self._begin(state.mode)  # a resume token lives for minutes at some
            state = self._stored() or state
        return self.tally

    def _metered(self) -> Metered:
        """The transport, with what the session has sent before counted in."""
        with self.store.read() as connection:
            session = sessions.find(connection, self.session_id)
        sent = 0 if session is None else session.requests
        return Metered(transport=self.transport, ceiling=self.source.required_dataset.max_requests, sent=sent)

    async def _walk(self, writer: PageWriter, state: PassState, transport: Transport) -> PassState:
        """Read and store pages until the walk ends or a hold is in force."""
        ask = Ask(
            mode=state.mode,
            updated_since=state.since,
            resume=state.resume,
            time_zone=self.source.required_dataset.time_zone,
            asked_at=self.store.clock.now(),
        )
        pages = self.source.required_dataset.pages(transport, ask)
        stored = False
        async with aclosing(batches(pages, rows=_ROWS_A_COMMIT)) as arriving:
            async for batch in arriving:
                committed = await self._commit(writer, state, batch)
                over = committed.state.finished or committed.state.walk != state.walk
                state, stored = committed.state, True
                if over or committed.hold is not None:
                    break
        if not stored:
            state = (await self._commit(writer, state, [Page(rows=(), requests=0)])).state
        if not state.finished:
            await self._waiting.for_holds()
        return state

    async def _commit(self, writer: PageWriter, state: PassState, batch: list[Page]) -> Committed:
        """Commit in a thread if the database is another process; on the event loop if it is SQLite."""
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
        """The unfinished pass, if it reads enough for this session and can be continued; else a new one."""
        with self.store.read() as connection:
            row = checkpoints.read(connection, self.source.name, self.account_id)
            session = sessions.find(connection, self.session_id)
        state = None if row is None else loaded(row.pass_state)
        if row is None or state is None or (state.mode is Mode.INCREMENTAL and self.mode is Mode.FULL):
            return self._begin(self.mode)
        if state.finished and state.is_mostly_rejected and session is not None and not session.items_processed:
            return self._begin(state.mode)  # it failed an earlier session, and would let this one claim success
        age = self.store.clock.now() - row.updated_at
        if state.finished or (state.made_for == self._made_for and age <= self._resumes_within):
            return state
        return self._begin(state.mode)

    @property
    def _resumes_within(self) -> timedelta:
        return timedelta(seconds=self.source.required_dataset.resume_within_seconds)

    @property
    def _made_for(self) -> str:
        """A digest of what is read, from where, and into which columns; the parameters in it may be secrets."""
        read = getattr(self.source.required_dataset.pages, "declared", "")
        shape = codec_of(
            self.source.required_dataset.table,
            self.source.required_dataset.fields,
            self.source.required_dataset.time_zone,
        ).shape
        return xxh3_128_hexdigest(f"{getattr(self.transport, 'origin', '')} {read} {shape:x}".encode())

    def _begin(self, mode: Mode) -> PassState:
        """Begin a pass: incremental if there is a cursor, else full; a session that was lost begins none."""
        now = self.store.clock.now()

        def work(connection: Connection) -> PassState:
            row = checkpoints.read(connection, self.source.name, self.account_id)
            cursor = None if row is None else row.cursor
            doubles = None if row is None else row.doubles
            reads = mode if cursor is None or self._has_rows(connection) else Mode.FULL
            state = _first_state(self.source, reads, cursor, now, made_for=self._made_for, doubles=doubles)
            PassKeys(self.source.name, self.account_id).clear(connection)
            if reads is Mode.FULL:
                sessions.note_full(connection, self.session_id)
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

        return self.store.transact(work)

    def _has_rows(self, connection: Connection) -> bool:
        """Whether the table holds anything of the source; changes alone do not fill one that was made anew."""
        whose = {"source": self.source.name, "account_id": self.account_id or ""}
        table = table_of(self.source.required_dataset.table)
        mine = [table.c[name] == whose[name] for name in partition_columns(self.source.required_dataset.table)]
        return connection.execute(select(literal(1)).select_from(table).where(*mine).limit(1)).first() is not None


def _first_state(
    source: Source, mode: Mode, cursor: str | None, now: datetime, *, made_for: str, doubles: str | None
) -> PassState:
    known = () if doubles is None else tuple(msgspec.json.decode(doubles, type=list[str]))
    state = PassState(mode=Mode.FULL, started_at=now, made_for=made_for, known_doubles=known)
    if mode is Mode.FULL or cursor is None or not source.required_dataset.pages.incremental:
        return state
    since = datetime.fromisoformat(cursor) - timedelta(seconds=source.required_dataset.lag_seconds)
    return msgspec.structs.replace(state, mode=Mode.INCREMENTAL, since=since, ordered=False)


async def pull(
    store: Store,
    source: Source,
    transport: Transport,
    session_id: str,
    *,
    mode: Mode,
    account_id: str | None = None,
    force: bool = False,
    on_page: Callable[[Progress], Awaitable[None]] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Tally:
    """Pull `source` for the session that holds its lease; see `_Pull.run`.

    `force` lets items empty whole columns. All requests that were sent are on record when it ends, whatever came of
    them. Where the upstream refuses our credentials, the source is held from then on.
    """
    work = _Pull(
        store=store,
        source=source,
        transport=transport,
        session_id=session_id,
        mode=mode,
        account_id=account_id,
        force=force,
        on_page=on_page,
        sleep=sleep,
    )
    try:
        with counted(store, session_id, transport) as sent:
            tally = await work.run()
    except RefusedError as error:
        refused.hold(store, source, transport, error, account_id=account_id)
        raise
    return tally + Tally(requests=sent.beyond)
