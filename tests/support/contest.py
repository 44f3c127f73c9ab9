"""The four services on X against the simulated X, as their flows run them, without Prefect and on the test's clock."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from sqlmodel import Session, col, select

import sandbox
from flows.fast_delete_sweep import FAST_DELETE_SWEEP
from flows.freeze_coordinator import FREEZE_COORDINATOR
from flows.twitter_poller import TWITTER_POLLER
from flows.validate_entries import VALIDATE_ENTRIES
from flows.x import X
from support.sources import altered
from support.webhooks import endpoint
from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun, lease_name
from syncline.clock import ManualClock
from syncline.contests import choosing, freezing, rounds, snapshots
from syncline.contests.checking import Checks
from syncline.contests.entering import enter
from syncline.contests.freezing import FreezeProgress
from syncline.contests.pushing import push_due
from syncline.contests.tables import Entry, EntryStatus, Round, Snapshot
from syncline.contests.x import Mentions
from syncline.errors import DeferredError, UpstreamError
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Tally, Trigger
from syncline.model.source import Source
from syncline.passes import prune, pull
from syncline.passes.closing import close, complete
from syncline.passes.waiting import Waiting
from syncline.settings import Settings, UpstreamSettings
from syncline.store import leases, sessions
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient
from syncline.upstreams.webhooks import Endpoint

__all__ = ["INBOX_SECRET", "Contest", "counted", "serving_x"]

INBOX_SECRET = "whsec_YSBzZWNyZXQgb2YgdGhlIHRlc3Rz"


@contextmanager
def serving_x(clock: ManualClock, *, mentions: int = 250) -> Generator[sandbox.Box]:
    """X on the test's clock, with an inbox that checks signatures."""
    with sandbox.serving(
        products=1, customers=1, pools=1, mentions=mentions, clock=clock.now, inbox_secret=INBOX_SECRET
    ) as box:
        yield box


_running: ContextVar[tuple[str, str]] = ContextVar("running")
"""The lease and the session of the run under way."""


