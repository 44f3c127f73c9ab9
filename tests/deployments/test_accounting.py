"""Ticks, runs and sessions are brought together on a real Prefect server, as storms and downtime leave them."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowFilter, FlowFilterName
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Failed, Pending, Running
from sqlalchemy import delete, update
from sqlmodel import Session, col, select
from support.instance import Instance, eventually
from support.records import open_session

from deployments.client import open_client
from deployments.late_runs import resolve_late
from deployments.reconciling import reconcile_once
from deployments.schedules.plan import interval_schedule
from flows.points import sync_points
from syncline.model.session import Status, SyncSession
from syncline.model.tables import AuditEntry, LeaseRow
from syncline.model.timetable import Timetable
from syncline.passes.accounting import dump, load_spans
from syncline.settings import Settings
from syncline.store import audit, timetables
from syncline.store.engine import Store
from tasks.session_closing import DIED_UNBEGUN

pytestmark = pytest.mark.slow
T = TypeVar("T")
EVERY = timedelta(minutes=5)
NAME = "sync-points/accounted"


class Points:
    """A deployment of `points`, which nothing serves, and what is on record of it."""

    def __init__(self, served: Instance) -> None:
        self.settings: Settings = served.settings
        self.store: Store = served.store
        self.now = served.store.clock.now()
        self.deployment_id = asyncio.run(self._make())

    async def _make(self) -> UUID:
        anchor = datetime(2026, 1, 1, tzinfo=self.now.tzinfo)
        schedule = interval_schedule(EVERY.total_seconds(), anchor=anchor)
        async with open_client(self.settings) as client:
            flow_id = await client.create_flow(sync_points)
            made = DeploymentScheduleCreate(slug="often", schedule=schedule)
            return await client.create_deployment(flow_id, "accounted", schedules=[made])

    def reconcile(self) -> None:
        asyncio.run(reconcile_once(self.settings, self.store))

    def looked_last(self, ago: timedelta) -> None:
        """Have the record say that the last look was so long ago, and found the schedule as it is now."""
        then = self.store.clock.now() - ago
        with self.store.write() as connection:
            row = timetables.find(connection, NAME)
            assert row is not None
            spans = dump([replace(span, since=then) for span in load_spans(row.spans)])
            values = {"accounted_to": then, "seen_at": then, "spans": spans}
            connection.execute(update(Timetable).where(col(Timetable.deployment) == NAME).values(values))

    def ticks(self, ago: timedelta) -> list[datetime]:
        """The ticks since then that are to be accounted for by now."""
        first = int((self.store.clock.now() - ago).timestamp() // EVERY.total_seconds() + 1)
        last = int((self.store.clock.now() - timedelta(seconds=50)).timestamp() // EVERY.total_seconds())
        return [
            datetime.fromtimestamp(number * EVERY.total_seconds(), self.now.tzinfo) for number in range(first, last + 1)
        ]

    def rows(self) -> list[SyncSession]:
        with self.store.read() as connection:
            statement = select(SyncSession).where(col(SyncSession.source) == "points")
            return list(Session(connection).exec(statement).all())

    def ask(self, work: Callable[[PrefectClient], Awaitable[T]]) -> T:
        async def asked() -> T:
            async with open_client(self.settings) as client:
                return await work(client)

        return asyncio.run(asked())

    def names(self, ids: list[UUID]) -> list[str | None]:
        """The names of the runs' states."""

        async def read(client: PrefectClient) -> list[str | None]:
            return [(await client.read_flow_run(one)).state_name for one in ids]

        return self.ask(read)

    def planned(self) -> list[UUID]:
        """The runs that Prefect's scheduler has planned, the earliest first; it looks every few seconds."""
        mine = DeploymentFilter(id=DeploymentFilterId(any_=[self.deployment_id]))

        async def read(client: PrefectClient) -> list[UUID] | None:
            runs = await client.read_flow_runs(deployment_filter=mine, sort=FlowRunSort.EXPECTED_START_TIME_ASC)
            return [run.id for run in runs if run.auto_scheduled] or None

        return eventually(lambda: self.ask(read), "planned runs")

    def age(self, ids: list[UUID], by: timedelta) -> None:
        """Have Prefect's database say that all of it was so long ago, as after downtime."""
        shift = f"-{by.total_seconds():.0f} seconds"
        with self._prefect() as database:
            for one in ids:
                for column in ("expected_start_time", "next_scheduled_start_time", "start_time", "end_time"):
                    moved = f"UPDATE flow_run SET {column} = strftime('%Y-%m-%d %H:%M:%f000', {column}, ?) WHERE id = ?"  # noqa: S608 - names of this test
                    database.execute(moved, (shift, str(one)))
                moved = "UPDATE flow_run_state SET timestamp = strftime('%Y-%m-%d %H:%M:%f000', timestamp, ?)"
                database.execute(f"{moved} WHERE flow_run_id = ?", (shift, str(one)))

    def move(self, one: UUID, tick: datetime) -> None:
        """Have the run be one of this tick."""
        with self._prefect() as database:
            moved = "UPDATE flow_run SET expected_start_time = ?1, next_scheduled_start_time = ?1 WHERE id = ?2"
            database.execute(moved, (f"{tick:%Y-%m-%d %H:%M:%S.000000}", str(one)))

    @contextmanager
    def _prefect(self) -> Generator[sqlite3.Connection]:
        """The database of Prefect's server."""
        with closing(sqlite3.connect(self.settings.home / "prefect" / "prefect.db", timeout=60)) as database, database:
            yield database


