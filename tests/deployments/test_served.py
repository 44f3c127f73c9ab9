import asyncio
import base64
import json
import os
import signal
import urllib.request
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from prefect.states import Cancelling
from support.instance import Instance, eventually
from support.looks import BY_FORK, BY_ITSELF, is_forked, typed

from deployments import controls
from deployments.client import open_client
from deployments.reconciling import reconcile_once
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.target import Target
from syncline.store import audit, holds, leases

pytestmark = pytest.mark.slow

PRODUCTS = "/erp/products"


def _run(instance: Instance, mode: Mode = Mode.FULL) -> str:
    return asyncio.run(controls.run_now(instance.settings, "products", mode=mode, trigger=Trigger.API))


def test_the_first_runs_come_by_themselves_and_are_recorded(served: Instance) -> None:
    """A user who starts it sees something happen, and the schedule did it."""
    for source in ("products", "customers"):
        session = eventually(lambda source=source: _done(served, source), f"first session of {source}")
        assert session.trigger is Trigger.SCHEDULE
    assert _done(served, "products").items_created == 60  # pyright: ignore[reportOptionalMemberAccess] - found above


def _done(served: Instance, source: str) -> SyncSession | None:
    return next((session for session in reversed(served.sessions(source)) if session.completed_at), None)


def test_a_look_is_forked_while_the_runner_serves(served: Instance) -> None:
    """It asks the same Prefect, with the same credentials, as one that runs by itself."""
    eventually(lambda: is_forked(served.env, served.settings.home) or None, "look that is forked")

    def schedule(way: list[str]) -> dict[str, Any] | None:
        done = typed(way, "status", "products", "--json", env=served.env, cwd=served.settings.home)
        told = json.loads(done.stdout or '[{"next_run": {"active": null}}]')[0]["next_run"]
        return None if told["active"] is None else told  # null while Prefect is too busy to answer

    by_fork, by_itself = (eventually(lambda way=way: schedule(way), "schedule") for way in (BY_FORK, BY_ITSELF))
    assert by_fork["active"]
    assert by_fork["schedule"] == by_itself["schedule"]


def test_a_scheduled_run_appears_and_a_stop_lasts_over_a_restart(calm: Instance) -> None:
    """Schedules that silently make no runs, or that start again by themselves, are the two ways to lose trust."""
    asyncio.run(controls.start(calm.settings, calm.store, "customers", every_seconds=5, actor="test"))
    session = eventually(lambda: _scheduled(calm), "session that answers a tick of the schedule")
    assert session.trigger is Trigger.SCHEDULE
    asyncio.run(controls.stop(calm.settings, calm.store, "customers", actor="test"))
    calm.restart_runner()
    info = asyncio.run(controls.scheduled(calm.settings))
    assert (info["customers"].active, info["customers"].text) == (False, "every 5 s")
    assert (info["products"].active, info["products"].text) == (True, "every 30 min")
    eventually(lambda: _next_run(calm, "products"), "run that Prefect's scheduler plans after the restart")
    with calm.store.read() as connection:
        actions = [entry.action for entry in audit.latest(connection)]
    assert actions[:2] == ["schedule.stop", "schedule.start"]


def _next_run(calm: Instance, source: str) -> datetime | None:
    return asyncio.run(controls.scheduled(calm.settings))[source].next_run_at


def _scheduled(calm: Instance) -> SyncSession | None:
    return next((session for session in calm.sessions("customers") if session.scheduled_for), None)


def test_a_retry_goes_on_at_the_checkpoint(calm: Instance) -> None:
    """What is stored is not fetched again, and the record says how often it was tried."""
    calm.box.faults.add("page_cap", size=20, count=None)
    calm.box.faults.add("status", code=500, path=PRODUCTS, skip=1, count=2)
    session = calm.session_of(_run(calm), "completed", "failed")
    assert (session.status, session.items_processed) == (Status.COMPLETED, 60)
    assert session.retry_count >= 1
    answered = calm.box.requests.entries(path=PRODUCTS, status=200)
    first = [entry for entry in answered if "page=1" in entry.query.split("&")]
    assert len(first) == 1


