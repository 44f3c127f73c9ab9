"""Periodic sync: how often wallets are read, as the environment says it (`PERIODIC_SYNC_…`), and whether it fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from syncline.errors import ConfigurationError
from syncline.jobs.due import EVERY_DAY, Freshness, MarketHours
from syncline.local_time import check_zone

__all__ = ["PRESETS", "PeriodicSettings", "Preset", "PresetName", "freshness", "misfits"]

_MS = 1_000
_DAY_MS = 86_400_000
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class PresetName(StrEnum):
    """Settings that go well together; single ones win over them."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"
    HIGH_LOAD = "high-load"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What a preset sets.

    Attributes:
        market_ms: the interval during market hours, in milliseconds.
        off_ms: the interval at other times.
        stale_ms: the age from which data is stale.
        batch: how many jobs a drain claims at once.
    """

    market_ms: int
    off_ms: int
    stale_ms: int
    batch: int


PRESETS: Mapping[PresetName, Preset] = {
    PresetName.DEVELOPMENT: Preset(market_ms=600_000, off_ms=1_800_000, stale_ms=7_200_000, batch=5),
    PresetName.PRODUCTION: Preset(market_ms=300_000, off_ms=900_000, stale_ms=3_600_000, batch=10),
    PresetName.HIGH_LOAD: Preset(market_ms=900_000, off_ms=1_800_000, stale_ms=3_600_000, batch=20),
}
"""As the seed has them, but for the last one's threshold: 30 minutes, as long as its interval, would make every account
stale at every sweep, and all of them urgent; it is an hour here."""


def _listed(value: object) -> object:
    return value.replace(",", " ").split() if isinstance(value, str) else value


_List = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]


class PeriodicSettings(BaseModel):
    """A part of `syncline.settings.Settings`, which reads it; intervals are milliseconds, as in the seed."""

    periodic_sync_enabled: bool = Field(default=True, validation_alias="PERIODIC_SYNC_ENABLED")
    """Whether wallets are read by themselves; if not, nothing new is queued, and what is under way ends."""
    periodic_sync_preset: PresetName = Field(default=PresetName.PRODUCTION, validation_alias="PERIODIC_SYNC_PRESET")
    """What holds for the settings below that are not set."""
    periodic_sync_market_hours_interval: int | None = Field(
        default=None, ge=10_000, le=_DAY_MS, validation_alias="PERIODIC_SYNC_MARKET_HOURS_INTERVAL"
    )
    """Between two syncs of an account during market hours."""
    periodic_sync_off_hours_interval: int | None = Field(
        default=None, ge=10_000, le=_DAY_MS, validation_alias="PERIODIC_SYNC_OFF_HOURS_INTERVAL"
    )
    """Between two syncs at other times."""
    periodic_sync_stale_threshold: int | None = Field(
        default=None, ge=10_000, le=7 * _DAY_MS, validation_alias="PERIODIC_SYNC_STALE_THRESHOLD"
    )
    """What was not read for so long is stale, and goes before the others."""
    periodic_sync_batch_size: int | None = Field(
        default=None, ge=1, le=1_000, validation_alias="PERIODIC_SYNC_BATCH_SIZE"
    )
    """How many accounts a drain claims at once while little is due; under load it claims more."""
    periodic_sync_active_within: int = Field(default=_DAY_MS, ge=60_000, validation_alias="PERIODIC_SYNC_ACTIVE_WITHIN")
    """An account whose user was not active for so long is left alone until the user is back."""
    periodic_sync_market_opens: time = Field(default=time(9), validation_alias="PERIODIC_SYNC_MARKET_OPENS")
    """When market hours begin, in the market's time zone."""
    periodic_sync_market_closes: time = Field(default=time(17), validation_alias="PERIODIC_SYNC_MARKET_CLOSES")
    """When they end."""
    periodic_sync_market_timezone: str = Field(default="UTC", validation_alias="PERIODIC_SYNC_MARKET_TIMEZONE")
    periodic_sync_market_days: _List = Field(default=_DAYS, validation_alias="PERIODIC_SYNC_MARKET_DAYS")
    """The days that have market hours: `mon,tue,wed,thu,fri`."""
    periodic_sync_market_holidays: _List = Field(default=(), validation_alias="PERIODIC_SYNC_MARKET_HOLIDAYS")
    """Days without market hours, as `2026-12-25,2026-12-26`."""
    periodic_sync_adaptive: bool = Field(default=False, validation_alias="PERIODIC_SYNC_ADAPTIVE")
    """Whether accounts that change more are read more often, with the same number of syncs in all."""

    @property
    def periodic_preset(self) -> Preset:
        """What holds where a setting is not set."""
        return PRESETS[self.periodic_sync_preset]

    @property
    def periodic_batch(self) -> int:
        """How many accounts a drain claims at once while little is due."""
        return self.periodic_sync_batch_size or self.periodic_preset.batch


