"""The run under way: what the tasks of one flow run share."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

from syncline.model.page import Transport
from syncline.model.policies import Mode
from syncline.model.source import Source
from syncline.passes.waiting import Waiting
from syncline.store import heartbeats
from syncline.store.breakers import Permit
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient
from tasks.context import settings
from tasks.watchdog import Watchdog

__all__ = ["Heard", "Run", "current_run", "entered", "has_opened_breaker"]


T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Heard:
    """How an attempt ended, as far as it concerns the breaker.

    Attributes:
        error: what ended it; None: the upstream is well.
    """

    error: BaseException | None


@dataclass(kw_only=True)
class Run:
    """A flow run as its tasks see it.

    Attributes:
        source: what is brought up to date.
        store: the database.
        stack: what is given back when the run ends: lease, limit, client.
        last: what is left to do when the session is closed: showing, which nothing waits for.
        session_id: the session, once admitted; empty before.
        mode: how much is read; admission may turn incremental into full.
        transport: the upstream's client, once opened.
        permit: the breaker's, once admitted.
        retries: how often each of its task runs was tried again, by the task run's id.
        heard: how the last attempt ended, until the task hook that follows it tells the breaker.
        reported: whether the breaker was told of an attempt.
        opened_breaker: whether an attempt of this run opened the breaker: it is not tried again then.
        answered: whether Prefect's server has taken what it was told of the session's end.
        end: what ends it from outside; None in a test of one task.
    """

    source: Source
    store: Store
    stack: AsyncExitStack
    last: AsyncExitStack = field(default_factory=AsyncExitStack)
    session_id: str = ""
    mode: Mode = Mode.INCREMENTAL
    transport: Transport | None = None
    permit: Permit | None = None
    retries: dict[UUID, int] = field(default_factory=dict[UUID, int])
    heard: Heard | None = None
    reported: bool = False
    opened_breaker: bool = False
    answered: bool = False
    end: Watchdog | None = None

    async def open_transport(self) -> Transport:
        """The upstream's client; opened at the first use, closed with the run."""
        if self.transport is None:
            client = UpstreamClient(self.source.upstream, settings(), clock=self.store.clock, budget=self._budget())
            self.transport = await self.stack.enter_async_context(client)
        return self.transport

    def stronger(self, mode: Mode) -> Mode:
        """Full, if either `mode` or the admission asks for it."""
        return Mode.FULL if Mode.FULL in {mode, self.mode} else mode

    def _budget(self) -> RequestBudget:
        """Requests are paid for at the source's priority; its heartbeat says what they wait for."""

        def beat(reason: str, until: datetime) -> None:
            now, target = self.store.clock.now(), self.source.target()
            heartbeats.note(self.store, partial(heartbeats.waiting, target=target, reason=reason, until=until, now=now))

        source = self.source
        return RequestBudget(
            gate=Budgets(self.store),
            priority=source.priority,
            patience_seconds=source.patience_seconds,
            on_wait=beat,
            for_holds=Waiting(store=self.store, source=source).for_holds,
        )


_current: ContextVar[Run] = ContextVar("syncline_run")


def current_run() -> Run:
    """The run under way.

    Raises:
        LookupError: called outside a flow made by `sync_flow`.
    """
    return _current.get()


def has_opened_breaker() -> bool:
    """Whether an attempt of the run under way opened the breaker; False outside of a run."""
    run = _current.get(None)
    return run is not None and run.opened_breaker


@contextmanager
def entered(run: Run) -> Generator[Run]:
    """Make `run` the one under way."""
    token = _current.set(run)
    try:
        yield run
    finally:
        _current.reset(token)
