"""Admission of one run: facts, decision and record in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from syncline import results
from syncline.admission import refused
from syncline.admission.apply import Writing, apply
from syncline.admission.decide import Decision, decide, refusal
from syncline.admission.due_run import Admission, DueRun, Queued, lease_name
from syncline.admission.facts import Facts, on_record, read_facts
from syncline.kernel_settings import KernelSettings
from syncline.model.source import Source
from syncline.store import heartbeats, leases
from syncline.store.breakers import Breakers
from syncline.store.engine import Store

__all__ = ["admit", "ask", "turn_away"]


def admit(
    store: Store,
    source: Source,
    run: DueRun,
    *,
    process: leases.Process | None = None,
    settings: Callable[[], KernelSettings] | None = None,
) -> Admission:
    """Open a session and take the source's lease, or put on record why not.

    Not admitted are: a run of a source that is paused, which is deferred once more if it was deferred before; a late
    scheduled run that the source's `catch_up` leaves out; a run of a source whose breaker is open; a scheduled run of a
    source whose newest session waits for a rate limit or a budget; and a run of a source that another session works on,
    which is skipped, or deferred if the source's policies let it wait (`wait.admit_in_turn` waits). A session whose
    process died is closed as crashed.

    If `settings` are given, a source that is held because its credentials were refused is released if they changed.
    """
    if settings is not None:
        refused.release_changed(store, source, settings, account_id=run.account_id)
    decided = ask(store, source, run, process=process, timed_out=True)
    assert isinstance(decided, Admission)  # a run that has timed out does not wait
    return decided


def ask(
    store: Store,
    source: Source,
    run: DueRun,
    *,
    process: leases.Process | None = None,
    ticket: Queued | None = None,
    earlier_pending: bool = False,
    timed_out: bool = False,
) -> Admission | Queued:
    """Decide as `admit` does; a run that may wait for its turn gets a ticket.

    Args:
        store: the database.
        source: what is to be brought up to date.
        run: the run that is due.
        process: the process that runs it; this one unless it is given.
        ticket: what the last call returned, if the run asks again.
        earlier_pending: whether an earlier tick is known whose run has not asked yet; a late run waits for it.
        timed_out: whether the run may wait no longer: it is deferred if it is not its turn.
    """

    def choose(facts: Facts, now: datetime) -> Decision:
        known = replace(facts, earlier_pending=earlier_pending, timed_out=timed_out)
        return decide(known, source, run, now)

    decided = _decided(store, source, run, choose, process=process, ticket=ticket)
    assert decided is not None  # `decide` always decides
    return decided


def turn_away(store: Store, source: Source, run: DueRun) -> Admission | None:
    """Put on record that a run which has not begun would be refused; None if nothing but its turn could stop it."""
    decided = _decided(store, source, run, lambda facts, now: refusal(facts, source, run, now))
    assert not isinstance(decided, Queued)  # `refusal` lets no run wait
    return decided


def _decided(
    store: Store,
    source: Source,
    run: DueRun,
    choose: Callable[[Facts, datetime], Decision | None],
    *,
    process: leases.Process | None = None,
    ticket: Queued | None = None,
) -> Admission | Queued | None:
    breaker, process = Breakers(store).state(source), process or leases.Process.current()

    def attempt(connection: Connection) -> tuple[Admission | Queued | None, Writing | None]:
        while True:
            lease = leases.holder(connection, lease_name(source.name, run.account_id), locked=True)
            known = on_record(connection, source, run)
            if known is not None:
                return Admission.of(known), None
            now = store.now(connection)  # read after the lease row was locked
            facts = read_facts(connection, source, run, now, breaker=breaker, lease=lease, ticket=ticket)
            decision = choose(facts, now)
            if decision is None:
                return None, None
            writing = Writing(source=source, run=run, facts=facts, now=now)
            applied = apply(connection, decision, process, writing)
            if applied is not None:
                return applied, writing
            # Another run made the lease's row first. It is there now, so the next round locks it and ends here.

    decided, writing = store.transact(attempt)
    if writing is not None:
        heartbeats.note(store, *writing.beats)
        results.notify(store, writing.closed)
    return decided
