"""The services of a contest together, in real processes: a round is frozen, a hang harms no other, a stall is seen."""

import asyncio
import os
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from support.hurried import TIMEOUT_SECONDS
from support.instance import Instance, eventually
from support.served_contest import (
    MENTIONS,
    SERVICES,
    artifact,
    contest,
    free_slots,
    health,
    run,
    slow_down,
    started,
    statuses,
)

from deployments import controls
from flows.registry import find
from flows.x import X
from syncline.contests import snapshots
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.target import Target
from syncline.resilience.budget_state import Granted
from syncline.store import holds, leases, schedules
from syncline.store.budgets import Budgets

pytestmark = pytest.mark.slow

MENTIONS_PATH, LOOKUPS_PATH = "/x/2/users/*/mentions", "/x/2/tweets"
SOON_SECONDS = 20
"""Sooner than a request's own time limit of 30 s would end it, also on a busy machine."""
EVERY_SECONDS = 10


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, prefect_home: Callable[[Path], None]) -> Iterator[Instance]:
    """A contest whose services have run once."""
    home = tmp_path_factory.mktemp("contest")
    prefect_home(home)
    with contest(home) as instance:
        for service in SERVICES:
            eventually(lambda service=service: ended(instance, service), f"first run of {service}")
        yield instance


@pytest.fixture
def instance(begun: Instance) -> Iterator[Instance]:
    """The contest, with all of X well."""
    yield begun
    begun.box.faults.clear()


def ended(instance: Instance, service: str) -> SyncSession | None:
    return next((one for one in instance.sessions(service) if one.completed_at is not None), None)


def test_the_four_services_run_side_by_side_and_a_round_is_frozen(instance: Instance) -> None:
    """What the contest is for: nobody is refused by X, and what was frozen is on record, shown, and told once."""
    first = {service: instance.sessions(service)[-1] for service in SERVICES}
    assert {(one.status, one.trigger) for one in first.values()} == {(Status.COMPLETED, Trigger.SCHEDULE)}
    assert first["twitter_poller"].items_created == MENTIONS
    flow_run_id = asyncio.run(started(instance, "sync-freeze_coordinator/freeze_round", round_number=1))
    frozen = instance.session_of(flow_run_id, "completed", "partial", "failed", "deferred")
    with instance.store.read() as connection:
        snapshot = snapshots.find(connection, 1)
    assert (frozen.status, frozen.reason) == (Status.COMPLETED, None)
    assert snapshot is not None
    assert snapshot.entries >= MENTIONS
    assert (frozen.items_processed, frozen.requests) == (snapshot.entries, ceil(snapshot.entries / 50))
    (told,) = instance.box.inbox.accepted()
    assert told.body["data"]["content_hash"] == snapshot.content_hash
    shown = asyncio.run(artifact(instance, flow_run_id, "freeze-coordinator-progress"))
    assert (shown.type, shown.data) == ("progress", 100)
    assert shown.description is not None
    assert f"round 1: {snapshot.entries} of {snapshot.entries} entries checked (100 %)" in shown.description
    assert f"batch {frozen.requests} of {frozen.requests} took" in shown.description
    windows = instance.box.x.windows
    assert {name: window.refused for name, window in windows.items()} == {"mentions": 0, "lookups": 0}
    assert all(window.admitted > 0 for window in windows.values())


@pytest.mark.parametrize(
    ("hanging", "path", "others"),
    [
        ("twitter_poller", MENTIONS_PATH, ("validate_entries", "products", "quests")),
        ("fast_delete_sweep", LOOKUPS_PATH, ("twitter_poller", "products", "quests")),
    ],
)
def test_a_hang_of_one_endpoint_harms_no_other_service(
    instance: Instance, hanging: str, path: str, others: tuple[str, ...]
) -> None:
    """The service that hangs is ended by its hard timeout, and gives all back; the others do not even come late."""
    instance.box.x.tweets.add(3)
    instance.session_of(run(instance, "twitter_poller"), "completed")
    instance.box.requests.clear()
    hang = instance.box.faults.add("hang", path=path, count=None)
    stuck = asyncio.run(started(instance, f"sync-{hanging}/hurried"))
    eventually(lambda: hang.struck, "request that hangs")
    done = [instance.session_of(one, "completed") for one in [run(instance, other) for other in others]]
    told = health(instance)
    assert instance.session_of(stuck, "running").completed_at is None
    assert {statuses(told)[name] for name in (*others, hanging)} == {"HEALTHY"}
    failed = instance.session_of(stuck, "failed")
    assert failed.completed_at is not None
    assert all(one.completed_at is not None and one.completed_at < failed.completed_at for one in done)
    assert (failed.error_type, failed.error_message) == (
        "TimeoutError",
        f"the run took longer than timeout_seconds={TIMEOUT_SECONDS:g}",
    )
    assert 0 <= (failed.completed_at - failed.started_at).total_seconds() - TIMEOUT_SECONDS < SOON_SECONDS
    with instance.store.read() as connection:
        lease = leases.holder(connection, Target(hanging))
    assert lease is None or leases.has_run_out(lease, failed.id, now=instance.store.clock.now())
    eventually(lambda: asyncio.run(free_slots(instance, hanging)), "free slot of the limit")
    after = health(instance, hanging)
    assert (after["status"], after["error_count"]) == ("FAILING", 1)
    assert after["last_duration_ms"] >= TIMEOUT_SECONDS * 1_000
    assert health(instance)["stalled_services"] == []


