"""Which conditions hold: each kind's border, and what does not count."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from syncline.clock import ManualClock
from syncline.erp.tables import Product
from syncline.model.alerts import Condition, Rule
from syncline.model.budgets import Budget, SlidingWindow
from syncline.model.dataset import Dataset
from syncline.model.session import Status, SyncSession
from syncline.model.source import Source
from syncline.model.upstream import Upstream
from syncline.settings import Settings, UpstreamSettings
from syncline.status.conditions import conditions, failure_ratio
from syncline.status.latest import latest
from syncline.status.reading import read_report
from syncline.status.recent import recent_of
from syncline.status.schedules import Schedules
from syncline.store import checkpoints, holds
from syncline.store.breakers import Breakers
from syncline.store.budgets import Budgets
from syncline.store.engine import Store

Record = Callable[..., SyncSession]
SETTINGS = Settings(upstreams={name: UpstreamSettings(base_url="http://127.0.0.1:1") for name in ("erp", "feed")})


@dataclass(frozen=True, kw_only=True)
class Every:
    """A source that is expected to run so often."""

    interval_seconds: float

    def stalled_at(self, last_run: datetime, now: datetime) -> datetime | None:
        stalled_at = last_run + timedelta(seconds=2 * self.interval_seconds)
        return stalled_at if stalled_at <= now else None


@pytest.fixture
def sources(sources: list[Source]) -> list[Source]:
    """One more, whose upstream has a budget."""
    feed = Upstream(name="feed", budgets=(Budget(policy=SlidingWindow(limit=10, period_seconds=3_600)),))
    return [
        *sources,
        Source(
            name="quests",
            upstream=feed,
            dataset=Dataset(pages=sources[0].required_dataset.pages, table=Product),
        ),
    ]


def holding(store: Store, sources: list[Source]) -> list[tuple[Rule, str]]:
    return [one.key for one in found(store, sources)]


def found(store: Store, sources: list[Source]) -> list[Condition]:
    return conditions(read_report(store, SETTINGS, sources, Schedules()))


def spend(store: Store, source: Source, *, times: int) -> None:
    for _ in range(times):
        Budgets(store).acquire(source.upstream.budget_keys)


def ratio(store: Store, now: datetime) -> float | None:
    with store.read() as connection:
        return failure_ratio(recent_of(latest(connection, ["products"])["products"].ended), now)


def test_of_an_instance_that_is_well_nothing_is_told(store: Store, sources: list[Source], record: Record) -> None:
    """An alert without a cause teaches its reader to look away."""
    record(Status.COMPLETED)
    assert holding(store, sources) == []


def test_one_failed_run_is_no_rate(store: Store, sources: list[Source], record: Record) -> None:
    """More than half of one run is one bad answer of an upstream."""
    record(Status.FAILED)
    assert ratio(store, store.clock.now()) is None
    assert holding(store, sources) == []


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ([Status.FAILED, Status.FAILED], 1.0),
        ([Status.FAILED, Status.CRASHED, Status.COMPLETED], 2 / 3),
        ([Status.FAILED, Status.COMPLETED], 0.5),
        ([Status.FAILED, Status.SKIPPED, Status.CANCELLED, Status.DEFERRED, Status.MISSED], None),
    ],
)
def test_the_rate_is_of_the_runs_of_the_last_minutes(
    store: Store, clock: ManualClock, record: Record, statuses: list[Status], told: float | None
) -> None:
    """What was skipped or deferred neither failed nor went well."""
    for second, status in enumerate(statuses):
        record(status, after=second)
    clock.advance(seconds=60)
    assert ratio(store, clock.now()) == (None if told is None else pytest.approx(told))


def test_more_than_half_is_told_and_half_is_not(store: Store, sources: list[Source], record: Record) -> None:
    """The border is the seed's: above 50 %."""
    record(Status.FAILED)
    record(Status.COMPLETED, after=1)
    assert holding(store, sources) == []
    record(Status.FAILED, after=2, error_type="UnavailableError", error_message="erp answered 503")
    [told] = found(store, sources)
    assert told.key == (Rule.FAILING, "products")
    assert "67%" in told.said
    assert "erp answered 503" in told.said


