"""Runs that ended while nobody could tell Prefect, on a real server: it is told, once they are surely over."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.states import Running
from sqlalchemy import delete
from sqlmodel import col
from support.instance import Instance
from support.records import open_session

from deployments.client import open_client
from deployments.run_processes import RunProcesses
from deployments.stale_runs import end_stale_runs
from flows.points import sync_points
from syncline.model.session import Status, SyncSession
from syncline.model.tables import LeaseRow
from syncline.model.target import Target
from syncline.store import leases, sessions
from syncline.store.engine import Store

pytestmark = pytest.mark.slow
LEASE = Target("points")
LONG_AGO = timedelta(minutes=2)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A session that ended with this outcome, `ago`; its run, Prefect believes, goes on."""

    status: Status
    ago: timedelta = LONG_AGO
    error: tuple[str, str] | None = None
    reason: str | None = None

    def put_on_record(self, store: Store, flow_run_id: UUID) -> str:
        then = store.clock.now() - self.ago
        session_id = open_session(store, f"points-{flow_run_id}", source="points", flow_run_id=str(flow_run_id))
        with store.write() as connection:
            sessions.close(connection, session_id, self.status, now=then, reason=self.reason, error=self.error)
        return session_id


@pytest.fixture
def instance(served: Instance) -> Iterator[Instance]:
    """The instance, to which no session and no lease of `points` is left."""
    yield served
    with served.store.write() as connection:
        connection.execute(delete(SyncSession).where(col(SyncSession.source) == "points"))
        connection.execute(delete(LeaseRow).where(*LEASE.among(LeaseRow)))


async def running(client: PrefectClient) -> FlowRun:
    """A run of `sync-points` that Prefect believes to be running."""
    run = await client.create_flow_run(sync_points)
    await client.set_flow_run_state(run.id, Running())
    return run


def told(instance: Instance, ended: Ended, *, lives: bool = False) -> tuple[str | None, str | None]:
    """Name and message of the run's state in Prefect after a look for orphans; `lives`: this process works on it."""

    async def look() -> tuple[str | None, str | None]:
        async with open_client(instance.settings) as client:
            run = await running(client)
            session_id = ended.put_on_record(instance.store, run.id)
            if lives:
                held(instance.store, session_id)
            found = await end_stale_runs(client, instance.store, processes=RunProcesses.of(instance.settings))
            state = (await client.read_flow_run(run.id)).state
            assert state is not None
            assert found == ([] if state.is_running() else [str(run.id)])
            await client.delete_flow_run(run.id)
            return state.name, state.message

    return asyncio.run(look())


def held(store: Store, session_id: str) -> None:
    """The lease as a process of the session leaves it that has closed it, and lives."""
    now = store.clock.now()
    with store.write() as connection:
        assert leases.acquire(connection, LEASE, session_id, process=leases.Process.current(), now=now) is not None
        leases.release(connection, LEASE, session_id, now=now)


@pytest.mark.parametrize(
    ("ended", "name", "message"),
    [
        (Ended(status=Status.CRASHED), "Crashed", "Its process ended without a word; the next run goes on"),
        (Ended(status=Status.FAILED, error=("TimeoutError", "too long")), "Failed", "TimeoutError: too long"),
        (Ended(status=Status.FAILED, reason="its run failed in Prefect"), "Failed", "its run failed in Prefect"),
        (Ended(status=Status.CANCELLED, reason="by ann"), "Cancelled", "by ann"),
        (Ended(status=Status.COMPLETED), "Completed", ""),
        (Ended(status=Status.PARTIAL, reason="1 item was rejected"), "Partial", "1 item was rejected"),
    ],
)
def test_prefect_hears_of_the_end_that_a_killed_run_could_not_tell(
    instance: Instance, ended: Ended, name: str, message: str
) -> None:
    """A kill between the end of the session and the last word to Prefect would leave the run Running for ever."""
    state, said = told(instance, ended)
    assert state == name
    assert (said or "").startswith(message)


def test_a_run_that_ended_just_now_may_still_tell_prefect_itself(instance: Instance) -> None:
    """It has more to say: its counters, and which state it is."""
    assert told(instance, Ended(status=Status.FAILED, ago=timedelta(seconds=50)))[0] == "Running"


def test_a_run_whose_process_lives_is_no_orphan(instance: Instance) -> None:
    """It waits for a server that is slow, and tells it later."""
    assert told(instance, Ended(status=Status.COMPLETED), lives=True)[0] == "Running"
