"""Runs that are forked, with a real Prefect: what ends them, and that Prefect and the record tell the same of it."""

import asyncio
import os
import signal
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import Log
from support.instance import Instance, eventually
from support.processes import fork_server_of, parent_of
from support.served_runs import cancel, ended, hanging, started

from deployments.client import open_client
from deployments.ended import ENDED
from syncline.model.policies import Mode
from syncline.model.session import Status

pytestmark = pytest.mark.slow


def test_a_run_is_a_fork_and_its_runner_is_its_parent(calm: Instance) -> None:
    """It has the modules of the fork server, which a spawned process would import for 1.6 CPU seconds."""
    flow_run_id, pid = hanging(calm)
    assert b"deployments.fork_server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert parent_of(pid) == calm.runners[-1].pid
    os.kill(pid, signal.SIGKILL)
    calm.session_of(flow_run_id, "crashed")
    assert ended(calm, flow_run_id).state_name == "Crashed"


def test_a_cancelled_fork_is_cancelled_in_both(calm: Instance) -> None:
    """The Cancel button of Prefect's UI."""
    flow_run_id, _pid = hanging(calm)
    asyncio.run(cancel(calm, flow_run_id))
    assert ended(calm, flow_run_id).state_name == "Cancelled"
    assert calm.session_of(flow_run_id, "cancelled", "crashed").status is Status.CANCELLED


def test_a_fork_that_is_asked_to_end_is_crashed_in_both(calm: Instance) -> None:
    """As the system does it before it kills."""
    flow_run_id, pid = hanging(calm)
    os.kill(pid, signal.SIGTERM)
    assert ended(calm, flow_run_id).state_name == "Crashed"
    assert calm.session_of(flow_run_id, "cancelled", "crashed").status is Status.CRASHED


def test_the_log_of_a_fork_reaches_prefect(calm: Instance) -> None:
    """The thread that sends it is started in the fork, and sends the rest when the process ends."""
    calm.box.faults.clear()
    flow_run_id = started(calm, mode=Mode.INCREMENTAL)
    assert ended(calm, flow_run_id).state_name == "Completed"
    found = eventually(
        lambda: [one for one in asyncio.run(logs(calm, flow_run_id)) if "Finished" in one.message], "log"
    )
    assert "Completed" in found[0].message


async def logs(calm: Instance, flow_run_id: str) -> list[Log]:
    wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[UUID(flow_run_id)]))
    async with open_client(calm.settings) as client:
        return await client.read_logs(wanted)


def test_a_killed_fork_server_costs_no_run(calm: Instance) -> None:
    """The run under way goes on, the next one is done, and the one after that is forked again."""
    flow_run_id, _pid = hanging(calm)
    runner = calm.runners[-1].pid
    killed = fork_server_of(runner)
    os.kill(killed, signal.SIGKILL)
    customers = started(calm, "customers", Mode.INCREMENTAL)
    assert calm.session_of(customers, "completed", "failed", "crashed").status is Status.COMPLETED
    assert calm.session_of(flow_run_id, "running", "crashed").status is Status.RUNNING
    calm.box.faults.clear()
    asyncio.run(cancel(calm, flow_run_id))
    assert ended(calm, flow_run_id).state_name == "Cancelled"
    _again, pid = hanging(calm)
    assert b"deployments.fork_server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert fork_server_of(runner) != killed
    os.kill(pid, signal.SIGKILL)
    calm.session_of(_again, "crashed")


def test_runs_under_way_end_with_their_runner(calm: Instance) -> None:
    """One Ctrl-C ends everything: no session stays open, and both tell why."""
    flow_run_id, _pid = hanging(calm)
    calm.runners.pop().stop()
    try:
        session = calm.session_of(flow_run_id, "running", "cancelled", "crashed")
        assert (session.status, session.reason) == (Status.CANCELLED, ENDED)
        run = ended(calm, flow_run_id)
        assert (run.state_name, run.state.message if run.state else "") == ("Cancelled", ENDED)
    finally:
        calm.box.faults.clear()
        calm.restart_runner()


def test_a_run_that_has_not_begun_is_put_back(calm: Instance) -> None:
    """The fork server is asked, and has not answered: there is no session, and no crash to tell of."""
    runner = calm.runners[-1].pid
    stopped = fork_server_of(runner)
    os.kill(stopped, signal.SIGSTOP)
    flow_run_id = started(calm, "customers", Mode.INCREMENTAL)
    try:
        eventually(lambda: asyncio.run(state_type(calm, flow_run_id)) == "PENDING", "pending run")
    finally:
        calm.runners.pop().stop()
    try:
        assert asyncio.run(state_type(calm, flow_run_id)) == "SCHEDULED"
        assert flow_run_id not in {session.flow_run_id for session in calm.sessions("customers")}
    finally:
        calm.restart_runner()
    assert calm.session_of(flow_run_id, "completed", "missed", "skipped").completed_at is not None
    assert ended(calm, flow_run_id).state_type == "COMPLETED"


async def state_type(calm: Instance, flow_run_id: str) -> str | None:
    async with open_client(calm.settings) as client:
        return (await client.read_flow_run(UUID(flow_run_id))).state_type
