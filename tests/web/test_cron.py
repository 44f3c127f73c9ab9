from collections.abc import Callable

import httpx
import pytest
from pydantic import SecretStr
from support.feed import trip

from syncline.model.source import Source
from syncline.resilience.breaker import BreakerState
from syncline.settings import Settings, UpstreamSettings
from syncline.store import audit
from syncline.store.breakers import Breakers
from syncline.store.engine import Store

Call = Callable[..., httpx.Response]
Calls = list[tuple[object, ...]]
CallAs = Callable[[Settings, str | None], Call]

SECRET = "a-secret-for-cron-of-32-bytes-or-more"
DOORS = [("GET", "/api/cron/sync?source=products"), ("POST", "/api/cron/sync/reset?source=products")]


def settings(**values: object) -> Settings:
    erp = {"erp": UpstreamSettings(base_url="http://127.0.0.1:1")}
    usual: dict[str, object] = {"cron_secret": SecretStr(SECRET), "upstreams": erp}
    return Settings.model_validate({**usual, **values})


@pytest.fixture
def cron(call_as: CallAs) -> Call:
    """Calls as a scheduler that knows the secret."""
    return call_as(settings(), SECRET)


def test_a_call_starts_a_run(cron: Call, calls: Calls) -> None:
    """The seed's endpoint: the run goes on by itself, the caller is not kept."""
    answer = cron("GET", "/api/cron/sync?source=products")
    assert answer.status_code == 202
    assert answer.json() == {
        "success": True,
        "source": "products",
        "mode": "incremental",
        "flow_run_id": "run-1",
        "status_url": "/api/sync/status?source=products",
    }
    assert calls == [("run_now", "products", "incremental", "api")]
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_mode_can_be_named(cron: Call, calls: Calls) -> None:
    """A full pass once a night, from the same scheduler."""
    assert cron("GET", "/api/cron/sync?source=products&mode=full").json()["mode"] == "full"
    assert calls == [("run_now", "products", "full", "api")]
    answer = cron("GET", "/api/cron/sync?source=products&mode=half")
    assert (answer.status_code, answer.json()["error"][:5]) == (422, "mode:")


def test_several_calls_each_start_a_run(cron: Call, calls: Calls) -> None:
    """Which of them is let in is decided at the source's door, not here."""
    ids = [cron("GET", "/api/cron/sync?source=products").json()["flow_run_id"] for _ in range(3)]
    assert (len(set(ids)), len(calls)) == (3, 3)


