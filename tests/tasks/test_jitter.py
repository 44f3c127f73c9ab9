"""The jitter of a schedule is waited before a run holds anything."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from support.runs import Waits

from flows.products import PRODUCTS
from syncline.admission.ticks import begins_at
from syncline.clock import ManualClock
from tasks.due import wait_for_jitter
from tasks.flow import SyncFlow
from tasks.telling import TELL_SECONDS

JITTERED = replace(PRODUCTS, jitter_seconds=300)


def waited(clock: ManualClock, *, jitter_seconds: float = 300, **flow_run: Any) -> float:  # noqa: ANN401 - its fields
    """How long a run waits that is this flow run."""
    run = FlowRun(id=uuid4(), flow_id=uuid4(), **flow_run)
    waits = Waits(clock)
    with FlowRunContext.model_construct(flow_run=run):
        asyncio.run(wait_for_jitter(replace(PRODUCTS, jitter_seconds=jitter_seconds), clock, sleep=waits))
    return sum(waits.seconds)


def test_a_scheduled_run_waits_for_its_time(clock: ManualClock) -> None:
    """Its process has started a second after the tick: it waits for the rest."""
    tick = clock.now()
    begins = begins_at(JITTERED, tick)
    clock.advance(seconds=1)
    assert waited(clock, auto_scheduled=True, expected_start_time=tick) == pytest.approx(
        (begins - tick).total_seconds() - 1
    )
    assert clock.now() == begins


def test_a_retry_of_the_same_run_does_not_wait_again(clock: ManualClock) -> None:
    """Its time has been drawn, and is over."""
    tick = clock.now()
    clock.advance(seconds=300)
    assert waited(clock, auto_scheduled=True, expected_start_time=tick, run_count=2) == 0


def test_a_late_run_waits_no_longer(clock: ManualClock) -> None:
    """It is late enough."""
    assert waited(clock, auto_scheduled=True, expected_start_time=clock.now() - timedelta(hours=2)) == 0


@pytest.mark.parametrize(
    ("jitter_seconds", "flow_run"), [(300, {}), (300, {"tags": ["trigger:api"]}), (0, {"auto_scheduled": True})]
)
def test_who_asks_for_a_run_gets_it_at_once(
    clock: ManualClock, jitter_seconds: float, flow_run: dict[str, Any]
) -> None:
    """Jitter is for what comes by itself; and without it nothing changes."""
    tick = clock.now() + timedelta(seconds=1)
    assert waited(clock, jitter_seconds=jitter_seconds, expected_start_time=tick, **flow_run) == 0


def test_prefects_own_timeout_leaves_ours_the_time_that_it_needs() -> None:
    """It counts from the start of the process, with the jitter and the wait for a turn; ours counts the work."""

    async def sync() -> Any:  # noqa: ANN401 - never called
        return None

    flow = SyncFlow(replace(JITTERED, timeout_seconds=600, patience_seconds=30), sync)
    assert flow.timeout_seconds == 300 + 30 + 600 + 30 + TELL_SECONDS
