"""The feeds as a scheduler sees them, over real HTTP: what the seed's integration tests promise.

The seed's groups of tests, and where each has its counterpart:

| group | here |
| --- | --- |
| rate limiting | syncline/resilience/test_budget*.py, syncline/store/test_budgets*.py, benchmarks/resilience |
| exponential backoff | syncline/resilience/test_backoff.py |
| circuit breaker | syncline/resilience/test_breaker*.py, syncline/store/test_breakers*.py, tasks/test_breaker.py |
| sync execution | flows/test_feeds.py, syncline/passes |
| scheduled sync | deployments/test_served.py, test_steering.py, test_first_runs.py, test_cadence.py |
| observability | syncline/passes/test_results.py, web/test_metrics.py, web/test_sync_status.py |
| singleton pattern | here: every process that opens the database sees the same breakers and budgets |
| error scenarios | here, syncline/upstreams/test_answers.py |
| cascading failure prevention | here |
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from support.listings import statuses

import sandbox
from flows.registry import find
from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun
from syncline.clock import ManualClock
from syncline.errors import DeferredError, UpstreamError
from syncline.model.policies import Mode
from syncline.model.session import Status, Trigger
from syncline.model.source import Source
from syncline.passes.closing import close, complete
from syncline.passes.prune import prune
from syncline.passes.pull import pull
from syncline.resilience.backoff import delays_seconds
from syncline.resilience.breaker import BreakerState, outcome_of
from syncline.settings import Settings, UpstreamSettings
from syncline.store.breakers import Breakers, Permit
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient

FEEDS = ("airdrops", "airdrops_upcoming", "quests", "yield", "points", "sponsored", "community")
HOUR_SECONDS = 3_600


def _source(feed: str) -> Source:
    found = find(feed)
    assert found.dataset is not None
    return found


@dataclass
class Scheduler:
    """Runs feeds as their flows do, without Prefect: admitted, tried as often as their policy says, ended."""

    store: Store
    clock: ManualClock
    box: sandbox.Box
    waited: list[float] = field(default_factory=list[float])

    def __call__(self, *feeds: str) -> list[Status]:
        """Run these at once."""

        async def all_of_them() -> list[Status]:
            return await asyncio.gather(*map(self._run, feeds))

        return asyncio.run(all_of_them())

    async def _run(self, feed: str) -> Status:
        source = _source(feed)
        admission = admit(self.store, source, DueRun(trigger=Trigger.SCHEDULE, mode=Mode.FULL))
        if not admission.granted:
            return admission.status
        permit = Breakers(self.store).admit(source)
        assert isinstance(permit, Permit)
        error = await self._tried(feed, admission.session_id, permit)
        if isinstance(error, DeferredError):
            close(self.store, admission.session_id, Status.DEFERRED, reason=error.reason, retry_at=error.retry_at)
            return Status.DEFERRED
        if error is not None:
            close(self.store, admission.session_id, Status.FAILED, error=error)
            return Status.FAILED
        prune(self.store, source, admission.session_id)
        return complete(self.store, admission.session_id)

    async def _tried(self, feed: str, session_id: str, permit: Permit) -> UpstreamError | DeferredError | None:
        """The error of the last attempt; None where one went well."""
        error: UpstreamError | DeferredError | None = None
        for wait in (0, *delays_seconds(find(feed).retry, lambda: 0.5)):
            if wait:
                self.waited.append(wait)
                self.clock.advance(seconds=wait)
            error = await self._attempted(feed, session_id)
            change = Breakers(self.store).record(permit, outcome_of(error))
            opened = change is not None and change.after is BreakerState.OPEN
            if error is None or isinstance(error, DeferredError) or opened:
                break
        return error

    async def _attempted(self, feed: str, session_id: str) -> UpstreamError | DeferredError | None:
        settings = Settings(upstreams={feed: UpstreamSettings(base_url=f"{self.box.url}/feeds/{feed}")})
        budget = RequestBudget(gate=Budgets(self.store), patience_seconds=0)
        source = _source(feed)
        try:
            async with UpstreamClient(source.upstream, settings, clock=self.clock, budget=budget) as client:
                await pull(self.store, source, client, session_id, mode=Mode.FULL)
        except (UpstreamError, DeferredError) as error:
            return error
        return None

    def hits(self, feed: str) -> int:
        """How many requests the upstream of `feed` has answered."""
        return sum(entry.path.startswith(f"/feeds/{feed}/") for entry in self.box.requests.entries())

    def down(self, feed: str, *, times: int | None = None, code: int = 503) -> None:
        """Let the upstream of `feed` fail."""
        self.box.faults.add("status", path=f"/feeds/{feed}/*", code=code, count=times)

    def breaker(self, feed: str) -> BreakerState:
        return Breakers(self.store).state(find(feed)).state


@pytest.fixture
def box() -> Iterator[sandbox.Box]:
    with sandbox.serving(pools=400) as served:
        yield served


@pytest.fixture
def scheduler(store: Store, clock: ManualClock, box: sandbox.Box) -> Scheduler:
    return Scheduler(store, clock, box)


def test_all_feeds_at_once_come_into_step(scheduler: Scheduler) -> None:
    """A site starts with empty tables, and all feeds run in its first hour."""
    assert scheduler(*FEEDS) == [Status.COMPLETED] * 7
    assert {feed: len(statuses(scheduler.store, feed)) for feed in FEEDS} == {
        feed: len(scheduler.box.feeds[feed]) for feed in FEEDS
    }


def test_failures_that_come_and_go_are_recovered_from(scheduler: Scheduler) -> None:
    """Three bad answers cost 1 + 2 + 4 seconds (each within 10 %), not the run."""
    scheduler.down("quests", times=3)
    assert scheduler("quests") == [Status.COMPLETED]
    assert scheduler.waited == pytest.approx([1, 2, 4], rel=0.1)
    assert len(statuses(scheduler.store, "quests")) == len(scheduler.box.feeds["quests"])
    assert scheduler.breaker("quests") is BreakerState.CLOSED


def test_a_spent_budget_defers_its_own_feed_and_no_other(scheduler: Scheduler) -> None:
    """Ten requests an hour are all that `points` has; `quests` has sixty of its own."""
    outcomes = [scheduler("points", "quests") for _ in range(11)]
    assert [point for point, _ in outcomes] == [Status.COMPLETED] * 10 + [Status.DEFERRED]
    assert {quest for _, quest in outcomes} == {Status.COMPLETED}
    assert scheduler.hits("points") == 10
    scheduler.clock.advance(seconds=1.02 * HOUR_SECONDS)
    assert scheduler("points") == [Status.COMPLETED]


def test_a_429_is_no_storm(scheduler: Scheduler) -> None:
    """One refusal stops all processes; none asks again before the upstream's time."""
    scheduler.box.faults.add("rate_limited", path="/feeds/airdrops/*", retry_after=600)
    assert scheduler("airdrops") == [Status.DEFERRED]
    before = scheduler.hits("airdrops")
    others = [scheduler("airdrops")[0] for _ in range(20)]
    assert (set(others), scheduler.hits("airdrops")) == ({Status.SKIPPED}, before)
    assert scheduler.breaker("airdrops") is BreakerState.CLOSED
    scheduler.clock.advance(seconds=601)
    assert scheduler("airdrops") == [Status.COMPLETED]


