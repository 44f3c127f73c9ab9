"""Accounting for ticks: Prefect's schedules are compared with the sessions, and each tick gets its outcome."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterExpectedStartTime
from prefect.client.schemas.objects import FlowRun
from prefect.logging import get_logger
from sqlalchemy import Connection

from deployments.flow_runs import read_all
from deployments.known import Known, known_deployments
from deployments.schedules.ticks import in_force, shifts_of, ticks_of
from deployments.unseen import is_over, record_unseen
from syncline import results
from syncline.model.policies import Mode
from syncline.model.timetable import Timetable
from syncline.passes import accounting
from syncline.passes.accounting import SETTLING, Gap, Span, Window
from syncline.settings import Settings
from syncline.store import audit, missed, timetables
from syncline.store.engine import Store
from syncline.store.missed import MissedTick
from tasks.due import plain

__all__ = ["account_for_ticks"]

_SWITCHES = ("schedule.start", "schedule.stop")


@dataclass(frozen=True, kw_only=True)
class _Look:
    """One look at one deployment.

    Attributes:
        before: its timetable as the last look left it.
        known: what Prefect says of it; None where it has been deleted.
        spans: which schedules were in force when.
        gaps: when nothing looked.
        after: up to here each tick has its outcome.
        until: ticks up to here are looked at now.
        now: the store's time.
    """

    before: Timetable
    known: Known | None
    spans: tuple[Span, ...]
    gaps: tuple[Gap, ...]
    after: datetime
    until: datetime
    now: datetime


async def account_for_ticks(
    client: PrefectClient, settings: Settings, store: Store, *, ahead: timedelta = timedelta()
) -> list[str]:
    """Put on record what became of each tick since the last look; returns the ids of the sessions made.

    The first look at a deployment only begins. What goes wrong with one is logged, and keeps out no other: its next
    look begins where the last one ended.

    Args:
        client: Prefect's.
        settings: how long history is kept: ticks that are older get no record any more.
        store: the database.
        ahead: how much Prefect's clock is ahead of the store's.
    """
    known = {one.full_name: one for one in await known_deployments(client)}
    before, now = await asyncio.to_thread(_timetables, store)
    oldest = now - timedelta(days=settings.keep.sessions_days)
    made: list[str] = []
    for name in sorted(known.keys() | before.keys()):
        try:
            if name not in before:
                await asyncio.to_thread(_begin, store, known[name], now)
            else:
                look = _look(before[name], known.get(name), now, oldest=oldest, ahead=ahead)
                made += await _account(client, store, look)
        except httpx.TransportError:
            raise
        except Exception:  # noqa: BLE001 - the others are looked at, and this one again in the next round
            get_logger("syncline").warning("the ticks of %s were not accounted for", name, exc_info=True)
    return made


def _timetables(store: Store) -> tuple[dict[str, Timetable], datetime]:
    with store.read() as connection:
        return {row.deployment: row for row in timetables.every(connection)}, store.now(connection)


def _begin(store: Store, known: Known, now: datetime) -> None:
    spans = accounting.dump([Span(since=now, schedules=in_force(known.deployment))])
    with store.write() as connection:
        timetables.begin(connection, known.full_name, source=known.source, spans=spans, now=now)


def _look(before: Timetable, known: Known | None, now: datetime, *, oldest: datetime, ahead: timedelta) -> _Look:
    schedules = () if known is None else in_force(known.deployment)
    spans = accounting.load_spans(before.spans)
    changed_at = _changed_at(before, spans, known, now, ahead)
    gap = accounting.gap_between(before.seen_at, now, away_since=before.away_since)
    is_ahead = before.accounted_to > now  # the clock was set back: the ticks since are looked at once more
    return _Look(
        before=before,
        known=known,
        spans=accounting.changed(spans, schedules, at=changed_at),
        gaps=(*accounting.load_gaps(before.gaps), *([] if gap is None else [gap])),
        after=max(now - SETTLING if is_ahead else before.accounted_to, oldest),
        until=now - SETTLING,
        now=now,
    )


def _changed_at(
    before: Timetable, spans: tuple[Span, ...], known: Known | None, now: datetime, ahead: timedelta
) -> datetime:
    """Since when Prefect has what it has now: by its own records, between the last look and this one."""
    if known is None:
        return before.seen_at
    deployment = known.deployment
    was_off, is_off = not spans[-1].schedules, deployment.paused
    told = [deployment.updated] if was_off or is_off else [one.updated for one in deployment.schedules]
    instants = [instant - ahead for instant in map(plain, told) if instant is not None]
    return min(max([before.seen_at, *instants]), now)


async def _account(client: PrefectClient, store: Store, look: _Look) -> list[str]:
    """Give each tick of the look an outcome, then say how far it went."""
    windows = accounting.windows(look.spans, after=look.after, until=look.until)
    due = await asyncio.to_thread(ticks_of, windows)
    answered = await asyncio.to_thread(_answered, store, look, windows, list(due))
    left = [tick for tick in due if tick not in answered]
    made: list[str] = []
    coming: set[datetime] = set()
    if left and look.known is not None:
        runs = await _runs(client, look.known, left)
        made += await asyncio.to_thread(
            record_unseen, store, look.before.source, [r for r in runs.values() if is_over(r)]
        )
        coming = {tick for tick, run in runs.items() if not is_over(run)}
        answered |= runs.keys() - coming
    found = accounting.account(due, answered=answered, coming=coming, until=max(look.after, look.until))
    made += await asyncio.to_thread(_write, store, look, found, due)
    return made


def _answered(store: Store, look: _Look, windows: list[Window], due: list[datetime]) -> set[datetime]:
    """Ticks that have a session, and those for which an operator had stopped the source."""
    source = look.before.source
    if not due:
        return set()
    with store.read() as connection:
        known = missed.answered(connection, source, due)
        moved = _moved(connection, source, windows, [tick for tick in due if tick not in known])
        switches = audit.of_target(connection, source, _SWITCHES, since=look.after)
    off = accounting.stopped_windows(switches)
    return known | moved | {tick for tick in due if any(first <= tick <= last for first, last in off)}


def _moved(connection: Connection, source: str, windows: list[Window], left: list[datetime]) -> set[datetime]:
    """Those of the ticks that Prefect planned by the clock before a change, or after it, and that have a session.

    What Prefect planned is the truth; a session of another tick of the same schedules is not taken for one.
    """
    shifts = shifts_of(windows) if left else None
    if not shifts:
        return set()
    most = max(shifts)
    wide = ticks_of([replace(one, after=one.after - most, until=one.until + most) for one in windows])
    found: set[datetime] = set()
    for shift in shifts:
        planned = missed.answered(connection, source, [tick + shift for tick in left])
        found |= {tick - shift for tick in planned if tick not in wide}
    return found


async def _runs(client: PrefectClient, known: Known, ticks: list[datetime]) -> dict[datetime, FlowRun]:
    """The runs that Prefect planned of these ticks; of several of one tick, one that is not over."""
    between = FlowRunFilterExpectedStartTime.model_validate({"after_": ticks[0], "before_": ticks[-1]})
    wanted = FlowRunFilter(expected_start_time=between)
    found: dict[datetime, FlowRun] = {}
    for run in await read_all(client, wanted, deployments=[known.deployment.id]):
        tick = plain(run.expected_start_time)
        if tick is not None and run.auto_scheduled and (tick not in found or is_over(found[tick])):
            found[tick] = run
    return {tick: found[tick] for tick in ticks if tick in found}


def _write(store: Store, look: _Look, found: accounting.Accounted, due: dict[datetime, Mode]) -> list[str]:
    """First the missed ticks, then how far everything is accounted for: interrupted, the next look does the rest."""
    source = look.before.source
    ticks = [
        MissedTick(tick=tick, mode=due[tick], reason=accounting.cause_of(tick, look.gaps)) for tick in found.missed
    ]
    made = missed.record(store, source, ticks)
    results.notify(store, made)
    spans = accounting.spans_after(look.spans, found.accounted_to)
    gaps = [gap for gap in look.gaps if gap.until > found.accounted_to]
    with store.write() as connection:
        timetables.advance(
            connection,
            look.before,
            spans=accounting.dump(spans),
            gaps=accounting.dump(gaps),
            accounted_to=found.accounted_to,
            now=look.now,
        )
    return made
