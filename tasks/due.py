"""What a Prefect flow run says about itself: who started it, when it was due; and the jitter that it waits first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext

from syncline.admission.due_run import DueRun
from syncline.admission.ticks import begins_at
from syncline.clock import Clock
from syncline.model.policies import Mode
from syncline.model.session import Trigger
from syncline.model.source import Source

__all__ = [
    "FLOW_PREFIX",
    "RETRY_KEY",
    "TRIGGER_TAG",
    "current_due",
    "current_flow_run",
    "due_of",
    "flow_name",
    "is_forced",
    "jitter_left_seconds",
    "mode_of",
    "plain",
    "source_of",
    "wait_for_jitter",
]

FLOW_PREFIX = "sync-"
TRIGGER_TAG = "trigger:"
"""A flow run's tag `trigger:NAME` says who or what started it."""

RETRY_KEY = "retry-"
"""The idempotency key `retry-SESSION` of a flow run says for which deferred session it goes on."""

_ATTEMPT = "~"


def flow_name(source: str) -> str:
    """The name of a source's flow."""
    return f"{FLOW_PREFIX}{source}"


def source_of(flow: str) -> str:
    """The name of the source that the flow named `flow` brings up to date."""
    return flow.removeprefix(FLOW_PREFIX)


def current_flow_run() -> FlowRun | None:
    """The Prefect flow run under way; None outside of one (in a test by `.fn`)."""
    context = FlowRunContext.get()
    return None if context is None else context.flow_run


def is_forced() -> bool:
    """Whether the Prefect flow run under way was asked for with `force`; False outside of one."""
    flow_run = current_flow_run()
    return flow_run is not None and bool(flow_run.parameters.get("force"))


def current_due(mode: Mode) -> DueRun:
    """What is due in the flow run under way."""
    flow_run = current_flow_run()
    return DueRun(trigger=Trigger.MANUAL, mode=mode) if flow_run is None else due_of(flow_run, mode)


async def wait_for_jitter(
    source: Source, clock: Clock, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Wait until the run of the tick under way begins; a run that was not scheduled begins at once."""
    seconds = jitter_left_seconds(source, current_due(Mode.INCREMENTAL).scheduled_for, clock.now())
    if seconds > 0:
        await sleep(seconds)


def jitter_left_seconds(source: Source, tick: datetime | None, now: datetime) -> float:
    """How long the run of `tick` still waits; 0 if it is over, or the source has none."""
    if tick is None or not source.jitter_seconds:
        return 0
    return max(0, (begins_at(source, tick) - now).total_seconds())


def due_of(flow_run: FlowRun, mode: Mode) -> DueRun:
    """What is due in `flow_run`."""
    trigger = _trigger(flow_run)
    scheduled_for = plain(flow_run.expected_start_time) if flow_run.auto_scheduled else None
    return DueRun(
        trigger=trigger,
        mode=mode,
        flow_run_id=session_key(flow_run),
        scheduled_for=scheduled_for,
        goes_on_for=_goes_on_for(flow_run) if trigger is Trigger.RETRY else None,
    )


def plain(instant: datetime | None) -> datetime | None:
    """`instant` as the standard library has it.

    Prefect's are pendulum's up to Python 3.12, which calculate in types of their own; from 3.13 on a class of its own.
    """
    return None if instant is None else datetime.fromtimestamp(instant.timestamp(), UTC)


def session_key(flow_run: FlowRun) -> str:
    """The `flow_run_id` of the run's session: the run's id, and the attempt when it is run again from Prefect's UI."""
    return str(flow_run.id) if flow_run.run_count <= 1 else f"{flow_run.id}{_ATTEMPT}{flow_run.run_count}"


def flow_run_id_of(key: str) -> str:
    """The flow run's id in a session's `flow_run_id`."""
    return key.partition(_ATTEMPT)[0]


def mode_of(flow_run: FlowRun) -> Mode:
    """The mode that `flow_run` was asked for; incremental where it says nothing that is known."""
    value = flow_run.parameters.get("mode")
    return Mode.FULL if value == Mode.FULL else Mode.INCREMENTAL


def _trigger(flow_run: FlowRun) -> Trigger:
    """The tag decides, then the schedule; whatever else there is was started by hand."""
    for tag in flow_run.tags:
        name = tag.removeprefix(TRIGGER_TAG)
        if name != tag and name in set(Trigger):
            return Trigger(name)
    return Trigger.SCHEDULE if flow_run.auto_scheduled else Trigger.MANUAL


def _goes_on_for(flow_run: FlowRun) -> str | None:
    key = flow_run.idempotency_key or ""
    return key.removeprefix(RETRY_KEY) if key.startswith(RETRY_KEY) else None
