"""A source: one dataset that is kept in step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from syncline.errors import ConfigurationError
from syncline.model.items import ItemStatus, ModeratedItem, check_paths, refuse_unique
from syncline.model.policies import BreakerPolicy, CatchUp, Deletes, Overlap, Priority, Retry, RetryPolicy

if TYPE_CHECKING:
    from syncline.model.items import Item
    from syncline.model.page import Pages
    from syncline.model.session import SyncSession
    from syncline.model.upstream import Upstream

__all__ = ["Source"]


@dataclass(frozen=True, kw_only=True)
class Source:
    r"""One dataset kept in step: where it comes from, where it goes, and by which policies.

    Attributes:
        name: lower case with underscores; names the flow `sync-NAME` and the limit `source:NAME`.
        upstream: the API that it is read from.
        pages: the connector that yields its pages.
        table: the table that it fills.
        fields: where the upstream's items have what a column holds, by column, as a dotted path (`token.chain`; a dot
            within a key is written `\.`); a column that is not named is read under its own name.
        moderated: whether new and changed items wait for a decision; only for a table of moderated items.
        updated_field: the item's field that rises with each change (an instant); the cursor is made of it.
        lag_seconds: how far behind the newest change an incremental pass starts, because upstreams show changes late
            and clocks differ. What is read twice for it is seen to be unchanged.
        retry: how often a pull is tried.
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
        deletes: when rows that are gone upstream are deleted.
        on_result: functions that are called with each session of the source that ends, in the process that ends it.
    """

    name: str
    upstream: Upstream
    pages: Pages
    table: type[Item]
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    moderated: bool = False
    updated_field: str | None = None
    lag_seconds: float = 60
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
    deletes: Deletes = field(default_factory=Deletes)
    on_result: tuple[Callable[[SyncSession], None], ...] = ()

    def __post_init__(self) -> None:
        """Refuse a declaration that cannot work."""
        if not self.name.isidentifier() or self.name != self.name.lower():
            raise ConfigurationError(f"a source's name is lower case with underscores, but is {self.name!r}")
        if self.pages.incremental and self.updated_field is None:
            raise ConfigurationError(f"source {self.name!r} reads changes: name its updated_field")
        waits = (self.lag_seconds, self.timeout_seconds, self.patience_seconds)
        if min(*waits, self.jitter_seconds, self.late_after_seconds) < 0:
            raise ConfigurationError(f"source {self.name!r}: seconds must not be negative")
        if self.moderated and not issubclass(self.table, ModeratedItem):
            raise ConfigurationError(f"source {self.name!r} is moderated: its table must be of a ModeratedItem")
        check_paths(self.table, self.fields, source=self.name)
        refuse_unique(self.table)
        budgets = [budget.name for budget in self.upstream.budgets]
        for name, requests in self.spends.items():
            if name not in budgets or requests < 0:
                there = ", ".join(budgets) or "none"
                raise ConfigurationError(f"source {self.name!r} spends {requests:g} of {name!r}: there are {there}")

    @property
    def planned_requests(self) -> dict[str, float]:
        """How many requests a run sends, by the name of the budget."""
        return dict(self.spends) or {budget.name: 1 for budget in self.upstream.budgets}

    @property
    def first_status(self) -> ItemStatus:
        """What a new item gets, in a table of moderated items."""
        return ItemStatus.PENDING if self.moderated else ItemStatus.LIVE
