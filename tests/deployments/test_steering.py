"""What an operator does to runs, against a real Prefect server."""

import asyncio
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Completed, Running
from pydantic import SecretStr
from sqlalchemy import delete
from sqlmodel import col
from support.instance import Instance
from support.proxy import Proxy, proxied
from support.records import open_session

from deployments import controls
from deployments.client import open_client
from deployments.reconciling import reconcile_once
from syncline.errors import MissingSettingError, PrefectUnavailableError, UnknownSourceError
from syncline.model.session import Status, SyncSession
from syncline.model.target import Target
from syncline.passes.closing import close
from syncline.store import audit, leases, schedules

pytestmark = pytest.mark.slow


async def _run_in(instance: Instance, state: State[Any], parameters: dict[str, Any] | None = None) -> str:
    """A run of products that Prefect believes to be in `state`; its id."""
    async with open_client(instance.settings) as client:
        deployment = await client.read_deployment_by_name("sync-products/products")
        made = await client.create_flow_run_from_deployment(deployment.id, parameters=parameters, state=state)
        return str(made.id)


async def _read(instance: Instance, flow_run_id: str) -> FlowRun:
    async with open_client(instance.settings) as client:
        return await client.read_flow_run(UUID(flow_run_id))


@pytest.mark.parametrize("attempt", ["", "~2"])
def test_a_run_that_goes_on_after_a_hold_is_asked_for_the_same_as_the_first(calm: Instance, attempt: str) -> None:
    """A forced full pass that lost its `force` in a pause would refuse the deletions that it was forced to do."""
    asked = {"mode": "full", "force": True}
    first = asyncio.run(_run_in(calm, Completed(), asked))
    held = open_session(calm.store, f"held{attempt}", flow_run_id=f"{first}{attempt}")
    close(calm.store, held, Status.DEFERRED, reason="paused: why", held=True)
    (started,) = asyncio.run(controls.resume_deferred(calm.settings, calm.store, "products"))
    assert asyncio.run(_read(calm, started)).parameters == asked
    assert calm.session_of(started, "completed").trigger == "retry"


@contextmanager
def _crashed(instance: Instance, *, minutes_ago: float) -> Generator[tuple[str, str]]:
    """A run that Prefect believes to be running, and its session, which was closed a while ago; both go afterwards."""
    flow_run_id = asyncio.run(_run_in(instance, Running()))
    then = instance.store.clock.now() - timedelta(minutes=minutes_ago)
    session_id = open_session(
        instance.store, f"s-{flow_run_id}", status=Status.CRASHED, started_at=then, flow_run_id=flow_run_id
    )
    yield flow_run_id, session_id
    with instance.store.write() as connection:
        connection.execute(delete(SyncSession).where(col(SyncSession.id) == session_id))
    asyncio.run(_forget(instance, flow_run_id))


async def _forget(instance: Instance, flow_run_id: str) -> None:
    async with open_client(instance.settings) as client:
        await client.delete_flow_run(UUID(flow_run_id))


def _state_after_reconciling(instance: Instance, flow_run_id: str) -> StateType | None:
    asyncio.run(reconcile_once(instance.settings, instance.store))
    return asyncio.run(_read(instance, flow_run_id)).state_type


def test_a_run_whose_machine_lost_its_power_is_not_running_for_ever_in_prefect(calm: Instance) -> None:
    """No runner is left to tell; the UI would show it beside the real ones until somebody deletes it."""
    with _crashed(calm, minutes_ago=2) as (flow_run_id, _):
        assert _state_after_reconciling(calm, flow_run_id) is StateType.CRASHED
        state = asyncio.run(_read(calm, flow_run_id)).state
    assert state is not None
    assert "ended without a word" in (state.message or "")


def test_a_run_that_crashed_just_now_is_left_to_its_runner(calm: Instance) -> None:
    """It knows the exit code, and tells it within seconds."""
    with _crashed(calm, minutes_ago=0.5) as (flow_run_id, _):
        assert _state_after_reconciling(calm, flow_run_id) is StateType.RUNNING


def test_a_run_whose_process_lives_is_left_to_it(calm: Instance) -> None:
    """A process that lost its lease while the database was away ends by itself, and says why."""
    now = calm.store.clock.now()
    with _crashed(calm, minutes_ago=2) as (flow_run_id, session_id):
        with calm.store.write() as connection:
            assert leases.acquire(connection, Target("products"), session_id, process=leases.Process.current(), now=now)
            leases.release(connection, Target("products"), session_id, now=now)
        assert _state_after_reconciling(calm, flow_run_id) is StateType.RUNNING


def _standing(instance: Instance) -> tuple[object, ...]:
    """What a start would change: the schedule in Prefect, the interval that is kept, the audit log."""
    info = asyncio.run(controls.scheduled(instance.settings))["customers"]
    with instance.store.read() as connection:
        return info.active, info.text, schedules.overrides(connection), len(audit.latest(connection))


async def _runs_of_customers(instance: Instance) -> list[FlowRun]:
    async with open_client(instance.settings) as client:
        found = DeploymentFilter(name=DeploymentFilterName(any_=["customers"]))
        return await client.read_flow_runs(deployment_filter=found, limit=200)


def _forget_planned(instance: Instance) -> None:
    """Delete the runs that are planned: a start makes none beside one that is due soon."""

    async def forget() -> None:
        async with open_client(instance.settings) as client:
            for run in await _runs_of_customers(instance):
                if run.state_type is StateType.SCHEDULED:
                    await client.delete_flow_run(run.id)

    asyncio.run(forget())


