"""The environment of whatever talks to Prefect, and of the processes that `syncline up` starts."""

from __future__ import annotations

import os
import warnings
import zoneinfo
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import cast

from pydantic import SecretStr

from syncline import tracking
from syncline.collector import collect_rarely
from syncline.errors import SynclineError
from syncline.portfolios.settings import ChainSettings, chain_setting
from syncline.settings import INTERVAL_VARIABLES, Settings, UpstreamSettings, load_settings

__all__ = ["FIRST_RUNS_VARIABLE", "PREFECT_HOST", "enter", "prefect_env", "runner_env", "server_env", "settings_env"]

PREFECT_HOST = "127.0.0.1"
"""Where our own Prefect server listens, whatever `SYNCLINE_HOST` says: it has no TLS, and one password for all."""
FIRST_RUNS_VARIABLE = "SYNCLINE_FIRST_RUNS"
"""Names the start of `syncline up`: a runner that is started again makes no first runs anew."""
_NO_AUTHORITY = Path(__file__).with_name("no_authority.pem")
_OWNER_ALONE = 0o077
"""What files and folders lack: everything for others than their owner."""


def enter() -> None:
    """Prepare this process, before it imports Prefect, which reads the environment then and makes its home.

    Its files are readable by their owner alone. Where the settings cannot be read, the command that needs them says so.
    Where the instance has no home yet, Prefect has none either, which is no reason to warn.
    """
    collect_rarely()
    os.umask(_OWNER_ALONE)
    warnings.filterwarnings("ignore", message="Failed to create the Prefect home directory")
    tracking.refuse()
    _remember_zone_names()
    try:
        os.environ.update(prefect_env(load_settings()))
    except SynclineError:
        home = Path(os.environ.get("SYNCLINE_HOME", ".syncline"))
        os.environ["PREFECT_HOME"] = str((home / "prefect").absolute())


def _remember_zone_names() -> None:
    """Have the names of all time zones read once: Prefect asks for them at each schedule that it reads.

    `zoneinfo` opens 600 files each time, which takes 11 CPU ms, and was a third of what an idle server took.
    """
    read = cache(zoneinfo.available_timezones)

    def available_timezones() -> set[str]:
        return set(read())

    if zoneinfo.available_timezones.__module__ != __name__:
        zoneinfo.available_timezones = available_timezones


def prefect_env(settings: Settings) -> dict[str, str]:
    """What each client of Prefect needs: where its server is and how to log in, its home, and to send no usage data."""
    auth = {} if settings.prefect_auth is None else {"PREFECT_API_AUTH_STRING": settings.prefect_auth}
    return {
        **tracking.REFUSED,
        **auth,
        **(_own_server_env() if settings.prefect_api_url is None else {}),
        "PREFECT_API_URL": settings.prefect_api,
        "PREFECT_CLIENT_RETRY_EXTRA_CODES": os.environ.get(
            "PREFECT_CLIENT_RETRY_EXTRA_CODES", "500"
        ),  # from a busy server
        "PREFECT_HOME": str((settings.home / "prefect").absolute()),
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    }


def _own_server_env() -> dict[str, str]:
    """What clients of our own server need not do: it speaks no TLS, asks for no CSRF token, and is of their version.

    Each client reads the file of all authorities before it knows whether it needs them, which takes 25 CPU ms, and a
    run makes a dozen clients. So they are given a file with a single one, that nothing has a certificate of.
    """
    return {
        "PREFECT_API_SSL_CERT_FILE": str(_NO_AUTHORITY),
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
        "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    }


def server_env(settings: Settings) -> dict[str, str]:
    """What Prefect's server needs on top.

    Its recorders' batches are those that keep up with SQLite; leases are kept in files, because those in memory are
    lost with the server, and their slots with them. The pages of its UI are written into the home (they would be
    written into the installed package), and ask the server that they come from, by whatever name the browser calls it.
    """
    auth = settings.prefect_auth
    guarded = {} if auth is None else {"PREFECT_SERVER_API_AUTH_STRING": auth}
    port = settings.prefect_port
    return {
        **prefect_env(settings),
        **guarded,
        "PREFECT_SERVER_API_HOST": PREFECT_HOST,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://{PREFECT_HOST}:{port},http://localhost:{port}",
        "PREFECT_SERVER_UI_API_URL": "/api",
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str((settings.home / "prefect" / "ui").absolute()),
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "false",  # its password comes in a header, not in a cookie
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    }


def runner_env() -> dict[str, str]:
    """What the runner needs on top: it looks every second, and is one of those that share this start's first runs."""
    return {"PREFECT_RUNNER_POLL_FREQUENCY": "1", FIRST_RUNS_VARIABLE: f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"}


def settings_env(settings: Settings) -> dict[str, str]:
    """`settings` as the variables from which another process reads the same, wherever it is started."""
    values = {
        "SYNCLINE_HOME": str(settings.home.absolute()),
        "SYNCLINE_DATABASE_URL": settings.database_url,
        "SYNCLINE_FORK_RUNS": str(settings.fork_runs).lower(),
        "SYNCLINE_FORK_LOOKS": str(settings.fork_looks).lower(),
        "SYNCLINE_HOST": settings.host,
        "SYNCLINE_ALLOWED_HOSTS": settings.allowed_hosts,
        "SYNCLINE_TRUSTED_PROXIES": settings.trusted_proxies,
        "SYNCLINE_WEB_PORT": str(settings.web_port),
        "SYNCLINE_PREFECT_PORT": str(settings.prefect_port),
        "SYNCLINE_PREFECT_API_URL": settings.prefect_api_url,
        "SYNCLINE_PREFECT_SECRET": _told(settings.prefect_secret),
        "SYNCLINE_PREFECT_API_AUTH": _told(settings.prefect_api_auth),
        "SYNCLINE_SANDBOX_PORT": str(settings.sandbox_port),
        "SYNCLINE_ROUND_SECONDS": None if settings.round_seconds is None else f"{settings.round_seconds:g}",
        "SYNCLINE_SNAPSHOT_URL": settings.snapshot_url,
        "SYNCLINE_SNAPSHOT_SECRET": _told(settings.snapshot_secret),
        "SYNCLINE_ALERT_URLS": _told(settings.alert_urls),
    }
    values |= {INTERVAL_VARIABLES[source]: f"{1_000 * every:.0f}" for source, every in settings.intervals.items()}
    for name, upstream in settings.upstreams.items():
        values |= {f"SYNCLINE_UPSTREAMS__{name.upper()}__{key}": value for key, value in _spelled(upstream).items()}
    for chain_id, chain in settings.chains.items():
        values |= {chain_setting(chain_id, field): value for field, value in _spelled_chain(chain).items()}
    return {name: value for name, value in values.items() if value is not None}


def _spelled_chain(chain: ChainSettings) -> dict[str, str]:
    """What is set of a chain, as its variables say it."""
    known = {name: getattr(chain, name) for name in chain.model_fields_set}
    return {name: _spelled_value(value) for name, value in known.items() if value is not None}


def _spelled_value(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return " ".join(map(str, cast("tuple[object, ...]", value))) if isinstance(value, tuple) else str(value)


def _spelled(upstream: UpstreamSettings) -> dict[str, str | None]:
    return {
        "BASE_URL": upstream.base_url,
        "TOKEN": _told(upstream.token),
        "USERNAME": upstream.username,
        "PASSWORD": _told(upstream.password),
        "USER_ID": upstream.user_id,
    }


def _told(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
