"""Refused credentials: the source is held until an operator resumes it, or until its settings have changed.

An account gets locked if a revoked token or an old password is tried again and again. So a refusal (401, or 403 that is
not about the rate) holds the source that met it: ticks are skipped with the reason until `syncline resume`, or until
the upstream's settings differ from those that were refused. Each source of an upstream is held on its own, when it is
refused itself: a 403 may concern only what one of them reads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from syncline.errors import ConfigurationError, RefusedError
from syncline.kernel_settings import KernelSettings
from syncline.model.page import Transport
from syncline.model.records import Hold
from syncline.model.source import Source
from syncline.store import audit, holds
from syncline.store.engine import Store
from syncline.upstreams.auth import is_sealed

__all__ = ["hold", "release_changed"]

_ACTOR = "syncline"
_CREDENTIALS = (401, 403)
_LONGEST_REASON = 500


@runtime_checkable
class _Sealing(Protocol):
    """A transport that can identify its credentials without showing them."""

    def seal(self) -> str:
        """A digest of the credentials."""
        ...


def hold(
    store: Store, source: Source, transport: Transport | None, error: RefusedError, *, account_id: str | None = None
) -> Hold | None:
    """Hold `source` because its credentials were refused; returns the existing hold if there is one.

    None if `error` does not come from an answer that refuses credentials. The hold names the settings to check; it
    keeps a slow, salted digest of what was refused, never a credential.
    """
    if error.status not in _CREDENTIALS:
        return None
    seal = transport.seal() if isinstance(transport, _Sealing) else None
    now = store.clock.now()
    with store.write() as connection:
        known = holds.of_refusals(connection, source.name, account_id=account_id, now=now)
        if known:
            return known[0]
        made = holds.create(
            connection,
            source.name,
            reason=str(error)[:_LONGEST_REASON],
            created_by=_ACTOR,
            now=now,
            ttl_seconds=None,
            account_id=account_id,
            refused=seal or "",
        )
        detail = {"id": made.id, "reason": made.reason}
        audit.record(connection, actor=_ACTOR, action="hold.create", target=source.name, now=now, detail=detail)
    return made


def release_changed(
    store: Store, source: Source, settings: Callable[[], KernelSettings], *, account_id: str | None = None
) -> int:
    """Release holds whose refused credentials have changed since; returns how many. Call it before admission.

    `settings` is called only if there is such a hold: reading settings takes longer than looking for a hold.
    """
    now = store.clock.now()
    with store.read() as connection:
        known = holds.of_refusals(connection, source.name, account_id=account_id, now=now)
    stale = [one for one in known if one.refused and _differ(one.refused, source, settings())]
    if not stale:
        return 0
    with store.write() as connection:
        released = [one for one in stale if holds.release(connection, one.id, now=now) is not None]
        for one in released:
            detail = {"id": one.id, "why": f"the settings of the upstream {source.upstream.name} have changed"}
            audit.record(connection, actor=_ACTOR, action="hold.release", target=source.name, now=now, detail=detail)
    return len(released)


def _differ(seal: str, source: Source, settings: KernelSettings) -> bool:
    """Whether `settings` differ from those that were refused; False if the upstream's are not set now."""
    try:
        return not is_sealed(seal, source.upstream, settings)
    except ConfigurationError:
        return False
