"""The settings that every instance has, whatever its sources are; those of a domain stand in its package."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from syncline.errors import ConfigurationError, MissingSettingError
from syncline.host_names import HostNames, Networks, listed

__all__ = [
    "PREFECT_USER",
    "SECRET_BYTES",
    "AccountsSettings",
    "KeepSettings",
    "KernelSettings",
    "UpstreamSettings",
    "base_url_setting",
]


PREFECT_USER = "syncline"
"""The user's name at our own Prefect server."""
SECRET_BYTES = 32
"""The least length of a secret that admits callers: as long as the hash of HS256 (RFC 7518, section 3.2)."""


class UpstreamSettings(BaseModel):
    """Where an upstream is and how it knows us: `SYNCLINE_UPSTREAMS__NAME__…`."""

    base_url: str | None = None
    token: SecretStr | None = None
    username: str | None = None
    password: SecretStr | None = None
    user_id: str | None = None
    """Whose data is read, where the upstream's paths name a user."""


class KeepSettings(BaseModel):
    """How long history is kept: `SYNCLINE_KEEP__…`; counters and totals are always kept."""

    sessions_days: float = Field(default=30, gt=0)
    newest_sessions: int = Field(default=100, ge=20)
    """So many of each source and status are kept however old they are: status and health read the last 20."""
    rejects_days: float = Field(default=30, gt=0)
    holds_days: float = Field(default=30, gt=0)
    """Counted from their end."""
    audit_days: float = Field(default=365, gt=0)
    results_days: float = Field(default=7, gt=0)
    """What Prefect keeps of failed runs, each in a file of its own."""


class AccountsSettings(BaseModel):
    """What users may ask for their accounts: `SYNCLINE_ACCOUNTS__…`."""

    min_interval_seconds: float = Field(default=60, ge=1)
    """The shortest interval that an account may have."""
    max_interval_seconds: float = Field(default=604_800, ge=1)
    """The longest; also of the age at which its data counts as stale."""
    calls_per_minute: int = Field(default=30, ge=1)
    """How often a user may add an account, and as often ask for a sync."""
    touches_per_minute: int = Field(default=120, ge=1)
    """How often a user's application may say that the user is active."""
    listeners_per_user: int = Field(default=5, ge=1)
    """How many event streams a user may have open at once."""
    notify_private_hosts: bool = False
    """Whether users may have notifications sent to hosts of this machine and its networks."""

    @model_validator(mode="after")
    def _is_an_interval(self) -> Self:
        if self.min_interval_seconds > self.max_interval_seconds:
            raise ValueError("min_interval_seconds must not be above max_interval_seconds")
        return self


class KernelSettings(BaseSettings):
    """The settings that belong to no domain; `syncline.settings.Settings` adds those of the domains and reads them.

    `SYNCLINE_` precedes the name of each variable, except where a name of its own is given.
    """

    model_config = SettingsConfigDict(
        env_prefix="SYNCLINE_", env_nested_delimiter="__", extra="ignore", populate_by_name=True
    )

    home: Path = Path(".syncline")
    """State of this instance: database, Prefect's home, secrets, logs."""
    database_url: str | None = Field(default=None, repr=False)
    """`postgresql://user:password@host/name` or `sqlite:///path`; SQLite in `home` unless set."""
    database_lock_seconds: float = Field(default=30, gt=0, le=3600)
    """How long a transaction waits for a lock that another one holds."""
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
    alert_urls: SecretStr | None = None
    """Where alerts are sent: Apprise URLs, with spaces between them."""
    upstreams: dict[str, UpstreamSettings] = Field(default_factory=dict[str, UpstreamSettings])
    keep: KeepSettings = KeepSettings()
    """How long history is kept."""
    accounts: AccountsSettings = AccountsSettings()
    """What users may ask for their accounts."""

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
    def alert_receivers(self) -> tuple[str, ...]:
        """The Apprise URLs of those who are told of alerts; secrets, as most have a token in them."""
        return () if self.alert_urls is None else tuple(self.alert_urls.get_secret_value().split())

    @property
    def prefect_api(self) -> str:
        """The URL of Prefect's API."""
        return self.prefect_api_url or f"http://127.0.0.1:{self.prefect_port}/api"

    @property
    def prefect_auth(self) -> str | None:
        """`user:password` for Prefect's API; None if it asks for none.

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
        """The settings of the upstream `name`; all unset if nothing was said of it."""
        return self.upstreams.get(name.lower(), UpstreamSettings())

    def missing(self, name: str) -> str | None:
        """The setting that would say where the upstream `name` is; None if it does."""
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
