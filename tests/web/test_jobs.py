"""`/api/jobs`: what waits, what was given up, and what became of what is gone; each user's their own."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text, update
from sqlmodel import col
from support.wallets import WALLETS, As, Call, calls_of, register

from syncline.clock import ManualClock
from syncline.model.job import Job
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.source import Source
from syncline.settings import Settings
from syncline.store import audit, sessions
from syncline.store.engine import Store
from web.tokens import Role


@pytest.fixture
def sources(sources: list[Source]) -> list[Source]:
    """Those of the ERP, and one with accounts."""
    return [*sources, WALLETS]


@pytest.fixture
def call_of(make_app: Callable[[Settings, Store], FastAPI], settings: Settings, sqlite_store: Store) -> As:
    return calls_of(make_app(settings, sqlite_store), settings)


@pytest.fixture
def ann(call_of: As) -> Call:
    return call_of("ann")


@pytest.fixture
def operator(call_of: As) -> Call:
    return call_of("op", Role.OPERATOR)


def queued(call: Call, external_id: str = "0xA") -> int:
    """A new wallet's job."""
    return int(register(call, external_id).json()["job_id"])


def change(store: Store, job_id: int, **values: Any) -> None:  # noqa: ANN401 - any column
    with store.write() as connection:
        connection.execute(update(Job).where(col(Job.id) == job_id).values(values))


def bury(store: Store, job_id: int) -> None:
    said = "at https://ann:hunter2@node.example/: gone"
    change(store, job_id, status="failed", retry_count=5, error_type="UnavailableError", error_message=said)


def end(store: Store, job_id: int, status: Status, **values: Any) -> None:  # noqa: ANN401 - any column
    """Let the job be gone, with a session of this status."""
    with store.write() as connection:
        account_id = connection.execute(
            text("SELECT account_id FROM sync_jobs WHERE id = :id"), {"id": job_id}
        ).scalar_one()
        connection.execute(text("DELETE FROM sync_jobs"))
        began = store.clock.now()
        session = SyncSession(
            id=f"s{job_id}",
            source="wallets",
            account_id=account_id,
            job_id=job_id,
            trigger=Trigger.API,
            mode=Mode.INCREMENTAL,
            status=status,
            started_at=began,
            completed_at=began + timedelta(seconds=2),
            **values,
        )
        sessions.insert_session(connection, session)


def test_a_job_that_waits_says_why(ann: Call, clock: ManualClock) -> None:
    """`Why is my wallet old?` is answered where the job is."""
    job_id = queued(ann)
    clock.advance(seconds=90)
    told = ann("GET", f"/api/jobs/{job_id}").json()
    assert told["waits_for"] == [
        "It has been due since 2026-01-22T10:00:00.000Z, behind 0 jobs of the lane high of wallets.",
        "Nobody drains: no drain gives signs of life. Start `syncline up`, or a worker that runs drain_jobs.",
    ]
    (listed,) = ann("GET", "/api/jobs").json()["jobs"]
    assert listed == {name: value for name, value in told.items() if name != "waits_for"}
    assert listed | {"account_id": ""} == {
        "id": job_id,
        "account_id": "",
        "user_id": "ann",
        "source": "wallets",
        "status": "queued",
        "dead_letter": False,
        "outcome": None,
        "type": "incremental",
        "calendar_ids": None,
        "priority": "high",
        "reason": "manual",
        "trigger": None,
        "created_at": "2026-01-22T10:00:00.000Z",
        "scheduled_at": "2026-01-22T10:00:00.000Z",
        "started_at": None,
        "completed_at": None,
        "retry_count": 0,
        "max_retries": 5,
        "error": None,
        "session_id": None,
    }


@pytest.mark.parametrize("status", [one for one in Status if one is not Status.RUNNING])
def test_a_job_that_is_gone_is_told_from_its_session(ann: Call, sqlite_store: Store, status: Status) -> None:
    """In the seed's words, and with our own outcome beside them."""
    job_id = queued(ann)
    end(sqlite_store, job_id, status, reason="the node was slow", items_processed=3)
    told = ann("GET", f"/api/jobs/{job_id}").json()
    word = "completed" if status in {Status.COMPLETED, Status.PARTIAL} else "failed"
    assert (told["status"], told["outcome"], told["dead_letter"]) == (word, status.value, False)
    assert (told["session_id"], told["completed_at"]) == (f"s{job_id}", "2026-01-22T10:00:02.000Z")
    assert (told["user_id"], told["error"], told["waits_for"]) == ("ann", "the node was slow", [])
    for method, path in (("POST", f"/api/jobs/{job_id}/retry"), ("DELETE", f"/api/jobs/{job_id}")):
        refused = ann(method, path)
        assert refused.status_code == 409
        assert f"job {job_id} is {word} and gone: only a dead letter" in refused.json()["error"]


