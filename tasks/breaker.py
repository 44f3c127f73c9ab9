"""The breaker of a run's source: asked before the run begins, told of each attempt.

Task hooks tell it (`tasks.step`) where Prefect calls one: after an attempt that ends well or is the last. None
is called after an attempt that is tried again, one that is cancelled, and outside of a flow run: there the attempt
itself tells it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from prefect.events import Event, emit_event

from syncline.admission import refused
from syncline.admission.skip_reasons import skip_reason_breaker
from syncline.errors import DeferredError, RefusedError
from syncline.model.session import Status
from syncline.passes.requests import counted
from syncline.resilience.breaker import BreakerState, Outcome, outcome_of
from syncline.store.breakers import Breakers, Change, Refused
from tasks.early_end import EarlyEnd, EndRun, deferred_end
from tasks.retrying import is_followed_by_hook
from tasks.run import Heard, Run
from tasks.session_closing import tell_refusal

__all__ = ["breaker_event", "note_outcome", "pass_breaker", "report_outcome", "tell_heard"]

T = TypeVar("T")

_EVENTS = {
    BreakerState.CLOSED: "syncline.breaker.closed",
    BreakerState.OPEN: "syncline.breaker.opened",
    BreakerState.FORCED_OPEN: "syncline.breaker.opened",
    BreakerState.HALF_OPEN: "syncline.breaker.half_opened",
}


def pass_breaker(run: Run) -> None:
    """Take a permit of the breaker; a run that gets none ends as skipped.

    Admission has looked before, so this refuses only a run that another one outran to the last probe.

    Raises:
        EndRun: there is no permit.
    """
    asked = Breakers(run.store).admit(run.source)
    if isinstance(asked, Refused):
        reason = skip_reason_breaker(run.source.name, asked.state, asked.retry_at)
        raise EndRun(EarlyEnd(status=Status.SKIPPED, reason=reason))
    run.permit = asked
    run.stack.callback(_give_back, run)
    if asked.change is not None:
        _tell(asked.change, "its time is up: probes are let through")


def note_outcome(run: Run, error: BaseException | None) -> None:
    """Tell the breaker how an attempt ended; what that changes is told to Prefect with its cause."""
    if run.permit is None:
        return
    run.reported = True
    change = Breakers(run.store).record(run.permit, outcome_of(error))
    if change is not None:
        run.opened_breaker = change.after is BreakerState.OPEN
        _tell(change, "the upstream is well again" if error is None else f"{type(error).__name__}: {error}")


def tell_heard(run: Run) -> None:
    """Tell the breaker how the last attempt ended, if it was not told yet."""
    if run.heard is not None:
        note_outcome(run, run.heard.error)
        run.heard = None


def _hear(run: Run, error: BaseException | None) -> None:
    """Leave the end of an attempt to the hook that follows it; without one, tell the breaker now."""
    run.heard = Heard(error=error)
    if not is_followed_by_hook(error):
        tell_heard(run)


def _give_back(run: Run) -> None:
    """A run that ends without a word about the upstream gives its permit to the next probe.

    What a hook could not tell, because the database was away for a moment, is told here.
    """
    tell_heard(run)
    if run.permit is not None and run.permit.probe and not run.reported:
        Breakers(run.store).record(run.permit, Outcome.UNKNOWN)


async def report_outcome(
    run: Run,
    work: Awaitable[T],
    *,
    asked: Callable[[], bool] | None = None,
    trouble: Callable[[T], BaseException | None] | None = None,
) -> T | EarlyEnd:
    """What an attempt at the upstream comes to, of which the breaker is told; one that must wait says so instead.

    Args:
        run: the run.
        work: the attempt.
        asked: whether the upstream was asked at all; work that ended well without that says nothing of its health.
        trouble: what the breaker hears of work that ended well, and yet shows that it is ill; None: a success.

    Raises:
        Exception: whatever ends the work otherwise.
    """
    try:
        with counted(run.store, run.session_id, run.transport):
            done = await work
    except DeferredError as deferred:
        _hear(run, deferred)
        return deferred_end(deferred)
    except EndRun as stopped:
        _hear(run, stopped)
        return stopped.end
    except asyncio.CancelledError as error:
        note_outcome(run, error)
        raise
    except Exception as error:
        _hear(run, error)
        if isinstance(error, RefusedError):
            _hold(run, error)
        raise
    if asked is None or asked():
        _hear(run, None if trouble is None else trouble(done))
    return done


def _hold(run: Run, error: RefusedError) -> None:
    """Keep the source away from an upstream that refuses its credentials, and send an alert."""
    held = refused.hold(run.store, run.source, run.transport, error)
    if held is not None:
        tell_refusal(held, run.source.upstream.name)


def breaker_event(change: Change, cause: str) -> Event:
    """What Prefect hears of a breaker that changed its state; automations match it by its name and its source."""
    resource = {"prefect.resource.id": f"syncline.source.{change.source}", "prefect.resource.name": change.source}
    payload = {
        "source": change.source,
        "before": change.before,
        "after": change.after,
        "failures": change.failures,
        "cause": cause,
    }
    told = {"occurred": change.at, "event": _EVENTS[change.after], "resource": resource, "payload": payload}
    return Event.model_validate(told)  # which makes of the instant what Prefect has on this Python


def _tell(change: Change, cause: str) -> None:
    told = breaker_event(change, cause)
    emit_event(told.event, dict(told.resource), occurred=told.occurred, payload=told.payload)
