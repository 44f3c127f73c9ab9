"""One typed object for everything that is set from outside, read once and passed down.

It is put together here, above the domains: the kernel's settings and those of each domain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import environ
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from syncline.contests.settings import INTERVAL_VARIABLES, ContestSettings
from syncline.env_files import check_file, line_of, names_in, typos
from syncline.errors import ConfigurationError
from syncline.held_file import is_held
from syncline.kernel_settings import (
    PREFECT_USER,
    SECRET_BYTES,
    AccountsSettings,
    KeepSettings,
    KernelSettings,
    UpstreamSettings,
    base_url_setting,
)
from syncline.portfolios.periodic import PeriodicSettings
from syncline.portfolios.prices_settings import PriceSettings, WithPrices, price_setting
from syncline.portfolios.settings import ChainSettings, PortfolioSettings, chain_setting

__all__ = [
    "INTERVAL_VARIABLES",
    "PREFECT_USER",
    "SECRET_BYTES",
    "KeepSettings",
    "Settings",
    "UpstreamSettings",
    "base_url_setting",
    "load_settings",
    "misspelt",
]


class _Home(BaseSettings):
    """Where the state folder is: known before the files in it are read, at the cost of one field."""

    model_config = SettingsConfigDict(env_prefix="SYNCLINE_", extra="ignore")

    home: Path = Path(".syncline")


class Settings(WithPrices, PortfolioSettings, ContestSettings, PeriodicSettings, KernelSettings):  # pyright: ignore[reportIncompatibleVariableOverride] - pydantic joins them
    """The settings of one instance; each is an environment variable, or a line of `.env`.

    Secrets that `syncline up` made stand in `HOME/secrets.env`; a variable of the environment wins over `.env`, which
    wins over these. While `syncline up` lives, where it listens stands in `HOME/up.env`, and what a demo simulates in
    `HOME/demo.env`; they win over both files, and count for nothing afterwards.
    """

    @property
    def intervals(self) -> Mapping[str, float]:
        """The seconds between runs of each source whose interval is set."""
        set_ms = {source: getattr(self, variable.lower()) for source, variable in INTERVAL_VARIABLES.items()}
        return {source: ms / 1_000 for source, ms in set_ms.items() if ms is not None}


def load_settings() -> Settings:
    """Read the environment, `.env` and the generated secrets; also what a `syncline up` says that runs now.

    Raises:
        ConfigurationError: a value cannot be used, or a file not be read; the message names the variable or the file.
    """
    files: list[Path] = [Path(".env")]
    try:
        check_file(files[0])
        home = _Home(_env_file=files).home  # pyright: ignore[reportCallIssue] - as of `_read`
        running = [file for file in (home / "up.env", home / "demo.env") if is_held(file)]  # else a killed one's
        files = [home / "secrets.env", Path(".env"), *running]
        for file in files:
            check_file(file)
        return _read(*files)
    except ValidationError as error:
        raise ConfigurationError(_first_problem(error, files)) from None
    except SettingsError as error:  # a value that must be JSON is not; the error does not repeat it
        raise ConfigurationError(f"SYNCLINE_…: {error}") from None
    except OSError as error:
        raise ConfigurationError(f"{error.filename} cannot be read: {error.strerror}") from None


def misspelt(settings: Settings) -> Iterator[str]:
    """A sentence for each variable that looks like a setting and is none, with the nearest that there is."""
    files = (Path(".env"), settings.secrets_file)
    found = typos(_names(settings), environ, {file: names_in(file) for file in files})
    for name, where, nearest in found:
        yield f"{name} ({where}) is no setting, and is ignored: did you mean {nearest}?"


def _names(settings: Settings) -> Iterator[str]:
    """The names of all settings; of upstreams those that any variable names, with each of their fields."""
    yield from ("SYNCLINE_DEBUG", *(f"SYNCLINE_{name}" for name in Settings.model_fields))
    yield from (f"SYNCLINE_KEEP__{name}" for name in KeepSettings.model_fields)
    yield from (price_setting(field) for field in PriceSettings.model_fields)
    yield from (f"SYNCLINE_ACCOUNTS__{name}" for name in AccountsSettings.model_fields)
    for name in settings.upstreams:
        yield from (f"SYNCLINE_UPSTREAMS__{name}__{field}" for field in UpstreamSettings.model_fields)
    for chain_id in settings.chains:
        yield from (chain_setting(chain_id, field) for field in ChainSettings.model_fields)


def _read(*files: Path | str) -> Settings:
    """The environment and `files`, of which the later ones win."""
    return Settings(_env_file=files)  # pyright: ignore[reportCallIssue] - a keyword of pydantic-settings


def _first_problem(error: ValidationError, files: Sequence[Path]) -> str:
    """One line for the first wrong value, by the name that its user wrote; the value itself is not shown."""
    first = error.errors(include_input=False, include_url=False)[0]
    name = "__".join(str(part) for part in first["loc"]).upper()
    own_names = [field.validation_alias for field in Settings.model_fields.values()]
    prefix = "" if name in own_names else "SYNCLINE_"
    said = first["msg"].lower().removeprefix("value error, ")
    return f"{_place(prefix + name, files)}{prefix}{name}: {said}"


def _place(name: str, files: Sequence[Path]) -> str:
    """The file and line that set `name`, where it is not the environment, which goes before files."""
    if any(one.upper() == name for one in environ):
        return ""
    lines = [(file, line) for file in files if (line := line_of(file, name)) is not None]
    return f"{lines[-1][0]}, line {lines[-1][1]}: " if lines else ""
