"""What a benchmark leaves: results.json, and a table for people."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import msgspec

from benchmarks.figures import Figure, Figures
from benchmarks.goals import Goal
from benchmarks.growth import Growth
from benchmarks.work import Work

__all__ = ["Report", "table"]

_PACKAGES = ("aiohttp", "dlt", "httpx", "msgspec", "prefect", "psycopg", "pyarrow", "sqlalchemy", "syncline")


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


class Report(msgspec.Struct, kw_only=True):
    """results.json.

    Attributes:
        items: how many items the works read.
        runs: how often each was measured; dlt once.
        load_before: processes that wanted a processor when it began: above 0.5, somebody else was at work.
    """

    items: int
    runs: int
    figures: list[Figure]
    growth: Growth | None
    goals: list[Goal]
    load_before: float
    date: str = msgspec.field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    cpus: int = msgspec.field(default_factory=lambda: os.cpu_count() or 1)
    machine: str = msgspec.field(default_factory=platform.machine)
    versions: dict[str, str] = msgspec.field(default_factory=_versions)

    def json(self) -> bytes:
        """The report as it is written."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def table(report: Report, figures: Figures) -> str:
    """The report in Markdown."""
    parts = [_heading(report), _figures_table(figures)]
    if report.growth is not None:
        parts.append(_growth_table(report.growth))
    if report.goals:
        parts.append(_goals_table(report.goals))
    return "\n\n".join(parts)


def _heading(report: Report) -> str:
    said = f"{report.items:,} items, {report.runs} runs, {report.cpus} processors, Python {report.versions['python']}"
    return f"{report.date}: {said}, load before {report.load_before:.1f}"


def _figures_table(figures: Figures) -> str:
    head = "| database | work | contender | inside s | CPU s | process s | peak MB | / floor | / prototype | / dlt |"
    lines = [head, "| --- | --- | --- " + "| ---: " * 7 + "|"]
    lines += [_line(figure) for figure in sorted(figures, key=_place)]
    return "\n".join(lines)


def _place(figure: Figure) -> tuple[bool, int]:
    return figure.database != "sqlite", list(Work).index(figure.work)


def _line(figure: Figure) -> str:
    ratios = [f"{figure.ratios[name]:.2f}" if name in figure.ratios else "" for name in ("floor", "prototype", "dlt")]
    cells = [figure.database, str(figure.work), figure.contender, f"{figure.seconds:.2f}", f"{figure.cpu_seconds:.2f}"]
    cells += [f"{figure.process_seconds:.2f}", f"{figure.peak_mb:.0f}", *ratios]
    return f"| {' | '.join(cells)} |"


def _growth_table(growth: Growth) -> str:
    lines = ["| items | inside s | peak MB |", "| ---: | ---: | ---: |"]
    lines += [f"| {size.items:,} | {size.seconds:.2f} | {size.peak_mb:.0f} |" for size in growth.sizes]
    lines += [
        "",
        "| database | sessions on record | admission of an account ms | CPU ms |",
        "| --- | ---: | ---: | ---: |",
    ]
    lines += [f"| {one.database} | {one.sessions:,} | {one.ms:.2f} | {one.cpu_ms:.2f} |" for one in growth.admissions]
    return "\n".join(lines)


def _goals_table(goals: list[Goal]) -> str:
    lines = ["| goal | measured | bound | met |", "| --- | ---: | ---: | --- |"]
    for goal in goals:
        sign = "≤" if goal.at_most else "≥"
        lines.append(
            f"| {goal.what} | {goal.measured:.2f} | {sign} {goal.bound:g} | {'yes' if goal.met else '**no**'} |"
        )
    return "\n".join(lines)
