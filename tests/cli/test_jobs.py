"""`syncline jobs`: what waits and what was given up, and what is done with that."""

import json
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest
from sqlalchemy import update
from sqlmodel import col
from support.jobs import add_accounts, all_jobs, enqueue, now_us, put_job, wanted

from syncline.model.account import AccountState
from syncline.model.job import Job
from syncline.model.policies import Priority
from syncline.store import audit
from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]


@pytest.fixture
def ids(store: Store) -> dict[str, int]:
    """A job that waits, two dead letters, and one dead letter of a paused account."""
    add_accounts(store, "a", "b", "c", source="portfolios")
    add_accounts(store, "p", source="portfolios", state=AccountState.PAUSED)
    at = now_us(store) - 90_000_000
    enqueue(store, *(wanted(name, at, source="portfolios", priority=Priority.LOW) for name in "abcp"))
    for name in "bcp":
        put_job(store, name, status="failed", error_type="UnavailableError", error_message="the node is gone")
    return {one.account_id.removeprefix("acc_"): one.id or 0 for one in all_jobs(store)}


def test_jobs_are_listed_by_what_they_are(syncline: Syncline, ids: dict[str, int]) -> None:
    """As a table, or as JSON for a script."""
    table = syncline("jobs", "list").stdout
    assert all(f"acc_{name}" in table for name in ids)
    assert "UnavailableError" in table
    for filters, names in (
        (("--status", "failed"), "bcp"),
        (("--user", "u_a"), "a"),
        (("--account", "acc_c"), "c"),
        (("--source", "products"), ""),
        (("--after", str(ids["b"])), "cp"),
    ):
        found = json.loads(syncline("jobs", "list", *filters, "--json").stdout)
        assert [one["id"] for one in found] == [ids[name] for name in names]
    assert f"`--after {ids['a']}`" in syncline("jobs", "list", "--limit", "1").stdout
    assert syncline("jobs", "list", "--status", "processing").stdout == "there are no such jobs\n"


def test_one_job_is_shown_with_why_it_waits(syncline: Syncline, ids: dict[str, int]) -> None:
    """The sentences are those of the API."""
    shown = json.loads(syncline("jobs", "show", str(ids["a"]), "--json").stdout)
    said = syncline("jobs", "explain", str(ids["a"])).stdout
    assert shown["waits_for"] == said.splitlines()
    assert "behind 0 jobs of the lane low of portfolios" in said
    assert "Nobody drains" in said
    assert "failed, a dead letter" in syncline("jobs", "show", str(ids["b"])).stdout
    assert f"`syncline jobs retry {ids['b']}`" in syncline("jobs", "explain", str(ids["b"])).stdout
    missing = syncline("jobs", "show", "999")
    assert (missing.returncode, "there is no job 999" in missing.stderr) == (2, True)


def test_dead_letters_are_retried_and_dropped_by_name(syncline: Syncline, store: Store, ids: dict[str, int]) -> None:
    """One that cannot be keeps the others not, and shows in the exit code."""
    done = syncline("jobs", "retry", str(ids["b"]), str(ids["p"]), str(ids["a"]))
    assert done.returncode == 1
    assert "is queued again, high" in done.stdout
    assert "is paused; resume it first" in done.stderr
    assert f"job {ids['a']} is queued: only a dead letter can be retried" in done.stderr
    assert syncline("jobs", "drop", str(ids["c"])).stdout == f"job {ids['c']} is dropped\n"
    with store.read() as connection:
        assert [one.action for one in audit.latest(connection)] == ["job.drop", "job.retry"]


def test_all_dead_letters_are_changed_after_a_question(syncline: Syncline, store: Store, ids: dict[str, int]) -> None:
    """Those of accounts that are not active stay, and are counted."""
    for wrong in ((), ("--source", "portfolios"), ("--all-failed", str(ids["b"]))):
        assert syncline("jobs", "retry", *wrong, *(["5"] if wrong[:1] == ("--source",) else [])).returncode in {1, 2}
    assert syncline("jobs", "retry", "--all-failed", "--source", "products").stdout == "there are no dead letters\n"
    done = syncline("jobs", "retry", "--all-failed", "--yes")
    assert done.stdout == "2 dead letters queued again\n"
    assert "1 stay" in done.stderr
    with store.write() as connection:
        connection.execute(update(Job).where(col(Job.account_id) == "acc_a").values(status="failed"))
    assert (
        syncline("jobs", "drop", "--all-failed", "--source", "portfolios", "--yes").stdout == "2 dead letters dropped\n"
    )
    assert {one.account_id for one in all_jobs(store)} == {"acc_b", "acc_c"}
