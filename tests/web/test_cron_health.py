"""`GET /health/cron`: whether each service still lives, in the seed's shape."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from support.feed import quests, record, trip

from syncline.clock import ManualClock
from syncline.erp.tables import Product
from syncline.model.budgets import Budget, SlidingWindow
from syncline.model.dataset import Dataset
from syncline.model.session import Status
from syncline.model.source import Source
from syncline.model.upstream import Upstream
from syncline.settings import Settings
from syncline.store import heartbeats, holds
from syncline.store.breakers import Breakers
from syncline.store.engine import Store

CallAs = Callable[[Settings, str | None], Callable[..., httpx.Response]]
Expect = Callable[[str, float], None]

DAY = 86_400

X = Upstream(name="x", budgets=(Budget(name="mentions", policy=SlidingWindow(limit=10, period_seconds=900)),))


@pytest.fixture
def sources(sources: list[Source]) -> list[Source]:
    """The two of the ERP, a feed, and one of X."""
    poller = Source(
        name="twitter_poller",
        aliases=("twitterPoller",),
        upstream=X,
        dataset=Dataset(pages=sources[0].required_dataset.pages, table=Product),
    )
    return [*sources, quests(sources[0].required_dataset.pages), poller]


@pytest.fixture
def read(call_as: CallAs, settings: Settings) -> Callable[..., dict[str, Any]]:
    """Reads without a credential."""

    def reading(path: str = "/health/cron") -> dict[str, Any]:
        answer = call_as(settings, None)("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return reading


@dataclass(frozen=True, kw_only=True)
class Scene:
    """An instance whose source `products` runs every minute, by all that is known."""

    store: Store
    clock: ManualClock
    sources: list[Source]
    plan: Callable[..., None]
    read: Callable[..., dict[str, Any]]


@pytest.fixture
def scene(
    sqlite_store: Store,
    clock: ManualClock,
    sources: list[Source],
    plan: Callable[..., None],
    read: Callable[..., dict[str, Any]],
) -> Scene:
    return Scene(store=sqlite_store, clock=clock, sources=sources, plan=plan, read=read)


def beat(store: Store, source: str = "products") -> None:
    with store.write() as connection:
        heartbeats.began(connection, source, now=store.clock.now())


def status(told: dict[str, Any], service: str = "products") -> str:
    return next(one["status"] for one in told["services"] if one["service"] == service)


def test_all_services_are_told_in_the_seeds_shape(
    read: Callable[..., dict[str, Any]], sqlite_store: Store, clock: ManualClock, expect: Expect
) -> None:
    """Monitors that were written for the seed go on to work."""
    expect("products", 1_800)
    beat(sqlite_store)
    clock.advance(seconds=120)
    told = read()
    assert set(told) == {"timestamp", "services", "stalled_services", "x_api_status", "budgets"}
    assert told["services"][1] == {
        "service": "products",
        "last_run": "2026-01-22T10:00:00.000Z",
        "age_seconds": 120,
        "status": "HEALTHY",
    }
    assert told["x_api_status"] == {"mentions": {"tokens": 10, "capacity": 10}}
    assert told["budgets"]["feed:requests"] == {"tokens": 60, "capacity": 60}


@pytest.mark.parametrize(("seconds", "life"), [(3_600, "HEALTHY"), (3_601, "STALLED")])
def test_a_service_has_stalled_after_more_than_twice_its_interval(
    scene: Scene, expect: Expect, seconds: float, life: str
) -> None:
    """A run may be late; two that are missing are an outage."""
    expect("products", 1_800)
    beat(scene.store)
    scene.clock.advance(seconds=seconds)
    told = scene.read()
    assert (status(told), told["stalled_services"]) == (life, ["products"] if life == "STALLED" else [])


@pytest.mark.parametrize(
    ("why", "life"),
    [
        ("hold", "PAUSED"),
        ("breaker", "PAUSED"),
        ("deferred", "WAITING"),
        ("waits", "WAITING"),
        ("stopped", "STOPPED"),
        ("nothing", "STALLED"),
    ],
)
def test_what_is_known_to_keep_a_service_is_not_called_stalled(
    scene: Scene, expect: Expect, why: str, life: str
) -> None:
    """An alarm for a pause would be a false one."""
    expect("products", 60)
    beat(scene.store)
    scene.clock.advance(seconds=600)
    now, later = scene.clock.now(), scene.clock.now() + timedelta(minutes=10)
    with scene.store.write() as connection:
        if why == "hold":
            holds.create(connection, "products", reason="stocktaking", created_by="ann", now=now, ttl_seconds=600)
        if why == "waits":
            heartbeats.waiting(connection, "products", reason="budget erp:requests", until=later, now=now)
    if why == "breaker":
        trip(scene.store, scene.sources[1])
    if why == "deferred":
        record(scene.store, Status.DEFERRED, source="products", retry_at=later, reason="budget erp:requests")
    if why == "waits":
        record(scene.store, Status.RUNNING, source="products", took=None)
    if why == "stopped":
        scene.plan("products", active=False)
    assert status(scene.read()) == life


@pytest.mark.parametrize(("silent_seconds", "life"), [(120, "HEALTHY"), (121, "STALLED")])
@pytest.mark.parametrize("sign", ["page", "wait"])
def test_a_run_under_way_lives_by_its_beats(
    scene: Scene, expect: Expect, sign: str, silent_seconds: float, life: str
) -> None:
    """A freeze of 10,000 entries takes hours, and tells of each batch; one that hangs tells nothing any more."""
    expect("products", 60)
    beat(scene.store)
    record(scene.store, Status.RUNNING, source="products", took=None)
    scene.clock.advance(seconds=7_200)
    now = scene.clock.now()
    with scene.store.write() as connection:
        if sign == "page":
            heartbeats.beat(connection, "products", page=9, now=now)
        else:
            heartbeats.waiting(connection, "products", reason="rate limit", until=now, now=now)
    scene.clock.advance(seconds=silent_seconds)
    told = scene.read()
    assert (status(told), told["services"][1]["age_seconds"]) == (life, 7_200 + silent_seconds)


@pytest.mark.parametrize(
    ("took_seconds", "silent_seconds", "life"),
    [(60, 60, "HEALTHY"), (60, 61, "STALLED"), (7_200, 120, "HEALTHY"), (7_200, 121, "STALLED")],
)
def test_a_run_that_outlasted_its_interval_counts_from_its_end(
    scene: Scene, expect: Expect, took_seconds: float, silent_seconds: float, life: str
) -> None:
    """The ticks in between came to a service that was at work; a freeze that has ended well raises no alarm."""
    expect("products", 60)
    beat(scene.store)
    scene.clock.advance(seconds=took_seconds)
    with scene.store.write() as connection:
        heartbeats.ended(connection, "products", failed=False, duration_ms=1, now=scene.clock.now())
    scene.clock.advance(seconds=silent_seconds)
    assert status(scene.read()) == life


def test_a_service_that_waited_for_a_time_gone_by_has_stalled(
    read: Callable[..., dict[str, Any]], sqlite_store: Store, clock: ManualClock, expect: Expect
) -> None:
    """It should have gone on, and did not."""
    expect("products", 60)
    beat(sqlite_store)
    record(sqlite_store, Status.DEFERRED, source="products", retry_at=clock.now() + timedelta(minutes=1))
    clock.advance(seconds=121)
    assert status(read()) == "STALLED"


@pytest.mark.parametrize(
    ("after_opening_seconds", "life"),
    [(299, "PAUSED"), (300, "HEALTHY"), (420, "HEALTHY"), (421, "STALLED"), (30 * DAY, "STALLED")],
)
def test_an_open_breaker_excuses_a_silence_until_its_cool_down_ends(
    scene: Scene, expect: Expect, after_opening_seconds: float, life: str
) -> None:
    """A dead service's breaker turns half-open by the clock alone: that may not hide the death, nor be one."""
    expect("products", 60)
    beat(scene.store)
    scene.clock.advance(seconds=600)
    trip(scene.store, scene.sources[1])
    scene.clock.advance(seconds=after_opening_seconds)
    told = scene.read()
    assert (status(told), told["stalled_services"]) == (life, ["products"] if life == "STALLED" else [])


