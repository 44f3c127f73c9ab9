"""Drains that are killed anywhere: no job is lost, and none is done twice."""

import random
from collections.abc import Generator

import pytest
from sqlalchemy import text
from support.drain_victim import DrainVictims
from support.jobs import SOURCE, add_accounts, all_jobs, enqueue, now_us, wanted

from syncline.model.session import Status
from syncline.store import rollups
from syncline.store.engine import Store

_KILLS = 5
_NAMES = tuple(f"{number:02d}" for number in range(12))


@pytest.fixture(scope="module")
def victims() -> Generator[DrainVictims]:
    made = DrainVictims()
    yield made
    made.close()


def test_killed_drains_lose_no_job_and_do_none_twice(database_url: str, victims: DrainVictims) -> None:
    """At any statement: what was committed is done, all else is done by the next drain once the lease has expired."""
    store = Store(database_url)
    with store.write() as connection:
        connection.execute(text("CREATE TABLE rows_of_ends (name TEXT, job BIGINT, fence BIGINT, UNIQUE (job, fence))"))
    add_accounts(store, *_NAMES)
    _queue(store)
    lines = victims.run(database_url, "undisturbed")
    assert lines is not None
    dice = random.Random(store.url.get_backend_name())  # noqa: S311 - reproducible points, no secret
    died = 0
    for number in range(_KILLS):
        _queue(store)
        died += victims.run(database_url, f"victim {number}", dies_after_lines=dice.randrange(1, lines)) is None
        _let_leases_expire(store)
    victims.run(database_url, "last")
    assert died >= _KILLS - 2, "the kills hit a running drain"
    assert all_jobs(store) == []
    with store.read() as connection:
        rows = connection.execute(text("SELECT name, count(*) FROM rows_of_ends GROUP BY name")).all()
        sessions = connection.execute(
            text("SELECT count(*) FROM sync_sessions WHERE status = 'completed'")
        ).scalar_one()
        counts = rollups.since(connection, store.clock.now())
    assert {name for name, _ in rows} == set(_NAMES)
    completed = sum(times for _, times in rows)
    assert counts[SOURCE, Status.COMPLETED].jobs == sessions == completed >= 2 * len(_NAMES)
    store.close()


def _queue(store: Store) -> None:
    enqueue(store, *(wanted(name, now_us(store)) for name in _NAMES))


def _let_leases_expire(store: Store) -> None:
    """The next drain finds out itself that this one is dead."""
    with store.write() as connection:
        connection.execute(text("UPDATE sync_jobs SET lease_us = 0 WHERE lease_us IS NOT NULL"))
