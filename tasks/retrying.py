"""How a source's retry policy drives Prefect's task retries."""

from __future__ import annotations

from random import SystemRandom
from types import CoroutineType
from typing import Any, ParamSpec, TypeVar

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import FlowRunContext, TaskRunContext

from syncline.errors import DatabaseUnavailableError, UnavailableError
from syncline.model.policies import RetryPolicy
from syncline.resilience.backoff import delays_seconds
from tasks.run import has_opened_breaker

__all__ = ["attempt", "error_of", "is_followed_by_hook", "is_worth_another_try"]

P = ParamSpec("P")
T = TypeVar("T")

_random = SystemRandom().random
"""Seeded by the system, so that two processes that fail together do not retry together."""
_PASSING = (UnavailableError, DatabaseUnavailableError)


def error_of(state: State[Any]) -> BaseException | None:
    """The exception that `state` carries, bare or as Prefect wraps results; None where it carries none."""
    data: Any = state.data
    found = data if isinstance(data, BaseException) else getattr(data, "result", None)
    return found if isinstance(found, BaseException) else None


def is_worth_another_try(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Whether the failure may pass by itself, and has not opened the breaker; Prefect asks after each attempt.

    It is a plain function: Prefect silently never retries where it is a method, a partial or a callable object.
    """
    del task, task_run
    return isinstance(error_of(state), _PASSING) and not has_opened_breaker()


def is_followed_by_hook(error: BaseException | None) -> bool:
    """Whether Prefect calls `on_completion` or `on_failure` after the attempt under way, which ends with `error`.

    It does not where the attempt may be followed by another one: then the state is AwaitingRetry, which has no hook.
    """
    context = TaskRunContext.get()
    if context is None:
        return False  # the task's function was called without Prefect
    may_go_again = isinstance(error, _PASSING) and context.task_run.run_count <= context.task.retries
    return not may_go_again


async def attempt(
    task: Task[P, CoroutineType[Any, Any, T]], retry: RetryPolicy, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run `task` as often as `retry` allows, with its waits; once, and without Prefect, outside of a flow run."""
    if FlowRunContext.get() is None:
        return await task.fn(*args, **kwargs)
    waits = delays_seconds(retry, _random)
    bounded = task.with_options(retries=len(waits), retry_delay_seconds=waits or 0)
    return await bounded(*args, **kwargs)