@pytest.fixture
def points(served: Instance) -> Iterator[Points]:
    made = Points(served)
    made.reconcile()
    yield made
    asyncio.run(_forget(served.settings))
    with served.store.write() as connection:
        connection.execute(delete(SyncSession).where(col(SyncSession.source) == "points"))
        connection.execute(delete(LeaseRow).where(col(LeaseRow.source) == "points"))
        connection.execute(delete(Timetable).where(col(Timetable.source) == "points"))
        connection.execute(delete(AuditEntry).where(col(AuditEntry.target) == "points"))


async def _forget(settings: Settings) -> None:
    async with open_client(settings) as client:
        await client.delete_deployment((await client.read_deployment_by_name(NAME)).id)
        for run in await client.read_flow_runs(flow_filter=FlowFilter(name=FlowFilterName(any_=["sync-points"]))):
            await client.delete_flow_run(run.id)


def test_the_first_look_invents_no_ticks_of_the_past(points: Points) -> None:
    """A schedule's anchor may lie years back."""
    points.reconcile()
    assert points.rows() == []


def test_ticks_that_prefect_never_planned_are_missed_with_their_cause_once(points: Points) -> None:
    """Six hours without a server: nobody planned anything, and two web apps look at once afterwards."""
    ago = timedelta(hours=6)
    points.looked_last(ago)
    with ThreadPoolExecutor(2) as pool:
        for look in [pool.submit(points.reconcile) for _ in range(2)]:
            look.result()
    points.reconcile()
    found = points.rows()
    due = points.ticks(ago)
    assert len(due) > 60
    assert sorted(row.scheduled_for for row in found if row.scheduled_for is not None)[: len(due)] == due
    assert len(found) <= len(due) + 1
    assert {row.status for row in found} == {Status.MISSED}
    assert all("Syncline was not running from" in (row.reason or "") for row in found[:60])


def test_a_source_that_was_stopped_meanwhile_missed_nothing_then(points: Points) -> None:
    """It was switched off and on again while nothing looked."""
    ago = timedelta(hours=2)
    points.looked_last(ago)
    off, on = points.ticks(ago)[3], points.ticks(ago)[10]
    with points.store.write() as connection:
        for at, action in ((off, "schedule.stop"), (on, "schedule.start")):
            audit.record(connection, actor="ann", action=action, target="points", now=at)
    points.reconcile()
    missed = {row.scheduled_for for row in points.rows()}
    assert missed.isdisjoint(points.ticks(ago)[3:11])
    assert missed >= {*points.ticks(ago)[:3], points.ticks(ago)[11]}


