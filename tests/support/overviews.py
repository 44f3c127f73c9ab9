"""What is seen of a source before anything has happened to it."""

from dataclasses import replace

from syncline.model.policies import BreakerPolicy
from syncline.resilience.breaker import BreakerState
from syncline.status.overview import SourceOverview
from syncline.status.protection import Protection
from syncline.status.row_counts import RowCount
from syncline.store.breakers import BreakerStatus

__all__ = ["CLOSED", "unprotected", "unseen"]

CLOSED = BreakerStatus(state=BreakerState.CLOSED)


def unprotected(breaker: BreakerStatus = CLOSED) -> Protection:
    """A source's breaker, and no budget."""
    return Protection(breaker=breaker, policy=BreakerPolicy(), budgets=(), blocked_until=None)


def unseen(name: str, *, rows: int | None = None) -> SourceOverview:
    """A source that never ran; with this many rows, where it keeps a dataset."""
    seen = SourceOverview(
        name=name,
        upstream=name,
        rows=None,
        progress=None,
        running=0,
        last=None,
        last_run=None,
        heartbeat=None,
        holds=(),
    )
    return seen if rows is None else replace(seen, rows=RowCount(rows=rows))
