"""What `syncline accounts` changes of one account, and what it says of that."""

from __future__ import annotations

import json
from collections.abc import Iterable

from cli import console, durations, registry
from cli.accounts_table import found
from cli.instance import Instance, actor, opened
from cli.options import EVERY
from syncline.errors import ConfigurationError
from syncline.jobs import account_controls, account_settings, registration
from syncline.jobs.account_controls import Pause
from syncline.jobs.account_json import account_json
from syncline.jobs.registration import Registered
from syncline.model.source import Source
from syncline.model.tables import Hold
from syncline.store import account_removal
from syncline.store.holds import EVERY_SOURCE
from syncline.words import counted, iso_instant

__all__ = ["add_one", "change_one", "pause_one", "remove_one", "resume_one", "touch_one"]

_AT_ONCE = 20_000
"""So many rows of a removed account are deleted while its remover waits; the rest goes later."""


def add_one(source: Source, external_id: str, *, user: str | None, sets: Iterable[str], as_json: bool) -> None:
    """Register the account and say what became of it."""
    with opened() as instance:
        wanted = registration.wanted(
            source,
            user_id=user or actor(),
            external_id=external_id,
            settings=_values(sets),
            limits=instance.settings.accounts,
        )
        done = registration.register(instance.store, wanted, actor=actor())
    if as_json:
        told = account_json(done.account, str).model_dump()
        console.write_json(told | {"created": done.is_new, "job_id": done.job_id})
    else:
        console.line(_registered(done))


def _registered(done: Registered) -> str:
    account = done.account
    was = "added" if done.is_new else "there already"
    return f"{account.id} {was} ({account.external_id} of {account.user_id}); job {done.job_id} is queued, high"


def change_one(account_id: str, changes: Iterable[str], *, version: int | None, as_json: bool) -> None:
    """Change the settings, if any are named, and show them."""
    wanted = _values(changes)
    with opened() as instance:
        account = found(instance, account_id)
        if wanted:
            account = account_controls.change_settings(
                instance.store,
                account_id,
                wanted,
                kind=registration.kind_of(registry.find(account.source)),
                limits=instance.settings.accounts,
                actor=actor(),
                version=version,
            )
    shown = account_settings.shown(account.settings)
    if as_json:
        console.write_json({"id": account.id, "version": account.version, "settings": shown})
        return
    for name, value in shown.items():
        console.line(f"{name}={value if isinstance(value, str) else json.dumps(value)}")
    if not shown:
        console.line(f"{account.id} has no settings of its own: it is as its source has it")


def touch_one(account_id: str) -> None:
    """Record activity and say when the account is due."""
    with opened() as instance:
        account = account_controls.touch(instance.store, account_id)
        console.line(
            f"{account.id}: its user was seen at {iso_instant(instance.now())}; its weight is {account.weight:g}"
        )


def pause_one(account_id: str, *, reason: str, lasting: str | None) -> None:
    """Pause the account and say until when."""
    if not reason.strip():
        raise ConfigurationError("--reason must say why")
    seconds = None if lasting is None else durations.seconds(lasting, option="--for", most=7 * durations.DAY)
    with opened() as instance:
        account_controls.pause(
            instance.store, account_id, Pause(by=actor(), reason=reason.strip(), ttl_seconds=seconds)
        )
    until = "until it is resumed" if seconds is None else f"for {durations.compact(seconds)}"
    console.line(f"{account_id} paused {until}: {reason.strip()}")


def resume_one(account_id: str, *, everyone: bool) -> None:
    """End pauses and say which one still stands in the way."""
    with opened() as instance:
        done = account_controls.resume(instance.store, account_id, by=actor(), is_operator=True, everyone=everyone)
    console.line(f"{account_id}: {counted(done.ended, 'hold')} ended; it is {done.account.state.value}")
    for hold in done.left:
        console.warn(f"it stays stopped by {hold.created_by} ({hold.reason}){_way_out(hold)}")


def _way_out(hold: Hold) -> str:
    if hold.account_id:
        return ": `syncline accounts resume ACCOUNT --all` ends that too"
    return f": `syncline resume {EVERY if hold.source == EVERY_SOURCE else hold.source}` ends that"


def remove_one(account_id: str) -> None:
    """Remove the account, and delete its rows; many go on being deleted later."""
    with opened() as instance:
        account_controls.remove(instance.store, account_id, actor=actor())
        deleted = _deleted(instance)
    console.line(f"{account_id} is removed: {deleted}")


def _deleted(instance: Instance) -> str:
    deleted = account_removal.purge_removed(instance.store, _AT_ONCE)
    left = account_removal.count_removed(instance.store)
    rest = f", {left:,} are left and go later (`syncline prune-history`)" if left else ""
    return f"{counted(deleted, 'row')} deleted{rest}"


def _values(changes: Iterable[str]) -> dict[str, object]:
    """Settings as they are typed: NAME=JSON, NAME=text, or NAME= for none.

    Raises:
        ConfigurationError: one has no name.
    """
    values: dict[str, object] = {}
    for change in changes:
        name, separator, text = change.partition("=")
        if not separator or not name.strip():
            raise ConfigurationError(f"{name or change!r}: write settings as NAME=VALUE, such as frequency_seconds=600")
        try:
            values[name.strip()] = json.loads(text) if text.strip() else None
        except ValueError:
            values[name.strip()] = text.strip()
    return values
