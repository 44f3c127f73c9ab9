"""A run that is cancelled before its session is opened: both records say cancelled, and neither that it crashed."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from uuid import UUID

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling
from sqlmodel import Session, col, select
from support.instance import Instance, eventually
from support.processes import fork_server_of

from deployments import controls
from deployments.client import open_client
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger

pytestmark = pytest.mark.slow


async def read(calm: Instance, flow_run_id: str) -> FlowRun:
    async with open_client(calm.settings) as client:
        return await client.read_flow_run(UUID(flow_run_id))


async def cancel(calm: Instance, flow_run_id: str) -> None:
    async with open_client(calm.settings) as client:
        await client.set_flow_run_state(UUID(flow_run_id), Cancelling(message="by the test"))


def in_state(calm: Instance, flow_run_id: str, *types: str) -> FlowRun:
    def look() -> FlowRun | None:
        run = asyncio.run(read(calm, flow_run_id))
        return run if run.state_type in types else None

    return eventually(look, f"flow run {flow_run_id} that is {' or '.join(types)}")


@contextmanager
def before_it_has_a_process(calm: Instance) -> Generator[str]:
    """A run that the runner has taken; it waits for the fork server."""
    stopped = fork_server_of(calm.runners[-1].pid)
    os.kill(stopped, signal.SIGSTOP)
    try:
        flow_run_id = started(calm)
        in_state(calm, flow_run_id, "PENDING")
        yield flow_run_id
    finally:
        os.kill(stopped, signal.SIGCONT)


@contextmanager
def before_it_is_admitted(calm: Instance) -> Generator[str]:
    """A run that is under way; its admission waits for the database, which another transaction has locked."""
    is_locked, release = threading.Event(), threading.Event()

    def lock() -> None:
        with calm.store.write():
            is_locked.set()
            release.wait(25)

    holder = threading.Thread(target=lock)
    holder.start()
    is_locked.wait(25)
    try:
        flow_run_id = started(calm)
        in_state(calm, flow_run_id, "RUNNING")
        yield flow_run_id
    finally:
        release.set()
        holder.join()


def started(calm: Instance) -> str:
    return asyncio.run(controls.run_now(calm.settings, "customers", mode=Mode.INCREMENTAL, trigger=Trigger.API))


@pytest.mark.parametrize("moment", [before_it_has_a_process, before_it_is_admitted])
def test_a_run_that_is_cancelled_before_its_session_is_cancelled_in_both(
    calm: Instance, moment: Callable[[Instance], AbstractContextManager[str]]
) -> None:
    """The Cancel button of Prefect's UI, pressed a second after Run: nothing has crashed then."""
    with moment(calm) as flow_run_id:
        asyncio.run(cancel(calm, flow_run_id))
    session = calm.session_of(flow_run_id, *(status for status in Status if status is not Status.RUNNING))
    run = in_state(calm, flow_run_id, "CANCELLED", "CRASHED", "COMPLETED", "FAILED")
    assert (session.status, run.state_name) == (Status.CANCELLED, "Cancelled")
    with calm.store.read() as connection:
        wanted = select(SyncSession).where(col(SyncSession.flow_run_id).startswith(flow_run_id))
        assert len(list(Session(connection).exec(wanted))) == 1
