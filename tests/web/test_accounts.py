"""`/api/accounts`: what users do with their own accounts, and that those of others are closed to them."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from support.wallets import WALLETS, As, Call, calls_of, register

from syncline.clock import ManualClock
from syncline.model.source import Source
from syncline.settings import Settings
from syncline.store import accounts
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


def test_a_user_registers_a_wallet_and_finds_it_again(ann: Call) -> None:
    """As the contract has it: 201, queued high; twice is once, and the settings stay as they are."""
    first, again = register(ann, settings={"chains": [1]}), register(ann, "0XA", settings={"chains": [2]})
    made = first.json()
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == made | {"created": False}
    assert made | {"id": "", "job_id": 0} == {
        "id": "",
        "user_id": "ann",
        "source": "wallets",
        "external_id": "0xa",
        "state": "active",
        "state_reason": None,
        "settings": {"chains": [1]},
        "version": 1,
        "weight": 1.0,
        "created_at": "2026-01-22T10:00:00.000Z",
        "last_active_at": "2026-01-22T10:00:00.000Z",
        "last_synced_at": None,
        "last_success_at": None,
        "next_due_at": "2026-01-22T10:00:00.000Z",
        "failures": 0,
        "created": True,
        "job_id": 0,
        "priority": "high",
    }
    shown = ann("GET", f"/api/accounts/{made['id']}").json()
    assert (shown["external_id"], shown["job"]["id"], shown["job"]["status"]) == ("0xa", made["job_id"], "queued")
    assert (shown["holds"], shown["dead_letter"], shown["sessions"]) == ([], None, {})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"external_id": "nonsense"}, "external_id: a wallet's address is 0x and 40 digits, but is 'nonsense'"),
        ({"external_id": ""}, "external_id: "),
        (
            {"source": "products"},
            "source: no source to which accounts are added is named 'products'; there are: wallets",
        ),
        ({"source": None}, "source: "),
        ({"settings": {"chain": [1]}}, "settings.chain: is no setting; did you mean chains?"),
        ({"settings": {"frequency_seconds": 1}}, "settings.frequency_seconds: must lie between 60 and 604800"),
        (
            {"settings": {"notify_urls": ["json://127.0.0.1/?token=hunter2"]}},
            "settings.notify_urls.0: leads to a private",
        ),
        ({"setting": {}}, "setting: "),
    ],
)
def test_what_cannot_be_registered_is_refused_by_its_field(ann: Call, body: dict[str, object], said: str) -> None:
    """One sentence that names the field, which a form can show beside it; nothing is stored."""
    answer = ann("POST", "/api/accounts", json={"source": "wallets", "external_id": "0xA"} | body)
    assert answer.status_code == 422
    assert said in answer.json()["error"]
    assert "hunter2" not in answer.text
    assert ann("GET", "/api/accounts").json() == {"accounts": [], "next_cursor": None}


def test_another_users_account_is_as_unknown_as_one_that_is_not(ann: Call, call_of: As, operator: Call) -> None:
    """Every route with an account in its path, whatever it does: the answers differ in the id alone."""
    account_id, bob = register(ann).json()["id"], call_of("bob")
    before = operator("GET", f"/api/accounts/{account_id}").json()
    described = operator("GET", "/openapi.json").json()["paths"]
    routes = [
        (method.upper(), path)
        for path, methods in described.items()
        if path.startswith("/api/accounts/{account_id}")
        for method in methods
    ]
    assert len(routes) >= 10
    bodies: dict[str, dict[str, object]] = {"PATCH": {"settings": {"chains": [9]}}}
    for method, path in routes:
        foreign, unknown = (
            bob(method, path.replace("{account_id}", one), json=bodies.get(method, {}) if method != "GET" else None)
            for one in (account_id, "acc_0")
        )
        assert (foreign.status_code, unknown.status_code) == (404, 404), path
        assert foreign.text.replace(account_id, "acc_0") == unknown.text
    assert operator("GET", f"/api/accounts/{account_id}").json() == before
    assert bob("GET", "/api/accounts").json()["accounts"] == []


def test_only_an_operator_names_another_user(ann: Call, call_of: As, operator: Call) -> None:
    """A user cannot look at another's list, or give somebody an account."""
    assert register(operator, user_id="ann").json()["user_id"] == "ann"
    bob = call_of("bob")
    assert register(bob, user_id="ann").status_code == 403
    assert bob("GET", "/api/accounts?user_id=ann").status_code == 403
    assert [one["user_id"] for one in ann("GET", "/api/accounts?user_id=ann").json()["accounts"]] == ["ann"]
    register(bob, user_id="bob")
    register(operator)
    assert {one["user_id"] for one in operator("GET", "/api/accounts").json()["accounts"]} == {"ann", "bob", "op"}
    assert len(operator("GET", "/api/accounts?user_id=bob&source=wallets&state=active").json()["accounts"]) == 1
    assert operator("GET", "/api/accounts?state=removed").status_code == 422


def test_lists_are_paged(ann: Call, sqlite_store: Store, clock: ManualClock) -> None:
    """What is added meanwhile comes at the end."""
    made: list[str] = []
    for number in range(3):
        made.append(register(ann, f"0x{number}").json()["id"])
        clock.advance(seconds=1)
    first = ann("GET", "/api/accounts?limit=2").json()
    register(ann, "0x9")
    rest = ann("GET", f"/api/accounts?limit=2&cursor={first['next_cursor']}").json()
    seen = [one["id"] for one in (*first["accounts"], *rest["accounts"])]
    assert seen[:3] == made
    assert (len(seen), rest["next_cursor"]) == (4, None)


