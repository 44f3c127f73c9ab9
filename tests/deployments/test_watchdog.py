"""Runs that hang, with a real Prefect: they end in time, and Prefect shows what the session says."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.schemas.objects import FlowRun
from support import warm
from support.instance import Instance, eventually

from deployments.client import open_client
from syncline.model.session import SyncSession

pytestmark = pytest.mark.slow

PRODUCTS = "/erp/products"
SOON_SECONDS = 20
"""Sooner than a request's own time limit of 30 s would end it, also on a busy machine."""
_TESTS = Path(__file__).parents[1]


class Hanging:
    """A run in a process of its own (`support.hanging`), which the test ends if it has not ended."""

    def __init__(self, instance: Instance, what: str, *, timeout_seconds: float) -> None:
        path = f"{_TESTS}:{_TESTS.parent}"
        env = instance.env | {"PYTHONPATH": path, "PREFECT_LOGGING_TO_API_ENABLED": "false"}
        self._process = warm.Process("-m", "support.hanging", what, f"{timeout_seconds}", env=env)
        self.flow_run_id = self._process.stdout.readline().strip()

    def state(self) -> tuple[str, str, str]:
        """Name, type and message of the state that the flow run ended in."""
        said, _ = self._process.communicate(timeout=90)
        name, kind, message = json.loads(said.splitlines()[-1])
        return name, kind, message

    def exit_code(self) -> int:
        return self._process.wait(timeout=90)

    def close(self) -> None:
        self._process.kill()


@pytest.fixture
def started(calm: Instance) -> Iterator[list[Hanging]]:
    """The runs that a test has started."""
    runs: list[Hanging] = []
    yield runs
    calm.box.faults.clear()
    for run in runs:
        run.close()


def start(runs: list[Hanging], instance: Instance, what: str, *, timeout_seconds: float) -> Hanging:
    runs.append(Hanging(instance, what, timeout_seconds=timeout_seconds))
    return runs[-1]


def took_seconds(session: SyncSession) -> float:
    assert session.completed_at is not None
    return (session.completed_at - session.started_at).total_seconds()


async def free_slots(instance: Instance) -> int:
    async with open_client(instance.settings) as client:
        limit = await client.read_global_concurrency_limit_by_name("source:products")
    return limit.limit - limit.active_slots


async def flow_run(instance: Instance, flow_run_id: str) -> FlowRun:
    async with open_client(instance.settings) as client:
        return await client.read_flow_run(flow_run_id)  # pyright: ignore[reportArgumentType] - it takes text as well


def test_a_run_that_hangs_ends_at_its_timeout_and_the_next_goes_on(calm: Instance, started: list[Hanging]) -> None:
    """Prefect shows TimedOut, the slot of the limit is free, and the pages that were stored are not fetched again."""
    calm.box.faults.add("page_cap", size=20, count=None)
    calm.box.faults.add("hang", path=PRODUCTS, skip=1, count=None)
    hangs = start(started, calm, "plain", timeout_seconds=4)
    name, kind, message = hangs.state()
    assert (name, kind) == ("TimedOut", "FAILED")
    assert "timeout_seconds=4" in message
    failed = calm.session_of(hangs.flow_run_id, "failed")
    assert (failed.error_type, failed.pages_processed) == ("TimeoutError", 1)
    assert 4 <= took_seconds(failed) < 4 + SOON_SECONDS
    assert asyncio.run(free_slots(calm)) == 1
    calm.box.faults.clear()
    calm.box.requests.clear()
    assert start(started, calm, "plain", timeout_seconds=60).state()[0] == "Completed"
    assert not [entry for entry in calm.box.requests.entries(path=PRODUCTS) if "page=1" in entry.query.split("&")]


def test_a_run_whose_place_is_taken_is_shown_as_cancelled(calm: Instance, started: list[Hanging]) -> None:
    """Two processes: the one that is stuck ends within seconds, and the new one has its source and its slot."""
    calm.box.faults.add("page_cap", size=20, count=None)
    calm.box.faults.add("hang", path=PRODUCTS, skip=1, count=1)
    first = start(started, calm, "replacing", timeout_seconds=60)
    eventually(lambda: calm.sessions("products")[0] if calm.box.faults.orders()[1].struck else None, "request")
    second = start(started, calm, "replacing", timeout_seconds=60)
    assert second.state()[0] == "Completed"
    new = calm.session_of(second.flow_run_id, "completed")
    reason = f"overlap: session {new.id} took its place"
    assert first.state() == ("Cancelled", "COMPLETED", reason)
    old = calm.session_of(first.flow_run_id, "cancelled")
    assert (old.reason, old.pages_processed) == (reason, 1)
    assert old.completed_at is not None
    assert old.completed_at <= new.started_at


@pytest.mark.parametrize("what", ["deaf", "lingering"])
def test_a_process_that_cannot_be_ended_otherwise_is_ended(calm: Instance, started: list[Hanging], what: str) -> None:
    """Its event loop answers nobody, or a thread keeps it: it would keep a place at the runner from all sources."""
    stuck = start(started, calm, what, timeout_seconds=2)
    failed = calm.session_of(stuck.flow_run_id, "failed")
    assert 2 <= took_seconds(failed) < 2 + SOON_SECONDS
    assert stuck.exit_code() == 0
    run = asyncio.run(flow_run(calm, stuck.flow_run_id))
    assert run.state_name == "TimedOut"
    assert "timeout_seconds=2" in (run.state.message if run.state and run.state.message else "")
    assert asyncio.run(free_slots(calm)) == 1
