"""What a run does at its end while Prefect's server is away: it waits, so that both tell the same of it.

Prefect's engine tells the server how a run ended as soon as the flow returns. Where the server does not answer for a
minute, it makes an exception of that, and a failed or crashed run of work that is done. So the flow returns once the
server answers. The session is closed by then, and its lease and its slot are given back: nothing waits for the run.
"""

from __future__ import annotations

import asyncio
import time

from prefect import get_client
from prefect.logging import get_logger

from tasks.due import current_flow_run

__all__ = ["TELL_SECONDS", "prefect_answers", "wait_for_prefect"]

TELL_SECONDS = 180.0
"""How long a run waits for a server that does not answer; its process is kept that long."""
_ASK_EVERY_SECONDS = 1.0
_ANSWER_SECONDS = 5.0


async def wait_for_prefect(*, within_seconds: float = TELL_SECONDS) -> bool:
    """Wait until Prefect's server answers, for at most `within_seconds`; outside of a flow run nothing is asked.

    Returns:
        Whether it answers. Where it does not, the reconciler tells it later how the session ended.
    """
    deadline = time.monotonic() + within_seconds
    while not await prefect_answers():
        if time.monotonic() >= deadline:
            get_logger("syncline").warning("Prefect's server did not answer for %g s", within_seconds)
            return False
        await asyncio.sleep(_ASK_EVERY_SECONDS)
    return True


async def prefect_answers() -> bool:
    """Whether Prefect's server knows the flow run under way just now; True outside of one."""
    flow_run = current_flow_run()
    if flow_run is None:
        return True
    try:
        async with asyncio.timeout(_ANSWER_SECONDS), get_client() as client:
            await client.read_flow_run(flow_run.id)
    except Exception:  # noqa: BLE001 - whatever it is, it does not answer
        return False
    return True
