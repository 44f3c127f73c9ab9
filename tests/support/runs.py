"""Whole runs of a source, as its flow makes them: admitted, pulled, pruned, ended."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from sqlmodel import Session, col, select

from support.upstream import ListPages, NoTransport
from syncline.admission.admit import admit
from syncline.admission.due_run import Admission, DueRun
from syncline.clock import ManualClock
from syncline.erp.tables import Product
from syncline.model.dataset import Dataset
from syncline.model.page import Transport
from syncline.model.policies import Deletes, Mode
from syncline.model.session import Status, SyncSession, Tally, Trigger
from syncline.model.source import Source
from syncline.model.upstream import Upstream
from syncline.passes import prune as pruning
from syncline.passes import pull as pulling
from syncline.passes.closing import complete
from syncline.store import sessions
from syncline.store.engine import Store
from syncline.store.leases import Process

__all__ = ["Ran", "Waits", "begin", "counted", "dead_process", "products_source", "pull", "run", "session", "stored"]


class Waits:
    """A `sleep` that moves the clock and remembers how long was waited; `during` happens while it waits."""

    def __init__(self, clock: ManualClock, during: Callable[[], object] | None = None) -> None:
        self.seconds: list[float] = []
        self._clock = clock
        self._during = during

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        assert len(self.seconds) < 1_000, "waited far too often"
        self._clock.advance(seconds=seconds)
        if self._during is not None:
            self._during()
        await asyncio.sleep(0)


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A run that came to its end."""

    session_id: str
    status: Status
    pulled: Tally
    deleted: int
    refused: str | None


def products_source(
    pages: ListPages,
    *,
    max_fraction: float = 1,
    full_pass_every_seconds: float | None = None,
    lag_seconds: float = 0,
    patience_seconds: float = 30,
) -> Source:
    """Products over `pages`; everything may be deleted, and no full pass falls due, unless said otherwise."""
    return Source(
        name="products",
        upstream=Upstream(name="erp"),
        dataset=Dataset(
            pages=pages,
            table=Product,
            updated_field="updated_at",
            lag_seconds=lag_seconds,
            deletes=Deletes(
                max_fraction=max_fraction,
                floor=0,
                agreeing_passes=None,
                full_pass_every_seconds=full_pass_every_seconds,
            ),
        ),
        patience_seconds=patience_seconds,
    )


def dead_process() -> Process:
    """A process of this machine that has ended: its pid is taken, by one that began at another time."""
    here = Process.current()
    return replace(here, started=here.started + 1)


def begin(
    store: Store,
    source: Source,
    *,
    mode: Mode = Mode.FULL,
    account_id: str = "",
    process: Process | None = None,
    trigger: Trigger = Trigger.SCHEDULE,
) -> Admission:
    """Admit a run; it must be granted."""
    due = DueRun(trigger=trigger, mode=mode, account_id=account_id)
    admission = admit(store, source, due, process=process)
    assert admission.granted, admission.reason
    return admission


def pull(
    store: Store,
    source: Source,
    admission: Admission,
    *,
    account_id: str = "",
    force: bool = False,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    on_page: Callable[[pulling.Progress], Awaitable[None]] | None = None,
    transport: Transport | None = None,
) -> Tally:
    """Pull for an admitted run."""
    work = pulling.pull(
        store,
        source,
        transport or NoTransport(),
        admission.session_id,
        mode=admission.mode,
        account_id=account_id,
        force=force,
        on_page=on_page,
        sleep=sleep,
    )
    return asyncio.run(work)


def run(
    store: Store,
    source: Source,
    *,
    mode: Mode = Mode.FULL,
    force: bool = False,
    account_id: str = "",
    transport: Transport | None = None,
    trigger: Trigger = Trigger.SCHEDULE,
) -> Ran:
    """A whole run; the clock moves on by a second before it."""
    if isinstance(store.clock, ManualClock):
        store.clock.advance(seconds=1)
    admission = begin(store, source, mode=mode, account_id=account_id, trigger=trigger)
    pulled = pull(store, source, admission, account_id=account_id, force=force, transport=transport)
    pruned = pruning.prune(store, source, admission.session_id, account_id=account_id, force=force)
    return Ran(
        session_id=admission.session_id,
        status=complete(store, admission.session_id),
        pulled=pulled,
        deleted=pruned.tally.deleted,
        refused=pruned.refused,
    )


def session(store: Store, session_id: str) -> SyncSession:
    """The session as it is on record."""
    with store.read() as connection:
        found = sessions.find(connection, session_id)
    assert found is not None
    return found


def counted(store: Store, session_id: str) -> Tally:
    """What is on record as counted by a session."""
    found = session(store, session_id)
    return Tally(
        pages=found.pages_processed,
        processed=found.items_processed,
        created=found.items_created,
        updated=found.items_updated,
        unchanged=found.items_unchanged,
        deleted=found.items_deleted,
        rejected=found.items_rejected,
        requests=found.requests,
    )


def stored(store: Store) -> dict[int, str]:
    """The names of the stored products, by id."""
    with store.read() as connection:
        rows = Session(connection).exec(select(Product).order_by(col(Product.id))).all()
    return {row.id: row.name for row in rows}
