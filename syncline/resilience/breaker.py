"""The circuit breaker of a source: pure decisions, `(circuit, now) -> (decision, new circuit)`.

closed -- failures in a row --> open -- time --> half-open -- as many successes as probes --> closed
                                  ^----------- one failure -----------'

Each arrow raises the epoch, and a result counts only in the epoch of its permit: what comes late changes nothing.
Half-open is derived from the clock. Probes are leased: when all are out and none came back in time, a new epoch begins.
Forced open lasts until it is reset, whatever results say.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from syncline.errors import CursorExpiredError, MostlyRejectedError, RejectedError, UnavailableError
from syncline.model.policies import BreakerPolicy

__all__ = ["BreakerState", "Circuit", "Outcome", "admit", "derived", "forced_open", "outcome_of", "record", "reset"]

_SECOND = 1_000_000
_CLOCK_STEP_US = 1_000_000


class BreakerState(StrEnum):
    """What the breaker does with runs."""

    CLOSED = "closed"
    """Lets them through."""
    OPEN = "open"
    """Refuses them until its time is over."""
    HALF_OPEN = "half_open"
    """Lets a few through, to see how they fare."""
    FORCED_OPEN = "forced_open"
    """Refuses them until an operator resets it."""


class Outcome(StrEnum):
    """What an attempt says about the upstream."""

    SUCCESS = "success"
    FAILURE = "failure"
    ANSWERED = "answered"
    """It answered, if not with what was asked for: no failure; and a success for a probe."""
    UNKNOWN = "unknown"
    """It was not asked, or the answer has nothing to do with its health; a probe gives its permit back."""


class Circuit(Struct, frozen=True, kw_only=True):
    """What is remembered of a breaker; the first values are those of one that never saw a failure.

    Attributes:
        epoch: rises with each change of state.
        failures: in a row.
        successes: of this epoch's probes.
        opened_at: microseconds since 1970, as all instants here.
        failed_at: when the last failure came.
        permits: probes let through in this epoch.
        permits_until: when the last of them is given up.
    """

    state: BreakerState = BreakerState.CLOSED
    epoch: int = 0
    failures: int = 0
    successes: int = 0
    opened_at: int = 0
    failed_at: int = 0
    permits: int = 0
    permits_until: int = 0


def outcome_of(error: BaseException | None) -> Outcome:
    """What `error` (None: there was none) says about the upstream, by the design's table of bad weather."""
    if error is None:
        return Outcome.SUCCESS
    if isinstance(error, UnavailableError | MostlyRejectedError):
        return Outcome.FAILURE
    if isinstance(error, RejectedError | CursorExpiredError):
        return Outcome.ANSWERED
    return Outcome.UNKNOWN


def admit(circuit: Circuit, policy: BreakerPolicy, now: int, *, lease_us: int) -> tuple[bool, int | None, Circuit]:
    """Let a run through, or not.

    Returns:
        Whether it may go; if not, when it is worth asking again (None: once an operator has reset the breaker); and the
        circuit after it, the same object if nothing changed.
    """
    circuit = _settled(circuit, now)
    match circuit.state:
        case BreakerState.CLOSED:
            return True, None, circuit
        case BreakerState.FORCED_OPEN:
            return False, None, circuit
        case BreakerState.OPEN:
            retry_at = _half_open_at(circuit, policy)
            if now < retry_at:
                return False, retry_at, circuit
            return True, None, _half_opened(circuit, now + lease_us, successes=0)
        case BreakerState.HALF_OPEN:
            return _probe(circuit, policy, now, lease_us)


def record(circuit: Circuit, policy: BreakerPolicy, epoch: int, outcome: Outcome, now: int) -> Circuit:
    """The circuit after a result whose permit was given in `epoch`; the same object if it changes nothing."""
    if epoch != circuit.epoch:
        return circuit
    circuit = _settled(circuit, now)
    match circuit.state:
        case BreakerState.CLOSED:
            return _recorded_closed(circuit, policy, outcome, now)
        case BreakerState.HALF_OPEN if circuit.permits > circuit.successes:
            return _recorded_half_open(circuit, policy, outcome, now)
        case _:
            return circuit