def freshness(settings: PeriodicSettings, *, shortest_seconds: float, longest_seconds: float) -> Freshness:
    """How fresh wallets are kept.

    Raises:
        ConfigurationError: a day, a date or the time zone is none; it names the variable.
    """
    preset = settings.periodic_preset
    return Freshness(
        market_seconds=(settings.periodic_sync_market_hours_interval or preset.market_ms) / _MS,
        off_seconds=(settings.periodic_sync_off_hours_interval or preset.off_ms) / _MS,
        stale_seconds=(settings.periodic_sync_stale_threshold or preset.stale_ms) / _MS,
        active_seconds=settings.periodic_sync_active_within / _MS,
        shortest_seconds=shortest_seconds,
        longest_seconds=longest_seconds,
        market=_market(settings),
        adaptive=settings.periodic_sync_adaptive,
    )


def misfits(policy: Freshness, *, p95_seconds: float = 0) -> Iterator[str]:
    """What does not fit together, with the variable to change; `p95_seconds` is how long syncs take."""
    for seconds, hours in ((policy.market_seconds, "MARKET_HOURS"), (policy.off_seconds, "OFF_HOURS")):
        if policy.stale_seconds <= seconds + p95_seconds:
            yield (
                f"PERIODIC_SYNC_STALE_THRESHOLD ({policy.stale_seconds:g} s) is not above"
                f" PERIODIC_SYNC_{hours}_INTERVAL ({seconds:g} s) and the {p95_seconds:.0f} s that syncs take: every"
                " account would be stale, and urgent, at every sweep. Raise the one or lower the other"
            )
    if policy.off_seconds < policy.market_seconds:
        yield "PERIODIC_SYNC_OFF_HOURS_INTERVAL is shorter than PERIODIC_SYNC_MARKET_HOURS_INTERVAL: swap them"
    if policy.active_seconds <= policy.off_seconds:
        yield (
            "PERIODIC_SYNC_ACTIVE_WITHIN is not above PERIODIC_SYNC_OFF_HOURS_INTERVAL: accounts would be left alone"
            " before their second sync"
        )


def _market(settings: PeriodicSettings) -> MarketHours:
    try:
        check_zone(settings.periodic_sync_market_timezone)
    except ConfigurationError as error:
        raise ConfigurationError(f"PERIODIC_SYNC_MARKET_TIMEZONE: {error}") from None
    return MarketHours(
        opens=settings.periodic_sync_market_opens,
        closes=settings.periodic_sync_market_closes,
        timezone=settings.periodic_sync_market_timezone,
        days=_days(settings.periodic_sync_market_days),
        holidays=_holidays(settings.periodic_sync_market_holidays),
    )


def _days(names: tuple[str, ...]) -> tuple[int, ...]:
    wrong = [name for name in names if name.lower()[:3] not in _DAYS]
    if wrong:
        message = f"PERIODIC_SYNC_MARKET_DAYS: {wrong[0]!r} is no day; write them as {','.join(_DAYS[:5])}"
        raise ConfigurationError(message)
    return tuple(sorted({_DAYS.index(name.lower()[:3]) for name in names})) if names else EVERY_DAY


def _holidays(texts: tuple[str, ...]) -> frozenset[date]:
    try:
        return frozenset(map(date.fromisoformat, texts))
    except ValueError:
        message = "PERIODIC_SYNC_MARKET_HOLIDAYS must be dates, as 2026-12-25, divided by commas"
        raise ConfigurationError(message) from None
