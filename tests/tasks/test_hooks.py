import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State, TaskRun
from prefect.states import Cancelling, Completed, Crashed, Failed

from flows.products import PRODUCTS, sync_products
from syncline import results
from syncline.admission.admit import admit
from syncline.errors import UnavailableError
from syncline.model.session import Status, SyncSession
from syncline.store import sessions
from syncline.store.engine import Store
from tasks.due import due_of, mode_of, session_key
from tasks.flow import SyncFlow
from tasks.flow_hooks import close_cancelled, close_completed, close_crashed, close_failed
from tasks.pull import pull_task
from tasks.run import Run, entered
from tasks.step import note_attempt, note_failure

Hook = Callable[..., Awaitable[None]]

DOWN = UnavailableError("erp answered 503", upstream="erp", status=503)


def _flow_run(**fields: Any) -> FlowRun:  # noqa: ANN401 - whatever a flow run has
    return FlowRun(id=uuid4(), flow_id=uuid4(), name="products-incremental", **fields)


def _fire(hook: Hook, flow_run: FlowRun, state: State[Any]) -> None:
    """As the runner does: by keyword."""
    asyncio.run(_awaited(hook(flow=sync_products, flow_run=flow_run, state=state)))


async def _awaited(work: Awaitable[None]) -> None:
    await work


def _open(store: Store, flow_run: FlowRun) -> str:
    return admit(store, PRODUCTS, due_of(flow_run, mode_of(flow_run))).session_id


def _session(store: Store, flow_run: FlowRun) -> SyncSession:
    with store.read() as connection:
        session = sessions.by_flow_run(connection, session_key(flow_run))
    assert session is not None
    return session


@pytest.mark.parametrize(
    ("hook", "state", "status"),
    [
        (close_completed, Completed(), Status.COMPLETED),
        (close_failed, Failed(data=DOWN), Status.FAILED),
        (close_crashed, Crashed(message="Process exited with -9"), Status.CRASHED),
        (close_cancelled, Cancelling(message="by Ada"), Status.CANCELLED),
    ],
)
def test_each_end_of_a_flow_run_gives_its_session_that_outcome(
    instance: Store, hook: Hook, state: State[Any], status: Status
) -> None:
    """A session that stays running for ever blocks nobody, but misleads everybody."""
    flow_run = _flow_run()
    _open(instance, flow_run)
    _fire(hook, flow_run, state)
    assert _session(instance, flow_run).status is status


def test_a_hook_that_comes_second_changes_nothing(instance: Store) -> None:
    """Prefect's runner and engine may both see the same end."""
    flow_run = _flow_run()
    _open(instance, flow_run)
    _fire(close_cancelled, flow_run, Cancelling(message="by Ada"))
    _fire(close_crashed, flow_run, Crashed(message="exit code -15"))
    _fire(close_failed, flow_run, Failed(data=DOWN))
    session = _session(instance, flow_run)
    assert (session.status, session.reason, session.error_type) == (Status.CANCELLED, "by Ada", None)


def test_a_failure_is_recorded_with_its_type_and_message(instance: Store) -> None:
    """`history` shows it without a look into the logs."""
    flow_run = _flow_run()
    _open(instance, flow_run)
    _fire(close_failed, flow_run, Failed(data=DOWN))
    session = _session(instance, flow_run)
    assert (session.error_type, session.error_message) == ("UnavailableError", "erp answered 503")


def test_a_run_that_took_too_long_names_the_setting(instance: Store) -> None:
    """Prefect says `exceeded timeout`; the reader needs to know where to change it."""
    flow_run = _flow_run()
    _open(instance, flow_run)
    _fire(close_failed, flow_run, Failed(name="TimedOut", message="Flow run exceeded timeout of 600.0 second(s)"))
    session = _session(instance, flow_run)
    assert session.error_type == "TimeoutError"
    assert session.error_message == "the run took longer than timeout_seconds=600"


