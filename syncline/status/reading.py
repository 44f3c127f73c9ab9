"""Reading the report: a fixed number of statements for all sources, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from syncline.clock import microseconds
from syncline.kernel_settings import KernelSettings
from syncline.model.source import Source
from syncline.status.judgement import report
from syncline.status.overview import overview
from syncline.status.protection import protections
from syncline.status.report import Report
from syncline.status.row_counts import CountedTable
from syncline.status.schedules import Schedules
from syncline.store import drains
from syncline.store.engine import Store

__all__ = ["read_report"]


def read_report(
    store: Store,
    settings: KernelSettings,
    sources: Iterable[Source],
    schedules: Schedules,
    tables: Mapping[str, CountedTable] | None = None,
) -> Report:
    """The report on `sources`, as things are now; `tables` are theirs, unless they declare them.

    It may run a moment in the calling thread, which must not be that of an event loop.

    Raises:
        DatabaseUnavailableError: the database cannot be reached.
    """
    sources = tuple(sources)
    protection, now = protections(store, sources), store.clock.now()
    missing = {source.name: source.missing(settings) for source in sources}
    have_accounts = any(source.accounts is not None and missing[source.name] is None for source in sources)
    with store.read() as connection:
        seen = overview(connection, sources, now, tables)
        waited = drains.unattended_seconds(connection, now_us=microseconds(now)) if have_accounts else None
    return report(seen, protection, schedules, missing, now, unattended_seconds=waited)
