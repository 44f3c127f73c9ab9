"""The runner: Prefect's own, whose runs are forked, and which ends its runs before itself.

It reaches into parts of Prefect that are not public (the attributes that begin with `_`). Prefect is pinned to one
minor version, and `tests/deployments/test_prefects_private_parts.py` fails where they are not what they were.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable
from typing import Any, Self
from uuid import UUID

import httpx
from prefect._internal.attempt_control import AttemptConclusion, StateOwnershipDelegation
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import PrefectHTTPStatusError
from prefect.runner import Runner
from prefect.runner._flow_run_executor import ProcessStarter
from prefect.runner._starter_engine import EngineCommandStarter
from prefect.settings import get_current_settings
from prefect.states import Cancelling, Scheduled

from deployments.ended import ENDED
from deployments.forking import ForkServer
from deployments.run_processes import RunProcesses
from deployments.starting import RunStarter
from deployments.state_proposer import SessionStateProposer
from syncline.store import sessions
from syncline.store.engine import Store
from tasks.due import session_key

__all__ = ["SyncRunner"]

_UNBEGUN = "cancelled before it began"
_PUT_BACK = "Syncline was ended on this machine before the run began"
_FORCE_AFTER_SECONDS = 5.0
"""Runs that do not end when they are asked are then ended by force."""
_END_WITHIN_SECONDS = 10.0
"""`syncline up` gives the runner 15 seconds."""
_LOOK_SECONDS = 0.1
_ASK_SECONDS = 2.0


class SyncRunner(Runner):
    """Serves the deployments.

    Attributes:
        begun: the flow runs that were given a process.
        ended: those of them that were under way when the runner ended, and were cancelled.
        is_ending: whether no run is begun any more.
    """

    def __init__(
        self, *, store: Store, limit: int, processes: RunProcesses, fork_server: ForkServer | None = None
    ) -> None:
        """Run at most `limit` processes at once; without a `fork_server` each is spawned, as Prefect does it."""
        super().__init__(name="syncline", pause_on_shutdown=False, limit=limit)
        self.begun: dict[UUID, FlowRun] = {}
        self.ended: set[UUID] = set()
        self.is_ending = False
        self._store = store
        self._processes = processes
        self._fork_server = fork_server

    async def start(self, run_once: bool = False, webserver: bool | None = None) -> None:  # noqa: FBT001, FBT002 - Prefect's signature
        """Serve until SIGTERM or Ctrl-C."""
        signal.signal(signal.SIGINT, self.handle_sigterm)
        await super().start(run_once=run_once, webserver=webserver)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        poller = self._scheduled_run_poller
        self._state_proposer = SessionStateProposer(client=self._client, store=self._store)
        for user in (poller, self._cancellation_manager):
            user._state_proposer = self._state_proposer  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - see above
        spawned = poller._resolve_starter  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - see above
        concluded = poller._get_attempt_conclusion  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - see above

        polled = poller._get_and_submit_flow_runs  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - see above

        async def poll(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passed on as they are
            await self._while_answered(polled(*args, **kwargs))

        def starter(flow_run: FlowRun) -> ProcessStarter:
            return self._starter(spawned(flow_run))

        def conclusion(flow_run_id: UUID) -> AttemptConclusion | None:
            return concluded(flow_run_id) or self._delegated(flow_run_id)

        poller._get_and_submit_flow_runs = poll  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - see above
        poller._resolve_starter = starter  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - see above
        poller._get_attempt_conclusion = conclusion  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - see above
        self._looking = asyncio.create_task(self._look_for_cancelled())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._looking.cancel()
        await super().__aexit__(*exc_info)

    async def _while_answered(self, asking: Awaitable[None]) -> None:
        """Ask Prefect's server something that is asked again a second later: while it is away, nothing happens.

        Three such failures in a row would have Prefect end the runner, and with it the runs under way.
        """
        try:
            await asking
        except (httpx.TransportError, PrefectHTTPStatusError) as error:
            if isinstance(error, PrefectHTTPStatusError) and not error.response.is_server_error:
                raise
            self._logger.debug("Prefect's server did not answer: %s", type(error).__name__)

    async def _look_for_cancelled(self) -> None:
        """Look for runs that are cancelled once Prefect's observer no longer does.

        It hears of them over a socket, which ends with the server; then it asks, until it has had no answer three
        times in a row. From then on no run could be cancelled for as long as the runner lives.
        """
        observer = self._cancelling_observer
        assert observer is not None
        observer.on_failure = None  # Prefect's own cannot be called where its observer calls it
        while True:
            await asyncio.sleep(self.query_seconds)
            hears, asks = observer._consumer_task, observer._polling_task  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - see above
            if any(task is not None and not task.done() for task in (hears, asks)):
                continue
            try:
                if observer._in_flight_flow_run_ids:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - see above
                    await observer._check_for_cancelled_flow_runs()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - see above
            except Exception:  # the server is away again, perhaps; whatever it is, it is asked again
                self._logger.debug("cancelled runs were not looked for", exc_info=True)

    def handle_sigterm(self, *args: object, **kwargs: object) -> None:
        """Begin to end: runs under way are cancelled, and then the runner returns."""
        del args, kwargs
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(self._begin_to_end)  # wakes the loop, which a signal handler alone does not

    def _begin_to_end(self) -> None:
        if not self.is_ending:
            self.is_ending = True
            self._stopping = asyncio.ensure_future(self.astop())

    async def astop(self) -> None:
        """Cancel the runs under way, give back those that have not begun, and end, whatever Prefect answers."""
        while not self.started:  # noqa: ASYNC110 - Prefect sets it, and has no event for it
            await asyncio.sleep(_LOOK_SECONDS)
        self.is_ending = self.stopping = True
        self._scheduled_run_poller.stopping = True
        submitted = self._in_flight()
        try:
            if self._fork_server is not None:
                await asyncio.to_thread(self._fork_server.close)  # a run that waits for it is not begun
            await self._end_runs()
            await asyncio.wait_for(self._put_back(submitted - self.begun.keys()), _ASK_SECONDS)
        except Exception as error:  # noqa: BLE001 - what could not be told is told later, by the reconciler
            self._logger.warning("Prefect was not told of all runs: %s", type(error).__name__)
        finally:
            self.started = False
            if self._in_flight():
                self._runs_task_group.cancel_scope.cancel()
            self._loops_task_group.cancel_scope.cancel()

    async def _end_runs(self) -> None:
        """Cancel all runs at once; returns when none has a process, or asks for one, any more."""
        begin, ends = time.monotonic(), dict[UUID, asyncio.Task[None]]()
        while (self._in_flight() or not all(end.done() for end in ends.values())) and _since(
            begin
        ) < _END_WITHIN_SECONDS:
            under_way = self._process_manager.flow_run_ids()
            for flow_run_id in under_way - ends.keys():
                ends[flow_run_id] = asyncio.create_task(self._end_run(flow_run_id))
            if _since(begin) > _FORCE_AFTER_SECONDS:
                for flow_run_id in under_way:
                    await self._process_manager.kill(flow_run_id, force=True)
            await asyncio.sleep(_LOOK_SECONDS)
        for end in ends.values():
            end.cancel()

    async def _end_run(self, flow_run_id: UUID) -> None:
        self.ended.add(flow_run_id)
        try:
            flow_run = await asyncio.wait_for(self._client.read_flow_run(flow_run_id), _ASK_SECONDS)
        except Exception:  # noqa: BLE001 - the process is ended all the same
            flow_run = self.begun[flow_run_id]
        await self._cancel_run(flow_run, ENDED)

    async def _put_back(self, flow_run_ids: set[UUID]) -> None:
        """Schedule those anew that were taken to be begun, and were not; their time stays."""
        for flow_run_id in flow_run_ids:
            flow_run = await self._client.read_flow_run(flow_run_id)
            if flow_run.state_type is StateType.PENDING:
                due = flow_run.expected_start_time
                state = Scheduled(scheduled_time=due, message=_PUT_BACK)
                await self._client.set_flow_run_state(flow_run_id, state, force=True)

    def _in_flight(self) -> set[UUID]:
        """The runs that the poller has taken, and has not seen the end of."""
        return set(self._scheduled_run_poller._submitting_flow_run_ids)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - see above

    def _starter(self, spawning: ProcessStarter) -> ProcessStarter:
        """What starts a process for a run: the fork server, where Prefect would run its engine in a new one."""
        forks = isinstance(spawning, EngineCommandStarter)
        return RunStarter(
            spawning=spawning,
            fork_server=self._fork_server if forks else None,
            environment=self._environment,
            processes=self._processes,
            settle=self._settle,
            may_begin=lambda: not self.is_ending,
            note_begun=lambda flow_run: self.begun.update({flow_run.id: flow_run}),
        )

    async def _settle(self, flow_run: FlowRun) -> None:
        """End a run that was cancelled before it had a process: it then ends by itself, and no hook is called."""
        try:
            if self.is_ending or await asyncio.to_thread(self._has_session, flow_run):
                return
            current = await self._client.read_flow_run(flow_run.id)
            if current.state_type is not StateType.CANCELLING:
                return
            state = Cancelling(message=_UNBEGUN)
            await self._cancellation_manager._hook_runner.run_cancellation_hooks(current, state)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - see above
            await self._state_proposer.propose_cancelled(current, {"message": _UNBEGUN})
        except Exception as error:  # noqa: BLE001 - the reconciler ends it later
            self._logger.warning("flow run %s may still be Cancelling: %s", flow_run.id, type(error).__name__)

    def _has_session(self, flow_run: FlowRun) -> bool:
        with self._store.read() as connection:
            return sessions.by_flow_run(connection, session_key(flow_run)) is not None

    def _environment(self, flow_run: FlowRun) -> dict[str, str]:
        """The environment that Prefect gives to a process that it spawns (`EngineCommandStarter.start`)."""
        env = dict(os.environ) | get_current_settings().to_environment_variables(exclude_unset=True)
        env |= {
            "PREFECT__FLOW_RUN_ID": str(flow_run.id),
            "PREFECT__STORAGE_BASE_PATH": str(self._tmp_dir),
            "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "false",
        }
        if flow_run.deployment_id is not None:
            env["PREFECT__DEPLOYMENT_NAME"] = (
                self._deployment_registry.get_deployment_name(flow_run.deployment_id) or ""
            )
        try:
            port, token = self._control_channel.register(flow_run.id)
        except RuntimeError:  # it has no port to listen on: a cancellation is then a SIGTERM alone
            return env
        return env | {"PREFECT__CONTROL_PORT": str(port), "PREFECT__CONTROL_TOKEN": token}

    def _delegated(self, flow_run_id: UUID) -> AttemptConclusion | None:
        """A run that was cancelled before it could hear of it has not crashed: the cancellation says how it ended."""
        return StateOwnershipDelegation("cancel") if flow_run_id in self._cancelling_flow_run_ids else None


def _since(begin: float) -> float:
    return time.monotonic() - begin
