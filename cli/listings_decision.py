"""Approving and rejecting listings: each is decided by itself, and each says what became of it."""

from collections.abc import Sequence

from cli import console
from cli.errors import FAILED
from cli.instance import Instance, actor, opened
from cli.listings_table import feed
from syncline.errors import ConfigurationError
from syncline.model.items import ItemStatus
from syncline.store.decisions import Decision, Outcome, decide

__all__ = ["approve", "reject"]


def approve(source: str, external_ids: Sequence[str]) -> int:
    """Make them live; returns the exit code."""
    return _decide_all(source, external_ids, Decision(status=ItemStatus.LIVE, actor=actor()))


def reject(source: str, external_ids: Sequence[str], *, reason: str) -> int:
    """Make them rejected; returns the exit code."""
    if not reason.strip():
        raise ConfigurationError("--reason must say something: it is what the next moderator reads")
    return _decide_all(source, external_ids, Decision(status=ItemStatus.REJECTED, actor=actor(), reason=reason.strip()))


def _decide_all(source: str, external_ids: Sequence[str], decision: Decision) -> int:
    name = feed(source)
    with opened() as instance:
        outcomes = [_decide(instance, name, external_id, decision) for external_id in external_ids]
    return FAILED if Outcome.GONE in outcomes else 0


def _decide(instance: Instance, source: str, external_id: str, decision: Decision) -> Outcome:
    with instance.store.write() as connection:
        outcome = decide(connection, source, external_id, decision, now=instance.now())
    if outcome is Outcome.GONE:
        console.complain(f"{source} {external_id}: there is no such listing, or no longer")
    else:
        already = " already" if outcome is Outcome.ALREADY else ""
        console.line(f"{source} {external_id}: {decision.status.value}{already}")
    return outcome
