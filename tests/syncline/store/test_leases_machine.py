"""Any number of owners, in any order, against a model of who may hold the lease."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from support.machines import machine_store

from syncline.clock import ManualClock
from syncline.model.target import Target
from syncline.store import leases
from syncline.store.leases import TTL_SECONDS, Process

START = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)
NAME = Target("products")
OWNERS = st.sampled_from(["a", "b", "c", "d"])
LIVE = Process.current()
DEAD = Process(host=LIVE.host, boot_id=LIVE.boot_id, pid=LIVE.pid, started=LIVE.started + 1)


class Leases(RuleBasedStateMachine):
    """The model: an owner, until when it holds, whether its process lives, and the last fence."""

    def __init__(self, url: str | None = None) -> None:
        super().__init__()
        self.folder = Path(mkdtemp())
        self.clock = ManualClock(START)
        self.store = machine_store(url, self.folder, self.clock)
        self.owner: str | None = None
        self.until = START
        self.lives = True
        self.fence: int = 0
        self.given_back = False

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    @property
    def held(self) -> bool:
        return self.owner is not None and self.clock.now() < self.until and self.lives

    @rule(owner=OWNERS, lives=st.booleans())
    def acquire(self, owner: str, lives: bool) -> None:  # noqa: FBT001 - Hypothesis draws it
        with self.store.write() as connection:
            fence = leases.acquire(connection, NAME, owner, process=LIVE if lives else DEAD, now=self.clock.now())
        if self.held:
            assert fence is None, "a live holder was robbed"
            return
        assert fence is not None, "a free lease was not given"
        assert fence == self.fence + 1, "the fence did not rise by one"
        self.owner, self.lives, self.fence, self.given_back = owner, lives, fence, False
        self._lasts()

    @rule(owner=OWNERS)
    def renew(self, owner: str) -> None:
        with self.store.write() as connection:
            renewed = leases.renew(connection, NAME, owner, now=self.clock.now())
        assert renewed == (owner == self.owner and not self.given_back)
        if renewed:
            self._lasts()

    @rule(owner=OWNERS)
    def release(self, owner: str) -> None:
        with self.store.write() as connection:
            leases.release(connection, NAME, owner, now=self.clock.now())
        if owner == self.owner:
            self.until, self.given_back = self.clock.now(), True

    @rule(seconds=st.sampled_from([0.5, 20, 59, 60, 61]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)

    @invariant()
    def at_most_one_live_holder(self) -> None:
        with self.store.read() as connection:
            lease = leases.holder(connection, NAME)
            live = [o for o in "abcd" if not leases.is_lost(lease, o, now=self.clock.now())]
        assert live == ([self.owner] if self.held else [])

    def _lasts(self) -> None:
        self.until = datetime.fromtimestamp(self.clock.now().timestamp() + TTL_SECONDS, UTC)


TestLeases = Leases.TestCase
TestLeases.settings = settings(max_examples=40, stateful_step_count=25)


def test_leases_on_postgresql(make_postgresql: Callable[[], str]) -> None:
    """Instants, upserts and row locks are another database's there."""
    machine: Any = partial(Leases, make_postgresql())
    run_state_machine_as_test(machine, settings=settings(max_examples=15, stateful_step_count=20))
