"""`GET /metrics`: what is measured of each source, for Prometheus, read from the database at each scrape."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import psycopg
from fastapi import APIRouter, HTTPException, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from syncline.errors import StoreError
from syncline.model.session import OPEN_STATUSES, Status
from syncline.resilience.breaker import BreakerState
from syncline.status.conditions import failure_ratio
from syncline.status.measured import Measured, measured
from syncline.status.problems import OF_INSTANCE, ProblemKind
from syncline.status.report import State
from syncline.status.tallies import Tallies
from web.api.errors import documented
from web.context import Context
from web.metrics_jobs import JobMetrics, jobs_measured
from web.snapshot import take

__all__ = ["make_router"]

_OUTCOMES = [status for status in Status if status not in OPEN_STATUSES]
_CHANGES = ("created", "updated", "unchanged", "deleted", "rejected")
_UNREADABLE = (StoreError, SQLAlchemyError, sqlite3.Error, psycopg.Error)
_OF_SOURCES = [kind for kind in ProblemKind if kind not in OF_INSTANCE]
_Samples = Iterable[tuple[tuple[str, ...], float | None]]
"""The values of a source with the labels after its name; None: there is no value yet."""


def make_router(here: Context) -> APIRouter:
    """The endpoint of one app."""
    tallies = Tallies(here.began_at)
    router = APIRouter(tags=["metrics"])

    @router.get("/metrics", response_class=Response, responses=documented(503))
    async def read_metrics(request: Request) -> Response:
        """Metrics of all sources in Prometheus' text format, or as OpenMetrics if that is asked for."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        try:
            report = await take(here)
            found = await asyncio.to_thread(measured, here.store, report, tallies)
            jobs = await asyncio.to_thread(jobs_measured, here)
        except _UNREADABLE as error:
            raise HTTPException(503, "the database cannot be read: GET /health says more") from error
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Sources(found))
        if jobs is not None:
            registry.register(JobMetrics(jobs))
        return Response(encode(registry), media_type=content_type, headers={"Cache-Control": "no-store"})

    return router


class _Sources(Collector):
    """What was measured of all sources."""

    def __init__(self, found: Sequence[Measured]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        """All metrics of which anything can be told."""
        for family in self._families():
            if family.samples or family.name not in _WHERE_KNOWN:
                yield family

    def _families(self) -> Iterator[Metric]:
        for name, (text, labels, samples) in _GAUGES.items():
            yield _filled(GaugeMetricFamily(name, text, labels=["source", *labels]), self._found, samples)
        for name, (text, labels, samples) in _COUNTERS.items():
            yield _filled(CounterMetricFamily(name, text, labels=["source", *labels]), self._found, samples)


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily, found: Iterable[Measured], samples: Callable[[Measured], _Samples]
) -> Metric:
    for one in found:
        for labels, value in samples(one):
            if value is not None:
                family.add_metric([one.name, *labels], value)
    return family


def _only(value: Callable[[Measured], float | None]) -> Callable[[Measured], _Samples]:
    """One value without further labels."""
    return lambda one: [((), value(one))]


def _duration(one: Measured) -> float | None:
    last = one.told.seen.recent.last
    return None if last is None else last.took.total_seconds()


def _heartbeat(one: Measured) -> float | None:
    return None if one.heartbeat_age is None else one.heartbeat_age.total_seconds()


def _breaker(one: Measured) -> _Samples:
    return [((state,), float(one.told.protection.breaker.state is state)) for state in BreakerState]


def _states(one: Measured) -> _Samples:
    return [((state.value.replace(" ", "_"),), float(one.told.state is state)) for state in State]


def _problems(one: Measured) -> _Samples:
    kinds = [problem.kind for problem in one.told.problems]
    return [((kind.value,), float(kind in kinds)) for kind in _OF_SOURCES]


def _fresh(one: Measured) -> float | None:
    read_at = one.told.seen.freshness.read_at
    return None if read_at is None else read_at.timestamp()


def _next_run(one: Measured) -> float | None:
    return None if one.told.next_run.at is None else one.told.next_run.at.timestamp()


