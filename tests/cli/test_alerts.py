"""`syncline alerts`: what fires, and whether anybody heard of it."""

import json
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from syncline.model.alerts import Condition, Delivery, Rule
from syncline.store import alerts
from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]
STALLED = Condition(rule=Rule.STALLED, subject="products", said="products is due, and does not run")


def test_without_alerts_it_says_so(store: Store, syncline: Syncline) -> None:
    """An empty table would leave open whether it was asked for the right thing."""
    assert "no alert has fired yet" in syncline("alerts", "list").stdout


@pytest.mark.parametrize("delivery", list(Delivery))
def test_an_alert_is_listed_with_how_far_its_message_is(
    store: Store, syncline: Syncline, monkeypatch: pytest.MonkeyPatch, delivery: Delivery
) -> None:
    """Whether somebody was told is the question behind the list; each state has its words."""
    monkeypatch.setenv("COLUMNS", "160")
    alerts.observe(store, [STALLED])
    with store.read() as connection:
        [alert] = alerts.latest(connection, limit=5)
    assert alerts.settle(store, alert, delivery, attempts=1, next_try=None)
    listed = syncline("alerts", "list")
    assert (listed.returncode, "fires" in listed.stdout, STALLED.said in listed.stdout) == (0, True, True)
    [told] = json.loads(syncline("alerts", "list", "--json").stdout)
    assert (told["rule"], told["subject"], told["delivery"]) == ("stalled", "products", delivery.value)
    assert told["fired_at"].endswith("Z")


def test_an_alert_that_is_over_says_so(store: Store, syncline: Syncline) -> None:
    """What is over needs nobody."""
    alerts.observe(store, [STALLED])
    alerts.observe(store, [])
    assert "over" in syncline("alerts", "list").stdout


def test_a_test_message_without_a_receiver_names_the_setting(store: Store, syncline: Syncline) -> None:
    """The one thing to do first."""
    tried = syncline("alerts", "test")
    assert (tried.returncode, "SYNCLINE_ALERT_URLS is not set" in tried.stderr) == (2, True)


def test_a_test_message_while_prefect_is_away_says_so(
    store: Store, syncline: Syncline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing would be sent: a failure, and not silence."""
    monkeypatch.setenv("SYNCLINE_ALERT_URLS", "json://127.0.0.1:1/")
    tried = syncline("alerts", "test")
    assert tried.returncode != 0
    assert "127.0.0.1:1/api" in tried.stderr
