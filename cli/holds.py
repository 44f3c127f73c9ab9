"""`syncline pause` and `resume`: holds in the database, and the runs that they defer."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from cli import console, durations, registry
from cli.accounts_change import pause_one, resume_one
from cli.instance import Instance, actor, opened
from cli.options import EVERY, MaybeAccount, OneOrAll
from syncline.errors import ConfigurationError, SynclineError
from syncline.model.target import Target
from syncline.store import accounts, audit, holds
from syncline.words import counted

__all__ = ["GoOn", "hold", "pause", "release", "resume", "start_deferred", "tell_released"]

GoOn = Callable[[Instance, str], Coroutine[Any, Any, Sequence[str]]]
"""Starts what a hold of the named source (`*`: of any) deferred; returns the ids of the runs."""


def pause(
    source: OneOrAll,
    *,
    reason: Annotated[str, typer.Option(help="Why, as others will read it.", show_default=False)],
    lasting: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="DURATION", help="How long, such as 10m; else until resumed.", show_default=False
        ),
    ] = None,
    account: MaybeAccount = None,
) -> None:
    """Hold a source: a running sync stops before its next request, and goes on there when the hold ends.

    With --account, only that account of it.
    """
    if account is not None:
        pause_one(account, reason=reason, lasting=lasting)
        return
    if not reason.strip():
        raise ConfigurationError("--reason must say why")
    most = 7 * durations.DAY
    seconds = None if lasting is None else durations.seconds(lasting, option="--for", most=most)
    target = _target(source)
    with opened() as instance:
        hold(instance, target, reason=reason, ttl_seconds=seconds)
    until = "until `syncline resume`" if seconds is None else f"for {durations.compact(seconds)}"
    console.line(f"{_named(target)} paused {until}: {reason}")


def hold(instance: Instance, target: str, *, reason: str, ttl_seconds: int | None) -> None:
    """Put the hold and its audit entry in the database."""
    now, who = instance.now(), actor()
    with instance.store.write() as connection:
        made = holds.create(connection, Target(target), reason=reason, created_by=who, now=now, ttl_seconds=ttl_seconds)
        detail = {"id": made.id, "reason": reason, "ttl_seconds": ttl_seconds}
        audit.record(connection, actor=who, action="hold.create", target=target, now=now, detail=detail)


def resume(source: OneOrAll, *, account: MaybeAccount = None) -> None:
    """End all holds of a source (accounts keep theirs), and start what they deferred.

    With --account, those that operators made of that account.
    """
    if account is not None:
        resume_one(account, everyone=False)
        return
    target = _target(source)
    with opened() as instance:
        ended = release(instance, target)
        tell_released(instance, target, ended)
        if ended:
            start_deferred(instance, target, _deferred_runs)


def release(instance: Instance, target: str) -> int:
    """End the holds that name `target` (`*`: every hold there is); returns how many."""
    now, who = instance.now(), actor()

    def end(connection: Connection) -> int:
        of_all = target == holds.EVERY_SOURCE
        named = {one.source for one in holds.active_all(connection, now=now)} if of_all else {target}
        ended = {
            name: holds.release_all(connection, Target(name), now=now, with_accounts=of_all) for name in sorted(named)
        }
        for name, count in ended.items():
            if count:
                detail = {"released": count}
                audit.record(connection, actor=who, action="hold.release", target=name, now=now, detail=detail)
                accounts.settle(connection, now=now, source=name)
        return sum(ended.values())

    return instance.store.transact(end)


def tell_released(instance: Instance, target: str, ended: int) -> None:
    """Say how many holds ended, and which one still stands in the way."""
    console.line(
        f"{_named(target)}: {counted(ended, 'hold')} ended" if ended else f"{_named(target)}: nothing was paused"
    )
    if target == holds.EVERY_SOURCE:
        return
    with instance.store.read() as connection:
        left = holds.active(connection, Target(target), now=instance.now())
    if left is not None:
        console.warn(f"{target} stays paused with all sources ({left.reason}): `syncline resume {EVERY}` ends that")


def start_deferred(instance: Instance, target: str, go_on: GoOn) -> None:
    """Start what was deferred; without Prefect, it goes on with the next scheduled run."""
    try:
        started = asyncio.run(go_on(instance, target))
    except SynclineError as error:
        console.warn(f"what was deferred goes on with its next scheduled run ({error})")
        return
    if started:
        console.line(f"{counted(len(started), 'run')} deferred by it: starting now")


async def _deferred_runs(instance: Instance, target: str) -> Sequence[str]:
    from deployments import controls  # noqa: PLC0415 - loads Prefect, and is not always needed

    return await controls.resume_deferred(instance.settings, instance.store, target)


def _target(source: str) -> str:
    return holds.EVERY_SOURCE if source == EVERY else registry.find(source).name


def _named(target: str) -> str:
    return "all sources" if target == holds.EVERY_SOURCE else target