def test_a_source_that_runs_once_an_hour_is_judged_by_its_last_two_runs(
    store: Store, clock: ManualClock, sources: list[Source], record: Record
) -> None:
    """In five minutes it never has two runs: by the letter of a window it could fail for weeks unseen."""
    record(Status.COMPLETED)
    record(Status.FAILED, after=3_600)
    record(Status.FAILED, after=7_200)
    clock.advance(seconds=10_800)
    assert ratio(store, clock.now()) == 1
    assert holding(store, sources) == [(Rule.FAILING, "products")]


@pytest.mark.parametrize(("retries", "told"), [(10, []), (11, [(Rule.RETRIES, "products")])])
def test_more_than_ten_failed_attempts_are_told(
    store: Store, sources: list[Source], record: Record, retries: int, told: list[tuple[Rule, str]]
) -> None:
    """Those of the session under way count."""
    record(Status.COMPLETED)
    record(Status.RUNNING, after=1, took=None, retry_count=retries)
    assert holding(store, sources) == told


def test_a_breaker_that_is_not_closed_is_told(store: Store, sources: list[Source]) -> None:
    """Open, half-open, or held open: the source is not brought up to date."""
    Breakers(store).force_open("products", "ann")
    assert holding(store, sources) == [(Rule.BREAKER_OPEN, "products")]


def test_a_budget_is_told_once_however_many_sources_share_it(store: Store, sources: list[Source]) -> None:
    """It is one budget, and one message."""
    quests = sources[2]
    twin = Source(
        name="twin",
        upstream=quests.upstream,
        dataset=Dataset(pages=quests.required_dataset.pages, table=Product),
    )
    spend(store, quests, times=9)
    assert holding(store, [quests, twin]) == []
    spend(store, quests, times=1)
    [told] = found(store, [quests, twin])
    assert told.key == (Rule.RATE_LIMIT, "feed:requests")


def test_credentials_that_were_refused_are_told_and_other_holds_are_not(store: Store, sources: list[Source]) -> None:
    """A pause that an operator made needs no alert; one of an account names the account."""
    now = store.clock.now()
    with store.write() as connection:
        made: dict[str, Any] = {"created_by": "ann", "now": now, "ttl_seconds": None}
        holds.create(connection, "products", reason="order creation", **made)
        holds.create(connection, "customers", reason="erp refused the credentials", refused="", **made)
        holds.create(connection, "products", reason="refused", refused="", account_id="acc_1", **made)
    assert holding(store, sources) == [
        (Rule.CREDENTIALS_REFUSED, "products/acc_1"),
        (Rule.CREDENTIALS_REFUSED, "customers"),
    ]


def test_a_refused_deletion_is_told_until_it_is_made(store: Store, sources: list[Source]) -> None:
    """It asks for a decision, and lasts over passes that read changes alone."""
    now = store.clock.now()

    def write(refusal: str | None) -> None:
        with store.write() as connection:
            checkpoints.write(
                connection,
                "products",
                None,
                cursor=None,
                full_pass_at=now,
                pass_state=None,
                now=now,
                also={"refusal": refusal},
            )

    write('{"passes": 1, "sample": ["7"], "gone": 30}')
    assert holding(store, sources) == [(Rule.DELETION_REFUSED, "products")]
    write(None)
    assert holding(store, sources) == []


def test_a_stalled_source_is_told(store: Store, clock: ManualClock, sources: list[Source], record: Record) -> None:
    """Its silence is judged by the report, as everywhere else."""
    record(Status.COMPLETED)
    clock.advance(seconds=200)
    every_minute = Schedules(cadences={"products": Every(interval_seconds=60)})
    told = conditions(read_report(store, SETTINGS, sources[:1], every_minute))
    assert [one.key for one in told] == [(Rule.STALLED, "products")]
