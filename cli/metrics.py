"""`syncline metrics`: how the syncs fared, as a table or as JSON."""

from collections.abc import Mapping

from rich.text import Text
from sqlalchemy import Connection

from cli import console, registry
from cli.instance import Instance, opened
from cli.options import AsJson, MaybeSource
from cli.outcomes import outcome
from cli.records import as_object
from cli.tables import Column, number, print_table
from syncline.clock import from_milliseconds
from syncline.status.history import history
from syncline.status.metrics import Metrics
from syncline.status.metrics import metrics as metrics_of
from syncline.words import ago, span

__all__ = ["metrics"]

_HISTORY_LIMIT = 10
"""As many as the status API gives."""
_COLUMNS = (
    Column(title="Source"),
    Column(title="Syncs", right=True),
    Column(title="Good", right=True),
    Column(title="Failed", right=True),
    Column(title="Success", right=True, rank=2),
    Column(title="On average", right=True, rank=1),
    Column(title="Last", right=True, rank=3),
    Column(title="Last status"),
)


def metrics(source: MaybeSource = None, *, as_json: AsJson = False) -> None:
    """Show how the syncs fared since the first: how many, how many went well, how long they took."""
    with opened() as instance, instance.store.read() as connection:
        names = [declared.name for declared in registry.every()] if source is None else [registry.find(source).name]
        if not as_json:
            _print(instance, {name: metrics_of(connection, name) for name in names})
        elif source is not None:
            console.write_json(_as_json(connection, source))
        else:
            console.write_json({name: _as_json(connection, name) for name in names})


def _as_json(connection: Connection, source: str) -> dict[str, object]:
    """The metrics and the last sessions of `source`, under the names that other commands use."""
    recent = history(connection, source, limit=_HISTORY_LIMIT)
    numbers = metrics_of(connection, source)
    last = None if numbers.last_sync_at is None else from_milliseconds(numbers.last_sync_at)
    return {
        "metrics": numbers.model_dump(by_alias=False) | {"last_sync_at": last},
        "history": [as_object(session) for session in recent],
    }


def _print(instance: Instance, found: Mapping[str, Metrics]) -> None:
    print_table(_COLUMNS, [_row(instance, name, numbers) for name, numbers in found.items()])


def _row(instance: Instance, name: str, numbers: Metrics) -> list[str | Text]:
    last = None if numbers.last_sync_at is None else from_milliseconds(numbers.last_sync_at)
    return [
        name,
        number(numbers.total_syncs),
        number(numbers.successful_syncs),
        number(numbers.failed_syncs),
        f"{numbers.success_rate:.1f} %" if numbers.total_syncs else "-",
        span(numbers.avg_duration_ms / 1000) if numbers.total_syncs else "-",
        ago(last, instance.now()),
        "-" if numbers.last_sync_status is None else outcome(numbers.last_sync_status),
    ]
