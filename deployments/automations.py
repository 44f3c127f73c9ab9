"""Prefect's automations that send alerts: one for each kind, to the Apprise URLs of the settings.

Each can be switched off in Prefect's UI, and stays so. The URLs are kept in a block of Prefect's own type for webhooks
(`slack-webhook`), whose text field takes any Apprise URL: a Prefect server of any machine knows that type, and need not
have Syncline installed. Prefect keeps the block's secret sealed in its database.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import apprise
from prefect.blocks.notifications import SlackWebhook
from prefect.client.orchestration import PrefectClient
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound
from pydantic import SecretStr

from syncline.errors import ConfigurationError
from syncline.model.alerts import TERMS, Rule
from syncline.settings import Settings

__all__ = [
    "CLEARED",
    "FIRED",
    "TRIAL",
    "apply_automations",
    "automation_name",
    "check_receivers",
    "is_sending",
    "resource_id",
]

FIRED = "syncline.alert.fired"
CLEARED = "syncline.alert.cleared"
TRIAL = "test"
"""The kind of the message by which `syncline alerts test` tries the way."""
_BLOCK = "syncline-alerts"
_DESCRIPTION = (
    "Made by Syncline. Switch it off here, if nobody wants to hear of this; a change of anything else is undone."
)


def automation_name(kind: str) -> str:
    """The automation's name in Prefect, by the alerts' kind."""
    return f"Syncline alerts: {TERMS[Rule(kind)].title if kind != TRIAL else 'test messages'}"


def resource_id(kind: str, subject: str) -> str:
    """What Prefect's events call an alert."""
    return f"syncline.alert.{kind}.{subject}"


def check_receivers(settings: Settings) -> None:
    """Refuse what is no Apprise URL.

    Raises:
        ConfigurationError: one of `SYNCLINE_ALERT_URLS` is none; it is named by its place, since it holds a secret.
    """
    for number, url in enumerate(settings.alert_receivers, start=1):
        if not _is_understood(url):
            raise ConfigurationError(
                f"SYNCLINE_ALERT_URLS: number {number} is no Apprise URL, such as mailtos://… or slack://…, "
                "with spaces between them"
            )


def _is_understood(url: str) -> bool:
    receivers: Any = apprise.Apprise()  # its methods are typed in part
    return bool(receivers.add(url))


async def apply_automations(client: PrefectClient, settings: Settings) -> None:
    """Have Prefect send alerts to the URLs of the settings; without one, our automations and their block are deleted.

    Raises:
        ConfigurationError: one of the URLs is none.
    """
    check_receivers(settings)
    known = {one.name: one for one in await client.read_automations()}
    kinds = [*Rule, TRIAL]
    if not settings.alert_receivers:
        for kind in kinds:
            if automation_name(kind) in known:
                await client.delete_automation(known[automation_name(kind)].id)
        await _forget_block(client)
        return
    block_id = await SlackWebhook(url=SecretStr(" ".join(settings.alert_receivers))).asave(
        _BLOCK, overwrite=True, client=client
    )
    for kind in kinds:
        await _apply(client, _automation(kind, block_id), known.get(automation_name(kind)))


async def is_sending(client: PrefectClient, kind: str) -> bool:
    """Whether alerts of this kind are sent to anybody: their automation is there, and is not switched off."""
    found = await client.read_automations_by_name(automation_name(kind))
    return any(one.enabled for one in found)


async def _apply(client: PrefectClient, wanted: AutomationCore, known: Automation | None) -> None:
    if known is None:
        await client.create_automation(wanted)
        return
    wanted = wanted.model_copy(update={"enabled": known.enabled})
    if AutomationCore.model_validate(known.model_dump(include=set(AutomationCore.model_fields))) != wanted:
        await client.update_automation(known.id, wanted)


def _automation(kind: str, block_id: UUID) -> AutomationCore:
    trigger = EventTrigger(
        expect={FIRED, CLEARED},
        match={"prefect.resource.id": resource_id(kind, "*")},
        posture=Posture.Reactive,
        threshold=1,
        within=timedelta(0),
    )
    action = SendNotification(
        block_document_id=block_id, subject="{{ event.payload.subject }}", body="{{ event.payload.body }}"
    )
    return AutomationCore(
        name=automation_name(kind), description=_DESCRIPTION, enabled=True, trigger=trigger, actions=[action]
    )


async def _forget_block(client: PrefectClient) -> None:
    try:
        document = await client.read_block_document_by_name(_BLOCK, "slack-webhook")
    except ObjectNotFound:
        return
    await client.delete_block_document(document.id)
