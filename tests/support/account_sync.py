"""Connectors of accounts for drains: each does to its jobs what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from support.jobs import SOURCE, add_accounts, enqueue, now_us, wanted
from syncline.clock import microseconds
from syncline.jobs.drain import Drain, Drained, DrainLimits
from syncline.jobs.due import Freshness
from syncline.jobs.verdict import AccountEnd
from syncline.jobs.work import Ended, Work
from syncline.model.session import Status, Tally
from syncline.store.engine import Store
from syncline.store.job_wake import Bell, bell_of

__all__ = ["Does", "Script", "complete", "count_write", "drain_dry", "drain_of", "queue", "until", "written"]

Does = Callable[["Script", Sequence[Work]], AsyncIterator[Ended]]


@dataclass(kw_only=True)
class Script:
    """A connector that does as it is told, and remembers whose sync it was given."""

    store: Store
    does: Does
    given: list[list[str]] = field(default_factory=list[list[str]])
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def sync(self, works: Sequence[Work]) -> AsyncIterator[Ended]:
        """As of `syncline.jobs.work.AccountSync`."""
        self.given.append([work.account.external_id for work in works])
        self.begun.set()
        async for ended in self.does(self, works):
            yield ended

    def end(self, work: Work, status: Status = Status.COMPLETED, *, writes: bool = True) -> Ended:
        """The end of a job whose rows are counted as they are written."""
        now = microseconds(self.store.clock.now())
        end = AccountEnd(job=work.job, status=status, began_us=now, ended_us=now)
        return Ended(account=work.account, end=end, write=count_write(work.account.id) if writes else None)


def count_write(account_id: str) -> Callable[[Connection], Tally]:
    """Writes that the account was written once more."""

    def write(connection: Connection) -> Tally:
        connection.execute(text("UPDATE accounts SET weight = weight + 1 WHERE id = :id"), {"id": account_id})
        return Tally()

    return write


async def complete(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
    """All is well."""
    for work in works:
        yield script.end(work)


def drain_of(
    store: Store,
    connector: Script,
    *,
    owner: str = "drain",
    bell: Bell | None = None,
    limits: DrainLimits | None = None,
    open_sources: Callable[[Sequence[str]], Sequence[str]] = lambda names: names,
) -> Drain:
    """A drain of this connector's accounts."""
    return Drain(
        store,
        {SOURCE: connector},
        {SOURCE: Freshness()},
        owner=owner,
        bell=bell or bell_of(store),
        open_sources=open_sources,
        limits=limits or DrainLimits(stop_seconds=0.1, away_seconds=0.01),
    )


def queue(store: Store, *names: str) -> None:
    """Put accounts on record, each with a job that is due now."""
    add_accounts(store, *names)
    enqueue(store, *(wanted(name, now_us(store)) for name in names))


def drain_dry(store: Store, does: Does = complete, *, limits: DrainLimits | None = None) -> tuple[Drained, Script]:
    """What a drain of this connector has done when nothing is due any more, and the connector."""

    async def run() -> tuple[Drained, Script]:
        script = Script(store=store, does=does)
        return await drain_of(store, script, limits=limits).run_dry(), script

    return asyncio.run(run())


def written(store: Store) -> dict[str, int]:
    """How often each account's rows were written (`count_write`)."""
    with store.read() as connection:
        rows = connection.execute(text("SELECT external_id, weight - 1 FROM accounts ORDER BY id")).all()
    return {name: int(times) for name, times in rows}


async def until(is_so: Callable[[], object]) -> None:
    """Let others go on until it is so: what is waited for is often in the database, and no event tells of it."""
    while not is_so():  # noqa: ASYNC110 - as said
        await asyncio.sleep(0)
