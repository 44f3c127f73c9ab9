"""Whose turn it is, rule by rule, without a database."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.due_runs import (
    EARLIER,
    LATE,
    LATER,
    MANUAL,
    NOW,
    RETRY,
    SOURCE,
    TICK,
    Rule,
    breaker,
    deferred,
    facts,
    hold,
    newest,
    row,
    ticket,
)

from syncline.admission.decide import Defer, Miss, Skip, Start, Wait, decide
from syncline.admission.due_run import DueRun
from syncline.admission.facts import Facts
from syncline.model.policies import CatchUp, Overlap
from syncline.resilience.breaker import BreakerState

RUNS = "overlap: session other is running"
ASKED = "overlap: session other was asked to end"
ALL = {"catch_up": CatchUp.ALL}
QUEUE = {"overlap": Overlap.QUEUE}
CANCEL = {"overlap": Overlap.CANCEL_RUNNING}

OVERLAPS = [
    Rule(name="skip", facts={"running": "other"}, decision=Skip(reason=RUNS)),
    Rule(name="queue", facts={"running": "other"}, policies=QUEUE, decision=Wait(reason=RUNS, tick=NOW)),
    Rule(
        name="a run without a schedule queues from when it first asked",
        run=MANUAL,
        facts={"running": "other", "ticket": ticket(EARLIER)},
        policies=QUEUE,
        decision=Wait(reason=RUNS, tick=EARLIER),
    ),
    Rule(
        name="it is deferred after its patience",
        facts={"running": "other", "ticket": ticket(), "timed_out": True},
        policies=QUEUE,
        decision=Defer(reason=f"{RUNS}; waited 30 s", retry_at=NOW + timedelta(seconds=60)),
    ),
    Rule(
        name="it is deferred at once if it cannot wait",
        facts={"running": "other", "timed_out": True},
        policies=QUEUE,
        decision=Defer(reason=RUNS, retry_at=NOW + timedelta(seconds=60)),
    ),
    Rule(
        name="cancel the running one",
        facts={"running": "other"},
        policies=CANCEL,
        decision=Wait(reason=ASKED, tick=NOW, asks_to_end="other"),
    ),
    Rule(
        name="cancel the running one, also if there is no time to wait for it",
        facts={"running": "other", "timed_out": True},
        policies=CANCEL,
        decision=Defer(reason=ASKED, retry_at=NOW + timedelta(seconds=60), asks_to_end="other"),
    ),
    Rule(
        name="one waits at a time",
        facts={"running": "other", "queue": [row("first", EARLIER)]},
        policies=QUEUE,
        decision=Skip(reason="overlap: session other runs, and session first waits"),
    ),
    Rule(
        name="a new run does not overtake one that waits",
        facts={"queue": [row("first", LATER)]},
        policies=QUEUE,
        decision=Skip(reason="overlap: session first waits"),
    ),
]
ORDER = [
    Rule(
        name="of two that wait the earlier one goes first",
        facts={"ticket": ticket(), "queue": [row("first", EARLIER), row("mine", NOW)]},
        policies=QUEUE,
        decision=Wait(reason="overlap: another session is running", tick=NOW),
    ),
    Rule(
        name="the earlier one of two starts",
        facts={"ticket": ticket(), "queue": [row("mine", NOW), row("second", LATER)]},
        policies=QUEUE,
        decision=Start(),
    ),
    Rule(
        name="two of one tick go by their ids",
        facts={"ticket": ticket(), "queue": [row("first", NOW), row("mine", NOW)]},
        policies=QUEUE,
        decision=Wait(reason="overlap: another session is running", tick=NOW),
    ),
    Rule(
        name="a place that is kept for a deferred run stops no other",
        facts={"queue": [row("away", EARLIER, pid=0)]},
        policies=QUEUE,
        decision=Start(),
    ),
]
CATCHING_UP = [
    Rule(
        name="a place that is kept for a deferred run stops a late one",
        run=LATE,
        facts={"queue": [row("away", EARLIER - timedelta(minutes=1), pid=0)]},
        policies=ALL,
        decision=Wait(reason="catch-up: session away goes first", tick=EARLIER, catches_up=True),
    ),
    Rule(
        name="a tick on time goes behind late ones that wait",
        facts={"queue": [row("first", EARLIER)]},
        policies=ALL,
        decision=Wait(reason="catch-up: session first goes first", tick=NOW, catches_up=True),
    ),
    Rule(
        name="a late run waits for an earlier tick that has not asked yet",
        run=LATE,
        facts={"earlier_pending": True},
        policies=ALL,
        decision=Wait(reason="catch-up: an earlier run goes first", tick=EARLIER, catches_up=True),
    ),
    Rule(name="other runs do not", facts={"earlier_pending": True}, policies=ALL, decision=Start()),
    Rule(
        name="a late run asks nobody to end",
        run=LATE,
        facts={"running": "other"},
        policies=ALL | CANCEL,
        decision=Wait(reason="catch-up: session other goes first", tick=EARLIER, catches_up=True),
    ),
    Rule(
        name="it keeps its place when it is deferred",
        run=LATE,
        facts={"running": "other", "ticket": ticket(EARLIER, catches_up=True), "timed_out": True},
        policies=ALL,
        decision=Defer(
            reason="catch-up: session other goes first; waited 30 s",
            retry_at=NOW + timedelta(seconds=60),
            kept_tick=EARLIER,
        ),
    ),
    Rule(
        name="its retry has the place that was kept",
        run=RETRY,
        facts={"running": "other", "kept": row("newest", EARLIER, pid=0), "queue": [row("newest", EARLIER, pid=0)]},
        policies=ALL,
        decision=Wait(reason="catch-up: session other goes first", tick=EARLIER, catches_up=True),
    ),
    Rule(
        name="its retry starts before later ones",
        run=RETRY,
        facts={
            "kept": row("newest", EARLIER, pid=0),
            "queue": [row("newest", EARLIER, pid=0), row("second", NOW)],
        },
        policies=ALL,
        decision=Start(),
    ),
]
TABLE = [*OVERLAPS, *ORDER, *CATCHING_UP]


@pytest.mark.parametrize("rule", TABLE, ids=lambda rule: rule.name)
def test_each_rule_decides_as_it_says(rule: Rule) -> None:
    """The decision with its reason and times is what the record, the queue and Prefect show."""
    assert rule.decided() == rule.decision


@pytest.mark.parametrize("rule", TABLE, ids=lambda rule: rule.name)
def test_a_run_that_has_not_begun_is_not_refused_for_its_turn(rule: Rule) -> None:
    """Late runs are resolved before a process is spent on them, but only those that could never start."""
    assert rule.refused() is None


ticks = st.sampled_from([EARLIER, NOW, LATER])
rows = st.builds(row, st.sampled_from(["a", "mine", "newest", "z"]), ticks, pid=st.sampled_from([0, 7]))
sessions = st.none() | st.sampled_from([newest(), deferred(), deferred(held=True), deferred(retry_at=NOW)])
all_facts = st.builds(
    facts,
    hold=st.none() | st.just(hold()),
    breaker=st.sampled_from([breaker(state, LATER) for state in BreakerState]),
    newest=sessions,
    running=st.none() | st.just("other"),
    queue=st.lists(rows, max_size=3, unique_by=lambda one: one.session_id).map(
        lambda found: sorted(found, key=lambda one: (one.tick, one.session_id))
    ),
    kept=st.none() | st.just(row("newest", EARLIER, pid=0)),
    ticket=st.none() | st.builds(ticket, ticks, catches_up=st.booleans()),
    earlier_pending=st.booleans(),
    timed_out=st.booleans(),
)


@given(
    known=all_facts,
    overlap=st.sampled_from(Overlap),
    catch_up=st.sampled_from(CatchUp),
    run=st.sampled_from([TICK, LATE, MANUAL, RETRY]),
)
def test_whatever_is_on_record_the_promises_hold(
    known: Facts, overlap: Overlap, catch_up: CatchUp, run: DueRun
) -> None:
    """No run starts beside another one or under a hold, waits when its time is over, or ends another without leave."""
    source = replace(SOURCE, overlap=overlap, catch_up=catch_up)
    decision = decide(known, source, run, NOW)
    assert decision == decide(known, source, run, NOW)
    if isinstance(decision, Start):
        assert (known.running, known.hold) == (None, None)
        assert known.breaker.state in {BreakerState.CLOSED, BreakerState.HALF_OPEN}
    if isinstance(decision, Wait):
        assert not known.timed_out
    if isinstance(decision, Wait | Defer) and decision.asks_to_end is not None:
        assert (overlap, decision.asks_to_end) == (Overlap.CANCEL_RUNNING, known.running)
    if isinstance(decision, Miss):
        assert (run, catch_up is CatchUp.ALL) == (LATE, False)
    if isinstance(decision, Defer) and decision.kept_tick is not None:
        assert catch_up is CatchUp.ALL
