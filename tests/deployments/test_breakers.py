"""What an operator does reaches Prefect, where there is one, and says what is missing."""

import asyncio
from typing import Any

import pytest
from support.instance import Instance

from deployments import controls
from deployments.breakers import hold_breaker_open, reset_breaker
from deployments.client import open_client
from flows.products import PRODUCTS
from syncline.errors import MissingSettingError
from syncline.model.policies import Mode
from syncline.model.session import Trigger
from syncline.resilience.breaker import BreakerState
from syncline.settings import Settings
from syncline.store.breakers import Breakers
from syncline.store.engine import Store

_TRIES = 50


async def _causes(instance: Instance, event: str) -> list[str]:
    """The causes of the events of this name, as soon as Prefect has one."""
    wanted = {"filter": {"event": {"name": [event]}}}
    async with open_client(instance.settings) as client:
        for _ in range(_TRIES):
            answer: Any = (await client.request("POST", "/events/filter", json=wanted)).json()
            if answer["events"]:
                return [found["payload"]["cause"] for found in answer["events"]]
            await asyncio.sleep(0.2)  # another process, the server, stores events behind its own queue
    return []


@pytest.mark.slow
def test_prefect_hears_of_what_an_operator_does_to_a_breaker(served: Instance) -> None:
    """Alerts on an open breaker must end when somebody resets it, and say who did."""

    async def steer() -> tuple[list[str], list[str]]:
        await hold_breaker_open(served.settings, served.store, "customers", actor="ann")
        await reset_breaker(served.settings, served.store, "customers", actor="bob")
        opened = await _causes(served, "syncline.breaker.opened")
        return opened, await _causes(served, "syncline.breaker.closed")

    assert asyncio.run(steer()) == (["held open by ann"], ["reset by bob"])


@pytest.mark.parametrize("control", ["start", "run_now"])
def test_a_source_without_an_address_is_not_started(sqlite_store: Store, control: str) -> None:
    """Prefect does not know its deployment; what would help is the setting."""
    nowhere = Settings(prefect_api_url="http://127.0.0.1:1/api")
    asked = {
        "start": lambda: controls.start(nowhere, sqlite_store, "quests", every_seconds=60, actor="ann"),
        "run_now": lambda: controls.run_now(nowhere, "quests", mode=Mode.FULL, trigger=Trigger.API),
    }
    with pytest.raises(MissingSettingError, match="SYNCLINE_UPSTREAMS__QUESTS__BASE_URL"):
        asyncio.run(asked[control]())


def test_a_breaker_is_steered_while_prefect_is_away(sqlite_store: Store) -> None:
    """It is our own state: an outage of the server must not keep anybody from sparing an upstream."""
    nowhere = Settings(prefect_api_url="http://127.0.0.1:1/api")
    asyncio.run(hold_breaker_open(nowhere, sqlite_store, "products", actor="ann"))
    assert Breakers(sqlite_store).state(PRODUCTS).state is BreakerState.FORCED_OPEN
    asyncio.run(reset_breaker(nowhere, sqlite_store, "products", actor="ann"))
    assert Breakers(sqlite_store).state(PRODUCTS).state is BreakerState.CLOSED
