"""Deployments without an upstream, on a real Prefect server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from prefect import flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from prefect.runner import Runner
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from support.instance import Instance

from deployments.client import open_client
from deployments.schedules.apply import UNCONFIGURED_TAG, is_stopped, pause_unconfigured
from deployments.schedules.plan import interval_schedule
from deployments.serving import register
from syncline.settings import UpstreamSettings

pytestmark = pytest.mark.slow
T = TypeVar("T")
NAME = "sync-resting/resting"


@flow(name="sync-resting")
async def sync_resting() -> None:
    """Never run."""


async def _made(client: PrefectClient) -> DeploymentResponse:
    """A deployment with a schedule that is on and one that an operator stopped, as an earlier start left it."""
    flow_id = await client.create_flow(sync_resting)
    schedule = interval_schedule(3600, anchor=None)
    on, off = (DeploymentScheduleCreate(slug=slug, schedule=schedule, active=slug == "on") for slug in ("on", "off"))
    deployment_id = await client.create_deployment(flow_id, "resting", schedules=[on, off], tags=["feeds"])
    await client.resume_deployment(deployment_id)
    return await client.read_deployment(deployment_id)


async def _standing(client: PrefectClient) -> tuple[bool, dict[str | None, bool], bool]:
    """Whether it is paused, which of its schedules are on, and whether it has our tag."""
    found = await client.read_deployment_by_name(NAME)
    return (
        found.paused,
        {schedule.slug: schedule.active for schedule in found.schedules},
        UNCONFIGURED_TAG in found.tags,
    )


def _with(served: Instance, work: Callable[[PrefectClient], Awaitable[T]]) -> T:
    async def ran() -> T:
        async with open_client(served.settings) as client:
            made = await _made(client)
            try:
                return await work(client)
            finally:
                await client.delete_deployment(made.id)

    return asyncio.run(ran())


def test_a_deployment_rests_and_its_schedules_stay_as_the_operator_left_them(served: Instance) -> None:
    """The stopped schedule must not start because an address came back."""

    async def work(client: PrefectClient) -> list[object]:
        first, again = await pause_unconfigured(client, NAME), await pause_unconfigured(client, NAME)
        return [first, again, await _standing(client), await is_stopped(client, NAME)]

    assert _with(served, work) == [True, False, (True, {"on": True, "off": False}, True), False]


def test_an_operators_own_pause_is_not_taken_for_ours(served: Instance) -> None:
    """It was made in Prefect's UI, for reasons of its own."""

    async def work(client: PrefectClient) -> list[bool]:
        await client.pause_deployment((await client.read_deployment_by_name(NAME)).id)
        return [await pause_unconfigured(client, NAME), await is_stopped(client, NAME)]

    assert _with(served, work) == [False, True]


def test_what_prefect_does_not_know_needs_no_rest(served: Instance) -> None:
    """The first start of a shop that has no feeds."""

    async def work(client: PrefectClient) -> list[bool]:
        return [
            await pause_unconfigured(client, "sync-nothing/nothing"),
            await is_stopped(client, "sync-nothing/nothing"),
        ]

    assert _with(served, work) == [False, False]


async def _quests(client: PrefectClient) -> DeploymentResponse | None:
    try:
        return await client.read_deployment_by_name("sync-quests/quests")
    except ObjectNotFound:
        return None


def test_only_sources_that_are_set_up_are_served(calm: Instance) -> None:
    """An address switches a source on at the next start, and its loss off; the rest of what Prefect knows stays."""
    feed = UpstreamSettings(base_url=f"{calm.box.url}/feeds/quests")
    with_quests = calm.settings.model_copy(update={"upstreams": calm.settings.upstreams | {"quests": feed}})

    async def work() -> list[bool | None]:
        paused: list[bool | None] = []
        async with open_client(calm.settings) as client:
            for settings in (calm.settings, with_quests, calm.settings, with_quests):
                await register(settings, calm.store, Runner(name="test", pause_on_shutdown=False))
                found = await _quests(client)
                paused.append(None if found is None else found.paused)
            assert found is not None
            await client.pause_deployment(found.id)
            await register(with_quests, calm.store, Runner(name="test", pause_on_shutdown=False))
            paused.append((await client.read_deployment(found.id)).paused)
            await client.delete_deployment(found.id)
        return paused

    theirs = calm.settings
    known: dict[Any, str | None] = {PREFECT_API_URL: theirs.prefect_api, PREFECT_API_AUTH_STRING: theirs.prefect_auth}
    with temporary_settings(known):
        assert asyncio.run(work()) == [None, False, True, False, True]