def test_a_run_that_ended_before_it_was_admitted_is_put_on_record_once(instance: Store) -> None:
    """Every due tick has one outcome, that of a process which died at its start included."""
    began = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)
    flow_run = _flow_run(tags=["trigger:api"], parameters={"mode": "full"}, start_time=began)
    _fire(close_crashed, flow_run, Crashed(message="Process exited with 1"))
    _fire(close_crashed, flow_run, Crashed(message="Process exited with 1"))
    session = _session(instance, flow_run)
    assert (session.status, session.trigger, session.mode) == (Status.CRASHED, "api", "full")
    assert session.started_at == began
    with instance.read() as connection:
        assert not sessions.running(connection)


def test_a_run_again_from_the_ui_is_a_session_of_its_own(instance: Store) -> None:
    """Prefect's Retry button keeps the flow run's id, and must not be answered with the failure of before."""
    first = _flow_run(run_count=1)
    _open(instance, first)
    _fire(close_failed, first, Failed(data=DOWN))
    again = first.model_copy(update={"run_count": 2})
    _open(instance, again)
    assert _session(instance, again).status is Status.RUNNING
    assert _session(instance, first).status is Status.FAILED


def test_attempts_and_the_last_error_go_into_the_record_while_it_runs(instance: Store) -> None:
    """Anyone who watches sees `retry 2` and why, before the run ends."""
    flow_run = _flow_run()
    session_id = _open(instance, flow_run)
    run = Run(source=PRODUCTS, store=instance, stack=AsyncExitStack(), session_id=session_id)
    with entered(run):
        note_attempt(pull_task, _task_run(1), Failed())
        assert _session(instance, flow_run).retry_count == 0
        note_attempt(pull_task, _task_run(3), Failed())
        note_failure(pull_task, _task_run(3), Failed(data=DOWN))
    session = _session(instance, flow_run)
    assert (session.retry_count, session.error_message, session.status) == (2, "erp answered 503", Status.RUNNING)


def _task_run(run_count: int) -> TaskRun:
    return TaskRun(id=uuid4(), task_key="pull", dynamic_key="0", run_count=run_count)


def test_a_run_that_died_before_its_time_is_not_recorded_as_of_then(instance: Store) -> None:
    """Its process is there some seconds before its tick; no face may tell of what has not come as of what was."""
    tick = datetime.now(UTC) + timedelta(minutes=1)
    flow_run = _flow_run(expected_start_time=tick, auto_scheduled=True)
    _fire(close_crashed, flow_run, Crashed(message="Process exited with -9"))
    session = _session(instance, flow_run)
    assert (session.status, session.scheduled_for) == (Status.MISSED, tick)
    assert session.completed_at is not None
    assert session.started_at <= session.completed_at <= instance.clock.now()


def test_a_run_that_is_put_on_record_afterwards_is_told_of_once(instance: Store) -> None:
    """Subscribers hear of every outcome, that of a process which died at its start included."""
    flow_run, told = _flow_run(), list[str]()
    unsubscribe = results.on_result(lambda session: told.append(session.status))
    _fire(close_crashed, flow_run, Crashed(message="Process exited with 1"))
    _fire(close_crashed, flow_run, Crashed(message="Process exited with 1"))
    unsubscribe()
    assert told == [Status.CRASHED]


def test_a_source_hears_of_the_ends_that_hooks_write_down(instance: Store) -> None:
    """The runner's process, which calls the hook of a crash, never ran the flow; it loaded its module."""
    told: list[tuple[str, str]] = []

    def hear(session: SyncSession) -> None:
        told.append((session.source, session.status))

    try:
        SyncFlow(replace(PRODUCTS, on_result=(hear,)), sync_products.fn)
        flow_run = _flow_run()
        _open(instance, flow_run)
        _fire(close_crashed, flow_run, Crashed(message="Process exited with -9"))
    finally:
        results.register_callbacks(PRODUCTS)
    assert told == [("products", "crashed")]
