"""The rounds as a table, one of them in full, or as JSON."""

from collections.abc import Sequence
from datetime import datetime

from rich.text import Text
from sqlalchemy import Connection

from cli import console
from cli.errors import FAILED
from cli.instance import opened
from cli.records import as_object
from cli.tables import Column, Fact, number, print_facts, print_table
from syncline.contests import entries, overview, snapshots
from syncline.contests.overview import Delivery, RoundOverview
from syncline.contests.tables import EntryStatus, RoundStatus, Snapshot
from syncline.errors import SynclineError
from syncline.words import ago

__all__ = ["NONE_YET", "found", "listed", "show"]

NONE_YET = "there is no round yet: the first poll opens round 1 (`syncline sync twitter_poller`, or its schedule)"

_COLUMNS = (
    Column(title="Round", right=True),
    Column(title="Status"),
    Column(title="Starts", right=True, rank=9),
    Column(title="Ends", right=True, rank=1),
    Column(title="Public", right=True, rank=2),
    Column(title="Protected", right=True, rank=6),
    Column(title="Deleted", right=True, rank=7),
    Column(title="Frozen", right=True, rank=5),
    Column(title="Hash", rank=8),
    Column(title="Webhook", rank=3),
    Column(title="Note", least=24, rank=4),
)
_STYLES = {RoundStatus.OPEN: "green", RoundStatus.FREEZING: "yellow", RoundStatus.FROZEN: "cyan"}
_PUSH = ("pushed_at", "push_attempts", "push_retry_at", "push_error")
_HASH_DIGITS = 12
"""So many of its digits tell it from others."""
_NAMED = 10
"""So many entries that are not checked yet are named; --json has them all."""


def listed(*, limit: int, as_json: bool) -> None:
    """Print the newest rounds."""
    with opened() as instance:
        with instance.store.read() as connection:
            known = overview.newest(connection, limit=limit)
        if as_json:
            console.write_json([_as_json(one) for one in known])
        elif not known:
            console.line(NONE_YET)
        else:
            print_table(_COLUMNS, [_row(one, instance.now()) for one in known])


def show(wanted: int, *, as_json: bool) -> int:
    """Print one round in full; 1 where its snapshot is not as it was made."""
    with opened() as instance:
        with instance.store.read() as connection:
            one, snapshot = found(connection, wanted), snapshots.find(connection, wanted)
            checked = entries.count(connection, wanted, finally_checked=True)
            unchecked = overview.unchecked(connection, one.round)
        fits = None if snapshot is None else overview.snapshot_fits(snapshot)
        if as_json:
            stored = {"hash_fits": fits, "snapshot": None if snapshot is None else snapshot.content}
            checks = {"finally_checked": checked, "unchecked": list(unchecked)}
            console.write_json(_as_json(one) | checks | stored)
        else:
            facts = _facts(one, instance.now(), checked, unchecked)
            print_facts([*facts, *_facts_of_snapshot(snapshot, fits=fits)])
    return FAILED if fits is False else 0


def found(connection: Connection, wanted: int) -> RoundOverview:
    """The round with this number.

    Raises:
        SynclineError: there is none.
    """
    one = overview.find(connection, wanted)
    if one is None and not overview.newest(connection, limit=1):
        raise SynclineError(NONE_YET)
    if one is None:
        raise SynclineError(f"there is no round {wanted}: `syncline rounds list` shows those that there are")
    return one


def _as_json(one: RoundOverview) -> dict[str, object]:
    row = one.round
    webhook = {
        "state": one.delivery.value,
        "sent_at": row.pushed_at,
        "next_attempt_at": row.push_retry_at,
        "attempts": row.push_attempts,
        "error": row.push_error,
    }
    counts = {"total": one.entries} | {status.value: one.counts[status] for status in EntryStatus}
    return as_object(row, without=_PUSH) | {"entries": counts, "content_hash": one.content_hash, "webhook": webhook}


def _row(one: RoundOverview, now: datetime) -> Sequence[str | Text]:
    row = one.round
    return (
        str(row.number),
        Text(row.status.value, style=_STYLES.get(row.status, "")),
        ago(row.starts_at, now),
        ago(row.ends_at, now),
        *(number(one.counts[status]) for status in EntryStatus),
        "" if row.frozen_at is None else ago(row.frozen_at, now),
        (one.content_hash or "").removeprefix("sha256:")[:_HASH_DIGITS],
        _webhook_text(one, now),
        row.push_error or "",
    )


def _webhook_text(one: RoundOverview, now: datetime) -> str:
    match one.delivery:
        case Delivery.NONE:
            return ""
        case Delivery.WAITING:
            retry_at = one.round.push_retry_at
            return "due" if retry_at is None or retry_at <= now else f"again {ago(retry_at, now)}"
        case Delivery.SENT:
            return f"sent {ago(one.round.pushed_at, now)}"
        case Delivery.GIVEN_UP:
            return "given up"


def _facts(one: RoundOverview, now: datetime, checked: int, unchecked: Sequence[str]) -> list[Fact]:
    row, counts = one.round, one.counts
    of_each = ", ".join(f"{number(counts[status])} {status.value}" for status in EntryStatus)
    begun = row.status is not RoundStatus.OPEN
    by_hand = f"when somebody freezes it, or says when (`syncline rounds end {row.number}`)"
    attempts = f", attempts: {row.push_attempts}" if row.push_attempts else ""
    return [
        Fact(label="round", value=str(row.number)),
        Fact(label="status", value=Text(row.status.value, style=_STYLES.get(row.status, ""))),
        Fact(label="starts", value=_instant(row.starts_at, now)),
        Fact(label="ends", value=_instant(row.ends_at, now) or by_hand),
        Fact(label="entries", value=f"{number(one.entries)}: {of_each}"),
        Fact(label="freezing since", value=_instant(row.freezing_since, now)),
        Fact(label="checked for it", value=f"{number(checked)} of {number(one.entries)}" if begun else ""),
        Fact(label="not yet", value=_named(unchecked)),
        Fact(label="frozen", value=_instant(row.frozen_at, now)),
        Fact(label="webhook", value=f"{said}{attempts}" if (said := _webhook_text(one, now)) else ""),
        Fact(label="its last error", value=row.push_error or ""),
    ]


def _named(tweet_ids: Sequence[str]) -> str:
    """Some of them, and how many more there are."""
    more = len(tweet_ids) - _NAMED
    return ", ".join(tweet_ids[:_NAMED]) + (f" and {number(more)} more" if more > 0 else "")


def _facts_of_snapshot(snapshot: Snapshot | None, *, fits: bool | None) -> list[Fact]:
    if snapshot is None:
        return []
    verdict = Text("fits the content", style="green") if fits else Text("DOES NOT FIT THE CONTENT", style="bold red")
    return [
        Fact(label="snapshot", value=f"{number(snapshot.entries)} entries, {number(snapshot.public)} of them public"),
        Fact(label="hash", value=Text(snapshot.content_hash, overflow="fold")),
        Fact(label="recomputed", value=verdict),
    ]


def _instant(instant: datetime | None, now: datetime) -> str:
    return "" if instant is None else f"{instant:%Y-%m-%d %H:%M:%S} UTC ({ago(instant, now)})"
