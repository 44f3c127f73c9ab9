"""`python -m benchmarks`: measure all contenders side by side, write results.json, print a table."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import structs

from benchmarks.contender import CONTENDERS, Contender, Measured, WrongResultError, measure
from benchmarks.databases import Databases
from benchmarks.figures import Figures
from benchmarks.goals import goals
from benchmarks.growth import measure_growth
from benchmarks.jobs import jobs_table, measure_jobs
from benchmarks.looks import looks_table, measure_looks
from benchmarks.portfolios import measure_portfolios, portfolios_table
from benchmarks.report import Report, table
from benchmarks.resilience.measure import Extent, measure_resilience
from benchmarks.resilience.report import resilience_table
from benchmarks.results import save
from benchmarks.servers import Upstream, postgresql_url, prefect_server, upstream_of
from benchmarks.work import Work

_QUICK_ITEMS = 10_000
_WALLETS, _QUICK_WALLETS = 2_000, 200
_RESILIENCE = "resilience"
"""Names the part on budgets and breakers among the contenders, and in results.json."""
_LOOKS = "looks"
"""Names the part on `syncline status`, in the same places."""
_PORTFOLIOS = "portfolios"
"""Names the part on wallets, in the same places."""
_JOBS = "jobs"
"""Names the part on accounts' jobs, in the same places."""
_RESULTS = Path(__file__).parent / "results.json"


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What is to be measured."""

    contenders: tuple[Contender, ...]
    works: tuple[Work, ...]
    items: int
    runs: int
    postgresql: bool
    growth: bool
    million: bool


@dataclass(frozen=True, kw_only=True)
class _Ground:
    """Where it is measured."""

    upstream: Upstream
    databases: Databases
    prefect: str


def main(arguments: list[str]) -> int:
    """Measure what the arguments ask for; returns the exit code."""
    options = _options(arguments)
    if _RESILIENCE in options.only:
        _measure_resilience(options)
    if _LOOKS in options.only:
        _measure_looks(options)
    if _PORTFOLIOS in options.only:
        _measure_portfolios(options)
    if _JOBS in options.only:
        _measure_jobs(options)
    return 0 if set(options.only) <= {_RESILIENCE, _LOOKS, _PORTFOLIOS, _JOBS} else _measure_syncs(options)


def _measure_looks(options: argparse.Namespace) -> None:
    """`syncline status`, both ways."""
    with TemporaryDirectory(prefix="syncline-bench-") as folder:
        report = measure_looks(Path(folder), options.runs or (2 if options.quick else 10))
    save(options.output, msgspec.json.encode({_LOOKS: report}))
    print(looks_table(report))


def _measure_portfolios(options: argparse.Namespace) -> None:
    """A sweep over the wallets of a simulated chain."""
    with TemporaryDirectory(prefix="syncline-bench-") as folder, ExitStack() as stack:
        postgresql = None if options.sqlite_only else stack.enter_context(postgresql_url(Path(folder) / "postgresql"))
        databases = Databases(Path(folder), postgresql)
        report = measure_portfolios(Path(folder), databases, _QUICK_WALLETS if options.quick else _WALLETS)
    save(options.output, msgspec.json.encode({_PORTFOLIOS: report}))
    print(portfolios_table(report))


def _measure_jobs(options: argparse.Namespace) -> None:
    """Claims, sweeps, a simulated day, and what adaptive freshness buys."""
    with TemporaryDirectory(prefix="syncline-bench-") as folder, ExitStack() as stack:
        postgresql = None if options.sqlite_only else stack.enter_context(postgresql_url(Path(folder) / "postgresql"))
        report = measure_jobs(Databases(Path(folder), postgresql), quick=options.quick)
    save(options.output, msgspec.json.encode({_JOBS: report}))
    print(jobs_table(report))


def _measure_resilience(options: argparse.Namespace) -> None:
    """Budgets and breakers: a part of its own, which needs nothing of the other."""
    extent = Extent.quick() if options.quick else Extent.full()
    with TemporaryDirectory(prefix="syncline-bench-") as folder, ExitStack() as stack:
        postgresql = None if options.sqlite_only else stack.enter_context(postgresql_url(Path(folder) / "postgresql"))
        report = measure_resilience(Databases(Path(folder), postgresql), extent)
    save(options.output, msgspec.json.encode({_RESILIENCE: report}))
    print(resilience_table(report))


def _measure_syncs(options: argparse.Namespace) -> int:
    plan, load_before = _plan(options), os.getloadavg()[0]
    with TemporaryDirectory(prefix="syncline-bench-") as folder, ExitStack() as stack:
        try:
            ground = _prepared(plan, Path(folder), stack)
            _warm_up(plan, ground)
            figures = Figures(_measured(plan, ground))
            growth = measure_growth(ground.databases, million=plan.million) if plan.growth else None
        except WrongResultError as error:
            print(error, file=sys.stderr)
            return 1
    report = Report(
        items=plan.items,
        runs=plan.runs,
        figures=list(figures),
        growth=growth,
        goals=goals(figures, growth, ground.databases.kinds, plan.items),
        load_before=load_before,
    )
    save(options.output, report.json())
    print(table(report, figures))
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [*(contender.name for contender in CONTENDERS), _RESILIENCE, _LOOKS, _PORTFOLIOS, _JOBS]
    parser.add_argument("--items", type=int, help="how many products (100000, quick 10000), at least 1000")
    parser.add_argument("--runs", type=int, help="how often each is measured (3, quick 1); dlt once")
    parser.add_argument("--quick", action="store_true", help="few items, one run, without dlt and without growth")
    parser.add_argument("--no-million", action="store_true", help="leave out the load of a million items")
    parser.add_argument("--sqlite-only", action="store_true", help="leave out PostgreSQL")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--works", nargs="+", type=Work, default=list(Work), metavar="WORK", help=", ".join(Work))
    parser.add_argument("--output", type=Path, default=_RESULTS, help="where the figures are written")
    return parser.parse_args(arguments)


def _plan(options: argparse.Namespace) -> _Plan:
    chosen = [one for one in CONTENDERS if one.name in options.only and not (options.quick and one.foreign)]
    return _Plan(
        contenders=tuple(chosen),
        works=tuple(options.works),
        items=options.items or (_QUICK_ITEMS if options.quick else 100_000),
        runs=options.runs or (1 if options.quick else 3),
        postgresql=not options.sqlite_only,
        growth=not options.quick,
        million=not options.no_million,
    )


def _prepared(plan: _Plan, folder: Path, stack: ExitStack) -> _Ground:
    """Start what the contenders talk to."""
    upstream = stack.enter_context(upstream_of(plan.items))
    postgresql = stack.enter_context(postgresql_url(folder / "postgresql")) if plan.postgresql else None
    needs_prefect = any(contender.name == "flow" for contender in plan.contenders)
    prefect = stack.enter_context(prefect_server(folder)) if needs_prefect else ""
    return _Ground(upstream=upstream, databases=Databases(folder, postgresql), prefect=prefect)


def _warm_up(plan: _Plan, ground: _Ground) -> None:
    """Let Prefect's server run a flow: its first one takes it seconds."""
    flows = tuple(contender for contender in plan.contenders if contender.name == "flow")
    once = replace(plan, contenders=flows, works=(Work.FULL,), runs=1)
    list(_measured(once, ground))