def test_a_dead_letter_is_retried_or_dropped(ann: Call, sqlite_store: Store) -> None:
    """Both stand in the audit log, and no secret is shown."""
    kept, gone = queued(ann), queued(ann, "0xB")
    refused = ann("POST", f"/api/jobs/{kept}/retry")
    assert (refused.status_code, refused.json()["error"]) == (
        409,
        f"job {kept} is queued: only a dead letter can be retried",
    )
    for job_id in (kept, gone):
        bury(sqlite_store, job_id)
    told = ann("GET", f"/api/jobs/{kept}").json()
    assert (told["status"], told["dead_letter"]) == ("failed", True)
    assert told["error"] == "UnavailableError: at https://***@node.example/: gone"
    assert "hunter2" not in str(told)
    retried = ann("POST", f"/api/jobs/{kept}/retry").json()
    assert (retried["success"], retried["priority"]) == (True, "high")
    assert ann("GET", f"/api/jobs/{retried['job_id']}").json()["status"] == "queued"
    assert ann("DELETE", f"/api/jobs/{gone}").json() == {"success": True, "id": gone}
    assert ann("GET", f"/api/jobs/{gone}").status_code == 404
    with sqlite_store.read() as connection:
        done = [(one.actor, one.action, one.target) for one in audit.latest(connection, limit=2)]
    assert done == [("ann", "job.drop", f"job/{gone}"), ("ann", "job.retry", f"job/{kept}")]


def test_a_retry_becomes_a_part_of_the_open_job(ann: Call, sqlite_store: Store) -> None:
    """An account has one open job, and the answer names it."""
    dead = queued(ann)
    bury(sqlite_store, dead)
    account_id = ann("GET", f"/api/jobs/{dead}").json()["account_id"]
    opened = ann("POST", f"/api/accounts/{account_id}/sync").json()["job_id"]
    assert opened != dead
    assert ann("POST", f"/api/jobs/{dead}/retry").json()["job_id"] == opened
    assert [one["id"] for one in ann("GET", "/api/jobs").json()["jobs"]] == [opened]


@pytest.mark.parametrize(
    ("state", "said"),
    [("paused", "is paused; resume it first"), ("attention", "needs attention (revoked)"), ("removed", "was removed")],
)
def test_what_would_end_at_once_is_not_retried(ann: Call, sqlite_store: Store, state: str, said: str) -> None:
    """It would be skipped at its claim, and the dead letter would be gone."""
    job_id = queued(ann)
    bury(sqlite_store, job_id)
    with sqlite_store.write() as connection:
        connection.execute(text("UPDATE accounts SET state = :s, state_reason = 'revoked'"), {"s": state})
    refused = ann("POST", f"/api/jobs/{job_id}/retry")
    assert refused.status_code == 409
    assert said in refused.json()["error"]
    assert ann("GET", f"/api/jobs/{job_id}").json()["dead_letter"] is True
    assert ann("DELETE", f"/api/jobs/{job_id}").status_code == 200


def test_a_users_jobs_are_closed_to_others(call_of: As, operator: Call, sqlite_store: Store) -> None:
    """As unknown as those that do not exist, whatever they are: open, dead letters, or gone."""
    ann, bob = call_of("ann"), call_of("bob")
    job_id, own = queued(ann), queued(bob, "0xB")
    bury(sqlite_store, job_id)
    for is_gone in (False, True):
        if is_gone:
            end(sqlite_store, job_id, Status.FAILED)
        for method, path in (("GET", ""), ("POST", "/retry"), ("DELETE", "")):
            foreign, unknown = (bob(method, f"/api/jobs/{one}{path}") for one in (job_id, 999))
            assert (foreign.status_code, unknown.status_code) == (404, 404)
            assert foreign.text.replace(str(job_id), "999") == unknown.text
        assert (operator("GET", f"/api/jobs/{job_id}").json()["outcome"] is not None) == is_gone
        assert [one["id"] for one in bob("GET", "/api/jobs").json()["jobs"]] == [own] * (not is_gone)
    assert bob("GET", "/api/jobs?user_id=ann").status_code == 403


def test_lists_are_filtered_and_paged(call_of: As, operator: Call, sqlite_store: Store) -> None:
    """By status, source and user; the cursor of a page begins the next one."""
    ann, bob = call_of("ann"), call_of("bob")
    ids = [queued(ann, f"0x{number}") for number in range(5)]
    other = queued(bob)
    bury(sqlite_store, ids[1])
    change(sqlite_store, ids[2], status="processing", owner="host:1", lease_us=10**15)

    def listed(call: Call, query: str) -> list[int]:
        found: list[int] = []
        cursor: str | None = "0"
        while cursor is not None:
            answer = call("GET", f"/api/jobs?limit=2&cursor={cursor}&{query}").json()
            found += [one["id"] for one in answer["jobs"]]
            cursor = answer["next_cursor"]
        return found

    assert listed(ann, "") == ids
    assert listed(operator, "") == [*ids, other]
    assert listed(operator, "user_id=bob&source=wallets") == [other]
    assert listed(operator, "source=products") == []
    for call in (ann, operator):
        assert listed(call, "status=failed") == [ids[1]]
        assert listed(call, "status=processing") == [ids[2]]
        assert set(listed(call, "status=queued")) - {other} == {ids[0], ids[3], ids[4]}
    assert ann("GET", "/api/jobs?status=nonsense").status_code == 422
    assert ann("GET", "/api/jobs?cursor=x").status_code == 422
