"""`syncline status`: the breaker and the budgets of each source."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from subprocess import CompletedProcess

from support.overviews import unprotected, unseen

from cli.status_protection import breaker, budget, protection_facts
from flows.products import PRODUCTS
from syncline.resilience.breaker import Outcome
from syncline.status.judgement import report
from syncline.status.protection import BudgetUse, Protection
from syncline.status.report import SourceReport
from syncline.status.schedules import Schedules
from syncline.status.source_json import source_json
from syncline.store.breakers import Breakers, Permit
from syncline.store.engine import Store
from syncline.words import iso_instant

Syncline = Callable[..., CompletedProcess[str]]
NOW = datetime(2026, 1, 22, 10, tzinfo=UTC)
CLOSED = unprotected()


def _told(protection: Protection) -> SourceReport:
    seen = unseen("products", rows=0)
    return report([seen], {"products": protection}, Schedules(), {}, NOW).of("products")


def _line(done: CompletedProcess[str], source: str) -> str:
    return next(line for line in done.stdout.splitlines() if line.startswith(source))


def test_a_breaker_that_is_open_is_told_with_its_end(syncline: Syncline, store: Store) -> None:
    """Who waits for a run that is skipped again and again learns why, and until when."""
    assert "Breaker" not in syncline("status").stdout
    permit = Breakers(store).admit(PRODUCTS)
    assert isinstance(permit, Permit)
    for _ in range(5):
        Breakers(store).record(permit, Outcome.FAILURE)
    retry_at = Breakers(store).state(PRODUCTS).retry_at
    assert retry_at is not None
    assert f"open until {retry_at:%H:%M} UTC" in _line(syncline("status"), "products")
    told = syncline("status", "products").stdout
    assert f"open until {retry_at:%H:%M} UTC after 5 failures, tries again in 4 min" in told
    found = {entry["name"]: entry for entry in json.loads(syncline("status", "--json").stdout)}
    assert (found["products"]["circuit_breaker"]["state"], found["products"]["circuit_breaker"]["failures"]) == (
        "open",
        5,
    )
    assert found["products"]["circuit_breaker"]["retry_at"] == iso_instant(retry_at)
    assert found["customers"]["circuit_breaker"]["probes"] == {"succeeded": 0, "needed": 3}
    syncline("breaker", "open", "products")
    assert "held open" in _line(syncline("status"), "products")


def test_budgets_are_told_by_what_is_used_of_them() -> None:
    """The cell has the fullest one; the facts have all, and until when the upstream wants to be left alone."""
    until = NOW + timedelta(minutes=2, seconds=30)
    requests = BudgetUse(
        name="feed:requests", tokens=18, capacity=60, fraction=0.7, window_seconds=3_600, blocked_until=None
    )
    search = replace(requests, name="feed:search", tokens=60, fraction=0, blocked_until=until)
    protection = replace(CLOSED, budgets=(requests, search), blocked_until=until)
    assert (str(budget(protection)), str(budget(CLOSED)), str(breaker(CLOSED))) == ("42/60", "", "")
    told = [str(fact.value) for fact in protection_facts(protection, NOW)]
    assert "feed:requests used 42 of 60 this hour" in told
    assert "feed:search used 0 of 60 this hour, blocked by the upstream until 10:02 UTC" in told
    assert "asks to be left alone, ends in 2 min" in told


def test_budgets_stand_in_the_json_by_their_names() -> None:
    """With the seed's tokens and capacity; an upstream without budgets has none."""
    use = BudgetUse(
        name="feed:requests", tokens=8.5, capacity=10, fraction=0.15, window_seconds=900, blocked_until=None
    )
    told = source_json(_told(replace(CLOSED, budgets=(use,))), NOW).model_dump()
    assert told["rate_limit"] == {
        "feed:requests": {"tokens": 8.5, "capacity": 10, "usage": 0.15, "window_seconds": 900, "blocked_until": None}
    }
