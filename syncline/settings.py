"""One typed object for everything that is set from outside, read once and passed down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import environ
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from syncline.env_files import check_file, line_of, names_in, typos
from syncline.errors import ConfigurationError, MissingSettingError
from syncline.held_file import is_held
from syncline.host_names import HostNames, Networks, listed
from syncline.settings_groups import KeepSettings, UpstreamSettings

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


INTERVAL_VARIABLES: Mapping[str, str] = {
    "twitter_poller": "TWITTER_POLL_INTERVAL",
    "validate_entries": "VALIDATE_ENTRIES_INTERVAL",
    "fast_delete_sweep": "FAST_DELETE_SWEEP_INTERVAL",
}
"""The variable that sets a source's interval; each is the field of its name in lower case."""
PREFECT_USER = "syncline"
"""The user's name at our own Prefect server."""
_WEEK_MS = 7 * 86_400_000
"""The longest interval, as of `syncline start --every`."""
SECRET_BYTES = 32
"""The least length of a secret that opens a door: as long as the hash of HS256 (RFC 7518, section 3.2)."""


class _Home(BaseSettings):
    """Where the state folder is: known before the files in it are read, at the cost of one field."""

    model_config = SettingsConfigDict(env_prefix="SYNCLINE_", extra="ignore")

    home: Path = Path(".syncline")


class Settings(BaseSettings):
    """The settings of one instance; each is an environment variable, or a line of `.env`.

    `SYNCLINE_` precedes each name, except where a name of its own is given. Secrets that `syncline up` made stand in
    `HOME/secrets.env`; a variable of the environment wins over `.env`, which wins over these. While `syncline up`
    lives, where it listens stands in `HOME/up.env`, and what a demo simulates in `HOME/demo.env`; they win over both
    files, and count for nothing afterwards.
    """

    model_config = SettingsConfigDict(
        env_prefix="SYNCLINE_", env_nested_delimiter="__", extra="ignore", populate_by_name=True
    )

    home: Path = Path(".syncline")
    """State of this instance: database, Prefect's home, secrets, logs."""
    database_url: str | None = Field(default=None, repr=False)
    """`postgresql://user:password@host/name` or `sqlite:///path`; SQLite in `home` unless set."""
    database_lock_seconds: float = Field(default=30, gt=0, le=3600)
    """How long a transaction waits for a lock that somebody else holds."""
    database_statement_seconds: float = Field(default=300, gt=0, le=86_400)
    """How long one statement may work on PostgreSQL; migrations may take longer."""
    database_idle_seconds: float = Field(default=25, gt=0, le=3600)
    """How long a transaction may stand still on PostgreSQL: a vanished machine holds what it holds no longer."""
    fork_runs: bool = True
    """Whether a run's process is forked from one that has imported everything, where the system can; else spawned."""
    fork_looks: bool = True
    """Whether `syncline status` and the like are forked from that process too, while it is there."""
    host: str = "127.0.0.1"
    """The address to listen on."""
    allowed_hosts: HostNames = ""
    """Further names by which browsers and programs reach the web app, divided by commas; others are refused (421)."""
    trusted_proxies: Networks = ""
    """Addresses or networks of reverse proxies, divided by commas: whom their X-Forwarded-For names is the caller."""
    web_port: int = Field(default=8080, ge=1, le=65535)
    prefect_port: int = Field(default=4200, ge=1, le=65535)
    prefect_api_url: str | None = None
    """Another Prefect server's API; unset, `syncline up` runs its own on `prefect_port`."""
    prefect_secret: SecretStr | None = None
    """The password of our own Prefect server, for the user `syncline`."""
    prefect_api_auth: SecretStr | None = None
    """What the server at `prefect_api_url` asks for: `user:password`."""
    sandbox_port: int = Field(default=8090, ge=1, le=65535)
    jwt_secret: SecretStr | None = None
    """Signs and checks the API's tokens (HS256)."""
    cron_secret: SecretStr | None = Field(default=None, validation_alias="CRON_SECRET")
    internal_api_key: SecretStr | None = Field(default=None, validation_alias="INTERNAL_API_KEY")
    snapshot_url: str | None = Field(default=None, repr=False)
    """Where snapshots go, as webhooks."""
    snapshot_secret: SecretStr | None = None
    """Signs them: base64, with or without `whsec_` before it."""
    alert_urls: SecretStr | None = None
    """Who is told of alerts: Apprise URLs, with spaces between them."""
    round_seconds: float | None = Field(default=None, ge=60)
    """How long a round of the contest lasts; unset: until somebody freezes it, or says when it ends."""
    twitter_poll_interval: int | None = Field(
        default=None, ge=1_000, le=_WEEK_MS, validation_alias="TWITTER_POLL_INTERVAL"
    )
    """Milliseconds between runs of `twitter_poller`, in place of prefect.yaml; the next two are alike."""
    validate_entries_interval: int | None = Field(
        default=None, ge=1_000, le=_WEEK_MS, validation_alias="VALIDATE_ENTRIES_INTERVAL"
    )
    fast_delete_sweep_interval: int | None = Field(
        default=None, ge=1_000, le=_WEEK_MS, validation_alias="FAST_DELETE_SWEEP_INTERVAL"
    )
    upstreams: dict[str, UpstreamSettings] = Field(default_factory=dict[str, UpstreamSettings])
    keep: KeepSettings = KeepSettings()
    """How long history is kept."""

    @property
    def database(self) -> str:
        """The database's URL, for SQLAlchemy."""
        if self.database_url is None:
            return f"sqlite:///{(self.home / 'syncline.db').absolute()}"
        scheme, separator, rest = self.database_url.partition("://")
        if scheme in {"postgres", "postgresql"}:
            return f"postgresql+psycopg{separator}{rest}"
        return self.database_url

    @property
    def allowed_host_names(self) -> frozenset[str]:
        """`allowed_hosts`, one by one, in lower case."""
        return frozenset(name.lower() for name in listed(self.allowed_hosts))

    @property
    def trusted_proxy_networks(self) -> tuple[str, ...]:
        """`trusted_proxies`, one by one."""
        return listed(self.trusted_proxies)

    @property
    def intervals(self) -> Mapping[str, float]:
        """The seconds between runs of each source whose interval is set."""
        set_ms = {source: getattr(self, variable.lower()) for source, variable in INTERVAL_VARIABLES.items()}
        return {source: ms / 1_000 for source, ms in set_ms.items() if ms is not None}

    @property
    def alert_receivers(self) -> tuple[str, ...]:
        """The Apprise URLs of those who are told of alerts; secrets, as most have a token in them."""
        return () if self.alert_urls is None else tuple(self.alert_urls.get_secret_value().split())

    @property
    def prefect_api(self) -> str:
        """The URL of Prefect's API."""
        return self.prefect_api_url or f"http://127.0.0.1:{self.prefect_port}/api"

    @property
    def prefect_auth(self) -> str | None:
        """`user:password` for Prefect's API; None where it asks for none.

        The secret of our own server is never sent to another one.
        """
        if self.prefect_api_url is not None:
            return None if self.prefect_api_auth is None else self.prefect_api_auth.get_secret_value()
        return None if self.prefect_secret is None else f"{PREFECT_USER}:{self.prefect_secret.get_secret_value()}"

    @field_validator("prefect_secret", "prefect_api_auth")
    @classmethod
    def _is_header_text(cls, secret: SecretStr | None) -> SecretStr | None:
        text = "" if secret is None else secret.get_secret_value()
        if not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError("must be ASCII letters, digits and signs, without spaces")
        return secret

    @property
    def secrets_file(self) -> Path:
        """Where `syncline up` keeps the secrets that it made."""
        return self.home / "secrets.env"

    @property
    def up_file(self) -> Path:
        """Where a running `syncline up` says on which address and ports it listens."""
        return self.home / "up.env"

    @property
    def demo_file(self) -> Path:
        """Where a running demo says what it simulates."""
        return self.home / "demo.env"

    def upstream(self, name: str) -> UpstreamSettings:
        """The settings of the upstream `name`; all unset where nothing was said of it."""
        return self.upstreams.get(name.lower(), UpstreamSettings())

    def missing(self, name: str) -> str | None:
        """The setting that would say where the upstream `name` is; None where it does."""
        return base_url_setting(name) if self.upstream(name).base_url is None else None

    def base_url(self, name: str) -> str:
        """The base URL of the upstream `name`, without a slash at its end.

        Raises:
            MissingSettingError: it is not set.
        """
        url, setting = self.upstream(name).base_url, base_url_setting(name)
        if url is None:
            raise MissingSettingError(setting, f"where is the upstream {name!r}? (for a demo: `make demo`)")
        if not url.startswith(("http://", "https://")):
            raise ConfigurationError(f"{setting} must begin with http:// or https://, but begins with {url[:8]!r}")
        return url.rstrip("/")

    def user_id(self, name: str) -> str:
        """The user whose data the upstream `name` is asked for.

        Raises:
            MissingSettingError: it is not set.
        """
        found = self.upstream(name).user_id
        if found is None:
            setting = f"SYNCLINE_UPSTREAMS__{name.upper()}__USER_ID"
            raise MissingSettingError(setting, f"whose data is {name!r} asked for? (the number of the account)")
        return found


