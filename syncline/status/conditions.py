"""Which alert conditions hold, by the report; `syncline.store.alerts` remembers for how long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from syncline.model.alerts import Condition, Rule
from syncline.status.problems import Problem, ProblemKind
from syncline.status.protection import breaker_words, budget_words
from syncline.status.recent import Recent
from syncline.status.report import Report, SourceReport

__all__ = ["RETRIES_ABOVE", "USAGE_ABOVE", "conditions", "failure_ratio"]

RETRIES_ABOVE = 10
USAGE_ABOVE = 0.9
_FAILURES_ABOVE = 0.5
_WINDOW = timedelta(minutes=10)
"""The runs that count for the failure rate; of a source that runs less often, its last two."""
_LEAST_RUNS = 2


def failure_ratio(recent: Recent, now: datetime) -> float | None:
    """The part of the runs of the last ten minutes that failed, 0 to 1; of the last two where these are fewer.

    None if there were not two: one failed run is no rate.
    """
    counted = [run for run in recent.runs if now - run.ended_at <= _WINDOW]
    if len(counted) < _LEAST_RUNS:
        counted = list(recent.runs[:_LEAST_RUNS])
    if len(counted) < _LEAST_RUNS:
        return None
    return sum(not run.succeeded for run in counted) / len(counted)


def conditions(report: Report) -> list[Condition]:
    """The conditions that hold when `report` was read, each once."""
    every = [condition for one in report.sources for condition in _of(one, report.at)]
    every += [
        Condition(rule=Rule.NOBODY_DRAINS, subject="jobs", said=problem.sentence)
        for problem in report.problems
        if problem.kind is ProblemKind.NOBODY_DRAINS
    ]
    return list({condition.key: condition for condition in every}.values())


def _of(one: SourceReport, now: datetime) -> Iterator[Condition]:
    name, recent, retries = one.name, one.seen.recent, one.seen.retry_count
    if not one.protection.is_closed:
        said = f"the breaker of {name} is {breaker_words(one.protection)}; see `syncline breaker show {name}`"
        yield Condition(rule=Rule.BREAKER_OPEN, subject=name, said=said)
    ratio = failure_ratio(recent, now)
    if ratio is not None and ratio > _FAILURES_ABOVE:
        said = f"{ratio:.0%} of the last runs of {name} failed{_last_error(recent)}; see `syncline history {name}`"
        yield Condition(rule=Rule.FAILING, subject=name, said=said)
    if retries > RETRIES_ABOVE:
        said = f"{retries} attempts of {name} failed since its last success{_last_error(recent)}"
        yield Condition(rule=Rule.RETRIES, subject=name, said=said)
    for use in one.protection.budgets:
        if use.fraction > USAGE_ABOVE:
            said = f"the budget {use.name} is nearly spent: {budget_words(use)}"
            yield Condition(rule=Rule.RATE_LIMIT, subject=use.name, said=said)
    for hold in one.seen.holds:
        if hold.refused is not None:
            subject = name if not hold.account_id else f"{name}/{hold.account_id}"
            yield Condition(rule=Rule.CREDENTIALS_REFUSED, subject=subject, said=f"{subject} is held: {hold.reason}")
    yield from (condition for problem in one.problems if (condition := _as_condition(name, problem)) is not None)


def _as_condition(name: str, problem: Problem) -> Condition | None:
    """The alert condition of a problem; None if it is covered by another one, or by none."""
    rule = {ProblemKind.STALLED: Rule.STALLED, ProblemKind.DELETION_REFUSED: Rule.DELETION_REFUSED}.get(problem.kind)
    said = f"{name}: {problem.sentence}; see `syncline explain {name}`"
    return None if rule is None else Condition(rule=rule, subject=name, said=said)


def _last_error(recent: Recent) -> str:
    """The error of the last run, which the store has masked; empty where it went well."""
    error = recent.last.error if recent.last is not None else None
    return "" if error is None else f" ({error[:200]})"
