"""Which flow runs the reconciler leaves to their own hooks."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, StateType

from deployments.reconciling import is_ending

SETTLED = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "ended_after_seconds", "expected"),
    [
        (StateType.RUNNING, None, False),
        (StateType.CANCELLING, None, True),
        (StateType.FAILED, 1, True),
        (StateType.FAILED, 0, False),
        (StateType.CRASHED, -60, False),
    ],
)
def test_hooks_are_given_time_to_write_down_what_they_know(
    state: StateType, ended_after_seconds: float | None, *, expected: bool
) -> None:
    """A hook that came second would tell nobody of a failure, and a cancelled run would be on record as crashed."""
    ended = None if ended_after_seconds is None else SETTLED + timedelta(seconds=ended_after_seconds)
    values = {"id": uuid4(), "flow_id": uuid4(), "name": "products-full", "state_type": state, "end_time": ended}
    run = FlowRun.model_validate(values)
    assert is_ending(run, SETTLED) is expected
