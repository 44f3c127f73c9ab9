"""The plan of the budgets, from prefect.yaml and the sources: what all schedules together ask of each upstream."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from deployments.schedules.file import Deployment, ScheduleEntry, read_deployments
from deployments.schedules.ticks import ticks_between
from flows.registry import find
from syncline.model.budgets import Policy
from syncline.model.source import Source
from syncline.resilience.plan import BudgetLoad, Demand, allowance, loads
from syncline.words import interval

__all__ = ["budget_loads", "complaint", "line"]

_BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday: crons are looked at for a week."""
_WEEK = timedelta(days=7)
_MOST_TICKS = 20_000


def budget_loads(
    deployments: list[Deployment] | None = None,
    *,
    overrides: Mapping[str, float] | None = None,
    measured: Mapping[str, float] | None = None,
) -> list[BudgetLoad]:
    """Each budget with what the schedules ask of it.

    Args:
        deployments: those of prefect.yaml, unless given.
        overrides: the seconds between runs of sources whose interval was set otherwise.
        measured: how many requests the runs of a source sent lately; where that is more than it declares, it counts.

    Raises:
        ConfigurationError: prefect.yaml or a source cannot be used.
    """
    policies: dict[str, Policy] = {}
    demands: list[Demand] = []
    for deployment in read_deployments() if deployments is None else deployments:
        source = find(deployment.source)
        policies |= {key.name: key.policy for key in source.upstream.budget_keys if key.policy is not None}
        override = (overrides or {}).get(source.name) if deployment.name == source.name else None
        demands += _demands(deployment, source, override, (measured or {}).get(source.name, 0))
    return loads(demands, policies)


def line(load: BudgetLoad) -> str:
    """A budget, what it admits, and what each source asks of it."""
    admits, period = load.allowance.requests, load.allowance.period_seconds
    asked = " + ".join(
        f"{one.source} {one.by or f'every {interval(one.interval_seconds)}'} = {one.requests_in(period):.3g}"
        for one in load.demands
    )
    verdict = "✅" if load.fits else "❌"
    return f"{load.budget}: {admits:g} requests in {interval(period)} {verdict} {load.requests:.3g} asked for ({asked})"


def complaint(load: BudgetLoad, variables: Mapping[str, str] | None = None) -> str | None:
    """What to change where the plan cannot fit, in one line; None where it does.

    Args:
        load: the budget.
        variables: the variable of the environment that sets the interval of a source, in milliseconds.
    """
    if load.fits:
        return None
    period = interval(load.allowance.period_seconds)
    named = [(variables or {}).get(one.source) for one in load.demands]
    would = ", ".join(
        _remedy(name, one.source, load.fitting_seconds(one)) for name, one in zip(named, load.demands, strict=True)
    )
    where = " and ".join(
        sorted({"prefect.yaml" if name is None else "the environment" for name in named}, reverse=True)
    )
    return (
        f"budget {load.budget} admits {load.allowance.requests:g} requests in {period}, but the schedules ask for "
        f"{load.requests:.3g}: set longer intervals in {where}, such as {would}"
    )


def _remedy(variable: str | None, source: str, seconds: int) -> str:
    return f"{source} every {seconds} s" if variable is None else f"{variable}={1_000 * seconds}"


def _demands(deployment: Deployment, source: Source, override: float | None, measured: float) -> list[Demand]:
    entries = deployment.schedules[:1] if override is not None else deployment.schedules
    return [
        Demand(
            source=source.name,
            budget=f"{source.upstream.name}:{budget.name}",
            interval_seconds=override or _interval_seconds(entry, budget.policy),
            by="" if override is not None or entry.interval is not None else f"by {entry.text}",
            requests_per_run=requests if len(source.planned_requests) > 1 else max(requests, measured),
        )
        for entry in entries
        for budget in source.upstream.budgets
        if (requests := source.planned_requests.get(budget.name, 0))
    ]


def _interval_seconds(entry: ScheduleEntry, policy: Policy) -> float:
    """The time between two runs; of a cron, in the period of the budget in which it runs most often."""
    if entry.interval is not None:
        return entry.interval
    period = allowance(policy).period_seconds
    ticks = asyncio.run(ticks_between(entry, _BEGIN, _BEGIN + _WEEK, most=_MOST_TICKS))
    most = max((bisect_left(ticks, tick + period) - index for index, tick in enumerate(ticks)), default=0)
    return period / most if most else _WEEK.total_seconds()
