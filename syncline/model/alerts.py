"""What somebody is told of: the kinds of alerts, and one alert from its first sign to its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import text
from sqlmodel import Field, Index

from syncline.model.row import Row

__all__ = ["TERMS", "Alert", "Condition", "Delivery", "Rule", "Terms"]


class Rule(StrEnum):
    """The kinds of alerts; docs/alerts.yml has the same for Prometheus."""

    BREAKER_OPEN = "breaker_open"
    """A breaker has not been closed for ten minutes."""
    FAILING = "failing"
    """More than half of a source's last runs, of two or more, failed, for five minutes."""
    RETRIES = "retries"
    """More than ten attempts failed since a source's last success."""
    RATE_LIMIT = "rate_limit"
    """More than nine tenths of a budget are spent."""
    STALLED = "stalled"
    """A source is due, and does not run."""
    DELETION_REFUSED = "deletion_refused"
    """A full pass would have deleted more rows than may go at once."""
    CREDENTIALS_REFUSED = "credentials_refused"
    """An upstream refused the credentials, so the source or account is held."""
    NOBODY_DRAINS = "nobody_drains"
    """Jobs of accounts are due, and no drain has worked on them for a minute."""


class Delivery(StrEnum):
    """How far the message of an alert's beginning or end has come."""

    PENDING = "pending"
    """Prefect was not told yet, or is to be told again at `next_try`."""
    SENT = "sent"
    """Prefect has the event; whether its automation's message arrived is not known yet."""
    DELIVERED = "delivered"
    NO_RECEIVER = "no_receiver"
    """`SYNCLINE_ALERT_URLS` is not set, or the kind's automation is switched off. Prefect has the event."""
    GIVEN_UP = "given_up"
    """It was tried for a day, and did not arrive."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """When an alert of a kind begins and ends.

    Attributes:
        title: the kind in a few words.
        after_seconds: for how long its condition holds before it fires.
        quiet_seconds: for how long its condition is gone before it ends, so that one that comes and goes fires once.
        severity: `warning` or `critical`.
    """

    title: str
    after_seconds: float = 0
    quiet_seconds: float = 0
    severity: str = "warning"


TERMS: dict[Rule, Terms] = {
    Rule.BREAKER_OPEN: Terms(title="breaker open", after_seconds=600, severity="critical"),
    Rule.FAILING: Terms(title="runs fail", after_seconds=300),
    Rule.RETRIES: Terms(title="many retries"),
    Rule.RATE_LIMIT: Terms(title="rate limit nearly spent", quiet_seconds=300),
    Rule.STALLED: Terms(title="stalled", severity="critical"),
    Rule.DELETION_REFUSED: Terms(title="deletion refused"),
    Rule.CREDENTIALS_REFUSED: Terms(title="credentials refused", severity="critical"),
    Rule.NOBODY_DRAINS: Terms(title="nobody drains", after_seconds=120, severity="critical"),
}


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Something that somebody may have to look at, as it is now.

    Attributes:
        rule: its kind.
        subject: what it is about: a source, `SOURCE/ACCOUNT`, or a budget (`UPSTREAM:BUDGET`).
        said: one sentence that says what is wrong, with figures and without secrets.
    """

    rule: Rule
    subject: str
    said: str

    @property
    def key(self) -> tuple[Rule, str]:
        """What tells it from others: at most one alert of it is open."""
        return self.rule, self.subject


class Alert(Row, table=True):
    """One alert: pending while `fired_at` is null, firing until `cleared_at`, and then history."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index(
            "ix_alerts_open",
            "rule",
            "subject",
            unique=True,
            sqlite_where=text("cleared_at IS NULL"),
            postgresql_where=text("cleared_at IS NULL"),
        ),
        Index("ix_alerts_cleared", "cleared_at"),
    )

    id: str = Field(primary_key=True)
    rule: str
    subject: str
    said: str
    since: datetime
    """From when on its condition held."""
    fired_at: datetime | None = None
    quiet_since: datetime | None = None
    """From when on its condition is gone, while that is shorter than the kind's `quiet_seconds`."""
    cleared_at: datetime | None = None
    delivery: str = Delivery.PENDING
    """How far the message is: that it fired, and once it is over, that it is."""
    attempts: int = 0
    """How often Prefect was told of it in its present state."""
    next_try: datetime | None = None
