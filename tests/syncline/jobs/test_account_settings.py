"""Settings of accounts: what can be set, within which limits, and that what is secret is not shown."""

from datetime import UTC, datetime, timedelta

import pytest

from syncline.errors import ConfigurationError, FieldError
from syncline.jobs import account_settings, notify_urls
from syncline.jobs.due import Freshness, rhythm_of
from syncline.kernel_settings import AccountsSettings
from syncline.model.account_kind import AccountKind

LIMITS = AccountsSettings(min_interval_seconds=60, max_interval_seconds=3_600)


def canonical(text: str) -> str:
    if not text.startswith("0x"):
        raise ConfigurationError(f"a wallet begins with 0x, but is {text!r}")
    return text.lower()


WALLETS = AccountKind(
    noun="wallet", canonical=canonical, canonical_token=canonical, settings=frozenset({"chains", "tokens"})
)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({}, {}),
        ({"frequency_seconds": 60, "stale_seconds": 3_600.5 - 0.5}, {"frequency_seconds": 60, "stale_seconds": 3_600}),
        ({"timezone": "Europe/Berlin", "weekends": False}, {"timezone": "Europe/Berlin", "weekends": False}),
        (
            {"market_hours": {"from": "09:00", "to": "17:00", "days": ["mon", "fri"]}},
            {"market_hours": {"from": "09:00", "to": "17:00", "days": ["mon", "fri"]}},
        ),
        ({"chains": [1, 8453], "tokens": {"1": ["0xA", "0xa"]}}, {"chains": [1, 8453], "tokens": {"1": ["0xa"]}}),
        ({"notify_urls": ["ntfys://ntfy.sh/topic"]}, {"notify_urls": ["ntfys://ntfy.sh/topic"]}),
        ({"weekends": None, "chains": None}, {}),
    ],
)
def test_what_can_be_set_is_stored_in_one_form(given: dict[str, object], stored: dict[str, object]) -> None:
    """And can be read again, in the same values."""
    assert account_settings.checked(given, WALLETS, LIMITS) == stored
    assert account_settings.changed(stored, {}, WALLETS, LIMITS) == stored
    assert account_settings.read(stored).model_dump(mode="json", by_alias=True, exclude_none=True) == stored


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"frequency": 60}, "settings.frequency", "did you mean frequency_seconds?"),
        ({"colour": "red"}, "settings.colour", "there are: chains, frequency_seconds"),
        ({"frequency_seconds": 59}, "settings.frequency_seconds", "between 60 and 3600 seconds, but is 59"),
        ({"off_hours_frequency_seconds": 3_601}, "settings.off_hours_frequency_seconds", "between 60 and 3600"),
        ({"frequency_seconds": True}, "settings.frequency_seconds", "number"),
        ({"frequency_seconds": "60"}, "settings.frequency_seconds", "number"),
        ({"stale_seconds": -1}, "settings.stale_seconds", "greater than 0"),
        ({"weekends": "no"}, "settings.weekends", "boolean"),
        ({"timezone": "Berlin"}, "settings.timezone", "no time zone is called 'Berlin'"),
        ({"market_hours": {"from": "17:00", "to": "24:00"}}, "settings.market_hours.to", "pattern"),
        ({"market_hours": {"from": "9", "to": "17:00"}}, "settings.market_hours.from", "pattern"),
        ({"market_hours": {"from": "09:00", "to": "17:00", "days": ["Monday"]}}, "settings.market_hours.days.0", "mon"),
        (
            {"market_hours": {"from": "09:00", "to": "17:00", "zone": "x"}},
            "settings.market_hours.zone",
            "not permitted",
        ),
        ({"chains": [0]}, "settings.chains.0", "greater than or equal to 1"),
        ({"chains": 1}, "settings.chains", "array"),
        ({"tokens": {"main": ["0xA"]}}, "settings.tokens.main", "id of a chain"),
        ({"tokens": {"1": ["A"]}}, "settings.tokens.1", "a wallet begins with 0x, but is 'A'"),
        ({"notify_urls": ["nonsense"]}, "settings.notify_urls.0", "scheme"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(given: dict[str, object], field: str, said: str) -> None:
    """One sentence that names the field, so that a form can show it beside it."""
    with pytest.raises(FieldError) as refused:
        account_settings.checked(given, WALLETS, LIMITS)
    assert refused.value.field == field
    assert said in str(refused.value)


def test_a_setting_of_another_kind_is_unknown() -> None:
    """A calendar has no chains."""
    with pytest.raises(FieldError, match=r"settings\.chains"):
        account_settings.checked({"chains": [1]}, AccountKind(), LIMITS)


def test_a_change_leaves_the_other_settings_as_they_are() -> None:
    """None takes one away."""
    stored = {"weekends": False, "frequency_seconds": 60}
    wanted = {"weekends": None, "stale_seconds": 120}
    assert account_settings.changed(stored, wanted, WALLETS, LIMITS) == {"frequency_seconds": 60, "stale_seconds": 120}


def test_settings_of_a_later_version_are_passed_over() -> None:
    """A sweep must not fail because of one row."""
    assert account_settings.read({"weekends": True, "moods": 1}).weekends is True


def test_market_hours_of_an_account_are_those_by_which_it_is_due() -> None:
    """What is stored is what the rhythm reads: Fridays from 22:00 to 06:00 in Berlin."""
    stored = account_settings.checked(
        {"market_hours": {"from": "22:00", "to": "06:00", "days": ["fri"]}, "timezone": "Europe/Berlin"},
        WALLETS,
        LIMITS,
    )
    market = rhythm_of(Freshness(), stored).market
    saturday = datetime(2026, 1, 24, tzinfo=UTC)
    assert [market.is_open(saturday + timedelta(hours=hours)) for hours in (-4, -3, 4, 5, 21)] == [
        *(False, True, True, False, False)
    ]


def test_an_external_id_is_stored_in_one_form_or_refused_by_its_name() -> None:
    """The same wallet in other letters is the same account."""
    assert account_settings.external_id("0xAB", WALLETS) == "0xab"
    assert account_settings.external_id(" ann@example.com ", AccountKind()) == "ann@example.com"
    for text, kind in (("AB", WALLETS), ("  ", AccountKind())):
        with pytest.raises(FieldError, match=r"^external_id: "):
            account_settings.external_id(text, kind)


def test_notification_urls_are_shown_by_their_scheme() -> None:
    """Most have a token in them."""
    stored = account_settings.checked({"notify_urls": ["slack://TokenA/TokenB/TokenC"]}, WALLETS, LIMITS)
    assert account_settings.shown(stored) == {"notify_urls": ["slack://***"]}
    assert "TokenA" not in repr(account_settings.read(stored))
    with pytest.raises(FieldError, match="shown masked"):
        account_settings.changed(stored, account_settings.shown(stored), WALLETS, LIMITS)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "json://127.0.0.1:8080/x",
            "jsons://[::1]/x",
            "http://localhost/x",
            "https://10.0.0.5",
            "ntfy://192.168.1.4/t",
        ),
        *("json://169.254.169.254/latest", "gotify://db.internal/x", "json://127.1/x", "json://2130706433/x"),
        *("json://0x7f000001/x", "json://ann:word@172.16.0.1/x", "json://[::ffff:10.0.0.1]/x", "json://localhost./x"),
        *("mailto://ann:word@example.com?smtp=127.0.0.1", "json://[fe80::1%25eth0]/x"),
    ],
)
def test_notifications_do_not_lead_into_our_own_network(url: str) -> None:
    """Our server would call for a user what only it can reach; an operator may allow it."""
    with pytest.raises(ValueError, match="private host"):
        notify_urls.check(url, private_allowed=False)
    notify_urls.check(url, private_allowed=True)


@pytest.mark.parametrize(
    "url", ["syslog://", "dbus://", "file:///etc/passwd", "json://", "x" * 1_001, "json://a b", ""]
)
def test_what_is_no_service_is_refused(url: str) -> None:
    """Apprise also speaks to this machine's desktop and log."""
    with pytest.raises(ValueError):  # noqa: PT011 - any of its sentences
        notify_urls.check(url, private_allowed=True)
