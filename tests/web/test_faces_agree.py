"""All faces print one report: random instances are looked at through each of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete
from sqlmodel import SQLModel
from support.faces import Faces, agree
from support.feed import quests, record, trip

from deployments.schedules.prefect_schedules import ScheduleInfo as FakeSchedule
from syncline.clock import ManualClock
from syncline.model.policies import Mode
from syncline.model.session import Status
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.status.report import Report, State
from syncline.store import heartbeats, holds
from syncline.store.breakers import Breakers
from syncline.store.engine import Store

START = datetime(2026, 1, 22, 10, tzinfo=UTC)
settings_of_hypothesis = hypothesis_settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@dataclass(frozen=True, kw_only=True)
class Past:
    """A session that is on record."""

    status: Status
    age_seconds: int
    mode: Mode
    items: tuple[int, int]
    retry_in: int | None


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The state of an instance, as far as it concerns the source `quests`."""

    past: list[Past]
    beat: tuple[int, int] | None
    waits: int | None
    hold: bool
    breaker: str
    is_set_up: bool
    away: bool
    schedule: tuple[bool, int | None] | None
    interval: int | None


PASTS = st.builds(
    Past,
    status=st.sampled_from(Status),
    age_seconds=st.integers(1, 100_000),
    mode=st.sampled_from(Mode),
    items=st.sampled_from([(0, 0), (2_000, 0), (2_000, 2_000), (2_000, 1_500), (5, 5), (100, 3)]),
    retry_in=st.none() | st.integers(-1_000, 1_000),
)
SCENES = st.builds(
    Scene,
    past=st.lists(PASTS, max_size=5),
    beat=st.none() | st.tuples(st.integers(0, 50_000), st.integers(0, 50_000)),
    waits=st.none() | st.integers(-500, 500),
    hold=st.booleans(),
    breaker=st.sampled_from(["closed", "closed", "open", "half-open", "forced"]),
    is_set_up=st.sampled_from([True, True, True, False]),
    away=st.sampled_from([False, False, True]),
    schedule=st.none() | st.tuples(st.booleans(), st.none() | st.integers(-5_000, 5_000)),
    interval=st.none() | st.sampled_from([60, 3_600, 86_400]),
)


def build(scene: Scene, store: Store, clock: ManualClock, source: Source) -> None:
    """Make the database as the scene says."""
    now = clock.now()
    for number, one in enumerate(scene.past):
        processed, rejected = one.items
        record(
            store,
            one.status,
            id=f"s{number}",
            after=-one.age_seconds,
            took=None if one.status is Status.RUNNING else 1,
            mode=one.mode,
            items_processed=processed,
            items_rejected=rejected,
            items_created=processed - rejected,
            retry_at=None if one.retry_in is None else now + timedelta(seconds=one.retry_in),
        )
    with store.write() as connection:
        if scene.beat is not None:
            began, beat = sorted(scene.beat, reverse=True)
            heartbeats.began(connection, Target("quests"), now=now - timedelta(seconds=began))
            heartbeats.beat(connection, Target("quests"), page=1, now=now - timedelta(seconds=beat))
            if scene.waits is not None:
                until = now + timedelta(seconds=scene.waits)
                heartbeats.waiting(connection, Target("quests"), reason="a budget", until=until, now=now)
        if scene.hold:
            holds.create(
                connection, Target("quests"), reason="stocktaking", created_by="ann", now=now, ttl_seconds=None
            )
    if scene.breaker in {"open", "half-open"}:
        trip(store, source)
        clock.advance(seconds=300 if scene.breaker == "half-open" else 1)
    if scene.breaker == "forced":
        Breakers(store).force_open("quests", "cli:ann")


@pytest.fixture
def sources(sources: list[Source]) -> list[Source]:
    """The two of the ERP, and one whose upstream has budgets."""
    return [*sources, quests(sources[0].required_dataset.pages)]


@settings_of_hypothesis
@given(scene=SCENES)
def test_whatever_the_instance_is_like_all_faces_agree(  # noqa: PLR0917 - the same
    scene: Scene,
    sqlite_store: Store,
    clock: ManualClock,
    sources: list[Source],
    controls: Any,  # noqa: ANN401 - the fakes of conftest.py
    look_through: Callable[..., Faces],
) -> None:
    """A monitor and a person who look at the same moment are told the same."""
    with sqlite_store.write() as connection:
        for table in ("sync_sessions", "session_totals", "heartbeats", "holds", "breakers", "budgets"):
            connection.execute(delete(SQLModel.metadata.tables[table]))
    build(scene, sqlite_store, clock, sources[2])
    controls.away = scene.away
    controls.schedules.clear()
    controls.intervals.clear()
    if scene.interval is not None:
        controls.intervals["quests"] = scene.interval
    if scene.schedule is not None:
        active, seconds = scene.schedule
        due = None if seconds is None else clock.now() + timedelta(seconds=seconds)
        controls.schedules["quests"] = FakeSchedule(active=active, text="every 30 min", next_run_at=due)
    faces = look_through(is_set_up=scene.is_set_up)
    agree(faces)
    implied(scene, faces.report)


def implied(scene: Scene, report: Report) -> None:
    """What must hold of such a scene, whatever else is true."""
    one = report.of("quests")
    runs = any(past.status is Status.RUNNING for past in scene.past)
    assert scene.is_set_up or runs or one.state is State.NOT_SET_UP
    if scene.schedule is not None and not scene.schedule[0] and not scene.away and not runs:
        assert one.state in {State.STOPPED, State.PAUSED, State.NOT_SET_UP}
    if scene.away:
        assert not report.is_healthy
        assert one.state is not State.STALLED or runs
        assert one.next_run.at is None
    last = one.seen.recent.last
    if (
        last is not None
        and last.session.items_processed
        and last.session.items_processed == last.session.items_rejected
    ):
        assert one.state is State.NOT_SET_UP or not one.is_healthy
        assert one.state is not State.UP_TO_DATE
