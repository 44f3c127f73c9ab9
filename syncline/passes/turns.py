"""Whose turn it is at a source: what becomes of a run that meets others, decided from who they are."""

from __future__ import annotations

from dataclasses import dataclass

from syncline.model.policies import Overlap

__all__ = ["Turn", "turn_of"]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What becomes of a run that cannot begin now.

    Attributes:
        waits: whether it waits for its turn; else it is skipped.
        asks: whether the one at work is asked to end for it.
        reason: why, in words.
    """

    waits: bool
    asks: bool = False
    reason: str


def turn_of(overlap: Overlap, *, running: str | None, waiting: str | None, catches_up: bool = False) -> Turn:
    """Decide by the policy.

    Args:
        overlap: the source's policy.
        running: the session at work; None where another one is only about to begin.
        waiting: the session that waits already and goes before this one; None where none does.
        catches_up: whether it is one of several late runs that all have their turn.
    """
    if catches_up:
        first = running or waiting
        return Turn(waits=True, reason=f"catch-up: {f'session {first}' if first else 'an earlier run'} goes first")
    if waiting is not None and (overlap is not Overlap.SKIP or running is None):
        runs = "overlap: " if running is None else f"overlap: session {running} runs, and "
        return Turn(waits=False, reason=f"{runs}session {waiting} waits")
    met = f"overlap: {'another session' if running is None else f'session {running}'}"
    if overlap is Overlap.CANCEL_RUNNING:
        return Turn(waits=True, asks=running is not None, reason=f"{met} was asked to end")
    return Turn(waits=overlap is Overlap.QUEUE, reason=f"{met} is running")
