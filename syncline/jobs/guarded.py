"""A source's connector behind the source's breaker, and which sources may be claimed from at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from syncline.clock import microseconds
from syncline.jobs.verdict import AccountEnd
from syncline.jobs.work import AccountSync, Ended, Work
from syncline.model.session import Status
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.resilience.breaker import BreakerState, Outcome, outcome_of
from syncline.store import holds
from syncline.store.breakers import Breakers, Change, Refused
from syncline.store.engine import Store

__all__ = ["Guarded", "OpenSources"]

_ASK_AGAIN = timedelta(seconds=30)
"""The wait behind a breaker that names no time."""
_CLOSED = (BreakerState.OPEN, BreakerState.FORCED_OPEN)
_UNAVAILABLE = ("UnavailableError", "TimeoutError")


@dataclass(frozen=True, kw_only=True)
class OpenSources:
    """Tells from which sources jobs may be claimed: neither a hold nor an open breaker stops them.

    Attributes:
        store: the database.
        sources: the sources by name.
    """

    store: Store
    sources: Mapping[str, Source]

    def __call__(self, names: Sequence[str]) -> Sequence[str]:
        """Those of `names` that are open; one that is not stands before no other."""
        states = Breakers(self.store).states({name: self.sources[name].breaker for name in names})
        with self.store.read() as connection:
            now = self.store.now(connection)
            held = {name for name in names if holds.active(connection, Target(name), now=now) is not None}
        return [name for name in names if name not in held and states[name].state not in _CLOSED]


class Guarded:
    """An `AccountSync` that asks the breaker before each claim, and tells it how the claim went.

    The upstream is ill where none of the accounts could be read; what befalls single ones says nothing of it.
    """

    def __init__(
        self, inner: AccountSync, source: Source, store: Store, *, on_change: Callable[[Change], None]
    ) -> None:
        """Guard `inner`; `on_change` hears of each change of the breaker's state."""
        self._inner, self._source, self._store, self._on_change = inner, source, store, on_change

    async def sync(self, works: Sequence[Work]) -> AsyncIterator[Ended]:
        """As of `AccountSync`; behind an open breaker each is deferred."""
        breakers = Breakers(self._store)
        permit = breakers.admit(self._source)
        if isinstance(permit, Refused):
            for work in works:
                yield self._deferred(work, permit)
            return
        heard = Outcome.UNKNOWN
        try:
            async for ended in self._inner.sync(works):
                heard = _better(heard, _said_by(ended.end))
                yield ended
        except Exception as error:
            heard = _better(heard, outcome_of(error))
            raise
        finally:
            change = breakers.record(permit, heard)
            if change is not None:
                self._on_change(change)

    def _deferred(self, work: Work, refused: Refused) -> Ended:
        now = self._store.clock.now()
        until = refused.retry_at or now + _ASK_AGAIN
        end = AccountEnd(
            job=work.job,
            status=Status.DEFERRED,
            began_us=microseconds(now),
            ended_us=microseconds(now),
            reason=f"breaker: {self._source.name} is {refused.state}",
            retry_at_us=microseconds(until),
        )
        return Ended(account=work.account, end=end)


_RANKS = (Outcome.UNKNOWN, Outcome.FAILURE, Outcome.ANSWERED, Outcome.SUCCESS)


def _better(one: Outcome, other: Outcome) -> Outcome:
    """One account that could be read shows that the upstream is well, whatever befell the others."""
    return max(one, other, key=_RANKS.index)


def _said_by(end: AccountEnd) -> Outcome:
    if end.status in {Status.COMPLETED, Status.PARTIAL}:
        return Outcome.SUCCESS
    if end.status is not Status.FAILED:
        return Outcome.UNKNOWN
    return Outcome.FAILURE if end.error_type in _UNAVAILABLE else Outcome.ANSWERED