def reset(circuit: Circuit) -> Circuit:
    """Closed, with nothing against it."""
    return Circuit(epoch=circuit.epoch + 1)


def forced_open(circuit: Circuit, now: int) -> Circuit:
    """Open until it is reset."""
    return replace(
        circuit, state=BreakerState.FORCED_OPEN, epoch=circuit.epoch + 1, opened_at=now, permits=0, successes=0
    )


def derived(circuit: Circuit, policy: BreakerPolicy, now: int) -> tuple[BreakerState, int | None]:
    """The state that a run would meet at `now`; and until when it would be refused, if that is known."""
    circuit = _settled(circuit, now)
    if circuit.state is BreakerState.OPEN:
        retry_at = _half_open_at(circuit, policy)
        return (BreakerState.OPEN, retry_at) if now < retry_at else (BreakerState.HALF_OPEN, None)
    if circuit.state is BreakerState.HALF_OPEN and circuit.permits >= policy.half_open_probes:
        return BreakerState.HALF_OPEN, circuit.permits_until if now < circuit.permits_until else None
    return circuit.state, None


def _probe(circuit: Circuit, policy: BreakerPolicy, now: int, lease_us: int) -> tuple[bool, int | None, Circuit]:
    until = now + lease_us
    if circuit.permits_until > until + _CLOCK_STEP_US:  # the clock was ahead when it was written
        circuit = replace(circuit, permits_until=until)
    if circuit.permits < policy.half_open_probes:
        until = max(circuit.permits_until, until)
        return True, None, replace(circuit, permits=circuit.permits + 1, permits_until=until)
    if now < circuit.permits_until:
        return False, circuit.permits_until, circuit
    return True, None, _half_opened(circuit, until, successes=circuit.successes)


def _half_opened(circuit: Circuit, until: int, *, successes: int) -> Circuit:
    """A new epoch, in which what `successes` proved need not be proved again, and its first probe."""
    return replace(
        circuit,
        state=BreakerState.HALF_OPEN,
        epoch=circuit.epoch + 1,
        successes=successes,
        permits=successes + 1,
        permits_until=until,
    )


def _recorded_closed(circuit: Circuit, policy: BreakerPolicy, outcome: Outcome, now: int) -> Circuit:
    if outcome is Outcome.SUCCESS:
        return replace(circuit, failures=0) if circuit.failures else circuit
    if outcome is not Outcome.FAILURE:
        return circuit
    forgotten = now - circuit.failed_at >= policy.forget_after_seconds * _SECOND
    failures = 1 if forgotten else circuit.failures + 1
    failed = replace(circuit, failures=failures, failed_at=now)
    return _opened(failed, now) if failures >= policy.failures else failed


def _recorded_half_open(circuit: Circuit, policy: BreakerPolicy, outcome: Outcome, now: int) -> Circuit:
    match outcome:
        case Outcome.FAILURE:
            return _opened(replace(circuit, failures=circuit.failures + 1, failed_at=now), now)
        case Outcome.UNKNOWN:
            return replace(circuit, permits=circuit.permits - 1)
        case Outcome.SUCCESS | Outcome.ANSWERED:
            successes = circuit.successes + 1
            return reset(circuit) if successes >= policy.half_open_probes else replace(circuit, successes=successes)


def _opened(circuit: Circuit, now: int) -> Circuit:
    return replace(
        circuit,
        state=BreakerState.OPEN,
        epoch=circuit.epoch + 1,
        opened_at=now,
        successes=0,
        permits=0,
        permits_until=0,
    )


def _half_open_at(circuit: Circuit, policy: BreakerPolicy) -> int:
    return circuit.opened_at + round(policy.reset_after_seconds * _SECOND)


def _settled(circuit: Circuit, now: int) -> Circuit:
    """The circuit, with what the clock said before it was set back brought down to `now`."""
    if max(circuit.opened_at, circuit.failed_at) <= now + _CLOCK_STEP_US:
        return circuit
    return replace(circuit, opened_at=min(circuit.opened_at, now), failed_at=min(circuit.failed_at, now))