@contextmanager
def stopped(instance: Instance) -> Generator[None]:
    """The runner neither runs nor ends meanwhile, as on a machine that sleeps."""
    os.killpg(instance.runners[0].pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(instance.runners[0].pid, signal.SIGCONT)


@pytest.fixture
def spent(instance: Instance) -> Iterator[Instance]:
    """The contest, whose budget of mentions is spent, and whose poll is expected every few seconds."""
    (mentions,) = (key for key in X.budget_keys if key.name == "x:mentions")
    while isinstance(Budgets(instance.store).acquire([mentions]), Granted):
        pass
    now = instance.store.clock.now()
    with instance.store.write() as connection:
        schedules.override(connection, "twitter_poller", interval_seconds=EVERY_SECONDS, changed_by="ann", now=now)
    yield instance
    with instance.store.write() as connection:
        connection.execute(text("DELETE FROM budgets WHERE key = 'x:mentions'"))
    slow_down(instance.store, "twitter_poller")


def is_silent(told: dict[str, Any], *services: str) -> bool:
    """Whether the last runs of these are longer ago than twice their interval."""
    ages = {find(one["service"]).name: one["age_seconds"] for one in told["services"]}
    return all(ages[service] > 2 * EVERY_SECONDS for service in services)


def test_a_stall_is_seen_and_what_explains_a_silence_is_no_stall(spent: Instance) -> None:
    """A monitor that reads one page knows of a service that should run, and does not; it is not woken for a wait."""
    service = "freeze_coordinator"
    spent.session_of(run(spent, "twitter_poller"), "deferred")
    asyncio.run(controls.start(spent.settings, spent.store, service, every_seconds=EVERY_SECONDS, actor="ann"))
    eventually(lambda: statuses(health(spent))[service] == "HEALTHY", "run of the coordinator")
    with stopped(spent):
        told = eventually(lambda: _silent(spent, service, "twitter_poller"), "silence")
        assert set(told) == {"timestamp", "services", "stalled_services", "x_api_status", "budgets"}
        assert {frozenset(one) for one in told["services"]} == {
            frozenset({"service", "last_run", "age_seconds", "status"})
        }
        assert statuses(told) | {"twitter_poller": "WAITING", service: "STALLED"} == statuses(told)
        assert told["stalled_services"] == ["freezeCoordinator"]
        tokens, capacities = told["x_api_status"], {"mentions": 10, "tweetLookup": 15}
        assert {name: one["capacity"] for name, one in tokens.items()} == capacities
        assert 0 <= tokens["mentions"]["tokens"] < 1
        assert 1 < tokens["tweetLookup"]["tokens"] <= 15
        alone = health(spent, "twitterPoller")
        assert (alone["service"], alone["status"]) == ("twitterPoller", "WAITING")
        assert alone.keys() > {"service", "last_run", "age_seconds", "status"}
        assert health(spent, "freezeCoordinator")["status"] == "STALLED"
        with spent.store.write() as connection:
            now = spent.store.clock.now()
            holds.create(connection, Target(service), reason="stocktaking", created_by="ann", now=now, ttl_seconds=600)
        told = health(spent)
        assert (statuses(told)[service], told["stalled_services"]) == ("PAUSED", [])
        with spent.store.write() as connection:
            holds.release_all(connection, Target(service), now=spent.store.clock.now())
        assert health(spent)["stalled_services"] == ["freezeCoordinator"]
        asyncio.run(controls.stop(spent.settings, spent.store, service, actor="ann"))
        told = health(spent)
        assert (statuses(told)[service], told["stalled_services"]) == ("STOPPED", [])
    asyncio.run(controls.start(spent.settings, spent.store, service, every_seconds=EVERY_SECONDS, actor="ann"))
    eventually(lambda: statuses(health(spent))[service] == "HEALTHY", "run after the stall")
    asyncio.run(controls.stop(spent.settings, spent.store, service, actor="ann"))


def _silent(instance: Instance, *services: str) -> dict[str, Any] | None:
    told = health(instance)
    return told if is_silent(told, *services) else None


def test_a_service_that_there_is_not_is_404(instance: Instance) -> None:
    """A misspelled monitor must not report that all is well."""
    url = f"http://127.0.0.1:{instance.settings.web_port}/health/cron/twitterPooler"
    assert httpx.get(url, timeout=120, trust_env=False).status_code == 404
