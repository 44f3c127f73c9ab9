"""Schedules that the environment takes the place of, on a real Prefect server."""

import asyncio
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.runner import Runner
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from support.instance import Instance
from support.pace import PacedSettings

from deployments import controls
from deployments.client import open_client
from deployments.schedules.apply import apply_intervals
from deployments.schedules.file import Deployment
from deployments.serving import register
from syncline.settings import UpstreamSettings
from syncline.store import schedules

pytestmark = pytest.mark.slow

QUESTS = Deployment.model_validate(
    {
        "name": "quests",
        "flow_name": "sync-quests",
        "entrypoint": "flows.quests.sync_quests",
        "schedules": [
            {"slug": "day", "interval": 3_600, "anchor_date": "2026-01-01T00:17:00+00:00"},
            {"slug": "night", "cron": "0 3 * * *"},
        ],
    }
)
AS_IN_THE_FILE = {"day": (3_600, True), "night": (None, True)}


class Shop:
    """An instance that serves `quests`, which no other test starts."""

    def __init__(self, served: Instance) -> None:
        self.served = served
        feed = UpstreamSettings(base_url=f"{served.box.url}/feeds/quests")
        self.settings = served.settings.model_copy(update={"upstreams": {"quests": feed}})

    def start(self, **paces: float) -> dict[str | None, tuple[float | None, bool]]:
        """Register as a start does, with these intervals in the environment; the schedules that Prefect then has."""
        paced = PacedSettings.like(self.settings, **paces)
        asyncio.run(register(paced, self.served.store, Runner(name="test", pause_on_shutdown=False), [QUESTS]))
        return self.standing()

    def standing(self) -> dict[str | None, tuple[float | None, bool]]:
        """The seconds between runs (None: a cron) of each schedule, and whether it is on."""
        return {one.slug: (_seconds(one), one.active) for one in asyncio.run(self._known())}

    async def _known(self) -> list[DeploymentSchedule]:
        async with open_client(self.settings) as client:
            return (await client.read_deployment_by_name("sync-quests/quests")).schedules

    async def forget(self) -> None:
        """Leave nothing behind."""
        with self.served.store.write() as connection:
            schedules.drop(connection, "quests")
        async with open_client(self.settings) as client:
            await client.delete_deployment((await client.read_deployment_by_name("sync-quests/quests")).id)


def _seconds(schedule: DeploymentSchedule) -> float | None:
    timed = schedule.schedule
    return timed.interval / timedelta(seconds=1) if isinstance(timed, IntervalSchedule) else None


@pytest.fixture
def shop(calm: Instance) -> Generator[Shop]:
    theirs = calm.settings
    known: dict[Any, str | None] = {PREFECT_API_URL: theirs.prefect_api, PREFECT_API_AUTH_STRING: theirs.prefect_auth}
    with temporary_settings(known):
        opened = Shop(calm)
        yield opened
        asyncio.run(opened.forget())


def test_the_interval_of_the_environment_goes_when_it_does(shop: Shop) -> None:
    """Prefect keeps a schedule that is not mentioned any more: the night's cron would run beside the interval."""
    assert shop.start() == AS_IN_THE_FILE
    assert shop.start(quests=150) == {"day": (150, True)}
    assert shop.start(quests=90) == {"day": (90, True)}
    assert shop.start() == AS_IN_THE_FILE


def test_a_source_that_was_stopped_meanwhile_stays_stopped(shop: Shop) -> None:
    """Its schedules come back with the file's interval; none of them by itself."""
    shop.start(quests=150)
    asyncio.run(controls.stop(shop.settings, shop.served.store, "quests", actor="test"))
    assert shop.start(quests=90) == {"day": (90, False)}
    assert shop.start() == {"day": (3_600, False), "night": (None, False)}
    asyncio.run(controls.start(shop.settings, shop.served.store, "quests", every_seconds=None, actor="test"))
    assert shop.standing() == AS_IN_THE_FILE


def test_an_operators_interval_wins_at_each_start(shop: Shop) -> None:
    """It was typed by somebody who looked; it lasts until they say otherwise."""
    shop.start(quests=150)
    asyncio.run(controls.start(shop.settings, shop.served.store, "quests", every_seconds=600, actor="test"))
    assert shop.start(quests=150) == {"day": (600, True)}
    assert shop.start() == {"day": (600, True), "night": (None, False)}


def test_intervals_are_applied_to_what_prefect_deploy_made(shop: Shop) -> None:
    """It reads prefect.yaml alone, so that a deploy puts both kinds of intervals back to those of the file."""
    paced, store = PacedSettings.like(shop.settings, quests=150), shop.served.store
    assert shop.start() == AS_IN_THE_FILE
    assert asyncio.run(apply_intervals(shop.settings, store, [QUESTS])) == {}
    assert asyncio.run(apply_intervals(paced, store, [QUESTS])) == {"quests": 150}
    assert shop.standing() == {"day": (150, True)}
    asyncio.run(controls.stop(shop.settings, store, "quests", actor="test"))
    with store.write() as connection:
        schedules.override(connection, "quests", interval_seconds=600, changed_by="ann", now=store.clock.now())
    assert asyncio.run(apply_intervals(paced, store, [QUESTS])) == {"quests": 600}
    assert shop.standing() == {"day": (600, False)}


def test_what_is_not_deployed_gets_no_interval(shop: Shop) -> None:
    """The variables of a shop may name a source that its workers do not run."""
    shop.start()
    others = QUESTS.model_copy(update={"name": "points", "flow_name": "sync-points"})
    paced = PacedSettings.like(shop.settings, points=150)
    assert asyncio.run(apply_intervals(paced, shop.served.store, [others])) == {}
