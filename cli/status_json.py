"""A source's present state as JSON; instants in UTC."""

from datetime import datetime

from cli.records import as_object
from syncline.model.session import SyncSession
from syncline.status.guards import BudgetUse, Guards
from syncline.status.overview import Progress
from syncline.status.report import NextRun, SourceReport

__all__ = ["as_json_object"]


def as_json_object(one: SourceReport, at: datetime) -> dict[str, object]:
    """All that is known of a source; `schedule` is null where Prefect does not tell."""
    seen = one.seen
    beat = seen.heartbeat
    return {
        "source": one.name,
        "upstream": seen.upstream,
        "at": at,
        "state": one.state.value,
        "healthy": one.is_healthy,
        "problems": [{"kind": problem.kind.value, "sentence": problem.sentence} for problem in one.problems],
        "set_up": one.missing is None,
        "rows": seen.rows.rows if seen.rows else None,
        "rows_exact": seen.rows.exact if seen.rows else None,
        "fresh_at": seen.freshness.read_at,
        "last_full_at": seen.freshness.full_at,
        "running": _running(seen.progress),
        "waiting_for": beat.waiting_for if beat else None,
        "waiting_until": beat.waiting_until if beat else None,
        "last_beat": beat.last_beat if beat else None,
        "last_run": _session(seen.last_run),
        "last_session": _session(seen.last),
        "consecutive_failures": seen.consecutive_failures,
        "retry_count": seen.retry_count,
        "breaker": _breaker(one.guards),
        "budgets": {use.name: _budget(use) for use in one.guards.budgets},
        "upstream_blocked_until": one.guards.blocked_until,
        "holds": [as_object(hold, without=["released_at"]) for hold in seen.holds],
        "schedule": _schedule(one.next_run),
        "next_run_at": one.next_run.at,
        "next_run": _next_run(one.next_run),
    }


def _running(running: Progress | None) -> dict[str, object] | None:
    if running is None:
        return None
    speed: dict[str, object] = {"items_per_second": round(running.items_per_second, 1), "fraction": running.fraction}
    return as_object(running.session) | speed


def _breaker(guarded: Guards) -> dict[str, object]:
    breaker = guarded.breaker
    return {
        "state": breaker.state.value,
        "failures": breaker.failures,
        "opened_at": breaker.opened_at,
        "retry_at": breaker.retry_at,
        "probes": {"succeeded": breaker.successes, "needed": guarded.policy.half_open_probes},
    }


def _budget(use: BudgetUse) -> dict[str, object]:
    return {
        "tokens": round(use.tokens, 3),
        "capacity": use.capacity,
        "usage": round(use.fraction, 4),
        "window_seconds": use.window_seconds,
        "blocked_until": use.blocked_until,
    }


def _session(session: SyncSession | None) -> dict[str, object] | None:
    return None if session is None else as_object(session)


def _schedule(one: NextRun) -> dict[str, object] | None:
    return None if one.active is None else {"active": one.active, "runs": one.schedule, "next_run_at": one.at}


def _next_run(one: NextRun) -> dict[str, object]:
    return {"at": one.at, "why": one.why, "due_since": one.due_since}
