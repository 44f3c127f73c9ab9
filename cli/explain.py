"""`syncline explain`: why a source ran or did not, in sentences, from the same report as all other faces."""

from collections.abc import Iterator
from datetime import datetime

from cli import accounts_table, console
from cli.instance import opened
from cli.options import AsJson, MaybeAccount, OneSource
from cli.outcomes import why
from cli.session_text import follows
from cli.source_state import held, progress, waiting
from cli.status import reported
from syncline.model.session import SyncSession
from syncline.status.protection import breaker_words, budget_words
from syncline.status.report import Report, SourceReport
from syncline.words import ago, iso_instant

__all__ = ["explain", "sentences"]


def explain(source: OneSource, *, account: MaybeAccount = None, as_json: AsJson = False) -> None:
    """Say in sentences why a source ran or did not: its last tick, holds, breaker, budgets, schedule and next run.

    With --account, why that account is synced or not, and when next.
    """
    if account is not None:
        accounts_table.explain(account, as_json=as_json)
        return
    with opened() as instance:
        report = reported(instance, source)
    one = report.of(source)
    told = list(sentences(one, report))
    if as_json:
        state = {"source": source, "at": report.at, "state": one.state.value, "next_run_at": one.next_run.at}
        console.write_json(state | {"explanation": told})
    else:
        for sentence in told:
            console.line(sentence)


def sentences(one: SourceReport, report: Report) -> Iterator[str]:
    """What is known, from the last tick to the next."""
    seen, now = one.seen, report.at
    yield f"{one.name} is {one.state.value}."
    if seen.progress is not None:
        waits = waiting(seen, now)
        yield f"A session is open ({seen.progress.session.id}): {progress(seen.progress)}." + (
            f" It waits: {waits}." if waits else ""
        )
    if seen.last is None:
        yield "It has no session yet: no tick has come, and nobody has asked for a run."
    else:
        yield f"Its last session {_told(seen.last, now)}"
        if seen.last_run is not None and seen.last_run.id != seen.last.id:
            yield f"The last one that ran {_told(seen.last_run, now)}"
    yield from (f"Wrong: {problem.sentence}." for problem in (*one.problems, *report.problems))
    yield from _obstacles(one, now)
    yield from _schedule(one, now)


def _told(session: SyncSession, now: datetime) -> str:
    tick = f" for the tick of {iso_instant(session.scheduled_for)}" if session.scheduled_for else ""
    said = why(session).rstrip(".")
    reason = f": {said}" if said else ""
    began = f"began {ago(session.started_at, now)}{tick} (trigger: {session.trigger.value})"
    then = follows(session)
    return f"{began} and is {session.status.value}{reason}{'' if said.endswith(then) else f'; {then}'}."


def _obstacles(one: SourceReport, now: datetime) -> Iterator[str]:
    """What stands between the source and its upstream."""
    if one.missing is not None:
        yield f"Its upstream is not set up: {one.missing} is not set."
    if not one.seen.holds:
        yield "No hold is in force."
    yield from (f"A hold of {hold.created_by}: {held(hold, now)}." for hold in one.seen.holds)
    yield f"Its breaker is {breaker_words(one.protection)}."
    yield from (f"The budget {use.name}: {budget_words(use)}." for use in one.protection.budgets)
    if one.protection.blocked_until is not None:
        yield f"Its upstream wants no request until {iso_instant(one.protection.blocked_until)}."


def _schedule(one: SourceReport, now: datetime) -> Iterator[str]:
    if one.next_run.schedule is not None:
        yield f"Its schedule: {one.next_run.schedule}{'' if one.next_run.active else ', switched off'}."
    if one.next_run.at is not None:
        yield f"It runs next {ago(one.next_run.at, now)}, at {iso_instant(one.next_run.at)}."
    else:
        yield f"When it runs next: {one.next_run.why}."
