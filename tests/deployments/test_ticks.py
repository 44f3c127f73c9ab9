"""Ticks of schedules that Prefect's own scheduler makes: when their runs begin, and what becomes of missed ones."""

import asyncio
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from support.instance import Instance, child_env, eventually
from support.ticking import DEPLOYMENTS, JITTERED, catching_up

from deployments.client import open_client
from deployments.local.child import Child
from deployments.schedules.plan import interval_schedule
from syncline.admission.ticks import begins_at
from syncline.model.session import Status, SyncSession, Trigger
from syncline.settings import UpstreamSettings
from tasks.due import plain

pytestmark = pytest.mark.slow
Serve = Callable[[str], Child]
EVERY_SECONDS = 2
MISSED = 4
_TESTS = Path(__file__).parents[1]


@pytest.fixture
def serve(served: Instance) -> Iterator[Serve]:
    """Serves one of the `DEPLOYMENTS` in a runner of its own; no run of it is left behind."""
    x = UpstreamSettings(base_url=f"{served.box.url}/x", token=None, user_id=served.box.x.user_id)
    settings = served.settings.model_copy(update={"upstreams": {"x": x}})
    env = child_env(settings) | {"PYTHONPATH": f"{_TESTS}{os.pathsep}{_TESTS.parent}"}
    runners: list[Child] = []

    def serving(name: str) -> Child:
        runners.append(served.supervisor.start(name, ["support.ticking", name], env=env))
        return runners[-1]

    yield serving
    for runner in runners:
        runner.stop()
    asyncio.run(_forget(served))


async def _forget(served: Instance) -> None:
    async with open_client(served.settings) as client:
        for deployment in DEPLOYMENTS.values():
            try:
                found = await client.read_deployment_by_name(deployment.full_name)
            except ObjectNotFound:
                continue
            await client.delete_deployment(found.id)


def answering(served: Instance, source: str) -> list[tuple[datetime, SyncSession]]:
    """The ended sessions of a source that answer a tick, with that, in the order in which they began."""
    found = [(one.scheduled_for, one) for one in reversed(served.sessions(source)) if one.completed_at is not None]
    return [(tick, one) for tick, one in found if tick is not None]


def test_a_run_begins_when_its_tick_and_the_jitter_say(served: Instance, serve: Serve) -> None:
    """Not all services at once; and every process that looks sees the same instant drawn for a tick."""
    serve("jittered")

    def look() -> SyncSession | None:
        for tick, session in answering(served, JITTERED.name):
            begins = begins_at(JITTERED, tick)
            assert tick <= begins <= tick + timedelta(seconds=JITTERED.jitter_seconds)
            assert session.started_at >= begins
            ran = session.status is Status.COMPLETED  # on a busy machine one may meet the run before it
            if ran and begins - tick > timedelta(seconds=1) and asyncio.run(_process_began(served, session)) < begins:
                return session
        return None

    eventually(look, "run whose process was there before its time, of a tick that waits for a second and more")


async def _process_began(served: Instance, session: SyncSession) -> datetime:
    """When the process of a session's run was there, by Prefect's record."""
    async with open_client(served.settings) as client:
        run = await client.read_flow_run(UUID(session.flow_run_id))
    assert run.start_time is not None
    return run.start_time


def test_all_ticks_that_were_missed_are_made_up_for_in_their_order(served: Instance, serve: Serve) -> None:
    """After an hour without a runner every tick is run, one after the other, by a service that wants it so."""
    missed = _missed(served)
    assert len(missed) >= MISSED
    assert {later - tick for tick, later in pairwise(missed)} == {timedelta(seconds=EVERY_SECONDS)}
    serve("catching_up")
    source = DEPLOYMENTS["catching_up"].source
    done = eventually(lambda: _all(answering(served, source), len(missed)), f"{len(missed)} runs")
    assert [tick for tick, _ in done] == missed
    sessions = [one for _, one in done]
    assert {(one.status, one.trigger) for one in sessions} == {(Status.COMPLETED, Trigger.SCHEDULE)}
    for before, after in pairwise(sessions):
        assert before.completed_at is not None
        assert before.completed_at <= after.started_at


def _all(found: list[tuple[datetime, SyncSession]], wanted: int) -> list[tuple[datetime, SyncSession]] | None:
    return found if len(found) >= wanted else None


def _missed(served: Instance) -> list[datetime]:
    """Have Prefect's scheduler make runs that nobody takes; the ticks of those that are late, in order."""
    deployment_id = asyncio.run(_often(served))

    def look() -> list[datetime] | None:
        now = served.store.clock.now() - timedelta(seconds=EVERY_SECONDS)
        planned = asyncio.run(_planned(served, deployment_id))
        late = [tick for tick in map(_tick, planned) if tick < now]
        return late if len(late) >= MISSED else None

    eventually(look, f"{MISSED} late runs")
    asyncio.run(_no_more(served, deployment_id))
    return [_tick(run) for run in asyncio.run(_planned(served, deployment_id))]


async def _often(served: Instance) -> UUID:
    """A deployment that is due often, and that no runner serves yet; its id."""
    deployment = DEPLOYMENTS["catching_up"]
    often = DeploymentScheduleCreate(slug="often", schedule=interval_schedule(EVERY_SECONDS, anchor=None))
    async with open_client(served.settings) as client:
        flow_id = await client.create_flow(catching_up)
        return await client.create_deployment(flow_id, deployment.name, schedules=[often])


async def _no_more(served: Instance, deployment_id: UUID) -> None:
    """Switch its schedule off; Prefect forgets the runs to come, and keeps those that are late.

    On a busy machine more are late by now than a test has time for: only the first ones are kept.
    """
    async with open_client(served.settings) as client:
        (often,) = (await client.read_deployment(deployment_id)).schedules
        await client.update_deployment_schedule(deployment_id, often.id, active=False)
        for run in (await _planned(served, deployment_id))[MISSED + 2 :]:
            await client.delete_flow_run(run.id)


async def _planned(served: Instance, deployment_id: UUID) -> list[FlowRun]:
    """The deployment's runs, in the order of their ticks."""
    mine = DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id]))
    async with open_client(served.settings) as client:
        return sorted(await client.read_flow_runs(deployment_filter=mine), key=_tick)


def _tick(run: FlowRun) -> datetime:
    tick = plain(run.expected_start_time)
    assert tick is not None
    return tick
