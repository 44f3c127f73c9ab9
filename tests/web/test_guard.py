import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from syncline.settings import Settings
from syncline.store import audit, holds
from syncline.store.engine import Store
from web.tokens import Role, issue

Call = Callable[..., httpx.Response]
Calls = list[tuple[object, ...]]
CallAs = Callable[[Settings, str | None], Call]

GUARDED = [
    ("GET", "/api/products/sync/metrics"),
    ("POST", "/api/products/sync/start"),
    ("POST", "/api/products/sync/stop"),
    ("GET", "/api/sync/history"),
    ("GET", "/api/sources"),
    ("GET", "/api/holds"),
    ("POST", "/api/holds"),
    ("DELETE", "/api/holds/hold-1"),
]


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_every_door_of_the_api_asks_for_a_token(
    call_as: CallAs, settings: Settings, calls: Calls, method: str, path: str
) -> None:
    """Neither a look nor a change is for strangers."""
    answer = call_as(settings, None)(method, path)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "Authorization: Bearer" in answer.json()["error"]
    assert calls == []


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_a_wrong_token_opens_no_door(call_as: CallAs, settings: Settings, method: str, path: str) -> None:
    """And the answer says that it is the token which is wrong (RFC 6750)."""
    answer = call_as(settings, "wrong")(method, path)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert answer.json().keys() == {"error"}


@pytest.mark.parametrize("header", ["Basic YW5uOnNlY3JldA==", "Bearer", "Bearer ", ""])
def test_other_ways_to_say_who_one_is_are_refused(call_as: CallAs, settings: Settings, header: str) -> None:
    """Only the header of the contract counts."""
    answer = call_as(settings, None)("GET", "/api/holds", headers={"Authorization": header})
    assert answer.status_code == 401


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_a_users_token_opens_no_operators_door(
    call_as: CallAs, settings: Settings, calls: Calls, method: str, path: str
) -> None:
    """A user of the shop's own application does not stop the shop; and is told what is missing, not what there is."""
    theirs = issue(settings, "ann", timedelta(hours=1), role=Role.USER)
    answer = call_as(settings, theirs)(method, path.replace("products", "nothing"))
    assert (answer.status_code, calls) == (403, [])
    assert "role must be operator" in answer.json()["error"]
    assert "customers" not in answer.text


@pytest.mark.parametrize(("method", "path"), [*GUARDED, ("GET", "/api/cron/sync"), ("GET", "/api/sync/status")])
def test_a_door_with_a_short_secret_is_closed(call_as: CallAs, method: str, path: str) -> None:
    """Also to those who know it: it can be guessed."""
    short = "x" * 31
    names = {"jwt_secret": short, "cron_secret": short, "internal_api_key": short}
    call = call_as(Settings.model_validate(names), short)
    answer = call(method, path, headers={"x-api-key": short})
    assert answer.status_code == 503
    assert re.search(r"(SYNCLINE_JWT_SECRET|CRON_SECRET|INTERNAL_API_KEY) is shorter than 32", answer.json()["error"])


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize("token", [None, "any"])
def test_a_door_without_a_secret_is_closed(call_as: CallAs, method: str, path: str, token: str | None) -> None:
    """The answer gives the setting's name, with and without a token."""
    answer = call_as(Settings(jwt_secret=None), token)(method, path)
    assert answer.status_code == 503
    assert "SYNCLINE_JWT_SECRET" in answer.json()["error"]


def test_a_stranger_hears_nothing_about_the_body_or_the_source(call_as: CallAs, settings: Settings) -> None:
    """The token is checked before anything else of the request is read."""
    stranger = call_as(settings, None)
    assert stranger("POST", "/api/holds", content=b"{not json").status_code == 401
    assert stranger("GET", "/api/unknown/sync/metrics").status_code == 401


def test_the_secret_never_shows(call_as: CallAs, sqlite_store: Store) -> None:
    """Not in an answer, and not in the audit log."""
    secret = "a-secret-that-must-not-be-seen-anywhere"
    call = call_as(Settings(jwt_secret=SecretStr(secret)), "wrong")
    seen = [call(method, path).text for method, path in [*GUARDED, ("GET", "/health"), ("GET", "/openapi.json")]]
    with sqlite_store.read() as connection:
        seen += [repr(entry) for entry in audit.latest(connection)]
        assert holds.active_all(connection, now=sqlite_store.clock.now()) == []
    assert not any(secret in text for text in seen)


def test_what_is_not_there_is_told_in_the_same_shape(call_sqlite: Call) -> None:
    """A client reads `error` whatever went wrong."""
    nowhere = call_sqlite("GET", "/api/nothing/here/at/all")
    wrong_way = call_sqlite("PUT", "/api/holds")
    assert (nowhere.status_code, wrong_way.status_code) == (404, 405)
    assert "/openapi.json" in nowhere.json()["error"]
    assert "PUT" in wrong_way.json()["error"]


def test_the_api_describes_itself_without_other_servers(call_sqlite: Call) -> None:
    """/openapi.json names each door, that it needs a token, and its errors."""
    described = call_sqlite("GET", "/openapi.json").json()
    for method, path in GUARDED:
        operation = described["paths"][path.replace("products", "{source}").replace("hold-1", "{hold_id}")]
        assert operation[method.lower()]["security"] == [{"HTTPBearer": []}]
        assert {"401", "503"} <= operation[method.lower()]["responses"].keys()


def test_an_unexpected_error_is_told_without_its_text(
    make_app: Callable[[Settings, Store], FastAPI], settings: Settings, tmp_path: Path
) -> None:
    """What a defect's message holds is for the log alone."""
    empty = Store(f"sqlite:///{tmp_path / 'empty.db'}")
    transport = httpx.ASGITransport(make_app(settings, empty), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {issue(settings, 'ann', timedelta(hours=1))}"}

    async def call() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get("/api/sync/history", headers=headers)

    answer = asyncio.run(call())
    empty.close()
    assert answer.status_code == 500
    assert "GET /api/sync/history failed unexpectedly" in answer.json()["error"]
    assert "no such table" not in answer.text
