"""What a user may set for an account: how often it is synced and when, what of it, and who is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from syncline.errors import ConfigurationError, FieldError
from syncline.jobs import notify_urls
from syncline.kernel_settings import AccountsSettings
from syncline.local_time import check_zone
from syncline.model.account_kind import AccountKind

__all__ = ["AccountSettings", "Day", "MarketHours", "changed", "checked", "external_id", "read", "shown"]

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_Hour = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
_Seconds = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
_Strict = Annotated[bool, Field(strict=True)]
_INTERVALS = ("frequency_seconds", "off_hours_frequency_seconds", "stale_seconds")
_MOST_CHAINS, _MOST_TOKENS, _MOST_URLS = 50, 500, 10


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class MarketHours(_Frozen):
    """When the market is open, in the account's time zone; over midnight where it ends no later than it begins."""

    from_: _Hour = Field(alias="from", description="such as 09:00")
    to: _Hour = Field(description="such as 17:00; not open any more then")
    days: tuple[Day, ...] | None = Field(default=None, min_length=1, description="left out: every day")


class AccountSettings(_Frozen):
    """Settings of an account; what is left out is as the source has it."""

    frequency_seconds: _Seconds | None = Field(default=None, description="between two syncs in market hours")
    off_hours_frequency_seconds: _Seconds | None = Field(default=None, description="between two syncs outside them")
    timezone: str | None = Field(default=None, max_length=64, description="of the market hours, such as Europe/Berlin")
    market_hours: MarketHours | None = None
    weekends: _Strict | None = Field(default=None, description="whether weekends have market hours too")
    stale_seconds: _Seconds | None = Field(default=None, description="data that is older is synced first")
    chains: tuple[Annotated[int, Field(strict=True, ge=1)], ...] | None = Field(
        default=None, max_length=_MOST_CHAINS, description="ids of the chains to follow; left out: all"
    )
    tokens: dict[str, tuple[str, ...]] | None = Field(
        default=None, max_length=_MOST_CHAINS, description="tokens to look at, by the chain's id"
    )
    notify_urls: tuple[str, ...] | None = Field(
        default=None, max_length=_MOST_URLS, repr=False, description="Apprise URLs; secret, so they are shown masked"
    )


def read(stored: Mapping[str, Any]) -> AccountSettings:
    """The settings of a stored account; names that this version does not know are left out."""
    return AccountSettings.model_validate(
        {name: stored[name] for name in AccountSettings.model_fields if name in stored}
    )


def shown(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The stored settings as they may be shown: notification URLs by their scheme alone."""
    urls = stored.get("notify_urls")
    return {**stored, "notify_urls": [notify_urls.masked(url) for url in urls]} if urls else dict(stored)


def changed(
    stored: Mapping[str, Any], wanted: Mapping[str, Any], kind: AccountKind, limits: AccountsSettings
) -> dict[str, Any]:
    """The stored settings with what is `wanted` of them: each name has the new value, None takes it away.

    Raises:
        FieldError: as of `checked`.
    """
    return checked({**stored, **wanted}, kind, limits)


def checked(wanted: Mapping[str, Any], kind: AccountKind, limits: AccountsSettings) -> dict[str, Any]:
    """These settings as they are stored, without those that are None.

    Raises:
        FieldError: a name is unknown, or a value cannot be used; it names `settings.NAME`.
    """
    given = {name: value for name, value in wanted.items() if value is not None}
    for name in given:
        if name not in kind.known_settings:
            raise FieldError(f"settings.{name}", _unknown(name, kind))
    try:
        found = AccountSettings.model_validate_json(json.dumps(given))
    except ValidationError as error:
        raise _field_error(error) from None
    _check_intervals(found, limits)
    _check_zone(found)
    _check_urls(found, limits)
    dumped = found.model_dump(mode="json", by_alias=True, exclude_none=True)
    stored = {name: _plain(value) if isinstance(value, float) else value for name, value in dumped.items()}
    return {**stored, "tokens": _tokens(found.tokens, kind)} if found.tokens else stored


def external_id(text: str, kind: AccountKind) -> str:
    """What the provider calls the account, in the form that is stored.

    Raises:
        FieldError: it cannot be; it names `external_id`.
    """
    return _canonical("external_id", text, kind)


def _canonical(field: str, text: str, kind: AccountKind, *, token: bool = False) -> str:
    form = kind.canonical_token if token else kind.canonical
    try:
        return text if form is None else form(text)
    except (ValueError, ConfigurationError) as error:
        raise FieldError(field, str(error)) from None


def _unknown(name: str, kind: AccountKind) -> str:
    known = sorted(kind.known_settings)
    nearest = get_close_matches(name.lower(), known, n=1)
    return f"is no setting; did you mean {nearest[0]}?" if nearest else f"is no setting; there are: {', '.join(known)}"


def _field_error(error: ValidationError) -> FieldError:
    """The first thing that is wrong, by its name; the value is not repeated."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return FieldError(f"settings.{where}", first["msg"].removeprefix("Input ").removeprefix("Value error, "))


def _plain(value: float) -> float:
    """A whole number without a point, as it was written."""
    return int(value) if value.is_integer() else value


def _check_intervals(found: AccountSettings, limits: AccountsSettings) -> None:
    least, most = limits.min_interval_seconds, limits.max_interval_seconds
    for name in _INTERVALS:
        value: float | None = getattr(found, name)
        if value is not None and not least <= value <= most:
            raise FieldError(f"settings.{name}", f"must lie between {least:g} and {most:g} seconds, but is {value:g}")


def _check_zone(found: AccountSettings) -> None:
    if found.timezone is not None:
        try:
            check_zone(found.timezone)
        except ConfigurationError as error:
            raise FieldError("settings.timezone", str(error)) from None


def _check_urls(found: AccountSettings, limits: AccountsSettings) -> None:
    for number, url in enumerate(found.notify_urls or ()):
        try:
            notify_urls.check(url, private_allowed=limits.notify_private_hosts)
        except ValueError as error:
            raise FieldError(f"settings.notify_urls.{number}", str(error)) from None


def _tokens(given: Mapping[str, tuple[str, ...]], kind: AccountKind) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for chain, tokens in given.items():
        field = f"settings.tokens.{chain[:20]}"
        if not (chain.isascii() and chain.isdecimal() and int(chain) > 0):
            raise FieldError(field, 'must be the id of a chain, as in {"1": ["0x…"]}')
        found[chain] = list(dict.fromkeys(_canonical(field, token, kind, token=True) for token in tokens))
    if sum(map(len, found.values())) > _MOST_TOKENS:
        raise FieldError("settings.tokens", f"are {_MOST_TOKENS} at most")
    return found
