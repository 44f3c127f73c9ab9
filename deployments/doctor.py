"""What is wrong with an instance, and how to mend it: its files, settings, database, Prefect, and its budgets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from sqlalchemy import Connection, select
from sqlmodel import col

from deployments.account_plan import crowded, load_of, unfit
from deployments.budget_plan import budget_loads, complaint, line
from deployments.client import open_client
from deployments.local.running_code import changed_code, changed_code_warning
from deployments.preflight import check_deployments, check_upstreams, missing_warning, unknown_warning
from deployments.schedules.plan import planned
from deployments.secrets_file import short_secrets
from flows.registry import sources, sources_with_dataset
from syncline.clock import microseconds
from syncline.errors import ConfigurationError, PrefectUnavailableError, SynclineError
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession
from syncline.model.source import Source
from syncline.settings import INTERVAL_VARIABLES, SECRET_BYTES, Settings
from syncline.status.problems import unattended
from syncline.store import drains, schedules, schema
from syncline.store.engine import Store

__all__ = ["Finding", "Verdict", "examine", "examine_accounts", "examine_plan"]

_RECENT = 20


class Verdict(StrEnum):
    """How a part is."""

    OK = "ok"
    WARNING = "warning"
    """It works, but the operator should know."""
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One part of an instance.

    Attributes:
        part: what was looked at.
        said: what was found, and how to mend it.
    """

    part: str
    verdict: Verdict
    said: str


def examine(settings: Settings, store: Store) -> Iterator[Finding]:
    """Look at everything, from the files to the budgets."""
    yield _tried("deployments", check_deployments, "each source has a deployment, and each deployment a source")
    yield _tried("upstreams", lambda: check_upstreams(settings), "addresses and credentials can be used")
    for said in (missing_warning(settings), unknown_warning(settings)):
        if said is not None:
            yield Finding(part="upstreams", verdict=Verdict.WARNING, said=said)
    yield from _secrets(settings)
    changed = changed_code(settings)
    if changed:
        yield Finding(part="code", verdict=Verdict.WARNING, said=changed_code_warning(changed))
    database = _tried("database", lambda: _check_database(store), f"{store.url.get_backend_name()}, up to date")
    yield database
    yield _prefect(settings)
    is_there = database.verdict is Verdict.OK
    yield from examine_accounts(settings, store if is_there else None)
    yield from examine_plan(settings, store if is_there else None)


def examine_accounts(settings: Settings, store: Store | None = None) -> Iterator[Finding]:
    """Look whether accounts can be kept as fresh as the settings ask, and whether anybody works on what is due."""
    try:
        load = None if store is None else load_of(store, settings)
        wrong = list(unfit(settings, p95_seconds=0 if load is None else load.p95_seconds))
        lines = [] if load is None else list(crowded(load, settings))
    except ConfigurationError as error:
        wrong, lines, load = [str(error)], [], None
    for said in wrong:
        yield Finding(part="accounts", verdict=Verdict.ERROR, said=said)
    for said, remedy in lines:
        verdict = Verdict.OK if remedy is None else Verdict.ERROR
        yield Finding(part="accounts", verdict=verdict, said=said if remedy is None else f"{said}: {remedy}")
    if store is not None and load is not None:
        with store.read() as connection:
            waited = drains.unattended_seconds(connection, now_us=microseconds(store.now(connection)))
        if waited is not None:
            yield Finding(part="accounts", verdict=Verdict.ERROR, said=unattended(waited))


def examine_plan(settings: Settings, store: Store | None = None) -> Iterator[Finding]:
    """Look at the budgets alone: as files and environment plan them, or, with a `store`, as they really run."""
    overrides, measured = ({}, {}) if store is None else _reality(store)
    in_force = settings.intervals.keys() - overrides.keys()
    variables = {source: name for source, name in INTERVAL_VARIABLES.items() if source in in_force}
    for load in budget_loads(planned(settings), overrides=overrides, measured=measured):
        said = complaint(load, variables)
        verdict = Verdict.OK if said is None else Verdict.ERROR
        yield Finding(part="budget", verdict=verdict, said=line(load) if said is None else f"{line(load)}: {said}")


def _tried(part: str, check: Callable[[], object], well: str) -> Finding:
    try:
        check()
    except SynclineError as error:
        return Finding(part=part, verdict=Verdict.ERROR, said=str(error))
    return Finding(part=part, verdict=Verdict.OK, said=well)


def _check_database(store: Store) -> None:
    schema.require_current(store)
    schema.require_columns(store, {source.required_dataset.table for source in sources_with_dataset()})


def _secrets(settings: Settings) -> Iterator[Finding]:
    known = {
        "SYNCLINE_JWT_SECRET": settings.jwt_secret,
        "CRON_SECRET": settings.cron_secret,
        "INTERNAL_API_KEY": settings.internal_api_key,
    }
    if settings.prefect_api_url is None:
        known["SYNCLINE_PREFECT_SECRET"] = settings.prefect_secret
    for name, value in known.items():
        if value is None:
            said = f"{name} is not set, so its door is closed: `syncline up` makes one"
            yield Finding(part="secrets", verdict=Verdict.WARNING, said=said)
    short = short_secrets(settings)
    for name in short:
        said = f"{name} is shorter than {SECRET_BYTES} bytes, so its door is closed: take a longer one, or unset it"
        yield Finding(part="secrets", verdict=Verdict.ERROR, said=f"{said} and `syncline up` makes one")
    if all(known.values()) and not short:
        yield Finding(part="secrets", verdict=Verdict.OK, said="all are set")


def _prefect(settings: Settings) -> Finding:
    async def ask() -> None:
        async with open_client(settings) as client:
            await client.read_flows(limit=1)  # which needs the password, other than its health

    try:
        asyncio.run(ask())
    except ConfigurationError as error:
        return Finding(part="prefect", verdict=Verdict.ERROR, said=str(error))
    except PrefectUnavailableError as error:
        return Finding(part="prefect", verdict=Verdict.WARNING, said=f"{error}; until then nothing runs by itself")
    return Finding(part="prefect", verdict=Verdict.OK, said="its server answers")


def _reality(store: Store) -> tuple[dict[str, float], dict[str, float]]:
    """The intervals that operators set, and the requests that the runs of each source send as a rule."""
    with store.read() as connection:
        measured = {one.name: _requests(connection, one) for one in sources()}
        return dict(schedules.overrides(connection)), measured


def _requests(connection: Connection, source: Source) -> float:
    """The median of its last good runs; full passes are not the rule where a source reads changes."""
    recent = select(col(SyncSession.requests)).where(
        col(SyncSession.source) == source.name, col(SyncSession.status) == Status.COMPLETED
    )
    if source.dataset is not None and source.dataset.pages.incremental:
        recent = recent.where(col(SyncSession.mode) == Mode.INCREMENTAL)
    found = connection.execute(recent.order_by(col(SyncSession.started_at).desc()).limit(_RECENT)).scalars().all()
    return float(median(found)) if found else 0
