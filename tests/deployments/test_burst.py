"""A burst: several sources are due at one moment, and there is a place for one run at a time."""

import asyncio
from collections.abc import Iterator
from uuid import UUID

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled
from sqlmodel import Session, col, select
from support.instance import Instance, eventually

from deployments.client import open_client
from deployments.reconciling import reconcile_once
from syncline.model.session import Status, SyncSession

pytestmark = pytest.mark.slow

FEEDS = ("airdrops", "points", "sponsored")
DUE = ("products", "customers", *FEEDS)
WITHIN_SECONDS = 300


@pytest.fixture
def narrow(alone: Instance) -> Iterator[Instance]:
    """The instance, with three feeds and with a runner that has one place."""
    urls = {f"SYNCLINE_UPSTREAMS__{feed.upper()}__BASE_URL": f"{alone.box.url}/feeds/{feed}" for feed in FEEDS}
    one_place = {"PREFECT_RUNNER_PROCESS_LIMIT": "1", "SYNCLINE_FIRST_RUNS": "burst"}
    runner = alone.supervisor.start("runner", ["deployments"], env=alone.env | urls | one_place)
    yield alone
    runner.stop()
    asyncio.run(without_feeds(alone))


async def without_feeds(alone: Instance) -> None:
    async with open_client(alone.settings) as client:
        for feed in FEEDS:
            await client.delete_deployment((await client.read_deployment_by_name(f"sync-{feed}/{feed}")).id)


async def deployments(client: PrefectClient) -> list[UUID] | None:
    """Those of all that are due, once the runner has registered them."""
    try:
        return [(await client.read_deployment_by_name(f"sync-{name}/{name}")).id for name in DUE]
    except ObjectNotFound:
        return None


async def registered(alone: Instance) -> list[UUID] | None:
    async with open_client(alone.settings) as client:
        return await deployments(client)


async def due_at_once(alone: Instance) -> list[UUID]:
    """A run of each, all due now."""
    async with open_client(alone.settings) as client:
        now = alone.store.clock.now()
        found = await deployments(client)
        assert found is not None
        runs = [await client.create_flow_run_from_deployment(one, state=Scheduled(scheduled_time=now)) for one in found]
    return [run.id for run in runs]


async def ended(alone: Instance, runs: list[UUID]) -> list[FlowRun] | None:
    """The runs, once all of them have ended."""
    async with open_client(alone.settings) as client:
        found = [await client.read_flow_run(run) for run in runs]
    return found if all(run.state is not None and run.state.is_final() for run in found) else None


def test_each_of_a_burst_has_one_outcome(narrow: Instance) -> None:
    """All wait for the one place but one: none is taken for dead meanwhile, begun twice, or forgotten."""
    eventually(lambda: asyncio.run(registered(narrow)), "deployments")
    runs = asyncio.run(due_at_once(narrow))

    def looked() -> list[FlowRun] | None:
        asyncio.run(reconcile_once(narrow.settings, narrow.store))  # as the web app does all the time
        return asyncio.run(ended(narrow, runs))

    states = {run.id: run.state_name for run in eventually(looked, "end of the burst", within_seconds=WITHIN_SECONDS)}
    assert set(states.values()) <= {"Completed", "Partial", "Skipped"}, states
    with narrow.store.read() as connection:
        wanted = select(SyncSession).where(col(SyncSession.flow_run_id).in_([str(run) for run in runs]))
        sessions = list(Session(connection).exec(wanted))
        crashed = select(SyncSession.id).where(
            col(SyncSession.status) == Status.CRASHED, col(SyncSession.source).in_(FEEDS)
        )
        assert list(Session(connection).exec(crashed)) == []
    assert sorted(session.source for session in sessions) == sorted(DUE)
    assert {session.flow_run_id: session.status.capitalize() for session in sessions} == {
        str(run): state for run, state in states.items()
    }