def _failure_ratio(one: Measured) -> float | None:
    return failure_ratio(one.told.seen.recent, one.at)


def _usage(one: Measured) -> _Samples:
    return [((budget.name,), budget.fraction) for budget in one.told.protection.budgets]


def _sessions(one: Measured) -> _Samples:
    counted = {total.status: total.sessions for total in one.totals}
    return [((outcome,), counted.get(outcome, 0)) for outcome in [*_OUTCOMES, *(counted.keys() - set(_OUTCOMES))]]


def _seconds(one: Measured) -> _Samples:
    counted = {total.status: total.duration_ms / 1000 for total in one.totals}
    return [((outcome,), counted.get(outcome, 0)) for outcome in [*_OUTCOMES, *(counted.keys() - set(_OUTCOMES))]]


def _items(one: Measured) -> _Samples:
    return [((change,), getattr(one.tally, change)) for change in _CHANGES]


_Families = Mapping[str, tuple[str, tuple[str, ...], Callable[[Measured], Any]]]
"""Each metric's help text, its labels behind `source`, and its values."""

_GAUGES: _Families = {
    "sync_success": (
        "Part of the last 20 runs that went well: completed or partial, and not all of their items rejected; 0 to 1.",
        (),
        _only(lambda one: one.told.seen.recent.success),
    ),
    "sync_duration_seconds": ("Seconds that the last run took, whether it went well or not.", (), _only(_duration)),
    "sync_circuit_breaker_state": (
        "1 for the state that the breaker is in (closed, open, half_open, forced_open), 0 for the others.",
        ("state",),
        _breaker,
    ),
    "sync_circuit_breaker_failures": (
        "Failed attempts in a row, as the breaker counts them.",
        (),
        _only(lambda one: one.told.protection.breaker.failures),
    ),
    "sync_retry_count": (
        "Attempts that failed since the last success, over the last 20 runs.",
        (),
        _only(lambda one: one.told.seen.retry_count),
    ),
    "syncline_failure_ratio": (
        "Part of the runs of the last 10 minutes, or of the last two, that failed, 0 to 1; missing before two.",
        (),
        _only(_failure_ratio),
    ),
    "sync_rate_limit_usage": ("Spent part of a budget of the source's upstream, 0 to 1.", ("budget",), _usage),
    "syncline_heartbeat_age_seconds": ("Seconds since the last sign of life of the source.", (), _only(_heartbeat)),
    "syncline_source_healthy": (
        "1 if nothing is wrong with the source, else 0; as `healthy` in /api/sync/status.",
        (),
        _only(lambda one: float(one.told.is_healthy)),
    ),
    "syncline_source_state": (
        "1 for the state that the source is in (up_to_date, failing, stalled, …), 0 for the others.",
        ("state",),
        _states,
    ),
    "syncline_source_problem": (
        "1 for each kind of problem that the source has, 0 for the others.",
        ("kind",),
        _problems,
    ),
    "syncline_fresh_timestamp_seconds": (
        "All that the upstream showed at this instant is stored, in seconds since 1970.",
        (),
        _only(_fresh),
    ),
    "syncline_next_run_timestamp_seconds": (
        "When the source runs next by itself, in seconds since 1970; missing if that is not known.",
        (),
        _only(_next_run),
    ),
    "syncline_sessions_running": ("Sessions that are open.", (), _only(lambda one: one.told.seen.running)),
}
_WHERE_KNOWN = {"syncline_failure_ratio", "syncline_fresh_timestamp_seconds", "syncline_next_run_timestamp_seconds"}
"""Metrics that are left out before there is anything to tell."""
_COUNTERS: _Families = {
    "syncline_sessions": ("Sessions that ended, by their status, since the first.", ("status",), _sessions),
    "syncline_session_seconds": ("Seconds that sessions took, by status, since the first.", ("status",), _seconds),
    "syncline_items": (
        "Items by what became of them, since the web app started; sessions open then are counted whole.",
        ("change",),
        _items,
    ),
    "syncline_requests": (
        "Requests that were sent to the upstream, since the web app started; sessions open then are counted whole.",
        (),
        _only(lambda one: one.tally.requests),
    ),
}
