"""Whether accounts can be kept as fresh as the settings ask: said before the providers say it with 429."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from support.jobs import add_accounts, enqueue, wanted

from deployments import controls
from deployments.account_plan import load_of
from deployments.doctor import Verdict, examine_accounts
from deployments.preflight import freshness_warning
from syncline.errors import ConfigurationError, MissingSettingError
from syncline.model.session import Status, Tally
from syncline.portfolios.periodic import PresetName
from syncline.portfolios.settings import ChainSettings
from syncline.settings import Settings
from syncline.store import rollups
from syncline.store.engine import Store

NODE = SecretStr("http://127.0.0.1:1")


def settings(**changed: Any) -> Settings:  # noqa: ANN401 - any setting
    chain = ChainSettings(rpc_url=NODE, calls_per_second=changed.pop("calls_per_second", 20))
    return Settings(chains={1: chain}).model_copy(update=changed)


def errors(store: Store, given: Settings) -> list[str]:
    return [one.said for one in examine_accounts(given, store) if one.verdict is Verdict.ERROR]


def count(store: Store, *, jobs: int, requests: int, took_ms: int) -> None:
    one = rollups.Count(
        source="portfolios",
        status=Status.COMPLETED,
        ended=store.clock.now() - timedelta(hours=2),
        took_ms=took_ms,
        waited_ms=0,
        tally=Tally(requests=requests),
    )
    with store.write() as connection:
        rollups.add(connection, [one] * jobs, slot=0)


@pytest.mark.parametrize("preset", list(PresetName))
def test_each_preset_fits_together(sqlite_store: Store, preset: PresetName) -> None:
    """The seed's High Load one did not: every account would be urgent at every sweep."""
    given = settings(periodic_sync_preset=preset)
    assert errors(sqlite_store, given) == []
    assert freshness_warning(given) is None


def test_a_threshold_below_what_syncs_take_is_an_error(sqlite_store: Store) -> None:
    """At the start, when nothing is measured yet, only one below the interval itself is told."""
    given = settings(periodic_sync_stale_threshold=910_000)
    assert errors(sqlite_store, given) == []
    count(sqlite_store, jobs=10, requests=1, took_ms=30_000)
    (said,) = errors(sqlite_store, given)
    assert "PERIODIC_SYNC_STALE_THRESHOLD (910 s) is not above PERIODIC_SYNC_OFF_HOURS_INTERVAL (900 s)" in said
    warned = freshness_warning(settings(periodic_sync_stale_threshold=900_000))
    assert warned is not None
    assert "PERIODIC_SYNC_STALE_THRESHOLD" in warned
    assert freshness_warning(Settings(periodic_sync_stale_threshold=900_000)) is None  # no chain, no wallet


def test_more_accounts_than_the_budget_allows_are_told_with_what_would_fit(sqlite_store: Store) -> None:
    """By what syncs really sent; before that by an estimate, which is said so."""
    add_accounts(sqlite_store, *(str(number) for number in range(10)), source="portfolios")
    given = settings(calls_per_second=0.01)
    load = load_of(sqlite_store, given)
    assert load is not None
    assert (load.active, load.measured) == (10, False)
    assert errors(sqlite_store, given) == []
    count(sqlite_store, jobs=5, requests=2, took_ms=100)
    (said,) = errors(sqlite_store, given)
    assert said == (
        "chain 1: 3 requests in 5 min; 10 active accounts ask for 20 (as measured over the last day): 1 account would "
        "fit, or all of them every 2000 s: raise PERIODIC_SYNC_MARKET_HOURS_INTERVAL to 2000000, or "
        "SYNCLINE_CHAINS__1__CALLS_PER_SECOND if the provider allows more"
    )


def test_what_is_due_while_nobody_drains_is_an_error(sqlite_store: Store) -> None:
    """It says what to start; where no chain is set there is nothing to drain."""
    add_accounts(sqlite_store, "a", source="portfolios")
    enqueue(sqlite_store, wanted("a", 0, source="portfolios"))
    (said,) = errors(sqlite_store, settings())
    assert "start `syncline up`, or a worker that runs the drain_jobs deployments" in said
    assert errors(sqlite_store, Settings()) == []


def test_a_setting_that_is_none_is_one_error(sqlite_store: Store) -> None:
    """As at the start, which it prevents."""
    assert "PERIODIC_SYNC_MARKET_DAYS" in errors(sqlite_store, settings(periodic_sync_market_days=("noday",)))[0]


def test_accounts_have_intervals_of_their_own(sqlite_store: Store) -> None:
    """`syncline start portfolios --every 5m` would set a schedule that no account follows."""

    def start(given: Settings, every_seconds: float | None) -> object:
        return asyncio.run(
            controls.start(given, sqlite_store, "portfolios", every_seconds=every_seconds, actor="cli:ann")
        )

    with pytest.raises(ConfigurationError, match="set PERIODIC_SYNC_MARKET_HOURS_INTERVAL"):
        start(settings(), 300)
    with pytest.raises(MissingSettingError, match="SYNCLINE_CHAINS__ID__RPC_URL"):
        start(Settings(), None)