def base_url_setting(upstream: str) -> str:
    """The variable that says where `upstream` is."""
    return f"SYNCLINE_UPSTREAMS__{upstream.upper()}__BASE_URL"


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
    except SettingsError as error:  # no JSON where that is expected; its text does not repeat the value
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
    for name in settings.upstreams:
        yield from (f"SYNCLINE_UPSTREAMS__{name}__{field}" for field in UpstreamSettings.model_fields)


def _read(*files: Path | str) -> Settings:
    """The environment and `files`, of which the later ones win."""
    return Settings(_env_file=files)  # pyright: ignore[reportCallIssue] - a keyword of pydantic-settings


def _first_problem(error: ValidationError, files: Sequence[Path]) -> str:
    """One line for the first wrong value, by the name that its user wrote; the value itself is not shown."""
    first = error.errors(include_input=False, include_url=False)[0]
    name = "__".join(str(part) for part in first["loc"]).upper()
    prefix = "" if name in {"CRON_SECRET", "INTERNAL_API_KEY", *INTERVAL_VARIABLES.values()} else "SYNCLINE_"
    said = first["msg"].lower().removeprefix("value error, ")
    return f"{_place(prefix + name, files)}{prefix}{name}: {said}"


def _place(name: str, files: Sequence[Path]) -> str:
    """The file and line that set `name`, where it is not the environment, which goes before files."""
    if any(one.upper() == name for one in environ):
        return ""
    lines = [(file, line) for file in files if (line := line_of(file, name)) is not None]
    return f"{lines[-1][0]}, line {lines[-1][1]}: " if lines else ""
