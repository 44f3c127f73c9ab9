"""The breakers of all sources: decided purely, made true by one conditional write over the version that was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from syncline.clock import from_microseconds, microseconds
from syncline.errors import DatabaseUnavailableError
from syncline.model.policies import BreakerPolicy
from syncline.model.source import Source
from syncline.resilience import breaker
from syncline.resilience.breaker import BreakerState, Circuit, Outcome
from syncline.store import audit
from syncline.store.breaker_rows import read, read_all, read_audited, write, write_audited
from syncline.store.engine import Store

__all__ = ["BreakerStatus", "Breakers", "Change", "Permit", "Refused"]

T = TypeVar("T")

_TRIES = 200
_LEASE_MARGIN_SECONDS = 60
"""How much longer than its source's timeout a probe is waited for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Permit:
    """A run may go; its results count in this epoch.

    Attributes:
        epoch: the breaker's when the run was let through.
        probe: whether it is one of the few that show whether the upstream is well again.
        change: what letting it through changed about the breaker's state: the first probe half-opens it.
    """

    source: str
    policy: BreakerPolicy
    epoch: int
    probe: bool
    change: Change | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """A run may not go.

    Attributes:
        state: open, forced open, or half-open with all probes out.
        retry_at: when it may be worth asking again; None: when an operator has reset the breaker.
    """

    source: str
    state: BreakerState
    retry_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A breaker changed its state."""

    source: str
    before: BreakerState
    after: BreakerState
    failures: int
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakerStatus:
    """How a breaker stands.

    Attributes:
        failures: in a row.
        successes: of the present probes.
        opened_at: when it opened; None while it is closed.
        retry_at: until when runs are refused, where that is known.
    """

    state: BreakerState
    failures: int = 0
    successes: int = 0
    opened_at: datetime | None = None
    retry_at: datetime | None = None


class Breakers:
    """The breakers of a database."""

    def __init__(self, store: Store) -> None:
        """Keep them in `store`."""
        self._store = store

    def admit(self, source: Source) -> Permit | Refused:
        """Let a run of `source` through, or not; while the breaker is closed, this reads one row and writes none."""
        lease_us = round((source.timeout_seconds + _LEASE_MARGIN_SECONDS) * 1_000_000)

        def decide(circuit: Circuit, now: int) -> tuple[Permit | Refused, Circuit]:
            may_go, retry_at, after = breaker.admit(circuit, source.breaker, now, lease_us=lease_us)
            if may_go:
                return _permit(source, circuit, after, now), after
            return Refused(source=source.name, state=after.state, retry_at=_instant(retry_at)), after

        return self._change(source.name, decide)

    def record(self, permit: Permit, outcome: Outcome) -> Change | None:
        """Put on record how a run (or one of its attempts) went.

        Returns:
            What that changed about the breaker's state; None where it stays, as it does when the result comes late.
        """

        def decide(circuit: Circuit, now: int) -> tuple[Change | None, Circuit]:
            after = breaker.record(circuit, permit.policy, permit.epoch, outcome, now)
            return _change(permit.source, circuit, after, now), after

        return self._change(permit.source, decide)

    def reset(self, source: str, actor: str) -> Change | None:
        """Close the breaker of `source`, on the audit log; `actor` is a token's subject, or `cli:USER`."""
        return self._steered(source, actor, "breaker.reset", lambda circuit, _: breaker.reset(circuit))

    def force_open(self, source: str, actor: str) -> Change | None:
        """Open the breaker of `source` until it is reset, on the audit log."""
        return self._steered(source, actor, "breaker.open", breaker.forced_open)

    def state(self, source: Source) -> BreakerStatus:
        """How the breaker of `source` stands now; half-open is derived from the clock."""
        (_, circuit), now = self._store.direct.call(lambda wire: (read(wire, source.name), wire.now()))
        return _status(circuit, source.breaker, now)

    def states(self, sources: Mapping[str, BreakerPolicy]) -> dict[str, BreakerStatus]:
        """How the breakers of these sources stand, read at once."""
        circuits, now = self._store.direct.call(lambda wire: (read_all(wire), wire.now()))
        return {name: _status(circuits.get(name, Circuit()), policy, now) for name, policy in sources.items()}

    def _change(self, source: str, decide: Callable[[Circuit, int], tuple[T, Circuit]]) -> T:
        """Read, decide and write until nobody came between."""
        for _ in range(_TRIES):
            (version, circuit), now = self._store.direct.call(lambda wire: (read(wire, source), wire.now()))
            result, after = decide(circuit, now)
            if after is circuit or self._written(source, version, after):
                return result
        raise DatabaseUnavailableError(f"the breaker of {source} is changed too often to be read")

    def _written(self, source: str, version: int, circuit: Circuit) -> bool:
        return self._store.direct.call(lambda wire: write(wire, source, version, circuit))

    def _steered(
        self, source: str, actor: str, action: str, decide: Callable[[Circuit, int], Circuit]
    ) -> Change | None:
        """Change the breaker and put that on record, together; what runs do meanwhile comes before or after."""
        now = self._store.clock.now()
        for _ in range(_TRIES):
            with self._store.write() as connection:
                version, circuit = read_audited(connection, source)
                after = decide(circuit, microseconds(now))
                if write_audited(connection, source, version, after):
                    detail = {"before": circuit.state, "failures": circuit.failures}
                    audit.record(connection, actor=actor, action=action, target=source, now=now, detail=detail)
                    return _change(source, circuit, after, microseconds(now))
        raise DatabaseUnavailableError(f"the breaker of {source} is changed too often to be steered")


def _permit(source: Source, before: Circuit, after: Circuit, now: int) -> Permit:
    return Permit(
        source=source.name,
        policy=source.breaker,
        epoch=after.epoch,
        probe=after.state is BreakerState.HALF_OPEN,
        change=_change(source.name, before, after, now),
    )


def _change(source: str, before: Circuit, after: Circuit, now: int) -> Change | None:
    if before.state is after.state:
        return None
    failures = max(before.failures, after.failures)
    return Change(source=source, before=before.state, after=after.state, failures=failures, at=from_microseconds(now))


def _status(circuit: Circuit, policy: BreakerPolicy, now: int) -> BreakerStatus:
    state, retry_at = breaker.derived(circuit, policy, now)
    return BreakerStatus(
        state=state,
        failures=circuit.failures,
        successes=circuit.successes,
        opened_at=None if state is BreakerState.CLOSED else _instant(circuit.opened_at),
        retry_at=_instant(retry_at),
    )


def _instant(microseconds_: int | None) -> datetime | None:
    return None if microseconds_ is None else from_microseconds(microseconds_)
