"""A sync that is killed anywhere, and started again, leaves the same tables as one that was not disturbed."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from sqlalchemy import text
from support.victim import Sync, Victims, counted, to_death

import sandbox
from syncline.model.policies import Mode
from syncline.store.engine import Store

_KILLS = 10
"""Kills a scenario and database; where they fall is drawn by a fixed seed, spread over the whole run."""

_SUMS = text(
    "SELECT sum(items_created), sum(items_updated), sum(items_deleted), "
    "sum(items_processed - items_created - items_updated - items_unchanged - items_rejected) FROM sync_sessions"
)


@pytest.fixture
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, str | None], str]:
    """Makes migrated databases: of a kind, new or as a copy of an SQLite file."""

    def make(kind: str, name: str | None) -> str:
        if kind == "postgresql":
            return request.getfixturevalue("make_postgresql")()
        path = tmp_path / f"{name}.db"
        copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"

    return make


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    made = Victims()
    yield made
    made.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("scenario", ["first load", "incremental", "full with deletions"])
def test_a_killed_sync_that_runs_again_leaves_the_tables_of_an_undisturbed_one(
    kind: str, scenario: str, fresh: Callable[[str, str | None], str], victims: Victims
) -> None:
    """Exactly once is the promise that the whole product stands on."""
    with sandbox.serving(seed=11, products=60, customers=1) as box:
        box.faults.add("latency", path="/erp/products", count=None, seconds=0.04)  # so that each page has its commit

        def sync_of(name: str) -> Sync:
            mode = Mode.INCREMENTAL if scenario == "incremental" else Mode.FULL
            return Sync(database_url=fresh(kind, name), upstream_url=box.url, token=box.token, mode=mode)

        attempts = [sync_of(f"attempt{number}") for number in range(_KILLS)]
        undisturbed = sync_of("undisturbed")
        if scenario != "first load":
            for sync in (*attempts, undisturbed):
                victims.run(sync)
            box.erp.change("products", create=5, update=7, delete=3)
        lines = victims.run(counted(undisturbed))
        assert lines
        expected = _contents(undisturbed)
        dice = random.Random(f"{kind} {scenario}")  # noqa: S311 - reproducible points, no secret
        died = 0
        for number, sync in enumerate(attempts):
            point = lines * number // _KILLS + dice.randrange(1, lines // _KILLS)
            died += victims.run(to_death(sync, point)) is None
            victims.run(sync)
            assert _contents(sync) == expected, f"killed at line {point} of {lines}"
        assert died >= _KILLS - 2, "the kills hit a running sync"


def _contents(sync: Sync) -> dict[str, Any]:
    """All that must be the same: rows, what the pass left behind, and what the sessions together say they changed.

    How many unchanged items were read differs: a run that dies after its pass has ended is followed by a new pass.
    """
    store = Store(sync.database_url)
    with store.read() as connection:
        rows = [tuple(row)[:-1] for row in connection.execute(text("SELECT * FROM products ORDER BY id"))]
        sums = connection.execute(_SUMS).one()
        left = connection.execute(text("SELECT count(*) FROM pass_keys")).scalar()
        unfinished = connection.execute(text("SELECT count(*) FROM checkpoints WHERE pass_state IS NOT NULL")).scalar()
        running = connection.execute(text("SELECT count(*) FROM sync_sessions WHERE status = 'running'")).scalar()
    store.close()
    return {"products": rows, "sums": tuple(sums), "left": left, "unfinished": unfinished, "running": running}
