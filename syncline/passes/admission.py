"""Admission: whether a due run may start, decided and recorded in one transaction."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from syncline.model.source import Source
from syncline.passes import refused, results
from syncline.passes.door import Door
from syncline.passes.due import Admission, Due, Wait, lease_name
from syncline.passes.refusals import said_of_breaker
from syncline.settings import Settings
from syncline.store import heartbeats, leases
from syncline.store.breakers import Breakers
from syncline.store.engine import Store

__all__ = ["Admission", "Due", "Wait", "admit", "ask", "lease_name", "said_of_breaker", "turn_away"]


def admit(
    store: Store,
    source: Source,
    due: Due,
    *,
    process: leases.Process | None = None,
    settings: Callable[[], Settings] | None = None,
) -> Admission:
    """Open a session and take the source's lease, or put on record why not.

    Not admitted are: a run of a source that is paused, which is put off once more if it was put off before; a late
    scheduled run that the source's `catch_up` leaves out; a run of a source whose breaker is open; a scheduled run of a
    source whose newest session waits for a rate limit or a budget; and one of a source that another session works on,
    which is skipped or, where the source's policies let it wait, deferred: whoever has time to wait calls
    `queueing.admit_in_turn`. A session whose process died is closed as crashed.

    Where `settings` are given, a source that is held because its credentials were refused is released if they changed.
    """
    if settings is not None:
        refused.release_changed(store, source, settings, account_id=due.account_id)
    decided = ask(store, source, due, process=process, gives_up=True)
    assert isinstance(decided, Admission)
    return decided


def ask(
    store: Store,
    source: Source,
    due: Due,
    *,
    process: leases.Process | None = None,
    place: Wait | None = None,
    behind: bool = False,
    gives_up: bool = False,
) -> Admission | Wait:
    """Decide as `admit` does; where the run may wait for its turn, it takes a place in the queue.

    Args:
        store: the database.
        source: what is to be brought up to date.
        due: the run.
        process: the process that runs it; this one unless it is given.
        place: what was said the last time, where it asks again.
        behind: whether an earlier tick is known to be on its way, which a late run waits for.
        gives_up: whether it waits no longer: it is deferred where its turn has not come.
    """
    decided = _decide(store, source, due, process=process, place=place, behind=behind, gives_up=gives_up)
    assert decided is not None  # a run that is there to begin is let in, turned away, or waits
    return decided


def turn_away(store: Store, source: Source, due: Due) -> Admission | None:
    """Put on record that a run which has not begun would be turned away; None where it would not be."""
    decided = _decide(store, source, due, begins=False)
    assert not isinstance(decided, Wait)  # only a run that is there to begin waits
    return decided


def _decide(
    store: Store,
    source: Source,
    due: Due,
    *,
    process: leases.Process | None = None,
    place: Wait | None = None,
    behind: bool = False,
    gives_up: bool = False,
    begins: bool = True,
) -> Admission | Wait | None:
    breaker, process = Breakers(store).state(source), process or leases.Process.current()

    def decide(connection: Connection) -> tuple[Admission | Wait | None, Door]:
        lease = leases.holder(connection, lease_name(source.name, due.account_id), locked=True)
        door = Door(
            connection=connection,
            source=source,
            due=due,
            now=store.now(connection),  # read after the lease row was locked
            process=process,
            lease=lease,
            breaker=breaker,
            place=place,
            behind=behind,
            gives_up=gives_up,
            begins=begins,
        )
        return door.decide(), door

    decided, door = store.transact(decide)
    heartbeats.note(store, *door.beats)
    results.tell(store, door.closed)
    return decided