@pytest.mark.parametrize(("method", "path"), DOORS)
@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {SECRET}", SECRET, f"Bearer {SECRET}x", b"Bearer \xfc"],
)
def test_without_the_secret_nothing_begins(
    call_as: CallAs, calls: Calls, method: str, path: str, header: str | bytes | None
) -> None:
    """Without it, any client could spend the upstream's quota."""
    headers = {} if header is None else {"Authorization": header}
    answer = call_as(settings(), None)(method, path, headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "Authorization: Bearer CRON_SECRET" in answer.json()["error"]
    assert SECRET not in answer.text
    assert calls == []


def test_a_secret_that_is_no_ascii_opens_too(call_as: CallAs) -> None:
    """A passphrase may have letters beyond ASCII."""
    secret = "schlüssel-größe-und-noch-viel-länger"
    call = call_as(settings(cron_secret=secret), None)
    header = {"Authorization": f"Bearer {secret}".encode()}
    assert call("GET", "/api/cron/sync?source=products", headers=header).status_code == 202


@pytest.mark.parametrize(("method", "path"), DOORS)
@pytest.mark.parametrize("secret", [None, ""])
def test_without_a_setting_the_door_stays_shut(call_as: CallAs, method: str, path: str, secret: str | None) -> None:
    """An empty secret must not let in a request without one."""
    answer = call_as(settings(cron_secret=secret), None)(method, path, headers={"Authorization": "Bearer "})
    assert answer.status_code == 503
    assert "CRON_SECRET is not set" in answer.json()["error"]


def test_a_stranger_hears_nothing_of_the_sources(call_as: CallAs) -> None:
    """The secret is checked before anything else of the request is read."""
    stranger = call_as(settings(), "wrong")
    assert stranger("GET", "/api/cron/sync").status_code == 401
    assert stranger("GET", "/api/cron/sync?source=nothing").status_code == 401
    assert stranger("POST", "/api/cron/sync/reset", content=b"{").status_code == 401


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/cron/sync"), ("POST", "/api/cron/sync/reset")])
def test_a_source_that_is_wrong_or_missing_is_told_with_those_that_there_are(
    cron: Call, calls: Calls, method: str, path: str
) -> None:
    """A typing error in a crontab is mended without the manual."""
    unknown = cron(method, f"{path}?source=prducts")
    assert (unknown.status_code, calls) == (404, [])
    assert unknown.json() == {"error": "no source is named 'prducts'; there are: customers, products"}
    for missing in (cron(method, path), cron(method, f"{path}?source=")):
        assert missing.status_code == 422
        assert missing.json()["error"].startswith("source is missing: send ?source=NAME")
        assert missing.json()["error"].endswith("; there are: customers, products")


def test_a_source_whose_upstream_has_no_address_does_not_run(call_as: CallAs, calls: Calls) -> None:
    """The run could only fail; the setting's name says more."""
    answer = call_as(settings(upstreams={}), SECRET)("GET", "/api/cron/sync?source=products")
    assert (answer.status_code, calls) == (503, [])
    assert "SYNCLINE_UPSTREAMS__ERP__BASE_URL is not set" in answer.json()["error"]


def test_where_prefect_is_away_the_scheduler_may_try_again(cron: Call, end_prefect: Callable[[], None]) -> None:
    """503, and not a run that was never started; a password in Prefect's address is not told."""
    end_prefect()
    answer = cron("GET", "/api/cron/sync?source=products")
    assert answer.status_code == 503
    assert "Prefect's server at http://***@127.0.0.1:4200/api does not answer" in answer.json()["error"]


@pytest.mark.parametrize("how", [{"params": {"source": "products"}}, {"json": {"source": "products"}}])
def test_a_reset_closes_the_breaker_on_the_audit_log(
    cron: Call, sqlite_store: Store, sources: list[Source], how: dict[str, dict[str, str]]
) -> None:
    """The seed's manual reset: the next run goes, and it is known who let it."""
    products = sources[1]
    trip(sqlite_store, products)
    answer = cron("POST", "/api/cron/sync/reset", **how)
    probes = {"succeeded": 0, "needed": 3}
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "source": "products",
        "before": {
            "state": "open",
            "failures": 5,
            "opened_at": "2026-01-22T10:00:00.000Z",
            "retry_at": "2026-01-22T10:05:00.000Z",
            "probes": probes,
        },
        "after": {"state": "closed", "failures": 0, "opened_at": None, "retry_at": None, "probes": probes},
    }
    assert Breakers(sqlite_store).state(products).state is BreakerState.CLOSED
    with sqlite_store.read() as connection:
        entry = audit.latest(connection)[0]
    assert (entry.actor, entry.action, entry.target) == ("cron", "breaker.reset", "products")


def test_a_reset_names_one_source(cron: Call, sqlite_store: Store) -> None:
    """Two names, or a body that is something else, reset nothing."""
    twice = cron("POST", "/api/cron/sync/reset?source=products", json={"source": "customers"})
    other = cron("POST", "/api/cron/sync/reset", json={"sources": "products"})
    broken = cron("POST", "/api/cron/sync/reset", content=b"{", headers={"Content-Type": "application/json"})
    assert [answer.status_code for answer in (twice, other, broken)] == [422, 422, 422]
    assert twice.json()["error"] == "the query names 'products', but the body 'customers': name one source"
    with sqlite_store.read() as connection:
        assert audit.latest(connection) == []
