"""How a run gets its process: forked from the fork server, or spawned by Prefect where that is not to be had."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

import anyio
import anyio.abc
import anyio.to_thread
from prefect.client.schemas.objects import FlowRun
from prefect.logging import get_logger
from prefect.runner._flow_run_executor import ProcessStarter
from prefect.runner._process_manager import ProcessHandle

from deployments.forking import ForkedRun, ForkServer
from deployments.run_processes import RunProcesses
from syncline.store.leases import Process

__all__ = ["RunStarter"]

_WAITERS = 1_000
"""Threads that wait for processes; there is one for each, and their number is limited elsewhere."""


@dataclass(frozen=True, kw_only=True)
class _NotBegun:
    """Stands for the process of a run that is not begun, because the runner is ending."""

    pid: int | None = None
    returncode: int = 0


@dataclass(frozen=True, kw_only=True)
class RunStarter:
    """Starts the process of one run, as `prefect.runner._flow_run_executor.ProcessStarter` has it.

    Attributes:
        spawning: Prefect's own way.
        fork_server: where it is forked instead; None where it is not.
        environment: the environment of a run's process.
        may_begin: whether runs are still begun.
        processes: where it is said which process works on which run.
        settle: hears of a run whose process has ended.
        note_begun: hears of a run that gets a process.
    """

    spawning: ProcessStarter
    fork_server: ForkServer | None
    environment: Callable[[FlowRun], dict[str, str]]
    may_begin: Callable[[], bool]
    processes: RunProcesses
    settle: Callable[[FlowRun], Awaitable[None]]
    note_begun: Callable[[FlowRun], None]

    async def start(
        self, flow_run: FlowRun, task_status: anyio.abc.TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Start the process, tell `task_status` of it, and return when it has ended."""
        self.processes.begin(flow_run.id, Process.current())  # it takes care of the run until that has its own
        try:
            await self._started(flow_run, task_status)
        finally:
            self.processes.end(flow_run.id)

    async def _started(self, flow_run: FlowRun, task_status: anyio.abc.TaskStatus[ProcessHandle]) -> None:
        forked = await self._forked(flow_run) if self.may_begin() else None
        if not self.may_begin():
            if forked is not None:
                forked.drop()
            task_status.started(_handle(_NotBegun()))
            return
        self.note_begun(flow_run)
        if forked is None:
            await self.spawning.start(flow_run, task_status=task_status)
        else:
            await self._run(forked, flow_run, task_status)
        await self.settle(flow_run)

    async def _run(
        self, forked: ForkedRun, flow_run: FlowRun, task_status: anyio.abc.TaskStatus[ProcessHandle]
    ) -> None:
        self.processes.begin(flow_run.id, Process.of(forked.pid))
        task_status.started(_handle(forked))
        forked.begin()
        await _until_ended(forked)
        used = forked.cpu_seconds
        get_logger("syncline").debug("flow run %s used %.2f CPU s in process %d", flow_run.id, used, forked.pid)

    async def _forked(self, flow_run: FlowRun) -> ForkedRun | None:
        if self.fork_server is None:
            return None
        return await anyio.to_thread.run_sync(self.fork_server.fork, self.environment(flow_run))


async def _until_ended(run: ForkedRun) -> None:
    """Wait for the process; where waiting is cancelled, it is asked to end."""
    try:
        limiter = anyio.CapacityLimiter(_WAITERS)
        await anyio.to_thread.run_sync(run.wait, abandon_on_cancel=True, limiter=limiter)
    except BaseException:
        if run.returncode is None:
            os.kill(run.pid, signal.SIGTERM)
        raise


def _handle(process: ForkedRun | _NotBegun) -> ProcessHandle:
    """What Prefect knows a process by; it asks it for its `pid` and its `returncode`."""
    return ProcessHandle(cast("anyio.abc.Process", process))
