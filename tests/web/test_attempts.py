from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from syncline.clock import ManualClock
from syncline.settings import Settings
from syncline.store.engine import Store
from web.attempts import Attempts

Call = Callable[..., httpx.Response]
CallAs = Callable[[Settings, str | None], Call]

START = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)
SECRET = "a-secret-of-at-least-thirty-two-bytes"
ALL = {name: SecretStr(SECRET) for name in ("jwt_secret", "cron_secret", "internal_api_key")}
DOORS = ["/api/holds", "/api/cron/sync?source=products", "/api/sync/status"]
WRONG = {"Authorization": "Bearer wrong", "x-api-key": "wrong"}
RIGHT = {"Authorization": f"Bearer {SECRET}", "x-api-key": SECRET}


@pytest.mark.parametrize("door", DOORS)
def test_many_wrong_credentials_close_every_door_for_a_while(call_as: CallAs, clock: ManualClock, door: str) -> None:
    """Guessing takes too long, and tells nothing meanwhile: a right one is not looked at either."""
    call = call_as(Settings.model_validate(ALL), None)
    told = [call("GET", door, headers=WRONG).status_code for _ in range(11)]
    assert told == [401] * 10 + [429]
    for other in DOORS:
        answer = call("GET", other, headers=RIGHT)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
        assert "60 seconds" in answer.json()["error"]
    clock.advance(seconds=60)
    assert call("GET", "/api/sync/status", headers=RIGHT).status_code == 200


def test_who_sends_no_credential_is_not_slowed_down(call_as: CallAs) -> None:
    """It is no guess."""
    call = call_as(Settings.model_validate(ALL), None)
    assert {call("GET", door).status_code for _ in range(20) for door in DOORS} == {401}


def test_doors_that_need_no_credential_stay_open(call_as: CallAs) -> None:
    """A monitor behind the same address goes on seeing."""
    call = call_as(Settings.model_validate(ALL), None)
    for _ in range(11):
        call("GET", DOORS[0], headers=WRONG)
    assert call("GET", "/api/listings").status_code == 200


def test_addresses_are_told_apart(sqlite_store: Store) -> None:
    """A client that guesses locks out no other; but of IPv6, where each has many, a whole network counts."""
    attempts = Attempts(sqlite_store.clock, most=2)
    for address in ("192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1", "2001:db8::2"):
        attempts.wrong(address)
    slowed = {
        address: attempts.seconds_left(address) > 0
        for address in ("192.0.2.7", "192.0.2.8", "2001:db8::77", "2001:db8:0:1::1", "")
    }
    assert slowed == {
        "192.0.2.7": True,
        "192.0.2.8": False,
        "2001:db8::77": True,
        "2001:db8:0:1::1": False,
        "": False,
    }


def test_a_wrong_one_now_and_then_is_forgotten(clock: ManualClock) -> None:
    """A person mistypes."""
    attempts = Attempts(clock, most=2, window_seconds=60)
    for _ in range(5):
        attempts.wrong("192.0.2.7")
        clock.advance(seconds=60)
    assert attempts.seconds_left("192.0.2.7") == 0


def test_a_proxy_is_never_locked_out(clock: ManualClock) -> None:
    """Behind its address are all others."""
    attempts = Attempts(clock, most=1, exempt=["10.0.0.0/8", "fd00::/8"])
    for address in ("10.1.2.3", "fd00::1", "::ffff:10.1.2.3"):
        attempts.wrong(address)
        assert attempts.seconds_left(address) == 0
    assert len(attempts) == 0


@given(st.lists(st.ip_addresses().map(str), max_size=60))
def test_what_is_remembered_is_bounded(addresses: list[str]) -> None:
    """Who has many addresses fills no memory."""
    attempts = Attempts(ManualClock(START), remembered=10)
    for address in addresses:
        attempts.wrong(address)
    assert len(attempts) <= 10
