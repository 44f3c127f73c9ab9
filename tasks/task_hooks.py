"""Task hooks: what becomes of each attempt goes into the session's record.

Prefect calls them in the flow's process, in the context of the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from syncline.store import sessions
from tasks.outcome import error_of
from tasks.run import current_run

if TYPE_CHECKING:
    from prefect import Task
    from prefect.client.schemas.objects import State, TaskRun

__all__ = ["note_attempt", "note_failure"]


def note_attempt(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> None:
    """A further attempt begins: count it."""
    del task, state
    run, retries = current_run(), task_run.run_count - 1
    if retries > 0:
        with run.store.write() as connection:
            sessions.note_retry(connection, run.session_id, retry_count=retries)


def note_failure(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> None:
    """No attempt is left: keep what went wrong."""
    del task, task_run
    run, error = current_run(), error_of(state)
    if error is not None:
        name, message = type(error).__name__, str(error)
        with run.store.write() as connection:
            sessions.note_error(connection, run.session_id, error_type=name, error_message=message)
