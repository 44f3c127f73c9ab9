"""What the tests of contests share: X on the test's clock, and its services."""

from collections.abc import Generator

import pytest
from support.contest import Contest, serving_x

import sandbox
from syncline.clock import ManualClock
from syncline.store.engine import Store


@pytest.fixture
def box(clock: ManualClock) -> Generator[sandbox.Box]:
    with serving_x(clock) as served:
        yield served


@pytest.fixture
def contest(sqlite_store: Store, clock: ManualClock, box: sandbox.Box) -> Contest:
    """A contest in SQLite."""
    return Contest(store=sqlite_store, clock=clock, box=box)


@pytest.fixture
def any_contest(store: Store, clock: ManualClock, box: sandbox.Box) -> Contest:
    """A contest in each kind of database in turn."""
    return Contest(store=store, clock=clock, box=box)
