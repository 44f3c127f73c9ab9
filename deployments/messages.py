"""The events by which Prefect's automations learn of alerts, and what became of their messages."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, auto
from uuid import UUID, uuid5

from prefect.client.orchestration import PrefectClient
from prefect.events import Event
from prefect.events.filters import EventFilter, EventNameFilter, EventRelatedFilter

from deployments.automations import CLEARED, FIRED, TRIAL, resource_id
from syncline.model.alerts import TERMS, Alert, Rule

__all__ = ["Outcome", "event_id", "message_of", "outcome_of", "outcome_of_event", "send", "trial"]

_NAMESPACE = UUID("6c1b0c5e-6f5c-4d52-9a55-6b1f1f9d6a10")
_EXECUTED = "prefect.automation.action.executed"
_FAILED = "prefect.automation.action.failed"


class Outcome(Enum):
    """What Prefect's automation did with an event."""

    EXECUTED = auto()
    FAILED = auto()
    UNKNOWN = auto()
    """Nothing yet, or it was lost."""


def event_id(alert: Alert, *, attempt: int) -> UUID:
    """The event's id: the same for the same attempt, so that two observers who send it make one message of it."""
    change = "fired" if alert.cleared_at is None else "cleared"
    return uuid5(_NAMESPACE, f"{alert.id}:{change}:{attempt}")


def message_of(alert: Alert, *, attempt: int, now: datetime) -> Event:
    """The event that tells of an alert's beginning, or of its end."""
    title, severity = TERMS[Rule(alert.rule)].title, TERMS[Rule(alert.rule)].severity
    fired_at = alert.fired_at or now
    if alert.cleared_at is None:
        name, subject = FIRED, f"Syncline: {title} ({alert.subject})"
        body = f"{_sentence(alert.said)} Since {_at(alert.since)}."
    else:
        name, subject = CLEARED, f"Syncline: over: {title} ({alert.subject})"
        body = f"Over since {_at(alert.cleared_at)}; told at {_at(fired_at)}: {_sentence(alert.said)}"
    labels = {
        "prefect.resource.id": resource_id(alert.rule, alert.subject),
        "prefect.resource.name": alert.subject,
        "syncline.rule": alert.rule,
        "syncline.severity": severity,
    }
    payload = {"subject": subject, "body": body, "alert": alert.id, "rule": alert.rule, "about": alert.subject}
    return _event(name, labels, payload, occurred=now, id=event_id(alert, attempt=attempt))


def trial(now: datetime) -> Event:
    """The event of a test message."""
    labels = {"prefect.resource.id": resource_id(TRIAL, "message"), "prefect.resource.name": "a test message"}
    payload = {"subject": "Syncline: a test message", "body": f"Alerts arrive here. Sent at {_at(now)}."}
    return _event(FIRED, labels, payload, occurred=now)


async def send(client: PrefectClient, event: Event) -> None:
    """Give Prefect's server the event; it has it when this returns.

    Raises:
        PrefectHTTPStatusError, httpx.TransportError: it has not.
    """
    await client.request("POST", "/events", json=[event.model_dump(mode="json")])


async def outcome_of(client: PrefectClient, alert: Alert, *, attempt: int) -> Outcome:
    """What became of the message of `alert` that was sent with this `attempt`."""
    return await outcome_of_event(client, event_id(alert, attempt=attempt))


async def outcome_of_event(client: PrefectClient, sent: UUID) -> Outcome:
    """What Prefect's automation made of the event with the id `sent`."""
    wanted = EventFilter(
        event=EventNameFilter(name=[_EXECUTED, _FAILED]),
        related=EventRelatedFilter(id=[f"prefect.event.{sent}"]),
    )
    found = {event.event for event in (await client.read_events(wanted, limit=50)).events}
    if _EXECUTED in found:
        return Outcome.EXECUTED
    return Outcome.FAILED if _FAILED in found else Outcome.UNKNOWN


def _event(name: str, labels: dict[str, str], payload: dict[str, str], **more: object) -> Event:
    return Event.model_validate({"event": name, "resource": labels, "payload": payload, **more})


def _sentence(said: str) -> str:
    return said[:1].upper() + said[1:].rstrip(".") + "."


def _at(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
