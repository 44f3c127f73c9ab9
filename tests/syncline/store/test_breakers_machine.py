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
from syncline.store.breakers import Breakers, BreakerStatus, Permit, Refused
from syncline.store.engine import Store

START = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)
PROCESS = st.integers(0, 1)
OUTCOMES = st.sampled_from([Outcome.FAILURE, Outcome.FAILURE, Outcome.SUCCESS, Outcome.ANSWERED, Outcome.UNKNOWN])
POLICY = BreakerPolicy(failures=2, reset_after_seconds=300, half_open_probes=3)
TIMEOUT_SECONDS = 40


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

    @rule(by=PROCESS)
    def begin(self, by: int) -> None:
        permit = self.admitted(by)
        if permit is not None:
            self.held.append(permit)

    @rule(by=PROCESS, outcomes=st.lists(OUTCOMES, min_size=1, max_size=4))
    def run(self, by: int, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            permit = self.admitted(by)
            if permit is not None:
                self.ended(permit, outcome, by)

    @precondition(lambda self: self.state is BreakerState.CLOSED)
    @rule(by=PROCESS, seconds=st.sampled_from([299, 300, 300, 300]))
    def the_upstream_goes_down(self, by: int, seconds: float) -> None:
        for _ in range(POLICY.failures):
            permit = self.admitted(by)
            if permit is not None:
                self.ended(permit, Outcome.FAILURE, by)
        assert self.state is BreakerState.OPEN
        assert self.admitted(1 - by) is None
        self.clock.advance(seconds=seconds)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), outcome=OUTCOMES, by=PROCESS)
    def end(self, data: st.DataObject, outcome: Outcome, by: int) -> None:
        self.ended(self.held.pop(data.draw(st.integers(0, len(self.held) - 1))), outcome, by)

    def admitted(self, by: int) -> Permit | None:
        before = self.breakers[by].state(self.source)
        said = self.breakers[by].admit(self.source)
        if not isinstance(said, Permit):
            assert said.state is not BreakerState.CLOSED
            assert said.retry_at is None or said.retry_at > self.clock.now()
            return None
        assert before.state in {BreakerState.CLOSED, BreakerState.HALF_OPEN}
        assert said.probe == (before.state is BreakerState.HALF_OPEN)
        if any(permit.epoch != said.epoch for permit in self.held):
            self.all_are_late()
        if said.probe:
            self.probes[said.epoch] = self.probes.get(said.epoch, 0) + 1
            assert self.probes[said.epoch] <= POLICY.half_open_probes, "too many probes in one epoch"
        return said

    def ended(self, permit: Permit, outcome: Outcome, by: int) -> None:
        before = self.breakers[by].state(self.source)
        change = self.breakers[by].record(permit, outcome)
        after = self.breakers[1 - by].state(self.source)
        assert (change is not None) == (before.state is not after.state)
        if change is not None:
            self.all_are_late()
        elif permit.probe and outcome is Outcome.UNKNOWN:
            self.probes[permit.epoch] -= 1
        self.is_as_expected(outcome, before, after)

    def all_are_late(self) -> None:
        self.stale += self.held
        self.held = []

    def is_as_expected(self, outcome: Outcome, before: BreakerStatus, after: BreakerStatus) -> None:
        if before.state is BreakerState.CLOSED:
            if outcome is Outcome.FAILURE:
                assert after.failures in {1, before.failures + 1}, "failures are counted, or begin anew after an hour"
                assert (after.state is BreakerState.OPEN) == (after.failures >= POLICY.failures)
            else:
                assert after.state is BreakerState.CLOSED
                assert after.failures == (0 if outcome is Outcome.SUCCESS else before.failures)
        elif outcome is Outcome.FAILURE:
            assert after.state is BreakerState.OPEN, "a failed probe opens it again"
        elif outcome is Outcome.UNKNOWN:
            assert (after.state, after.successes) == (BreakerState.HALF_OPEN, before.successes)
        else:
            enough = before.successes + 1 == POLICY.half_open_probes
            assert after.state is (BreakerState.CLOSED if enough else BreakerState.HALF_OPEN)
            assert after.successes == (0 if enough else before.successes + 1)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        self.stale.append(self.held.pop(data.draw(st.integers(0, len(self.held) - 1))))

    @precondition(lambda self: self.stale)
    @rule(data=st.data(), outcome=OUTCOMES)
    def come_late(self, data: st.DataObject, outcome: Outcome) -> None:
        permit = data.draw(st.sampled_from(self.stale))
        _, circuit = self.stores[0].direct.call(lambda wire: read(wire, self.source.name))
        if circuit.epoch == permit.epoch:
            return  # its holder died, but it is not late
        status = self.breakers[0].state(self.source)
        assert self.breakers[1].record(permit, outcome) is None
        assert self.breakers[1].state(self.source) == status, "a result of another epoch changed something"

    @precondition(lambda self: self.state is BreakerState.HALF_OPEN)
    @rule(by=PROCESS)
    def lose_all_probes(self, by: int) -> None:
        """Their holders die; the fourth run waits for them, and then goes in their place."""
        successes = self.breakers[by].state(self.source).successes
        while (permit := self.admitted(by)) is not None:
            self.stale.append(permit)
        said = self.breakers[by].admit(self.source)
        assert isinstance(said, Refused)
        assert said.retry_at is not None
        self.clock.advance(seconds=(said.retry_at - self.clock.now()).total_seconds())
        permit = self.admitted(1 - by)
        assert permit is not None, "no probe came back"
        assert self.breakers[by].state(self.source).successes == successes, "what was proved need not be proved again"
        self.held.append(permit)

    @rule(seconds=st.sampled_from([40, 299, 300, 300, 3600]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)

    @rule(seconds=st.sampled_from([0.5, 3600]))
    def the_clock_is_set_back(self, seconds: float) -> None:
        before = self.state
        self.clock.advance(seconds=-seconds)
        if before is BreakerState.OPEN:
            assert self.state is BreakerState.OPEN

    @rule(by=PROCESS, stays_open=st.sampled_from([False] * 4 + [True]))
    def an_operator_opens_and_resets_it(self, by: int, stays_open: bool) -> None:  # noqa: FBT001 - Hypothesis draws it
        self.all_are_late()
        self.breakers[by].force_open(self.source.name, "anna")
        self.clock.advance(seconds=POLICY.reset_after_seconds)
        assert self.admitted(1 - by) is None
        if not stays_open:
            self.breakers[by].reset(self.source.name, "anna")
            assert self.breakers[1 - by].state(self.source) == BreakerStatus(state=BreakerState.CLOSED)

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
            max_examples=40,
            stateful_step_count=30,
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        ),
    )
