"""`python -m support.hanging WHAT TIMEOUT`: a run of the products in a process of its own, and what Prefect says of it.

WHAT is `plain`; `replacing`, whose source has a new run take the place of one at work; `deaf`, whose code cannot be
cancelled; or `lingering`, which can, but leaves a thread behind that waits. As under Prefect's runner, the process has
no other work.
"""

import asyncio
import json
import os
import sys
import threading
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass, replace
from typing import Any, cast

from prefect import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.flow_engine import run_flow

from flows.products import PRODUCTS
from support.sources import altered
from syncline.model.page import Ask, Page, Transport
from syncline.model.policies import Mode, Overlap
from syncline.model.session import Tally, Trigger
from syncline.model.source import Source
from tasks.admit import admit
from tasks.due import TRIGGER_TAG
from tasks.flow import SyncFlow, sync_flow
from tasks.prune import prune
from tasks.pull import pull

__all__ = ["main"]


@dataclass(frozen=True, kw_only=True)
class Never:
    """Pages that never come, from code that keeps the event loop to itself, or waits in a thread."""

    in_thread: bool
    incremental: bool = False
    shifting: bool = False

    async def __call__(self, transport: Transport, ask: Ask) -> AsyncGenerator[Page]:
        del transport, ask
        if self.in_thread:
            await asyncio.to_thread(threading.Event().wait, 120)
        threading.Event().wait(120)
        yield Page(rows=())


def main() -> None:
    """Run, and print the name, the type and the message of the flow run's state."""
    what, timeout_seconds = sys.argv[1], float(sys.argv[2])
    source = replace(PRODUCTS, timeout_seconds=timeout_seconds)
    if what in {"deaf", "lingering"}:
        source = altered(source, pages=Never(in_thread=what == "lingering"), updated_field=None)
    if what == "replacing":
        source = replace(source, overlap=Overlap.CANCEL_RUNNING)
    flow = _flow_of(source)
    flow_run = _made(flow)
    print(flow_run.id, flush=True)  # noqa: T201 - read by the test
    os.environ["PREFECT__FLOW_RUN_ID"] = str(flow_run.id)
    running = run_flow(flow, flow_run=flow_run, parameters={"mode": Mode.FULL}, return_type="state")
    state = asyncio.run(cast("Coroutine[Any, Any, State[Tally]]", running))
    print(json.dumps([state.name, state.type, state.message]))  # noqa: T201 - the same


def _made(flow: SyncFlow[[Mode]]) -> FlowRun:
    with get_client(sync_client=True) as client:
        # as a schedule's, which goes on with an unfinished pass; a full run by hand would begin anew
        tags = [f"{TRIGGER_TAG}{Trigger.SCHEDULE}"]
        return client.create_flow_run(flow, parameters={"mode": "full"}, tags=tags)


def _flow_of(source: Source) -> SyncFlow[[Mode]]:
    @sync_flow(source)
    async def sync(mode: Mode) -> Tally:
        await admit(source, mode)
        return await pull(source, mode) + await prune(source, mode)

    return sync


if __name__ == "__main__":
    main()