def test_runs_of_one_feed_do_not_overlap(scheduler: Scheduler) -> None:
    """Of eight at once one works; the others are skipped, and no row is doubled."""
    outcomes = scheduler(*["sponsored"] * 8, "community")
    assert sorted(outcomes[:8]) == [Status.COMPLETED] + [Status.SKIPPED] * 7
    assert outcomes[8] is Status.COMPLETED
    assert len(statuses(scheduler.store, "sponsored")) == len(scheduler.box.feeds["sponsored"])


def test_a_feed_that_is_down_is_left_alone_and_tried_again(scheduler: Scheduler) -> None:
    """Five failures open the breaker; five minutes later three good runs close it."""
    scheduler.down("yield", times=5)
    assert scheduler("yield") == [Status.FAILED]
    assert scheduler.breaker("yield") is BreakerState.OPEN
    assert scheduler("yield") == [Status.SKIPPED]
    scheduler.clock.advance(seconds=300)
    states: list[BreakerState] = []
    for _ in range(3):
        assert scheduler("yield") == [Status.COMPLETED]
        states.append(scheduler.breaker("yield"))
    assert states == [BreakerState.HALF_OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED]


def test_a_probe_that_fails_opens_the_breaker_again(scheduler: Scheduler) -> None:
    """An upstream that is still down costs one request every five minutes."""
    scheduler.down("yield")
    scheduler("yield")
    scheduler.clock.advance(seconds=300)
    before = scheduler.hits("yield")
    assert scheduler("yield") == [Status.FAILED]
    assert (scheduler.hits("yield") - before, scheduler.breaker("yield")) == (1, BreakerState.OPEN)


