"""A runner whose Prefect server is away, as it starts and later: nothing ends that need not, and it hears again."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from support.instance import Instance, eventually
from support.relay import Relay, relayed
from support.served_runs import cancel, ended, hanging

from deployments.local.child import Child

pytestmark = pytest.mark.slow

LOG = "relayed"
WAITS = "the runner waits for Prefect's server"
OBSERVER_GAVE_UP = "Cancellation polling task failed"


@contextmanager
def serving(alone: Instance, relay: Relay) -> Generator[Child]:
    """A runner that reaches Prefect through the relay."""
    port = {"SYNCLINE_PREFECT_PORT": str(relay.port), "PREFECT_API_URL": f"http://127.0.0.1:{relay.port}/api"}
    (alone.settings.home / "logs" / f"{LOG}.log").unlink(missing_ok=True)
    runner = alone.supervisor.start(LOG, ["deployments"], env=alone.env | port)
    try:
        yield runner
    finally:
        runner.stop()
        alone.box.faults.clear()


def said(alone: Instance, words: str) -> bool:
    file = alone.settings.home / "logs" / f"{LOG}.log"
    return file.exists() and words in file.read_text(encoding="utf-8")


def test_a_runner_that_starts_before_the_server_waits_for_it(alone: Instance) -> None:
    """Both are started again after both have died; to end would count as a death of the runner."""
    before = len(alone.sessions("products"))
    with relayed(alone.settings.prefect_port) as relay:
        relay.cut()
        with serving(alone, relay) as runner:
            eventually(lambda: said(alone, WAITS) or None, "word that the runner waits")
            relay.mend()
            eventually(lambda: len(alone.sessions("products")) > before or None, "first run")
            assert runner.exit_code is None


def test_a_run_outlives_the_absence_of_the_server_and_can_be_cancelled_then(alone: Instance) -> None:
    """The runner's end would end the run; and without Prefect's observer the Cancel button would do nothing."""
    with relayed(alone.settings.prefect_port) as relay, serving(alone, relay) as runner:
        flow_run_id, _pid = hanging(alone)
        relay.cut()
        eventually(lambda: said(alone, OBSERVER_GAVE_UP) or None, "end of Prefect's observer")
        relay.mend()
        assert alone.session_of(flow_run_id, "running", "crashed").status == "running"
        asyncio.run(cancel(alone, flow_run_id))
        assert ended(alone, flow_run_id).state_name == "Cancelled"
        assert alone.session_of(flow_run_id, "cancelled", "crashed").status == "cancelled"
        assert runner.exit_code is None
