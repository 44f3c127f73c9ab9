import inspect
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import TaskRun
from prefect.states import Failed

from syncline.errors import (
    DatabaseUnavailableError,
    DeferredError,
    RefusedError,
    RejectedError,
    SessionLostError,
    SynclineError,
    UnavailableError,
)
from tasks.admit import admit_task
from tasks.prune import prune_task
from tasks.pull import pull_task
from tasks.retrying import is_worth_another_try


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (UnavailableError("503", upstream="erp"), True),
        (DatabaseUnavailableError("locked"), True),
        (RefusedError("401", upstream="erp"), False),
        (RejectedError("404", upstream="erp"), False),
        (SessionLostError("gone"), False),
        (DeferredError("hold", retry_at=None), False),
    ],
)
def test_only_what_may_pass_by_itself_is_tried_again(error: SynclineError, again: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A wrong token tried three times is a locked account."""
    task_run = TaskRun(id=uuid4(), task_key="pull", dynamic_key="0")
    assert is_worth_another_try(pull_task, task_run, Failed(data=error)) is again


def test_the_condition_is_a_plain_function() -> None:
    """Prefect silently never retries with anything else."""
    for task in (admit_task, pull_task, prune_task):
        assert inspect.isfunction(task.retry_condition_fn)
