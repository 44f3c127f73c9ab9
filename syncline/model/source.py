"""A source: work on an upstream that runs by itself, again and again, with sessions, budgets and a breaker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from syncline.errors import ConfigurationError
from syncline.model.account_kind import AccountKind
from syncline.model.dataset import Dataset
from syncline.model.policies import BreakerPolicy, CatchUp, Mode, Overlap, Priority, Retry, RetryPolicy
from syncline.model.session import SyncSession
from syncline.model.target import Target
from syncline.model.upstream import Upstream

__all__ = ["Source", "named"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Work that is done on schedule, and by which policies; most of it keeps a dataset in step.

    Attributes:
        name: lower case with underscores; names the flow `sync-NAME` and the limit `source:NAME`.
        aliases: other names by which commands and endpoints know it; no other source may have them. The first is the
            one that the health endpoints show.
        upstream: the API that it asks.
        dataset: what it keeps in step; None: it does other work.
        accounts: what it says of its users' accounts; None: it has none.
        retry: how often the work is tried.
        breaker: when a source that keeps failing is left alone for a while.
        priority: who goes first where several sources share a budget.
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
        on_result: functions that are called with each session of the source that ends, in the process that ends it.
    """

    name: str
    upstream: Upstream
    aliases: tuple[str, ...] = ()
    dataset: Dataset | None = None
    accounts: AccountKind | None = None
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
        if self.dataset is not None:
            self.dataset.check(self.name)

    @property
    def required_dataset(self) -> Dataset:
        """Its dataset, for work that needs one.

        Raises:
            ConfigurationError: it has none.
        """
        if self.dataset is None:
            raise ConfigurationError(f"source {self.name!r} keeps no dataset in step: declare its `dataset`")
        return self.dataset

    def target(self, account_id: str = "") -> Target:
        """The source itself, or one account of it."""
        return Target(self.name, account_id)

    def missing(self, settings: Any) -> str | None:  # noqa: ANN401 - the settings stand above
        """The setting without which it cannot work, None where it is set up."""
        if self.accounts is not None:
            return self.accounts.missing(settings)
        found: str | None = settings.missing(self.upstream.name)
        return found

    @property
    def shown_as(self) -> str:
        """The name that the health endpoints show: the first alias, or its own name."""
        return self.aliases[0] if self.aliases else self.name

    @property
    def planned_requests(self) -> dict[str, float]:
        """How many requests a run sends, by the name of the budget."""
        return dict(self.spends) or {budget.name: 1 for budget in self.upstream.budgets}

    def parameters(self, mode: Mode, *, force: bool = False) -> dict[str, object]:
        """What its flow is called with: how much is read, and `force` where however much is gone may be deleted.

        A source without a dataset does the same in each mode, and its flow takes neither.

        Raises:
            ConfigurationError: it never deletes anything, so there is nothing to force.
        """
        if self.dataset is None:
            if force:
                raise ConfigurationError(
                    f"{self.name} keeps no dataset in step, so there is nothing to delete: no force"
                )
            return {}
        if force and self.dataset.deletes.never:
            raise ConfigurationError(f"{self.name} never deletes what its upstream no longer lists: no force")
        return {"mode": mode.value, **({"force": True} if force else {})}


def named(sources: Iterable[Source], name: str) -> Source | None:
    """The one of the `sources` that has this name or alias; None where there is none."""
    return next((one for one in sources if name in (one.name, *one.aliases)), None)