def _planned_soon(instance: Instance, since: datetime) -> float:
    """In how many seconds from `since` the first run of customers is planned."""
    runs = asyncio.run(_runs_of_customers(instance))
    keys = [run for run in runs if (run.idempotency_key or "").startswith("start-customers-")]
    newest = max(run.expected_start_time.timestamp() for run in keys if run.expected_start_time is not None)
    return newest - since.timestamp()


@pytest.fixture
def own(calm: Instance) -> Iterator[Instance]:
    """An instance whose source customers has its own schedule, before and afterwards."""
    asyncio.run(controls.start_default(calm.settings, calm.store, "customers", actor="test"))
    yield calm
    asyncio.run(controls.start_default(calm.settings, calm.store, "customers", actor="test"))


def _start(instance: Instance, every_seconds: float | None = None) -> float | None:
    started = controls.start(instance.settings, instance.store, "customers", every_seconds=every_seconds, actor="test")
    return asyncio.run(started)


def _default(instance: Instance, **settings: object) -> float | None:
    given = instance.settings.model_copy(update=settings)
    return asyncio.run(controls.start_default(given, instance.store, "customers", actor="test"))


def _through(instance: Instance, proxy: Proxy) -> dict[str, object]:
    """The settings by which Prefect is reached through the proxy, with the password of the server behind it."""
    return {"prefect_api_url": f"{proxy.url}/api", "prefect_api_auth": SecretStr(instance.settings.prefect_auth or "")}


def test_a_start_keeps_the_sources_interval_and_runs_in_five_seconds(own: Instance) -> None:
    """The one of prefect.yaml, or the one that was set: a start without a number changes neither."""
    asyncio.run(controls.stop(own.settings, own.store, "customers", actor="test"))
    before = own.store.clock.now()
    assert _start(own) == 1_800
    assert 0 < _planned_soon(own, before) < 90  # less than five where the start of the fixture planned one
    assert _standing(own)[:3] == (True, "every 30 min", {})
    assert (_start(own, 420), _start(own)) == (420, 420)
    asyncio.run(controls.stop(own.settings, own.store, "customers", actor="test"))
    assert _start(own) == 420
    assert _standing(own)[:3] == (True, "every 7 min", {"customers": 420})


def test_a_start_by_default_goes_back_to_the_files_schedule(own: Instance) -> None:
    """Nothing else would ever: the interval that was set lasts over restarts."""
    _start(own, 420)
    asyncio.run(controls.stop(own.settings, own.store, "customers", actor="test"))
    assert _default(own) == 1_800
    assert _standing(own)[:3] == (True, "every 30 min", {})
    with own.store.read() as connection:
        newest = audit.latest(connection)[0]
    assert (newest.action, newest.target, newest.detail) == (
        "schedule.start",
        "customers",
        '{"every_seconds": "default"}',
    )


def test_a_start_by_default_that_prefect_refuses_changes_nothing(own: Instance) -> None:
    """The interval that was set stays in force, in Prefect and with us."""
    _start(own, 420)
    _forget_planned(own)
    before = _standing(own)
    for refused in (r"PATCH .*/deployments/[^/]*$", r"POST .*/create_flow_run$"):
        with proxied(own.settings.prefect_api) as proxy:
            proxy.refuse(refused)
            with pytest.raises(PrefectUnavailableError):
                _default(own, **_through(own, proxy))
            assert len(proxy.refused) == 1
        assert _standing(own) == before


@pytest.mark.parametrize("begin", [controls.start_default, partial(controls.start, every_seconds=60), controls.stop])
def test_a_source_that_there_is_not_is_told(calm: Instance, begin: Callable[..., Any]) -> None:
    """With the names that there are, and Prefect is not asked."""
    with pytest.raises(UnknownSourceError, match="no source is named 'customer'; there are: airdrops"):
        asyncio.run(begin(calm.settings, calm.store, "customer", actor="test"))


@pytest.mark.parametrize("begin", [controls.start_default, partial(controls.start, every_seconds=None)])
def test_a_source_that_is_not_set_up_is_not_started(calm: Instance, begin: Callable[..., Any]) -> None:
    """It is not served: its runs would wait for ever."""
    with pytest.raises(MissingSettingError, match="SYNCLINE_UPSTREAMS__QUESTS__BASE_URL"):
        asyncio.run(begin(calm.settings, calm.store, "quests", actor="test"))


@pytest.mark.parametrize("refused", [r"PATCH .*/schedules/", r"POST .*/create_flow_run$"])
@pytest.mark.parametrize("every_seconds", [3_600, None])
def test_a_start_that_prefect_refuses_changes_nothing(
    calm: Instance, refused: str, every_seconds: float | None
) -> None:
    """Half a change would show one interval now, and another one after the next restart."""
    asyncio.run(controls.stop(calm.settings, calm.store, "customers", actor="test"))
    _forget_planned(calm)
    before = _standing(calm)
    with proxied(calm.settings.prefect_api) as proxy:
        proxy.refuse(refused)
        through = calm.settings.model_copy(update=_through(calm, proxy))
        with pytest.raises(PrefectUnavailableError):
            asyncio.run(controls.start(through, calm.store, "customers", every_seconds=every_seconds, actor="test"))
        assert len(proxy.refused) == 1
    assert _standing(calm) == before