@pytest.mark.parametrize(("silent_seconds", "life"), [(120, "HEALTHY"), (121, "STALLED")])
def test_a_service_that_ran_in_half_open_counts_from_that_run(
    scene: Scene, expect: Expect, silent_seconds: float, life: str
) -> None:
    """Its breaker may stay half-open for as long as no probe comes back."""
    expect("products", 60)
    trip(scene.store, scene.sources[1])
    scene.clock.advance(seconds=DAY)
    beat(scene.store)
    scene.clock.advance(seconds=silent_seconds)
    assert status(scene.read()) == life


def test_a_breaker_that_is_held_open_excuses_any_silence(scene: Scene, expect: Expect) -> None:
    """It was opened by hand, so the cool-down does not end it."""
    expect("products", 60)
    beat(scene.store)
    Breakers(scene.store).force_open("products", "cli:ann")
    scene.clock.advance(seconds=30 * DAY)
    assert status(scene.read()) == "PAUSED"


def test_a_service_that_never_ran_or_cannot_run_says_so(read: Callable[..., dict[str, Any]], expect: Expect) -> None:
    """Neither is an outage."""
    expect("products", 60)
    told = read()
    assert [status(told, name) for name in ("products", "customers", "twitterPoller")] == [
        "NEW",
        "STOPPED",
        "NOT_SET_UP",
    ]


