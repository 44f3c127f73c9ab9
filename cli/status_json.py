"""A source's present state as JSON; instants in UTC."""

from cli.records import as_object
from cli.timetable import Timing
from syncline.model.session import SyncSession
from syncline.status.guards import BudgetUse, Guards
from syncline.status.overview import Progress, SourceOverview

__all__ = ["as_json_object"]


def as_json_object(one: SourceOverview, guarded: Guards, timing: Timing | None) -> dict[str, object]:
    """All that is known of a source; `schedule` is null where Prefect does not tell."""
    beat = one.heartbeat
    return {
        "source": one.name,
        "upstream": one.upstream,
        "state": one.state.value,
        "rows": one.rows.rows if one.rows else None,
        "rows_exact": one.rows.exact if one.rows else None,
        "running": _running(one.progress),
        "waiting_for": beat.waiting_for if beat else None,
        "waiting_until": beat.waiting_until if beat else None,
        "last_beat": beat.last_beat if beat else None,
        "last_run": _session(one.last_run),
        "last_session": _session(one.last),
        "consecutive_failures": one.consecutive_failures,
        "breaker": _breaker(guarded),
        "budgets": {use.name: _budget(use) for use in guarded.budgets},
        "upstream_blocked_until": guarded.blocked_until,
        "holds": [as_object(hold, without=["released_at"]) for hold in one.holds],
        "schedule": _timing(timing),
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


def _timing(timing: Timing | None) -> dict[str, object] | None:
    if timing is None:
        return None
    return {"active": timing.active, "runs": timing.words, "next_run_at": timing.next_run_at}
