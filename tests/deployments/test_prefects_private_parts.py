"""What the runner uses of Prefect and Prefect does not promise: a version that lacks one of them is noticed here."""

import inspect
from typing import Any
from uuid import UUID

import pytest
from prefect._internal.attempt_control import StateOwnershipDelegation
from prefect._internal.observers import FlowRunCancellingObserver
from prefect.runner import Runner
from prefect.runner._cancellation_manager import CancellationManager
from prefect.runner._flow_run_executor import FlowRunExecutor, ProcessStarter
from prefect.runner._hook_runner import HookRunner
from prefect.runner._process_manager import ProcessHandle
from prefect.runner._scheduled_run_poller import ScheduledRunPoller
from prefect.runner._starter_engine import EngineCommandStarter
from prefect.runner._state_proposer import StateProposer


def parameters(of: Any) -> set[str]:  # noqa: ANN401 - a function or a class
    return set(inspect.signature(of).parameters)


@pytest.mark.parametrize(
    "name",
    [
        "_cancellation_manager",
        "_cancelling_flow_run_ids",
        "_cancelling_observer",
        "_control_channel",
        "_deployment_registry",
        "_limit_manager",
        "_loops_task_group",
        "_process_manager",
        "_runs_task_group",
        "_scheduled_run_poller",
        "_state_proposer",
        "_tmp_dir",
    ],
)
def test_a_runner_has_the_parts_that_ours_uses(name: str) -> None:
    """Ours puts its own in their place, or asks them while runs end."""
    assert hasattr(Runner(name="syncline"), name) or name in inspect.getsource(Runner)


def test_a_process_is_started_by_one_call_that_tells_its_handle() -> None:
    """`deployments.starting` stands in for the class behind this protocol."""
    assert {"flow_run", "task_status"} <= parameters(ProcessStarter.start)
    assert {"starter"} <= parameters(FlowRunExecutor.__init__)
    assert inspect.iscoroutinefunction(EngineCommandStarter.start)
    assert {"pid", "returncode"} <= {name for name, _ in inspect.getmembers(ProcessHandle)}


def test_the_states_that_a_runner_proposes_go_through_one_object() -> None:
    """`deployments.state_proposer` answers for a run whose session has ended otherwise."""
    for name in ("propose_pending", "propose_crashed", "propose_cancelled"):
        assert inspect.iscoroutinefunction(getattr(StateProposer, name)), name
    assert StateOwnershipDelegation("cancel")
    assert {"flow_run", "state"} <= parameters(HookRunner.run_cancellation_hooks)
    assert "_hook_runner" in inspect.getsource(CancellationManager.__init__)


def test_a_run_takes_its_place_before_it_is_pending() -> None:
    """Else the reconciler would take one that waits for a place for dead, and record its tick as missed."""
    source = inspect.getsource(ScheduledRunPoller)
    assert 0 < source.index("_limit_manager.acquire()") < source.index("propose_pending(")
    assert "_submitting_flow_run_ids" in source


def ignore(flow_run_id: UUID) -> None:
    del flow_run_id


def test_what_asks_prefect_again_and_again_can_be_replaced_or_asked() -> None:
    """`deployments.runner` keeps it going while Prefect's server is away."""
    assert "self._get_and_submit_flow_runs" in inspect.getsource(ScheduledRunPoller.run)
    observer = FlowRunCancellingObserver(on_cancelling=ignore)
    for name in ("_consumer_task", "_polling_task", "_in_flight_flow_run_ids", "on_failure"):
        assert hasattr(observer, name), name
    assert inspect.iscoroutinefunction(observer._check_for_cancelled_flow_runs)  # pyright: ignore[reportPrivateUsage] - what is asked for here
