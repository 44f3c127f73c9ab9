"""What a process remembers of budgets, and that it is never believed."""

from contextlib import closing
from datetime import UTC, datetime
from typing import Never

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.statements import traced

from syncline.clock import ManualClock
from syncline.model.budgets import BudgetKey, SlidingWindow
from syncline.resilience.budget_state import Granted
from syncline.store.budgets import Budgets
from syncline.store.direct import RawStatements
from syncline.store.engine import Store

UPCOMING = BudgetKey(name="upcoming:requests", policy=SlidingWindow(limit=15, period_seconds=3600, margin=0))


def admitted(budgets: Budgets, key: BudgetKey, times: int) -> int:
    return sum(isinstance(budgets.acquire([key]), Granted) for _ in range(times))


def test_whoever_spends_alone_needs_one_statement_a_decision(sqlite_store: Store) -> None:
    """Every request of every sync pays for it: what is known already is not read again."""
    budgets = Budgets(sqlite_store)
    admitted(budgets, UPCOMING, 2)
    heard = traced(sqlite_store)
    admitted(budgets, UPCOMING, 13)
    assert [statement.split()[0] for statement in heard] == ["UPDATE"] * 13
    admitted(budgets, UPCOMING, 2)
    heard.clear()
    assert admitted(budgets, UPCOMING, 3) == 0
    assert [statement.split()[:2] for statement in heard] == [["SELECT", "version"]] * 3


def test_what_a_process_knows_of_a_budget_is_not_relied_upon(database_url: str, clock: ManualClock) -> None:
    """Each of them believes that much is left, until it finds that the others have spent it."""
    stores = [Store(database_url, clock=clock) for _ in range(3)]
    budgets = [Budgets(store) for store in stores]
    for one in budgets:
        admitted(one, UPCOMING, 1)
    assert admitted(budgets[0], UPCOMING, 10) == 10
    assert [admitted(one, UPCOMING, 10) for one in budgets] == [2, 0, 0]
    for store in stores:
        store.close()


@pytest.mark.parametrize("off_us", [3_600_000_000, -3_600_000_000])
def test_a_servers_clock_that_was_set_is_asked_anew(make_postgresql: object, off_us: int) -> None:
    """What a process believes the server's clock to show may be wrong by an hour; no hour's budget is spent twice."""
    assert callable(make_postgresql)
    store = Store(str(make_postgresql()))
    budgets = Budgets(store)
    admitted(budgets, UPCOMING, 14)

    def misled(raw: RawStatements) -> None:
        raw.mistrust()
        raw.heard(raw.now() + off_us)

    store.direct.call(misled)
    assert admitted(budgets, UPCOMING, 3) == 1
    store.direct.call(misled)
    assert admitted(budgets, UPCOMING, 3) == 0
    store.close()


class FarServer:
    """A server's clock that drifts from this machine's, and answers that take time; no real clock is read."""

    def __init__(self) -> None:
        """Both clocks stand at their beginning."""
        self.clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
        self.shows_us = 1_800_000_000_000_000.0

    def passes(self, us: int, drift: float) -> None:
        """Let `us` pass here, while the server's clock is faster by the fraction `drift`."""
        self.clock.advance(seconds=us / 1_000_000)
        self.shows_us += us * (1 + drift)

    def execute(self, statement: str, parameters: object = ()) -> Never:
        """No statement is needed to tell what was believed."""
        raise AssertionError((statement, parameters))

    def close(self) -> None:
        """Nothing is open."""


@given(
    st.lists(
        st.tuples(st.integers(0, 10**9), st.integers(0, 10**7), st.integers(0, 10**7), st.floats(-0.0009, 0.0009)),
        min_size=2,
    )
)
@example([(0, 0, 0, 0.0), (10**9, 0, 0, -0.0009)])
@example([(0, 0, 10**7, 0.0009), (10**9, 0, 0, -0.0009), (0, 1, 1, -0.0009)])
def test_a_server_surely_has_reached_what_is_believed_of_its_clock(steps: list[tuple[int, int, int, float]]) -> None:
    """A decision for an instant that has not come would let a request out too early.

    Each step: what passes, how long a question and its answer travel (microseconds), and how the clocks drift.
    """
    server = FarServer()
    raw = RawStatements(server, server.clock, is_sqlite=False, server_tells_time=True, patience_seconds=1)
    for between, there, back, drift in steps:
        server.passes(between, drift)
        believed = raw.database_now
        assert believed is None or believed <= server.shows_us + 1
        server.passes(there, drift)
        told = int(server.shows_us)
        server.passes(back, drift)
        assert raw.heard(told) == told


def test_what_a_server_shows_is_believed_until_it_is_mistrusted(make_postgresql: object) -> None:
    """As the real one tells it: after its first answer, the instant is known to within a second without asking."""
    assert callable(make_postgresql)
    store = Store(str(make_postgresql()))

    def told(raw: RawStatements) -> tuple[int | None, int, int | None]:
        unknown = raw.database_now
        shown = raw.heard(int(raw.rows(f"SELECT {raw.now_sql[0]}")[0][0]))
        known = raw.database_now
        raw.mistrust()
        assert raw.database_now is None
        return unknown, shown, known

    with closing(store):
        unknown, shown, known = store.direct.call(told)
    assert unknown is None
    assert known is not None
    assert known >= shown
