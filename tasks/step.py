"""A step of a flow: a Prefect task whose attempts go into the session's record, and to the breaker.

Prefect calls the hooks in the flow's process, in the context of the run: `on_running` when an attempt begins,
`on_completion` and `on_failure` when no other one follows. It logs and swallows what they raise, so that no decision
stands in them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from syncline.store import sessions
from tasks.breaker import tell_heard
from tasks.retrying import error_of, is_worth_another_try
from tasks.run import current_run

__all__ = ["note_attempt", "note_completion", "note_failure", "step"]

P = ParamSpec("P")
R = TypeVar("R")


def step(function: Callable[P, R]) -> Task[P, R]:
    """The Prefect task of `function`, whose name is the function's without `_task`.

    It is retried as its source's policy says (`tasks.retrying.attempt`), and nothing of it is cached or persisted: what
    it did is in the database.
    """
    return task(
        name=function.__name__.removesuffix("_task"),
        cache_policy=NO_CACHE,
        persist_result=False,
        retry_condition_fn=is_worth_another_try,
        on_running=[note_attempt],
        on_completion=[note_completion],
        on_failure=[note_failure],
    )(function)


def note_attempt(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> None:
    """An attempt begins: count it where it is a further one."""
    del task, state
    run, retries = current_run(), task_run.run_count - 1
    tell_heard(run)
    if retries > 0:
        run.retries[task_run.id] = retries
        with run.store.write() as connection:
            sessions.note_retry(connection, run.session_id, retry_count=sum(run.retries.values()))


def note_completion(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> None:
    """The attempt ended well, or stopped with its reason: tell the breaker what that says of the upstream."""
    del task, task_run, state
    tell_heard(current_run())


def note_failure(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> None:
    """No attempt is left: keep what went wrong, and tell the breaker."""
    del task, task_run
    run, error = current_run(), error_of(state)
    if error is not None:
        name, message = type(error).__name__, str(error)
        with run.store.write() as connection:
            sessions.note_error(connection, run.session_id, error_type=name, error_message=message)
    tell_heard(run)
