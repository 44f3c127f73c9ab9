"""`syncline alerts`: which alerts fire, as a table or as JSON, and a test message on their way."""

from typing import Annotated

import typer

from cli import console
from cli.instance import opened
from cli.lazy_group import group
from cli.options import AsJson
from cli.records import as_object
from cli.tables import Column, print_table
from syncline.model.alerts import Alert, Delivery
from syncline.store import alerts
from syncline.words import ago

__all__ = ["app"]

_COLUMNS = (
    Column(title="Alert"),
    Column(title="Of"),
    Column(title="State"),
    Column(title="Since", right=True),
    Column(title="Message", rank=2),
    Column(title="What", least=24, rank=1),
)
_MESSAGES = {
    Delivery.PENDING: "to be sent",
    Delivery.SENT: "under way",
    Delivery.DELIVERED: "arrived",
    Delivery.NO_RECEIVER: "nobody is told",
    Delivery.GIVEN_UP: "did not arrive",
}


def app() -> typer.Typer:
    """See which alerts fire, and try whether they arrive."""
    return group({"list": list_, "test": test})


def list_(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, those that fire first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the alerts that fire and those that are over, with whether their message arrived."""
    with opened() as instance:
        with instance.store.read() as connection:
            found = alerts.latest(connection, limit=limit)
        if as_json:
            console.write_json([as_object(alert, without=("quiet_since",)) for alert in found])
        elif not found:
            console.line("no alert has fired yet")
        else:
            now = instance.now()
            rows = [
                (one.rule, one.subject, _state(one), ago(one.cleared_at or one.fired_at, now), _message(one), one.said)
                for one in found
            ]
            print_table(_COLUMNS, rows)


def test() -> int:
    """Have Prefect send a test message to SYNCLINE_ALERT_URLS, and say whether it arrived; 1 if it did not."""
    from cli import alerts_test  # noqa: PLC0415 - loads Prefect, which the list does without

    return alerts_test.send()


def _state(alert: Alert) -> str:
    return "fires" if alert.cleared_at is None else "over"


def _message(alert: Alert) -> str:
    known = alert.delivery in set(Delivery)  # a newer version may know of more
    return _MESSAGES[Delivery(alert.delivery)] if known else alert.delivery
