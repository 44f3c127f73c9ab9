"""The concurrency limit `source:NAME` in Prefect: an operator's knob, held by each admitted run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from prefect import get_client, get_run_logger
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.objects import ConcurrencyLeaseHolder, FlowRun
from prefect.concurrency.asyncio import (
    AcquireConcurrencySlotTimeoutError,
    ConcurrencySlotAcquisitionError,
    concurrency,
)
from prefect.concurrency.context import ConcurrencyContext
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectHTTPStatusError
from prefect.logging import get_logger

from syncline.model.session import Status
from syncline.model.source import Source
from tasks.due import current_flow_run
from tasks.early_end import EarlyEnd, EndRun
from tasks.run import Run

__all__ = ["LEASE_LABEL", "LEASE_SECONDS", "hold_limit", "label_lease", "limit_name", "make_limit", "release_limit"]

LEASE_LABEL = "syncline.limit-lease"
"""The flow run's label that names its lease on the limit, so that the lease of a dead run can be freed."""
LEASE_SECONDS = 60
"""Prefect frees the slot this long after the last sign of life of its holder; its shortest."""
RETRY_AFTER_SECONDS = 60
_LOOK_SECONDS = 10


def limit_name(source: str) -> str:
    """The name of a source's limit."""
    return f"source:{source}"


async def hold_limit(run: Run) -> None:
    """Take a slot of the source's limit until the run ends; a run that waits longer than its patience is deferred.

    Without a flow run (a test by `.fn`) there is no limit; a limit that an operator switched off stops no run.
    """
    flow_run = current_flow_run()
    if flow_run is None:
        return
    try:
        await _take_or_make(run, flow_run)
    except AcquireConcurrencySlotTimeoutError:
        if await _is_full(run.source.name):
            raise EndRun(_deferred(run)) from None
        _say_without(run, "the server was too slow")
    except Exception as error:  # noqa: BLE001 - the source's own lease keeps runs apart; this limit is an operator's knob
        _say_without(run, f"{type(error).__name__}")


async def make_limit(client: PrefectClient, source: str) -> bool:
    """Make the source's limit (one run at a time); False where there is one already, which stays as it is."""
    name = limit_name(source)
    try:
        await client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        try:
            await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))
        except (ObjectAlreadyExists, PrefectHTTPStatusError):
            return False
        return True
    return False


async def release_limit(flow_run_id: UUID) -> None:
    """Free the slot of a flow run that died, which Prefect itself would do when its lease runs out."""
    async with get_client() as client:
        flow_run = await client.read_flow_run(flow_run_id)
        lease = flow_run.labels.get(LEASE_LABEL)
        if isinstance(lease, str):
            await client.request("POST", "/v2/concurrency_limits/decrement-with-lease", json={"lease_id": lease})


async def _take_or_make(run: Run, flow_run: FlowRun) -> None:
    """Take a slot; of a limit that is missing, once it is made."""
    try:
        await _take(run, flow_run)
    except ConcurrencySlotAcquisitionError:
        async with get_client() as client:
            made = await make_limit(client, run.source.name)
        if made:
            await _take(run, flow_run)


async def _take(run: Run, flow_run: FlowRun) -> None:
    await run.stack.enter_async_context(_slot(run.source, flow_run))
    held = ConcurrencyContext.get()
    if held is not None and held.cleanup_lease_ids:
        await label_lease(flow_run, str(held.cleanup_lease_ids[-1]))  # before any work: a run may be killed at once


@asynccontextmanager
async def _slot(source: Source, flow_run: FlowRun) -> AsyncGenerator[None]:
    """A slot of the source's limit; where it cannot be given back, Prefect frees it when its lease runs out."""
    slot = concurrency(
        limit_name(source.name),
        timeout_seconds=source.patience_seconds,
        lease_duration=LEASE_SECONDS,
        strict=True,
        raise_on_lease_renewal_failure=False,
        holder=ConcurrencyLeaseHolder(type="flow_run", id=flow_run.id),
    )
    await slot.__aenter__()
    try:
        yield
    finally:
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await slot.__aexit__(None, None, None)
        except Exception:  # noqa: BLE001 - it must not make work fail that is done
            get_logger("syncline").debug("the slot of flow run %s was not given back", flow_run.id, exc_info=True)


def _say_without(run: Run, why: str) -> None:
    get_run_logger().warning("running without a slot of %s: %s", limit_name(run.source.name), why)


async def label_lease(flow_run: FlowRun, lease_id: str) -> None:
    """Let the flow run say which lease on the limit is its own."""
    try:
        async with asyncio.timeout(_LOOK_SECONDS), get_client() as client:
            await client.update_flow_run_labels(flow_run.id, {LEASE_LABEL: lease_id})
    except Exception:  # noqa: BLE001 - without the label Prefect frees the slot itself, a minute after a crash
        get_logger("syncline").debug("flow run %s does not name its slot", flow_run.id, exc_info=True)


async def _is_full(source: str) -> bool:
    """Whether the limit has no free slot; a server that answered too late, or not at all, stops no run."""
    try:
        async with asyncio.timeout(_LOOK_SECONDS), get_client() as client:
            limit = await client.read_global_concurrency_limit_by_name(limit_name(source))
    except Exception:  # noqa: BLE001 - the source's own lease keeps runs apart; this limit is an operator's knob
        return False
    return limit.active_slots >= limit.limit


def _deferred(run: Run) -> EarlyEnd:
    name = limit_name(run.source.name)
    reason = f"the concurrency limit {name} had no free slot for {run.source.patience_seconds:g} s"
    retry_at = run.store.clock.now() + timedelta(seconds=RETRY_AFTER_SECONDS)
    return EarlyEnd(status=Status.DEFERRED, reason=reason, retry_at=retry_at)