@dataclass(kw_only=True)
class Contest:
    """A contest: its services, run one by one (or side by side, in a `VirtualTime`).

    Attributes:
        sleep: how the services wait; unless given, the clock moves on.
        round_seconds: how long a round lasts.
        progress: what a freeze told of each batch.
        pauses: how long was waited, each time.
    """

    store: Store
    clock: ManualClock
    box: sandbox.Box
    sleep: Callable[[float], Awaitable[None]] | None = None
    round_seconds: float | None = None
    progress: list[FreezeProgress] = field(default_factory=list[FreezeProgress])
    pauses: list[float] = field(default_factory=list[float])

    async def poll(self, *, retry: bool = False) -> Status:
        """A run of `twitter_poller`."""
        poller = altered(TWITTER_POLLER, pages=Mentions(user_id=self.box.x.user_id))

        async def work(client: UpstreamClient, session: str, mode: Mode) -> None:
            await pull.pull(self.store, poller, client, session, mode=mode, sleep=self._sleep)
            prune.prune(self.store, poller, session)
            enter(self.store, session, round_seconds=self.round_seconds)

        return await self._run(TWITTER_POLLER, work, retry=retry)

    async def validate(self, *, retry: bool = False) -> Status:
        """A run of `validate_entries`."""
        return await self._check(VALIDATE_ENTRIES, choosing.longest_unchecked, retry=retry)

    async def sweep(self, *, retry: bool = False) -> Status:
        """A run of `fast_delete_sweep`."""
        return await self._check(FAST_DELETE_SWEEP, choosing.newest, retry=retry)

    async def freeze(self, number: int | None = None, *, retry: bool = False) -> Status:
        """A run of `freeze_coordinator`: what is due, or one round."""

        async def work(client: UpstreamClient, session: str, mode: Mode) -> None:
            del mode
            await push_due(self.store, self.endpoint, session, for_holds=self._for_holds)
            numbers = (number,) if number is not None else self._due(session)
            failed: list[UpstreamError] = []
            for one in numbers:
                checks = self._checks(FREEZE_COORDINATOR, client, session, final=True)
                try:
                    await freezing.freeze(checks, one, pushes=True, on_batch=self._note)
                except UpstreamError as error:
                    failed.append(error)
            if failed:
                raise failed[0]
            await push_due(self.store, self.endpoint, session, for_holds=self._for_holds)

        return await self._run(FREEZE_COORDINATOR, work, retry=retry)

    async def _for_holds(self) -> None:
        await Waiting(store=self.store, source=FREEZE_COORDINATOR, sleep=self._sleep).for_holds()

    def _due(self, session: str) -> tuple[int, ...]:
        return choosing.rounds_to_freeze(self.store, session, TWITTER_POLLER, round_seconds=self.round_seconds)

    @property
    def endpoint(self) -> Endpoint:
        """The simulated inbox."""
        return endpoint(f"{self.box.url}/inbox", INBOX_SECRET)

    def checks(self, service: Source, client: UpstreamClient, session: str) -> Checks:
        """Checks for a session of the test's own."""
        return self._checks(service, client, session, final=False)

    @asynccontextmanager
    async def client(self, service: Source) -> AsyncGenerator[UpstreamClient]:
        """X's client, which pays on the service's account."""
        given = UpstreamSettings.model_validate({"base_url": f"{self.box.url}/x", "token": self.box.x_token})
        budget = RequestBudget(
            gate=Budgets(self.store),
            priority=service.priority,
            patience_seconds=service.patience_seconds,
            sleep=self._sleep,
        )
        async with UpstreamClient(X, Settings(upstreams={"x": given}), clock=self.clock, budget=budget) as client:
            yield client

    def entries(self, number: int = 1) -> dict[str, EntryStatus]:
        """The entries of a round with their status."""
        with self.store.read() as connection:
            rows = Session(connection).exec(select(Entry).where(col(Entry.round_number) == number)).all()
        return {row.tweet_id: EntryStatus(row.status) for row in rows}

    def round(self, number: int = 1) -> Round:
        with self.store.read() as connection:
            found = rounds.find(connection, number)
        assert found is not None
        return found

    def snapshot(self, number: int = 1) -> Snapshot | None:
        with self.store.read() as connection:
            return snapshots.find(connection, number)

    def sessions(self, service: str) -> Sequence[SyncSession]:
        """All sessions of a service, the oldest first."""
        with self.store.read() as connection:
            mine = select(SyncSession).where(col(SyncSession.source) == service)
            return Session(connection).exec(mine.order_by(col(SyncSession.started_at), col(SyncSession.id))).all()

    def truth(self) -> dict[str, EntryStatus]:
        """What X would say of each tweet."""
        tweets = self.box.x.tweets
        with tweets.lock:
            found = {tweet_id: tweets.get(tweet_id) for tweet_id in tweets.ids}
            return {
                str(tweet_id): EntryStatus.DELETED
                if tweet_id in tweets.deleted
                else EntryStatus.PROTECTED
                if tweet is not None and tweet.author_id in tweets.protected
                else EntryStatus.PUBLIC
                for tweet_id, tweet in found.items()
            }

    async def _check(self, service: Source, choose: Callable[[Store, int], Sequence[Entry]], *, retry: bool) -> Status:
        async def work(client: UpstreamClient, session: str, mode: Mode) -> None:
            del mode
            await self._checks(service, client, session, final=False).check(choose(self.store, 100))

        return await self._run(service, work, retry=retry)

    def _checks(self, service: Source, client: UpstreamClient, session: str, *, final: bool) -> Checks:
        return Checks(
            store=self.store, source=service, transport=client, session_id=session, final=final, sleep=self._sleep
        )

    async def _run(
        self, service: Source, work: Callable[[UpstreamClient, str, Mode], Awaitable[None]], *, retry: bool
    ) -> Status:
        """Admitted, done, ended, as `tasks.flow` does it; `retry`: in place of the one that was deferred."""
        newest = self._latest(service) if retry else None
        trigger = Trigger.SCHEDULE if newest is None else Trigger.RETRY
        goes_on_for = None if newest is None else newest.id
        due = DueRun(trigger=trigger, mode=Mode.INCREMENTAL, goes_on_for=goes_on_for)
        admission = admit(self.store, service, due)
        if not admission.granted:
            return admission.status
        session = admission.session_id
        _running.set((lease_name(service.name, None), session))
        try:
            async with self.client(service) as client:
                await work(client, session, admission.mode)
        except DeferredError as error:
            close(self.store, session, Status.DEFERRED, reason=error.reason, retry_at=error.retry_at, held=error.held)
            return Status.DEFERRED
        except UpstreamError as error:
            close(self.store, session, Status.FAILED, error=error)
            return Status.FAILED
        return complete(self.store, session)

    def _latest(self, service: Source) -> SyncSession | None:
        with self.store.read() as connection:
            return sessions.latest_started(connection, service.name, None)

    async def _note(self, progress: FreezeProgress) -> None:
        self.progress.append(progress)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        while seconds > 0:
            step = min(seconds, leases.RENEW_EVERY_SECONDS)
            await (self.sleep or self._pass)(step)
            seconds -= step
            self._renew()

    async def _pass(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)
        await asyncio.sleep(0)

    def _renew(self) -> None:
        """Keep the lease of the run that sleeps, as `LeaseKeeper` does while time really passes."""
        name, session = _running.get()
        with self.store.write() as connection:
            leases.renew(connection, name, session, now=self.clock.now())


def counted(session: SyncSession) -> Tally:
    """What a session counted."""
    return Tally(
        pages=session.pages_processed,
        requests=session.requests,
        processed=session.items_processed,
        updated=session.items_updated,
        unchanged=session.items_unchanged,
        deleted=session.items_deleted,
        rejected=session.items_rejected,
    )
