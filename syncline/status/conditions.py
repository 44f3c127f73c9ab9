"""Which alert conditions hold now, read from the database; `syncline.store.alerts` remembers for how long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import col

from syncline.model.alerts import Condition, Rule
from syncline.model.records import CheckpointRow, Hold
from syncline.model.service import Service
from syncline.status.guards import Guards, breaker_words, budget_words, guards
from syncline.status.recent import Recent, recent_runs
from syncline.store import holds, sessions
from syncline.store.engine import Store

__all__ = ["RETRIES_ABOVE", "USAGE_ABOVE", "Facts", "conditions", "facts", "failure_ratio"]

RETRIES_ABOVE = 10
USAGE_ABOVE = 0.9
_FAILURES_ABOVE = 0.5
_WINDOW = timedelta(minutes=10)
"""The runs that count for the failure rate; of a source that runs less often, its last two."""
_LEAST_RUNS = 2


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What alerts go by, of one source.

    Attributes:
        name: the source.
        guards: its breaker and its budgets.
        recent: its last runs.
        retries: how many attempts failed since the last success, those of an open session included.
        refused: its holds in force, and those of its accounts, that were made because credentials were refused.
        deletion_refused: whether its last full pass refused to delete what it would have had to.
    """

    name: str
    guards: Guards
    recent: Recent
    retries: int
    refused: tuple[Hold, ...]
    deletion_refused: bool


def facts(store: Store, sources: Iterable[Service]) -> list[Facts]:
    """The facts of each of `sources` now.

    Raises:
        DatabaseUnavailableError: the database cannot be reached.
    """
    sources = tuple(sources)
    guarded = guards(store, sources)
    with store.read() as connection:
        held = [hold for hold in holds.active_all(connection, now=store.now(connection)) if hold.refused is not None]
        under_way = sessions.running(connection)
        refusing = set(
            connection.scalars(select(col(CheckpointRow.source)).where(col(CheckpointRow.refusal).is_not(None)))
        )
        recents = {source.name: recent_runs(connection, source.name) for source in sources}
    return [
        Facts(
            name=source.name,
            guards=guarded[source.name],
            recent=recents[source.name],
            retries=recents[source.name].failed_attempts
            + sum(session.retry_count for session in under_way if session.source == source.name),
            refused=tuple(hold for hold in held if hold.source == source.name),
            deletion_refused=source.name in refusing,
        )
        for source in sources
    ]


def failure_ratio(recent: Recent, now: datetime) -> float | None:
    """The part of the runs of the last ten minutes that failed, 0 to 1; of the last two where these are fewer.

    None where there were not two: one failed run is no rate.
    """
    counted = [run for run in recent.runs if now - run.ended_at <= _WINDOW]
    if len(counted) < _LEAST_RUNS:
        counted = list(recent.runs[:_LEAST_RUNS])
    if len(counted) < _LEAST_RUNS:
        return None
    return sum(not run.succeeded for run in counted) / len(counted)


def conditions(found: Sequence[Facts], stalled: Mapping[str, str], now: datetime) -> list[Condition]:
    """The conditions that hold at `now`, each once; `stalled` has a sentence for each source that does not run."""
    every = [condition for one in found for condition in _of(one, now)]
    every += [Condition(rule=Rule.STALLED, subject=name, said=said) for name, said in stalled.items()]
    return list({condition.key: condition for condition in every}.values())


def _of(one: Facts, now: datetime) -> Iterator[Condition]:
    name = one.name
    if not one.guards.is_closed:
        said = f"the breaker of {name} is {breaker_words(one.guards)}; see `syncline breaker show {name}`"
        yield Condition(rule=Rule.BREAKER_OPEN, subject=name, said=said)
    ratio = failure_ratio(one.recent, now)
    if ratio is not None and ratio > _FAILURES_ABOVE:
        said = f"{ratio:.0%} of the last runs of {name} failed{_last_error(one.recent)}; see `syncline history {name}`"
        yield Condition(rule=Rule.FAILING, subject=name, said=said)
    if one.retries > RETRIES_ABOVE:
        said = f"{one.retries} attempts of {name} failed since its last success{_last_error(one.recent)}"
        yield Condition(rule=Rule.RETRIES, subject=name, said=said)
    for use in one.guards.budgets:
        if use.fraction > USAGE_ABOVE:
            said = f"the budget {use.name} is nearly spent: {budget_words(use)}"
            yield Condition(rule=Rule.RATE_LIMIT, subject=use.name, said=said)
    if one.deletion_refused:
        said = f"a full pass of {name} refused to delete rows; see `syncline history {name}`"
        yield Condition(rule=Rule.DELETION_REFUSED, subject=name, said=said)
    for hold in one.refused:
        subject = name if hold.account_id is None else f"{name}/{hold.account_id}"
        yield Condition(rule=Rule.CREDENTIALS_REFUSED, subject=subject, said=f"{subject} is held: {hold.reason}")


def _last_error(recent: Recent) -> str:
    """The error of the last run, which the store has masked; empty where it went well."""
    error = recent.last.error if recent.last is not None else None
    return "" if error is None else f" ({error[:200]})"
