"""The breaker of a run's source: asked before the run begins, told of each attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.events import emit_event

from syncline.model.session import Status
from syncline.passes.admission import said_of_breaker
from syncline.resilience.breaker import BreakerState, outcome_of
from syncline.store.breakers import Breakers, Refused
from tasks.run import RunStopped, Stop

if TYPE_CHECKING:
    from syncline.store.breakers import Change
    from tasks.run import Run

__all__ = ["note_outcome", "pass_breaker"]

_EVENTS = {
    BreakerState.CLOSED: "syncline.breaker.closed",
    BreakerState.OPEN: "syncline.breaker.opened",
    BreakerState.HALF_OPEN: "syncline.breaker.half_opened",
}


def pass_breaker(run: Run) -> None:
    """Take a permit of the breaker; a run that gets none ends as skipped.

    Admission has looked before, so this refuses only a run that another one outran to the last probe.

    Raises:
        RunStopped: there is no permit.
    """
    asked = Breakers(run.store).admit(run.source)
    if isinstance(asked, Refused):
        reason = said_of_breaker(run.source.name, asked.state, asked.retry_at)
        raise RunStopped(Stop(status=Status.SKIPPED, reason=reason))
    run.permit = asked


def note_outcome(run: Run, error: BaseException | None) -> None:
    """Tell the breaker how an attempt ended; what that changes is told to Prefect with its cause."""
    if run.permit is None:
        return
    change = Breakers(run.store).record(run.permit, outcome_of(error))
    if change is not None:
        run.tripped = change.after is BreakerState.OPEN
        _tell(change, error)


def _tell(change: Change, error: BaseException | None) -> None:
    resource = {"prefect.resource.id": f"syncline.source.{change.source}", "prefect.resource.name": change.source}
    cause = f"{type(error).__name__}: {error}" if error is not None else "the upstream is well again"
    payload = {"source": change.source, "before": change.before, "failures": change.failures, "cause": cause}
    emit_event(event=_EVENTS[change.after], resource=resource, payload=payload)
