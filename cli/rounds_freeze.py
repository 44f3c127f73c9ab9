"""Freezing a round here and now: a run of the freeze coordinator, then what became of the round."""

from cli import console
from cli.instance import actor, opened
from cli.manual_run import Wish, manual_run
from cli.rounds_table import found
from cli.tables import number
from syncline.model.contests import EntryStatus, RoundStatus
from syncline.status.rounds import RoundOverview
from syncline.store import audit

__all__ = ["freeze"]

_SERVICE = "freeze_coordinator"


def freeze(wanted: int, *, as_json: bool) -> int:
    """Freeze the round; returns the exit code: 0 where it is frozen, whatever became of the webhook.

    Raises:
        SynclineError: there is no such round.
    """
    _ask(wanted)
    code = manual_run(Wish(source=_SERVICE, parameters={"round_number": wanted}), as_json=as_json)
    with opened() as instance, instance.store.read() as connection:
        one = found(connection, wanted)
    if not as_json:
        console.line(_said(one))
    return code if code or one.round.status is RoundStatus.FROZEN else 1


def _ask(wanted: int) -> None:
    """See that there is such a round, before Prefect is started for it, and put on record who froze it."""
    with opened() as instance, instance.store.write() as connection:
        found(connection, wanted)
        audit.record(connection, actor=actor(), action="round.freeze", target=f"round/{wanted}", now=instance.now())


def _said(one: RoundOverview) -> str:
    row = one.round
    if row.status is RoundStatus.FROZEN:
        of_each = ", ".join(f"{number(one.counts[status])} {status.value}" for status in EntryStatus)
        return f"round {row.number} is frozen: {number(one.entries)} entries ({of_each}), {one.content_hash}"
    if row.status is RoundStatus.FREEZING:
        again = f"`syncline rounds freeze {row.number}` goes on where this ended, as does the next scheduled run"
        return f"round {row.number} is not frozen yet: {again}"
    return f"round {row.number} is still open"
