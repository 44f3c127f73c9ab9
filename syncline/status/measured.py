"""Everything that is measured of each source: as quick with a million sessions as with ten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncline.model.session import SessionTotal, Tally
from syncline.status.report import Report, SourceReport
from syncline.status.tallies import Tallies
from syncline.store import totals
from syncline.store.engine import Store

__all__ = ["Measured", "measured"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One source, measured.

    Attributes:
        at: when it was measured.
        told: what the report says of it.
        totals: how many sessions had which status since the first.
        tally: what its sessions counted since the tallies' beginning.
        heartbeat_age: how long ago its last sign of life was; None before the first.
    """

    at: datetime
    told: SourceReport
    totals: Sequence[SessionTotal]
    tally: Tally
    heartbeat_age: timedelta | None

    @property
    def name(self) -> str:
        """The source."""
        return self.told.name


def measured(store: Store, report: Report, tallies: Tallies) -> list[Measured]:
    """What is measured of each source of `report`.

    Raises:
        DatabaseUnavailableError: the database cannot be reached.
    """
    with store.read() as connection:
        tallied, counted = tallies.read(connection, report.at), totals.of_all(connection)
    return [_measured(one, report, counted, tallied) for one in report.sources]


def _measured(
    one: SourceReport, report: Report, counted: Mapping[str, Sequence[SessionTotal]], tallied: Mapping[str, Tally]
) -> Measured:
    beat = one.seen.heartbeat
    return Measured(
        at=report.at,
        told=one,
        totals=counted.get(one.name, ()),
        tally=tallied.get(one.name, Tally()),
        heartbeat_age=None if beat is None else max(report.at - beat.last_beat, timedelta()),
    )