def test_settings_are_changed_from_the_version_that_was_seen(ann: Call) -> None:
    """And a notification URL is never shown again."""
    path = f"/api/accounts/{register(ann).json()['id']}"
    url = "ntfys://tk_secret@ntfy.sh/topic"
    changed = ann("PATCH", path, json={"settings": {"notify_urls": [url], "weekends": False}, "version": 1})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert changed.json()["settings"] == {"notify_urls": ["ntfys://***"], "weekends": False}
    late = ann("PATCH", path, json={"settings": {"weekends": None}, "version": 1})
    assert late.status_code == 409
    assert "changed meanwhile" in late.json()["error"]
    again = ann("PATCH", path, json={"settings": {"weekends": None}}).json()
    assert again["settings"] == {"notify_urls": ["ntfys://***"]}
    seen = "".join(ann("GET", f"{path}{rest}").text for rest in ("", "/explain", "/history"))
    assert "tk_secret" not in seen + changed.text + late.text


def test_a_sync_is_queued_high_and_a_touch_counts_as_activity(ann: Call, clock: ManualClock) -> None:
    """Both say that the user is there."""
    made = register(ann).json()
    path = f"/api/accounts/{made['id']}"
    clock.advance(seconds=60)
    queued = ann("POST", f"{path}/sync", json={"type": "full"})
    assert (queued.status_code, queued.json()) == (202, {"job_id": made["job_id"], "priority": "high"})
    assert ann("POST", f"{path}/sync").status_code == 202
    clock.advance(seconds=60)
    touched = ann("POST", f"{path}/touch")
    assert touched.json()["last_active_at"] == "2026-01-22T10:02:00.000Z"
    assert ann("POST", f"{path}/sync", json={"type": "all"}).status_code == 422
    assert "a wallet has no calendars" in ann("POST", f"{path}/sync", json={"calendar_ids": ["x"]}).json()["error"]


def test_a_users_pause_and_an_operators_are_two(ann: Call, operator: Call) -> None:
    """Each ends their own, and who asks for a sync hears who holds it and what to do."""
    path = f"/api/accounts/{register(ann).json()['id']}"
    assert ann("POST", f"{path}/pause").json()["reason"] == "paused by its user"
    assert operator("POST", f"{path}/pause", json={"reason": "abuse", "ttl_seconds": 60}).status_code == 201
    refused = ann("POST", f"{path}/sync")
    assert refused.status_code == 409
    assert "by ann until it is resumed (paused by its user)" in refused.json()["error"]
    assert "by op until 2026-01-22T10:01:00.000Z (abuse)" in refused.json()["error"]
    mine = ann("POST", f"{path}/resume").json()
    assert (mine["released"], mine["state"], [hold["created_by"] for hold in mine["holds"]]) == (1, "paused", ["op"])
    assert ann("POST", f"{path}/resume?everyone=true").status_code == 403
    theirs = operator("POST", f"{path}/resume").json()
    assert (theirs["released"], theirs["state"], theirs["holds"]) == (1, "active", [])
    assert ann("POST", f"{path}/sync").status_code == 202


def test_a_hold_that_an_operator_makes_by_its_id_pauses_the_account_too(ann: Call, operator: Call) -> None:
    """`/api/holds` knows accounts as well; both ways lead to the same state."""
    account_id = register(ann).json()["id"]
    body = {"source": "wallets", "account_id": account_id, "reason": "abuse"}
    hold_id = operator("POST", "/api/holds", json=body).json()["id"]
    shown = ann("GET", f"/api/accounts/{account_id}").json()
    assert (shown["state"], shown["state_reason"], shown["job"]) == ("paused", "abuse", None)
    operator("DELETE", f"/api/holds/{hold_id}")
    assert ann("GET", f"/api/accounts/{account_id}").json()["state"] == "active"


def test_an_account_that_needs_attention_says_what_to_do(ann: Call, sqlite_store: Store) -> None:
    """It is resumed by its user once that is mended."""
    account_id = register(ann).json()["id"]
    with sqlite_store.write() as connection:
        accounts.attention(connection, account_id, "the address is a contract")
    refused = ann("POST", f"/api/accounts/{account_id}/sync")
    assert refused.status_code == 409
    assert "needs attention: the address is a contract; mend that and resume it" in refused.json()["error"]
    assert ann("POST", f"/api/accounts/{account_id}/resume").json()["state"] == "active"


def test_a_removed_account_is_gone_at_once_and_can_be_added_again(ann: Call) -> None:
    """Its rows go later."""
    account_id = register(ann).json()["id"]
    assert ann("DELETE", f"/api/accounts/{account_id}").json() == {"success": True, "id": account_id}
    assert ann("GET", f"/api/accounts/{account_id}").status_code == 404
    assert ann("DELETE", f"/api/accounts/{account_id}").status_code == 404
    assert ann("GET", "/api/accounts").json()["accounts"] == []
    again = register(ann).json()
    assert (again["created"], again["id"] == account_id) == (True, False)
