"""All of one session: its record, its rejects, and what follows from its status."""

from collections.abc import Sequence
from datetime import datetime

from cli import console
from cli.instance import opened
from cli.outcomes import outcome
from cli.records import as_object
from cli.tables import Fact, number, print_facts
from syncline.errors import ConfigurationError
from syncline.model.session import Status, SyncSession
from syncline.model.tables import Reject
from syncline.store import rejects, sessions
from syncline.words import ago, counted, iso_instant, lasted, unheard_of

__all__ = ["facts", "follows", "show"]

_REJECTS = 5
"""So many are shown; `syncline rejects SESSION` has all."""


def show(session_id: str, *, as_json: bool) -> None:
    """Print the session.

    Raises:
        ConfigurationError: there is none with this id.
    """
    with opened() as instance, instance.store.read() as connection:
        found = sessions.find(connection, session_id)
        if found is None:
            raise ConfigurationError(f"no session has the id {session_id!r}: `syncline history` lists them")
        refused = rejects.of_session(connection, session_id)
    if as_json:
        kept = [as_object(one) for one in refused]
        console.write_json(as_object(found) | {"rejects": kept, "follows": follows(found)})
    else:
        print_facts(facts(found, refused[:_REJECTS], instance.now()))


def facts(one: SyncSession, refused: Sequence[Reject], now: datetime) -> list[Fact]:
    """Every field of the session; an empty value is left out when it is printed."""
    items = {name: getattr(one, f"items_{name}") for name in ("created", "updated", "unchanged", "deleted", "rejected")}
    pages = f"{number(one.pages_processed)} of {counted(one.total_pages, 'page')}" if one.total_pages else ""
    error = ": ".join(part for part in (one.error_type, one.error_message) if part)
    return [
        Fact(label="Session", value=one.id),
        Fact(label="Source", value=str(one.target)),
        Fact(label="Status", value=outcome(one.status)),
        Fact(label="Reason", value=one.reason or ""),
        Fact(label="Error", value=error),
        Fact(label="Follows", value=follows(one)),
        Fact(label="Trigger", value=one.trigger.value),
        Fact(label="Mode", value=one.mode.value),
        Fact(label="Due", value=_instant(one.scheduled_for, now)),
        Fact(label="Started", value=_instant(one.started_at, now)),
        Fact(label="Ended", value=_instant(one.completed_at, now)),
        Fact(label="Took", value=lasted(one.started_at, one.completed_at) if one.completed_at else ""),
        Fact(label="Pages", value=pages or counted(one.pages_processed, "page")),
        Fact(label="Items", value=f"{number(one.items_processed)} read: {_counts(items)}"),
        Fact(label="Requests", value=number(one.requests)),
        Fact(label="Retries", value=number(one.retry_count)),
        Fact(label="Goes on", value=_instant(one.retry_at, now)),
        Fact(label="Flow run", value=one.flow_run_id or ""),
        *(Fact(label="Reject", value=f"{reject.item_key or 'no key'}: {reject.reason}") for reject in refused),
    ]


def follows(one: SyncSession) -> str:  # noqa: PLR0911 - a line for each status
    """What becomes of the source's work after a session that ended so."""
    match one.status:
        case Status.RUNNING:
            return "it is under way"
        case Status.COMPLETED:
            return "nothing is left to do until the next run"
        case Status.PARTIAL:
            return "what it left out is tried again by the next run"
        case Status.FAILED | Status.CRASHED | Status.CANCELLED:
            return "the next run goes on at its checkpoint"
        case Status.DEFERRED:
            until = f" at {iso_instant(one.retry_at)}" if one.retry_at else ""
            return f"it goes on by itself{until}" + (", or when its hold is released" if one.held else "")
        case Status.SKIPPED | Status.MISSED:
            return "it did nothing; the next run does its work"
    return f"not known: this version knows no status {unheard_of(one.status)!r}"


def _counts(items: dict[str, int]) -> str:
    return ", ".join(f"{number(count)} {name}" for name, count in items.items())


def _instant(instant: datetime | None, now: datetime) -> str:
    return "" if instant is None else f"{iso_instant(instant)} ({ago(instant, now)})"
