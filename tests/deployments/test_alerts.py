"""Alerts reach somebody: through a real Prefect server, whose automations send them to a receiver on the loopback."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, update
from sqlmodel import col
from support.instance import Instance, eventually
from support.receiver import Receiver, receiving

from deployments.alerting import alert_once
from deployments.automations import apply_automations, automation_name, check_receivers
from deployments.client import open_client
from flows.registry import sources
from syncline.errors import ConfigurationError
from syncline.model.alerts import Alert, Delivery, Rule
from syncline.model.target import Target
from syncline.settings import Settings
from syncline.status.reading import read_report
from syncline.status.schedules import Schedules
from syncline.store import alerts, holds


@dataclass(frozen=True, kw_only=True)
class Silent:
    """A source that should have run long ago."""

    interval_seconds: float | None = 1

    def stalled_at(self, last_run: datetime, now: datetime) -> datetime | None:
        del now
        return last_run


WELL = Schedules()
STALLED = Schedules(cadences={"products": Silent()})


@dataclass(frozen=True, kw_only=True)
class Watch:
    """An instance whose alerts go to a receiver."""

    instance: Instance
    settings: Settings
    receiver: Receiver

    def look(self, schedules: Schedules) -> None:
        report = read_report(self.instance.store, self.settings, sources(), schedules)
        asyncio.run(alert_once(self.settings, self.instance.store, report))

    def until(self, schedules: Schedules, deliveries: set[str]) -> Alert:
        """Look again and again until the newest alert of a stalled source is so far."""

        def newest() -> Alert | None:
            self._hurry()
            self.look(schedules)
            found = [one for one in self._known() if one.rule == Rule.STALLED]
            return found[0] if found and found[0].delivery in deliveries else None

        return eventually(newest, f"alert that is {deliveries}")

    def _hurry(self) -> None:
        """Have what is to be looked at later looked at now."""
        now = self.instance.store.clock.now()
        with self.instance.store.write() as connection:
            connection.execute(update(Alert).where(col(Alert.next_try).is_not(None)).values(next_try=now))

    def _known(self) -> list[Alert]:
        with self.instance.store.read() as connection:
            return list(alerts.latest(connection, limit=50))


@pytest.fixture
def watch(calm: Instance) -> Iterator[Watch]:
    with receiving() as receiver:
        settings = calm.settings.model_copy(update={"alert_urls": SecretStr(receiver.url)})
        asyncio.run(apply(settings))
        yield Watch(instance=calm, settings=settings, receiver=receiver)
        asyncio.run(apply(calm.settings))
        with calm.store.write() as connection:
            connection.execute(delete(Alert))


async def apply(settings: Settings) -> None:
    async with open_client(settings) as client:
        await apply_automations(client, settings)


async def switch(settings: Settings, kind: str, *, on: bool) -> None:
    async with open_client(settings) as client:
        [found] = await client.read_automations_by_name(automation_name(kind))
        await (client.resume_automation(found.id) if on else client.pause_automation(found.id))


def test_an_alert_reaches_the_receiver_once_and_so_does_its_end(watch: Watch) -> None:
    """The point of it all: somebody is told, in a sentence, and told again when it is over."""
    watch.until(STALLED, {Delivery.DELIVERED})
    watch.look(STALLED)
    assert watch.receiver.titles() == ["Syncline: stalled (products)"]
    assert "no sign of life" in watch.receiver.messages[0][1]
    watch.until(WELL, {Delivery.DELIVERED})
    watch.look(WELL)
    assert watch.receiver.titles() == ["Syncline: stalled (products)", "Syncline: over: stalled (products)"]


def test_a_message_that_the_receiver_refuses_is_sent_again(watch: Watch) -> None:
    """A receiver that is down for a minute is still told, and by then once."""
    watch.receiver.refusals = 1
    watch.until(STALLED, {Delivery.DELIVERED})
    assert watch.receiver.refused == 1
    assert watch.receiver.titles() == ["Syncline: stalled (products)"]


def test_an_automation_that_is_switched_off_stays_off(watch: Watch) -> None:
    """An operator who wants to hear nothing of a kind says so in Prefect's UI, and a restart does not undo it."""
    asyncio.run(switch(watch.settings, Rule.STALLED, on=False))
    asyncio.run(apply(watch.settings))
    watch.until(STALLED, {Delivery.NO_RECEIVER})
    assert watch.receiver.titles() == []
    asyncio.run(switch(watch.settings, Rule.STALLED, on=True))


def test_refused_credentials_fire_until_the_hold_is_released(watch: Watch) -> None:
    """An unnoticed hold keeps a source from running for weeks."""
    store = watch.instance.store
    with store.write() as connection:
        hold = holds.create(
            connection,
            Target("customers"),
            reason="erp refused the credentials (401)",
            created_by="syncline",
            now=store.clock.now(),
            ttl_seconds=None,
            refused="",
        )
    watch.look(WELL)
    eventually(lambda: "Syncline: credentials refused (customers)" in watch.receiver.titles(), "message")
    with store.write() as connection:
        holds.release(connection, hold.id, now=store.clock.now())
    watch.look(WELL)
    eventually(lambda: "Syncline: over: credentials refused (customers)" in watch.receiver.titles(), "end")


def test_the_automations_go_with_the_setting(watch: Watch) -> None:
    """Who takes the URLs out wants no more messages, and no secret left with Prefect."""

    async def made() -> list[str]:
        async with open_client(watch.settings) as client:
            return [one.name for one in await client.read_automations() if one.name.startswith("Syncline alerts")]

    assert len(asyncio.run(made())) == len(Rule) + 1
    asyncio.run(apply(watch.instance.settings))
    assert asyncio.run(made()) == []


def test_a_receiver_that_is_no_apprise_url_is_refused_without_being_shown() -> None:
    """The URL holds a token: the message names its place alone."""
    settings = Settings(alert_urls=SecretStr("json://127.0.0.1:9/ https//typo.example/hook-secret"))
    with pytest.raises(ConfigurationError, match="SYNCLINE_ALERT_URLS: number 2 is no Apprise URL") as refused:
        check_receivers(settings)
    assert "hook-secret" not in str(refused.value)
