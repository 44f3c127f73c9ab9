"""The decision on a due run, rule by rule, without a database: what forbids it to start."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.due_runs import (
    EARLIER,
    LATE,
    LATER,
    MANUAL,
    NOW,
    RETRY,
    Rule,
    breaker,
    deferred,
    hold,
    newest,
    row,
    ticket,
)

from syncline.admission.decide import Defer, Miss, Skip, Start
from syncline.model.policies import CatchUp
from syncline.resilience.breaker import BreakerState

DEFERRED = "deferred until 10:05:00 UTC with session newest: budget"
ALL = {"catch_up": CatchUp.ALL}
OPEN = breaker(BreakerState.OPEN, LATER)

HOLDS = [
    Rule(name="nothing on record: it starts", decision=Start()),
    Rule(
        name="a hold skips a tick",
        facts={"hold": hold()},
        decision=Skip(reason="paused: stock-taking", retry_at=LATER),
    ),
    Rule(
        name="a hold skips a run that somebody asks for",
        run=MANUAL,
        facts={"hold": hold(None)},
        decision=Skip(reason="paused: stock-taking", retry_at=None),
    ),
    Rule(
        name="a hold defers again what was deferred",
        run=RETRY,
        facts={"hold": hold()},
        decision=Defer(reason="paused: stock-taking", retry_at=LATER, held=True),
    ),
    Rule(
        name="a hold comes before the breaker",
        facts={"hold": hold(), "breaker": OPEN},
        decision=Skip(reason="paused: stock-taking", retry_at=LATER),
    ),
]
LATENESS = [
    Rule(
        name="late runs are left out by policy",
        run=LATE,
        policies={"catch_up": CatchUp.NONE},
        decision=Miss(reason="300 s late; late runs of products are left out"),
    ),
    Rule(
        name="a session that began since replaces a late run",
        run=LATE,
        facts={"newest": newest(started_at=NOW - timedelta(minutes=1))},
        decision=Miss(reason="300 s late; session newest began after its time"),
    ),
    Rule(
        name="a later tick that is late too replaces a late run",
        run=replace(LATE, superseded_by=NOW - timedelta(minutes=2)),
        decision=Miss(reason="300 s late; the run due at 2026-01-22 09:58:00 UTC goes in its place"),
    ),
    Rule(name="the newest late run starts", run=LATE, facts={"newest": newest()}, decision=Start()),
    Rule(name="a late run starts if all are to run", run=LATE, policies=ALL, decision=Start()),
    Rule(
        name="a run that waited for its turn is not late",
        run=LATE,
        facts={"ticket": ticket(EARLIER)},
        policies={"catch_up": CatchUp.NONE},
        decision=Start(),
    ),
]
DEFERRALS = [
    Rule(
        name="a tick is skipped while the source waits for its budget",
        facts={"newest": deferred()},
        decision=Skip(reason=DEFERRED, retry_at=LATER),
    ),
    Rule(
        name="so is a retry of an earlier session",
        run=replace(RETRY, goes_on_for="older"),
        facts={"newest": deferred()},
        decision=Skip(reason=DEFERRED, retry_at=LATER),
    ),
    Rule(name="its own retry starts", run=RETRY, facts={"newest": deferred()}, decision=Start()),
    Rule(name="a run that somebody asks for starts", run=MANUAL, facts={"newest": deferred()}, decision=Start()),
    Rule(name="what a hold deferred stops no tick", facts={"newest": deferred(held=True)}, decision=Start()),
    Rule(name="nor does a wait that is over", facts={"newest": deferred(retry_at=NOW)}, decision=Start()),
    Rule(
        name="a late run of many is deferred with it, and keeps its place",
        run=LATE,
        facts={"newest": deferred()},
        policies=ALL,
        decision=Defer(reason=DEFERRED, retry_at=LATER, kept_tick=EARLIER),
    ),
    Rule(
        name="a late run of many does not mind a later one that was deferred for its turn",
        run=LATE,
        facts={"newest": deferred(), "queue": [row("newest", NOW, pid=0)]},
        policies=ALL,
        decision=Start(),
    ),
]
BREAKER = [
    Rule(
        name="an open breaker",
        facts={"breaker": OPEN},
        decision=Skip(reason="breaker: open until 10:05:00 UTC: it failed too often in a row", retry_at=LATER),
    ),
    Rule(
        name="a breaker that an operator holds open",
        run=MANUAL,
        facts={"breaker": breaker(BreakerState.FORCED_OPEN)},
        decision=Skip(reason="breaker: held open until `syncline breaker reset products`"),
    ),
    Rule(
        name="a half-open one is asked for a probe later",
        facts={"breaker": breaker(BreakerState.HALF_OPEN)},
        decision=Start(),
    ),
]


@pytest.mark.parametrize("rule", [*HOLDS, *LATENESS, *DEFERRALS, *BREAKER], ids=lambda rule: rule.name)
def test_each_rule_decides_as_it_says(rule: Rule) -> None:
    """The decision with its reason and times is what the record, the queue and Prefect show."""
    assert rule.decided() == rule.decision
