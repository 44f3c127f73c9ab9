"""Saying when the open round ends."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from cli import console, durations
from cli.instance import actor, opened
from cli.rounds_table import found
from cli.times import ago
from syncline.errors import ConfigurationError, SynclineError
from syncline.model.contests import Round, RoundStatus
from syncline.store import audit, rounds

__all__ = ["end"]


def end(number: int, *, at: str | None, after: str | None) -> None:
    """Have the round end at an instant, or so long from now."""
    with opened() as instance:
        now = instance.now()
        ends_at = _instant(number, at, after, now)
        with instance.store.write() as connection:
            before = found(connection, number).round
            if not rounds.plan_end(connection, number, ends_at):
                raise SynclineError(_refusal(connection, before))
            who, detail = actor(), {"ends_at": ends_at.isoformat(), "before": _iso(before.ends_at)}
            audit.record(connection, actor=who, action="round.end", target=f"round/{number}", now=now, detail=detail)
    console.line(f"round {number} ends {ago(ends_at, now)}, at {ends_at:%Y-%m-%d %H:%M:%S} UTC")


def _instant(number: int, at: str | None, after: str | None, now: datetime) -> datetime:
    """The instant that is meant.

    Raises:
        ConfigurationError: it is none, or over.
    """
    if (at is None) == (after is None):
        raise ConfigurationError("say when it ends: either --at 2026-03-01T18:00:00+01:00 or --in 2h")
    if after is not None:
        return now + timedelta(seconds=durations.seconds(after, option="--in"))
    ends_at = _parsed(at or "")
    if ends_at <= now:
        remedy = f"`syncline rounds freeze {number}` ends it now and freezes it"
        raise ConfigurationError(f"--at {at} lies in the past, since when tweets may have entered: {remedy}")
    return ends_at


def _parsed(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigurationError(f"--at {text!r} is no instant: write 2026-03-01T18:00:00+01:00") from None
    if instant.utcoffset() is None:
        raise ConfigurationError(f"--at {text!r} has no offset: write 2026-03-01T18:00:00+01:00, or …T17:00:00Z")
    return instant.astimezone(UTC)


def _refusal(connection: Connection, one: Round) -> str:
    """Why the end of this round cannot be moved any more."""
    last = rounds.every(connection)[0].number
    if one.status is RoundStatus.OPEN:
        return f"round {one.number} is over, and round {last} is open: `syncline rounds freeze {one.number}` freezes it"
    other = f": the last one is round {last}" if last != one.number else "; the next poll opens the next one"
    return f"round {one.number} is {one.status.value} and takes no more entries{other}"


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