@pytest.mark.parametrize("name", ["twitter_poller", "twitterPoller"])
def test_one_service_is_told_with_its_heartbeat(
    read: Callable[..., dict[str, Any]], sqlite_store: Store, clock: ManualClock, expect: Expect, name: str
) -> None:
    """By our name or by the seed's."""
    expect("twitter_poller", 120)
    beat(sqlite_store, "twitter_poller")
    with sqlite_store.write() as connection:
        heartbeats.ended(connection, "twitter_poller", failed=True, duration_ms=900, now=clock.now())
    told = read(f"/health/cron/{name}")
    assert (told["service"], told["expected_interval_seconds"], told["error_count"]) == ("twitterPoller", 120, 1)
    assert told["last_duration_ms"] == 900


def test_a_service_that_there_is_not_is_404(call_as: CallAs, settings: Settings) -> None:
    """An error of an open door says nothing of how the instance is set up."""
    answer = call_as(settings, None)("GET", "/health/cron/nope")
    assert (answer.status_code, answer.json()) == (404, {"error": "there is no source of this name"})


def test_what_is_told_of_a_service_is_called_its_health(call_as: CallAs, settings: Settings) -> None:
    """A client made from the OpenAPI document gets no type `Service`, which is a declaration in all the rest."""
    schemas = call_as(settings, None)("GET", "/openapi.json").json()["components"]["schemas"]
    assert {"CronHealth", "ServiceHealth", "ServiceHealthDetail"} <= set(schemas)
    assert not {"Service", "ServiceDetail"} & set(schemas)


def test_a_service_whose_only_run_crashed_has_a_last_run(scene: Scene) -> None:
    """A process that is killed before its first beat has run all the same."""
    record(scene.store, Status.CRASHED)
    scene.clock.advance(seconds=120)
    told = scene.read("/health/cron/quests")
    assert (told["last_run"], told["age_seconds"], told["last_beat"]) == ("2026-01-22T10:00:00.000Z", 120, None)
