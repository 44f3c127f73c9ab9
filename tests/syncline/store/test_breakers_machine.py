"""Any runs, results and deaths, in two processes' worth of connections, against a model of who may try."""

from datetime import UTC, datetime
from typing import ClassVar
from uuid import uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from support.sources import make_source

from syncline.clock import ManualClock
from syncline.model.policies import BreakerPolicy
from syncline.resilience.breaker import BreakerState, Outcome
from syncline.store.breaker_rows import read
from syncline.store.breakers import Breakers, Permit
from syncline.store.engine import Store

START = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)
POLICY = BreakerPolicy(failures=3, reset_after_seconds=300, half_open_probes=3)
TIMEOUT_SECONDS = 40
LEASE_SECONDS = TIMEOUT_SECONDS + 60


class Runs(RuleBasedStateMachine):
    """The model: the state, the failures in a row, and who holds a permit of the present epoch."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(START)
        self.stores = [Store(self.url, clock=self.clock) for _ in range(2)]
        self.breakers = [Breakers(store) for store in self.stores]
        name = f"s{uuid4().hex}"
        self.source = make_source(name=name, breaker=POLICY, timeout_seconds=TIMEOUT_SECONDS)
        self.held: list[Permit] = []
        self.stale: list[Permit] = []
        self.probes: dict[int, int] = {}

    def teardown(self) -> None:
        for store in self.stores:
            store.close()

    @property
    def state(self) -> BreakerState:
        return self.breakers[0].state(self.source).state

    @rule(by=st.integers(0, 1))
    def try_to_run(self, by: int) -> None:
        before = self.breakers[by].state(self.source)
        said = self.breakers[by].admit(self.source)
        if not isinstance(said, Permit):
            assert said.state is not BreakerState.CLOSED
            assert said.retry_at is None or said.retry_at > self.clock.now()
            return
        assert before.state in {BreakerState.CLOSED, BreakerState.HALF_OPEN}
        assert said.probe == (before.state is BreakerState.HALF_OPEN)
        if any(permit.epoch != said.epoch for permit in self.held):
            self.stale += self.held
            self.held = []
        self.held.append(said)
        if said.probe:
            self.probes[said.epoch] = self.probes.get(said.epoch, 0) + 1
            assert self.probes[said.epoch] <= POLICY.half_open_probes

    @precondition(lambda self: self.held)
    @rule(data=st.data(), outcome=st.sampled_from(Outcome), by=st.integers(0, 1))
    def end(self, data: st.DataObject, outcome: Outcome, by: int) -> None:
        permit = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        before = self.breakers[by].state(self.source)
        change = self.breakers[by].record(permit, outcome)
        after = self.breakers[1 - by].state(self.source)
        if change is not None:
            self.stale += self.held
            self.held = []
        elif permit.probe and outcome is Outcome.UNKNOWN:
            self.probes[permit.epoch] -= 1
        self.is_as_expected(outcome, before.state, after.state, before.failures, after.failures)

    def is_as_expected(
        self, outcome: Outcome, before: BreakerState, after: BreakerState, failed: int, fails: int
    ) -> None:
        if before is BreakerState.CLOSED and outcome is Outcome.FAILURE:
            assert fails in {1, failed + 1}, "failures are counted, or begin anew after an hour"
            assert (after is BreakerState.OPEN) == (fails >= POLICY.failures)
        elif before is BreakerState.CLOSED:
            assert after is BreakerState.CLOSED
            assert fails == (0 if outcome is Outcome.SUCCESS else failed)
        elif before is BreakerState.HALF_OPEN:
            if outcome is Outcome.FAILURE:
                assert after is BreakerState.OPEN, "a failed probe opens it again"
            elif outcome is Outcome.UNKNOWN:
                assert after is BreakerState.HALF_OPEN

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        self.stale.append(self.held.pop(data.draw(st.integers(0, len(self.held) - 1))))

    @precondition(lambda self: self.stale)
    @rule(data=st.data(), outcome=st.sampled_from(Outcome))
    def come_late(self, data: st.DataObject, outcome: Outcome) -> None:
        permit = data.draw(st.sampled_from(self.stale))
        _, circuit = self.stores[0].direct.call(lambda wire: read(wire, self.source.name))
        if circuit.epoch == permit.epoch:
            return  # its holder died, but it is not late
        status = self.breakers[0].state(self.source)
        assert self.breakers[1].record(permit, outcome) is None
        assert self.breakers[1].state(self.source) == status, "a result of another epoch changed something"

    @rule()
    def lost_probes_come_back(self) -> None:
        if self.state is not BreakerState.HALF_OPEN:
            return
        self.clock.advance(seconds=LEASE_SECONDS)
        said = self.breakers[1].admit(self.source)
        if not isinstance(said, Permit):  # a lease that a clock ahead of its time has written was cut to its length
            self.clock.advance(seconds=LEASE_SECONDS)
            said = self.breakers[1].admit(self.source)
        assert isinstance(said, Permit), "no probe came back"
        self.breakers[1].record(said, Outcome.UNKNOWN)

    @rule(seconds=st.sampled_from([1, 40, 299, 300, 3600]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)

    @rule(seconds=st.sampled_from([0.5, 3600]))
    def the_clock_is_set_back(self, seconds: float) -> None:
        before = self.state
        self.clock.advance(seconds=-seconds)
        if before is BreakerState.OPEN:
            assert self.state is BreakerState.OPEN

    @rule(by=st.integers(0, 1))
    def an_operator_opens_it(self, by: int) -> None:
        self.breakers[by].force_open(self.source.name, "anna")
        self.stale += self.held
        self.held = []
        assert not isinstance(self.breakers[1 - by].admit(self.source), Permit)

    @rule(by=st.integers(0, 1))
    def an_operator_resets_it(self, by: int) -> None:
        self.breakers[by].reset(self.source.name, "anna")
        self.stale += self.held
        self.held = []
        assert self.state is BreakerState.CLOSED

    @invariant()
    def both_see_the_same(self) -> None:
        assert self.breakers[0].state(self.source) == self.breakers[1].state(self.source)


def test_breakers_keep_their_promises_whatever_happens(database_url: str) -> None:
    """Never more probes than allowed, late results change nothing, the dead do not block it, an operator wins."""

    class Here(Runs):
        url = database_url

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        ),
    )