def test_one_feed_that_is_down_takes_no_other_with_it(scheduler: Scheduler) -> None:
    """Mixed weather: six are up to date, the seventh is not asked any more, whatever is scheduled."""
    scheduler.down("quests")
    outcomes = dict(zip(FEEDS, scheduler(*FEEDS), strict=True))
    assert outcomes == dict.fromkeys(FEEDS, Status.COMPLETED) | {"quests": Status.FAILED}
    for _ in range(20):
        scheduler("quests")
    assert scheduler.hits("quests") == 5
    assert len(statuses(scheduler.store, "quests")) == 0


@pytest.mark.parametrize(
    ("fault", "outcome", "attempts"),
    [
        ({"kind": "html"}, Status.FAILED, 5),
        ({"kind": "cut_body"}, Status.FAILED, 5),
        ({"kind": "drop"}, Status.FAILED, 5),
        ({"kind": "status", "code": 500}, Status.FAILED, 5),
    ],
)
def test_whatever_breaks_an_answer_counts_as_a_failure(
    scheduler: Scheduler, fault: dict[str, object], outcome: Status, attempts: int
) -> None:
    """A proxy's page with status 200 is an outage, not a feed that lost all of its listings."""
    assert scheduler("airdrops") == [Status.COMPLETED]
    before, stored = scheduler.hits("airdrops"), statuses(scheduler.store, "airdrops")
    scheduler.box.faults.order({**fault, "path": "/feeds/airdrops/*", "count": None})
    assert scheduler("airdrops") == [outcome]
    assert scheduler.hits("airdrops") - before == attempts
    assert statuses(scheduler.store, "airdrops") == stored


def test_every_process_sees_the_same_breakers_and_budgets(scheduler: Scheduler) -> None:
    """The seed has one scheduler in one process; here there are many, and one truth."""
    scheduler.down("quests")
    scheduler("quests", "points")
    other = Store(scheduler.store.url.render_as_string(hide_password=False), clock=scheduler.clock)
    try:
        elsewhere = Scheduler(other, scheduler.clock, scheduler.box)
        assert elsewhere("quests") == [Status.SKIPPED]
        (budget,) = find("points").upstream.budget_keys
        assert Budgets(other).state(budget).tokens == Budgets(scheduler.store).state(budget).tokens == 9
        Breakers(other).reset("quests", "ann")
    finally:
        other.close()
    assert scheduler.breaker("quests") is BreakerState.CLOSED


def test_under_load_no_budget_is_overdrawn(scheduler: Scheduler) -> None:
    """An hour in which everything is scheduled every two minutes: each upstream sees what it allows, and no more."""
    outcomes: list[Status] = []
    for _ in range(30):
        outcomes += scheduler(*FEEDS)
        scheduler.clock.advance(seconds=120)
    allowed = {"airdrops": 60, "airdrops_upcoming": 15, "quests": 60, "yield": 30, "points": 10, "sponsored": 120}
    assert {feed: scheduler.hits(feed) <= most for feed, most in allowed.items()} == dict.fromkeys(allowed, True)
    assert scheduler.hits("points") == 10
    assert not {Status.FAILED, Status.CRASHED} & set(outcomes)
    assert not [entry for entry in scheduler.box.requests.entries() if entry.status == 429]
