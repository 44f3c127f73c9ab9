"""Alerting: looks which conditions hold, and sees to it that each alert's beginning and end arrive.

The messages are sent by Prefect's automations (`deployments.automations`). Prefect keeps events in memory until they
are worked on and does not try a message again, so its answer is looked for: what failed, or was lost with its server,
is told anew under another id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from prefect.client.orchestration import PrefectClient
from prefect.logging import get_logger

from deployments.automations import apply_automations, is_sending
from deployments.client import open_client
from deployments.messages import Outcome, message_of, outcome_of, send
from syncline.errors import PrefectUnavailableError
from syncline.model.alerts import Alert, Delivery
from syncline.settings import Settings
from syncline.status.conditions import conditions
from syncline.status.report import Report
from syncline.store import alerts
from syncline.store.engine import Store

__all__ = ["ALERT_EVERY_SECONDS", "Look", "alert_once", "run_forever"]

ALERT_EVERY_SECONDS = 15
Look = Callable[[], Awaitable[Report]]
"""Reads the report on the instance."""

_LOOK_AGAIN = timedelta(seconds=15)
_LOST_AFTER = timedelta(minutes=2)
"""Without an answer of its automation for so long, the event was lost, as with Prefect's server."""
_PAUSES = tuple(timedelta(minutes=minutes) for minutes in (0.5, 1, 2, 5, 15, 30, 60, 120, 240, 480, 480))
"""Before each try after the first one; a day in all."""


async def run_forever(settings: Settings, store: Store, look: Look) -> None:
    """Look every `ALERT_EVERY_SECONDS` until cancelled; a failure is logged, and the next look goes on."""
    applied = False
    while True:
        applied = applied or await _applied(settings)
        try:
            await alert_once(settings, store, await look())
        except Exception:  # noqa: BLE001 - the next look may do better
            get_logger("syncline").warning("looking for alerts failed", exc_info=True)
        await asyncio.sleep(ALERT_EVERY_SECONDS)


async def _applied(settings: Settings) -> bool:
    """Whether Prefect has our automations now; where it has not, the next look tries again."""
    try:
        async with open_client(settings) as client:
            await apply_automations(client, settings)
    except PrefectUnavailableError as error:
        get_logger("syncline").debug("alerts: %s", error)
        return False
    except Exception:  # noqa: BLE001 - alerts are looked for all the same
        get_logger("syncline").warning("the automations of alerts could not be made", exc_info=True)
        return False
    return True


async def alert_once(settings: Settings, store: Store, report: Report) -> None:
    """Bring the alerts up to date with `report`, and tell Prefect of those that it has not heard of.

    Where Prefect is away the alerts are on record, and it hears of them when it is back.
    """
    await asyncio.to_thread(alerts.observe, store, conditions(report))
    waiting = await asyncio.to_thread(_due, store)
    if not waiting:
        return
    try:
        async with open_client(settings) as client:
            for alert in waiting:
                await _go_on(client, settings, store, alert)
    except PrefectUnavailableError as error:
        get_logger("syncline").debug("alerts wait for Prefect: %s", error)


def _due(store: Store) -> Sequence[Alert]:
    with store.read() as connection:
        return alerts.due(connection, store.now(connection))


async def _go_on(client: PrefectClient, settings: Settings, store: Store, alert: Alert) -> None:
    """Send the message of `alert`, or see what became of it."""
    now = store.clock.now()
    if alert.delivery == Delivery.PENDING:
        await send(client, message_of(alert, attempt=alert.attempts, now=now))
        heard = bool(settings.alert_receivers) and await is_sending(client, alert.rule)
        delivery = Delivery.SENT if heard else Delivery.NO_RECEIVER
        await _settle(
            store, alert, delivery, attempts=alert.attempts + 1, next_try=now + _LOOK_AGAIN if heard else None
        )
        return
    outcome = await outcome_of(client, alert, attempt=alert.attempts - 1)
    sent_at = alert.next_try - _LOOK_AGAIN if alert.next_try is not None else now
    match outcome:
        case Outcome.EXECUTED:
            await _settle(store, alert, Delivery.DELIVERED, attempts=alert.attempts, next_try=None)
        case Outcome.FAILED:
            await _again(store, alert, now)
        case Outcome.UNKNOWN if now - sent_at >= _LOST_AFTER:
            await _again(store, alert, now)
        case Outcome.UNKNOWN:
            return  # looked for again with the next look: `next_try` stays, as the time since it was sent is told by it


async def _again(store: Store, alert: Alert, now: datetime) -> None:
    if alert.attempts > len(_PAUSES):
        get_logger("syncline").error("the message of alert %s (%s) could not be delivered", alert.id, alert.rule)
        await _settle(store, alert, Delivery.GIVEN_UP, attempts=alert.attempts, next_try=None)
        return
    pause = _PAUSES[alert.attempts - 1]
    get_logger("syncline").warning("the message of alert %s did not arrive; it is sent again in %s", alert.id, pause)
    await _settle(store, alert, Delivery.PENDING, attempts=alert.attempts, next_try=now + pause)


async def _settle(store: Store, alert: Alert, delivery: Delivery, *, attempts: int, next_try: datetime | None) -> None:
    await asyncio.to_thread(alerts.settle, store, alert, delivery, attempts=attempts, next_try=next_try)
