"""`GET /metrics`: what is measured of each source, for Prometheus, read from the database at each scrape."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
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
from syncline.status.measured import Measured, measured
from syncline.status.tallies import Tallies
from web.api.errors import documented
from web.context import Context

__all__ = ["make_router"]

_FATES = [status for status in Status if status not in OPEN_STATUSES]
_CHANGES = ("created", "updated", "unchanged", "deleted", "rejected")
_UNREADABLE = (StoreError, SQLAlchemyError, sqlite3.Error, psycopg.Error)
_Samples = Iterable[tuple[tuple[str, ...], float | None]]
"""The values of a source with the labels behind its name; None: there is no value yet."""


def make_router(here: Context) -> APIRouter:
    """The endpoint of one app, with a registry of its own."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Sources(here))
    router = APIRouter(tags=["metrics"])

    @router.get("/metrics", response_class=Response, responses=documented(503))
    def read_metrics(request: Request) -> Response:
        """Metrics of all sources in Prometheus' text format, or as OpenMetrics where that is asked for."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        try:
            text = encode(registry)
        except _UNREADABLE as error:
            raise HTTPException(503, "the database cannot be read: GET /health says more") from error
        return Response(text, media_type=content_type, headers={"Cache-Control": "no-store"})

    return router


class _Sources(Collector):
    """Looks at all sources when it is scraped."""

    def __init__(self, here: Context) -> None:
        self._here = here
        self._tallies = Tallies(here.began_at)

    def collect(self) -> Iterator[Metric]:
        """All metrics, as things are now."""
        found = measured(self._here.store, self._here.sources, self._tallies)
        for name, (text, labels, samples) in _GAUGES.items():
            yield _filled(GaugeMetricFamily(name, text, labels=["source", *labels]), found, samples)
        for name, (text, labels, samples) in _COUNTERS.items():
            yield _filled(CounterMetricFamily(name, text, labels=["source", *labels]), found, samples)


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
    return None if one.recent.last is None else one.recent.last.took.total_seconds()


def _heartbeat(one: Measured) -> float | None:
    return None if one.heartbeat_age is None else one.heartbeat_age.total_seconds()


def _breaker(one: Measured) -> _Samples:
    return [((state,), float(one.guards.breaker.state is state)) for state in BreakerState]


def _usage(one: Measured) -> _Samples:
    return [((budget.name,), budget.fraction) for budget in one.guards.budgets]


def _sessions(one: Measured) -> _Samples:
    counted = {Status(total.status): total.sessions for total in one.totals}
    return [((fate,), counted.get(fate, 0)) for fate in _FATES]


def _seconds(one: Measured) -> _Samples:
    counted = {Status(total.status): total.duration_ms / 1000 for total in one.totals}
    return [((fate,), counted.get(fate, 0)) for fate in _FATES]


def _items(one: Measured) -> _Samples:
    return [((change,), getattr(one.tally, change)) for change in _CHANGES]


_Families = Mapping[str, tuple[str, tuple[str, ...], Callable[[Measured], Any]]]
"""Each metric's help text, its labels behind `source`, and its values."""

_GAUGES: _Families = {
    "sync_success": (
        "Part of the last 20 runs that went well (completed or partial), 0 to 1.",
        (),
        _only(lambda one: one.recent.success),
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
        _only(lambda one: one.guards.breaker.failures),
    ),
    "sync_retry_count": (
        "Attempts that failed since the last success, over the last 20 runs.",
        (),
        _only(lambda one: one.retries),
    ),
    "sync_rate_limit_usage": ("Spent part of a budget of the source's upstream, 0 to 1.", ("budget",), _usage),
    "syncline_heartbeat_age_seconds": ("Seconds since the last sign of life of the source.", (), _only(_heartbeat)),
    "syncline_sessions_running": ("Sessions that are open.", (), _only(lambda one: one.running)),
}
_COUNTERS: _Families = {
    "syncline_sessions": ("Sessions that ended, by their fate, since the first.", ("status",), _sessions),
    "syncline_session_seconds": ("Seconds that sessions took, by their fate, since the first.", ("status",), _seconds),
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
