"""The tables that keep upstreams from being asked too much: budgets and breakers.

Their instants are whole microseconds since 1970-01-01 UTC, because they are compared and written with every request.
Each row has a `version`, which rises with each change: a change is written only over the version that it was made of.
"""

from __future__ import annotations

from sqlmodel import Field

from syncline.model.columns import BigInt
from syncline.model.row import Row

__all__ = ["BreakerRow", "BudgetRow"]


class BudgetRow(Row, table=True):
    """What was spent of a budget, by all processes (`syncline.resilience.budget_state.Spent`)."""

    __tablename__ = "budgets"

    key: str = Field(primary_key=True)
    """`UPSTREAM:BUDGET`, or `UPSTREAM` for what holds for all of its requests."""
    version: int = Field(sa_type=BigInt)
    last_us: int = Field(sa_type=BigInt)
    """The latest instant that the clock has shown."""
    steady_us: int = Field(default=0, sa_type=BigInt, sa_column_kwargs={"server_default": "0"})
    """What the steady clock of the machine `machine` showed then."""
    machine: int = Field(default=0, sa_type=BigInt, sa_column_kwargs={"server_default": "0"})
    """Tells the boot of the machine that wrote the row last."""
    skipped_us: int = Field(default=0, sa_type=BigInt, sa_column_kwargs={"server_default": "0"})
    """By how much the clock was set forward in all, as far as that was noticed."""
    stamps: bytes
    """From when on the last admissions count, the oldest first, each as eight bytes, big-endian."""
    grain: int
    """How many admissions share a stamp."""
    filled: int
    """How many admissions the newest stamp stands for."""
    tat_us: int = Field(sa_type=BigInt)
    """When the bucket will be full."""
    not_before_us: int = Field(sa_type=BigInt)
    """Until when the upstream wants to be left alone."""
    remaining: int = Field(sa_type=BigInt)
    """How much the upstream said is left until `remaining_until_us`."""
    remaining_until_us: int = Field(sa_type=BigInt)
    owed: int = Field(sa_type=BigInt)
    """What others spent while the lowest priority that has work was waiting."""
    high_until_us: int = Field(sa_type=BigInt)
    """Until when requests of this priority wait, and what they want."""
    normal_until_us: int = Field(sa_type=BigInt)
    low_until_us: int = Field(sa_type=BigInt)
    high_cost: int
    normal_cost: int
    low_cost: int


class BreakerRow(Row, table=True):
    """How a source's breaker stands (`syncline.resilience.breaker.Circuit`)."""

    __tablename__ = "breakers"

    source: str = Field(primary_key=True)
    version: int = Field(sa_type=BigInt)
    state: str
    """closed, open, half_open or forced_open, as it was last written; open turns half-open by the clock."""
    epoch: int = Field(sa_type=BigInt)
    failures: int
    successes: int
    opened_at_us: int = Field(sa_type=BigInt)
    failed_at_us: int = Field(sa_type=BigInt)
    permits: int
    permits_until_us: int = Field(sa_type=BigInt)
