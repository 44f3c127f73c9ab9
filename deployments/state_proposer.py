"""What the runner tells Prefect of a run that it ended, or that died: what the run's session says, which is the record.

A run may have closed its session and be cancelled, killed or cut off from Prefect's server before it has told so.
"""

from __future__ import annotations

import asyncio
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging import get_logger
from prefect.runner._state_proposer import StateProposer

from deployments.unseen import state_of
from syncline.model.session import Status, SyncSession
from syncline.store import sessions
from syncline.store.engine import Store
from tasks.due import session_key

__all__ = ["SessionStateProposer"]

_OPEN_TO_CHANGE = {Status.RUNNING, Status.CANCELLED, Status.CRASHED}
"""Of these, the runner knows as much as the session."""


class SessionStateProposer(StateProposer):
    """Prefect's own, for runs that have a session."""

    def __init__(self, *, client: PrefectClient, store: Store) -> None:
        """Read sessions from `store`."""
        super().__init__(client=client)
        self._store = store

    async def propose_crashed(self, flow_run: FlowRun, message: str) -> State[Any] | None:
        """Crashed, unless the session had ended otherwise before its process did."""
        told = await self._told(flow_run)
        return await super().propose_crashed(flow_run, message) if told is None else told

    async def propose_cancelled(self, flow_run: FlowRun, state_updates: dict[str, Any] | None = None) -> bool:
        """Cancelled, unless the session had ended otherwise before."""
        if await self._told(flow_run) is not None:
            return True
        return await super().propose_cancelled(flow_run, state_updates)

    async def _told(self, flow_run: FlowRun) -> State[Any] | None:
        """The state that the session's outcome is in Prefect, once Prefect has it; None where the session says none."""
        try:
            current = await self._client.read_flow_run(flow_run.id)  # the attempt is counted there
            session = await asyncio.to_thread(self._session, current)
            if session is None or session.status in _OPEN_TO_CHANGE:
                return None
            state = state_of(session)
            await self._client.set_flow_run_state(flow_run.id, state, force=True)
        except Exception:  # noqa: BLE001 - Prefect's own way is left; the reconciler compares both later
            get_logger("syncline").debug("the session of flow run %s was not asked", flow_run.id, exc_info=True)
            return None
        return state

    def _session(self, flow_run: FlowRun) -> SyncSession | None:
        with self._store.read() as connection:
            return sessions.by_flow_run(connection, session_key(flow_run))