def test_a_killed_process_leaves_a_crashed_session_and_the_next_run_goes_on(calm: Instance) -> None:
    """The kernel's OOM killer asks nobody."""
    calm.box.faults.add("hang", path=PRODUCTS, count=None)
    flow_run_id = _run(calm)
    session = _pulling(calm, flow_run_id)
    with calm.store.read() as connection:
        lease = leases.holder(connection, Target("products"))
    assert lease is not None
    assert lease.owner == session.id
    os.kill(lease.pid, signal.SIGKILL)
    assert calm.session_of(flow_run_id, "crashed").reason is not None
    calm.box.faults.clear()
    assert calm.session_of(_run(calm), "completed", "skipped", "deferred").status is Status.COMPLETED


def _pulling(calm: Instance, flow_run_id: str) -> SyncSession:
    """The session of the flow run, once it asks the upstream."""
    session = calm.session_of(flow_run_id, "running")
    return eventually(lambda: session if calm.box.faults.orders()[0].struck else None, "request")


def test_a_cancelled_run_is_recorded_as_cancelled(calm: Instance) -> None:
    """The Cancel button of Prefect's UI sets this state."""
    calm.box.faults.add("hang", path=PRODUCTS, count=None)
    flow_run_id = _run(calm)
    _pulling(calm, flow_run_id)
    asyncio.run(_cancel(calm, flow_run_id))
    assert calm.session_of(flow_run_id, "cancelled").completed_at is not None


async def _cancel(calm: Instance, flow_run_id: str) -> None:
    async with open_client(calm.settings) as client:
        await client.set_flow_run_state(UUID(flow_run_id), Cancelling(message="by the test"))


REFUSED = "syncline.credentials.refused"


def test_a_final_failure_reaches_prefects_events(calm: Instance) -> None:
    """Alerts hang on this event."""
    earlier = _events(calm, REFUSED)
    calm.box.faults.add("unauthorized", code=401, count=None)
    session = calm.session_of(_run(calm), "failed")
    assert session.error_type == "RefusedError"
    failed = eventually(lambda: _event_of(calm, session), "event")
    assert failed["attempts"] == 1
    (refused,) = eventually(lambda: [one for one in _events(calm, REFUSED) if one not in earlier], "event")
    assert "SYNCLINE_UPSTREAMS__ERP__TOKEN" in refused["reason"]
    with calm.store.write() as connection:
        assert holds.release_all(connection, Target("products"), now=calm.store.clock.now()) == 1


def _event_of(calm: Instance, session: SyncSession) -> dict[str, Any] | None:
    """What Prefect heard of the session's failure; other tests let runs of the same source fail."""
    return next((one for one in _events(calm, "syncline.sync.failed") if one["session"] == session.id), None)


def _events(calm: Instance, name: str) -> list[dict[str, Any]]:
    """What Prefect's events of this name say of the source, as far as they have arrived."""
    wanted = {"filter": {"event": {"name": [name]}}}
    password = base64.b64encode((calm.settings.prefect_auth or "").encode()).decode()
    request = urllib.request.Request(  # noqa: S310 - a server of the test's own
        f"{calm.settings.prefect_api}/events/filter",
        data=json.dumps(wanted).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Basic {password}"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - the same
        events = json.load(answer)["events"]
    ours = "syncline.source.products"
    return [event["payload"] for event in events if event["resource"]["prefect.resource.id"] == ours]


def test_reconciling_leaves_a_healthy_instance_alone(calm: Instance) -> None:
    """It runs every 15 seconds beside the runs; it must never close one that goes on."""
    calm.box.faults.add("hang", path=PRODUCTS, count=None)
    flow_run_id = _run(calm)
    _pulling(calm, flow_run_id)
    asyncio.run(reconcile_once(calm.settings, calm.store))
    assert calm.session_of(flow_run_id, "running").completed_at is None
    asyncio.run(_cancel(calm, flow_run_id))
    calm.session_of(flow_run_id, "cancelled")
