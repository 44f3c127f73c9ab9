"""What is measured of the queue of accounts' jobs, for Prometheus; told where a source with accounts is set up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from syncline.clock import microseconds
from syncline.jobs.stats import QueueStats, queue_stats
from syncline.model.session import Status
from syncline.store import drains, rollups
from syncline.store.rollups import Rollup
from web.context import Context

__all__ = ["JobMetrics", "Jobs", "jobs_measured"]

_HOUR = timedelta(hours=1)
_QUANTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """What was measured.

    Attributes:
        queue: how the queue stands.
        unattended_seconds: for how long the first job has been due that no drain works on; 0: there is none.
        ended: what jobs came to since the beginning of the last full hour, by source and outcome.
    """

    queue: QueueStats
    unattended_seconds: float
    ended: Mapping[tuple[str, Status], Rollup]


def jobs_measured(here: Context) -> Jobs | None:
    """How the queue stands; None: no source with accounts is set up."""
    if not any(one.accounts is not None and one.missing(here.settings) is None for one in here.sources):
        return None
    with here.store.read() as connection:
        now = here.store.now(connection)
        return Jobs(
            queue=queue_stats(connection, now=now),
            unattended_seconds=drains.unattended_seconds(connection, now_us=microseconds(now)) or 0,
            ended=rollups.since(connection, now - _HOUR),
        )


class JobMetrics(Collector):
    """The metrics of the queue."""

    def __init__(self, jobs: Jobs) -> None:
        """Of what was measured."""
        self._jobs = jobs

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        yield from self._lanes()
        queue = self._jobs.queue
        for name, text, value in (
            ("syncline_jobs_processing", "Jobs that are under way.", queue.processing),
            (
                "syncline_jobs_dead_letters",
                "Jobs that were given up: `syncline jobs list --status failed`.",
                queue.failed,
            ),
            ("syncline_drains", "Drains that live.", queue.drains),
            ("syncline_drain_capacity", "How many jobs the living drains have under way at most.", queue.capacity),
            (
                "syncline_drain_under_way",
                "How many jobs they have under way; by capacity it is their use.",
                queue.under_way,
            ),
            (
                "syncline_jobs_unattended_seconds",
                "For how long the first job has been due that no drain works on; 0 where there is none.",
                self._jobs.unattended_seconds,
            ),
        ):
            yield GaugeMetricFamily(name, text, value=value)
        yield from self._outcomes()

    def _lanes(self) -> Iterator[Metric]:
        depth = GaugeMetricFamily(
            "syncline_jobs_due",
            "Jobs that are due and wait; 20,000 at most of each source are counted.",
            labels=["priority"],
        )
        oldest = GaugeMetricFamily(
            "syncline_jobs_oldest_seconds",
            "For how long the first of them has been due; 0 where none is.",
            labels=["priority"],
        )
        ended = GaugeMetricFamily(
            "syncline_jobs_per_minute", "Jobs that ended in the last minute.", labels=["priority"]
        )
        for priority, lane in self._jobs.queue.lanes.items():
            depth.add_metric([priority.value], lane.depth)
            oldest.add_metric([priority.value], lane.oldest_seconds or 0)
            ended.add_metric([priority.value], lane.per_minute)
        yield from (depth, oldest, ended)

    def _outcomes(self) -> Iterator[Metric]:
        ended = GaugeMetricFamily(
            "syncline_jobs_ended_lately",
            "Jobs that ended since the beginning of the last full hour, by outcome.",
            labels=["source", "status"],
        )
        took = GaugeMetricFamily(
            "syncline_job_duration_seconds",
            "The seconds that this part of the same jobs took at most.",
            labels=["source", "quantile"],
        )
        buckets: dict[str, list[int]] = {}
        for (source, status), one in self._jobs.ended.items():
            ended.add_metric([source, str(status)], one.jobs)
            sums = buckets.setdefault(source, [0] * len(one.took))
            buckets[source] = [before + more for before, more in zip(sums, one.took, strict=True)]
        for source, counts in buckets.items():
            for part in _QUANTILES:
                ms = rollups.percentile_ms(counts, part)
                if ms is not None:
                    took.add_metric([source, str(part)], ms / 1000)
        yield from (family for family in (ended, took) if family.samples)
