"""Which earlier ticks are on their way, as Prefect tells."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State, StateType
from support.records import open_session

from syncline.clock import ManualClock
from syncline.model.session import Status
from syncline.store.engine import Store
from tasks.admit import on_their_way

TICK = datetime(2026, 1, 22, 9, 0, tzinfo=UTC)
EARLIER = TICK - timedelta(minutes=30)


def flow_run(kind: StateType, *, since: datetime, **fields: Any) -> FlowRun:  # noqa: ANN401 - its fields
    state: State[Any] = State.model_validate({"type": kind, "timestamp": since})
    given: dict[str, Any] = {"auto_scheduled": True, "expected_start_time": EARLIER, **fields}
    return FlowRun(id=uuid4(), flow_id=uuid4(), state=state, state_type=kind, **given)


@pytest.mark.parametrize(
    ("kind", "seconds", "fields", "coming"),
    [
        (StateType.SCHEDULED, 7_200, {}, True),  # late for two hours, for want of a runner
        (StateType.PENDING, 10, {}, True),
        (StateType.RUNNING, 10, {}, True),  # its process starts
        (StateType.PENDING, 120, {}, False),  # the machine went down just then
        (StateType.RUNNING, 120, {}, False),
        (StateType.SCHEDULED, 0, {"auto_scheduled": False}, False),  # started by hand
        (StateType.SCHEDULED, 0, {"expected_start_time": TICK}, False),
        (StateType.SCHEDULED, 0, {"expected_start_time": TICK + timedelta(minutes=30)}, False),
    ],
)
def test_a_late_run_waits_for_ticks_before_its_own_that_will_come(
    sqlite_store: Store, clock: ManualClock, kind: StateType, seconds: float, fields: dict[str, Any], *, coming: bool
) -> None:
    """For one that died on its way it would wait for ever."""
    run = flow_run(kind, since=clock.now() - timedelta(seconds=seconds), **fields)
    assert bool(on_their_way(sqlite_store, [run], TICK)) is coming


def test_what_has_come_to_the_door_is_not_waited_for(sqlite_store: Store, clock: ManualClock) -> None:
    """It runs, has its outcome, or its place in the line."""
    run = flow_run(StateType.RUNNING, since=clock.now())
    open_session(sqlite_store, status=Status.DEFERRED, flow_run_id=str(run.id))
    assert on_their_way(sqlite_store, [run], TICK) == []
