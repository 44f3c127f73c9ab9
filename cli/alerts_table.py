"""The alerts as a table or as JSON."""

from cli import console
from cli.instance import opened
from cli.records import as_object
from cli.tables import Column, print_table
from cli.times import ago
from syncline.model.alerts import Alert, Delivery
from syncline.store import alerts

__all__ = ["show"]

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


def show(*, limit: int, as_json: bool) -> None:
    """Print the alerts that fired, those that still do first."""
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


def _state(alert: Alert) -> str:
    return "fires" if alert.cleared_at is None else "over"


def _message(alert: Alert) -> str:
    known = alert.delivery in set(Delivery)  # a newer version may know of more
    return _MESSAGES[Delivery(alert.delivery)] if known else alert.delivery
