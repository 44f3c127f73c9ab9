"""What a process remembers of budgets, and that it is never believed."""

import pytest
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


def test_a_server_surely_has_reached_what_is_believed_of_its_clock(make_postgresql: object) -> None:
    """A decision for an instant that has not come would let a request out too early."""
    assert callable(make_postgresql)
    store = Store(str(make_postgresql()))

    def rounds(raw: RawStatements) -> list[int]:
        lags: list[int] = []
        for _ in range(50):
            believed = raw.database_now
            told = raw.heard(int(raw.rows(f"SELECT {raw.now_sql[0]}")[0][0]))
            lags.append(0 if believed is None else told - believed)
        return lags

    assert min(store.direct.call(rounds)) >= 0
    store.close()
