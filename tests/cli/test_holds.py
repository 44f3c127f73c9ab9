"""`syncline pause` and `resume`: holds, and who set them."""

import asyncio
import json
from collections.abc import Callable, Sequence
from subprocess import CompletedProcess

import pytest

from cli.holds import start_deferred
from cli.instance import Instance, actor
from syncline.errors import PrefectUnavailableError
from syncline.model.target import Target
from syncline.store import audit, holds
from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]


def _held(store: Store) -> list[tuple[str, str, str]]:
    with store.read() as connection:
        found = holds.active_all(connection, now=store.clock.now())
        return [(hold.source, hold.reason, hold.created_by) for hold in found]


def test_a_pause_holds_the_source_and_says_until_when(syncline: Syncline, store: Store) -> None:
    """Order creation must not meet a sync, and the pause must end by itself."""
    done = syncline("pause", "products", "--reason", "order creation", "--for", "10m")
    assert (done.returncode, done.stdout) == (0, "products paused for 10m: order creation\n")
    with store.read() as connection:
        hold = holds.active(connection, Target("products"), now=store.clock.now())
    assert hold is not None
    assert hold.expires_at is not None
    assert (hold.expires_at - hold.created_at).total_seconds() == 600


def test_a_pause_without_an_end_lasts_until_resumed(syncline: Syncline, store: Store) -> None:
    """Who does not know how long it takes must not have to guess."""
    assert "until `syncline resume`" in syncline("pause", "all", "--reason", "migration").stdout
    assert _held(store) == [("*", "migration", actor())]
    assert syncline("resume", "all").stdout == "all sources: 1 hold ended\n"
    assert _held(store) == []


def test_resume_ends_every_hold_of_the_source_and_no_other(syncline: Syncline, store: Store) -> None:
    """Holds nest; `resume` is the operator's word that all of them are over, for this source."""
    for source in ("products", "products", "customers"):
        syncline("pause", source, "--reason", "x")
    assert "2 holds ended" in syncline("resume", "products").stdout
    assert [source for source, *_ in _held(store)] == ["customers"]


def test_resume_all_ends_the_holds_of_single_sources_too(syncline: Syncline, store: Store) -> None:
    """After `resume all` nothing may be held any more."""
    syncline("pause", "products", "--reason", "x")
    syncline("pause", "all", "--reason", "y")
    assert "2 holds ended" in syncline("resume", "all").stdout
    assert _held(store) == []


def test_resume_tells_when_a_hold_of_all_sources_still_stands_in_the_way(syncline: Syncline, store: Store) -> None:
    """Otherwise its user would wait for a sync that does not come."""
    syncline("pause", "all", "--reason", "migration")
    done = syncline("resume", "products")
    assert "products: nothing was paused" in done.stdout
    assert "stays paused with all sources (migration): `syncline resume all` ends that" in done.stderr


def test_every_change_is_in_the_audit_log(syncline: Syncline, store: Store) -> None:
    """Who paused the shop's sync last night must be known in the morning."""
    syncline("pause", "products", "--reason", "order creation", "--for", "10m")
    syncline("resume", "products")
    with store.read() as connection:
        entries = audit.latest(connection)
    assert [(entry.actor, entry.action, entry.target) for entry in entries] == [
        (actor(), "hold.release", "products"),
        (actor(), "hold.create", "products"),
    ]
    shown = syncline("audit").stdout
    assert "hold.create" in shown
    assert "order creation" in shown
    listed = json.loads(syncline("audit", "--limit", "1", "--json").stdout)
    assert (listed[0]["action"], listed[0]["detail"]) == ("hold.release", {"released": 1})
    assert listed[0]["at"].endswith("Z")


def test_an_unknown_source_is_not_held(syncline: Syncline, store: Store) -> None:
    """A pause of a misspelled source would let the real one run on unseen."""
    assert syncline("pause", "product", "--reason", "x").returncode == 2
    assert _held(store) == []


def test_what_a_hold_deferred_is_started_when_it_ends(instance: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    """The order is created: the sync that waited for it need not wait for its next tick."""
    asked: list[str] = []

    async def go_on(opened: Instance, target: str) -> Sequence[str]:
        await asyncio.sleep(0)
        asked.append(target)
        return ["flow-run-1"]

    start_deferred(instance, "products", go_on)
    assert asked == ["products"]
    assert capsys.readouterr().out == "1 run deferred by it: starting now\n"


def test_a_hold_ends_also_where_prefect_is_away(instance: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    """The hold is ours; Prefect's absence must not keep it."""

    async def go_on(opened: Instance, target: str) -> Sequence[str]:
        await asyncio.sleep(0)
        raise PrefectUnavailableError(opened.settings.prefect_api, "ConnectError")

    start_deferred(instance, "products", go_on)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "goes on with its next scheduled run" in captured.err
