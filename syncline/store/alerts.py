"""Alerts as they begin, fire and end.

Each change is one conditional statement, so that several observers make one alert.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from syncline.model.alerts import TERMS, Alert, Condition, Delivery, Rule
from syncline.store.engine import Store

__all__ = ["Changes", "decide", "due", "latest", "observe", "open_alerts", "settle"]


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a look at the conditions changes.

    Attributes:
        fire: alerts that held for as long as their kind asks.
        quiet: firing alerts whose condition is gone since now.
        back: quiet ones whose condition holds again.
        clear: firing alerts that are over.
        forget: pending alerts whose condition went before they fired.
    """

    fire: tuple[Alert, ...] = ()
    quiet: tuple[Alert, ...] = ()
    back: tuple[Alert, ...] = ()
    clear: tuple[Alert, ...] = ()
    forget: tuple[Alert, ...] = ()


def decide(known: Iterable[Alert], conditions: Iterable[Condition], now: datetime) -> Changes:
    """What becomes of the open alerts that are `known`, where just these `conditions` hold at `now`."""
    holding = {condition.key for condition in conditions}
    ours = [alert for alert in known if alert.rule in set(Rule)]  # a newer version knows of more
    on = [alert for alert in ours if _key(alert) in holding]
    off = [alert for alert in ours if _key(alert) not in holding]
    firing = [alert for alert in off if alert.fired_at is not None]
    over = tuple(alert for alert in firing if now - (alert.quiet_since or now) >= _quiet(alert))
    return Changes(
        fire=tuple(alert for alert in on if alert.fired_at is None and now - alert.since >= _after(alert)),
        quiet=tuple(alert for alert in firing if alert.quiet_since is None and alert not in over),
        back=tuple(alert for alert in on if alert.quiet_since is not None),
        clear=over,
        forget=tuple(alert for alert in off if alert.fired_at is None),
    )


def observe(store: Store, conditions: Sequence[Condition]) -> Changes:
    """Bring the alerts up to date with the conditions that hold now; what another observer did first stays."""

    def look(connection: Connection) -> Changes:
        now = store.now(connection)
        there = {_key(alert) for alert in open_alerts(connection) if alert.rule in set(Rule)}
        for condition in conditions:
            if condition.key not in there:
                _begin(connection, condition, now)
        changes = decide(open_alerts(connection), conditions, now)
        _apply(connection, changes, {condition.key: condition.said for condition in conditions}, now)
        return changes

    return store.transact(look)


def _apply(connection: Connection, changes: Changes, said: Mapping[tuple[Rule, str], str], now: datetime) -> None:
    still_open = col(Alert.cleared_at).is_(None)
    for alert in changes.fire:
        _change(connection, alert, col(Alert.fired_at).is_(None), fired_at=now, said=said[_key(alert)], next_try=now)
    for alert in changes.quiet:
        _change(connection, alert, col(Alert.quiet_since).is_(None), quiet_since=now)
    for alert in changes.back:
        _change(connection, alert, still_open, quiet_since=None)
    for alert in changes.clear:
        _change(connection, alert, still_open, cleared_at=now, delivery=Delivery.PENDING, attempts=0, next_try=now)
    for alert in changes.forget:
        connection.execute(delete(Alert).where(col(Alert.id) == alert.id, col(Alert.fired_at).is_(None)))


def open_alerts(connection: Connection) -> Sequence[Alert]:
    """The alerts that are pending or fire, the oldest first."""
    found = select(Alert).where(col(Alert.cleared_at).is_(None)).order_by(col(Alert.since), col(Alert.id))
    return Session(connection).scalars(found).all()


def latest(connection: Connection, *, limit: int) -> Sequence[Alert]:
    """Alerts that fired, those that still do first, then the newest."""
    fired = select(Alert).where(col(Alert.fired_at).is_not(None))
    ordered = fired.order_by(col(Alert.cleared_at).is_not(None), col(Alert.fired_at).desc(), col(Alert.id))
    return Session(connection).scalars(ordered.limit(limit)).all()


def due(connection: Connection, now: datetime, *, limit: int = 100) -> Sequence[Alert]:
    """The alerts whose message is to be sent, or looked after, at `now`; the one that waits longest first."""
    wanted = (col(Alert.fired_at).is_not(None), col(Alert.next_try) <= now)
    open_ones = col(Alert.delivery).in_([Delivery.PENDING, Delivery.SENT])
    found = select(Alert).where(*wanted, open_ones).order_by(col(Alert.next_try)).limit(limit)
    return Session(connection).scalars(found).all()


def settle(store: Store, alert: Alert, delivery: Delivery, *, attempts: int, next_try: datetime | None) -> bool:
    """Note how far the message of `alert` has come; False where the alert, or another observer, went on meanwhile."""
    cleared = col(Alert.cleared_at)
    same_end = cleared.is_(None) if alert.cleared_at is None else cleared.is_not(None)
    seen = (col(Alert.attempts) == alert.attempts, col(Alert.delivery) == alert.delivery, same_end)
    with store.write() as connection:
        return _change(connection, alert, *seen, delivery=delivery, attempts=attempts, next_try=next_try)


def _begin(connection: Connection, condition: Condition, now: datetime) -> None:
    """Make a pending alert of `condition`, unless there is an open one."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = {
        "id": f"alert-{secrets.token_hex(6)}",
        "rule": condition.rule.value,
        "subject": condition.subject,
        "said": condition.said,
        "since": now,
        "delivery": Delivery.PENDING.value,
        "attempts": 0,
    }
    connection.execute(make(Alert).values(values).on_conflict_do_nothing())


def _change(connection: Connection, alert: Alert, *still: ColumnElement[bool], **values: object) -> bool:
    return bool(connection.execute(update(Alert).where(col(Alert.id) == alert.id, *still).values(**values)).rowcount)


def _key(alert: Alert) -> tuple[Rule, str]:
    return Rule(alert.rule), alert.subject


def _after(alert: Alert) -> timedelta:
    return timedelta(seconds=TERMS[Rule(alert.rule)].after_seconds)


def _quiet(alert: Alert) -> timedelta:
    return timedelta(seconds=TERMS[Rule(alert.rule)].quiet_seconds)
