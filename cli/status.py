"""`syncline status`: the sources now, a table of all, one of them in full, or JSON."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.text import Text

from cli import console
from cli.declared import Declared, declared
from cli.instance import Instance, opened
from cli.options import AsJson, MaybeSource
from cli.outcomes import outcome, state_text, why
from cli.source_state import held, next_run, note, progress, waiting
from cli.status_protection import breaker, budget, protection_facts
from cli.tables import Column, Fact, number, print_facts, print_table
from deployments.schedules import prefect_schedules
from deployments.schedules.expected_interval import cadence_of
from syncline.errors import PrefectUnavailableError, UnknownSourceError
from syncline.model.session import SyncSession
from syncline.model.source import named
from syncline.settings import Settings
from syncline.status.reading import read_report
from syncline.status.report import Report, SourceReport
from syncline.status.row_counts import RowCount
from syncline.status.schedules import Schedule, Schedules, unknown_because
from syncline.status.source_json import source_json
from syncline.store import schedules
from syncline.store.engine import Store
from syncline.words import ago, lasted

__all__ = ["COLUMNS", "facts", "reported", "row", "status"]

_ANSWER_SECONDS = 4
COLUMNS = (
    Column(title="Source"),
    Column(title="State"),
    Column(title="Next run", right=True, rank=1),
    Column(title="Last run", rank=2),
    Column(title="Fresh", right=True, rank=4),
    Column(title="Rows", right=True, rank=5),
    Column(title="Took", right=True, rank=7),
    Column(title="Breaker", rank=6),
    Column(title="Budget", right=True, rank=8),
    Column(title="Note", least=10, preferred=40, rank=3),
)


def status(source: MaybeSource = None, *, as_json: AsJson = False) -> None:
    """Show what each source does now, how its last run ended, what it waits for, and when it runs next."""
    with opened() as instance:
        report = reported(instance, source)
        if as_json:
            console.write_json([source_json(one, report.at).model_dump(mode="json") for one in report.sources])
        elif source is None:
            print_table(COLUMNS, [row(one, report.at) for one in report.sources])
        else:
            print_facts(facts(report.sources[0], report.at))
        _warn(report)


def reported(instance: Instance, source: str | None) -> Report:
    """The report on one source or on all.

    Raises:
        UnknownSourceError: there is no such source.
        ConfigurationError: a file of `flows/`, or prefect.yaml, cannot be loaded.
    """
    known = declared(instance.settings)
    asked = None if source is None else named(known.sources, source)
    if source is not None and asked is None:
        raise UnknownSourceError(source, tuple(one.name for one in known.sources))
    wanted = known.sources if asked is None else (asked,)
    tables = {one.name: known.tables[one.name] for one in wanted if one.name in known.tables}
    planned = _schedules(instance.settings, instance.store, known, [one.name for one in wanted])
    return read_report(instance.store, instance.settings, wanted, planned, tables)


def _schedules(settings: Settings, store: Store, known: Declared, sources: Sequence[str]) -> Schedules:
    """When `sources` run, as Prefect and prefect.yaml know it; a server that is away or slow takes a few seconds."""
    planned: Mapping[str, Schedule] = {}
    unknown: str | None = None
    try:
        asked = prefect_schedules.scheduled(settings, sources)
        planned = asyncio.run(asyncio.wait_for(asked, _ANSWER_SECONDS))
    except (PrefectUnavailableError, TimeoutError) as error:
        unknown = unknown_because(error)
    with store.read() as connection:
        overrides = schedules.overrides(connection)
    cadences = {source: cadence_of(rules, overrides.get(source)) for source, rules in known.rules.items()}
    return Schedules(by_source=planned, unknown=unknown, cadences=cadences)


def row(one: SourceReport, now: datetime) -> list[str | Text]:
    """A source's cells."""
    seen = one.seen
    last = seen.last_run
    return [
        one.name,
        state_text(one.state),
        next_run(one.next_run, now),
        Text.assemble(outcome(last.status), f" {ago(last.completed_at, now)}") if last else "-",
        ago(seen.freshness.read_at, now) if seen.freshness.read_at else "-",
        _rows(seen.rows),
        lasted(last.started_at, last.completed_at) if last else "-",
        breaker(one.protection),
        budget(one.protection),
        note(one, now),
    ]


def facts(one: SourceReport, now: datetime) -> list[Fact]:
    """All that is known of one source; an empty value is left out when it is printed."""
    seen = one.seen
    last, fresh = seen.last_run, seen.freshness
    return [
        Fact(label="Source", value=f"{one.name} (from {seen.upstream})"),
        Fact(label="State", value=state_text(one.state)),
        *(Fact(label="Problem", value=Text(problem.sentence, style="red")) for problem in one.problems),
        Fact(label="Rows", value=_rows(seen.rows) if seen.rows else ""),
        Fact(label="Fresh", value=ago(fresh.read_at, now) if fresh.read_at else ""),
        Fact(label="Read in full", value=ago(fresh.full_at, now) if fresh.full_at else ""),
        Fact(label="Running", value=progress(seen.progress) if seen.progress else ""),
        Fact(label="Waits for", value=waiting(seen, now)),
        *(Fact(label="Hold", value=held(hold, now)) for hold in seen.holds),
        Fact(label="Last run", value=_ended(last, now) if last else ""),
        Fact(label="Why", value=why(last) if last else ""),
        Fact(label="Failures", value=f"{seen.consecutive_failures} in a row" if seen.consecutive_failures else ""),
        *protection_facts(one.protection, now),
        Fact(label="Schedule", value=one.next_run.schedule or ""),
        Fact(label="Next run", value=ago(one.next_run.at, now) if one.next_run.at else one.next_run.why or ""),
    ]


def _ended(session: SyncSession, now: datetime) -> Text:
    counts = f"{number(session.items_created)} created, {number(session.items_updated)} updated, "
    counts += f"{number(session.items_unchanged)} unchanged, {number(session.items_deleted)} deleted"
    when = f" {ago(session.completed_at, now)} in {lasted(session.started_at, session.completed_at)}: "
    return Text.assemble(outcome(session.status), when, counts)


def _warn(report: Report) -> None:
    for problem in report.problems:
        console.warn(problem.sentence)


def _rows(rows: RowCount | None) -> str:
    if rows is None:
        return "-"
    return number(rows.rows) if rows.exact else f"~{number(rows.rows)}"