def _measured(plan: _Plan, ground: _Ground) -> Iterator[Measured]:
    """All contenders after one another, and that several times: what disturbs the machine then hits all of them."""
    for run in range(plan.runs):
        for kind in ground.databases.kinds:
            for contender in plan.contenders:
                if kind not in contender.kinds or (run and contender.foreign):
                    continue
                shown = _passed_over if contender.foreign else _shown
                yield from shown(contender, kind, plan, ground)


def _passed_over(contender: Contender, kind: str, plan: _Plan, ground: _Ground) -> Iterator[Measured]:
    """What a foreign tool managed, up to where it failed."""
    try:
        yield from _shown(contender, kind, plan, ground)
    except WrongResultError as error:
        print(error, file=sys.stderr, flush=True)


def _shown(contender: Contender, kind: str, plan: _Plan, ground: _Ground) -> Iterator[Measured]:
    for one in measure(
        contender, kind, plan.works, upstream=ground.upstream, databases=ground.databases, prefect=ground.prefect
    ):
        print(f"{kind} {one.contender} {one.work}: {one.inside.seconds:.2f} s", file=sys.stderr, flush=True)
        yield from _inside_and_out(one)


def _inside_and_out(one: Measured) -> Iterator[Measured]:
    """A flow is two: from admission to the end of its session, and the whole call, with what Prefect does around it."""
    session_seconds = one.inside.sections.get("session")
    if session_seconds is None:
        yield one
        return
    yield structs.replace(one, inside=structs.replace(one.inside, seconds=session_seconds))
    yield structs.replace(one, contender=f"{one.contender} call")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
