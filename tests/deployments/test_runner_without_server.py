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
def serving(calm: Instance, relay: Relay) -> Generator[Child]:
    """A runner that reaches Prefect through the relay, in the place of the instance's own."""
    while calm.runners:
        calm.runners.pop().stop()
    port = {"SYNCLINE_PREFECT_PORT": str(relay.port), "PREFECT_API_URL": f"http://127.0.0.1:{relay.port}/api"}
    (calm.settings.home / "logs" / f"{LOG}.log").unlink(missing_ok=True)
    runner = calm.supervisor.start(LOG, ["deployments"], env=calm.env | port)
    try:
        yield runner
    finally:
        runner.stop()
        calm.box.faults.clear()
        calm.restart_runner()


def said(calm: Instance, words: str) -> bool:
    file = calm.settings.home / "logs" / f"{LOG}.log"
    return file.exists() and words in file.read_text(encoding="utf-8")


def test_a_runner_that_starts_before_the_server_waits_for_it(calm: Instance) -> None:
    """Both are started again after both have died; to end would count as a death of the runner."""
    before = len(calm.sessions("products"))
    with relayed(calm.settings.prefect_port) as relay:
        relay.cut()
        with serving(calm, relay) as runner:
            eventually(lambda: said(calm, WAITS) or None, "word that the runner waits")
            relay.mend()
            eventually(lambda: len(calm.sessions("products")) > before or None, "first run")
            assert runner.exit_code is None


def test_a_run_outlives_the_absence_of_the_server_and_can_be_cancelled_then(calm: Instance) -> None:
    """The runner's end would end the run; and without Prefect's observer the Cancel button would do nothing."""
    with relayed(calm.settings.prefect_port) as relay, serving(calm, relay) as runner:
        flow_run_id, _pid = hanging(calm)
        relay.cut()
        eventually(lambda: said(calm, OBSERVER_GAVE_UP) or None, "end of Prefect's observer")
        relay.mend()
        assert calm.session_of(flow_run_id, "running", "crashed").status == "running"
        asyncio.run(cancel(calm, flow_run_id))
        assert ended(calm, flow_run_id).state_name == "Cancelled"
        assert calm.session_of(flow_run_id, "cancelled", "crashed").status == "cancelled"
        assert runner.exit_code is None
