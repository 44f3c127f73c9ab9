"""A contest against a model: people tweet, delete and hide; services run in any order; freezes are killed anywhere."""

import asyncio
import json
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from support.contest import Contest, serving_x
from support.contest_scheduler import Killed
from support.machines import machine_store

from syncline.clock import ManualClock
from syncline.contests.freezing import FreezeProgress
from syncline.contests.tables import EntryStatus, RoundStatus

TRIES = 20
"""A freeze is tried again so often at most, each time after X's window has passed."""


class KillableContest(Contest):
    """The process that freezes is killed after so many batches; 0: it is not."""

    kill_after = 0

    async def _note(self, progress: FreezeProgress) -> None:
        await super()._note(progress)
        if self.kill_after and len(self.progress) >= self.kill_after:
            raise Killed


class Engine(RuleBasedStateMachine):
    """The model: what each frozen round was, by number (`frozen`)."""

    def __init__(self, url: str | None = None) -> None:
        super().__init__()
        self.stack, self.folder = ExitStack(), Path(mkdtemp())
        self.clock = ManualClock(datetime(2026, 1, 22, 10, tzinfo=UTC))
        self.store = machine_store(url, self.folder, self.clock)
        self.box = self.stack.enter_context(serving_x(self.clock, mentions=60))
        self.contest = KillableContest(store=self.store, clock=self.clock, box=self.box)
        self.frozen: dict[int, str] = {}

    def teardown(self) -> None:
        self.stack.close()
        self.store.close()
        shutil.rmtree(self.folder)

    @rule(count=st.integers(1, 30))
    def tweet(self, count: int) -> None:
        self.box.x.tweets.add(count)

    @rule(chance=st.randoms(use_true_random=False), count=st.integers(1, 60))
    def delete(self, *, chance: object, count: int) -> None:
        public = self.box.x.tweets.public_ids()
        picked = getattr(chance, "sample")(public, min(count, len(public)))  # noqa: B009 - Hypothesis types no Random
        for tweet_id in picked:
            self.box.x.tweets.delete(tweet_id)

    @rule(author=st.integers(0, 3), protected=st.booleans())
    def hide(self, *, author: int, protected: bool) -> None:
        tweets = self.box.x.tweets
        tweets.protect(tweets.authors[author], protected=protected)

    @rule()
    def poll(self) -> None:
        self._later(120)
        asyncio.run(self.contest.poll())

    @rule()
    def validate(self) -> None:
        self._later(180)
        asyncio.run(self.contest.validate())

    @rule()
    def sweep(self) -> None:
        self._later(180)
        asyncio.run(self.contest.sweep())

    @rule(kill_after=st.integers(0, 3))
    def freeze(self, kill_after: int) -> None:
        """The oldest round that is not frozen; where it is killed, what it checked stays."""
        number = self._unfrozen()
        if number is None:
            return
        self.contest.progress.clear()
        self.contest.kill_after = kill_after
        self.box.x.lookups.clear()
        for _ in range(TRIES):
            try:
                asyncio.run(self.contest.freeze(number))
            except Killed:
                self.contest.kill_after = 0
            self._later(1_000)
            if self.contest.round(number).status is RoundStatus.FROZEN:
                break
        snapshot = self.contest.snapshot(number)
        assert snapshot is not None, self.contest.sessions("freeze_coordinator")[-1].reason
        self.frozen[number] = snapshot.content
        self._was_asked_for_once_a_look(number)

    def _was_asked_for_once_a_look(self, number: int) -> None:
        """In one go (kills included): once, or twice where most of a batch was missing without a word."""
        asked, truth = self.box.x.asked(), self.contest.truth()
        for one in self.contest.entries(number):
            assert asked.get(one, 1) in ({1, 2} if truth[one] is EntryStatus.DELETED else {1})

    @invariant()
    def frozen_rounds_stay(self) -> None:
        for number, content in self.frozen.items():
            snapshot = self.contest.snapshot(number)
            assert snapshot is not None
            assert snapshot.content == content
            assert snapshot.content_hash == f"sha256:{sha256(content.encode()).hexdigest()}"
            told = {one["tweet_id"]: one["status"] for one in json.loads(content)["entries"]}
            assert told == {one: status.value for one, status in self.contest.entries(number).items()}

    @invariant()
    def nothing_is_taken_for_gone_that_is_there(self) -> None:
        truth = self.contest.truth()
        for number in range(1, self._newest() + 1):
            for tweet_id, status in self.contest.entries(number).items():
                assert status is not EntryStatus.DELETED or truth[tweet_id] is EntryStatus.DELETED

    @invariant()
    def x_refuses_nobody(self) -> None:
        assert all(window.refused == 0 for window in self.box.x.windows.values())

    def _later(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)

    def _newest(self) -> int:
        with self.store.read() as connection:
            return connection.exec_driver_sql("SELECT coalesce(max(number), 0) FROM rounds").scalar() or 0

    def _unfrozen(self) -> int | None:
        return next((one for one in range(1, self._newest() + 1) if one not in self.frozen), None)


TestContest = Engine.TestCase
TestContest.settings = settings(max_examples=15, stateful_step_count=20)


def test_a_contest_on_postgresql(make_postgresql: Callable[[], str]) -> None:
    """What was frozen there must be as true, whatever is killed."""
    machine: Any = partial(Engine, make_postgresql())
    run_state_machine_as_test(machine, settings=settings(max_examples=5, stateful_step_count=15))