def test_a_paused_deployment_misses_nothing(points: Points) -> None:
    """Paused in Prefect's pages, looked at, and paused for two hours more."""
    points.ask(lambda client: client.pause_deployment(points.deployment_id))
    points.reconcile()
    points.reconcile()
    points.looked_last(timedelta(hours=2))
    points.reconcile()
    assert points.rows() == []


def test_a_run_that_died_before_its_admission_is_ended_in_prefect_and_on_record(points: Points) -> None:
    """It was Pending or Running for ever: nothing works on it, and nothing ever would."""

    async def hang(client: PrefectClient) -> list[UUID]:
        made = [await client.create_flow_run_from_deployment(points.deployment_id) for _ in range(2)]
        for run, state in zip(made, (Pending(), Running()), strict=True):
            await client.set_flow_run_state(run.id, state, force=True)
        return [run.id for run in made]

    ids = points.ask(hang)
    points.reconcile()
    assert points.names(ids) == ["Pending", "Running"]
    points.age(ids, timedelta(minutes=10))
    points.reconcile()
    assert points.names(ids) == ["Crashed", "Crashed"]
    points.reconcile()
    found = {row.flow_run_id: (row.status, row.reason) for row in points.rows()}
    assert found == {str(one): (Status.CRASHED, DIED_UNBEGUN) for one in ids}


def test_a_tick_whose_run_died_before_its_admission_was_missed(points: Points) -> None:
    """Nothing of it was done; `crashed` would say that something had begun."""
    ids = points.planned()[:2]

    async def hang(client: PrefectClient) -> None:
        for one in ids:
            await client.set_flow_run_state(one, Pending(), force=True)

    points.ask(hang)
    points.age(ids, timedelta(minutes=30))
    points.reconcile()
    assert points.names(ids) == ["Crashed", "Crashed"]
    found = {row.flow_run_id: row for row in points.rows()}
    assert {(found[str(one)].status, found[str(one)].reason) for one in ids} == {(Status.MISSED, DIED_UNBEGUN)}
    assert all(found[str(one)].scheduled_for is not None for one in ids)


def test_prefect_is_told_of_a_good_end_that_it_was_away_for(points: Points) -> None:
    """Our session is the record: Prefect's Failed only says that nobody could tell it."""

    async def fail(client: PrefectClient) -> list[UUID]:
        run = await client.create_flow_run_from_deployment(points.deployment_id)
        await client.set_flow_run_state(run.id, Failed(message="server away"), force=True)
        return [run.id]

    ids = points.ask(fail)
    points.age(ids, timedelta(minutes=5))
    open_session(points.store, f"points-{uuid4()}", source="points", status=Status.COMPLETED, flow_run_id=str(ids[0]))
    points.reconcile()
    assert points.names(ids) == ["Completed"]


def test_late_runs_are_resolved_without_a_process_and_the_newest_is_left_to_run(points: Points) -> None:
    """After an hour without a runner each of them would start a process, only to say `missed`."""
    ids = points.planned()
    points.age(ids, timedelta(hours=3))
    assert asyncio.run(resolve_late(points.settings, points.store)) == len(ids) - 1
    *others, newest = points.names(ids)
    assert others == ["Missed"] * (len(ids) - 1)
    assert newest in {"Scheduled", "Late"}
    found = points.rows()
    assert {row.flow_run_id for row in found} == {str(one) for one in ids[:-1]}
    assert all("goes in its place" in (row.reason or "") for row in found)
    assert asyncio.run(resolve_late(points.settings, points.store)) == 0


def test_ticks_whose_runs_wait_are_not_missed_yet(points: Points) -> None:
    """They are looked at again: the run may begin, or lose its process."""
    ids = points.planned()[:1]
    points.looked_last(timedelta(hours=1))
    tick = points.ticks(timedelta(hours=1))[2]
    points.move(ids[0], tick)
    points.reconcile()
    assert [(row.status, row.reason) for row in points.rows() if row.scheduled_for == tick] == []
    with points.store.read() as connection:
        row = timetables.find(connection, NAME)
    assert row is not None
    assert row.accounted_to < tick
    points.ask(lambda client: client.delete_flow_run(ids[0]))
    points.reconcile()
    assert tick in {row.scheduled_for for row in points.rows()}
