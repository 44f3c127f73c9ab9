"""What a source with accounts says of them: how their provider names them, and what their users may set."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

__all__ = ["COMMON_SETTINGS", "AccountKind"]

COMMON_SETTINGS = frozenset(
    {"frequency_seconds", "off_hours_frequency_seconds", "timezone", "market_hours", "weekends", "stale_seconds"}
    | {"notify_urls"}
)
"""The settings that accounts of each kind have; `syncline.jobs.account_settings` says what they mean."""


def _as_it_is(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text.strip()


def _nothing(settings: object) -> None:
    del settings


@dataclass(frozen=True, kw_only=True)
class AccountKind:
    """The accounts of a source, as the kernel needs to know them.

    Attributes:
        noun: what one is called, for people: `wallet`.
        canonical: the one form of an external id that is stored; raises ConfigurationError or ValueError, whose text
            says what is wrong with it.
        canonical_token: the same of the tokens in the setting `tokens`; None: there is no such setting.
        settings: the names of the settings that they have beside `COMMON_SETTINGS`.
        can_be_added: whether users add them by their external id; else by a login of their own.
        has_parts: whether a sync may be of single parts of one, as of some of its calendars.
        upstreams: the names of upstreams that are asked for them, as settings name them.
        connect: opens what syncs them: called with the store and the settings, it gives an async context manager of a
            `syncline.jobs.work.AccountSync`.
        freshness: how fresh they are kept, by the settings: a `syncline.jobs.due.Freshness`.
        missing: the setting without which none of them can be synced, by the settings; None: nothing is missing.
        disabled_by: the setting that says that they are not synced by themselves; None: they are.
    """

    noun: str = "account"
    canonical: Callable[[str], str] = _as_it_is
    canonical_token: Callable[[str], str] | None = None
    settings: frozenset[str] = frozenset()
    can_be_added: bool = True
    has_parts: bool = False
    upstreams: tuple[str, ...] = ()
    connect: Callable[[Any, Any], AbstractAsyncContextManager[Any]] | None = None
    freshness: Callable[[Any], Any] | None = None
    missing: Callable[[Any], str | None] = _nothing
    disabled_by: Callable[[Any], str | None] = _nothing

    @property
    def known_settings(self) -> frozenset[str]:
        """The names of all settings that they have."""
        return COMMON_SETTINGS | self.settings
