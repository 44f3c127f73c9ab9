"""The sources now: a table of all, one of them in full, or JSON."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.text import Text

from cli import catalog, console
from cli.fates import fate, why
from cli.instance import opened
from cli.source_state import held, note, progress, state, waiting
from cli.status_guards import breaker, budget, guard_facts
from cli.status_json import as_json_object
from cli.tables import Column, Fact, number, print_facts, print_table
from cli.times import ago, lasted
from cli.timetable import Timing, timetable
from syncline.model.session import SyncSession
from syncline.status.guards import Guards, guards
from syncline.status.overview import SourceOverview, overview
from syncline.status.row_counts import RowCount

__all__ = ["COLUMNS", "facts", "row", "show"]

COLUMNS = (
    Column(title="Source"),
    Column(title="State"),
    Column(title="Rows", right=True, rank=5),
    Column(title="Last run", rank=1),
    Column(title="Ended", right=True, rank=3),
    Column(title="Took", right=True, rank=6),
    Column(title="Next", right=True, rank=4),
    Column(title="Breaker", rank=1),
    Column(title="Budget", right=True, rank=7),
    Column(title="Note", least=24, rank=2),
)


def show(source: str | None, *, as_json: bool) -> None:
    """Print the state of one source or of all."""
    with opened() as instance:
        declared = catalog.every() if source is None else [catalog.find(source)]
        now = instance.now()
        with instance.store.read() as connection:
            found = overview(connection, declared, now)
        guarded = guards(instance.store, declared)
        timings = timetable(instance.settings)
        if as_json:
            console.write_json([as_json_object(one, guarded[one.name], timings.get(one.name)) for one in found])
        elif source is None:
            _print_all(found, guarded, timings, now)
        else:
            one = found[0]
            print_facts(facts(one, guarded[one.name], timings.get(one.name), now))


def row(one: SourceOverview, guarded: Guards, timing: Timing | None, now: datetime) -> list[str | Text]:
    """A source's cells."""
    last = one.last_run
    return [
        one.name,
        state(one),
        _rows(one.rows),
        fate(last.status) if last else "-",
        ago(last.completed_at, now) if last else "-",
        lasted(last) if last else "-",
        _next(timing, now),
        breaker(guarded),
        budget(guarded),
        note(one, now),
    ]


def facts(one: SourceOverview, guarded: Guards, timing: Timing | None, now: datetime) -> list[Fact]:
    """All that is known of one source; an empty value is left out when it is printed."""
    last = one.last_run
    return [
        Fact(label="Source", value=f"{one.name} (from {one.upstream})"),
        Fact(label="State", value=state(one)),
        Fact(label="Rows", value=_rows(one.rows) if one.rows else ""),
        Fact(label="Running", value=progress(one.progress) if one.progress else ""),
        Fact(label="Waits for", value=waiting(one, now)),
        *(Fact(label="Hold", value=held(hold, now)) for hold in one.holds),
        Fact(label="Last run", value=_ended(last, now) if last else ""),
        Fact(label="Why", value=why(last) if last else ""),
        Fact(label="Failures", value=f"{one.consecutive_failures} in a row" if one.consecutive_failures else ""),
        *guard_facts(guarded, now),
        Fact(label="Schedule", value=timing.words if timing else ""),
        Fact(label="Next run", value=_next(timing, now) if timing else ""),
    ]


def _ended(session: SyncSession, now: datetime) -> Text:
    counts = f"{number(session.items_created)} created, {number(session.items_updated)} updated, "
    counts += f"{number(session.items_unchanged)} unchanged, {number(session.items_deleted)} deleted"
    when = f" {ago(session.completed_at, now)} in {lasted(session)}: "
    return Text.assemble(fate(session.status), when, counts)


def _print_all(
    found: Sequence[SourceOverview], guarded: Mapping[str, Guards], timings: Mapping[str, Timing], now: datetime
) -> None:
    print_table(COLUMNS, [row(one, guarded[one.name], timings.get(one.name), now) for one in found])
    if not timings:
        console.warn("Prefect is not running here, so nothing is scheduled: `syncline up` starts it")


def _rows(rows: RowCount | None) -> str:
    if rows is None:
        return "-"
    return number(rows.rows) if rows.exact else f"~{number(rows.rows)}"


def _next(timing: Timing | None, now: datetime) -> str:
    if timing is None:
        return "-"
    if not timing.is_set_up:
        return "not set up"
    return ago(timing.next_run_at, now) if timing.active else "stopped"
