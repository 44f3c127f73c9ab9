"""A service: work on an upstream that runs by itself, again and again, with sessions, budgets and a breaker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from syncline.errors import ConfigurationError
from syncline.model.policies import BreakerPolicy, CatchUp, Mode, Overlap, Priority, Retry, RetryPolicy
from syncline.model.session import SyncSession
from syncline.model.upstream import Upstream

__all__ = ["Service", "named"]

S = TypeVar("S", bound="Service")


@dataclass(frozen=True, kw_only=True)
class Service:
    """Work that is done on schedule, and by which policies; one that keeps a dataset in step is a `Source`.

    Attributes:
        name: lower case with underscores; names the flow `sync-NAME` and the limit `source:NAME`.
        aliases: other names by which commands and endpoints know it; no other service may have them. The first is the
            one that the health endpoints show.
        upstream: the API that it asks.
        retry: how often the work is tried.
        breaker: when a service that keeps failing is left alone for a while.
        priority: who goes first where several services share a budget.
        spends: how many requests a run sends, by the name of the upstream's budget, as far as the budgets are planned;
            unset: one from each.
        overlap: what becomes of a run that is due while another one works.
        jitter_seconds: a scheduled run begins up to this long after its time, so that not all begin at once; how long
            is drawn once for each time.
        catch_up: what becomes of scheduled runs that come late.
        late_after_seconds: a scheduled run that begins longer than this after its (jittered) time is late.
        timeout_seconds: after this long a run is ended, and its session fails; waiting for its turn does not count.
        patience_seconds: a wait (hold, rate limit, budget) of up to this long is waited in place; a longer one defers
            the run.
        on_result: functions that are called with each session of the service that ends, in the process that ends it.
    """

    name: str
    upstream: Upstream
    aliases: tuple[str, ...] = ()
    retry: RetryPolicy = field(default_factory=Retry)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    priority: Priority = Priority.NORMAL
    spends: Mapping[str, float] = field(default_factory=dict[str, float])
    overlap: Overlap = Overlap.SKIP
    jitter_seconds: float = 0
    catch_up: CatchUp = CatchUp.LATEST
    late_after_seconds: float = 60
    timeout_seconds: float = 600
    patience_seconds: float = 30
    on_result: tuple[Callable[[SyncSession], None], ...] = ()

    def __post_init__(self) -> None:
        """Refuse a declaration that cannot work."""
        if not self.name.isidentifier() or self.name != self.name.lower():
            raise ConfigurationError(f"a source's name is lower case with underscores, but is {self.name!r}")
        if min(self.timeout_seconds, self.patience_seconds, self.jitter_seconds, self.late_after_seconds) < 0:
            raise ConfigurationError(f"source {self.name!r}: seconds must not be negative")
        if not all(alias.isidentifier() for alias in self.aliases):
            raise ConfigurationError(
                f"source {self.name!r}: an alias is letters, digits and underscores: {self.aliases}"
            )
        budgets = [budget.name for budget in self.upstream.budgets]
        for name, requests in self.spends.items():
            if name not in budgets or requests < 0:
                there = ", ".join(budgets) or "none"
                raise ConfigurationError(f"source {self.name!r} spends {requests:g} of {name!r}: there are {there}")

    @property
    def shown_as(self) -> str:
        """The name that the health endpoints show: the first alias, or its own name."""
        return self.aliases[0] if self.aliases else self.name

    @property
    def planned_requests(self) -> dict[str, float]:
        """How many requests a run sends, by the name of the budget."""
        return dict(self.spends) or {budget.name: 1 for budget in self.upstream.budgets}

    def parameters(self, mode: Mode, *, force: bool = False) -> dict[str, object]:
        """What its flow is called with; a service without a dataset does the same in each mode.

        Raises:
            ConfigurationError: it has no dataset of which anything could be deleted.
        """
        del mode
        if force:
            raise ConfigurationError(f"{self.name} keeps no dataset in step, so there is nothing to delete: no force")
        return {}


def named(services: Iterable[S], name: str) -> S | None:
    """The one of the `services` that has this name or alias; None where there is none."""
    return next((one for one in services if name in (one.name, *one.aliases)), None)
