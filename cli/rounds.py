"""`syncline rounds`: looking at the rounds of the contest, saying when one ends, and freezing it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeAlias

import typer
from sqlalchemy import Connection

from cli import console, durations, rounds_table
from cli.instance import actor, opened
from cli.lazy_group import group
from cli.manual_run import RunRequest, manual_run
from cli.options import AsJson
from cli.rounds_table import found
from cli.tables import number as count
from syncline.contests import rounds
from syncline.contests.overview import RoundOverview
from syncline.contests.tables import EntryStatus, Round, RoundStatus
from syncline.errors import ConfigurationError, SynclineError
from syncline.store import audit
from syncline.words import ago

__all__ = ["app"]

_SERVICE = "freeze_coordinator"

Number: TypeAlias = Annotated[
    int, typer.Argument(metavar="NUMBER", min=1, help="The round's number.", show_default=False)
]


def app() -> typer.Typer:
    """Look at the rounds of the contest, say when one ends, and freeze it."""
    commands = {"list": list_, "show": show, "end": end, "freeze": freeze}
    return group(commands, no_args_is_help={"show", "end", "freeze"})


def list_(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the rounds, the newest first: their entries, their snapshots, and how these were sent."""
    rounds_table.listed(limit=limit, as_json=as_json)


def show(number: Number, *, as_json: AsJson = False) -> None:
    """Show all that is known of a round; with --json also its snapshot, and all entries that a freeze has not checked.

    Exits with 1 where the snapshot's hash does not fit its content.
    """
    raise typer.Exit(rounds_table.show(number, as_json=as_json))


def end(
    number: Number,
    *,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="INSTANT", help="Such as 2026-03-01T18:00:00+01:00.", show_default=False),
    ] = None,
    after: Annotated[
        str | None, typer.Option("--in", metavar="DURATION", help="From now, such as 2h.", show_default=False)
    ] = None,
) -> None:
    """Say when the open round ends; it is frozen then, and the next one begins."""
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


def freeze(number: Number, *, as_json: AsJson = False) -> None:
    """End a round and freeze it here and now: all entries are checked once more, then its snapshot is made and sent.

    Goes on where an earlier run ended. Of a round that is frozen already the snapshot stays, and is sent again if no
    receiver has accepted it. Exits with 0 where the round is frozen; 1 where it failed, or entries could not be
    checked, which are then named; 75 not now.
    """
    _ask(number)
    code = manual_run(RunRequest(source=_SERVICE, parameters={"round_number": number}), as_json=as_json)
    with opened() as instance, instance.store.read() as connection:
        one = found(connection, number)
    if not as_json:
        console.line(_frozen(one))
    raise typer.Exit(code if code or one.round.status is RoundStatus.FROZEN else 1)


def _instant(number: int, at: str | None, after: str | None, now: datetime) -> datetime:
    """The instant that `--at` or `--in` names.

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


def _ask(wanted: int) -> None:
    """Check that the round exists before Prefect is started for it, and write to the audit log who froze it."""
    with opened() as instance, instance.store.write() as connection:
        found(connection, wanted)
        audit.record(connection, actor=actor(), action="round.freeze", target=f"round/{wanted}", now=instance.now())


def _frozen(one: RoundOverview) -> str:
    row = one.round
    if row.status is RoundStatus.FROZEN:
        of_each = ", ".join(f"{count(one.counts[status])} {status.value}" for status in EntryStatus)
        return f"round {row.number} is frozen: {count(one.entries)} entries ({of_each}), {one.content_hash}"
    if row.status is RoundStatus.FREEZING:
        again = f"`syncline rounds freeze {row.number}` goes on where this ended, as does the next scheduled run"
        return f"round {row.number} is not frozen yet: {again}"
    return f"round {row.number} is still open"
