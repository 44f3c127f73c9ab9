"""Sends a test message through the automation that sends alerts."""

import asyncio

from cli import console
from cli.instance import opened
from deployments.automations import TRIAL, apply_automations, is_sending
from deployments.client import open_client
from deployments.messages import Outcome, outcome_of_event, trial
from deployments.messages import send as send_event
from syncline.errors import ConfigurationError, MissingSettingError
from syncline.settings import Settings
from syncline.store.engine import Store

__all__ = ["send"]

_LOOKS = 60
_PAUSE_SECONDS = 0.5


def send() -> int:
    """Send it; 1 where it did not arrive.

    Raises:
        ConfigurationError: no receiver is set, one is no Apprise URL, or the automation is switched off.
        PrefectUnavailableError: its server cannot be reached.
    """
    with opened() as instance:
        outcome = asyncio.run(_sent(instance.settings, instance.store))
    match outcome:
        case Outcome.EXECUTED:
            console.line("the message arrived")
            return 0
        case Outcome.FAILED:
            console.complain(
                "the message did not arrive: Prefect's UI has the reason, as prefect.automation.action.failed"
            )
        case Outcome.UNKNOWN:
            console.complain("Prefect's automation did not answer within 30 s: see the log of its server")
    return 1


async def _sent(settings: Settings, store: Store) -> Outcome:
    if not settings.alert_receivers:
        raise MissingSettingError(
            "SYNCLINE_ALERT_URLS", "whom shall alerts reach? Apprise URLs, with spaces between them"
        )
    async with open_client(settings) as client:
        await apply_automations(client, settings)
        if not await is_sending(client, TRIAL):
            raise ConfigurationError("the automation of test messages is switched off: switch it on in Prefect's UI")
        event = trial(store.clock.now())
        await send_event(client, event)
        for _ in range(_LOOKS):
            outcome = await outcome_of_event(client, event.id)
            if outcome is not Outcome.UNKNOWN:
                return outcome
            await asyncio.sleep(_PAUSE_SECONDS)
    return Outcome.UNKNOWN
