"""Any requests, by two processes' worth of connections, against a model that remembers everything and counts."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar
from uuid import uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from syncline.clock import ManualClock, microseconds
from syncline.model.budgets import BudgetKey, SlidingWindow, TokenBucket
from syncline.resilience.budget_state import Denied, Granted
from syncline.store.budgets import Budgets
from syncline.store.engine import Store

START = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)
WINDOW = SlidingWindow(limit=4, period_seconds=60, margin=0)
BUCKET = TokenBucket(capacity=3, refill_per_second=0.1)
WALLED = TokenBucket(capacity=5, refill_per_second=0.25, wall=SlidingWindow(limit=5, period_seconds=20, margin=0))
SECONDS = st.sampled_from([0, 0.000001, 0.7, 5, 9.999999, 10, 19, 20, 59, 60, 61])
WAY_SECONDS = 5
Spendings = list[tuple[int, int]]
"""Instants of true time, in microseconds, and what was spent then."""


@dataclass(kw_only=True)
class UnderWay:
    """A request without an answer, by whom it was sent, and its place among what was spent."""

    granted: Granted
    by: int
    place: int


class Requests(RuleBasedStateMachine):
    """The model: true time, how far the clock is off, and everything that was ever spent."""

    url: ClassVar[str]
    steps_back: ClassVar[bool] = False
    steps_forward: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(START)
        self.true_us = microseconds(START)
        self.stores = [Store(self.url, clock=self.clock) for _ in range(2)]
        self.budgets = [Budgets(store) for store in self.stores]
        room = uuid4().hex
        self.keys = {
            name: BudgetKey(name=f"{room}:{name}", policy=policy)
            for name, policy in {"window": WINDOW, "bucket": BUCKET, "walled": WALLED}.items()
        }
        self.spent: dict[str, Spendings] = {name: [] for name in self.keys}
        self.under_way: list[UnderWay] = []

    def teardown(self) -> None:
        for store in self.stores:
            store.close()

    def ask(self, names: set[str], cost: int, *, by: int) -> Granted | Denied:
        said = self.budgets[by].acquire([self.keys[name] for name in names], cost=cost)
        if isinstance(said, Granted):
            for name in names:
                self.spent[name].append((self.true_us, cost))
                self.kept_its_promise(name)
        return said

    def kept_its_promise(self, name: str) -> None:
        """No window, and no stretch of time, saw more than the policy says."""
        spent = self.spent[name]
        for start, _ in spent:
            lasted = (self.true_us - start) / 1_000_000
            if lasted < 0:  # it is under way, and an instance of it will be looked at that begins later
                continue
            total = sum(cost for at, cost in spent if at >= start)
            if name == "window":
                assert total <= WINDOW.limit or lasted >= WINDOW.period_seconds
            elif name == "bucket":
                assert total <= BUCKET.capacity + BUCKET.refill_per_second * lasted + 1e-8
            else:
                assert total <= WALLED.capacity + WALLED.refill_per_second * lasted + 1e-8
                assert total <= 5 or lasted >= 20

    def admits(self, name: str, cost: int) -> bool:
        """What the ideal policy says."""
        spent, now = self.spent[name], self.true_us
        window = {"window": WINDOW, "walled": WALLED.wall}.get(name)
        if window is not None:
            live = sum(paid for at, paid in spent if at > now - window.period_us)
            if live + cost > window.limit:
                return False
        bucket = {"bucket": BUCKET, "walled": WALLED}.get(name)
        return bucket is None or self.level(spent, bucket) >= cost

    def level(self, spent: Spendings, bucket: TokenBucket) -> float:
        """How full an ideal bucket is, in tokens."""
        level, last = bucket.capacity * bucket.token_us, self.true_us
        for index, (at, cost) in enumerate(spent):
            passed = at - spent[index - 1][0] if index else 0
            level = min(bucket.capacity * bucket.token_us, level + passed) - cost * bucket.token_us
            last = at
        return min(bucket.capacity * bucket.token_us, level + self.true_us - last) / bucket.token_us

    @rule(
        names=st.sets(st.sampled_from(["window", "bucket", "walled"]), min_size=1),
        cost=st.sampled_from([1, 1, 1, 2, 3]),
        by=st.integers(0, 1),
        times=st.integers(1, 4),
    )
    def request(self, names: set[str], cost: int, by: int, times: int) -> None:
        for _ in range(times):
            expected = all(self.admits(name, cost) for name in names)
            said = self.ask(names, cost, by=by)
            if not self.steps_back:
                assert isinstance(said, Granted) == expected, "not what the ideal policy says"

    @rule(by=st.integers(0, 1), times=st.integers(1, 3))
    def send(self, by: int, times: int) -> None:
        """Requests that count from their answers on; until then as if these came in five seconds."""
        for _ in range(times):
            expected = self.admits("window", 1)
            said = self.budgets[by].acquire([self.keys["window"]], under_way_seconds=WAY_SECONDS)
            if not self.steps_back:
                assert isinstance(said, Granted) == expected, "not what the ideal window says"
            if isinstance(said, Granted):
                self.under_way.append(UnderWay(granted=said, by=by, place=len(self.spent["window"])))
                self.spent["window"].append((self.true_us + WAY_SECONDS * 1_000_000, 1))
                self.kept_its_promise("window")

    @precondition(lambda self: bool(self.under_way))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        """One of them is answered, in any order."""
        one = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        self.budgets[one.by].settle([self.keys["window"]], one.granted, answered=self.clock.steady())
        believed, cost = self.spent["window"][one.place]
        self.spent["window"][one.place] = (min(believed, self.true_us), cost)

    @rule(name=st.sampled_from(["window", "bucket", "walled"]), cost=st.integers(1, 3), by=st.integers(0, 1))
    def wait_until_told(self, name: str, cost: int, by: int) -> None:
        said = self.ask({name}, cost, by=by)
        if isinstance(said, Denied):
            assert said.wait_seconds > 0
            self.pass_time((said.retry_at - self.clock.now()).total_seconds())
            if self.under_way:  # they were expected to be answered at once
                return
            assert isinstance(self.ask({name}, cost, by=1 - by), Granted), "waiting until retry_at did not admit"

    @rule(seconds=SECONDS)
    def pass_time(self, seconds: float) -> None:
        before = self.clock.now()
        self.true_us += microseconds(self.clock.advance(seconds=seconds)) - microseconds(before)

    @precondition(lambda self: self.steps_back)
    @rule(seconds=st.sampled_from([0.000001, 0.9, 1, 30, 3600]))
    def set_the_clock_back(self, seconds: float) -> None:
        self.clock.advance(seconds=-seconds)

    @precondition(lambda self: self.steps_forward)
    @rule(seconds=st.sampled_from([45, 95, 7200]))  # with steps back between two looks no step of a second is left over
    def set_the_clock_forward(self, seconds: float) -> None:
        self.clock.set_forward(seconds=seconds)

    @rule(name=st.sampled_from(["window", "bucket", "walled"]), by=st.integers(0, 1))
    def look(self, name: str, by: int) -> None:
        usage = self.budgets[by].state(self.keys[name])
        assert 0 <= usage.tokens <= usage.capacity
        assert 0 <= usage.fraction <= 1
        if not self.steps_back:
            assert self.admits(name, 1) == (usage.tokens >= 1)


_SETTINGS = settings(
    max_examples=40,
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_budgets_admit_exactly_what_the_ideal_policies_admit(database_url: str) -> None:
    """One request more would be answered 429, one fewer wastes what was paid for; several budgets pay all or none."""

    class Here(Requests):
        url = database_url

    run_state_machine_as_test(Here, settings=_SETTINGS)


def test_a_clock_that_is_set_back_admits_nothing_extra(database_url: str) -> None:
    """Virtual machines wake up and time servers disagree; what was spent stays spent, and waits end all the same."""

    class Here(Requests):
        url, steps_back = database_url, True

    run_state_machine_as_test(Here, settings=_SETTINGS)


def test_a_clock_that_is_set_forward_admits_nothing_extra(database_url: str) -> None:
    """A step of half a minute is no half a minute: what was spent then stays spent, in all processes of the machine."""

    class Here(Requests):
        url, steps_forward = database_url, True

    run_state_machine_as_test(Here, settings=_SETTINGS)


def test_a_clock_that_is_set_to_and_fro_admits_nothing_extra(database_url: str) -> None:
    """A time server that is wrong, and then right again."""

    class Here(Requests):
        url, steps_back, steps_forward = database_url, True, True

    run_state_machine_as_test(Here, settings=_SETTINGS)
