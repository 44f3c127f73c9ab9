"""What the measurements of budgets and breakers leave in results.json, and a table for people."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import distributions

import msgspec

from benchmarks.goals import Goal
from benchmarks.resilience.backlog import Backlog, Hits
from benchmarks.resilience.fairness import Fairness
from benchmarks.resilience.pace import Pace
from benchmarks.resilience.speeds import Speed

__all__ = ["ResilienceReport", "resilience_table"]

_PACKAGES = ("aiolimiter", "filelock", "limits", "psycopg", "pybreaker", "pyrate-limiter", "throttled-py")


def _versions() -> dict[str, str]:
    installed = {one.metadata["Name"].lower(): one.version for one in distributions()}
    return {name: installed[name] for name in _PACKAGES if name in installed}


class ResilienceReport(msgspec.Struct, kw_only=True):
    """The key `resilience` of results.json.

    Attributes:
        load_before: processes that wanted a processor when it began.
    """

    speeds: list[Speed]
    fairness: list[Fairness]
    pace: list[Pace]
    backlogs: list[Backlog]
    hits: list[Hits]
    goals: list[Goal]
    load_before: float
    date: str = msgspec.field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    versions: dict[str, str] = msgspec.field(default_factory=_versions)


def resilience_table(report: ResilienceReport) -> str:
    """The report in Markdown."""
    parts = [
        f"{report.date}: load before {report.load_before:.1f}",
        _speeds_table(report.speeds),
        _fairness_table(report.fairness),
        _goals_table(report.goals),
    ]
    return "\n\n".join(parts)


def _speeds_table(speeds: list[Speed]) -> str:
    head = "| database | decision | processes | who | right/s | right | p50 µs | p99 µs | / raw |"
    lines = [head, "| --- | --- | ---: | --- " + "| ---: " * 5 + "|"]
    for one in sorted(speeds, key=lambda one: (one.database != "sqlite", one.what, one.processes)):
        ratio = "" if one.raw_ratio is None else f"{one.raw_ratio:.2f}"
        cells = [one.database, one.what, str(one.processes), one.contender, f"{one.per_second:,.0f}"]
        cells += [f"{one.right:.0%}", f"{one.p50_us:.0f}", f"{one.p99_us:.0f}", ratio]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _fairness_table(fairness: list[Fairness]) -> str:
    head = "| database | who | processes | admitted | denied | limit exceeded by | spurious denials |"
    lines = [head, "| --- | --- " + "| ---: " * 5 + "|"]
    for one in fairness:
        counts = (one.processes, one.admitted, one.denied, one.exceeded, one.spurious)
        lines.append(f"| {one.database} | {one.contender} | {' | '.join(str(number) for number in counts)} |")
    return "\n".join(lines)


def _goals_table(goals: list[Goal]) -> str:
    lines = ["| goal | measured | bound | met |", "| --- | ---: | ---: | --- |"]
    for goal in goals:
        bound = f"{'≤' if goal.at_most else '≥'} {goal.bound:g}"
        lines.append(f"| {goal.what} | {goal.measured:.2f} | {bound} | {'yes' if goal.met else '**no**'} |")
    return "\n".join(lines)
