"""What users see of their accounts, and how often they may ask."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import insert
from support.wallets import WALLETS, As, Call, calls_of, register

from syncline.clock import ManualClock
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.source import Source
from syncline.portfolios.tables import NATIVE, Holding
from syncline.settings import Settings
from syncline.store import sessions
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


@pytest.mark.parametrize(("path", "most"), [("", 30), ("/{id}/sync", 30), ("/{id}/touch", 120)])
def test_a_user_who_calls_too_often_waits_and_others_do_not(
    call_of: As, operator: Call, clock: ManualClock, path: str, most: int
) -> None:
    """An application in a loop costs its own user something, and nobody else; an operator's server is not counted."""
    account_id = register(operator, user_id="ann").json()["id"]
    body = {"source": "wallets", "external_id": "0xA"} if not path else None

    def asked(call: Call) -> httpx.Response:
        return call("POST", f"/api/accounts{path.replace('{id}', account_id)}", json=body)

    ann = call_of("ann")
    assert {asked(ann).status_code for _ in range(most)} <= {200, 201, 202}
    refused = asked(ann)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, str(-(-60 // most)))
    assert register(call_of("bob")).status_code == 201
    assert asked(operator).status_code in {200, 201, 202}
    clock.advance(seconds=60 / most)
    assert asked(ann).status_code in {200, 201, 202}


def record(store: Store, account_id: str, number: int, **values: object) -> None:
    """A session of the account that ended."""
    now = store.clock.now() + timedelta(seconds=number)
    usual: dict[str, Any] = {"trigger": Trigger.MANUAL, "mode": Mode.FULL, "status": Status.COMPLETED}
    usual |= {"id": f"s{number}", "source": "wallets", "account_id": account_id, "started_at": now, "completed_at": now}
    with store.write() as connection:
        sessions.insert_session(connection, SyncSession.model_validate(usual | values))


def test_a_portfolio_says_what_a_wallet_holds_and_since_when_it_is_stale(ann: Call, sqlite_store: Store) -> None:
    """Amounts and prices digit for digit, as text; what has no price is counted."""
    account_id = register(ann).json()["id"]
    now, token = sqlite_store.clock.now(), "0x1111111111111111111111111111111111111111"
    usual: dict[str, Any] = {
        "account_id": account_id,
        "chain_id": 1,
        "block_number": 7,
        "block_hash": "0x7",
        "as_of": now,
    }
    priced = {"raw": "1500000000000000001", "decimals": 18, "symbol": "ETH", "price": "2000.10", "price_as_of": now}
    rows = [
        Holding(token=NATIVE, value="3000.150000000000002", **priced, **usual),
        Holding(token=token, raw="7", stale_since=now, **usual),
    ]
    with sqlite_store.write() as connection:
        connection.execute(insert(Holding), [row.model_dump() for row in rows])
    told = ann("GET", f"/api/accounts/{account_id}/portfolio").json()
    assert (told["total_usd"], told["without_value"]) == ("3000.15", 1)
    assert told["stale_since"] == "2026-01-22T10:00:00.000Z"
    first, second = told["holdings"]
    assert (first["native"], first["amount"], first["price_usd"]) == (True, "1.500000000000000001", "2000.10")
    assert (first["value_usd"], first["stale_since"]) == ("3000.15", None)
    assert (second["token"], second["raw"], second["amount"], second["value_usd"]) == (token, "7", None, None)


def test_history_is_paged_and_explain_says_why_and_when(ann: Call, sqlite_store: Store) -> None:
    """Sessions of the account alone, the newest first."""
    account_id = register(ann).json()["id"]
    other = register(ann, "0xB").json()["id"]
    for number in range(4):
        record(sqlite_store, account_id if number else other, number)
    record(sqlite_store, account_id, 3, id="s3b", status=Status.FAILED, error_message="no such wallet")
    path = f"/api/accounts/{account_id}"
    first = ann("GET", f"{path}/history?limit=3").json()
    rest = ann("GET", f"{path}/history?limit=3&cursor={first['next_cursor']}").json()
    assert [one["id"] for one in (*first["history"], *rest["history"])] == ["s3b", "s3", "s2", "s1"]
    assert rest["next_cursor"] is None
    assert [one["id"] for one in ann("GET", f"{path}/history?status=failed").json()["history"]] == ["s3b"]
    assert [ann("GET", f"{path}/history?cursor={wrong}").status_code for wrong in ("x", "eA", "é")] == [422] * 3
    told = ann("GET", f"{path}/explain").json()
    assert (told["state"], told["next_due_at"], told["interval_seconds"]) == ("active", "2026-01-22T10:00:00.000Z", 300)
    assert told["job"]["priority"] == "high"
    assert told["explanation"] == [
        f"{account_id} (0xa) of wallets is active.",
        f"Its job {told['job']['id']} waits in the lane high, due now; its reason is manual.",
        "Nobody drains: start `syncline up`, or a worker that runs drain_jobs.",
        "Its last session on record began in 3 s and is failed: no such wallet.",
        "It was never read as a whole, so it counts as stale.",
        "It is synced every 5 min in market hours (09:00 to 17:00 UTC) and 15 min outside them; now they are open.",
        "It is due by itself now (2026-01-22T10:00:00.000Z).",
    ]
