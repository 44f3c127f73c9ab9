"""The four services together in simulated time: real budgets, real tables, and X's own windows over real HTTP."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

import pytest
from support.contest import Contest, serving_x
from support.contest_scheduler import Killed, Scheduler, services, tweeting
from support.virtual_time import VirtualTime

import sandbox
from syncline.clock import ManualClock
from syncline.contests import rounds
from syncline.contests.freezing import FreezeProgress
from syncline.contests.tables import RoundStatus
from syncline.model.session import Status
from syncline.store.engine import Store

HOUR = 3_600


def live(
    contest: Contest, time: VirtualTime, for_seconds: float, act: Callable[[], object] | None = None
) -> dict[str, list[Status]]:
    """All four for a while, and people who tweet, delete, and hide; the outcomes of their sessions."""
    scheduler, run = Scheduler(contest, time, for_seconds=for_seconds), services(contest)
    lives = (scheduler.ticks(name, one) for name, one in run.items())
    public = tweeting(time, act or contest.box.x.tweets.tick, for_seconds=for_seconds)
    asyncio.run(time.live(public, *lives))
    return {name: [session.status for session in contest.sessions(name)] for name in run}


def refuses_nobody(box: sandbox.Box) -> bool:
    """X answered no 429, and no window of its own admitted more than it has."""
    mentions, lookups = box.x.windows["mentions"], box.x.windows["lookups"]
    return mentions.refused == lookups.refused == 0 and mentions.fullest <= 10 and lookups.fullest <= 15


@pytest.mark.parametrize("mentions", [100, 600])
def test_an_hour_of_all_four_stays_within_both_budgets(sqlite_store: Store, clock: ManualClock, mentions: int) -> None:
    """No request is refused by X, rounds are frozen while the other services run, and deferred runs are resumed."""
    time = VirtualTime(clock)
    with serving_x(clock, mentions=mentions) as box:
        contest = Contest(store=sqlite_store, clock=clock, box=box, sleep=time.sleep, round_seconds=1_200)
        outcomes = live(contest, time, HOUR)
        assert refuses_nobody(box)
        assert set(contest.entries(1)) | set(contest.entries(2)) | set(contest.entries(3)) <= set(contest.truth())
    assert outcomes["twitter_poller"].count(Status.COMPLETED) >= 27
    assert {status for found in outcomes.values() for status in found} <= {
        Status.COMPLETED,
        Status.DEFERRED,
        Status.SKIPPED,
    }
    assert [contest.round(number).status for number in (1, 2)] == [RoundStatus.FROZEN] * 2
    assert all(contest.round(number).pushed_at for number in (1, 2))
    if mentions == 100:  # nothing is deferred where freezing takes but a few lookups
        assert {status for found in outcomes.values() for status in found} == {Status.COMPLETED}
        assert [len(found) for found in outcomes.values()] == [31, 20, 20, 12]


@dataclass(kw_only=True)
class Killing(Contest):
    """A contest in which the process that freezes is killed right after some of its batches."""

    kills_at: set[int] = field(default_factory=set[int])

    async def _note(self, progress: FreezeProgress) -> None:
        await super()._note(progress)
        if len(self.progress) in self.kills_at:
            raise Killed


def test_ten_thousand_entries_are_frozen_beside_the_other_services(sqlite_store: Store, clock: ManualClock) -> None:
    """Hours of lookups, killed twice: none is repeated, X refuses no request, and the others keep their tenth."""
    time = VirtualTime(clock)
    with serving_x(clock, mentions=10_000) as box:
        box.x.settings = box.x.settings.changed({"reach": 20_000})
        contest = Killing(store=sqlite_store, clock=clock, box=box, sleep=time.sleep, kills_at={40, 90})
        live(contest, time, 3 * HOUR, box.x.tweets.add)  # 100 pages, of which X shows 10 in a quarter of an hour
        with contest.store.write() as connection:
            rounds.plan_end(connection, 1, clock.now())
        outcomes = live(contest, time, 5 * HOUR, box.x.tweets.add)
        assert refuses_nobody(box)
        first, asked = contest.round(1), lookups(box)
    assert first.freezing_since is not None
    assert first.frozen_at is not None
    entries, snapshot = contest.entries(1).keys(), contest.snapshot(1)
    meanwhile = [ids for at, ids in asked if first.freezing_since <= at <= first.frozen_at]
    final = [ids for ids in meanwhile if ids <= entries]
    assert snapshot is not None
    assert Counter(chain.from_iterable(final)) == Counter(entries)
    assert snapshot.entries == len(entries) > 10_000
    assert first.pushed_at is not None
    assert outcomes["freeze_coordinator"].count(Status.CRASHED) == 2
    assert len(meanwhile) - len(final) >= 0.09 * len(meanwhile)
    elapsed_seconds = (first.frozen_at - first.freezing_since).total_seconds()
    assert len(meanwhile) >= 0.95 * 15 * elapsed_seconds / 900


def lookups(box: sandbox.Box) -> list[tuple[datetime, set[str]]]:
    """When X was asked for which tweets."""
    return [(datetime.fromisoformat(one.time), set(one.ids)) for one in box.x.lookups]
